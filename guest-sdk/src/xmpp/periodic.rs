//! What the host sends again and again.

use super::{Element, Every, Result, Session};
use crate::bindings::lt::scenario::xmpp as host;
use crate::timing::{Duration, nanos};

/// How often the host is to ping the server, and how long it waits for the answer. A [`Duration`] and an [`Every`] will do where one is asked
/// for.
///
/// ```
/// use lt_sdk::timing::Duration;
/// use lt_sdk::xmpp::Pings;
///
/// let strict = Pings::every(Duration::from_secs(60)).timeout(Duration::from_secs(10));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "it is to be given to a session"]
pub struct Pings {
    every: Every,
    timeout: Option<Duration>,
}

impl Pings {
    /// At this interval (at least 10 ms), the first time after one interval.
    ///
    /// ```
    /// # use lt_sdk::timing::Duration;
    /// let pings = lt_sdk::xmpp::Pings::every(Duration::from_secs(60));
    /// ```
    pub fn every(every: impl Into<Every>) -> Self {
        Self {
            every: every.into(),
            timeout: None,
        }
    }

    /// The first time after this long. Drawn anew for each user it spreads what they send over the interval.
    ///
    /// ```
    /// # use lt_sdk::timing::Duration;
    /// let pings = lt_sdk::xmpp::Pings::every(Duration::from_secs(60)).first(Duration::ZERO);
    /// ```
    pub const fn first(mut self, after: Duration) -> Self {
        self.every = self.every.first(after);
        self
    }

    /// If no answer comes within this time, the session ends with [`Ending::PingTimeout`](super::Ending::PingTimeout). Without it nothing happens but that
    /// the ping is never timed.
    ///
    /// ```
    /// # use lt_sdk::timing::Duration;
    /// let pings = lt_sdk::xmpp::Pings::every(Duration::from_secs(60)).timeout(Duration::from_secs(10));
    /// ```
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

impl From<Duration> for Pings {
    fn from(interval: Duration) -> Self {
        Self::every(interval)
    }
}

impl From<Every> for Pings {
    fn from(every: Every) -> Self {
        Self::every(every)
    }
}

/// Something that the host sends again and again, also while the user sleeps. Dropping it ends it.
///
/// ```no_run
/// # fn look(pings: &lt_sdk::xmpp::Periodic) {
/// lt_sdk::log::info!("{} pings", pings.sent());
/// # }
/// ```
#[derive(Debug)]
#[must_use = "dropping it ends it"]
pub struct Periodic(host::Periodic);

impl Periodic {
    /// How many were sent.
    ///
    /// ```no_run
    /// # fn look(pings: &lt_sdk::xmpp::Periodic) {
    /// let sent = pings.sent();
    /// # }
    /// ```
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.0.sent()
    }
}

/// White space between stanzas (RFC 6120, section 4.6.1).
const KEEP_ALIVE: &str = " ";

impl Session {
    /// Have the host send this element again and again, for as long as the [`Periodic`] is held. `{n}` is replaced by a number that counts up from
    /// 1. At most 4 a session.
    ///
    /// # Errors
    /// If the interval is below 10 ms, it is not one element, there are too many, or the session has ended.
    ///
    /// ```no_run
    /// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
    /// # use lt_sdk::timing::Duration;
    /// let chat = session.send_every(Duration::from_secs(60), "<message to='bob@localhost' type='chat'><body>{n}</body></message>")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_every(&self, every: impl Into<Every>, xml: impl AsRef<str>) -> Result<Periodic> {
        let (interval, first) = every.into().nanos();
        let periodic = self.host().send_every(interval, xml.as_ref(), first)?;
        Ok(Periodic(periodic))
    }

    /// Have the host send this stanza again and again: [`send_every`](Self::send_every) for what was built.
    ///
    /// # Errors
    /// Those of [`send_every`](Self::send_every).
    ///
    /// ```no_run
    /// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
    /// # use lt_sdk::{timing::Duration, xmpp};
    /// let chat = session.send_stanza_every(Duration::from_secs(60), &xmpp::chat("bob@localhost", "number {n}"))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_stanza_every(&self, every: impl Into<Every>, stanza: &Element) -> Result<Periodic> {
        self.send_every(every, stanza.to_xml())
    }

    /// Have the host send a space again and again (RFC 6120, section 4.6.1): the connection stays known to whatever lies between.
    ///
    /// # Errors
    /// Those of [`send_every`](Self::send_every).
    ///
    /// ```no_run
    /// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
    /// # use lt_sdk::timing::Duration;
    /// let alive = session.keep_alive_every(Duration::from_secs(60))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn keep_alive_every(&self, every: impl Into<Every>) -> Result<Periodic> {
        self.send_every(every, KEEP_ALIVE)
    }

    /// Have the host ping the server (XEP-0199) again and again, for as long as the [`Periodic`] is held: feeds `xmpp_request_duration` with the
    /// namespace `urn:xmpp:ping`. An error is an answer. One a session: a second takes the place of the first.
    ///
    /// # Errors
    /// If the interval is below 10 ms, or the session has ended.
    ///
    /// ```no_run
    /// use lt_sdk::prelude::*;
    /// use lt_sdk::xmpp::{Pings, Session};
    ///
    /// # fn iterate(session: &Session) -> Result<()> {
    /// let pings = session.ping_every(Pings::every(Duration::from_secs(60)).timeout(Duration::from_secs(10)))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn ping_every(&self, pings: impl Into<Pings>) -> Result<Periodic> {
        let pings = pings.into();
        let (interval, first) = pings.every.nanos();
        let timeout = pings.timeout.map(nanos);
        Ok(Periodic(self.host().ping_every(interval, timeout, first)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_will_do() {
        let second = Duration::from_secs(1);
        let plain = Pings::from(second);
        assert_eq!(plain.every.nanos(), (1_000_000_000, None));
        assert_eq!(plain.timeout, None);
        let soon = Pings::from(Every::new(second)).first(Duration::ZERO);
        assert_eq!(soon.every.nanos(), (1_000_000_000, Some(0)));
        assert_eq!(soon.timeout(second).timeout, Some(second));
    }
}
