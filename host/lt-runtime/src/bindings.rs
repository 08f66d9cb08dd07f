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
            // Only what waits is async: a host call that does not costs half as much without a future. The generated tracing
            // stays out: its spans make frames so large that a user that waits keeps a page more of its stack (see `trace`).
            "lt:scenario/timing.sleep": async | trappable,
            "lt:scenario/timing.sleep-until": async | trappable,
            "lt:scenario/http.send": async | trappable,
            "lt:scenario/http.batch": async | trappable,
            "lt:scenario/http.[method]pending.finish": async | trappable,
            "lt:scenario/websocket.[static]socket.connect": async | trappable,
            "lt:scenario/websocket.[method]socket.send": async | trappable,
            "lt:scenario/websocket.[method]socket.ping": async | trappable,
            "lt:scenario/websocket.[method]socket.receive": async | trappable,
            "lt:scenario/websocket.[method]socket.receive-matching": async | trappable,
            "lt:scenario/websocket.[method]socket.close": async | trappable,
            "lt:scenario/xmpp.[static]session.connect": async | trappable,
            "lt:scenario/xmpp.[method]session.perform": async | trappable,
            "lt:scenario/xmpp.[method]session.send": async | trappable,
            "lt:scenario/xmpp.[method]session.send-raw": async | trappable,
            "lt:scenario/xmpp.[method]session.request": async | trappable,
            "lt:scenario/xmpp.[method]session.receive": async | trappable,
            "lt:scenario/xmpp.[method]session.acknowledge": async | trappable,
            "lt:scenario/xmpp.[method]session.close": async | trappable,
            "lt:scenario/xmpp.[method]pending.finish": async | trappable,
            "lt:scenario/coordination.[static]throttle.open": async | trappable,
            "lt:scenario/coordination.[method]throttle.wait": async | trappable,
            "lt:scenario/coordination.[method]throttle.try": async | trappable,
            "lt:scenario/coordination.[method]turn.finish": async | trappable,
            "lt:scenario/coordination.[static]meeting.open": async | trappable,
            "lt:scenario/coordination.[method]meeting.join": async | trappable,
            "lt:scenario/coordination.[method]seat.finish": async | trappable,
            "lt:scenario/coordination.send": async | trappable,
            "lt:scenario/coordination.receive": async | trappable,
            "lt:scenario/data.[method]feeder.next": async | trappable,
            "lt:scenario/data.load": async | trappable,
            "lt:scenario/data.store": async | trappable,
            "lt:scenario/data.compare-and-store": async | trappable,
            "lt:scenario/data.remove": async | trappable,
            default: trappable,
        },
        exports: { default: async },
        with: {
            "wasi:io/poll": wasmtime_wasi::p2::bindings::io::poll,
            "lt:scenario/http.response": crate::interfaces::http::ResponseHandle,
            "lt:scenario/http.pending": crate::interfaces::http::PendingHandle,
            "lt:scenario/websocket.socket": crate::interfaces::websocket::socket::SocketHandle,
            "lt:scenario/websocket.watcher": crate::interfaces::websocket::watch::WatcherHandle,
            "lt:scenario/websocket.heartbeat": crate::interfaces::websocket::heartbeat::HeartbeatHandle,
            "lt:scenario/xmpp.session": crate::interfaces::xmpp::session::SessionHandle,
            "lt:scenario/xmpp.watcher": crate::interfaces::xmpp::watch::WatcherHandle,
            "lt:scenario/xmpp.periodic": crate::interfaces::xmpp::periodic::PeriodicHandle,
            "lt:scenario/xmpp.pending": crate::interfaces::xmpp::pending::PendingHandle,
            "lt:scenario/xmpp.resumption": crate::interfaces::xmpp::resumption::ResumptionHandle,
            "lt:scenario/metrics.metric": crate::interfaces::metrics::MetricHandle,
            "lt:scenario/coordination.throttle": crate::interfaces::coordination::throttle::ThrottleHandle,
            "lt:scenario/coordination.turn": crate::interfaces::coordination::throttle::TurnHandle,
            "lt:scenario/coordination.meeting": crate::interfaces::coordination::meeting::MeetingHandle,
            "lt:scenario/coordination.seat": crate::interfaces::coordination::meeting::SeatHandle,
            "lt:scenario/coordination.audience": crate::interfaces::coordination::audience::AudienceHandle,
            "lt:scenario/data.feeder": crate::interfaces::data::FeederHandle,
        },
    });
}

pub(crate) use generated::lt::scenario::{
    coordination, data, http, log, metrics, timing, types, user, websocket, xmpp,
};
pub(crate) use generated::{Scenario as ScenarioWorld, ScenarioPre};
