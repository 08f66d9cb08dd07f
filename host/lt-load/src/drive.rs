//! The life of a user that iterates by itself: build, wait for the start, join, iterate, leave.

use std::rc::Rc;
use std::time::Duration;

use lt_metrics::{FailureClass, builtin};
use lt_spec::limits::LEAVE_DEADLINE;
use lt_spec::spec::OnLoss;
use tokio::time::{Instant, timeout};

use crate::pacer::next_intended;
use crate::phase::Phase;
use crate::roster::End;
use crate::shift::{Shift, at};
use crate::stop::StopFlag;
use crate::vu::{BuildError, Iteration, Outcome, Place, Vu, VuFactory, VuId};

/// Take one user through its life. `due` is when it is to start, since the scenario's start; it does `limit` iterations at
/// most.
pub(crate) async fn drive<F: VuFactory>(
    shift: &Rc<Shift>,
    factory: &F,
    place: Place,
    due: Duration,
    limit: Option<u64>,
) -> End {
    let (id, flag) = (place.id, place.stop.clone());
    let built = {
        let _counted = shift.counters().building();
        factory.build(place).await
    };
    let Some(mut vu) = ready(shift, id, built) else {
        return End::Unprepared;
    };
    if !shift.started().await || flag.is_asked() {
        flag.obey();
        return End::Asked;
    }
    let lag = shift
        .instant_of(due)
        .map(|due| Instant::now().saturating_duration_since(due));
    shift.record_lag(&vu, lag.unwrap_or_default());
    let _active = shift.counters().enter();
    let joined = vu.join().await;
    let Ok(()) = prepared(shift, joined) else {
        return End::Unprepared;
    };
    let end = iterate(shift, &flag, &mut vu, limit).await;
    leave(shift, &mut vu).await;
    end
}

/// A user that was built, or nothing if it could not be.
pub(crate) fn ready<V>(shift: &Shift, id: VuId, built: Result<V, BuildError>) -> Option<V> {
    built
        .inspect_err(|error| {
            tracing::error!(user = id.0, "cannot build user: {}", error.0);
            shift.counters().failed_to_build();
        })
        .ok()
}

/// What `join` came to. It prepares a user; one that is not prepared has nothing to iterate with.
pub(crate) fn prepared(shift: &Shift, outcome: Outcome) -> Result<(), ()> {
    match outcome {
        Outcome::Passed => return Ok(()),
        Outcome::Failed | Outcome::Lost => shift.fail_user(),
        Outcome::StopUser => {}
        Outcome::AbortRun(reason) => shift.abort(reason),
    }
    Err(())
}

/// Let a user leave, in bounded time.
pub(crate) async fn leave<V: Vu>(shift: &Shift, vu: &mut V) {
    if timeout(LEAVE_DEADLINE, vu.leave()).await.is_err() {
        let message = format!("leave took over {LEAVE_DEADLINE:?}: ended by force");
        let mut recorder = shift.recorder.borrow_mut();
        recorder.failure(FailureClass::Failure, vu.tags(), &message);
    }
}

/// Iterate until the user, the budget or the scenario ends, or the user is asked to.
async fn iterate<V: Vu>(shift: &Rc<Shift>, flag: &StopFlag, vu: &mut V, limit: Option<u64>) -> End {
    let repeat = shift.team.scenario.load.repeat_interval();
    let mut intended = shift.elapsed();
    let mut number = 0;
    let mut has_failed = false;
    loop {
        // Asked before the user waits for its turn or is built anew: after its last iteration it does neither.
        if limit.is_some_and(|limit| number >= limit) || !shift.team.has_next(number) {
            flag.obey();
            return End::Done;
        }
        // An iteration that never waits must not starve its neighbours.
        tokio::task::coop::consume_budget().await;
        if let Some(end) = turn(shift, flag, vu, repeat.map(|_| intended), &mut has_failed).await {
            return end;
        }
        if let Some(end) = mend(shift, vu, &mut has_failed).await {
            return end;
        }
        if is_over(shift, flag) {
            flag.obey();
            return End::Asked;
        }
        if !shift.team.claim(number) {
            flag.obey();
            return End::Done;
        }
        if repeat.is_none() {
            // A rebuild, or a pause in it, belongs to no iteration.
            intended = shift.elapsed();
        }
        let due = repeat.and_then(|_| shift.instant_of(intended));
        let outcome = once(shift, vu, number, due).await;
        if let Some(end) = judge(shift, outcome, &mut has_failed) {
            flag.obey();
            let was_last = !shift.team.has_next(number + 1);
            return if was_last { End::Done } else { end };
        }
        number += 1;
        intended = next_intended(intended, shift.elapsed(), repeat);
    }
}

/// Wait until an iteration may start: not before it is intended, and not during a pause. A user that is outdated is renewed at
/// once, while it waits. How it ends, if it is to.
async fn turn<V: Vu>(
    shift: &Shift,
    flag: &StopFlag,
    vu: &mut V,
    intended: Option<Duration>,
    has_failed: &mut bool,
) -> Option<End> {
    loop {
        if is_over(shift, flag) {
            flag.obey();
            return Some(End::Asked);
        }
        if vu.is_outdated() {
            shift.moves.turn().await;
            if is_over(shift, flag) || !vu.is_outdated() {
                continue;
            }
            if let Some(end) = renew(shift, vu, has_failed).await {
                return Some(end);
            }
            // The end, a pause or another renewal may have come meanwhile.
            continue;
        }
        let when = if shift.is_paused() {
            None
        } else {
            match intended.and_then(|time| shift.instant_of(time)) {
                Some(when) if when > Instant::now() => Some(when),
                _ => return None,
            }
        };
        tokio::select! {
            () = flag.changed() => {}
            () = at(when) => {}
        }
    }
}

/// Whether this user is to start no more iterations.
pub(crate) fn is_over(shift: &Shift, flag: &StopFlag) -> bool {
    shift.phase() >= Phase::Draining || flag.is_asked()
}

/// Repair what the last iteration broke; how the user ends if that fails.
pub(crate) async fn mend<V: Vu>(shift: &Shift, vu: &mut V, has_failed: &mut bool) -> Option<End> {
    let outcome = vu.mend().await;
    readied(shift, outcome, has_failed)
}

/// Let a user leave and come back as what it is to be now; how it ends if that fails. Its time belongs to no iteration.
///
/// Boxed: it is rare, and would weigh in every user's task for ever.
pub(crate) async fn renew<V: Vu>(shift: &Shift, vu: &mut V, has_failed: &mut bool) -> Option<End> {
    let outcome = Box::pin(async {
        leave(shift, vu).await;
        vu.renew().await
    })
    .await;
    readied(shift, outcome, has_failed)
}

/// Whether a user can have its next iteration; how it ends if it cannot.
fn readied(shift: &Shift, outcome: Outcome, has_failed: &mut bool) -> Option<End> {
    match outcome {
        Outcome::Passed => None,
        Outcome::Failed | Outcome::Lost => {
            if !std::mem::replace(has_failed, true) {
                shift.fail_user();
            }
            Some(End::Unprepared)
        }
        Outcome::StopUser => Some(End::Own),
        Outcome::AbortRun(reason) => {
            shift.abort(reason);
            Some(End::Own)
        }
    }
}

/// One iteration, counted and recorded. `due` is when a schedule wanted it, if one did.
pub(crate) async fn once<V: Vu>(
    shift: &Shift,
    vu: &mut V,
    number: u64,
    due: Option<Instant>,
) -> Outcome {
    let actual = Instant::now();
    let iteration = Iteration {
        number,
        intended: due.unwrap_or(actual),
        actual,
    };
    shift.counters().begin_iteration();
    let outcome = vu.iterate(iteration).await;
    shift.counters().end_iteration();
    record(shift, vu, &iteration, Instant::now(), due.is_some());
    outcome
}

/// What an iteration's outcome means for its user: how it ends, if it does.
pub(crate) fn judge(shift: &Shift, outcome: Outcome, has_failed: &mut bool) -> Option<End> {
    match outcome {
        Outcome::Passed | Outcome::Failed => None,
        Outcome::Lost => {
            if !std::mem::replace(has_failed, true) {
                shift.fail_user();
            }
            let is_retired = shift.team.scenario.on_failure.on_loss == OnLoss::Retire;
            is_retired.then_some(End::Own)
        }
        Outcome::StopUser => Some(End::Own),
        Outcome::AbortRun(reason) => {
            shift.abort(reason);
            Some(End::Own)
        }
    }
}

/// Record an iteration: its service time, and if it was scheduled its time from the intended start and its lag.
fn record<V: Vu>(shift: &Shift, vu: &V, iteration: &Iteration, ended: Instant, scheduled: bool) {
    let tags = vu.tags();
    let mut recorder = shift.recorder.borrow_mut();
    recorder.record(builtin::ITERATIONS, tags, 1.0);
    let service = ended - iteration.actual;
    recorder.record_time(builtin::ITERATION_DURATION, tags, service);
    if scheduled {
        let lag = iteration
            .actual
            .saturating_duration_since(iteration.intended);
        recorder.record_time(builtin::ITERATION_DURATION_INTENDED, tags, service + lag);
        recorder.record_time(builtin::START_LAG, tags, lag);
    }
}
