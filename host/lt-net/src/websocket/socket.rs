//! The user's end of a connection. It shares its state with the [`Pump`], which does all the work.

use std::cell::{Cell, OnceCell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use super::codec::{CONTROL_BYTES_MAX, CloseFrame, Masks};
use super::handshake::Upgraded;
use super::heartbeat::{Beat, Pings};
use super::outbox::{ControlFrame, Outbox};
use super::pump::Pump;
use super::{Borrowed, Close, ConnectOptions, Content, Ending, Heartbeat, Message};
use crate::inbox::Inbox;
use crate::periodic::Schedule;
use crate::timings::Timings;
use crate::waiting::Ends;

/// A connection that was just opened.
#[derive(Debug)]
pub struct Opened {
    /// For the user.
    pub socket: Rc<Socket>,
    /// To be spawned on the same thread.
    pub pump: Pump,
}

/// What went over a socket so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Messages handed to the kernel.
    pub sent: u64,
    /// Messages that came, kept or not.
    pub received: u64,
    /// Those of them that were lost because the inbox was full.
    pub dropped: u64,
    /// Messages in the inbox.
    pub waiting: usize,
    /// Bytes in the inbox.
    pub waiting_bytes: usize,
    /// Pings that came.
    pub pings_received: u64,
    /// Bytes of messages that are not with the kernel yet.
    pub unsent_bytes: usize,
    /// What the last timed ping took that was answered.
    pub last_ping: Option<Duration>,
}

/// Why a message was not taken.
#[derive(Debug, PartialEq, Eq)]
pub enum Unsent {
    /// Too much is unsent: here it is, for when [`Socket::poll_room`] is ready.
    Full(Content),
    /// The connection has ended, or is about to.
    Closed(Close),
}

/// What the user asked for besides sending.
#[derive(Debug)]
pub(super) struct CloseRequest {
    pub(super) frame: CloseFrame,
    pub(super) until: Instant,
}

/// How a connection came about.
#[derive(Debug)]
struct Origin {
    subprotocol: String,
    headers: Vec<(String, Vec<u8>)>,
    url: String,
    remote: SocketAddr,
    timings: Timings,
    total: Duration,
}

/// The user's end. All of it is for the thread of its pump. The polling methods keep one waker between them: one task waits
/// for whatever it waits for, and may be woken for less.
#[derive(Debug)]
pub struct Socket {
    /// Boxed, because a user may have closed it long ago and holds on to the rest only.
    origin: Box<Origin>,
    pub(super) inbox: RefCell<Inbox<Message>>,
    pub(super) outbox: RefCell<Outbox>,
    pub(super) pings: RefCell<Pings>,
    pub(super) schedule: RefCell<Schedule<Beat>>,
    pub(super) request: RefCell<Option<Box<CloseRequest>>>,
    pub(super) abandoned: Cell<bool>,
    /// The end, which the pump writes once.
    pub(super) closed: OnceCell<Box<Close>>,
    pub(super) sent: Cell<u64>,
    pub(super) received: Cell<u64>,
    pub(super) dropped: Cell<u64>,
    pub(super) pings_received: Cell<u64>,
    pub(super) last_ping: Cell<Option<Duration>>,
    /// Who waits for whom.
    pub(super) ends: Ends,
}

impl Socket {
    /// A socket and its pump, over a connection that was just upgraded.
    pub(crate) fn open(upgraded: Upgraded, options: &ConnectOptions) -> Opened {
        let mut masks = Masks::new();
        let key = masks.random();
        let socket = Rc::new(Self {
            origin: Box::new(Origin {
                subprotocol: upgraded.subprotocol,
                headers: upgraded.headers,
                url: upgraded.url,
                remote: upgraded.remote,
                timings: upgraded.timings,
                total: upgraded.total,
            }),
            inbox: RefCell::new(Inbox::new(options.inbox)),
            outbox: RefCell::new(Outbox::new(masks, options.fragment_bytes)),
            pings: RefCell::new(Pings::new(key)),
            schedule: RefCell::default(),
            request: RefCell::default(),
            abandoned: Cell::new(false),
            closed: OnceCell::new(),
            sent: Cell::new(0),
            received: Cell::new(0),
            dropped: Cell::new(0),
            pings_received: Cell::new(0),
            last_ping: Cell::new(None),
            ends: Ends::default(),
        });
        let pump = Pump::new(
            socket.clone(),
            upgraded.stream,
            upgraded.rest,
            options.message_bytes_max,
        );
        Opened { socket, pump }
    }

    /// The subprotocol that the server chose; empty if none.
    #[must_use]
    pub fn subprotocol(&self) -> &str {
        &self.origin.subprotocol
    }

    /// Header fields of the upgrade's answer, names in lower case.
    #[must_use]
    pub fn headers(&self) -> &[(String, Vec<u8>)] {
        &self.origin.headers
    }

    /// The URL, after redirects.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.origin.url
    }

    /// The address that answered.
    #[must_use]
    pub fn remote(&self) -> SocketAddr {
        self.origin.remote
    }

    /// Where the time of connecting went.
    #[must_use]
    pub fn timings(&self) -> Timings {
        self.origin.timings
    }

    /// What connecting took.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.origin.total
    }

    /// What went over it so far.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let inbox = self.inbox.borrow();
        Statistics {
            sent: self.sent.get(),
            received: self.received.get(),
            dropped: self.dropped.get(),
            waiting: inbox.len(),
            waiting_bytes: inbox.bytes(),
            pings_received: self.pings_received.get(),
            unsent_bytes: self.outbox.borrow().unsent_bytes(),
            last_ping: self.last_ping.get(),
        }
    }

    /// How the connection ended, if it has.
    #[must_use]
    pub fn closed(&self) -> Option<Close> {
        self.closed.get().map(|close| Close::clone(close))
    }

    /// Give a message to the pump, which sends in order.
    ///
    /// # Errors
    /// The message itself if there is no room ([`UNSENT_BYTES_MAX`], [`UNSENT_MESSAGES_MAX`]; one that is larger by itself is
    /// taken when nothing is unsent), or the end. After [`Socket::close`] there is no sending either.
    ///
    /// [`UNSENT_BYTES_MAX`]: super::UNSENT_BYTES_MAX
    /// [`UNSENT_MESSAGES_MAX`]: super::UNSENT_MESSAGES_MAX
    pub fn try_send(&self, content: Content) -> Result<(), Unsent> {
        self.check_open().map_err(Unsent::Closed)?;
        self.outbox
            .borrow_mut()
            .push(content)
            .map_err(Unsent::Full)?;
        self.ends.wake_pump();
        Ok(())
    }

    /// Ready when there is room for what [`Socket::try_send`] gave back last, or the connection has ended.
    pub fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let ready = self.check_open().is_err() || self.outbox.borrow().has_room_again();
        self.ends.ready_or_wait(ready.then_some(()), cx)
    }

    /// Send a ping, before the messages that wait. More than 125 bytes are cut off. If a peer does not read, the oldest
    /// of many pings are dropped.
    ///
    /// # Errors
    /// The end.
    pub fn send_ping(&self, data: Vec<u8>) -> Result<(), Close> {
        self.send_control(ControlFrame::Ping(control_data(data)))
    }

    /// Send a pong that nobody asked for, as [`Socket::send_ping`] sends.
    ///
    /// # Errors
    /// The end.
    pub fn send_pong(&self, data: Vec<u8>) -> Result<(), Close> {
        self.send_control(ControlFrame::Pong(control_data(data)))
    }

    /// Send a timed ping; its number, for [`Socket::poll_pong`]. Of more than 64 that are waited for, the oldest is given up: it is
    /// not ready before the connection has ended.
    ///
    /// # Errors
    /// The end.
    pub fn ping(&self) -> Result<u64, Close> {
        self.check_open()?;
        let number = self.pings.borrow_mut().start(true, None);
        self.send_control(ControlFrame::Timed(number))?;
        Ok(number)
    }

    /// Ready when a timed ping was answered: from when it was handed over to its pong's arrival.
    pub fn poll_pong(&self, number: u64, cx: &mut Context<'_>) -> Poll<Result<Duration, Close>> {
        let took = self.pings.borrow_mut().take(number);
        let result = match (took, self.closed.get()) {
            (Some(took), _) => Some(Ok(took)),
            (None, Some(close)) => Some(Err(Close::clone(close))),
            (None, None) => None,
        };
        self.ends.ready_or_wait(result, cx)
    }

    /// Nobody waits for this ping any more.
    pub fn forget_ping(&self, number: u64) {
        self.pings.borrow_mut().forget(number);
    }

    /// Take the oldest message, also after the connection has ended.
    pub fn try_receive(&self) -> Option<Message> {
        let message = self.inbox.borrow_mut().take();
        self.ends.made_room();
        message
    }

    /// Of the newest so many messages, take the oldest that matches; the others stay in their order. Who has looked at the older ones
    /// before says how many came since ([`Socket::poll_arrival`]), so that each is looked at once.
    pub fn try_receive_matching(
        &self,
        newest: usize,
        matches: &dyn Fn(Borrowed<'_>) -> bool,
    ) -> Option<Message> {
        let message = self
            .inbox
            .borrow_mut()
            .take_matching(newest, |message| matches(message.content.borrow()));
        if message.is_some() {
            self.ends.made_room();
        }
        message
    }

    /// Look at all messages in the inbox, the oldest first, and take those out that are not wanted.
    pub fn review(&self, wanted: &mut dyn FnMut(&Message) -> bool) {
        let any_went = self.inbox.borrow_mut().retain(wanted);
        if any_went {
            self.ends.made_room();
        }
    }

    /// Ready when there is a message, or the connection has ended.
    pub fn poll_receive(&self, cx: &mut Context<'_>) -> Poll<()> {
        let ready = self.inbox.borrow().len() > 0 || self.closed.get().is_some();
        self.ends.ready_or_wait(ready.then_some(()), cx)
    }

    /// Ready when more than `seen` messages were ever put into the inbox, or the connection has ended: how many were.
    pub fn poll_arrival(&self, seen: u64, cx: &mut Context<'_>) -> Poll<u64> {
        let arrivals = self.inbox.borrow().arrivals();
        let ready = arrivals > seen || self.closed.get().is_some();
        self.ends.ready_or_wait(ready.then_some(arrivals), cx)
    }

    /// Take what is in the inbox, at most so many.
    pub fn drain(&self, max: usize) -> Vec<Message> {
        let mut inbox = self.inbox.borrow_mut();
        let mut messages = Vec::with_capacity(max.min(inbox.len()));
        while messages.len() < max
            && let Some(message) = inbox.take()
        {
            messages.push(message);
        }
        drop(inbox);
        self.ends.made_room();
        messages
    }

    /// Send a message at an interval, beginning after `first`.
    ///
    /// # Errors
    /// The end.
    pub fn send_every(
        &self,
        interval: Duration,
        content: Content,
        first: Duration,
    ) -> Result<Rc<Heartbeat>, Close> {
        self.add_beat(Beat::Send(content), interval, first)
    }

    /// Send a timed ping at an interval, beginning after `first`; it takes the place of the one before it. If a pong takes
    /// longer than `timeout`, the connection ends with [`Ending::PingTimeout`]; a close frame (1001) is sent if it can be at once.
    ///
    /// # Errors
    /// The end.
    pub fn ping_every(
        &self,
        interval: Duration,
        timeout: Option<Duration>,
        first: Duration,
    ) -> Result<Rc<Heartbeat>, Close> {
        self.add_beat(Beat::Ping(timeout), interval, first)
    }

    /// Send a close frame after what was given to send. `timeout` bounds all of it; then the connection ends with
    /// [`Ending::CloseTimeout`]. What comes until the peer has answered still goes into the inbox, as far as there is room.
    /// Only the first call counts.
    pub fn close(&self, code: Option<u16>, reason: &str, timeout: Duration) {
        let mut request = self.request.borrow_mut();
        if request.is_some() || self.closed.get().is_some() {
            return;
        }
        *request = Some(Box::new(CloseRequest {
            frame: CloseFrame::new(code, reason),
            until: Instant::now() + timeout,
        }));
        drop(request);
        self.ends.wake_pump();
    }

    /// Ready when the connection has ended.
    pub fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<Close> {
        self.ends.ready_or_wait(self.closed(), cx)
    }

    /// Nobody holds the socket any more: the pump sends what it can at once, 1001 last, and ends.
    pub fn abandon(&self) {
        self.abandoned.set(true);
        self.ends.wake_pump();
    }

    fn add_beat(
        &self,
        beat: Beat,
        interval: Duration,
        first: Duration,
    ) -> Result<Rc<Heartbeat>, Close> {
        self.check_open()?;
        let first = Instant::now() + first;
        let is_ping = matches!(beat, Beat::Ping(_));
        let replaces = |other: &Beat| is_ping && matches!(other, Beat::Ping(_));
        let heartbeat = self
            .schedule
            .borrow_mut()
            .add(beat, interval, first, replaces);
        self.ends.wake_pump();
        Ok(heartbeat)
    }

    fn send_control(&self, frame: ControlFrame) -> Result<(), Close> {
        self.check_open()?;
        self.outbox.borrow_mut().push_control(frame);
        self.ends.wake_pump();
        Ok(())
    }

    /// Whether something may be sent; else the end, or what it is going to be.
    fn check_open(&self) -> Result<(), Close> {
        if let Some(close) = self.closed() {
            return Err(close);
        }
        match self.request.borrow().as_deref() {
            None => Ok(()),
            Some(request) => Err(Close {
                code: request.frame.code.unwrap_or(1005),
                reason: request.frame.reason.clone(),
                ending: Ending::ByUs,
            }),
        }
    }
}

fn control_data(mut data: Vec<u8>) -> Box<[u8]> {
    data.truncate(CONTROL_BYTES_MAX);
    data.into_boxed_slice()
}
