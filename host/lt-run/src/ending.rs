//! How a run ended: the exit code, and what is said of it.

use lt_metrics::Summary;

use crate::exit::Exit;
use crate::run::{Ended, RunOutcome};

/// The exit code: as in k6, what ended the run goes before what it was judged by.
pub fn exit_of(outcome: &RunOutcome) -> Exit {
    match &outcome.ended {
        Ended::InitFailed(_) => Exit::InitFailed,
        Ended::AbortedByScenario(_) => Exit::AbortedByScenario,
        Ended::HostFailed(_) => Exit::Failed,
        Ended::NoUserLeft { failed: 1.. } => Exit::Failed,
        Ended::Interrupted => Exit::Interrupted,
        Ended::StoppedByApi => Exit::StoppedByApi,
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
pub fn complete(
    summary: &mut Summary,
    (ended, terminate_failed): (&Ended, Option<&str>),
    exit: Exit,
    started_unix_ns: i64,
) {
    summary.state.started = started(started_unix_ns);
    summary.state.exit_code = i32::from(exit.code());
    let terminated = || Some(format!("terminate failed: {}", terminate_failed?));
    summary.state.ended_early = match exit {
        Exit::TerminateFailed => terminated().or_else(|| reason(ended)),
        _ => reason(ended),
    };
}

/// When a run started, as its summary has it: RFC 3339, UTC, in milliseconds.
#[must_use]
pub fn started(unix_ns: i64) -> String {
    let since = std::time::Duration::from_nanos(u64::try_from(unix_ns).unwrap_or(0));
    let started = std::time::SystemTime::UNIX_EPOCH + since;
    humantime::format_rfc3339_millis(started).to_string()
}

/// Why the run ended before its time, for people.
pub fn reason(ended: &Ended) -> Option<String> {
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
        Ended::StoppedByApi => Some("stopped over the API".to_owned()),
        Ended::ThresholdAbort(threshold) => {
            Some(format!("the threshold {threshold} does not hold"))
        }
        Ended::AbortedByScenario(text) => Some(format!("ended by the scenario: {text}")),
        Ended::InitFailed(text) => Some(format!("init failed: {text}")),
        Ended::HostFailed(text) => Some(format!("the host failed: {text}")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lt_metrics::{Registry, SubmetricPlan, Totals};

    use super::*;

    fn outcome(ended: Ended) -> RunOutcome {
        let registry = Arc::new(Registry::new());
        let plan = Arc::new(SubmetricPlan::new(&registry, &[]).unwrap());
        RunOutcome {
            summary: Summary::default(),
            ended,
            thresholds_passed: true,
            terminate_failed: None,
            write_faults: Vec::new(),
            totals: Totals::new(registry.clone(), plan.clone()),
            rest: Totals::new(registry, plan),
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
            (Ended::StoppedByApi, Exit::StoppedByApi, Exit::StoppedByApi),
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
}
