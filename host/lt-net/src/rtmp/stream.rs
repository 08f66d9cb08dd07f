//! What a publisher and a player have alike: a stream that starts or does not, to which things happen, and that ends once.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use super::events::Events;
use super::{Close, Ending, Event, Happening, RtmpError, Status, StreamObserver};
use crate::waiting::Ends;

/// What the user wants of a stream's end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Nothing.
    #[default]
    None,
    /// That it is ended in order.
    Stop,
    /// That it ends at once: nobody holds it any more.
    Abandon,
}

/// A stream of either direction. Its pump writes the outcome of its start and its end, each once.
pub(super) struct NetStream {
    pub(super) observer: Rc<dyn StreamObserver>,
    /// When the user asked for it.
    pub(super) asked: Instant,
    started: OnceCell<Result<Duration, Box<RtmpError>>>,
    events: RefCell<Events>,
    wish: Cell<Wish>,
    closed: OnceCell<Box<Close>>,
    /// Among the streams of its connection, as long as somebody wants it.
    place: Cell<Option<Place>>,
    /// Who waits for whom.
    pub(super) ends: Ends,
}

/// One of the places that a connection has for streams. It is free when this is dropped.
#[derive(Debug)]
pub(super) struct Place(Rc<Cell<usize>>);

impl Place {
    pub(super) fn take(taken: &Rc<Cell<usize>>) -> Self {
        taken.set(taken.get() + 1);
        Self(taken.clone())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

impl std::fmt::Debug for NetStream {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("NetStream")
            .field("started", &self.started)
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}

impl NetStream {
    pub(super) fn new(asked: Instant, observer: Rc<dyn StreamObserver>) -> Self {
        Self {
            observer,
            asked,
            started: OnceCell::new(),
            events: RefCell::default(),
            wish: Cell::default(),
            closed: OnceCell::new(),
            place: Cell::new(None),
            ends: Ends::default(),
        }
    }

    // The user's side.

    /// Keep this place until it is not wanted any more, or has ended.
    pub(super) fn hold(&self, place: Place) {
        self.place.set(Some(place));
    }

    pub(super) fn poll_started(&self, cx: &mut Context<'_>) -> Poll<Result<Duration, RtmpError>> {
        let outcome = self.started.get().cloned();
        let outcome = outcome.map(|outcome| outcome.map_err(|error| *error));
        self.ends.ready_or_wait(outcome, cx)
    }

    /// What the start took; zero before it.
    pub(super) fn started(&self) -> Duration {
        match self.started.get() {
            Some(Ok(took)) => *took,
            _ => Duration::ZERO,
        }
    }

    pub(super) fn try_event(&self) -> Option<Event> {
        self.events.borrow_mut().take()
    }

    pub(super) fn has_events(&self) -> bool {
        !self.events.borrow().is_empty()
    }

    /// Ready when there is an event, or there will be none.
    pub(super) fn poll_event(&self, cx: &mut Context<'_>) -> Poll<()> {
        let ready = self.has_events() || self.is_over();
        self.ends.ready_or_wait(ready.then_some(()), cx)
    }

    pub(super) fn closed(&self) -> Option<Close> {
        self.closed.get().map(|close| Close::clone(close))
    }

    pub(super) fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<Close> {
        self.ends.ready_or_wait(self.closed(), cx)
    }

    /// The end, or what it is going to be; nothing while the stream is there.
    pub(super) fn check_open(&self) -> Result<(), Close> {
        match (self.closed(), self.wish.get()) {
            (Some(close), _) => Err(close),
            (None, Wish::None) => Ok(()),
            (None, _) => Err(Close::by_us()),
        }
    }

    /// The strongest wish counts.
    pub(super) fn wish_for(&self, wish: Wish) {
        if self.wish.get() != Wish::Abandon {
            self.wish.set(wish);
        }
        if wish != Wish::None {
            self.place.take();
        }
        self.ends.wake_pump();
    }

    // The pump's side.

    pub(super) fn wish(&self) -> Wish {
        self.wish.get()
    }

    pub(super) fn is_over(&self) -> bool {
        self.closed.get().is_some()
    }

    /// Whether the server said yes.
    pub(super) fn is_started(&self) -> bool {
        matches!(self.started.get(), Some(Ok(_)))
    }

    /// The server says yes. Only the first time counts.
    pub(super) fn start(&self, now: Instant) {
        let took = now.saturating_duration_since(self.asked);
        if self.started.set(Ok(took)).is_ok() {
            self.observer.started(took, None);
            self.ends.wake_user();
        }
    }

    /// There is no stream, and this is why.
    pub(super) fn fail_start(&self, error: RtmpError, now: Instant) {
        let close = match &error {
            RtmpError::Closed(close) => close.clone(),
            RtmpError::Refused(status) => Close::refused(status),
            other => Close {
                ending: Ending::Failed,
                code: String::new(),
                reason: other.to_string(),
            },
        };
        let took = now.saturating_duration_since(self.asked);
        let error = Box::new(error);
        if self.started.set(Err(error.clone())).is_ok() {
            self.observer.started(took, Some(&error));
            let _ = self.closed.set(Box::new(close));
            self.place.take();
            self.ends.wake_user();
        }
    }

    /// The end: told once.
    pub(super) fn end(&self, close: Close, now: Instant) {
        if self.is_over() {
            return;
        }
        if !self.is_started() {
            self.fail_start(RtmpError::Closed(close), now);
            return;
        }
        let lasted = now.saturating_duration_since(self.asked + self.started());
        self.observer.ended(&close, lasted);
        let _ = self.closed.set(Box::new(close.clone()));
        self.place.take();
        self.tell(now, Happening::Ended(close));
    }

    /// Something happened.
    pub(super) fn tell(&self, at: Instant, what: Happening) {
        self.events.borrow_mut().push(at, what);
        self.ends.wake_user();
    }

    /// The server said something.
    pub(super) fn tell_status(&self, at: Instant, status: Status) {
        if status.is_error() {
            self.observer.error(&status);
        }
        self.tell(at, Happening::Status(status));
    }
}

impl Close {
    /// This side's will.
    pub(super) fn by_us() -> Self {
        Self {
            ending: Ending::ByUs,
            code: String::new(),
            reason: String::new(),
        }
    }

    /// The server said why.
    pub(super) fn refused(status: &Status) -> Self {
        Self {
            ending: Ending::Refused,
            code: status.code.clone(),
            reason: status.description.clone(),
        }
    }

    /// The server said that it is over.
    pub(super) fn by_peer(status: &Status) -> Self {
        Self {
            ending: Ending::ByPeer,
            ..Self::refused(status)
        }
    }

    /// Something that has no code.
    pub(super) fn plain(ending: Ending, reason: impl Into<String>) -> Self {
        Self {
            ending,
            code: String::new(),
            reason: reason.into(),
        }
    }
}
