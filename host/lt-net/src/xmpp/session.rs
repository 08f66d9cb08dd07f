//! The user's end of a stream.

mod ending;
mod requesting;

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use super::acknowledging::Acknowledging;
use super::channel::Channel;
use super::outbox::{Entry, Outbox};
use super::performing::Running;
use super::pump::Pump;
use super::requests::Requests;
use super::sm::SmState;
use super::{
    Close, Connected, Ending, Filters, Handlers, Intake, Stanza, StanzaKind, check_element,
};
use crate::inbox::{Inbox, Incoming};
use crate::periodic::{Periodic, Schedule};
use crate::waiting::Ends;
use crate::websocket::InboxOptions;

/// A session that was just connected.
#[derive(Debug)]
pub struct Opened {
    /// For the user.
    pub session: Rc<Session>,
    /// To be spawned on the same thread.
    pub pump: Pump,
}

/// What connecting hands on besides the channel.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) handlers: Handlers,
    pub(crate) intake: Intake,
    pub(crate) inbox: InboxOptions,
    /// Stream management, if it is on.
    pub(crate) sm: Option<SmState>,
    /// What came while connecting and was for nobody there, in its order. [`Observer::received`] is not told of it, and stream management
    /// has counted it.
    ///
    /// [`Observer::received`]: super::Observer::received
    pub(crate) early: Vec<Stanza>,
    /// The server, for pings.
    pub(crate) domain: String,
}

/// What went over a session so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Stanzas handed to the kernel.
    pub sent: u64,
    /// Stanzas that came, kept or not.
    pub received: u64,
    /// Those of them that were lost because the inbox was full.
    pub dropped: u64,
    /// Stanzas in the inbox.
    pub waiting: usize,
    /// Bytes that were given to send and are not with the kernel yet.
    pub unsent_bytes: usize,
    /// Stanzas sent that the server has not acknowledged; zero without stream management.
    pub unacknowledged: u32,
    /// The server's count of stanzas that this side has handled, as this side counts it.
    pub handled: u32,
}

/// What a user sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// One element: checked by [`check_element`], which says what it is.
    Stanza {
        /// Its text.
        xml: Box<str>,
        /// What it is; `None` if no stanza.
        kind: Option<StanzaKind>,
    },
    /// Bytes as they are.
    Raw(Box<[u8]>),
}

/// Why something was not taken.
#[derive(Debug, PartialEq, Eq)]
pub enum Unsent {
    /// Too much is unsent: here it is, for when [`Session::poll_room`] is ready.
    Full(Item),
    /// The session has ended, or is about to.
    Closed(Close),
}

/// What is sent at an interval.
#[derive(Debug)]
pub(super) enum Beat {
    /// A text in which `{n}` is replaced; white space if it is none.
    Send(Box<str>, Option<StanzaKind>),
    /// A ping, and the time that its answer may take.
    Ping(Option<Duration>),
}

impl Incoming for Stanza {
    fn bytes(&self) -> usize {
        Stanza::bytes(self)
    }
}

/// The user's end. All of it is for the thread of its pump. The polling methods keep one waker between them: one task waits
/// for whatever it waits for, and may be woken for less. [`Request`], [`Performing`] and [`Acknowledging`] keep one each.
///
/// [`Request`]: super::Request
/// [`Performing`]: super::Performing
#[derive(Debug)]
pub struct Session {
    /// Boxed, because a user may have closed it long ago and holds on to the rest only.
    connected: Box<Connected>,
    pub(super) domain: Box<str>,
    pub(super) handlers: Handlers,
    pub(super) intake: RefCell<Intake>,
    pub(super) inbox: RefCell<Inbox<Stanza>>,
    pub(super) outbox: RefCell<Outbox>,
    pub(super) sm: RefCell<Option<Box<SmState>>>,
    pub(super) requests: RefCell<Requests>,
    pub(super) schedule: RefCell<Schedule<Beat>>,
    /// The step that is done after connecting, if there is one.
    pub(super) running: RefCell<Option<Box<Running>>>,
    /// The step of stream management that nobody waits for any more, if another was begun since: its answer changes the stream.
    pub(super) enabling: RefCell<Option<Box<Running>>>,
    pub(super) acknowledging: RefCell<Vec<Weak<Acknowledging>>>,
    /// By when the server has to have ended the stream that the user ends.
    pub(super) close_until: Cell<Option<Instant>>,
    pub(super) abandoned: Cell<bool>,
    /// The end: written once, by the pump or by [`Session::kill`].
    pub(super) closed: OnceCell<Box<Close>>,
    pub(super) sent: Cell<u64>,
    pub(super) received: Cell<u64>,
    pub(super) dropped: Cell<u64>,
    /// What this session's ids begin with: nobody can guess it, so that nobody else's stanza passes for an answer.
    id_key: u32,
    ids: Cell<u32>,
    /// Who waits for whom.
    pub(super) ends: Ends,
}

impl Session {
    /// A session and its pump, over a stream that was just connected.
    pub(crate) fn open(channel: Channel, connected: Connected, setup: Setup) -> Opened {
        let mut sm = setup.sm.map(Box::new);
        let resent = sm.as_mut().map(|sm| sm.take_unsent()).unwrap_or_default();
        let [a, b, c, d, ..] = RandomState::new().hash_one(0).to_ne_bytes();
        let session = Rc::new(Self {
            connected: Box::new(connected),
            domain: setup.domain.into_boxed_str(),
            handlers: setup.handlers,
            intake: RefCell::new(setup.intake),
            inbox: RefCell::new(Inbox::new(setup.inbox)),
            outbox: RefCell::new(Outbox::new(resent)),
            sm: RefCell::new(sm),
            requests: RefCell::default(),
            schedule: RefCell::default(),
            running: RefCell::default(),
            enabling: RefCell::default(),
            acknowledging: RefCell::default(),
            close_until: Cell::new(None),
            abandoned: Cell::new(false),
            closed: OnceCell::new(),
            sent: Cell::new(0),
            received: Cell::new(0),
            dropped: Cell::new(0),
            id_key: u32::from_ne_bytes([a, b, c, d]),
            ids: Cell::new(0),
            ends: Ends::default(),
        });
        let pump = Pump::new(session.clone(), channel, setup.early);
        Opened { session, pump }
    }

    /// What connecting came to.
    #[must_use]
    pub fn connected(&self) -> &Connected {
        &self.connected
    }

    /// What went over it so far.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let sm = self.sm.borrow();
        let sm = sm.as_deref();
        Statistics {
            sent: self.sent.get(),
            received: self.received.get(),
            dropped: self.dropped.get(),
            waiting: self.inbox.borrow().len(),
            unsent_bytes: self.outbox.borrow().unsent_bytes(),
            unacknowledged: sm.map_or(0, SmState::unacknowledged),
            handled: sm.map_or(0, SmState::handled),
        }
    }

    /// Give something to the pump, which sends in order.
    ///
    /// # Errors
    /// The thing itself if there is no room ([`UNSENT_BYTES_MAX`], [`UNSENT_STANZAS_MAX`]; one that is larger by itself is
    /// taken when nothing is unsent), or the end. After [`Session::close`] there is no sending either.
    ///
    /// [`UNSENT_BYTES_MAX`]: super::UNSENT_BYTES_MAX
    /// [`UNSENT_STANZAS_MAX`]: super::UNSENT_STANZAS_MAX
    pub fn try_send(&self, item: Item) -> Result<(), Unsent> {
        self.check_open().map_err(Unsent::Closed)?;
        let pushed = self.outbox.borrow_mut().push(Entry::Item(item));
        if let Err(Entry::Item(item)) = pushed {
            return Err(Unsent::Full(item));
        }
        self.ends.wake_pump();
        Ok(())
    }

    /// Ready when there is room for what was given back last, or the session has ended.
    pub fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let ready = self.check_open().is_err() || self.outbox.borrow().has_room_again();
        self.ends.ready_or_wait(ready.then_some(()), cx)
    }

    /// Take the oldest stanza that is meant, also after the session has ended.
    pub fn try_receive(&self, filters: Option<&Filters>) -> Option<Stanza> {
        self.try_receive_newest(usize::MAX, filters)
    }

    /// Of the newest so many stanzas, take the oldest that is meant; the others stay in their order. Who has looked at the older ones
    /// before says how many came since ([`Session::poll_arrival`]), so that each is looked at once.
    pub fn try_receive_newest(&self, newest: usize, filters: Option<&Filters>) -> Option<Stanza> {
        let is_meant = |stanza: &Stanza| filters.is_none_or(|filters| filters.matches(stanza));
        let stanza = self.inbox.borrow_mut().take_matching(newest, is_meant);
        if stanza.is_some() {
            self.ends.made_room();
        }
        stanza
    }

    /// Ready when there is a stanza, or the session has ended.
    pub fn poll_receive(&self, cx: &mut Context<'_>) -> Poll<()> {
        let ready = self.inbox.borrow().len() > 0 || self.closed.get().is_some();
        self.ends.ready_or_wait(ready.then_some(()), cx)
    }

    /// Ready when more than `seen` stanzas were ever put into the inbox, or the session has ended: how many were.
    pub fn poll_arrival(&self, seen: u64, cx: &mut Context<'_>) -> Poll<u64> {
        let arrivals = self.inbox.borrow().arrivals();
        let ready = arrivals > seen || self.closed.get().is_some();
        self.ends.ready_or_wait(ready.then_some(arrivals), cx)
    }

    /// Take what is in the inbox, at most so many.
    pub fn drain(&self, max: usize) -> Vec<Stanza> {
        let mut inbox = self.inbox.borrow_mut();
        let mut stanzas = Vec::with_capacity(max.min(inbox.len()));
        while stanzas.len() < max
            && let Some(stanza) = inbox.take()
        {
            stanzas.push(stanza);
        }
        drop(inbox);
        self.ends.made_room();
        stanzas
    }

    /// Look at all stanzas in the inbox, the oldest first, and take out those for which this says so.
    pub fn take_matching(&self, f: &dyn Fn(&Stanza) -> bool) -> Vec<Stanza> {
        let mut taken = Vec::new();
        self.inbox.borrow_mut().retain(&mut |stanza| {
            let takes = f(stanza);
            if takes {
                taken.push(stanza.clone());
            }
            !takes
        });
        if !taken.is_empty() {
            self.ends.made_room();
        }
        taken
    }

    /// Change which stanzas go into the inbox from now on.
    pub fn set_intake(&self, intake: Intake) {
        self.intake.replace(intake);
    }

    /// Send an element, or white space, at an interval, beginning after `first`; `{n}` in it is replaced by a number that counts up
    /// from 1.
    ///
    /// # Errors
    /// The end.
    pub fn send_every(
        &self,
        interval: Duration,
        template: &str,
        first: Duration,
    ) -> Result<Rc<Periodic>, Close> {
        let kind = check_element(&number(template, 1)).map(|outgoing| outgoing.kind);
        let beat = Beat::Send(template.into(), kind.ok().flatten());
        self.add_beat(beat, interval, first)
    }

    /// Ping the server at an interval, beginning after `first`; it takes the place of the one before it. If an answer takes
    /// longer than `timeout`, the session ends with [`Ending::PingTimeout`].
    ///
    /// # Errors
    /// The end.
    pub fn ping_every(
        &self,
        interval: Duration,
        timeout: Option<Duration>,
        first: Duration,
    ) -> Result<Rc<Periodic>, Close> {
        self.add_beat(Beat::Ping(timeout), interval, first)
    }

    fn add_beat(
        &self,
        beat: Beat,
        interval: Duration,
        first: Duration,
    ) -> Result<Rc<Periodic>, Close> {
        self.check_open()?;
        let first = Instant::now() + first;
        let is_ping = matches!(beat, Beat::Ping(_));
        let replaces = |other: &Beat| is_ping && matches!(other, Beat::Ping(_));
        let mut schedule = self.schedule.borrow_mut();
        let periodic = schedule.add(beat, interval, first, replaces);
        drop(schedule);
        self.ends.wake_pump();
        Ok(periodic)
    }

    /// An id that this session has not used before.
    pub(super) fn next_id(&self) -> String {
        let number = self.ids.get().wrapping_add(1);
        self.ids.set(number);
        format!("{:08x}-{number}", self.id_key)
    }

    /// Whether something may be sent; else the end, or what it is going to be.
    fn check_open(&self) -> Result<(), Close> {
        if let Some(close) = self.closed() {
            return Err(close);
        }
        if self.close_until.get().is_none() && !self.abandoned.get() {
            return Ok(());
        }
        Err(Close {
            ending: Ending::ByUs,
            condition: String::new(),
            text: String::new(),
        })
    }
}

/// A template's text for the time that has this number.
pub(super) fn number(template: &str, number: u64) -> String {
    template.replace("{n}", &number.to_string())
}
