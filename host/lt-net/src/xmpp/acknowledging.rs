//! Waiting for the server to say what it has handled (XEP-0198, section 4).

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::sm::SmState;
use super::{Close, XmppError};
use crate::waiting::keep;

/// When the server has answered so often, or has handled so many stanzas, it has answered a question: known when it was asked.
pub(super) type Asked = Cell<Option<(u64, u32)>>;

/// Somebody waits for an acknowledgement. Dropping it ends the wait.
#[derive(Debug, Default)]
pub struct Acknowledging {
    /// The question, which others may wait for too.
    asked: Rc<Asked>,
    result: RefCell<Option<Result<u32, XmppError>>>,
    waker: RefCell<Option<Waker>>,
}

impl Acknowledging {
    /// Wait for the answer to this.
    pub(super) fn to(asked: Rc<Asked>) -> Self {
        Self {
            asked,
            ..Self::default()
        }
    }

    /// Ready with the number of stanzas that the server had not handled then, once; or with the end of the session.
    pub fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<u32, XmppError>> {
        match self.result.take() {
            Some(result) => Poll::Ready(result),
            None => {
                keep(&self.waker, cx);
                Poll::Pending
            }
        }
    }

    /// The server has acknowledged. Returns whether this was what was waited for.
    pub(super) fn look(&self, sm: &SmState) -> bool {
        let asked = self.asked.get();
        let is_answered = asked.is_some_and(|(asks, sent)| sm.has_answered(asks, sent));
        if is_answered {
            self.finish(Ok(sm.unacknowledged()));
        }
        is_answered
    }

    /// The session has ended.
    pub(super) fn end(&self, close: &Close) {
        self.finish(Err(XmppError::Closed(close.clone())));
    }

    fn finish(&self, result: Result<u32, XmppError>) {
        self.result.replace(Some(result));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}
