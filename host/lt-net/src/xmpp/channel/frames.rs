//! A stream over a WebSocket: one frame, one element (RFC 7395, section 3).

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::task::{AbortHandle, spawn_local};
use tokio::time::Instant;

use super::ChannelError;
use crate::error::NetError;
use crate::websocket::{Borrowed, Close, Content, Ending, Observer, Opened, Socket, Unsent};
use crate::xmpp::framer::{Event, FrameError, Framer};

/// How long the server has to answer a close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Frames of a socket whose pump is a task of its own.
#[derive(Debug)]
pub(super) struct Frames {
    socket: Rc<Socket>,
    told: Rc<Told>,
    pump: AbortHandle,
    /// Those that the socket has no room for.
    waiting: VecDeque<Content>,
    waiting_bytes: usize,
}

/// What the pump tells.
#[derive(Debug, Default)]
struct Told {
    /// Bytes sent and received since they were last asked for.
    bytes: Cell<(u64, u64)>,
    /// Whoever waits until all is sent.
    flushing: RefCell<Option<Waker>>,
}

impl Observer for Rc<Told> {
    fn received(&self, _: Borrowed<'_>, _: Instant) -> bool {
        true
    }

    fn waiting(&self, _: usize) {}

    fn dropped(&self, _: u64) {}

    fn sent(&self, _: u64) {
        if let Some(waker) = self.flushing.take() {
            waker.wake();
        }
    }

    fn pong(&self, _: Duration) {}

    fn bytes(&self, sent: u64, received: u64) {
        let before = self.bytes.get();
        self.bytes.set((before.0 + sent, before.1 + received));
    }

    fn ended(&self, _: &Close, _: Duration) {
        self.sent(0);
    }
}

impl Frames {
    pub(super) fn new(opened: Opened) -> Self {
        let told = Rc::<Told>::default();
        let pump = spawn_local(opened.pump.run(told.clone()));
        Self {
            socket: opened.socket,
            told,
            pump: pump.abort_handle(),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
        }
    }

    pub(super) fn poll_next(
        &mut self,
        framer: &mut Framer,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Event, ChannelError>> {
        if self.socket.poll_receive(cx).is_pending() {
            framer.idle();
            return Poll::Pending;
        }
        let event = match self.socket.try_receive() {
            Some(message) => match message.content {
                Content::Text(text) => framer
                    .document(&text, message.arrived)
                    .map_err(ChannelError::Frame),
                Content::Binary(_) => Err(ChannelError::Frame(FrameError {
                    condition: "bad-format",
                    too_large: false,
                    text: "a binary frame".to_owned(),
                })),
            },
            None => Err(self.end()),
        };
        Poll::Ready(event)
    }

    /// Why nothing more comes.
    fn end(&self) -> ChannelError {
        let Some(close) = self.socket.closed() else {
            return ChannelError::Ended;
        };
        let (condition, too_large) = match close.ending {
            Ending::Reset => return ChannelError::Net(NetError::ConnectionReset),
            Ending::ProtocolError | Ending::InvalidUtf8 => ("bad-format", false),
            Ending::MessageTooLarge => ("policy-violation", true),
            Ending::Failed => return ChannelError::Net(NetError::Other(close.reason)),
            // Its answer has come, or was waited for long enough.
            Ending::ByUs
            | Ending::ByPeer
            | Ending::Disconnected
            | Ending::CloseTimeout
            | Ending::PingTimeout
            | Ending::InboxOverflow => return ChannelError::Ended,
        };
        ChannelError::Frame(FrameError {
            condition,
            too_large,
            text: close.reason,
        })
    }

    pub(super) fn queue(&mut self, bytes: &[u8]) {
        let frame = match std::str::from_utf8(bytes) {
            Ok(text) => Content::Text(text.into()),
            Err(_) => Content::Binary(bytes.into()),
        };
        self.waiting_bytes += bytes.len();
        self.waiting.push_back(frame);
    }

    pub(super) fn queued(&self) -> usize {
        self.waiting_bytes + self.socket.statistics().unsent_bytes
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ChannelError>> {
        while let Some(frame) = self.waiting.pop_front() {
            let bytes = match &frame {
                Content::Text(text) => text.len(),
                Content::Binary(bytes) => bytes.len(),
            };
            match self.socket.try_send(frame) {
                Ok(()) => self.waiting_bytes -= bytes,
                Err(Unsent::Full(frame)) => {
                    self.waiting.push_front(frame);
                    if self.socket.poll_room(cx).is_pending() {
                        return Poll::Pending;
                    }
                }
                Err(Unsent::Closed(_)) => {
                    (self.waiting, self.waiting_bytes) = (VecDeque::new(), 0);
                    return Poll::Ready(Err(self.end()));
                }
            }
        }
        self.waiting = VecDeque::new();
        if self.socket.statistics().unsent_bytes == 0 {
            return Poll::Ready(Ok(()));
        }
        *self.told.flushing.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Send a ping that nobody waits for. Returns whether the socket is open.
    pub(super) fn ping(&self) -> bool {
        self.socket.send_ping(Vec::new()).is_ok()
    }

    pub(super) fn take_bytes(&self) -> (u64, u64) {
        self.told.bytes.take()
    }

    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.poll_flush(cx).is_pending() {
            return Poll::Pending;
        }
        self.socket.close(Some(1000), "", CLOSE_TIMEOUT);
        self.socket.poll_closed(cx).map(|_| ())
    }

    pub(super) fn abort(&mut self) {
        self.pump.abort();
        (self.waiting, self.waiting_bytes) = (VecDeque::new(), 0);
    }
}

impl Drop for Frames {
    /// What the socket has is sent if that is possible at once; then its pump ends.
    fn drop(&mut self) {
        self.socket.abandon();
    }
}

#[cfg(test)]
#[path = "frames_tests.rs"]
pub(super) mod tests;
