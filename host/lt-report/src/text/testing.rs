//! A run to render in tests: every part of a summary has something in it.

use std::sync::Arc;
use std::time::Duration;

use lt_metrics::builtin::*;
use lt_metrics::{
    FailureClass, Judge, Kind, Recorder, Registry, StreamCounts, SubmetricPlan, Summary, TagsId,
    Threshold, Totals, Unit,
};

/// See the module. Made by recording, so that what is rendered is what a run would give.
pub(crate) fn a_run() -> Summary {
    let registry = Arc::new(Registry::new());
    let waiting = registry
        .declare("custom_waiting", Kind::Trend, Unit::None, "")
        .unwrap();
    registry
        .declare("orders", Kind::Counter, Unit::None, "")
        .unwrap();
    let thresholds: Vec<Threshold> = [
        "http_req_duration:p(95)<1500",
        "http_req_failed:rate<0.01",
        "http_req_duration{name:cart}:max<100",
        "orders:count>0",
        "http_reqs:rate>5",
        "http_req_duration:avg<0.001;abort=1h",
    ]
    .iter()
    .map(|text| text.parse().unwrap())
    .collect();
    let plan = Arc::new(SubmetricPlan::new(&registry, &thresholds).unwrap());
    let judge = Judge::new(&thresholds, &registry, &plan).unwrap();
    let mut recorder = Recorder::new(Arc::clone(&registry), Arc::clone(&plan), false);
    requests(&mut recorder);
    recorder.record(waiting, TagsId::EMPTY, 120.0);
    recorder.record(waiting, TagsId::EMPTY, 184.666_667);
    checks_and_failures(&mut recorder);
    let mut totals = Totals::new(registry, plan);
    totals.merge(&recorder.take());
    totals.record(VUS, 3.0);
    totals.record(VUS, 1.0);
    totals.record(VUS_MAX, 3.0);
    let elapsed = Duration::from_millis(6_858);
    let mut summary = totals.summary(elapsed);
    summary.thresholds = judge.at_end(&totals, elapsed).results;
    summary.state.run = "run-7".into();
    summary.state.scenario = "shop".into();
    summary.state.started = "2021-02-24T13:37:10Z".into();
    summary.state.users = 3;
    summary
}

fn requests(recorder: &mut Recorder) {
    let tags = recorder.derive(
        TagsId::EMPTY,
        &[("expected_response", "true"), ("name", "cart")],
    );
    let failed = recorder.derive(TagsId::EMPTY, &[("expected_response", "false")]);
    for step in 0..45_u32 {
        let tags = if step == 44 { failed } else { tags };
        let time = Duration::from_micros(119_080 + u64::from(step) * 800);
        recorder.record_time(HTTP_REQ_DURATION, tags, time);
        recorder.record_time(HTTP_REQ_WAITING, tags, time / 2);
        recorder.record(HTTP_REQS, tags, 1.0);
        recorder.record(HTTP_REQ_FAILED, tags, f64::from(step / 44));
        recorder.kind(HTTP_REQ_FAILED, "status 503", f64::from(step / 44));
        recorder.record_time(
            ITERATION_DURATION,
            TagsId::EMPTY,
            time + Duration::from_secs(1),
        );
        recorder.record_time(
            ITERATION_DURATION_INTENDED,
            TagsId::EMPTY,
            time + Duration::from_secs(2),
        );
        recorder.record_time(START_LAG, TagsId::EMPTY, Duration::from_secs(1));
        recorder.record(ITERATIONS, TagsId::EMPTY, 1.0);
    }
    recorder.record(DATA_RECEIVED, TagsId::EMPTY, 519_400.0);
    recorder.record(DATA_SENT, TagsId::EMPTY, 4_930.0);
}

fn checks_and_failures(recorder: &mut Recorder) {
    for step in 0..30 {
        recorder.check("status is 200", "", TagsId::EMPTY, true);
        recorder.check("has <title>", "::shop::cart", TagsId::EMPTY, step % 3 != 0);
    }
    for ms in [40, 60] {
        recorder.group("::shop", TagsId::EMPTY, Duration::from_millis(ms));
        recorder.group("::shop::cart", TagsId::EMPTY, Duration::from_millis(ms / 2));
    }
    for _ in 0..7 {
        recorder.failure(
            FailureClass::Panic,
            TagsId::EMPTY,
            "panicked at src/lib.rs:7:9:\nindex out of bounds",
        );
    }
    recorder.failure(FailureClass::Failure, TagsId::EMPTY, "no cart");
    recorder.failure(FailureClass::Failure, TagsId::EMPTY, "no item");
}

/// A run with sockets and deliveries, and nothing else.
pub(crate) fn a_chat() -> Summary {
    let registry = Arc::new(Registry::new());
    let plan = Arc::new(SubmetricPlan::new(&registry, &[]).unwrap());
    let mut recorder = Recorder::new(Arc::clone(&registry), Arc::clone(&plan), false);
    let tags = TagsId::EMPTY;
    for ms in [20, 40] {
        recorder.record_time(WS_CONNECTING, tags, Duration::from_millis(ms));
        recorder.record(WS_CONNECT_FAILED, tags, 0.0);
        recorder.record(WS_SESSIONS, tags, 1.0);
        recorder.record_time(WS_SESSION_DURATION, tags, Duration::from_millis(ms * 100));
        recorder.record_time(DELIVERY_TIME, tags, Duration::from_millis(ms / 10));
        recorder.record(WS_INBOX_DEPTH, tags, ms as f64 / 20.0);
    }
    for kind in [
        "refused 1900 status 403",
        "connection-refused 1212",
        "connection-refused 1212",
    ] {
        recorder.record(WS_CONNECT_FAILED, tags, 1.0);
        recorder.kind(WS_CONNECT_FAILED, kind, 1.0);
    }
    for (failed, kind) in [(0.0, "by-peer 1001"), (1.0, "reset 1006")] {
        recorder.record(WS_SESSION_FAILED, tags, failed);
        recorder.record(WS_CLOSES, tags, 1.0);
        recorder.kind(WS_CLOSES, kind, 1.0);
    }
    recorder.kind(WS_SESSION_FAILED, "reset 1220", 1.0);
    recorder.record(WS_MSGS_SENT, tags, 4.0);
    recorder.record(WS_MSGS_RECEIVED, tags, 8.0);
    recorder.record(WS_MSGS_MATCHED, tags, 5.0);
    recorder.record_time(WS_PING, tags, Duration::from_micros(1500));
    recorder.record(DELIVERY_SENT, tags, 3.0);
    recorder.record(DELIVERY_RECEIVED, tags, 2.0);
    recorder.record(DELIVERY_EXCUSED, tags, 1.0);
    recorder.record(DATA_SENT, tags, 1000.0);
    let mut totals = Totals::new(registry, plan);
    totals.merge(&recorder.take());
    totals.summary(Duration::from_secs(4))
}

/// A run with XMPP sessions, and nothing else.
pub(crate) fn some_talk() -> Summary {
    let registry = Arc::new(Registry::new());
    let plan = SubmetricPlan::new(&registry, &[]).unwrap();
    let plan = Arc::new(plan.with_xmpp_steps(&registry));
    let mut recorder = Recorder::new(Arc::clone(&registry), Arc::clone(&plan), false);
    let tags = TagsId::EMPTY;
    for ms in [20, 40] {
        recorder.record_time(XMPP_CONNECTING, tags, Duration::from_millis(ms));
        for (step, share) in [("tcp", 10), ("tls", 5), ("sasl", 2), ("bind", 20)] {
            let took = Duration::from_millis(ms / share);
            recorder.record_part(XMPP_CONNECTING, tags, ("step", step), took);
        }
        recorder.record(XMPP_CONNECT_FAILED, tags, 0.0);
        recorder.record(XMPP_SESSIONS, tags, 1.0);
        recorder.record_time(XMPP_SESSION_DURATION, tags, Duration::from_millis(ms * 100));
        recorder.record_time(XMPP_MESSAGE_DELIVERY, tags, Duration::from_millis(ms / 10));
    }
    for kind in [
        "sasl not-authorized 2004",
        "network connection-refused 1212",
        "sasl not-authorized 2004",
    ] {
        recorder.record(XMPP_CONNECT_FAILED, tags, 1.0);
        recorder.kind(XMPP_CONNECT_FAILED, kind, 1.0);
    }
    for (metric, kind) in [
        (XMPP_SESSION_FAILED, "stream-error conflict 2010"),
        (XMPP_ERRORS, "conflict"),
        (XMPP_REQUEST_FAILED, "item-not-found"),
        (XMPP_UNEXPECTED, "late-answer"),
    ] {
        recorder.record(metric, tags, 1.0);
        recorder.kind(metric, kind, 1.0);
    }
    recorder.record(XMPP_STANZAS_SENT, tags, 4.0);
    recorder.record(XMPP_STANZAS_RECEIVED, tags, 8.0);
    recorder.record_time(XMPP_REQUEST_DURATION, tags, Duration::from_micros(1500));
    let mut totals = Totals::new(registry, plan);
    totals.merge(&recorder.take());
    totals.summary(Duration::from_secs(4))
}

/// A run with streams, and nothing else: one publisher, two players of which one stalled, and a third that was refused.
pub(crate) fn a_broadcast() -> Summary {
    let registry = Arc::new(Registry::new());
    let plan = SubmetricPlan::new(&registry, &[]).unwrap();
    let plan = Arc::new(plan.with_stream_states(&registry));
    let mut recorder = Recorder::new(Arc::clone(&registry), Arc::clone(&plan), false);
    let tags = TagsId::EMPTY;
    for ms in [20, 40, 60] {
        recorder.record_time(RTMP_CONNECTING, tags, Duration::from_millis(ms));
        recorder.record_time(RTMP_HANDSHAKE, tags, Duration::from_millis(ms / 2));
        recorder.record(RTMP_CONNECT_FAILED, tags, 0.0);
        recorder.record(RTMP_CONNECTIONS, tags, 1.0);
        recorder.record_time(RTMP_STARTING, tags, Duration::from_millis(ms / 10));
        recorder.record_time(RTMP_STREAM_DURATION, tags, Duration::from_millis(ms * 100));
    }
    for ms in [100, 200] {
        recorder.record_time(RTMP_FIRST_FRAME, tags, Duration::from_millis(ms));
        recorder.record_time(RTMP_LAG, tags, Duration::from_millis(ms * 10));
        recorder.record(RTMP_BITRATE, tags, 500.0);
        recorder.record(RTMP_BYTES_RECEIVED, tags, 62_500.0);
        recorder.record(RTMP_STREAM_FAILED, tags, 0.0);
    }
    recorder.record(RTMP_CONNECT_FAILED, tags, 1.0);
    recorder.kind(
        RTMP_CONNECT_FAILED,
        "refused 2101 NetConnection.Connect.Rejected",
        1.0,
    );
    recorder.record(RTMP_STREAM_FAILED, tags, 1.0);
    recorder.kind(
        RTMP_STREAM_FAILED,
        "refused 2101 NetStream.Play.StreamNotFound",
        1.0,
    );
    for code in [
        "NetConnection.Connect.Rejected",
        "NetStream.Play.StreamNotFound",
    ] {
        recorder.record(RTMP_ERRORS, tags, 1.0);
        recorder.kind(RTMP_ERRORS, code, 1.0);
    }
    recorder.record(RTMP_STALLS, tags, 1.0);
    recorder.record_time(RTMP_STALL_DURATION, tags, Duration::from_millis(1250));
    recorder.record(RTMP_STREAMS, tags, 4.0);
    let mut counts = StreamCounts::default();
    (counts.asked, counts.publishing, counts.playing) = (4, 1, 1);
    (counts.lagged, counts.stalled, counts.failed) = (1, 1, 1);
    for (state, count) in counts.by_state() {
        recorder.record_part_value(RTMP_STREAMS, tags, ("state", state), count as f64);
    }
    let mut totals = Totals::new(registry, plan);
    totals.merge(&recorder.take());
    let mut summary = totals.summary(Duration::from_secs(4));
    summary.conclusions = vec![r#"{"sessions":3,"established":2}"#.to_owned()];
    summary
}
