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
            // Traced for `lt-host run --once`; without it a span is one look at a flag.
            // Only what waits is async: a host call that does not costs half as much without a future.
            "lt:scenario/timing.sleep": async | trappable | tracing | verbose_tracing,
            "lt:scenario/timing.sleep-until": async | trappable | tracing | verbose_tracing,
            "lt:scenario/http.send": async | trappable | tracing | verbose_tracing,
            "lt:scenario/http.batch": async | trappable | tracing | verbose_tracing,
            "lt:scenario/http.[method]pending.finish": async | trappable | tracing | verbose_tracing,
            "lt:scenario/coordination.[static]throttle.open": async | trappable | tracing | verbose_tracing,
            "lt:scenario/coordination.[method]throttle.wait": async | trappable | tracing | verbose_tracing,
            "lt:scenario/coordination.[method]throttle.try": async | trappable | tracing | verbose_tracing,
            "lt:scenario/coordination.[method]turn.finish": async | trappable | tracing | verbose_tracing,
            "lt:scenario/coordination.[static]meeting.open": async | trappable | tracing | verbose_tracing,
            "lt:scenario/coordination.[method]meeting.join": async | trappable | tracing | verbose_tracing,
            "lt:scenario/coordination.[method]seat.finish": async | trappable | tracing | verbose_tracing,
            "lt:scenario/coordination.send": async | trappable | tracing | verbose_tracing,
            "lt:scenario/coordination.receive": async | trappable | tracing | verbose_tracing,
            "lt:scenario/data.[method]feeder.next": async | trappable | tracing | verbose_tracing,
            "lt:scenario/data.load": async | trappable | tracing | verbose_tracing,
            "lt:scenario/data.store": async | trappable | tracing | verbose_tracing,
            "lt:scenario/data.compare-and-store": async | trappable | tracing | verbose_tracing,
            "lt:scenario/data.remove": async | trappable | tracing | verbose_tracing,
            default: trappable | tracing | verbose_tracing,
        },
        exports: { default: async },
        with: {
            "wasi:io/poll": wasmtime_wasi::p2::bindings::io::poll,
            "lt:scenario/http.response": crate::interfaces::http::ResponseHandle,
            "lt:scenario/http.pending": crate::interfaces::http::PendingHandle,
            "lt:scenario/metrics.metric": crate::interfaces::metrics::MetricHandle,
            "lt:scenario/coordination.throttle": crate::interfaces::coordination::throttle::ThrottleHandle,
            "lt:scenario/coordination.turn": crate::interfaces::coordination::throttle::TurnHandle,
            "lt:scenario/coordination.meeting": crate::interfaces::coordination::meeting::MeetingHandle,
            "lt:scenario/coordination.seat": crate::interfaces::coordination::meeting::SeatHandle,
            "lt:scenario/data.feeder": crate::interfaces::data::FeederHandle,
        },
    });
}

pub(crate) use generated::lt::scenario::{coordination, data, http, log, metrics, timing, types, user};
pub(crate) use generated::{Scenario as ScenarioWorld, ScenarioPre};
