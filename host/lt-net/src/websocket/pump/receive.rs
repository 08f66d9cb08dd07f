//! What a pump takes in.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::time::Instant;

use super::{LINGER, Pump, State, count};
use crate::inbox::Pushed;
use crate::reading::{Discarded, discard, with_buffer};
use crate::websocket::codec::{CloseFrame, Decoder, Event, Violation};
use crate::websocket::outbox::ControlFrame;
use crate::websocket::{Borrowed, Ending, Message, Observer};

/// Bytes of one read. Every stamp holds for what was read with it; a larger buffer would only save calls on floods.
const READ_BYTES: usize = 16 << 10;
/// Reads of one socket before its neighbours get their turn: about as many small messages as a millisecond has room for.
const READS_PER_POLL: usize = 2;

/// Capacity that a connection keeps for a part of a frame; what a large message made it grow to is given back.
const KEPT_PENDING_BYTES: usize = 64 << 10;

impl Pump {
    /// Read what there is, as far as there is room for it. Returns whether there may be more.
    pub(super) fn read(&mut self, cx: &mut Context<'_>, observer: &impl Observer) -> bool {
        if !self.is_receiving() {
            return false;
        }
        self.put_stalled(observer);
        if self.is_pending_new && self.stalled.is_none() {
            self.is_pending_new = false;
            self.arrived = self.stream.wire().counters().arrived();
            self.take_in(&[], observer);
        }
        let again = with_buffer(READ_BYTES, |buffer| self.read_into(buffer, cx, observer));
        self.note_stall();
        again && self.is_receiving()
    }

    /// Read what there is into a buffer, and take it in. Returns whether there may be more.
    fn read_into(
        &mut self,
        buffer: &mut [u8],
        cx: &mut Context<'_>,
        observer: &impl Observer,
    ) -> bool {
        let mut again = true;
        for _ in 0..READS_PER_POLL {
            if !self.is_receiving() || self.stalled.is_some() {
                again = false;
                break;
            }
            let mut filled = ReadBuf::new(buffer);
            match Pin::new(&mut self.stream).poll_read(cx, &mut filled) {
                Poll::Pending => {
                    again = false;
                    break;
                }
                Poll::Ready(Ok(())) if filled.filled().is_empty() => {
                    self.end_disconnected(observer)
                }
                Poll::Ready(Ok(())) => {
                    self.arrived = self.stream.wire().counters().arrived();
                    self.take_in(filled.filled(), observer);
                }
                Poll::Ready(Err(error)) => self.end_failed(&error, observer),
            }
        }
        again
    }

    /// While nothing is read no pong can be seen: that time does not count.
    fn note_stall(&mut self) {
        if self.stalled.is_none() {
            if let Some(since) = self.stalled_since.take() {
                self.socket.pings.borrow_mut().postpone(since.elapsed());
            }
        } else if self.stalled_since.is_none() {
            self.stalled_since = Some(Instant::now());
        }
    }

    /// Take in what came, behind what was there.
    fn take_in(&mut self, new: &[u8], observer: &impl Observer) {
        if self.pending.is_empty() {
            let used = self.decode(new, observer);
            self.pending
                .extend_from_slice(new.get(used..).unwrap_or_default());
        } else {
            let mut bytes = mem::take(&mut self.pending);
            bytes.extend_from_slice(new);
            let used = self.decode(&bytes, observer);
            if used < bytes.len() {
                bytes.drain(..used);
                give_back(&mut bytes);
                self.pending = bytes;
            }
        }
        if !self.is_receiving() {
            self.pending = Vec::new();
        }
    }

    /// Look at all whole frames; how many bytes they were.
    fn decode(&mut self, bytes: &[u8], observer: &impl Observer) -> usize {
        let mut decoder = mem::replace(&mut self.decoder, Decoder::new(0));
        let mut used = 0;
        while self.is_receiving() && self.stalled.is_none() {
            let rest = bytes.get(used..).unwrap_or_default();
            let event = match decoder.frame(rest) {
                Ok(None) => break,
                Ok(Some(frame)) => {
                    used += frame.length;
                    decoder.event(&frame)
                }
                Err(violation) => Err(violation),
            };
            match event {
                Ok(event) => self.take_event(event, observer),
                Err(violation) => self.fail(violation),
            }
        }
        decoder.forget_last();
        self.decoder = decoder;
        used
    }

    fn take_event(&mut self, event: Event<'_>, observer: &impl Observer) {
        match event {
            Event::Message(content) => self.take_message(content, observer),
            Event::Fragment => {}
            Event::Ping(data) => {
                count(&self.socket.pings_received, 1);
                let pong = ControlFrame::Answer(data.into());
                self.socket.outbox.borrow_mut().push_control(pong);
            }
            Event::Pong(data) => {
                let took = self.socket.pings.borrow_mut().pong(data, self.arrived);
                if let Some(took) = took {
                    self.socket.last_ping.set(Some(took));
                    observer.pong(took);
                    self.socket.ends.wake_user();
                }
            }
            Event::Close(frame) => self.take_close(frame),
        }
    }

    fn take_message(&mut self, content: Borrowed<'_>, observer: &impl Observer) {
        count(&self.socket.received, 1);
        let kept = observer.received(content, self.arrived);
        if kept && self.socket.inbox.borrow().keeps() {
            let message = Message {
                content: content.to_content(),
                arrived: self.arrived,
            };
            self.put(message, observer);
        }
    }

    fn put(&mut self, message: Message, observer: &impl Observer) {
        let draining = matches!(self.state, State::Closing { .. });
        let mut inbox = self.socket.inbox.borrow_mut();
        let pushed = inbox.push(message, draining);
        let waiting = inbox.len();
        drop(inbox);
        let dropped = match pushed {
            Pushed::Kept(dropped) => {
                observer.waiting(waiting);
                self.socket.ends.wake_user();
                dropped
            }
            Pushed::Dropped => 1,
            Pushed::Stalled(message) => {
                self.stalled = Some(message);
                self.is_pending_new = true;
                0
            }
            Pushed::Overflow => {
                self.fail(Violation {
                    ending: Ending::InboxOverflow,
                    code: 1008,
                    what: "the inbox is full",
                });
                1
            }
        };
        self.socket.ends.stalled.set(self.stalled.is_some());
        if dropped > 0 {
            count(&self.socket.dropped, dropped);
            observer.dropped(dropped);
        }
    }

    /// Look whether there is room now for the message that had none.
    fn put_stalled(&mut self, observer: &impl Observer) {
        if let Some(message) = self.stalled.take() {
            self.put(message, observer);
        }
    }

    /// The peer closes, or agrees that we do.
    fn take_close(&mut self, frame: CloseFrame) {
        let ending = if self.socket.outbox.borrow().is_close_encoded() {
            Ending::ByUs
        } else {
            Ending::ByPeer
        };
        let answer = CloseFrame::new(frame.code, "");
        self.leave(
            ending,
            Some(frame.code.unwrap_or(1005)),
            frame.reason,
            LINGER,
        );
        self.socket.outbox.borrow_mut().abort(answer);
    }

    /// Let the peer close first. Returns whether there may be more to read.
    pub(super) fn discard(&mut self, cx: &mut Context<'_>) -> bool {
        let discarded = discard(&mut self.stream, cx, (READ_BYTES, READS_PER_POLL));
        if discarded == Discarded::Ended {
            self.state = State::Done;
        }
        discarded != Discarded::Nothing
    }
}

/// Let go of memory that is mostly unused.
fn give_back(bytes: &mut Vec<u8>) {
    if bytes.capacity() > KEPT_PENDING_BYTES && bytes.len() < bytes.capacity() / 4 {
        bytes.shrink_to(KEPT_PENDING_BYTES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_message_leaves_no_memory_behind() {
        let mut bytes = Vec::with_capacity(16 << 20);
        bytes.extend_from_slice(&[7; 1000]);
        give_back(&mut bytes);
        assert!((1000..=KEPT_PENDING_BYTES).contains(&bytes.capacity()));
        assert_eq!(bytes, [7; 1000]);
        // A message that is still coming keeps its room.
        let mut growing = vec![7; 5 << 20];
        growing.reserve_exact(11 << 20);
        give_back(&mut growing);
        assert!(growing.capacity() >= 16 << 20);
    }
}
