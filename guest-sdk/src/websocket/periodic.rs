//! What the host sends again and again.

use super::WebSocket;
use super::{Content, Result};
use crate::bindings::lt::scenario::websocket as host;
use crate::timing::{Duration, nanos};

/// How often the host is to send something: at this interval (at least 10 ms), the first time after one interval unless said otherwise.
/// A [`Duration`] alone will do where one is asked for.
///
/// ```
/// use lt_sdk::timing::Duration;
/// use lt_sdk::websocket::Every;
///
/// let at_once_and_then_every_minute = Every::new(Duration::from_secs(60)).first(Duration::ZERO);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Every {
    interval: Duration,
    first: Option<Duration>,
}

impl Every {
    /// At this interval.
    ///
    /// ```
    /// # use lt_sdk::timing::Duration;
    /// let every = lt_sdk::websocket::Every::new(Duration::from_secs(25));
    /// ```
    #[must_use]
    pub const fn new(interval: Duration) -> Self {
        Self {
            interval,
            first: None,
        }
    }

    /// The first time after this long. Drawn anew for each user it spreads what they send over the interval.
    ///
    /// ```no_run
    /// use lt_sdk::prelude::*;
    /// use lt_sdk::websocket::Every;
    ///
    /// let interval = Duration::from_secs(25);
    /// let every = Every::new(interval).first(user::rng().think_time(Duration::ZERO..interval));
    /// ```
    #[must_use]
    pub const fn first(mut self, after: Duration) -> Self {
        self.first = Some(after);
        self
    }

    /// The interval and the time to the first, as the contract counts.
    pub(crate) fn nanos(self) -> (u64, Option<u64>) {
        (nanos(self.interval), self.first.map(nanos))
    }
}

impl From<Duration> for Every {
    fn from(interval: Duration) -> Self {
        Self::new(interval)
    }
}

/// Something that the host sends again and again, also while the user sleeps. Dropping it ends it.
///
/// ```no_run
/// # fn look(heartbeat: &lt_sdk::websocket::Heartbeat) {
/// lt_sdk::log::info!("{} heartbeats", heartbeat.sent());
/// # }
/// ```
#[derive(Debug)]
#[must_use = "dropping it ends it"]
pub struct Heartbeat(host::Heartbeat);

impl Heartbeat {
    /// How many were sent.
    ///
    /// ```no_run
    /// # fn look(heartbeat: &lt_sdk::websocket::Heartbeat) {
    /// let sent = heartbeat.sent();
    /// # }
    /// ```
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.0.sent()
    }
}

impl WebSocket {
    /// Have the host send this text again and again, for as long as the [`Heartbeat`] is held. At most 4 a socket.
    ///
    /// # Errors
    /// If the interval is below 10 ms, the text is larger than 1 MiB, there are too many, or the connection has ended.
    ///
    /// ```no_run
    /// # fn iterate(socket: &lt_sdk::websocket::WebSocket) -> lt_sdk::Result<()> {
    /// # use lt_sdk::timing::Duration;
    /// let heartbeat = socket.send_text_every(Duration::from_secs(25), "\"heartbeat\"")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_text_every(
        &self,
        every: impl Into<Every>,
        text: impl Into<String>,
    ) -> Result<Heartbeat> {
        self.send_every(every, text.into())
    }

    /// Have the host send this message, text or binary, again and again.
    ///
    /// # Errors
    /// Those of [`send_text_every`](Self::send_text_every).
    ///
    /// ```no_run
    /// # fn iterate(socket: &lt_sdk::websocket::WebSocket) -> lt_sdk::Result<()> {
    /// # use lt_sdk::timing::Duration;
    /// let heartbeat = socket.send_every(Duration::from_secs(25), [0xff])?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_every(
        &self,
        every: impl Into<Every>,
        content: impl Into<Content>,
    ) -> Result<Heartbeat> {
        let (interval, first) = every.into().nanos();
        let content = content.into().into();
        let heartbeat = self.host().send_every(interval, &content, first)?;
        Ok(Heartbeat(heartbeat))
    }

    /// Have the host send a ping again and again and time its pong: feeds `ws_ping`. If a pong does not come within `timeout`, the
    /// connection ends with [`Ending::PingTimeout`](super::Ending::PingTimeout); with `None` nothing happens but that the ping is never timed.
    /// One a socket: a second takes the place of the first.
    ///
    /// # Errors
    /// If the interval is below 10 ms, or the connection has ended.
    ///
    /// ```no_run
    /// # fn iterate(socket: &lt_sdk::websocket::WebSocket) -> lt_sdk::Result<()> {
    /// # use lt_sdk::timing::Duration;
    /// let pings = socket.ping_every(Duration::from_secs(25), Duration::from_secs(10))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn ping_every(
        &self,
        every: impl Into<Every>,
        timeout: impl Into<Option<Duration>>,
    ) -> Result<Heartbeat> {
        let (interval, first) = every.into().nanos();
        let timeout = timeout.into().map(nanos);
        Ok(Heartbeat(self.host().ping_every(interval, timeout, first)?))
    }
}
