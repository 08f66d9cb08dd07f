//! How a run ended: the exit code, and what is said of it.

use std::path::Path;

use lt_metrics::Summary;
pub(crate) use lt_run::ending::{complete, exit_of, reason};
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
    use super::*;
    use crate::process::testing::{Closed, fake};

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
