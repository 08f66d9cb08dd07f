//! How long a guest has run without waiting, in epoch ticks: cheap enough to keep for every user.
//!
//! An epoch deadline is absolute, so a user that slept is always past it when it wakes. The meter tells a user that just
//! woke from one that has been running: it notes the tick at which the user's future was last polled.

use std::cell::Cell;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

/// Ticks of the engine's clock since it started.
pub(crate) type Ticks = Arc<AtomicU64>;

/// What to do with a guest whose epoch deadline has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It has just woken: go on.
    Continue,
    /// It has had its slice: let others run.
    Yield,
    /// It is over its budget.
    Exceeded,
}

/// The CPU meter of one user.
#[derive(Debug)]
pub(crate) struct Meter {
    ticks: Ticks,
    budget_ticks: u64,
    /// Tick from which time counts as the guest's.
    running_since: Cell<u64>,
    /// Ticks the guest has run since it last waited.
    spent_ticks: Cell<u64>,
    /// Whether the last suspension was our own yield, not a wait of the guest's.
    yielded: Cell<bool>,
}

impl Meter {
    pub(crate) fn new(ticks: Ticks, budget_ticks: u64) -> Self {
        Self {
            ticks,
            budget_ticks,
            running_since: Cell::new(0),
            spent_ticks: Cell::new(0),
            yielded: Cell::new(false),
        }
    }

    /// The user's future is about to be polled.
    fn resume(&self) {
        self.running_since.set(self.ticks.load(Ordering::Relaxed));
        if !self.yielded.replace(false) {
            self.spent_ticks.set(0);
        }
    }

    /// The epoch deadline has come while the guest runs.
    pub(crate) fn on_epoch(&self) -> Verdict {
        let now = self.ticks.load(Ordering::Relaxed);
        let ran = now.saturating_sub(self.running_since.replace(now));
        let spent = self.spent_ticks.get() + ran;
        self.spent_ticks.set(spent);
        if spent >= self.budget_ticks {
            Verdict::Exceeded
        } else if ran > 0 {
            self.yielded.set(true);
            Verdict::Yield
        } else {
            Verdict::Continue
        }
    }
}

/// Run a guest call under its meter. The call stays where its caller pinned it: taken by value it would stand twice in the
/// future of every user.
pub(crate) fn metered<F: Future>(
    meter: &Meter,
    mut call: Pin<&mut F>,
) -> impl Future<Output = F::Output> {
    std::future::poll_fn(move |cx: &mut Context<'_>| -> Poll<F::Output> {
        meter.resume();
        call.as_mut().poll(cx)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(budget: u64) -> (Ticks, Meter) {
        let ticks = Ticks::default();
        (ticks.clone(), Meter::new(ticks, budget))
    }

    #[test]
    fn a_user_that_just_woke_goes_on() {
        let (ticks, meter) = meter(10);
        ticks.store(500, Ordering::Relaxed);
        meter.resume();
        assert_eq!(meter.on_epoch(), Verdict::Continue);
    }

    #[test]
    fn a_running_user_yields_each_slice_and_is_ended_at_its_budget() {
        let (ticks, meter) = meter(3);
        for tick in 1..3 {
            meter.resume();
            ticks.store(tick, Ordering::Relaxed);
            assert_eq!(meter.on_epoch(), Verdict::Yield);
        }
        meter.resume();
        ticks.store(3, Ordering::Relaxed);
        assert_eq!(meter.on_epoch(), Verdict::Exceeded);
    }

    #[test]
    fn a_wait_renews_the_budget() {
        let (ticks, meter) = meter(3);
        meter.resume();
        ticks.store(2, Ordering::Relaxed);
        assert_eq!(meter.on_epoch(), Verdict::Yield);
        meter.resume(); // after our own yield: still the same stretch
        meter.resume(); // after a wait
        ticks.store(4, Ordering::Relaxed);
        assert_eq!(meter.on_epoch(), Verdict::Yield);
    }

    #[test]
    fn time_that_others_ran_is_not_counted() {
        let (ticks, meter) = meter(3);
        meter.resume();
        ticks.store(1, Ordering::Relaxed);
        assert_eq!(meter.on_epoch(), Verdict::Yield);
        ticks.store(100, Ordering::Relaxed);
        meter.resume();
        ticks.store(101, Ordering::Relaxed);
        assert_eq!(meter.on_epoch(), Verdict::Yield);
    }
}
