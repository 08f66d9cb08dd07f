use super::*;
use crate::sample::Unit;

fn parsed(text: &str) -> Threshold {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn refused(text: &str) -> String {
    text.parse::<Threshold>().unwrap_err().to_string()
}

#[test]
fn the_parts_are_found() {
    let threshold =
        parsed("http_req_duration{name:cart, group:::shop::cart}:p(99.9) <= 1.5e3 ;abort=1m30s");
    assert_eq!(threshold.metric(), "http_req_duration");
    assert_eq!(threshold.tags().get("group"), Some("::shop::cart"));
    assert_eq!(
        threshold.target(),
        "http_req_duration{group:::shop::cart,name:cart}"
    );
    assert_eq!(threshold.aggregate(), Aggregate::Percentile(99.9));
    assert_eq!(
        (threshold.operator, threshold.bound),
        (Operator::LessOrEqual, 1500.0)
    );
    assert_eq!(threshold.abort_on_fail(), Some(Duration::from_secs(90)));
    assert_eq!(threshold.expression(), "p(99.9) <= 1.5e3");
    let plain = parsed("checks:rate>0.95");
    assert_eq!(
        (plain.target().as_str(), plain.abort_on_fail()),
        ("checks", None)
    );
    assert_eq!(
        parsed("checks{check:\"is ok\"}:rate==1;abort").abort_on_fail(),
        Some(Duration::ZERO)
    );
    assert_eq!(
        parsed("m{check:\"is ok\",x}:rate==1").tags(),
        &Tags::new([("check", "is ok"), ("x", "")])
    );
}

#[test]
fn every_operator_compares() {
    for (text, below, equal, above) in [
        ("<", true, false, false),
        ("<=", true, true, false),
        (">", false, false, true),
        (">=", false, true, true),
        ("==", false, true, false),
        ("===", false, true, false),
        ("!=", true, false, true),
    ] {
        let threshold = parsed(&format!("vus:value{text}5"));
        assert_eq!(
            (
                threshold.holds(4.0),
                threshold.holds(5.0),
                threshold.holds(6.0)
            ),
            (below, equal, above),
            "{text}"
        );
        assert!(!parsed("vus:value<5").holds(f64::NAN));
    }
}

#[test]
fn every_aggregate_is_taken_from_its_sink() {
    let two_seconds = Duration::from_secs(2);
    let mut counter = Sink::new(Kind::Counter, Unit::None);
    counter.record(10.0);
    assert_eq!(Aggregate::Count.of(&counter, two_seconds), 10.0);
    assert_eq!(Aggregate::Rate.of(&counter, two_seconds), 5.0);
    assert_eq!(Aggregate::Rate.of(&counter, Duration::ZERO), 0.0);
    let mut rate = Sink::new(Kind::Rate, Unit::None);
    assert_eq!(Aggregate::Rate.of(&rate, two_seconds), 0.0);
    rate.record(1.0);
    rate.record(0.0);
    assert_eq!(Aggregate::Rate.of(&rate, two_seconds), 0.5);
    let mut trend = Sink::new(Kind::Trend, Unit::Time);
    for value in [10.0, 20.0, 60.0] {
        trend.record(value);
    }
    let got = [Aggregate::Avg, Aggregate::Min, Aggregate::Max]
        .map(|aggregate| aggregate.of(&trend, two_seconds));
    assert_eq!(got, [30.0, 10.0, 60.0]);
    assert!((Aggregate::Med.of(&trend, two_seconds) - 20.0).abs() < 0.02);
    assert_eq!(Aggregate::Percentile(100.0).of(&trend, two_seconds), 60.0);
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_remedy() {
    for (text, want) in [
        (
            "",
            "at character 1: no expression; write it like http_req_duration:p(95)<200",
        ),
        (
            "http_req_duration",
            "at character 18: no expression; write it like",
        ),
        (":p(95)<200", "at character 1: no metric; write it like"),
        (
            "a{b:c:rate>1",
            "at character 2: the brace is not closed; add } after the last tag",
        ),
        ("a{}:rate>1", "at character 2: no tag between the braces"),
        (
            "a{b:c}x:rate>1",
            "at character 7: expected a colon after the tags",
        ),
        ("a:", "at character 3: no expression"),
        (
            "a:rate",
            "at character 7: no comparison; use <, <=, >, >=, == or !=",
        ),
        ("a:rate=1", "at character 7: not a comparison"),
        (
            "a:p95<1",
            "at character 3: \"p95\" is not an aggregate; use count, rate, value, avg, min, max, med or p(N)",
        ),
        (
            "a:p(101)<1",
            "at character 3: p(101) is not a percentile; N must be a number from 0 to 100",
        ),
        ("a:p(-1)<1", "p(-1) is not a percentile"),
        ("a:p(x)<1", "p(x) is not a percentile"),
        (
            "a:avg<200ms",
            "at character 7: \"200ms\" is not a number; a number without a unit is needed",
        ),
        ("a:avg<NaN", "\"NaN\" is not a number"),
        (
            "a:avg<1 && max<2",
            "at character 7: one comparison only; give several thresholds instead",
        ),
        (
            "a:avg<1;stop",
            "at character 9: \";stop\" is not understood; only ;abort or ;abort=10s",
        ),
        (
            "a:avg<1;abort=soon",
            "the delay is written like 10s or 1m30s",
        ),
        (
            "a:avgg<1;abort",
            "at character 3: \"avgg\" is not an aggregate",
        ),
    ] {
        let got = refused(text);
        assert!(got.contains(want), "{text}\n got: {got}\nwant: {want}");
    }
}

#[test]
fn a_registry_refuses_what_it_does_not_know() {
    let registry = Registry::new();
    let message = |text: &str| parsed(text).validate(&registry).unwrap_err().to_string();
    assert_eq!(
        message("http_req_durations:p(95)<200"),
        "threshold \"http_req_durations:p(95)<200\": there is no metric http_req_durations; did you mean http_req_duration?"
    );
    assert_eq!(
        message("http_reqs:p(95)<200"),
        "threshold \"http_reqs:p(95)<200\": http_reqs is a counter, which has no p(95); use count, rate"
    );
    assert!(
        message("qqqqqqqqqqqqq:rate<1")
            .ends_with("`lt-host describe` lists the metrics of a scenario")
    );
    assert!(message("checks:count<1").ends_with("checks is a rate, which has no count; use rate"));
    assert!(message("vus:avg<1").ends_with("vus is a gauge, which has no avg; use value"));
    assert!(message("http_req_duration:rate<1").ends_with("use avg, min, max, med, p(N)"));
    assert_eq!(
        parsed("http_reqs:rate>1")
            .validate(&registry)
            .unwrap()
            .name
            .as_ref(),
        "http_reqs"
    );
}
