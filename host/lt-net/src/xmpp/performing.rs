//! A step that is done after connecting.

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;

use super::connect::ask::{Answer, Ask, Enabled};
use super::outbox::{Entry, Outbox};
use super::{Stanza, XmppError};
use crate::waiting::keep;

/// A step under way. Dropping it gives it up: what comes of it is received as anything else is.
#[derive(Debug, Default)]
pub struct Performing {
    result: RefCell<Option<Result<Duration, XmppError>>>,
    waker: RefCell<Option<Waker>>,
}

impl Performing {
    /// Ready with what it took, once; or with why it failed.
    pub fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<Duration, XmppError>> {
        match self.result.take() {
            Some(result) => Poll::Ready(result),
            None => {
                keep(&self.waker, cx);
                Poll::Pending
            }
        }
    }

    fn finish(&self, result: Result<Duration, XmppError>) {
        self.result.replace(Some(result));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// The pump's side of it.
#[derive(Debug)]
pub(super) struct Running {
    ask: Ask,
    performing: Weak<Performing>,
    started: Instant,
    deadline: Instant,
    /// What is to be sent, until there is room for it.
    unsent: Option<Entry>,
    /// What stream management is asked for changes the stream, also when nobody waits for it.
    outlives: bool,
}

/// What an element is to the step.
#[derive(Debug)]
pub(super) enum Look {
    /// Nothing.
    No,
    /// It ended it.
    Done,
    /// It ended it: stream management is on from here.
    Enabled(Enabled),
    /// It ended it, with an error.
    Failed,
}

impl Running {
    /// Begin to wait: for room for what is to be sent, and then for the answer. With nothing to wait for it is done.
    pub(super) fn begin(
        ask: Ask,
        unsent: Option<Entry>,
        timeout: Duration,
        outlives: bool,
    ) -> (Rc<Performing>, Option<Box<Self>>) {
        let performing = Rc::new(Performing::default());
        if unsent.is_none() && !ask.awaits() {
            performing.finish(Ok(Duration::ZERO));
            return (performing, None);
        }
        let now = Instant::now();
        let running = Self {
            ask,
            performing: Rc::downgrade(&performing),
            started: now,
            deadline: now + timeout,
            unsent,
            outlives,
        };
        (performing, Some(Box::new(running)))
    }

    /// Whether somebody waits for it.
    pub(super) fn is_awaited(&self) -> bool {
        self.performing.strong_count() > 0
    }

    /// Whether it is of no use any more: what was not sent is not going to be.
    pub(super) fn is_over(&self) -> bool {
        !self.is_awaited() && !self.outlives()
    }

    /// Whether its answer changes the stream although nobody may wait for it.
    pub(super) fn outlives(&self) -> bool {
        self.outlives && self.unsent.is_none()
    }

    /// Send what found no room before, if there is room now. Returns whether that was all that was to be done.
    pub(super) fn send(&mut self, outbox: &mut Outbox) -> bool {
        let Some(entry) = self.unsent.take() else {
            return false;
        };
        if let Err(entry) = outbox.place(entry) {
            self.unsent = Some(entry);
            return false;
        }
        let is_done = !self.ask.awaits();
        if is_done {
            self.finish(Ok(self.started.elapsed()));
        }
        is_done
    }

    /// By when it has to be done.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.is_awaited().then_some(self.deadline)
    }

    /// Look at an element.
    pub(super) fn look(&self, stanza: &Stanza) -> Look {
        if self.unsent.is_some() {
            return Look::No;
        }
        let Some(answer) = self.ask.answer(stanza) else {
            return Look::No;
        };
        let took = stanza.arrived().saturating_duration_since(self.started);
        match answer {
            Ok(answer) => {
                self.finish(Ok(took));
                match answer {
                    Answer::Done => Look::Done,
                    Answer::Enabled(enabled) => Look::Enabled(enabled),
                }
            }
            Err(error) => {
                self.finish(Err(error));
                Look::Failed
            }
        }
    }

    /// Its time is over. Returns whether it is of no use any more.
    pub(super) fn time_out(&mut self) -> bool {
        let name = self.ask.name().to_string();
        self.finish(Err(XmppError::StepTimeout(name)));
        self.performing = Weak::new();
        self.is_over()
    }

    /// The session has ended.
    pub(super) fn end(&self, close: &super::Close) {
        self.finish(Err(XmppError::Closed(close.clone())));
    }

    fn finish(&self, result: Result<Duration, XmppError>) {
        if let Some(performing) = self.performing.upgrade() {
            performing.finish(result);
        }
    }
}
