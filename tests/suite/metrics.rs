//! Custom metrics, checks, groups and the log.

use lt_tests::LtHost;
use serde_json::json;

#[test]
fn custom_metrics_checks_and_groups_are_summed() {
    let ran = LtHost::run("metrics_custom")
        .arguments("--users 1 --iterations 8 --summary-mode full --summary-export export.json")
        .argument("--threshold")
        .argument("orders{kind:even}:count==8")
        .argument("--threshold")
        .argument("time_to_pay:p(95)<=250")
        .argument("--threshold")
        .argument("checks:rate>0.8")
        .with_samples()
        .finish()
        .expect_clean();
    let summary = ran.summary();
    assert_eq!(summary.count("orders"), 16);
    assert_eq!(summary.value("queue_length", "value"), Some(7.0));
    assert_eq!(summary.value("in_stock", "rate"), Some(0.25));
    assert_eq!(summary.value("time_to_pay", "avg"), Some(250.0));
    assert_eq!(summary.value("picture_size", "max"), Some(2048.0));
    assert_eq!(summary.check("always"), Some((8, 0)));
    assert_eq!(summary.check("every second"), Some((4, 4)));
    assert_eq!(summary.check("in a group"), Some((8, 0)));
    let groups = summary.0["groups"].as_array().unwrap();
    let counted = |path: &str| {
        groups
            .iter()
            .find(|group| group["path"] == path)
            .map(|group| group["count"].clone())
    };
    assert_eq!(counted("::outer"), Some(json!(8)), "{groups:?}");
    assert_eq!(counted("::outer::inner"), Some(json!(8)), "{groups:?}");
    assert_eq!(counted("::open end"), Some(json!(8)), "{groups:?}");
    let in_group = ran
        .rows()
        .into_iter()
        .filter(|row| row["check"] == "in a group")
        .count();
    assert_eq!(in_group, 8);
    assert!(
        ran.rows()
            .iter()
            .filter(|row| row["check"] == "in a group")
            .all(|row| row["group"] == "::outer")
    );
    let ran = ran
        .expect_text("✗ every second")
        .expect_text("50% — ✓ 4 / ✗ 4")
        .expect_text("✓ 'count==8' count=8");
    let export = lt_tests::results::json(&ran.path("export.json"));
    assert_eq!(export["metrics"]["orders{kind:even}"]["count"], json!(8.0));
    assert_eq!(export["root_group"]["checks"]["always"]["passes"], json!(8));
}

#[test]
fn mistakes_with_metrics_are_told_to_the_guest() {
    LtHost::run("metrics_mistakes").finish().expect_clean();
}

#[test]
fn lines_reach_the_log_from_their_level_on() {
    let lines = |level: &str| {
        LtHost::run("log_lines")
            .arguments("--log-level")
            .argument(level)
            .finish()
            .expect_clean()
            .printed()
    };
    let text = lines("warn");
    assert!(
        text.contains("line of level warn") && text.contains("line of level error 7"),
        "{text}"
    );
    assert!(
        !text.contains("line of level info") && !text.contains("line of level debug"),
        "{text}"
    );
    let text = lines("trace");
    for line in [
        "level trace",
        "level debug",
        "level info",
        "on stdout",
        "on stderr",
    ] {
        assert!(text.contains(line), "no line {line:?} in\n{text}");
    }
}

#[test]
fn the_log_may_be_for_programs() {
    let ran = LtHost::run("log_lines")
        .arguments("--log-format json --quiet")
        .finish()
        .expect_clean();
    let line = ran
        .stderr()
        .lines()
        .find(|line| line.contains("level error"))
        .unwrap_or_else(|| panic!("{ran}"));
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["level"], json!("ERROR"), "{line}");
    assert_eq!(
        line["fields"]["user"].as_u64().or(line["user"].as_u64()),
        Some(1),
        "{line}"
    );
}
