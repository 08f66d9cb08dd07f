//! The life of a served run: a thread of its own, from its plan to its results.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use lt_run::ending::{complete, exit_of};
use lt_run::record::Record;
use lt_run::secrets::Secrets;
use lt_run::{Exit, RunError, RunPlan};
use serde_json::Value;

use super::Runs;
use super::entry::{Entry, Told};
use super::model::{Run, RunState, Verdict};
use super::observer::Observer;
use super::results::LOG_FILE;
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
                fail(&runs, &entry, Exit::Failed, reason);
            }
            // The log says what could not be written.
            let _told = runs.keeper().saved_here(&entry);
            runs.close(&entry);
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
    Secrets::of(&spec).hide_in_summary(&mut outcome.summary);
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
    {
        let mut data = entry.data();
        data.summary = Some(Arc::new(outcome.summary));
        data.kept.run.elapsed_ms = elapsed_ms;
        over(runs, &mut data.kept.run, RunState::Ended, verdict);
    }
    if exit == Exit::Success && !faults.is_empty() {
        // As with `lt-host run`: nobody is to go on without results.
        let reason = "results could not be written; the host's log says which".to_owned();
        let verdict = self::verdict(&entry, Exit::Failed, Some(reason));
        entry.data().kept.run.verdict = Some(verdict);
    }
    tell_end(&entry);
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
    run.state = state;
    run.ended_at = Some(time::rfc3339(runs.now()));
    run.revision += 1;
    run.verdict = Some(verdict);
    for part in &mut run.parts {
        part.users_active = 0;
        part.paused = false;
        for version in &mut part.versions {
            version.users = 0;
        }
    }
}

/// Those that follow are told when everything is written, the last lines of the log too.
fn tell_end(entry: &Entry) {
    if let Err(error) = entry.log.write(&entry.dir.join(LOG_FILE)) {
        tracing::error!("{LOG_FILE}: {error}");
    }
    let run = {
        let mut data = entry.data();
        data.kept.run.results = results::names(&entry.dir);
        data.kept.run.clone()
    };
    entry.tell_value(&run, Told::Ended);
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
    let reason = "the system gave no thread for it".to_owned();
    fail(runs, entry, Exit::Failed, reason);
    // The log says what could not be written.
    let _told = runs.keeper().saved(entry).await;
    runs.close(entry);
}

/// It could not start, or the host failed.
fn fail(runs: &Runs, entry: &Arc<Entry>, exit: Exit, reason: String) {
    let verdict = verdict(entry, exit, Some(reason));
    over(runs, &mut entry.data().kept.run, RunState::Failed, verdict);
    tell_end(entry);
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
