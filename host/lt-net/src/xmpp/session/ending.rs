//! How a user ends a session, and what is left of it.

use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use super::Session;
use crate::xmpp::{Close, Ending, Resumption};

impl Session {
    /// How the session ended, if it has.
    #[must_use]
    pub fn closed(&self) -> Option<Close> {
        self.closed.get().map(|close| Close::clone(close))
    }

    /// End the stream after what was given to send. `timeout` bounds all of it; then the session ends with
    /// [`Ending::CloseTimeout`]. What comes until the server has ended its side still goes into the inbox, as far as there is room.
    /// Only the first call counts.
    pub fn close(&self, timeout: Duration) {
        if self.close_until.get().is_none() && self.closed.get().is_none() {
            self.close_until.set(Some(Instant::now() + timeout));
            self.ends.wake_pump();
        }
    }

    /// Cut the connection as a crash would, without the stream's end; what was not sent is lost. It has ended when this returns: how,
    /// which may have been before.
    pub fn kill(&self) -> Close {
        let close = Close {
            ending: Ending::Killed,
            condition: String::new(),
            text: String::new(),
        };
        if self.end(close) {
            self.ends.wake_pump();
        }
        self.closed().unwrap_or_else(|| Close {
            ending: Ending::Killed,
            condition: String::new(),
            text: String::new(),
        })
    }

    /// Ready when the session has ended.
    pub fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<Close> {
        self.ends.ready_or_wait(self.closed(), cx)
    }

    /// Nobody holds the session any more: the pump sends what it can at once, the stream's end last, and ends.
    pub fn abandon(&self) {
        self.abandoned.set(true);
        self.ends.wake_pump();
    }

    /// What is left to resume, after the end; once. Nothing if the stream could not be resumed, or was ended by this side.
    pub fn take_resumption(&self) -> Option<Resumption> {
        let close = self.closed.get()?;
        let state = self.sm.borrow_mut().take()?;
        // Also when the server did not agree in time: the stream's end was most likely sent.
        let is_ended = close.ending == Ending::ByUs || self.close_until.get().is_some();
        (!is_ended).then(|| Resumption::of(*state, &self.connected.jid))?
    }

    /// The end: everybody who waits is told. Returns whether this was it.
    pub(in crate::xmpp) fn end(&self, close: Close) -> bool {
        if self.closed.get().is_some() {
            return false;
        }
        self.outbox.borrow_mut().clear();
        self.schedule.borrow_mut().clear();
        // The pump has told the observer of them, unless the user has cut the connection.
        let _ = self.requests.borrow_mut().end(&close, Instant::now());
        self.enabling.take();
        if let Some(running) = self.running.take() {
            running.end(&close);
        }
        for acknowledging in self.acknowledging.take() {
            if let Some(acknowledging) = acknowledging.upgrade() {
                acknowledging.end(&close);
            }
        }
        // It is written nowhere else, and only once.
        let _ = self.closed.set(Box::new(close));
        self.ends.wake_user();
        true
    }

    /// What was given to send and not sent goes with a resumed stream too, as far as there is room: but for a crash, which
    /// loses it. Returns for how many there was none. To be called before [`Session::end`].
    pub(in crate::xmpp) fn keep_unsent(&self, close: &Close) -> u32 {
        if self.closed.get().is_some() || close.ending == Ending::ByUs {
            return 0;
        }
        let mut forgotten = 0;
        let mut sm = self.sm.borrow_mut();
        if let Some(sm) = sm.as_mut().filter(|sm| sm.is_resumable()) {
            for (kind, xml) in self.outbox.borrow_mut().take_unsent_stanzas() {
                forgotten += sm.sent(kind, &xml).forgotten;
            }
        }
        forgotten
    }
}
