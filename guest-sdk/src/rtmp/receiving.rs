//! Waiting for events and frames in `async` code.

use super::{Error, Event, Frame, Player, Publisher, Result};
use crate::receiving::Inbox;
use crate::runtime::Pollable;

/// What is there without waiting: a call that took no time found it, or the time was over.
pub(super) fn without_waiting<T>(taken: Result<T>) -> Result<Option<T>> {
    match taken {
        Ok(item) => Ok(Some(item)),
        Err(Error::Timeout) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Events of a publisher.
pub(super) struct EventsOut<'a>(pub(super) &'a Publisher);
/// Events of a player.
pub(super) struct EventsIn<'a>(pub(super) &'a Player);
/// Frames of a player.
pub(super) struct Frames<'a>(pub(super) &'a Player);

impl Inbox for EventsOut<'_> {
    type Item = Event;
    type Error = Error;

    fn look(&self) -> Result<Option<Event>> {
        self.0.try_event()
    }

    fn has_others(&self) -> bool {
        false
    }

    fn subscribe(&self) -> Pollable {
        self.0.subscribe()
    }

    fn stopping() -> Error {
        Error::Stopping
    }
}

impl Inbox for EventsIn<'_> {
    type Item = Event;
    type Error = Error;

    fn look(&self) -> Result<Option<Event>> {
        self.0.try_event()
    }

    /// Frames, where they are kept: the host says of either that there is something.
    fn has_others(&self) -> bool {
        self.subscribe().is_ready()
    }

    fn subscribe(&self) -> Pollable {
        self.0.subscribe()
    }

    fn stopping() -> Error {
        Error::Stopping
    }
}

impl Inbox for Frames<'_> {
    type Item = Frame;
    type Error = Error;

    fn look(&self) -> Result<Option<Frame>> {
        self.0.try_receive()
    }

    /// Events that nobody has asked for.
    fn has_others(&self) -> bool {
        self.subscribe().is_ready()
    }

    fn subscribe(&self) -> Pollable {
        self.0.subscribe()
    }

    fn stopping() -> Error {
        Error::Stopping
    }
}
