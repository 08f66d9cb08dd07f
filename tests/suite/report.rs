//! What a run leaves behind: results directory, k6's export, every sample.

use std::collections::BTreeSet;

use lt_tests::peers::HttpPeer;
use lt_tests::peers::http::{Then, respond};
use lt_tests::results::{json, json_lines};
use lt_tests::{LtHost, Ran};
use serde_json::Value;

/// The columns of k6's CSV output.
const CSV_HEADER: &str = "metric_name,timestamp,metric_value,check,error,error_code,group,method,name,proto,scenario,status,\
                          subproto,tls_version,url,extra_tags";

/// Six requests by two users, with further options.
fn six_requests(options: &str) -> Ran {
    let peer = HttpPeer::always("ok");
    LtHost::run("http_fetch")
        .set("url", peer.url("/page"))
        .arguments("--users 2 --iterations 6")
        .arguments(options)
        .finish()
        .expect_clean()
}

#[test]
fn a_run_leaves_a_results_directory() {
    let ran = six_requests("--quiet");
    let latest = std::fs::read_link(ran.path("results/latest")).unwrap();
    let name = latest.to_str().unwrap();
    assert!(
        name.ends_with("--001") && name.len() == "2026-01-01--001".len(),
        "{name}"
    );
    for file in [
        "summary.json",
        "metrics.hlog",
        "events.jsonl",
        "junit.xml",
        "snapshots.jsonl",
        "report.html",
    ] {
        let bytes = std::fs::metadata(ran.path("results").join(name).join(file))
            .unwrap_or_else(|_| panic!("no {file}\n{ran}"))
            .len();
        assert!(bytes > 0, "{file} is empty");
    }
    assert_eq!(ran.summary().count("http_reqs"), 6);
    let events = json_lines(&ran.path("results/latest/events.jsonl"));
    assert!(events.len() >= 2, "a run begins and ends: {events:?}");
    assert!(
        ran.printed().contains(name),
        "the place of the results is not told\n{ran}"
    );
}

#[test]
fn runs_do_not_overwrite_each_other() {
    let first = LtHost::run("timing_sleep");
    let results = first.directory().join("shared");
    let shared = |command: LtHost| command.argument("--results").argument(&results);
    let second = LtHost::run("timing_sleep");
    let (first, second) = (shared(first).start(), shared(second).start());
    let first = first.finish().expect_code(0);
    let second = second.finish().expect_code(0);
    let names: BTreeSet<String> = std::fs::read_dir(&results)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(
        names.len(),
        3,
        "two runs and `latest`: {names:?}\n{first}\n{second}"
    );
    assert!(names.contains("latest"), "{names:?}");
}

#[test]
fn a_run_may_leave_nothing() {
    let ran = LtHost::run("timing_sleep")
        .arguments("--no-results")
        .finish()
        .expect_code(0);
    let left: Vec<_> = std::fs::read_dir(ran.path("."))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn the_export_has_the_keys_of_k6() {
    let ran = six_requests(
        "--summary-export export.json --threshold http_req_duration:p(95)<60000 --threshold http_reqs:count>5",
    );
    let export = json(&ran.path("export.json"));
    let metrics = export["metrics"].as_object().unwrap();
    for name in [
        "data_received",
        "data_sent",
        "http_req_blocked",
        "http_req_connecting",
        "http_req_duration",
        "http_req_duration{expected_response:true}",
        "http_req_failed",
        "http_req_receiving",
        "http_req_sending",
        "http_req_tls_handshaking",
        "http_req_waiting",
        "http_reqs",
        "iteration_duration",
        "iterations",
        "vus",
        "vus_max",
    ] {
        assert!(
            metrics.contains_key(name),
            "no {name} in {:?}",
            metrics.keys()
        );
    }
    let keys = |name: &str| -> BTreeSet<&str> {
        metrics[name]
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect()
    };
    for key in ["avg", "min", "med", "max", "p(90)", "p(95)", "thresholds"] {
        assert!(
            keys("http_req_duration").contains(key),
            "{:?}",
            keys("http_req_duration")
        );
    }
    assert_eq!(
        keys("http_req_failed"),
        BTreeSet::from(["value", "passes", "fails"])
    );
    assert_eq!(keys("vus"), BTreeSet::from(["value", "min", "max"]));
    assert_eq!(keys("iterations"), BTreeSet::from(["count", "rate"]));
    // In this layout `true` means that it failed.
    assert_eq!(
        metrics["http_req_duration"]["thresholds"]["p(95)<60000"],
        Value::Bool(false)
    );
    assert_eq!(metrics["iterations"]["count"], Value::from(6.0));
    for key in ["name", "path", "id", "groups", "checks"] {
        assert!(
            export["root_group"].get(key).is_some(),
            "no {key} in {}",
            export["root_group"]
        );
    }
}

#[test]
fn samples_are_written_as_csv_in_the_layout_of_k6() {
    let ran = six_requests("--out csv=samples.csv --tag env=test");
    let text = std::fs::read_to_string(ran.path("samples.csv")).unwrap();
    assert_eq!(text.lines().next(), Some(CSV_HEADER));
    let rows = ran.rows();
    let requests: Vec<_> = rows
        .iter()
        .filter(|row| row["metric_name"] == "http_reqs")
        .collect();
    assert_eq!(requests.len(), 6);
    for row in requests {
        assert_eq!(row["metric_value"], "1.000000");
        assert_eq!(
            (
                row["method"].as_str(),
                row["status"].as_str(),
                row["proto"].as_str()
            ),
            ("GET", "200", "HTTP/1.1")
        );
        assert_eq!(
            (row["name"].as_str(), row["error_code"].as_str()),
            ("fetch", "")
        );
        // The request's name stands for its URL there, as in k6.
        assert_eq!(row["url"], "fetch");
        assert!(row["extra_tags"].contains("env=test"), "{row:?}");
    }
    let count = |metric: &str| {
        rows.iter()
            .filter(|row| row["metric_name"] == metric)
            .count()
    };
    for metric in ["http_req_duration", "http_req_waiting", "http_req_failed"] {
        assert_eq!(count(metric), 6, "{metric}");
    }
    assert_eq!((count("iterations"), count("iteration_duration")), (6, 6));
}

#[test]
fn samples_are_written_as_json_in_the_layout_of_k6() {
    let ran = six_requests("--out json=samples.json --threshold http_req_duration:avg<60000");
    let lines = json_lines(&ran.path("samples.json"));
    let is =
        |line: &&Value, kind: &str, metric: &str| line["type"] == kind && line["metric"] == metric;
    let metric = lines
        .iter()
        .find(|line| is(line, "Metric", "http_req_duration"))
        .expect("the metric is announced");
    assert_eq!(
        (
            metric["data"]["type"].as_str(),
            metric["data"]["contains"].as_str()
        ),
        (Some("trend"), Some("time"))
    );
    assert_eq!(metric["data"]["thresholds"], Value::from(vec!["avg<60000"]));
    let points: Vec<&Value> = lines
        .iter()
        .filter(|line| is(line, "Point", "http_req_duration"))
        .collect();
    assert_eq!(points.len(), 6);
    for point in points {
        assert!(
            point["data"]["value"].as_f64().is_some_and(|ms| ms > 0.0),
            "{point}"
        );
        assert!(
            point["data"]["time"]
                .as_str()
                .is_some_and(|time| time.ends_with('Z') && time.contains('T')),
            "{point}"
        );
        assert_eq!(point["data"]["tags"]["status"], "200", "{point}");
    }
    let announced = lines
        .iter()
        .position(|line| is(&line, "Metric", "http_reqs"))
        .unwrap();
    let first = lines
        .iter()
        .position(|line| is(&line, "Point", "http_reqs"))
        .unwrap();
    assert!(
        announced < first,
        "a metric is announced before its first sample"
    );
}

#[test]
fn several_outputs_agree() {
    let ran = six_requests("--out json=samples.json --out csv=samples.csv");
    let in_json = json_lines(&ran.path("samples.json"))
        .iter()
        .filter(|line| line["type"] == "Point")
        .count();
    assert_eq!(ran.rows().len(), in_json);
}

#[test]
fn the_summary_may_show_other_columns() {
    let ran = six_requests("--summary-trend-stats med,p(99),count");
    let line = ran
        .stdout()
        .lines()
        .find(|line| line.contains("http_req_duration"))
        .unwrap_or_else(|| panic!("{ran}"));
    assert!(
        line.contains("med=")
            && line.contains("p(99)=")
            && line.contains("count=6")
            && !line.contains("avg="),
        "{line}"
    );
}

#[test]
fn what_a_scenario_concludes_is_the_last_of_standard_output() {
    let ran = LtHost::run("log_conclude")
        .arguments("--users 2 --iterations 4 --quiet")
        .finish()
        .expect_clean();
    let lines: Vec<&str> = ran.stdout().lines().rev().take(2).collect();
    assert_eq!(lines, ["{\"sessions\":1, \"errors\":{}}", "begun"], "{ran}");
    let summary = json(&ran.path("results/latest/summary.json"));
    assert_eq!(
        summary["conclusions"],
        serde_json::json!(["begun", "{\"sessions\":1, \"errors\":{}}"])
    );
    let results = ran.path("results/latest");
    let again = LtHost::new(&["report", results.to_str().unwrap()])
        .finish()
        .expect_code(0);
    assert_eq!(again.stdout(), ran.stdout());
}

#[test]
fn what_a_scenario_concludes_has_no_secret_in_it() {
    // As many characters as its digits say: a count in a line for programs is none of the secret's business.
    for (word, count) in [("dis\"close", 9), ("10-closed", 9), ("1", 1)] {
        let ran = LtHost::run("log_conclude")
            .set("word", word)
            .arguments("--users 1 --iterations 1 --quiet")
            .finish()
            .expect_clean();
        let want = [
            format!("{{\"word\":\"***\",\"count\":{count}}}"),
            "the word is ***".to_owned(),
        ];
        let lines: Vec<&str> = ran.stdout().lines().rev().take(3).collect();
        assert_eq!(lines[2..], want[..1], "{ran}");
        assert_eq!(lines[1..2], want[1..], "{ran}");
        let summary = json(&ran.path("results/latest/summary.json"));
        let written = summary["conclusions"].as_array().unwrap();
        assert_eq!(written[..2], want.map(serde_json::Value::from), "{ran}");
    }
}

#[test]
fn what_users_did_is_recorded_for_viewers_of_streams_and_can_be_shown_again() {
    let peer = HttpPeer::always("ok");
    let ran = LtHost::run("http_fetch")
        .set("url", peer.url("/page"))
        .arguments("--users 2 --iterations 6 --out stream-csv=streams.csv --out csv=samples.csv")
        .finish()
        .expect_clean();
    let text = std::fs::read_to_string(ran.path("streams.csv")).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().map(|row| row.split(',').collect()).collect();
    let count = |metric: &str| rows.iter().filter(|row| row[2] == metric).count();
    assert_eq!(
        (count("StartTestOnMachine"), count("ApiRequest")),
        (2, 6),
        "{text}"
    );
    let mut started: Vec<&str> = Vec::new();
    for row in &rows {
        assert_eq!(row.len(), 6, "{row:?}");
        assert!(row[1].parse::<f64>().unwrap() >= 0.0, "{row:?}");
        assert!(row[5].starts_with("20") && row[5].ends_with('Z'), "{row:?}");
        match row[2] {
            "StartTestOnMachine" => started.push(row[0]),
            "ApiRequest" => assert!(started.contains(&row[0]), "{text}"),
            _ => {}
        }
    }
    started.sort_unstable();
    assert_eq!(started, ["user-1", "user-2"]);
    let recording = ran.path("streams.csv");
    let arguments = ["report", "--replay", recording.to_str().unwrap()];
    let again = LtHost::new(&arguments).argument("--speed=max").finish();
    let again = again.expect_code(0);
    assert!(
        again.stdout().contains("sessions established....: 0/2\n")
            && again.stdout().contains("requests................: 6\n"),
        "{again}"
    );
}

#[test]
fn a_request_that_fails_its_iteration_is_critical() {
    let peer = HttpPeer::start(|_, stream| {
        respond(stream, 503, &[], b"busy");
        Then::Keep
    });
    let ran = LtHost::run("http_fetch")
        .set("url", peer.url("/page"))
        .arguments("--iterations 1 --out stream-csv=streams.csv")
        .finish();
    let text = std::fs::read_to_string(ran.path("streams.csv")).unwrap();
    let last: Vec<&str> = text.lines().rev().take(3).collect();
    assert!(last[0].contains(",ApiError,critical,503,"), "{text}");
    assert_eq!(
        last[0].split(',').count(),
        6,
        "viewers take no more: {text}"
    );
    assert!(last[1].contains(",Time,,,20"), "{text}");
    assert!(last[2].contains(",ApiRequest,"), "{text}");
}
