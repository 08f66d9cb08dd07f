//! Steering a run from outside: from a signal handler, from the run file's schedule, from the API.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lt_spec::spec::Action;
use tokio::sync::oneshot::{Receiver, Sender, channel};

use crate::swap::SwapQueue;

const RUNNING: u8 = 0;
const GRACEFUL: u8 = 1;
const NOW: u8 = 2;

/// Changes that may wait for the run to look: it looks ten times a second.
const CHANGES_WAITING_MAX: usize = 1000;

/// What someone wants of a running run: all of it or nothing.
#[derive(Debug)]
pub(crate) struct Request {
    /// What is to change, in this order.
    pub(crate) wishes: Vec<Wish>,
    /// Where the answer goes.
    pub(crate) answer: Answer,
}

/// One change that someone asks for.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    /// Name of the scenario; `None`: all that it fits.
    pub(crate) scenario: Option<String>,
    pub(crate) action: Action,
}

impl Wish {
    /// It is refused, at this place among those that were asked for together.
    pub(crate) fn refused(&self, position: usize, reason: String) -> Refused {
        Refused {
            position,
            scenario: self.scenario.clone(),
            reason,
        }
    }
}

/// Who is told what became of a request.
#[derive(Debug)]
pub(crate) enum Answer {
    One(Sender<Result<Changed, Refused>>),
    All(Sender<Result<Vec<Changed>, Vec<Refused>>>),
}

impl Answer {
    /// Whether nobody waits for it any more.
    pub(crate) fn is_given_up(&self) -> bool {
        match self {
            Self::One(sender) => sender.is_closed(),
            Self::All(sender) => sender.is_closed(),
        }
    }

    /// Tell who asked, if anybody listens.
    pub(crate) fn give(self, done: Result<Vec<Changed>, Vec<Refused>>) {
        match self {
            Self::All(sender) => drop(sender.send(done)),
            Self::One(sender) => {
                let first = |refused: Vec<Refused>| refused.into_iter().next().unwrap_or_default();
                let done = done.map(|changed| changed.into_iter().next().unwrap_or_default());
                drop(sender.send(done.map_err(first)));
            }
        }
    }
}

/// What a change came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// The scenario it was for; `None`: all that it fits.
    pub scenario: Option<String>,
    /// How many users more there may be at a time.
    pub users_added: u64,
    /// How many users fewer there may be at a time, and users already on their way out that were dropped.
    pub users_removed: u64,
    /// Of the ids that were named, those that no user has, or whose user leaves already.
    pub not_found: Vec<u64>,
}

/// Why a change was not made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    /// Which of the changes that were asked for together, counted from 0.
    pub position: usize,
    /// The scenario it was for; `None`: all that it fits.
    pub scenario: Option<String>,
    /// Why, with the remedy.
    pub reason: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.reason)
    }
}

impl std::error::Error for Refused {}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicU8,
    /// Whether the API asked for the end first.
    by_api: AtomicBool,
    requests: Queue,
    swaps: SwapQueue,
}

/// Changes that wait for the run to look; `None` once it has ended.
#[derive(Debug)]
struct Queue(Mutex<Option<VecDeque<Request>>>);

impl Default for Queue {
    fn default() -> Self {
        Self(Mutex::new(Some(VecDeque::new())))
    }
}

/// Closes the queue when the run ends, however it does: who waits for an answer is told that there will be none.
pub(crate) struct Closing<'a>(&'a Queue);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        drop(self.0.lock().take());
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Option<VecDeque<Request>>> {
        // A queue is whole at every moment, whoever panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A handle on a run. Cheap to clone; the run looks at it ten times a second.
#[derive(Clone, Debug, Default)]
pub struct Control(Arc<Shared>);

impl Control {
    /// Let iterations under way end, then end the run: it was interrupted.
    pub fn stop_gracefully(&self) {
        self.0.stop.fetch_max(GRACEFUL, Ordering::Relaxed);
    }

    /// End the run at once: users are dropped where they stand. It was interrupted.
    pub fn stop_now(&self) {
        self.0.stop.fetch_max(NOW, Ordering::Relaxed);
    }

    /// End the run because somebody asked for it over the API: gracefully, or at once. Whoever asks first says how it ended.
    pub fn stop_by_api(&self, force: bool) {
        if !self.stop_asked() {
            self.0.by_api.store(true, Ordering::Relaxed);
        }
        // Whoever sees the end asked for sees by whom.
        self.0
            .stop
            .fetch_max(if force { NOW } else { GRACEFUL }, Ordering::Release);
    }

    /// Whether anyone asked for the end.
    #[must_use]
    pub fn stop_asked(&self) -> bool {
        self.0.stop.load(Ordering::Acquire) > RUNNING
    }

    /// Whether anyone asked for the end at once.
    #[must_use]
    pub fn stop_now_asked(&self) -> bool {
        self.0.stop.load(Ordering::Acquire) == NOW
    }

    /// Whether the end was asked for over the API.
    #[must_use]
    pub fn stopped_by_api(&self) -> bool {
        self.stop_asked() && self.0.by_api.load(Ordering::Relaxed)
    }

    /// Change something of a scenario, or of all that it fits. The answer comes through the channel: what it came to, or why it
    /// is refused; the channel closes unanswered if the run has ended. Whoever drops it takes back what the run has not seen yet.
    #[must_use = "a change may be refused"]
    pub fn change(
        &self,
        scenario: Option<&str>,
        action: Action,
    ) -> Receiver<Result<Changed, Refused>> {
        let (answer, answered) = channel();
        let scenario = scenario.map(str::to_owned);
        self.ask(vec![Wish { scenario, action }], Answer::One(answer));
        answered
    }

    /// Change several things at once, each of a scenario or of all that it fits: all are checked, then all are made, between two
    /// looks of the run. If one is refused, nothing changes. The answer tells of each in the order they were asked for, or all
    /// that is wrong; the channel closes unanswered if the run has ended.
    #[must_use = "a change may be refused"]
    pub fn change_all(
        &self,
        changes: Vec<(Option<String>, Action)>,
    ) -> Receiver<Result<Vec<Changed>, Vec<Refused>>> {
        let (answer, answered) = channel();
        let wishes = changes.into_iter();
        let wishes = wishes.map(|(scenario, action)| Wish { scenario, action });
        self.ask(wishes.collect(), Answer::All(answer));
        answered
    }

    fn ask(&self, wishes: Vec<Wish>, answer: Answer) {
        let mut queue = self.0.requests.lock();
        let Some(requests) = &mut *queue else {
            return;
        };
        let waiting: usize = requests.iter().map(|request| request.wishes.len()).sum();
        if waiting.saturating_add(wishes.len()) > CHANGES_WAITING_MAX {
            let reason = format!("{CHANGES_WAITING_MAX} changes wait already; try again later");
            let refused = Refused {
                reason,
                ..Refused::default()
            };
            answer.give(Err(vec![refused]));
        } else {
            requests.push_back(Request { wishes, answer });
        }
    }

    /// The changes that were asked for since the last look.
    pub(crate) fn take_requests(&self) -> VecDeque<Request> {
        let mut queue = self.0.requests.lock();
        queue.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Answer nothing any more from when the guard is dropped.
    pub(crate) fn closing(&self) -> Closing<'_> {
        Closing(&self.0.requests)
    }

    /// Versions that wait for the run.
    pub(crate) fn swaps(&self) -> &SwapQueue {
        &self.0.swaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_gentle_word_does_not_take_back_a_hard_one() {
        let control = Control::default();
        assert!(!control.stop_asked());
        control.clone().stop_now();
        control.stop_gracefully();
        assert!(control.stop_asked() && control.stop_now_asked());
        control.stop_by_api(true);
        assert!(!control.stopped_by_api(), "whoever asks first");
    }

    #[test]
    fn the_api_may_end_a_run_gently_and_then_at_once() {
        let control = Control::default();
        assert!(!control.stopped_by_api());
        control.stop_by_api(false);
        assert!(control.stopped_by_api() && !control.stop_now_asked());
        control.stop_gracefully();
        control.stop_by_api(true);
        assert!(control.stopped_by_api() && control.stop_now_asked());
    }

    #[test]
    fn changes_wait_for_the_run_up_to_a_bound() {
        let control = Control::default();
        let first = control.change(Some("chat"), Action::Pause);
        for _ in 1..CHANGES_WAITING_MAX {
            drop(control.change(None, Action::Resume));
        }
        let refused = control.change(None, Action::Pause).blocking_recv().unwrap();
        assert!(refused.unwrap_err().reason.contains("try again later"));
        let refused = control.change_all(vec![(None, Action::Pause)]);
        assert_eq!(refused.blocking_recv().unwrap().unwrap_err().len(), 1);
        let mut requests = control.take_requests();
        assert_eq!(requests.len(), CHANGES_WAITING_MAX);
        let request = requests.pop_front().unwrap();
        assert_eq!(request.wishes[0].scenario.as_deref(), Some("chat"));
        let changed = Changed {
            users_added: 3,
            ..Changed::default()
        };
        request.answer.give(Ok(vec![changed.clone()]));
        assert_eq!(first.blocking_recv().unwrap(), Ok(changed));
        assert!(control.take_requests().is_empty());
    }

    #[test]
    fn a_change_that_nobody_waits_for_any_more_is_known_by_it() {
        let control = Control::default();
        let one = control.change(None, Action::Pause);
        let all = control.change_all(vec![(None, Action::Resume)]);
        let given_up = |requests: &VecDeque<Request>| {
            let given_up = requests.iter().map(|request| request.answer.is_given_up());
            given_up.collect::<Vec<_>>()
        };
        let requests = control.take_requests();
        assert_eq!(given_up(&requests), [false, false]);
        drop(one);
        assert_eq!(given_up(&requests), [true, false]);
        drop(all);
        assert_eq!(given_up(&requests), [true, true]);
    }

    #[test]
    fn who_asks_a_run_that_has_ended_is_not_left_waiting() {
        let control = Control::default();
        let closing = control.closing();
        let waiting = control.change(None, Action::Pause);
        drop(closing);
        assert!(waiting.blocking_recv().is_err());
        let late = control.change_all(vec![(None, Action::Pause)]);
        assert!(late.blocking_recv().is_err() && control.take_requests().is_empty());
    }

    #[test]
    fn many_changes_at_once_are_too_many_as_well() {
        let control = Control::default();
        let many = vec![(None, Action::Pause); CHANGES_WAITING_MAX + 1];
        let refused = control.change_all(many).blocking_recv().unwrap();
        assert!(refused.is_err() && control.take_requests().is_empty());
    }
}
