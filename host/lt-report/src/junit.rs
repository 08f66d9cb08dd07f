//! Thresholds and checks as test cases (`junit.xml`), for the test reports of CI systems.

use std::io::{self, Write};

use lt_metrics::{CheckSummary, Summary, ThresholdResult};

use crate::threshold_text::value_text;

/// Exit codes of runs that came to their end: every threshold holds, or one does not, which is a case of its own.
const JUDGED: [i32; 2] = [0, 99];

/// Write the report: one suite of thresholds, one of checks, and where the run itself failed, one of the run: a CI system
/// must not show a failed run as green. A check fails as a case if it failed once, as in k6's own reports, though only
/// thresholds decide the exit code.
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
    let run_error = run_error(summary);
    let errors = usize::from(run_error.is_some());
    let tests = summary.thresholds.len() + summary.checks.len() + errors;
    let failures = failed_thresholds + failed_checks;
    writeln!(writer, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(
        writer,
        r#"<testsuites name="{scenario}" tests="{tests}" failures="{failures}" errors="{errors}" time="{seconds:.3}">"#
    )?;
    if let Some(reason) = run_error {
        run_suite(&mut writer, &scenario, &reason, seconds)?;
    }
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

/// Why the run failed, if not by a threshold.
fn run_error(summary: &Summary) -> Option<String> {
    let code = summary.state.exit_code;
    let reason = || {
        let told = summary.state.ended_early.clone();
        told.unwrap_or_else(|| format!("the run ended with exit code {code}"))
    };
    (!JUDGED.contains(&code)).then(reason)
}

fn run_suite(
    writer: &mut impl Write,
    scenario: &str,
    reason: &str,
    seconds: f64,
) -> io::Result<()> {
    writeln!(
        writer,
        r#"  <testsuite name="run" tests="1" failures="0" errors="1" time="{seconds:.3}">"#
    )?;
    writeln!(
        writer,
        r#"    <testcase classname="{scenario}" name="run">"#
    )?;
    writeln!(
        writer,
        r#"      <error type="run" message="{}"/>"#,
        escape(reason)
    )?;
    writeln!(writer, "    </testcase>")?;
    writeln!(writer, "  </testsuite>")
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

    fn report(exit_code: i32, ended_early: Option<&str>) -> String {
        let mut summary = a_run();
        summary.state.exit_code = exit_code;
        summary.state.ended_early = ended_early.map(str::to_owned);
        let mut bytes = Vec::new();
        write_junit(&mut bytes, &summary).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_run_that_failed_is_an_error_and_one_that_was_judged_is_none() {
        for judged in [0, 99] {
            let text = report(judged, Some("the steady state was reached"));
            assert!(!text.contains("<error"), "{text}");
        }
        for code in [100, 101, 105, 107, 108, 110, 111] {
            let text = report(code, Some("init failed: <no>"));
            assert!(
                text.contains(r#"tests="9" failures="5" errors="1" time"#),
                "{text}"
            );
            assert!(
                text.contains(r#"<error type="run" message="init failed: &lt;no&gt;"/>"#),
                "{text}"
            );
        }
        let text = report(101, None);
        assert!(text.contains("the run ended with exit code 101"), "{text}");
    }

    #[test]
    fn markup_and_control_characters_do_no_harm() {
        assert_eq!(
            escape("a<b>&\"c\"\n\u{1}é"),
            "a&lt;b&gt;&amp;&quot;c&quot;&#10;\u{fffd}é"
        );
    }
}
