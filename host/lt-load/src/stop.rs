//! How a user learns that it is to end.

use std::cell::Cell;
use std::rc::Rc;

use tokio::sync::Notify;

use crate::phase::Phase;

/// The phase of a shift, and who waits for it or for the end of a pause.
#[derive(Debug)]
pub(crate) struct PhaseWatch {
    phase: Cell<Phase>,
    /// Notified when the phase changes, when a pause begins or ends, and when users may be outdated.
    pub(crate) changed: Notify,
}

impl PhaseWatch {
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Self {
            phase: Cell::new(Phase::Preparing),
            changed: Notify::new(),
        })
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// Phases only go forward.
    pub(crate) fn enter(&self, phase: Phase) {
        if phase > self.phase.get() {
            self.phase.set(phase);
            self.changed.notify_waiters();
        }
    }

    /// Wait until the phase is at least this one.
    pub(crate) async fn reached(&self, phase: Phase) {
        while self.phase.get() < phase {
            // No await lies between the check and the registration on this one thread, so no change is missed.
            self.changed.notified().await;
        }
    }
}

/// One user's request to end: its own (it was ramped down or removed), or that of the whole scenario.
///
/// Its own may be taken back: a user that is wanted again before its iteration has ended goes on.
#[derive(Debug)]
pub struct StopFlag {
    asked: Cell<bool>,
    /// The user has seen the request and is on its way out: it cannot be taken back any more.
    obeyed: Cell<bool>,
    /// How often it was asked: an old deadline does not belong to a new request.
    requests: Cell<u32>,
    changed: Notify,
    watch: Option<Rc<PhaseWatch>>,
}

impl StopFlag {
    pub(crate) fn new(watch: Rc<PhaseWatch>) -> Rc<Self> {
        Rc::new(Self {
            watch: Some(watch),
            ..Self::never()
        })
    }

    /// For what no run asks to end: `init` and `terminate`.
    #[must_use]
    pub fn never() -> Self {
        Self {
            asked: Cell::new(false),
            obeyed: Cell::new(false),
            requests: Cell::new(0),
            changed: Notify::new(),
            watch: None,
        }
    }

    /// Whether the user is asked to end soon.
    #[must_use]
    pub fn should_stop(&self) -> bool {
        let ending = |watch: &Rc<PhaseWatch>| watch.phase() >= Phase::Stopping;
        self.asked.get() || self.watch.as_ref().is_some_and(ending)
    }

    /// Wait until the user is asked to end soon.
    pub async fn stopping(&self) {
        while !self.should_stop() {
            self.changed().await;
        }
    }

    /// Something may have changed: this flag, the phase, a pause, or what users are to be.
    pub(crate) async fn changed(&self) {
        match &self.watch {
            Some(watch) => tokio::select! {
                () = self.changed.notified() => {}
                () = watch.changed.notified() => {}
            },
            None => self.changed.notified().await,
        }
    }

    /// Wake whoever waits in [`Self::changed`].
    pub(crate) fn wake(&self) {
        self.changed.notify_waiters();
    }

    /// Ask the user to end.
    pub(crate) fn ask(&self) {
        self.asked.set(true);
        self.requests.set(self.requests.get().wrapping_add(1));
        self.wake();
    }

    /// Take the request back; `false` if the user is on its way out already.
    pub(crate) fn take_back(&self) -> bool {
        if self.obeyed.get() {
            return false;
        }
        self.asked.set(false);
        true
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.asked.get()
    }

    /// Whether the user is on its way out.
    pub(crate) fn is_obeyed(&self) -> bool {
        self.obeyed.get()
    }

    pub(crate) fn requests(&self) -> u32 {
        self.requests.get()
    }

    /// The user goes: from here on it cannot be wanted again.
    pub(crate) fn obey(&self) {
        self.obeyed.set(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_may_be_taken_back_until_it_is_obeyed() {
        let flag = StopFlag::new(PhaseWatch::new());
        flag.ask();
        assert!(flag.should_stop() && flag.take_back() && !flag.should_stop());
        flag.ask();
        flag.obey();
        assert!(!flag.take_back() && flag.should_stop());
        assert_eq!(flag.requests(), 2);
    }

    #[test]
    fn the_end_of_the_scenario_asks_everyone() {
        let watch = PhaseWatch::new();
        let flag = StopFlag::new(watch.clone());
        watch.enter(Phase::Draining);
        assert!(!flag.should_stop());
        watch.enter(Phase::Stopping);
        watch.enter(Phase::Running);
        assert!(flag.should_stop() && !StopFlag::never().should_stop());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_is_woken_by_either() {
        let watch = PhaseWatch::new();
        let (own, all) = (StopFlag::new(watch.clone()), StopFlag::new(watch.clone()));
        let act = async {
            own.ask();
            tokio::task::yield_now().await;
            watch.enter(Phase::Stopping);
        };
        tokio::join!(own.stopping(), all.stopping(), act);
    }
}
