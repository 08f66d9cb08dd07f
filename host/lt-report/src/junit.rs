//! Thresholds and checks as test cases (`junit.xml`), for the test reports of CI systems.

use std::io::{self, Write};

use lt_metrics::{CheckSummary, Summary, ThresholdResult};

use crate::threshold_text::value_text;

/// Write the report: one suite of thresholds, one of checks. A check fails as a case if it failed once, as in k6's own
/// reports, though only thresholds decide the exit code.
///
/// # Errors
/// What the writer says.
pub fn write_junit(mut writer: impl Write, summary: &Summary) -> io::Result<()> {
    let seconds = summary.state.duration_ms / 1000.0;
    let scenario = escape(if summary.state.scenario.is_empty() {
        "lt-host"
    } else {
        &summary.state.scenario
    });
    let failed_thresholds = summary
        .thresholds
        .iter()
        .filter(|threshold| !threshold.ok)
        .count();
    let failed_checks = summary
        .checks
        .iter()
        .filter(|check| check.fails > 0)
        .count();
    let tests = summary.thresholds.len() + summary.checks.len();
    let failures = failed_thresholds + failed_checks;
    writeln!(writer, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(
        writer,
        r#"<testsuites name="{scenario}" tests="{tests}" failures="{failures}" time="{seconds:.3}">"#
    )?;
    suite(
        &mut writer,
        "thresholds",
        summary.thresholds.len(),
        failed_thresholds,
        seconds,
    )?;
    for threshold in &summary.thresholds {
        threshold_case(&mut writer, threshold)?;
    }
    writeln!(writer, "  </testsuite>")?;
    suite(
        &mut writer,
        "checks",
        summary.checks.len(),
        failed_checks,
        seconds,
    )?;
    for check in &summary.checks {
        check_case(&mut writer, check)?;
    }
    writeln!(writer, "  </testsuite>")?;
    writeln!(writer, "</testsuites>")?;
    writer.flush()
}

fn suite(
    writer: &mut impl Write,
    name: &str,
    tests: usize,
    failures: usize,
    seconds: f64,
) -> io::Result<()> {
    writeln!(
        writer,
        r#"  <testsuite name="{name}" tests="{tests}" failures="{failures}" errors="0" time="{seconds:.3}">"#
    )
}

fn threshold_case(writer: &mut impl Write, threshold: &ThresholdResult) -> io::Result<()> {
    let name = escape(&threshold.expression);
    let class = escape(&threshold.metric);
    if threshold.ok {
        return writeln!(
            writer,
            r#"    <testcase classname="{class}" name="{name}"/>"#
        );
    }
    let message = escape(&format!(
        "{} is not {}: {}",
        threshold.metric,
        threshold.expression,
        value_text(threshold)
    ));
    writeln!(
        writer,
        r#"    <testcase classname="{class}" name="{name}">"#
    )?;
    writeln!(
        writer,
        r#"      <failure type="threshold" message="{message}"/>"#
    )?;
    writeln!(writer, "    </testcase>")
}

fn check_case(writer: &mut impl Write, check: &CheckSummary) -> io::Result<()> {
    let name = escape(&check.name);
    let class = escape(if check.group.is_empty() {
        "checks"
    } else {
        &check.group
    });
    if check.fails == 0 {
        return writeln!(
            writer,
            r#"    <testcase classname="{class}" name="{name}"/>"#
        );
    }
    let total = check.passes + check.fails;
    writeln!(
        writer,
        r#"    <testcase classname="{class}" name="{name}">"#
    )?;
    writeln!(
        writer,
        r#"      <failure type="check" message="failed {} times out of {total}"/>"#,
        check.fails
    )?;
    writeln!(writer, "    </testcase>")
}

/// For attribute values of XML 1.0: markup escaped, characters that it cannot hold replaced.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            '\r' => escaped.push_str("&#13;"),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::testing::a_run;

    #[test]
    fn thresholds_and_checks_are_cases() {
        let mut bytes = Vec::new();
        write_junit(&mut bytes, &a_run()).unwrap();
        let got = String::from_utf8(bytes).unwrap();
        assert_eq!(got, include_str!("../snapshots/junit.xml"));
    }

    #[test]
    fn markup_and_control_characters_do_no_harm() {
        assert_eq!(
            escape("a<b>&\"c\"\n\u{1}é"),
            "a&lt;b&gt;&amp;&quot;c&quot;&#10;\u{fffd}é"
        );
    }
}
