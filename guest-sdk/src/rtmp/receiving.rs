//! What publishers and players have alike, events above all, and waiting for these and for frames in `async` code.

use super::{Error, Result};
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

/// Something that a stream has to give one by one.
pub(super) struct Coming<'a, S, T> {
    /// The stream.
    pub(super) stream: &'a S,
    /// What it has now.
    pub(super) look: fn(&S) -> Result<Option<T>>,
    /// Ready when it has something, of this or of another kind.
    pub(super) subscribe: fn(&S) -> Pollable,
}

impl<S, T> Inbox for Coming<'_, S, T> {
    type Item = T;
    type Error = Error;

    fn look(&self) -> Result<Option<T>> {
        (self.look)(self.stream)
    }

    /// Events where frames are awaited, and frames where events are: the host says of either that there is something.
    fn has_others(&self) -> bool {
        self.subscribe().is_ready()
    }

    fn subscribe(&self) -> Pollable {
        (self.subscribe)(self.stream)
    }

    fn stopping() -> Error {
        Error::Stopping
    }
}

/// What both kinds of streams can do.
macro_rules! stream {
    ($name:ident) => {
        impl $name {
            /// Wait for the next event, at most this long; `None` waits until this user is asked to end. The last 64 are kept.
            ///
            /// # Errors
            /// If the time is over; behind the event that it has ended; with `None`, if the user is asked to end.
            ///
            /// ```no_run
            /// # use lt_sdk::timing::Duration;
            #[doc = concat!("# fn iterate(stream: &lt_sdk::rtmp::", stringify!($name), ") -> lt_sdk::Result<()> {")]
            /// let event = stream.next_event(Duration::from_secs(5))?;
            /// # Ok(())
            /// # }
            /// ```
            pub fn next_event(&self, timeout: impl Into<Option<Duration>>) -> Result<Event> {
                let event = self.0.next_event(timeout.into().map(nanos))?;
                Ok(Event::from_host(event))
            }

            /// The next event, if there is one.
            ///
            /// # Errors
            /// If there is none and the stream has ended.
            ///
            /// ```no_run
            #[doc = concat!("# fn iterate(stream: &lt_sdk::rtmp::", stringify!($name), ") -> lt_sdk::Result<()> {")]
            /// while let Some(event) = stream.try_event()? {
            ///     lt_sdk::log::info!("{:?}", event.what);
            /// }
            /// # Ok(())
            /// # }
            /// ```
            pub fn try_event(&self) -> Result<Option<Event>> {
                without_waiting(self.next_event(Duration::ZERO))
            }

            /// Like [`next_event`](Self::next_event) with no limit, for `async` code: something else can go on meanwhile, and
            /// [`futures::timeout`](crate::futures::timeout) limits the time. While frames wait that nobody has asked for it looks 100 times a
            /// second; the time of an event is not affected. That the user is asked to end it notices within a second.
            ///
            /// ```no_run
            /// # use lt_sdk::prelude::*;
            #[doc = concat!("# async fn iterate(stream: &lt_sdk::rtmp::", stringify!($name), ") -> Result<()> {")]
            /// select! {
            ///     event = stream.next_event_async() => log::info!("{:?}", event?.what),
            ///     () = timing::sleep_async(Duration::from_secs(300)) => log::info!("nothing new"),
            /// }
            /// # Ok(())
            /// # }
            /// ```
            pub fn next_event_async(&self) -> impl Future<Output = Result<Event>> {
                Awaited::new(Coming {
                    stream: self,
                    look: Self::try_event,
                    subscribe: Self::subscribe,
                })
            }

            /// Ready when there is an event (or a frame, where these are kept), or the stream has ended.
            ///
            /// ```no_run
            #[doc = concat!("# async fn wait(stream: &lt_sdk::rtmp::", stringify!($name), ") {")]
            /// lt_sdk::runtime::Wait::on(stream.subscribe()).await;
            /// # }
            /// ```
            #[must_use]
            pub fn subscribe(&self) -> Pollable {
                Pollable::from_host(self.0.subscribe())
            }

            /// From the command to the server's word that the stream is there, over HTTP from the request to the response's head: `rtmp_starting`.
            ///
            /// ```no_run
            #[doc = concat!("# fn look(stream: &lt_sdk::rtmp::", stringify!($name), ") {")]
            /// lt_sdk::check!("started within a second", stream.started().as_secs() < 1);
            /// # }
            /// ```
            #[must_use]
            pub fn started(&self) -> Duration {
                Duration::from_nanos(self.0.started())
            }

            /// How it ended, if it has.
            ///
            /// ```no_run
            #[doc = concat!("# fn look(stream: &lt_sdk::rtmp::", stringify!($name), ") {")]
            /// let open = stream.closed().is_none();
            /// # }
            /// ```
            #[must_use]
            pub fn closed(&self) -> Option<Close> {
                self.0.closed().map(Close::from_host)
            }

            /// End it; what is still to be sent goes first, for 2 s at most. On a stream that has ended it says how.
            ///
            /// ```no_run
            #[doc = concat!("# fn leave(stream: &lt_sdk::rtmp::", stringify!($name), ") {")]
            /// lt_sdk::check!("nothing broke", stream.stop().is_orderly());
            /// # }
            /// ```
            pub fn stop(&self) -> Close {
                Close::from_host(self.0.stop())
            }
        }
    };
}

pub(super) use stream;
