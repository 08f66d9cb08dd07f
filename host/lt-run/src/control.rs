//! Steering a run from outside: from a signal handler, from the run file's schedule, later from the API.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use lt_spec::spec::Action;

const RUNNING: u8 = 0;
const GRACEFUL: u8 = 1;
const NOW: u8 = 2;

/// Changes that may wait for the run to look: it looks ten times a second.
const CHANGES_WAITING_MAX: usize = 1000;

/// What someone wants of a running run.
#[derive(Debug)]
pub(crate) struct Request {
    /// Name of the scenario; `None`: all that it fits.
    pub(crate) scenario: Option<String>,
    pub(crate) action: Action,
    /// Where the answer goes.
    pub(crate) answer: Sender<Result<(), String>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicU8,
    requests: Mutex<VecDeque<Request>>,
}

/// A handle on a run. Cheap to clone; the run looks at it ten times a second.
#[derive(Clone, Debug, Default)]
pub struct Control(Arc<Shared>);

impl Control {
    /// Let iterations under way end, then end the run.
    pub fn stop_gracefully(&self) {
        self.0.stop.fetch_max(GRACEFUL, Ordering::Relaxed);
    }

    /// End the run at once: users are dropped where they stand.
    pub fn stop_now(&self) {
        self.0.stop.fetch_max(NOW, Ordering::Relaxed);
    }

    /// Whether anyone asked for the end.
    #[must_use]
    pub fn stop_asked(&self) -> bool {
        self.0.stop.load(Ordering::Relaxed) > RUNNING
    }

    /// Whether anyone asked for the end at once.
    #[must_use]
    pub fn stop_now_asked(&self) -> bool {
        self.0.stop.load(Ordering::Relaxed) == NOW
    }

    /// Change something of a scenario, or of all that it fits. The answer comes through the channel: nothing, or why it is
    /// refused; the channel closes unanswered if the run has ended.
    #[must_use = "a change may be refused"]
    pub fn change(&self, scenario: Option<&str>, action: Action) -> Receiver<Result<(), String>> {
        let (answer, answered) = channel();
        let mut requests = self.requests();
        if requests.len() >= CHANGES_WAITING_MAX {
            let text = format!("{CHANGES_WAITING_MAX} changes wait already; try again later");
            // The receiver is right here.
            let _sent = answer.send(Err(text));
        } else {
            requests.push_back(Request {
                scenario: scenario.map(str::to_owned),
                action,
                answer,
            });
        }
        answered
    }

    /// The changes that were asked for since the last look.
    pub(crate) fn take_requests(&self) -> VecDeque<Request> {
        std::mem::take(&mut *self.requests())
    }

    fn requests(&self) -> std::sync::MutexGuard<'_, VecDeque<Request>> {
        // A queue is whole at every moment, whoever panicked.
        self.0
            .requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
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
    }

    #[test]
    fn changes_wait_for_the_run_up_to_a_bound() {
        let control = Control::default();
        let first = control.change(Some("chat"), Action::Pause);
        for _ in 1..CHANGES_WAITING_MAX {
            drop(control.change(None, Action::Resume));
        }
        let refused = control.change(None, Action::Pause).recv().unwrap();
        assert!(refused.unwrap_err().contains("try again later"));
        let requests = control.take_requests();
        assert_eq!(requests.len(), CHANGES_WAITING_MAX);
        assert_eq!(requests[0].scenario.as_deref(), Some("chat"));
        requests[0].answer.send(Ok(())).unwrap();
        assert_eq!(first.recv().unwrap(), Ok(()));
        assert!(control.take_requests().is_empty());
    }
}
