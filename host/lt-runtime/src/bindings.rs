//! The one `bindgen!`: the contract as Rust types and traits. Re-exported by name, so that generated code has one door.

#[allow(
    clippy::all,
    clippy::pedantic,
    reason = "generated code: the WIT files are its documentation"
)]
mod generated {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "scenario",
        imports: {
            // Only what waits is async: a host call that does not costs half as much without a future.
            "lt:scenario/timing.sleep": async | trappable,
            "lt:scenario/timing.sleep-until": async | trappable,
            "lt:scenario/http.send": async | trappable,
            "lt:scenario/http.batch": async | trappable,
            "lt:scenario/http.[method]pending.finish": async | trappable,
            default: trappable,
        },
        exports: { default: async },
        with: {
            "wasi:io/poll": wasmtime_wasi::p2::bindings::io::poll,
            "lt:scenario/http.response": crate::interfaces::http::ResponseHandle,
            "lt:scenario/http.pending": crate::interfaces::http::PendingHandle,
            "lt:scenario/metrics.metric": crate::interfaces::metrics::MetricHandle,
        },
    });
}

pub(crate) use generated::lt::scenario::{http, log, metrics, timing, types, user};
pub(crate) use generated::{Scenario as ScenarioWorld, ScenarioPre};
