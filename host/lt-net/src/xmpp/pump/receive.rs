//! What a pump takes in.

use std::task::{Context, Poll};

use tokio::time::Instant;

use super::{LINGER, Observer, Pump, State, count, plain};
use crate::inbox::Pushed;
use crate::xmpp::channel::ChannelError;
use crate::xmpp::framer::{Event, FrameError};
use crate::xmpp::{Close, Ending, Stanza};

/// Elements of one session before its neighbours get their turn: those of one read, if they are small.
const ELEMENTS_PER_POLL: usize = 128;
/// Conditions with which servers end the streams of an account that was removed: the specification's, and what some send.
const ACCOUNT_GONE: [&str; 2] = ["not-authorized", "conflict"];

impl Pump {
    /// Read what there is, as far as there is room for it. Returns whether there may be more.
    pub(super) fn read(&mut self, cx: &mut Context<'_>, observer: &impl Observer) -> bool {
        // Answers to what came before are not written: for now there is nothing to read.
        if !self.is_receiving() || self.session.outbox.borrow().is_own_full() {
            return false;
        }
        self.put_stalled(observer);
        let mut again = true;
        for _ in 0..ELEMENTS_PER_POLL {
            let is_stuck = self.stalled.is_some() || self.session.outbox.borrow().is_own_full();
            if !self.is_receiving() || is_stuck {
                again = self.stalled.is_none();
                break;
            }
            if let Some(stanza) = self.early.pop_front() {
                self.take_element(stanza, true, observer);
                continue;
            }
            match self.channel.poll_next(cx) {
                Poll::Pending => {
                    again = false;
                    break;
                }
                Poll::Ready(event) => self.take_event(event, observer),
            }
        }
        self.note_stall();
        again && self.is_receiving()
    }

    /// While nothing is read no answer can be seen: that time does not count.
    fn note_stall(&mut self) {
        if self.stalled.is_none() {
            if let Some(since) = self.stalled_since.take() {
                let requests = self.session.requests.borrow();
                requests.postpone_pings(since.elapsed());
            }
        } else if self.stalled_since.is_none() {
            self.stalled_since = Some(Instant::now());
        }
    }

    fn take_event(&mut self, event: Result<Event, ChannelError>, observer: &impl Observer) {
        match event {
            Ok(Event::Element(stanza)) => {
                self.arrived = stanza.arrived();
                self.take_element(stanza, false, observer);
            }
            Ok(Event::Close) => self.take_end(),
            Ok(Event::Open(_)) => {
                let text = "the server opened the stream anew".to_owned();
                self.fail(Ending::ProtocolError, "bad-format", text, "", observer);
            }
            Err(ChannelError::Frame(error)) => self.refuse(error, observer),
            Err(error) => self.end_failed(error, observer),
        }
    }

    /// What came is no XMPP, or over a limit.
    fn refuse(&mut self, error: FrameError, observer: &impl Observer) {
        let FrameError {
            condition,
            too_large,
            text,
        } = error;
        let ending = if too_large {
            Ending::StanzaTooLarge
        } else {
            Ending::ProtocolError
        };
        self.fail(ending, condition, text, "", observer);
    }

    /// The server ends the stream, or agrees that we do.
    fn take_end(&mut self) {
        let ending = if self.session.outbox.borrow().is_end_given() {
            Ending::ByUs
        } else {
            Ending::ByPeer
        };
        self.session.outbox.borrow_mut().abort(None);
        self.leave(plain(ending, String::new()), LINGER);
    }

    /// A stream error came: the server ends the stream behind it (RFC 6120, section 4.9.1.1). The one that follows the removal of the account is the
    /// end that was asked for.
    pub(super) fn take_stream_error(&mut self, mut close: Close, observer: &impl Observer) {
        let is_gone = self.session.requests.borrow().account_is_removed();
        if is_gone && ACCOUNT_GONE.contains(&close.condition.as_str()) {
            close.ending = Ending::ByPeer;
        } else {
            observer.error(&close.condition);
        }
        self.session.outbox.borrow_mut().abort(None);
        self.leave(close, LINGER);
    }

    /// Put a stanza into the inbox.
    pub(super) fn put(&mut self, stanza: Stanza, observer: &impl Observer) {
        let draining = matches!(self.state, State::Closing { .. });
        let pushed = self.session.inbox.borrow_mut().push(stanza, draining);
        let dropped = match pushed {
            Pushed::Kept(dropped) => {
                self.session.ends.wake_user();
                dropped
            }
            Pushed::Dropped => 1,
            Pushed::Stalled(stanza) => {
                self.stalled = Some(stanza);
                0
            }
            Pushed::Overflow => {
                let text = "the inbox is full".to_owned();
                let ending = Ending::InboxOverflow;
                self.fail(ending, "resource-constraint", text, "", observer);
                1
            }
        };
        self.session.ends.stalled.set(self.stalled.is_some());
        if dropped > 0 {
            count(&self.session.dropped, dropped);
            observer.dropped(dropped);
        }
    }

    /// Look whether there is room now for the stanza that had none.
    fn put_stalled(&mut self, observer: &impl Observer) {
        if let Some(stanza) = self.stalled.take() {
            self.put(stanza, observer);
        }
    }

    /// Let the server close first. Returns whether there may be more to read.
    pub(super) fn discard(&mut self, cx: &mut Context<'_>) -> bool {
        if self.channel.is_websocket() {
            // Its own closing handshake waits for the peer.
            if self.channel.poll_shutdown(cx).is_ready() {
                self.state = State::Done;
            }
            return false;
        }
        for _ in 0..ELEMENTS_PER_POLL {
            match self.channel.poll_next(cx) {
                Poll::Pending => return false,
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(_)) => {
                    self.state = State::Done;
                    return false;
                }
            }
        }
        true
    }
}
