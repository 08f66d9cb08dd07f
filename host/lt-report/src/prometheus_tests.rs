use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// What a strict scraper makes of a page: families by name, and the value of every sample by name and labels.
#[derive(Default)]
struct Scraped {
    kinds: BTreeMap<String, String>,
    values: BTreeMap<(String, Vec<(String, String)>), f64>,
}

impl Scraped {
    /// As `promtool check metrics` reads it: help and type once, before the samples of a family, which stand together.
    fn read(text: &str) -> Self {
        assert!(text.is_empty() || text.ends_with('\n'));
        let mut scraped = Self::default();
        let (mut family, mut helped) = (String::new(), BTreeSet::new());
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, doc) = help.split_once(' ').unwrap();
                assert!(helped.insert(name.to_owned()), "told before: {line}");
                assert!(!doc.is_empty());
                family = name.to_owned();
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').unwrap();
                assert_eq!(name, family, "a type below its help");
                assert!(["counter", "gauge", "summary"].contains(&kind));
                assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
                scraped.kinds.insert(name.to_owned(), kind.to_owned());
            } else {
                let (name, labels, value) = parse(line);
                let kind = &scraped.kinds[&family];
                let is_of = name == family
                    || kind == "summary"
                        && [format!("{family}_sum"), format!("{family}_count")].contains(&name);
                assert!(is_of, "{name} stands below {family}");
                let twice = scraped.values.insert((name, labels), value);
                assert_eq!(twice, None, "told twice: {line}");
            }
        }
        scraped
    }

    fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels = labels
            .iter()
            .map(|(label, text)| ((*label).to_owned(), (*text).to_owned()))
            .collect();
        self.values.get(&(name.to_owned(), labels)).copied()
    }
}

/// `name{label="value",…} number`.
fn parse(line: &str) -> (String, Vec<(String, String)>, f64) {
    let is_name = |text: &str| {
        !text.is_empty()
            && !text.starts_with(|first: char| first.is_ascii_digit())
            && text
                .chars()
                .all(|character| character.is_ascii_alphanumeric() || character == '_')
    };
    let end = line.find(['{', ' ']).unwrap();
    let (name, mut rest) = line.split_at(end);
    assert!(is_name(name), "{line}");
    let mut labels = Vec::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (label, after) = rest.split_once("=\"").unwrap();
            assert!(is_name(label), "{line}");
            let (value, after) = quoted(after);
            labels.push((label.to_owned(), value));
            match after.strip_prefix(',') {
                Some(more) => rest = more,
                None => {
                    rest = after.strip_prefix('}').unwrap();
                    break;
                }
            }
        }
    }
    let value = rest.strip_prefix(' ').unwrap();
    assert!(!value.contains(' '), "no stamp: {line}");
    (name.to_owned(), labels, value.parse().unwrap())
}

/// The text up to the quotation mark that ends it, and what follows.
fn quoted(text: &str) -> (String, &str) {
    let (mut value, mut characters) = (String::new(), text.char_indices());
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &text[at + 1..]),
            '\\' => match characters.next().unwrap().1 {
                'n' => value.push('\n'),
                other => {
                    assert!(['\\', '"'].contains(&other));
                    value.push(other);
                }
            },
            other => value.push(other),
        }
    }
    panic!("no end: {text}");
}

fn metric(name: &str, kind: Kind, unit: Unit, values: Values) -> MetricSummary {
    MetricSummary {
        name: name.to_owned(),
        kind,
        unit,
        values,
        kinds: Vec::new(),
        submetrics: Vec::new(),
    }
}

fn counter(name: &str, unit: Unit, count: f64) -> MetricSummary {
    metric(
        name,
        Kind::Counter,
        unit,
        Values::Counter { count, rate: 0.0 },
    )
}

fn gauge(name: &str, unit: Unit, value: f64) -> MetricSummary {
    let values = Values::Gauge {
        value,
        min: 0.0,
        max: value,
    };
    metric(name, Kind::Gauge, unit, values)
}

fn a_run() -> Summary {
    let trend = Trend {
        avg: 20.0,
        med: 15.0,
        p95: 40.0,
        p99: 50.0,
        count: 10,
        ..Trend::default()
    };
    let rate = Values::Rate {
        rate: 0.25,
        passes: 1,
        fails: 3,
    };
    Summary {
        metrics: vec![
            counter("data_sent", Unit::Data, 1000.0),
            counter("iterations", Unit::None, 7.0),
            gauge("vus", Unit::None, 3.0),
            metric("checks", Kind::Rate, Unit::None, rate),
            metric(
                "http_req_duration",
                Kind::Trend,
                Unit::Time,
                Values::Trend(trend),
            ),
        ],
        ..Summary::default()
    }
}

#[test]
fn names_and_units_are_those_that_prometheus_asks_for() {
    let mut page = Exposition::new();
    let labels = [("run", "r-1"), ("scenario", "chat")];
    page.run(&labels, &a_run());
    page.run(&[("run", "r-2"), ("scenario", "chat")], &a_run());
    page.gauge("host_memory_bytes", "Memory.", &[], 5e9);
    page.counter("host_uploads_total", "Uploads.", &[], 2.0);
    let text = page.finish();
    let scraped = Scraped::read(&text);
    let duration = "lt_http_req_duration_seconds";
    assert_eq!(scraped.kinds[duration], "summary");
    for (name, value) in [
        ("lt_data_sent_bytes_total", 1000.0),
        ("lt_iterations_total", 7.0),
        ("lt_vus", 3.0),
        ("lt_checks_ratio", 0.25),
        ("lt_http_req_duration_seconds_sum", 0.2),
        ("lt_http_req_duration_seconds_count", 10.0),
    ] {
        assert_eq!(scraped.value(name, &labels), Some(value), "{name}\n{text}");
    }
    let p95 = [("run", "r-2"), ("scenario", "chat"), ("quantile", "0.95")];
    assert_eq!(scraped.value(duration, &p95), Some(0.04));
    assert_eq!(scraped.value("lt_host_memory_bytes", &[]), Some(5e9));
    assert_eq!(scraped.value("lt_host_uploads_total", &[]), Some(2.0));
}

#[test]
fn what_a_scenario_is_called_cannot_break_out_of_its_label() {
    let mut page = Exposition::new();
    let name = "a\\b\"} 1\nlt_vus 5\n\u{1b}c";
    page.run(&[("scenario", name)], &a_run());
    page.gauge("odd", "two\nlines \\ one", &[], 1.0);
    let scraped = Scraped::read(&page.finish());
    let seen = "a\\b\"} 1\nlt_vus 5\n\u{fffd}c";
    assert_eq!(scraped.value("lt_vus", &[("scenario", seen)]), Some(3.0));
    assert_eq!(scraped.value("lt_vus", &[]), None);
}

#[test]
fn of_two_metrics_with_one_name_the_first_is_told() {
    let summary = Summary {
        metrics: vec![
            counter("odd", Unit::None, 1.0),
            gauge("odd_total_x", Unit::None, 1.0),
            // Both would be lt_odd_total, and these of the trend below.
            gauge("odd_total", Unit::None, 2.0),
            metric(
                "even",
                Kind::Trend,
                Unit::None,
                Values::Trend(Trend::default()),
            ),
            gauge("even_sum", Unit::None, 3.0),
        ],
        ..Summary::default()
    };
    let mut page = Exposition::new();
    page.run(&[], &summary);
    // Another run has another kind of metric of this name.
    let other = Summary {
        metrics: vec![gauge("even", Unit::None, 4.0)],
        ..Summary::default()
    };
    page.run(&[("run", "2")], &other);
    let scraped = Scraped::read(&page.finish());
    assert_eq!(scraped.value("lt_odd_total", &[]), Some(1.0));
    assert_eq!(scraped.value("lt_even_sum", &[]), Some(0.0));
    assert_eq!(scraped.value("lt_even", &[("run", "2")]), None);
}

#[test]
fn numbers_that_are_none_are_named() {
    let mut page = Exposition::new();
    for (name, value) in [("a", f64::NAN), ("b", f64::INFINITY), ("c", -1e300)] {
        page.gauge(name, "An odd one.", &[], value);
    }
    let scraped = Scraped::read(&page.finish());
    assert!(scraped.value("lt_a", &[]).unwrap().is_nan());
    assert_eq!(scraped.value("lt_b", &[]), Some(f64::INFINITY));
    assert_eq!(scraped.value("lt_c", &[]), Some(-1e300));
}
