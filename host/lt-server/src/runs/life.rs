//! The life of a served run: a thread of its own, from its plan to its results.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use lt_run::ending::{complete, exit_of};
use lt_run::record::Record;
use lt_run::{Exit, RunError, RunPlan};
use serde_json::Value;

use super::Runs;
use super::entry::Entry;
use super::model::{Run, RunState, Verdict};
use super::observer::Observer;
use super::results::{LOG_FILE, blocking};
use super::{results, time};

/// A run that can start.
pub(crate) struct Ready {
    pub(crate) entry: Arc<Entry>,
    pub(crate) plan: RunPlan,
    pub(crate) record: Record,
}

/// Start it on a thread of its own.
///
/// # Errors
/// If the system gives no thread.
pub(crate) fn start(runs: &Runs, ready: Ready) -> std::io::Result<()> {
    let (runs, entry) = (runs.clone(), ready.entry.clone());
    std::thread::Builder::new()
        .name(format!("run-{}", entry.id))
        .spawn(move || {
            // The name and field that the log tells runs apart by.
            let span = tracing::error_span!("run", id = %entry.id);
            let _entered = span.enter();
            // Whatever goes wrong in a run ends that run only.
            let lived = catch_unwind(AssertUnwindSafe(|| live(&runs, ready)));
            if let Err(panic) = lived {
                tracing::error!("the run panicked: {}", panic_text(&*panic));
                let reason = "the host failed in this run; its log says why".to_owned();
                if !entry.is_over() {
                    fail(&runs, &entry, Exit::Failed, reason);
                }
            }
        })?;
    Ok(())
}

fn live(runs: &Runs, ready: Ready) {
    let Ready {
        entry,
        plan,
        mut record,
    } = ready;
    let started_unix_ns = runs.now();
    let spec = Arc::new(plan.spec.clone());
    record.hide_with(entry.hidden.clone());
    record.started(&spec, &plan.scenarios, started_unix_ns);
    let mut observer = Observer::new(runs.clone(), entry.clone(), spec.clone(), record);
    let outcome = lt_run::run(plan, &entry.control, &mut |tick| observer.see(tick));
    let mut record = observer.into_record();
    let mut outcome = match outcome {
        Ok(outcome) => outcome,
        Err(error) => {
            let exit = match error {
                RunError::Threshold(_) | RunError::Network(_) => Exit::BadInput,
                RunError::System(_) => Exit::Failed,
            };
            let fields = serde_json::json!({ "reason": error.to_string() });
            record.event("failed", &fields, runs.now());
            return fail(runs, &entry, exit, error.to_string());
        }
    };
    let exit = exit_of(&outcome);
    let how = (&outcome.ended, outcome.terminate_failed.as_deref());
    complete(&mut outcome.summary, how, exit, started_unix_ns);
    let secrets = entry.hidden.secrets();
    secrets.hide_in_summary(&mut outcome.summary);
    let now = runs.now();
    entry.publish(&record.last(&outcome, now));
    let reason = outcome.summary.state.ended_early.clone();
    let reason = reason.or_else(|| crossed(&outcome.summary));
    let elapsed_ms = whole(outcome.summary.state.duration_ms);
    let verdict = verdict(&entry, exit, reason);
    // For its page; whoever asks is told of the end when the results are there.
    let mut ended = entry.data().kept.run.clone();
    ended.elapsed_ms = elapsed_ms;
    over(runs, &mut ended, RunState::Ended, verdict.clone());
    let page = serde_json::to_value(&ended).unwrap_or(Value::Null);
    let mut faults = std::mem::take(&mut outcome.write_faults);
    faults.extend(record.ended(&outcome.summary, Some(&page), now));
    for fault in &faults {
        tracing::error!("cannot write {fault}");
    }
    if exit == Exit::Success && !faults.is_empty() {
        // As with `lt-host run`: nobody is to go on without results.
        let reason = "results could not be written; the host's log says which".to_owned();
        ended.verdict = Some(self::verdict(&entry, Exit::Failed, Some(reason)));
    }
    entry.data().summary = Some(Arc::new(outcome.summary));
    end(runs, &entry, ended);
}

fn verdict(entry: &Entry, exit: Exit, reason: Option<String>) -> Verdict {
    Verdict {
        exit_code: exit.code(),
        passed: exit == Exit::Success,
        reason: reason.map(|text| entry.log.without_secrets(&text)),
    }
}

/// What is said of a run that is over.
fn over(runs: &Runs, run: &mut Run, state: RunState, verdict: Verdict) {
    run.ended_at = Some(time::rfc3339(runs.now()));
    nobody_runs(run, state);
    run.verdict = Some(verdict);
}

/// It is over: it has no users any more.
pub(super) fn nobody_runs(run: &mut Run, state: RunState) {
    run.state = state;
    run.revision += 1;
    for part in &mut run.parts {
        part.users_active = 0;
        part.paused = false;
        for version in &mut part.versions {
            version.users = 0;
        }
    }
}

/// A run is said to be over when that is true for everybody: all of it is written, and its place is free. Whoever waits for the
/// end then finds the last lines of its log, may delete it, and may begin another.
fn end(runs: &Runs, entry: &Arc<Entry>, mut ended: Run) {
    if let Err(error) = entry.log.write(&entry.dir.join(LOG_FILE)) {
        tracing::error!("{LOG_FILE}: {error}");
    }
    ended.results = results::names(&entry.dir);
    entry.data().ending = Some(Box::new(ended));
    // The log says what could not be written.
    let _told = runs.keeper().saved_here(entry);
    runs.close(entry);
}

/// A run that passed but for its thresholds, in words.
fn crossed(summary: &lt_metrics::Summary) -> Option<String> {
    let crossed = summary.thresholds.iter().filter(|threshold| !threshold.ok);
    let crossed: Vec<String> = crossed
        .map(|threshold| format!("{}:{}", threshold.metric, threshold.expression))
        .collect();
    (!crossed.is_empty()).then(|| format!("thresholds were crossed: {}", crossed.join(", ")))
}

/// There was no thread for it.
pub(crate) async fn not_started(runs: &Runs, entry: &Arc<Entry>) {
    let (runs, entry) = (runs.clone(), entry.clone());
    let reason = "the system gave no thread for it".to_owned();
    let failed = blocking(move || fail(&runs, &entry, Exit::Failed, reason)).await;
    if let Err(error) = failed {
        tracing::error!("a run that could not start: {error}");
    }
}

/// It could not start, or the host failed.
fn fail(runs: &Runs, entry: &Arc<Entry>, exit: Exit, reason: String) {
    let verdict = verdict(entry, exit, Some(reason));
    let mut ended = entry.run();
    over(runs, &mut ended, RunState::Failed, verdict);
    end(runs, entry, ended);
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a word")
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a length of time, never negative"
)]
fn whole(milliseconds: f64) -> u64 {
    milliseconds as u64
}
