use std::sync::Arc;
use std::time::Duration;

use lt_metrics::{
    FailureClass, Kind, Recorder, Registry, StreamRow, SubmetricPlan, Tags, Totals, Unit, builtin,
};

use super::*;
use crate::streams::StreamsView;

const NOW: i64 = 1_614_173_830_123_456_789;

/// A run of one recorder, told second by second.
struct Told {
    recorder: Recorder,
    totals: Totals,
    snapshots: Snapshots,
    elapsed: Duration,
}

impl Told {
    fn new() -> Self {
        let registry = Arc::new(Registry::new());
        let plan = Arc::new(SubmetricPlan::new(&registry, &[]).unwrap());
        Self {
            recorder: Recorder::new(registry.clone(), plan.clone(), false),
            totals: Totals::new(registry, plan),
            snapshots: Snapshots::default(),
            elapsed: Duration::ZERO,
        }
    }

    /// A second, or whatever time, has passed.
    fn after(&mut self, length: Duration, standing: Standing) -> Snapshot {
        self.elapsed += length;
        let mut interval = self.totals.clone();
        interval.clear();
        interval.merge(&self.recorder.take());
        self.totals.absorb(&interval);
        let standing = Standing {
            unix_ns: NOW,
            elapsed: self.elapsed,
            ..standing
        };
        let summary = self.totals.summary(self.elapsed);
        self.snapshots.next(standing, &summary, &interval)
    }
}

fn tags(recorder: &mut Recorder) -> lt_metrics::TagsId {
    recorder.intern(Tags::default())
}

#[test]
fn counters_are_of_the_run_and_rates_of_the_interval() {
    let mut told = Told::new();
    let none = tags(&mut told.recorder);
    for _ in 0..10 {
        told.recorder.record(builtin::ITERATIONS, none, 1.0);
        told.recorder.record(builtin::HTTP_REQS, none, 1.0);
        told.recorder.record(builtin::HTTP_REQ_FAILED, none, 0.0);
        told.recorder.record(builtin::DATA_SENT, none, 100.0);
    }
    told.recorder
        .record_time(builtin::HTTP_REQ_DURATION, none, Duration::from_millis(20));
    let first = told.after(Duration::from_secs(1), Standing::default());
    assert_eq!(
        (first.seq, first.elapsed_ms, first.interval_ms),
        (1, 1000, 1000)
    );
    assert_eq!(first.time, "2021-02-24T13:37:10.123Z");
    assert_eq!(first.unix_ms, 1_614_173_830_123);
    let trend = first.trends["http_req_duration"];
    assert_eq!((trend.count, trend.contains), (1, Unit::Time));
    assert!((trend.p95 - 20.0).abs() < 0.1 && (trend.max - 20.0).abs() < 1e-9);

    for _ in 0..4 {
        told.recorder.record(builtin::ITERATIONS, none, 1.0);
        told.recorder.record(builtin::HTTP_REQS, none, 1.0);
        told.recorder.record(builtin::HTTP_REQ_FAILED, none, 1.0);
    }
    let second = told.after(
        Duration::from_secs(2),
        Standing {
            iterations: 14,
            ..Standing::default()
        },
    );
    assert_eq!((second.seq, second.interval_ms), (2, 2000));
    assert_eq!(second.iterations.completed, 14);
    assert!((second.iterations.rate - 2.0).abs() < 1e-9);
    let requests = second.requests.unwrap();
    assert_eq!((requests.completed, requests.failed), (14, 4));
    assert!((requests.rate - 2.0).abs() < 1e-9);
    assert!((requests.failed_share - 4.0 / 14.0).abs() < 1e-9);
    let sent = second.counters["data_sent"];
    assert_eq!(
        (sent.total, sent.rate, sent.contains),
        (1000.0, 0.0, Unit::Data)
    );
    assert!(
        !second.trends.contains_key("http_req_duration"),
        "no sample came"
    );
}

#[test]
fn what_a_run_has_not_is_not_told() {
    let mut told = Told::new();
    let empty = told.after(Duration::ZERO, Standing::default());
    assert_eq!(empty.requests, None);
    assert_eq!(empty.deliveries, None);
    assert_eq!(empty.streams, None);
    assert_eq!(empty.steady, None);
    assert!(empty.trends.is_empty() && empty.errors.is_empty() && empty.counters.is_empty());
    assert_eq!(empty.iterations.rate, 0.0, "of no time");
}

#[test]
fn errors_are_named_by_protocol_and_the_most_frequent_come_first() {
    let mut told = Told::new();
    let none = tags(&mut told.recorder);
    for (metric, kind, count) in [
        (builtin::HTTP_REQ_FAILED, "connect 1212", 2.0),
        (builtin::WS_SESSION_FAILED, "reset 1006", 5.0),
        (builtin::RTMP_ERRORS, "NetStream.Play.Failed", 9.0),
    ] {
        told.recorder.record(metric, none, 1.0);
        told.recorder.kind(metric, kind, count);
    }
    told.recorder
        .failure(FailureClass::Trap, none, &"x".repeat(2000));
    let told = told.after(Duration::from_secs(1), Standing::default());
    let errors: Vec<(&str, u64)> = told
        .errors
        .iter()
        .map(|error| (error.code.as_str(), error.count))
        .collect();
    assert_eq!(errors, [("ws reset 1006", 5), ("http connect 1212", 2)]);
    let failure = &told.failures[0];
    assert_eq!(
        (failure.class.as_str(), failure.count),
        (FailureClass::Trap.name(), 1)
    );
    assert_eq!(failure.samples[0].chars().count(), SAMPLE_CHARS_MAX + 1);
}

#[test]
fn checks_that_fail_are_not_among_those_cut_off() {
    let mut told = Told::new();
    let none = tags(&mut told.recorder);
    for number in 0..CHECKS_MAX + 5 {
        told.recorder
            .check(&format!("check {number}"), "", none, true);
    }
    told.recorder.check("bad", "", none, false);
    let told = told.after(Duration::from_secs(1), Standing::default());
    assert_eq!(told.checks.len(), CHECKS_MAX);
    assert_eq!(
        (told.checks[0].name.as_str(), told.checks[0].fails),
        ("bad", 1)
    );
    assert_eq!(told.checks[1].name, "check 0");
}

#[test]
fn deliveries_that_are_on_their_way_are_what_is_left() {
    let mut told = Told::new();
    let none = tags(&mut told.recorder);
    for (metric, count) in [
        (builtin::DELIVERY_SENT, 10.0),
        (builtin::DELIVERY_RECEIVED, 5.0),
        (builtin::DELIVERY_LOST, 1.0),
        (builtin::DELIVERY_EXCUSED, 2.0),
    ] {
        told.recorder.record(metric, none, count);
    }
    let told = told.after(Duration::from_secs(1), Standing::default());
    let deliveries = told.deliveries.unwrap();
    assert_eq!(deliveries.outstanding, 2);
    assert_eq!(deliveries.p95, None, "no time was recorded");
}

#[test]
fn a_number_that_json_has_not_is_zero() {
    let mut told = Told::new();
    let registry = told.totals.registry().clone();
    let metric = registry
        .declare("odd", Kind::Gauge, Unit::None, "")
        .unwrap();
    let none = tags(&mut told.recorder);
    told.recorder.record(metric, none, f64::NAN);
    let told = told.after(Duration::from_secs(1), Standing::default());
    let again: Snapshot = serde_json::from_str(&serde_json::to_string(&told).unwrap()).unwrap();
    assert_eq!(again, told);
}

#[test]
fn streams_and_the_steady_state_are_told_where_there_are_some() {
    let mut told = Told::new();
    let rows: [StreamRow; 0] = [];
    assert_eq!(StreamsView::of(rows.iter()), None);
    let standing = Standing {
        streams: Some(StreamsView::default()),
        steady: Some((3, 5)),
        stage: "running",
        ..Standing::default()
    };
    let told = told.after(Duration::from_secs(1), standing);
    assert_eq!(told.streams, Some(StreamsNow::default()));
    assert_eq!(told.steady, Some(SteadyNow { users: 3, asked: 5 }));
    assert_eq!(told.stage, "running");
}

#[test]
fn a_recording_is_read_past_what_is_torn_or_unknown() {
    let mut bytes = Vec::new();
    let mut log = SnapshotLog::new(&mut bytes);
    for seq in 1..=3 {
        let snapshot = Snapshot {
            seq,
            stage: "running".to_owned(),
            ..Snapshot::default()
        };
        log.write(&snapshot).unwrap();
    }
    let mut text = String::from_utf8(bytes).unwrap();
    assert_eq!(text.lines().count(), 3);
    text.push_str("\n{\"seq\":4,\"of_tomorrow\":{\"a\":1}}\n{\"seq\":5,\"ela");
    let read: Vec<u64> = read_snapshots(&text).iter().map(|s| s.seq).collect();
    assert_eq!(read, [1, 2, 3, 4]);
}

#[test]
fn thinning_keeps_the_first_and_the_last() {
    let all = |count: usize| (0..count).collect::<Vec<_>>();
    assert_eq!(thin(all(5), 5), [0, 1, 2, 3, 4]);
    assert_eq!(thin(all(9), 5), [0, 2, 4, 6, 8]);
    assert_eq!(thin(all(9), 1), [8]);
    assert!(thin(all(9), 0).is_empty());
    for most in [2, 3, 7, 999, 1000] {
        let kept = thin(all(12_345), most);
        assert_eq!(kept.len(), most);
        assert_eq!((kept[0], kept[most - 1]), (0, 12_344));
        assert!(kept.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
