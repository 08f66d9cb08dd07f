//! One user's life: build, wait for the clock, join, iterate, leave.

use std::rc::Rc;
use std::time::Duration;

use lt_metrics::{FailureClass, builtin};
use lt_spec::limits::LEAVE_DEADLINE;
use lt_spec::spec::Load;
use tokio::time::{Instant, sleep_until, timeout};

use crate::pacer::next_intended;
use crate::phase::Phase;
use crate::shift::Shift;
use crate::vu::{Iteration, Outcome, Vu, VuFactory, VuId};

/// Take one user through its life. `due` is when it is to start, since the clock's start.
pub(crate) async fn drive<F: VuFactory>(shift: &Rc<Shift>, factory: &F, id: VuId, due: Duration) {
    let built = {
        let _counted = shift.counters.building();
        factory.build(id).await
    };
    let mut vu = match built {
        Ok(vu) => vu,
        Err(error) => {
            tracing::error!(user = id.0, "cannot build user: {}", error.0);
            shift.counters.failed_to_build();
            return;
        }
    };
    let Some(clock) = shift.clock_started().await else {
        return;
    };
    let begun = Instant::now();
    shift.record_lag(&vu, begun.saturating_duration_since(clock + due));
    let _active = shift.counters.enter();
    match vu.join().await {
        Outcome::Passed => {}
        // `join` prepares a user; one that is not prepared has nothing to iterate with.
        Outcome::Failed | Outcome::StopUser => return,
        Outcome::AbortRun(reason) => return shift.abort(reason),
    }
    iterate(shift, &mut vu, clock).await;
    if timeout(LEAVE_DEADLINE, vu.leave()).await.is_err() {
        let message = format!("leave took over {LEAVE_DEADLINE:?}: ended by force");
        let mut recorder = shift.recorder.borrow_mut();
        recorder.failure(FailureClass::Failure, vu.tags(), &message);
    }
}

/// Iterate until the user, the budget or the run ends.
async fn iterate<V: Vu>(shift: &Rc<Shift>, vu: &mut V, clock: Instant) {
    let Load::ConstantUsers(shape) = &shift.plan.load;
    let repeat = shape.repeat_interval;
    let mut intended = Instant::now() - clock;
    let mut number = 0;
    loop {
        if repeat.is_some() {
            tokio::select! {
                biased;
                () = shift.reached(Phase::Draining) => return,
                () = sleep_until(clock + intended) => {}
            }
        } else {
            // An iteration that never waits must not starve its neighbours.
            tokio::task::coop::consume_budget().await;
        }
        if shift.phase() >= Phase::Draining {
            return;
        }
        match vu.mend().await {
            Outcome::Passed => {}
            Outcome::Failed | Outcome::StopUser => return,
            Outcome::AbortRun(reason) => return shift.abort(reason),
        }
        if shift.phase() >= Phase::Draining || !shift.claim(number) {
            return;
        }
        let actual = Instant::now();
        let iteration = Iteration {
            number,
            intended: clock + intended,
            actual,
        };
        shift.counters.begin_iteration();
        let outcome = vu.iterate(iteration).await;
        shift.counters.end_iteration();
        let ended = Instant::now();
        record(shift, vu, &iteration, ended, repeat.is_some());
        match outcome {
            Outcome::Passed | Outcome::Failed => {}
            Outcome::StopUser => return,
            Outcome::AbortRun(reason) => return shift.abort(reason),
        }
        number += 1;
        intended = next_intended(intended, ended - clock, repeat);
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

#[cfg(test)]
#[path = "drive_tests.rs"]
mod tests;
