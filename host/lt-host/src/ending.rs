//! How a run ended: the exit code, and what is said of it.

use std::path::Path;

use lt_metrics::Summary;
use lt_run::{Ended, RunError, RunOutcome};

use crate::error::CommandError;
use crate::exit::Exit;
use crate::process::Process;
use crate::show::plain;

/// A run that could not start: nothing was sent anywhere.
pub(crate) fn refused(error: RunError) -> CommandError {
    match error {
        RunError::Threshold(error) => CommandError::input(
            "--threshold",
            "",
            error.to_string(),
            "see `lt-host run --help`",
        ),
        RunError::Network(reason) => {
            CommandError::input("the HTTP options", "", reason, "see `lt-host run --help`")
        }
        RunError::System(error) => {
            CommandError::Failed(format!("the run could not start: {error}"))
        }
    }
}

/// The exit code: as in k6, what ended the run goes before what it was judged by.
pub(crate) fn exit_of(outcome: &RunOutcome) -> Exit {
    match &outcome.ended {
        Ended::InitFailed(_) => Exit::InitFailed,
        Ended::AbortedByScenario(_) => Exit::AbortedByScenario,
        Ended::HostFailed(_) => Exit::Failed,
        Ended::NoUserLeft { failed: 1.. } => Exit::Failed,
        Ended::Interrupted => Exit::Interrupted,
        Ended::ThresholdAbort(_) => Exit::ThresholdsFailed,
        Ended::NotSteady(_) => Exit::Deadline,
        Ended::TooManyFailures(_) => Exit::TrapPolicy,
        Ended::Finished | Ended::Steady | Ended::NoUserLeft { .. }
            if outcome.terminate_failed.is_some() =>
        {
            Exit::TerminateFailed
        }
        Ended::Finished | Ended::Steady | Ended::NoUserLeft { .. }
            if !outcome.thresholds_passed =>
        {
            Exit::ThresholdsFailed
        }
        Ended::Finished | Ended::Steady | Ended::NoUserLeft { .. } => Exit::Success,
    }
}

/// What only the program knows of the run.
pub(crate) fn complete(
    summary: &mut Summary,
    (ended, terminate_failed): (&Ended, Option<&str>),
    exit: Exit,
    started_unix_ns: i64,
) {
    let started = std::time::Duration::from_nanos(u64::try_from(started_unix_ns).unwrap_or(0));
    let started = std::time::SystemTime::UNIX_EPOCH + started;
    summary.state.started = humantime::format_rfc3339_millis(started).to_string();
    summary.state.exit_code = i32::from(exit.code());
    let terminated = || Some(format!("terminate failed: {}", terminate_failed?));
    summary.state.ended_early = match exit {
        Exit::TerminateFailed => terminated().or_else(|| reason(ended)),
        _ => reason(ended),
    };
}

/// Why the run ended before its time, for people.
fn reason(ended: &Ended) -> Option<String> {
    match ended {
        Ended::Finished => None,
        Ended::Steady => Some("the steady state was reached".to_owned()),
        Ended::NotSteady(text) | Ended::TooManyFailures(text) => Some(text.clone()),
        Ended::NoUserLeft { failed: 0 } => {
            Some("no user was left: all had ended by themselves".to_owned())
        }
        Ended::NoUserLeft { failed: 1 } => Some("no user was left: 1 had failed".to_owned()),
        Ended::NoUserLeft { failed } => Some(format!("no user was left: {failed} had failed")),
        Ended::Interrupted => Some("interrupted".to_owned()),
        Ended::ThresholdAbort(threshold) => {
            Some(format!("the threshold {threshold} does not hold"))
        }
        Ended::AbortedByScenario(text) => Some(format!("ended by the scenario: {text}")),
        Ended::InitFailed(text) => Some(format!("init failed: {text}")),
        Ended::HostFailed(text) => Some(format!("the host failed: {text}")),
    }
}

/// How it ended, where that is not as planned, and where the results are.
pub(crate) fn tell_end(process: &mut Process, outcome: &RunOutcome, results: Option<&Path>) {
    match reason(&outcome.ended) {
        Some(reason) if outcome.ended == Ended::Steady => process.complain(&reason),
        Some(reason) => process.complain(&format!("ended early: {}", plain(&reason))),
        None => {}
    }
    if let Some(reason) = &outcome.terminate_failed {
        process.complain(&format!("error: terminate failed: {}", plain(reason)));
    }
    let crossed = crossed_metrics(&outcome.summary);
    if !crossed.is_empty() {
        // k6's words: logs are searched for them.
        process.complain(&format!(
            "error: thresholds on metrics '{}' have been crossed",
            plain(&crossed.join(", "))
        ));
    }
    // Whoever keeps no results must be able to repeat the run all the same.
    process.complain(&format!("seed: {}", outcome.summary.state.seed));
    if let Some(results) = results {
        process.complain(&format!("results: {}", results.display()));
    }
}

/// The metrics whose thresholds do not hold, each once.
fn crossed_metrics(summary: &Summary) -> Vec<String> {
    let mut metrics: Vec<String> = Vec::new();
    for threshold in summary.thresholds.iter().filter(|threshold| !threshold.ok) {
        if !metrics.contains(&threshold.metric) {
            metrics.push(threshold.metric.clone());
        }
    }
    metrics
}

/// A result that could not be written makes a run that passed fail: a CI job must not go on without it.
pub(crate) fn settle(
    process: &mut Process,
    exit: Exit,
    mut faults: Vec<String>,
    told: std::io::Result<()>,
) -> Exit {
    if let Err(error) = told
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        faults.push(format!("the summary: {error}"));
    }
    for fault in &faults {
        process.complain(&format!("error: cannot write {fault}"));
    }
    if exit == Exit::Success && !faults.is_empty() {
        Exit::Failed
    } else {
        exit
    }
}

#[cfg(test)]
mod tests {
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
            (&Ended::Interrupted, None),
            Exit::Interrupted,
            1_614_173_830_000_000_000,
        );
        assert_eq!(summary.state.started, "2021-02-24T13:37:10.000Z");
        assert_eq!(summary.state.exit_code, 105);
        assert_eq!(summary.state.ended_early.as_deref(), Some("interrupted"));
        let ended = (&Ended::Finished, Some("no access"));
        complete(&mut summary, ended, Exit::TerminateFailed, 0);
        assert_eq!(
            summary.state.ended_early.as_deref(),
            Some("terminate failed: no access")
        );
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
}
