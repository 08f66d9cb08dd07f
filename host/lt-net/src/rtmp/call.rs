//! A command of the user's, and its answer.

use std::cell::{Cell, RefCell};
use std::task::{Context, Poll};

use super::{Close, RtmpError, Value};
use crate::waiting::Ends;

/// A command that was given to send. Who drops it does not wait for its answer any more.
#[derive(Debug, Default)]
pub struct Call {
    answer: RefCell<Option<Result<Vec<Value>, RtmpError>>>,
    forgotten: Cell<bool>,
    ends: Ends,
}

impl Call {
    /// Ready once with the answer: everything behind the transaction's number, the command object (mostly null) first.
    ///
    /// # Errors
    /// `Refused`: the answer was `_error`; `Closed`: the connection has ended before there was one.
    pub fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<Vec<Value>, RtmpError>> {
        let answer = self.answer.borrow_mut().take();
        self.ends.ready_or_wait(answer, cx)
    }

    /// Nobody waits for it any more: its place is free for another.
    pub fn forget(&self) {
        self.forgotten.set(true);
    }

    pub(super) fn is_waited_for(&self) -> bool {
        !self.forgotten.get()
    }

    pub(super) fn answer(&self, answer: Result<Vec<Value>, RtmpError>) {
        self.forgotten.set(true);
        self.answer.replace(Some(answer));
        self.ends.wake_user();
    }

    pub(super) fn end(&self, close: &Close) {
        if self.is_waited_for() {
            self.answer(Err(RtmpError::Closed(close.clone())));
        }
    }
}
