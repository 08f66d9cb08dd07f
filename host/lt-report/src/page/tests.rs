use lt_metrics::Summary;
use serde_json::{Value, json};

use super::report::harmless;
use super::*;

fn report_of(run: &Value, annotations: &[Value], lines: &[String]) -> String {
    let summary = Summary::default();
    let page = ReportPage {
        run,
        summary: &summary,
        annotations,
    };
    let mut out = Vec::new();
    write_report(&mut out, &page, lines).unwrap();
    String::from_utf8(out).unwrap()
}

/// What the page will read in a report.
fn data_of(report: &str) -> Value {
    let begin = "<script type=\"application/json\" id=\"report\">";
    let (_, rest) = report.split_once(begin).unwrap();
    let (data, _) = rest.split_once("</script>").unwrap();
    serde_json::from_str(data).unwrap()
}

fn snapshot(seq: u64) -> String {
    let changes: Vec<String> = (seq % 100 == 7)
        .then(|| format!("users {seq}"))
        .into_iter()
        .collect();
    json!({
        "seq": seq, "elapsed_ms": seq * 1000, "users": {"active": 1}, "checks": [{"name": "ok"}], "streams": null,
        "changes": changes,
    })
    .to_string()
}

#[test]
fn every_file_of_the_document_is_there_and_no_other() {
    let index = index();
    let named: Vec<&str> = index
        .split('"')
        .filter_map(|part| part.strip_prefix(PREFIX))
        .collect();
    assert!(named.len() >= MODULES.len() + 5, "{named:?}");
    for name in named {
        let asset = asset(name).unwrap_or_else(|| panic!("{name} is missing"));
        assert!(!asset.bytes.is_empty(), "{name}");
        assert!(asset.etag.len() == 2 * ETAG_BYTES + 2, "{}", asset.etag);
    }
    for name in [
        "",
        "../page.rs",
        "/etc/passwd",
        "app.js/",
        "APP.JS",
        "vendor/uplot.js",
    ] {
        assert_eq!(asset(name), None, "{name}");
    }
}

#[test]
fn files_have_their_types_and_other_bytes_another_tag() {
    let of = |name: &str| asset(name).unwrap();
    assert!(of("app.js").content_type.starts_with("text/javascript"));
    assert!(of("app.css").content_type.starts_with("text/css"));
    assert_eq!(of("icon.svg").content_type, "image/svg+xml");
    assert_ne!(of("app.js").etag, of("form.js").etag);
}

#[test]
fn modules_import_only_modules_that_the_map_knows() {
    let mut imports = 0;
    for (name, text) in MODULES {
        for (_, rest) in text
            .match_indices(" from \"")
            .map(|(at, found)| text.split_at(at + found.len()))
        {
            let specifier = rest.split('"').next().unwrap();
            let module = specifier
                .strip_prefix(SPECIFIER)
                .unwrap_or_else(|| panic!("{name}: {specifier}"));
            assert!(
                MODULES.iter().any(|(known, _)| *known == module),
                "{name}: {specifier}"
            );
            imports += 1;
        }
    }
    assert!(imports > MODULES.len(), "{imports} imports found");
}

#[test]
fn no_module_makes_markup_or_code_of_text() {
    for (name, text) in MODULES {
        for banned in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "http://",
            "https://",
        ] {
            assert!(!text.contains(banned), "{name} has {banned}");
        }
    }
}

/// The contents of the inline scripts and styles of a document.
fn inline<'a>(document: &'a str, begin: &str, end: &str) -> Vec<&'a str> {
    document
        .match_indices(begin)
        .filter_map(|(at, _)| {
            let (_, text) = document[at..].split_once('>')?;
            let (text, _) = text.split_once(end)?;
            Some(text)
        })
        .filter(|text| !text.is_empty())
        .collect()
}

#[test]
fn the_policy_names_every_inline_block() {
    let policy = index_csp();
    for text in inline(&index(), "<script", "</script>") {
        assert!(policy.contains(&csp_hash(text)), "{text}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"));
    let report = report_of(&json!({}), &[], &[]);
    let policy = report
        .split("Content-Security-Policy\" content=\"")
        .nth(1)
        .unwrap();
    let policy = policy.split('"').next().unwrap();
    let scripts = inline(&report, "<script", "</script>");
    assert_eq!(scripts.len(), 5, "theme, uPlot, map, beginning and data");
    for text in scripts.iter().filter(|text| !text.starts_with("{\"run\"")) {
        assert!(policy.contains(&csp_hash(text)), "{text}");
    }
    let styles = inline(&report, "<style", "</style>");
    assert_eq!(styles.len(), 2);
    for text in styles {
        assert!(policy.contains(&csp_hash(text)), "{text}");
    }
    assert!(
        !policy.contains("unsafe") && !policy.contains("self"),
        "{policy}"
    );
}

#[test]
fn names_cannot_break_out_of_a_report() {
    let hostile = "</script><script>alert(1)</script><!-- \u{2028}\u{2029} & <b>\"'\\";
    let run = json!({ "id": hostile, "parts": [{ "name": hostile, hostile: 1 }] });
    let annotations = [json!({ "elapsed_ms": 1, "text": hostile })];
    let line = json!({ "seq": 1, "elapsed_ms": 1, "changes": [hostile] }).to_string();
    let report = report_of(&run, &annotations, &[line]);
    let plain = report_of(&json!({}), &[], &[]);
    for tag in ["<script", "</script", "<!--", "<b>"] {
        let count = |text: &str| text.matches(tag).count();
        assert_eq!(count(&report), count(&plain), "{tag}");
    }
    assert!(!report.contains('\u{2028}') && !report.contains('\u{2029}'));
    let data = data_of(&report);
    assert_eq!(data["run"], run);
    assert_eq!(data["annotations"][0]["text"], hostile);
    assert_eq!(data["changes"][0]["what"], hostile);
}

#[test]
fn escapes_mean_the_same_to_json() {
    let value = json!({ "<a>&\u{2028}\u{2029}": "</script> &amp; \\u003c" });
    let text = harmless(&value.to_string());
    assert!(
        !text.contains(['<', '>', '&', '\u{2028}', '\u{2029}']),
        "{text}"
    );
    let read: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(read, value);
}

#[test]
fn a_long_run_is_thinned_evenly_and_keeps_its_changes_and_its_end() {
    let lines: Vec<String> = (1..=20_000).map(snapshot).collect();
    let data = data_of(&report_of(&json!({}), &[], &lines));
    let kept = data["snapshots"].as_array().unwrap();
    assert!(
        (REPORT_POINTS_MAX / 2..=REPORT_POINTS_MAX + 1).contains(&kept.len()),
        "{}",
        kept.len()
    );
    let seq: Vec<u64> = kept
        .iter()
        .map(|point| point["seq"].as_u64().unwrap())
        .collect();
    assert_eq!((seq.first(), seq.last()), (Some(&1), Some(&20_000)));
    let step = seq[1] - seq[0];
    assert!(
        seq[..seq.len() - 1]
            .windows(2)
            .all(|pair| pair[1] - pair[0] == step),
        "{seq:?}"
    );
    assert!(kept[0].get("checks").is_none(), "charts need no checks");
    assert_eq!(kept.last().unwrap()["checks"][0]["name"], "ok");
    assert_eq!(data["changes"].as_array().unwrap().len(), 200);
    assert_eq!(
        data["changes"][1],
        json!({ "elapsed_ms": 107_000, "what": "users 107" })
    );
}

#[test]
fn a_short_run_is_whole_and_a_torn_line_is_left_out() {
    let mut lines: Vec<String> = (1..=10).map(snapshot).collect();
    lines.insert(3, "null".to_owned());
    lines.push("{\"seq\": 11, \"elapsed".to_owned());
    lines.push(String::new());
    let data = data_of(&report_of(&json!({}), &[], &lines));
    let kept = data["snapshots"].as_array().unwrap();
    assert_eq!(kept.len(), 10);
    assert_eq!(kept[9]["checks"][0]["name"], "ok", "the last is whole");
    let none = data_of(&report_of(&json!({}), &[], &[]));
    assert_eq!(none["snapshots"], json!([]));
}

#[test]
fn a_run_with_many_metrics_gets_fewer_points_and_not_a_larger_file() {
    let trends: Map<String, Value> = (0..300)
        .map(|n| {
            (
                format!("trend_{n}"),
                json!({ "p50": 1.25, "p95": 2.5, "p99": 3.75, "max": 5.0, "contains": "time" }),
            )
        })
        .collect();
    let lines: Vec<String> = (1..=1100)
        .map(|seq| {
            json!({ "seq": seq, "elapsed_ms": seq * 1000, "trends": trends, "changes": [] })
                .to_string()
        })
        .collect();
    let report = report_of(&json!({}), &[], &lines);
    assert!(
        report.len() < REPORT_BYTES_MAX + (1 << 20),
        "{}",
        report.len()
    );
    let data = data_of(&report);
    assert!(data["snapshots"].as_array().unwrap().len() >= 300);
}
