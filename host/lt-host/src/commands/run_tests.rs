//! Tests of the command's decisions; whole runs are in the suite.

use std::sync::Arc;

use lt_metrics::{Registry, SubmetricPlan, Totals};

use super::*;
use crate::process::testing::{Closed, fake};

fn outcome(ended: Ended) -> RunOutcome {
    let registry = Arc::new(Registry::new());
    let plan = Arc::new(SubmetricPlan::new(&registry, &[]).unwrap());
    RunOutcome {
        summary: Summary::default(),
        ended,
        thresholds_passed: true,
        terminate_failed: None,
        write_faults: Vec::new(),
        totals: Totals::new(registry, plan),
    }
}

#[test]
fn what_ended_the_run_goes_before_the_verdict() {
    let text = || "why".to_owned();
    let cases = [
        (Ended::Finished, Exit::Success, Exit::ThresholdsFailed),
        (Ended::Steady, Exit::Success, Exit::ThresholdsFailed),
        (Ended::NotSteady(text()), Exit::Deadline, Exit::Deadline),
        (
            Ended::TooManyFailures(text()),
            Exit::TrapPolicy,
            Exit::TrapPolicy,
        ),
        (Ended::Interrupted, Exit::Interrupted, Exit::Interrupted),
        (
            Ended::ThresholdAbort(text()),
            Exit::ThresholdsFailed,
            Exit::ThresholdsFailed,
        ),
        (
            Ended::AbortedByScenario(text()),
            Exit::AbortedByScenario,
            Exit::AbortedByScenario,
        ),
        (
            Ended::InitFailed(text()),
            Exit::InitFailed,
            Exit::InitFailed,
        ),
        (Ended::HostFailed(text()), Exit::Failed, Exit::Failed),
    ];
    for (ended, passed, failed) in cases {
        let mut outcome = outcome(ended);
        assert_eq!(exit_of(&outcome), passed);
        outcome.thresholds_passed = false;
        assert_eq!(exit_of(&outcome), failed);
    }
    for ended in [Ended::Finished, Ended::Steady] {
        let mut outcome = outcome(ended);
        outcome.terminate_failed = Some(text());
        assert_eq!(exit_of(&outcome), Exit::TerminateFailed);
    }
}

#[test]
fn a_summary_says_when_and_how_the_run_ended() {
    let mut summary = Summary::default();
    complete(
        &mut summary,
        &Ended::Interrupted,
        Exit::Interrupted,
        1_614_173_830_000_000_000,
    );
    assert_eq!(summary.state.started, "2021-02-24T13:37:10.000Z");
    assert_eq!(summary.state.exit_code, 105);
    assert_eq!(summary.state.ended_early.as_deref(), Some("interrupted"));
}

#[test]
fn results_that_cannot_be_written_fail_a_run_that_passed() {
    let (mut process, printed) = fake(&[]);
    assert_eq!(
        settle(&mut process, Exit::Success, Vec::new(), Ok(())),
        Exit::Success
    );
    let pipe = || Err(std::io::ErrorKind::BrokenPipe.into());
    assert_eq!(
        settle(&mut process, Exit::Success, Vec::new(), pipe()),
        Exit::Success
    );
    let full = || vec!["summary.json: disk full".to_owned()];
    assert_eq!(
        settle(&mut process, Exit::Success, full(), Ok(())),
        Exit::Failed
    );
    assert_eq!(
        settle(&mut process, Exit::ThresholdsFailed, full(), Ok(())),
        Exit::ThresholdsFailed
    );
    assert!(
        printed
            .stderr
            .text()
            .contains("error: cannot write summary.json: disk full")
    );
    process.stderr = Box::new(Closed);
    assert_eq!(
        settle(&mut process, Exit::Success, full(), Ok(())),
        Exit::Failed
    );
}

/// Run the program on files of a directory of its own; returns the exit code and what went to standard error.
fn run(files: &[(&str, &[u8])], arguments: &[&str]) -> (Exit, String) {
    let dir = std::env::temp_dir().join(format!("lt-host-run-{}-{:x}", std::process::id(), rand()));
    std::fs::create_dir_all(&dir).unwrap();
    for (name, contents) in files {
        std::fs::write(dir.join(name), contents).unwrap();
    }
    let arguments: Vec<String> = arguments
        .iter()
        .map(|argument| argument.replace("DIR", dir.to_str().unwrap()))
        .collect();
    let texts: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (mut process, printed) = fake(&texts);
    let exit = crate::main(&mut process);
    assert!(
        !dir.join("results").exists(),
        "a run that was refused left results"
    );
    std::fs::remove_dir_all(&dir).unwrap();
    (exit, printed.stderr.text())
}

fn rand() -> u64 {
    (Process::of_this().random)()
}

#[test]
fn what_is_not_a_scenario_is_refused_with_the_files_name() {
    let files: &[(&str, &[u8])] = &[
        ("text.wasm", b"# a text"),
        ("core.wasm", b"\0asm\x01\0\0\0"),
        ("other.wasm", b"\0asm\x0d\0\x01\0"),
    ];
    let cases = [
        ("DIR/absent.wasm", "there is no such file"),
        ("DIR", "is a directory"),
        ("DIR/text.wasm", "not a WebAssembly component"),
        ("DIR/core.wasm", "a core WebAssembly module"),
        ("DIR/other.wasm", "another world"),
    ];
    for (path, reason) in cases {
        let (exit, said) = run(
            files,
            &["run", path, "--users", "10", "--results", "DIR/results"],
        );
        assert_eq!(exit, Exit::BadInput, "{path}: {said}");
        assert!(
            said.starts_with("error: ") && said.contains(reason) && said.contains("(remedy: "),
            "{path}: {said}"
        );
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn trend_columns_are_checked_with_everything_else() {
    let (exit, said) = run(
        &[],
        &[
            "run",
            "DIR/absent.wasm",
            "--summary-trend-stats",
            "avg,p(50)",
        ],
    );
    assert_eq!(exit, Exit::BadInput);
    assert!(
        said.contains("no such file") && said.contains("--summary-trend-stats"),
        "{said}"
    );
}

#[test]
fn a_run_file_is_refused_with_file_line_and_field_and_all_at_once() {
    let text =
        b"users = 5\nuser = 6\n\n[scenarios.chat]\nfile = \"absent.wasm\"\nduration = \"0s\"\n";
    let (exit, said) = run(
        &[("run.toml", text)],
        &["run", "--spec", "DIR/run.toml", "--results", "DIR/results"],
    );
    assert_eq!(exit, Exit::BadInput);
    assert!(said.contains("run.toml:2 user"), "{said}");
    assert!(
        said.contains("run.toml:6 scenarios.chat.duration"),
        "{said}"
    );
    let text = b"[scenarios.chat]\nfile = \"absent.wasm\"\nusers = 5\nduration = \"1m\"\n";
    let (exit, said) = run(
        &[("run.toml", text)],
        &["validate", "--spec", "DIR/run.toml"],
    );
    assert_eq!(exit, Exit::BadInput);
    assert!(
        said.contains("run.toml:1 scenarios.chat.file") && said.contains("there is no such file"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
    let (exit, said) = run(
        &[("run.toml", b"a = \xff")],
        &["run", "--spec", "DIR/run.toml"],
    );
    assert_eq!(exit, Exit::BadInput);
    assert!(said.contains("byte 4 is not"), "{said}");
}

#[test]
fn a_run_needs_a_scenario_or_a_run_file_and_not_both() {
    let (exit, said) = run(&[], &["run"]);
    assert_eq!(exit, Exit::BadInput);
    assert!(
        said.contains("SCENARIO") && said.contains("--spec"),
        "{said}"
    );
    let (exit, said) = run(&[], &["run", "a.wasm", "--spec", "run.toml"]);
    assert_eq!(exit, Exit::BadInput);
    assert!(said.contains("leave one of the two out"), "{said}");
}
