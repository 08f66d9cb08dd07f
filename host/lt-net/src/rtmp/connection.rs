//! The user's end of a connection. It shares its state with the [`Pump`], which does all the work.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use super::call::Call;
use super::connect::Established;
use super::player::Player;
use super::publisher::Publisher;
use super::pump::Pump;
use super::stamps::Stamps;
use super::stream::Place;
use super::{Close, Connected, PlayRequest, PublishRequest, RtmpError, StreamObserver, Value};
use crate::error::NetError;
use crate::waiting::Ends;

/// Streams of one connection: a client has one or two.
pub const STREAMS_MAX: usize = 8;
/// Commands of the user's that wait for their answer.
pub const CALLS_MAX: usize = 16;
/// Longest name of a stream or a command: AMF0's strings have a length of 16 bits (AMF0, section 2.4).
pub const NAME_BYTES_MAX: usize = 0xffff;
/// Most bytes of the arguments of one command, or of one data message. Servers assemble them, and bound them far below.
pub const COMMAND_BYTES_MAX: usize = 1 << 20;
/// Bytes of calls that the peer has not taken yet, those for which nobody waits any more included: all that may wait at a time.
const UNSENT_CALL_BYTES_MAX: usize = CALLS_MAX * COMMAND_BYTES_MAX;
/// What the pump may have been given and not begun: who asks and gives up again without ever letting it run is not to fill the memory.
const ASKED_MAX: usize = 64;
/// How long sending what is to be sent may take at the end of a stream or of the connection.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection that was just opened.
#[derive(Debug)]
pub struct Opened {
    /// For the user.
    pub connection: Rc<Connection>,
    /// To be spawned on the same thread.
    pub pump: Pump,
}

/// What the pump is to begin.
#[derive(Debug)]
pub(super) enum Asked {
    Publish(Rc<Publisher>),
    Play(Rc<Player>, Box<PlayRequest>),
    Call(Box<str>, Vec<Value>, Rc<Call>),
}

/// The user's end. All of it is for the thread of its pump. The polling methods keep one waker between them: one task waits for
/// whatever it waits for, and may be woken for less. Streams and calls have wakers of their own.
#[derive(Debug)]
pub struct Connection {
    connected: Box<Connected>,
    stamps: Arc<Stamps>,
    pub(super) asked: RefCell<Vec<Asked>>,
    /// How many streams of it somebody holds.
    pub(super) places: Rc<Cell<usize>>,
    /// Bytes that the peer has not taken: what the pump has, and the calls that it was given since.
    pub(super) unsent: Cell<usize>,
    calls: RefCell<Vec<Weak<Call>>>,
    pub(super) close_until: Cell<Option<Instant>>,
    pub(super) abandoned: Cell<bool>,
    /// The end, which the pump writes once.
    pub(super) closed: OnceCell<Box<Close>>,
    /// Who waits for whom.
    pub(super) ends: Ends,
}

impl Connection {
    /// A connection and its pump, behind the server's yes.
    pub(crate) fn open(mut established: Established) -> Opened {
        let connected = established.take_connected();
        let connection = Rc::new(Self {
            connected: Box::new(connected),
            stamps: established.stamps.clone(),
            asked: RefCell::default(),
            places: Rc::default(),
            unsent: Cell::new(0),
            calls: RefCell::default(),
            close_until: Cell::new(None),
            abandoned: Cell::new(false),
            closed: OnceCell::new(),
            ends: Ends::default(),
        });
        let pump = Pump::new(connection.clone(), established);
        Opened { connection, pump }
    }

    /// What connecting came to.
    #[must_use]
    pub fn connected(&self) -> &Connected {
        &self.connected
    }

    /// How it ended, if it has.
    #[must_use]
    pub fn closed(&self) -> Option<Close> {
        self.closed.get().map(|close| Close::clone(close))
    }

    /// Publish a stream: `createStream`, `releaseStream`, `FCPublish`, `publish`. [`Publisher::poll_started`] says what came of it.
    ///
    /// # Errors
    /// `Closed`; `TooMany`: [`STREAMS_MAX`], where one that was dropped or stopped does not count; `InvalidRequest`: no name, or one longer than [`NAME_BYTES_MAX`].
    pub fn publish(
        self: &Rc<Self>,
        request: PublishRequest,
        observer: Rc<dyn StreamObserver>,
    ) -> Result<Rc<Publisher>, RtmpError> {
        self.check_stream(&request.name)?;
        let publisher = Rc::new(Publisher::new(request, self.stamps.clone(), observer));
        publisher.stream.hold(Place::take(&self.places));
        self.ask(Asked::Publish(publisher.clone()));
        Ok(publisher)
    }

    /// Play a stream: `createStream`, `play`. [`Player::poll_started`] says what came of it.
    ///
    /// # Errors
    /// `Closed`; `TooMany`: [`STREAMS_MAX`], where one that was dropped or stopped does not count; `InvalidRequest`: no name, or one longer than [`NAME_BYTES_MAX`].
    pub fn play(
        self: &Rc<Self>,
        request: PlayRequest,
        observer: Rc<dyn StreamObserver>,
    ) -> Result<Rc<Player>, RtmpError> {
        self.check_stream(&request.name)?;
        let player = Player::open(
            &request.options,
            &request.name,
            Instant::now(),
            self.stamps.clone(),
            observer,
        );
        player.stream.hold(Place::take(&self.places));
        self.ask(Asked::Play(player.clone(), Box::new(request)));
        Ok(player)
    }

    /// Send a command that is no stream's; its answer is the call's. Time is the caller's affair.
    ///
    /// # Errors
    /// `Closed`; `TooMany`: [`CALLS_MAX`] wait for their answers; `InvalidRequest`: no name, or one longer than [`NAME_BYTES_MAX`]; `TooLarge`:
    /// arguments of more than [`COMMAND_BYTES_MAX`], or so much that the peer has not taken yet.
    pub fn call(&self, command: &str, arguments: Vec<Value>) -> Result<Rc<Call>, RtmpError> {
        self.check_open()?;
        check_name("command", command)?;
        let mut encoded = Vec::new();
        for argument in &arguments {
            argument.encode(&mut encoded);
        }
        if encoded.len() > COMMAND_BYTES_MAX {
            return Err(RtmpError::TooLarge(encoded.len() as u64));
        }
        let unsent = self.unsent.get() + encoded.len();
        if unsent > UNSENT_CALL_BYTES_MAX {
            return Err(RtmpError::TooLarge(unsent as u64));
        }
        self.check_asked()?;
        let mut calls = self.calls.borrow_mut();
        calls.retain(|call| call.upgrade().is_some_and(|call| call.is_waited_for()));
        if calls.len() >= CALLS_MAX {
            let text = format!("{CALLS_MAX} calls wait for their answers");
            return Err(RtmpError::TooMany(text));
        }
        let call = Rc::new(Call::default());
        calls.push(Rc::downgrade(&call));
        drop(calls);
        self.unsent.set(unsent);
        self.ask(Asked::Call(command.into(), arguments, call.clone()));
        Ok(call)
    }

    /// Nobody holds it any more: its streams end, the server is told if it can be at once, and it ends.
    pub fn abandon(&self) {
        self.abandoned.set(true);
        self.ends.wake_pump();
    }

    /// End its streams and then it: what is to be sent goes first, for two seconds at most. [`Connection::poll_closed`] says when it has.
    pub fn begin_close(&self) {
        if self.close_until.get().is_none() && self.closed.get().is_none() {
            self.close_until.set(Some(Instant::now() + CLOSE_TIMEOUT));
            self.ends.wake_pump();
        }
    }

    /// Ready when it has ended.
    pub fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<Close> {
        self.ends.ready_or_wait(self.closed(), cx)
    }

    fn check_stream(&self, name: &str) -> Result<(), RtmpError> {
        self.check_open()?;
        check_name("name", name)?;
        if self.places.get() >= STREAMS_MAX {
            let text = format!("{STREAMS_MAX} streams on one connection");
            return Err(RtmpError::TooMany(text));
        }
        self.check_asked()
    }

    /// Whether the pump may be given more to begin.
    fn check_asked(&self) -> Result<(), RtmpError> {
        if self.asked.borrow().len() >= ASKED_MAX {
            let text = format!("{ASKED_MAX} streams and calls that were not begun yet");
            return Err(RtmpError::TooMany(text));
        }
        Ok(())
    }

    fn ask(&self, asked: Asked) {
        self.asked.borrow_mut().push(asked);
        self.ends.wake_pump();
    }

    /// Whether something may be asked for; else the end, or what it is going to be.
    fn check_open(&self) -> Result<(), RtmpError> {
        let is_ending = self.close_until.get().is_some() || self.abandoned.get();
        match self.closed() {
            Some(close) => Err(RtmpError::Closed(close)),
            None if is_ending => Err(RtmpError::Closed(Close::by_us())),
            None => Ok(()),
        }
    }
}

/// Whether it can be sent at all. Nothing has no name: servers take a stream without one for an error of the client's, or close the connection.
fn check_name(field: &str, name: &str) -> Result<(), RtmpError> {
    let text = match name.len() {
        0 => format!("{field}: empty"),
        1..=NAME_BYTES_MAX => return Ok(()),
        _ => format!("{field}: longer than {NAME_BYTES_MAX} bytes"),
    };
    Err(NetError::InvalidRequest(text).into())
}
