use super::*;
use crate::builtin::*;
use crate::judge::Judge;
use crate::sample::{Kind, Unit};
use crate::summary::Values;
use crate::threshold::Threshold;
use crate::totals::Totals;

struct Bench {
    registry: Arc<Registry>,
    plan: Arc<SubmetricPlan>,
    thresholds: Vec<Threshold>,
}

fn bench(thresholds: &[&str]) -> Bench {
    let registry = Arc::new(Registry::new());
    let thresholds: Vec<Threshold> = thresholds
        .iter()
        .map(|text| text.parse().unwrap())
        .collect();
    let plan = Arc::new(SubmetricPlan::new(&registry, &thresholds).unwrap());
    Bench {
        registry,
        plan,
        thresholds,
    }
}

impl Bench {
    fn recorder(&self, keep_samples: bool) -> Recorder {
        Recorder::with_clock(
            Arc::clone(&self.registry),
            Arc::clone(&self.plan),
            keep_samples,
            || 1_700_000_000_000_000_001,
        )
    }

    fn totals(&self) -> Totals {
        Totals::new(Arc::clone(&self.registry), Arc::clone(&self.plan))
    }

    fn judge(&self) -> Judge {
        Judge::new(&self.thresholds, &self.registry, &self.plan).unwrap()
    }
}

const SECOND: Duration = Duration::from_secs(1);

fn millis(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn values_of_several_recorders_and_seconds_add_up() {
    let bench = bench(&[]);
    let mut totals = bench.totals();
    let mut recorders = [bench.recorder(false), bench.recorder(false)];
    for second in 0..3 {
        for (core, recorder) in recorders.iter_mut().enumerate() {
            let tags = recorder.derive(
                TagsId::EMPTY,
                &[(
                    "expected_response",
                    if core == 0 { "true" } else { "false" },
                )],
            );
            for step in 1..=100 {
                recorder.record_time(HTTP_REQ_DURATION, tags, millis(step + 100 * core as u64));
            }
            recorder.record(HTTP_REQS, tags, 100.0);
            recorder.record(HTTP_REQ_FAILED, tags, core as f64);
            recorder.record(VUS, TagsId::EMPTY, f64::from(second));
            let mut delta = recorder.take();
            assert!(!delta.is_empty() && delta.samples().is_empty());
            totals.merge(&delta);
            delta.clear();
            assert!(delta.is_empty());
            recorder.recycle(delta);
            assert!(recorder.take().is_empty(), "nothing is taken twice");
        }
    }
    assert_eq!(totals.count(HTTP_REQS), 600.0);
    assert_eq!(totals.share(HTTP_REQ_FAILED), Some(0.5));
    assert_eq!(totals.value(VUS), Some(2.0));
    assert_eq!(totals.count(HTTP_REQ_DURATION), 600.0);
    assert_eq!(totals.percentile(HTTP_REQ_DURATION, 100.0), Some(200.0));
    assert_eq!(totals.percentile(HTTP_REQ_WAITING, 50.0), None);
    assert_eq!(totals.submetric(0).unwrap().count(), 300);
    let summary = totals.summary(3 * SECOND);
    let Values::Trend(trend) = &summary.metric("http_req_duration").unwrap().values else {
        panic!("a trend")
    };
    assert_eq!(
        (trend.avg, trend.min, trend.max, trend.count),
        (100.5, 1.0, 200.0, 600)
    );
    let submetrics = &summary.metric("http_req_duration").unwrap().submetrics;
    assert_eq!(submetrics[0].selector, "expected_response:true");
    assert!(matches!(&submetrics[0].values, Values::Trend(expected) if expected.avg == 50.5));
    assert_eq!(
        summary.metric("http_reqs").unwrap().values,
        Values::Counter {
            count: 600.0,
            rate: 200.0
        }
    );
    assert_eq!(
        summary.metric("vus").unwrap().values,
        Values::Gauge {
            value: 2.0,
            min: 0.0,
            max: 2.0
        }
    );
    assert!(
        summary.metric("checks").is_none(),
        "what was never touched is not shown"
    );
}

#[test]
fn intervals_absorbed_are_the_whole() {
    let bench = bench(&[]);
    let (mut whole, mut interval) = (bench.totals(), bench.totals());
    let mut recorder = bench.recorder(false);
    for second in 1..=3 {
        interval.clear();
        recorder.check("ok", "::a", TagsId::EMPTY, second != 2);
        recorder.group("::a", TagsId::EMPTY, millis(second));
        recorder.failure(FailureClass::Panic, TagsId::EMPTY, "index out of bounds");
        interval.merge(&recorder.take());
        interval.record(VUS, second as f64);
        assert_eq!(interval.count(CHECKS), 1.0);
        whole.absorb(&interval);
    }
    let summary = whole.summary(3 * SECOND);
    assert_eq!(
        (
            summary.checks.len(),
            summary.checks[0].passes,
            summary.checks[0].fails
        ),
        (1, 2, 1)
    );
    assert_eq!(
        (
            summary.groups.len(),
            summary.groups[0].count,
            summary.groups[0].avg
        ),
        (1, 3, 2.0)
    );
    assert_eq!((summary.groups[0].min, summary.groups[0].max), (1.0, 3.0));
    assert_eq!(
        (summary.failures[0].class, summary.failures[0].count),
        (FailureClass::Panic, 3)
    );
    assert_eq!(summary.failures[0].messages[0].count, 3);
    assert_eq!(whole.failures(FailureClass::Panic), 3);
    assert_eq!(whole.value(VUS), Some(3.0));
}

#[test]
fn checks_keep_their_lines_across_recycled_deltas() {
    let bench = bench(&["checks{check:b}:rate>0.9", "checks{group:::g}:rate>0.9"]);
    let mut totals = bench.totals();
    let mut recorder = bench.recorder(false);
    recorder.check("a", "", TagsId::EMPTY, true);
    let first = recorder.take();
    recorder.check("b", "", TagsId::EMPTY, false);
    let second = recorder.take();
    totals.merge(&first);
    totals.merge(&second);
    recorder.recycle(first); // knows only the first line
    recorder.check("warm up", "", TagsId::EMPTY, true);
    totals.merge(&recorder.take());
    recorder.check("b", "", TagsId::EMPTY, true);
    recorder.check("b", "::g", TagsId::EMPTY, true);
    totals.merge(&recorder.take());
    let summary = totals.summary(SECOND);
    let lines: Vec<_> = summary
        .checks
        .iter()
        .map(|c| (c.group.as_str(), c.name.as_str(), c.passes, c.fails))
        .collect();
    assert_eq!(
        lines,
        [
            ("", "a", 1, 0),
            ("", "b", 1, 1),
            ("", "warm up", 1, 0),
            ("::g", "b", 1, 0)
        ]
    );
    let verdict = bench.judge().at_end(&totals, SECOND);
    assert!(
        (verdict.results[0].value - 2.0 / 3.0).abs() < 1e-9,
        "{:?}",
        verdict.results[0]
    );
    assert_eq!(verdict.results[1].value, 1.0);
    assert_eq!(totals.share(CHECKS), Some(0.8));
}

#[test]
fn names_of_checks_and_groups_are_capped_but_all_are_counted() {
    let bench = bench(&[]);
    let mut totals = bench.totals();
    let mut recorder = bench.recorder(false);
    for number in 0..3 * CHECKS_MAX {
        recorder.check(&format!("check {number}"), "", TagsId::EMPTY, true);
        recorder.group(&format!("::group {number}"), TagsId::EMPTY, millis(1));
    }
    totals.merge(&recorder.take());
    let summary = totals.summary(SECOND);
    assert!(summary.checks.len() <= CHECKS_MAX && summary.checks.len() >= CHECKS_MAX / 2);
    assert_eq!(
        summary.checks.len() as u64 + summary.checks_unlisted,
        3 * CHECKS_MAX as u64
    );
    assert_eq!(totals.count(CHECKS), 3.0 * CHECKS_MAX as f64);
    assert_eq!(totals.count(GROUP_DURATION), 3.0 * CHECKS_MAX as f64);
    assert!(summary.groups.len() <= GROUPS_MAX);
    assert!(
        summary
            .warnings
            .iter()
            .any(|warning| warning.contains("not listed by name")),
        "{:?}",
        summary.warnings
    );
}

#[test]
fn samples_are_kept_with_their_tags_up_to_a_cap() {
    let bench = bench(&[]);
    let mut recorder = bench.recorder(true);
    let tags = recorder.intern(Tags::new([("status", "200")]));
    recorder.record_time(HTTP_REQ_DURATION, tags, Duration::from_micros(12_500));
    recorder.record(HTTP_REQS, tags, 1.0);
    recorder.record(HTTP_REQS, tags, f64::NAN);
    let delta = recorder.take();
    let got: Vec<_> = delta
        .samples()
        .iter()
        .map(|sample| (sample.metric, sample.value, sample.tags.to_string()))
        .collect();
    assert_eq!(
        got,
        [
            (HTTP_REQ_DURATION, 12.5, "status:200".into()),
            (HTTP_REQS, 1.0, "status:200".into())
        ]
    );
    assert_eq!(delta.samples()[0].time_unix_ns, 1_700_000_000_000_000_001);
    for _ in 0..SAMPLES_PENDING_MAX + 7 {
        recorder.record(HTTP_REQS, tags, 1.0);
    }
    let delta = recorder.take();
    assert_eq!(delta.samples().len(), SAMPLES_PENDING_MAX);
    let mut totals = bench.totals();
    totals.merge(&delta);
    assert_eq!(totals.count(SAMPLES_DROPPED), 7.0);
    assert_eq!(totals.count(HTTP_REQS), (SAMPLES_PENDING_MAX + 7) as f64);
    assert!(totals.summary(SECOND).warnings[0].starts_with("7 samples are missing"));
}

#[test]
fn metrics_opened_during_the_run_are_recorded() {
    let bench = bench(&[]);
    let mut recorder = bench.recorder(false);
    recorder.record(ITERATIONS, TagsId::EMPTY, 1.0);
    let late = bench
        .registry
        .declare("basket", Kind::Trend, Unit::None, "")
        .unwrap();
    recorder.record(late, TagsId::EMPTY, -2.5);
    recorder.record(MetricId(u16::MAX), TagsId::EMPTY, 1.0); // of no registry
    let mut totals = bench.totals();
    totals.merge(&recorder.take());
    assert_eq!(totals.percentile(late, 50.0), Some(-2.5));
}

#[test]
fn failures_are_counted_by_class_and_sampled() {
    let bench = bench(&["user_failures{class:memory}:count<1"]);
    let mut recorder = bench.recorder(false);
    for number in 0..10 {
        recorder.failure(
            FailureClass::Memory,
            TagsId::EMPTY,
            &format!("user {number} wanted 17 MiB"),
        );
    }
    recorder.failure(FailureClass::Cpu, TagsId::EMPTY, "looped");
    let mut totals = bench.totals();
    totals.merge(&recorder.take());
    let summary = totals.summary(SECOND);
    let classes: Vec<_> = summary
        .failures
        .iter()
        .map(|f| (f.class.name(), f.count, f.messages.len()))
        .collect();
    assert_eq!(
        classes,
        [("memory", 10, crate::FAILURE_MESSAGES_MAX), ("cpu", 1, 1)]
    );
    let verdict = bench.judge().at_end(&totals, SECOND);
    assert_eq!(
        (verdict.results[0].value, verdict.results[0].ok),
        (10.0, false)
    );
    assert_eq!(totals.count(USER_FAILURES), 11.0);
}

#[test]
fn untouched_metrics_are_not_judged_before_the_end() {
    let bench = bench(&[
        "http_reqs:count>0;abort",
        "http_req_failed:rate<0.01",
        "checks:rate>0.5",
    ]);
    let totals = bench.totals();
    let running = bench.judge().while_running(&totals, SECOND);
    assert!(running.passed() && running.abort.is_none());
    let end = bench.judge().at_end(&totals, SECOND);
    let ok: Vec<bool> = end.results.iter().map(|result| result.ok).collect();
    assert_eq!(ok, [false, true, false]);
    assert_eq!(end.results[0].samples, 0);
}

#[test]
fn a_failed_threshold_ends_the_run_only_after_its_delay() {
    let bench = bench(&[
        "http_req_duration:max<100;abort=10s",
        "http_req_duration:avg<1",
    ]);
    let mut recorder = bench.recorder(false);
    recorder.record_time(HTTP_REQ_DURATION, TagsId::EMPTY, millis(150));
    let mut totals = bench.totals();
    totals.merge(&recorder.take());
    let early = bench.judge().while_running(&totals, 9 * SECOND);
    assert!(!early.passed() && early.abort.is_none());
    let late = bench.judge().while_running(&totals, 10 * SECOND);
    assert_eq!(
        late.abort.as_deref(),
        Some("http_req_duration:max<100;abort=10s")
    );
    assert_eq!(
        (late.results[0].value, late.results[0].aggregate.as_str()),
        (150.0, "max")
    );
}

#[test]
fn a_saturated_generator_says_so() {
    let bench = bench(&[]);
    let mut recorder = bench.recorder(false);
    for _ in 0..94 {
        recorder.record_time(START_LAG, TagsId::EMPTY, millis(1));
    }
    let mut totals = bench.totals();
    totals.merge(&recorder.take());
    assert!(totals.summary(SECOND).warnings.is_empty());
    for _ in 0..20 {
        recorder.record_time(START_LAG, TagsId::EMPTY, millis(400));
    }
    totals.merge(&recorder.take());
    let warnings = totals.summary(SECOND).warnings;
    assert!(
        warnings[0].starts_with("this host could not keep up"),
        "{warnings:?}"
    );
}

#[test]
fn a_summary_reads_back_what_it_wrote() {
    let bench = bench(&[]);
    let mut recorder = bench.recorder(false);
    recorder.record_time(HTTP_REQ_DURATION, TagsId::EMPTY, millis(12));
    recorder.record(HTTP_REQS, TagsId::EMPTY, 1.0);
    recorder.record(CHECKS, TagsId::EMPTY, 1.0);
    recorder.record(VUS, TagsId::EMPTY, 1.0);
    let mut totals = bench.totals();
    totals.merge(&recorder.take());
    let summary = totals.summary(SECOND);
    let text = serde_json::to_string(&summary).unwrap();
    assert_eq!(
        serde_json::from_str::<crate::Summary>(&text).unwrap(),
        summary
    );
    assert!(
        text.contains(
            r#""name":"http_req_duration","type":"trend","contains":"time","values":{"avg":12.0"#
        ),
        "{text}"
    );
}

#[test]
fn a_part_counts_for_what_selects_it_and_never_for_the_whole() {
    let bench = bench(&[
        "xmpp_connecting{step:tls}:max<1",
        "xmpp_connecting{step:tls,name:a}:max<1",
        "xmpp_connecting{name:a}:max<1",
    ]);
    let mut recorder = bench.recorder(true);
    let whole = recorder.derive(TagsId::EMPTY, &[("name", "a")]);
    recorder.record_time(XMPP_CONNECTING, whole, millis(100));
    recorder.record_part(XMPP_CONNECTING, whole, ("step", "tls"), millis(30));
    recorder.record_part(XMPP_CONNECTING, whole, ("step", "bind"), millis(5));
    let delta = recorder.take();
    let values: Vec<f64> = delta.samples().iter().map(|kept| kept.value).collect();
    assert_eq!(values, [100.0, 30.0, 5.0]);
    assert_eq!(delta.samples()[1].tags.get("step"), Some("tls"));
    let mut totals = bench.totals();
    totals.merge(&delta);
    assert_eq!(totals.count(XMPP_CONNECTING), 1.0);
    let max = |selector: &[(&str, &str)]| {
        let selector = Tags::new(selector.iter().copied());
        let position = bench.plan.position(XMPP_CONNECTING, &selector).unwrap();
        let sink = totals.submetric(position).unwrap();
        (
            sink.count(),
            sink.aggregate(crate::threshold::Aggregate::Max, SECOND),
        )
    };
    assert_eq!(max(&[("step", "tls")]), (1, 30.0));
    assert_eq!(max(&[("name", "a"), ("step", "tls")]), (1, 30.0));
    assert_eq!(max(&[("name", "a")]), (1, 100.0));
}

#[test]
fn parts_of_a_gauge_leave_the_whole_as_it_is() {
    let bench = bench(&["rtmp_streams{state:lagged}:value<1"]);
    let mut recorder = bench.recorder(true);
    recorder.record(RTMP_STREAMS, TagsId::EMPTY, 8.0);
    recorder.record_part_value(RTMP_STREAMS, TagsId::EMPTY, ("state", "lagged"), 2.0);
    let delta = recorder.take();
    assert_eq!(delta.samples()[1].tags.to_string(), "state:lagged");
    let mut totals = bench.totals();
    totals.merge(&delta);
    assert_eq!(totals.value(RTMP_STREAMS), Some(8.0));
    let position = bench
        .plan
        .position(RTMP_STREAMS, &Tags::new([("state", "lagged")]));
    assert!(matches!(
        totals.submetric(position.unwrap()),
        Some(Sink::Gauge { value: 2.0, .. })
    ));
}

#[test]
fn what_is_named_later_is_counted_from_then_on_and_judged_by_its_own_delay() {
    let bench = bench(&["checks{page:a}:rate>0.9"]);
    let mut recorder = bench.recorder(false);
    let mut totals = bench.totals();
    let judge = bench.judge();
    let a = recorder.intern(Tags::new([("page", "a")]));
    let b = recorder.intern(Tags::new([("page", "b")]));
    for tags in [a, b] {
        recorder.record(CHECKS, tags, 1.0);
    }
    let later: Vec<Threshold> = [
        "checks{page:a}:rate>0.9",
        "checks{page:b}:rate>0.5;abort=10s",
        "checks{page:c}:rate>0.5",
    ]
    .map(|text| text.parse().unwrap())
    .into();
    let plan = bench.plan.extended(&bench.registry, &later).unwrap();
    let plan = Arc::new(plan);
    let judge = judge
        .replaced(&later, (&bench.registry, &plan), 100 * SECOND)
        .unwrap();
    // The delta under way was begun by the old plan.
    recorder.follow(Arc::clone(&plan));
    totals.follow(Arc::clone(&plan));
    for (tags, value) in [(a, 1.0), (b, 0.0)] {
        recorder.record(CHECKS, tags, value);
    }
    let c = recorder.intern(Tags::new([("page", "c")]));
    recorder.record(CHECKS, c, 1.0);
    totals.merge(&recorder.take());
    let samples = |judge: &Judge, now: Duration| {
        let verdict = judge.while_running(&totals, now);
        let results = verdict.results.iter();
        let results: Vec<_> = results.map(|result| (result.samples, result.ok)).collect();
        (results, verdict.abort)
    };
    let (results, abort) = samples(&judge, 105 * SECOND);
    assert_eq!(results, [(2, true), (1, false), (1, true)]);
    assert_eq!(abort, None, "five seconds after it was given");
    let (_, abort) = samples(&judge, 110 * SECOND);
    assert_eq!(abort.as_deref(), Some("checks{page:b}:rate>0.5;abort=10s"));
    // Given again beside another, it keeps its time.
    let again = judge
        .replaced(&later[1..], (&bench.registry, &plan), 109 * SECOND)
        .unwrap();
    assert!(samples(&again, 110 * SECOND).1.is_some());
    assert_eq!(again.thresholds().count(), 2);
}
