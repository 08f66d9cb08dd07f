//! A session: sending, steps, its end.

use super::account::intake;
use super::{Close, Element, Filters, Result, Step};
use crate::bindings::lt::scenario::xmpp as host;
use crate::timing::{Duration, nanos};

/// What connecting came to.
///
/// ```no_run
/// # fn look(session: &lt_sdk::xmpp::Session) {
/// let connected = session.connected();
/// lt_sdk::check!("over TLS 1.3", connected.tls_version == "tls1.3");
/// for (step, took) in &connected.steps {
///     lt_sdk::log::debug!("{step}: {took:?}");
/// }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connected {
    /// The full JID, as the server gave it.
    pub jid: String,
    /// The mechanism that was used: `SCRAM-SHA-256`; empty if none was.
    pub mechanism: String,
    /// `tls1.2`, `tls1.3`; empty without TLS.
    pub tls_version: String,
    /// The address and port that answered.
    pub remote_address: String,
    /// Whether a stream was resumed.
    pub resumed: bool,
    /// Namespaces of the last features that the server offered.
    pub features: Vec<String>,
    /// What each step took, in order.
    pub steps: Vec<(String, Duration)>,
    /// From the call to the last step's end: `xmpp_connecting`.
    pub total: Duration,
}

/// What went over a session so far.
///
/// ```no_run
/// # fn look(session: &lt_sdk::xmpp::Session) {
/// lt_sdk::check!("nothing was lost here", session.statistics().dropped == 0);
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Stanzas sent: handed to the kernel.
    pub sent: u64,
    /// Stanzas that came, kept or not.
    pub received: u64,
    /// Those dropped because the inbox was full.
    pub dropped: u64,
    /// Those waiting in the inbox.
    pub waiting: u32,
    /// Bytes that were given to `send` and are not with the kernel yet.
    pub unsent_bytes: u64,
    /// Stanzas sent that the server has not acknowledged; zero without stream management.
    pub unacknowledged: u32,
    /// The server's count of stanzas that this side has handled (the `h` of XEP-0198), as this side counts it.
    pub handled: u32,
}

/// A stream, from connecting to its end. It lives until it is closed or dropped, also across iterations: keep it in the user. Dropping it
/// ends the stream if that is possible at once, and does not wait for the answer.
///
/// ```no_run
/// use lt_sdk::prelude::*;
/// use lt_sdk::xmpp::{self, Account, Filter, Session};
///
/// struct Talker {
///     session: Session,
/// }
///
/// #[lt_sdk::scenario]
/// impl Scenario for Talker {
///     fn join(user: &User) -> Result<Self> {
///         let account = Account::new(format!("user_{}@localhost", user.id), format!("password_{}", user.id));
///         Ok(Self { session: account.presence().connect()? })
///     }
///
///     fn iterate(&mut self) -> Result<()> {
///         self.session.send(&xmpp::chat("bob@localhost", "hello"))?;
///         let answer = self.session.receive(Filter::chat().from("bob@localhost"), Duration::from_secs(5))?;
///         check!("it was answered", answer.body().is_some());
///         Ok(())
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Session {
    host: host::Session,
    jid: String,
}

impl Session {
    pub(super) fn from_host(host: host::Session) -> Self {
        let jid = host.connected().jid;
        Self { host, jid }
    }

    pub(super) const fn host(&self) -> &host::Session {
        &self.host
    }

    /// The full JID, as the server gave it.
    ///
    /// ```no_run
    /// # fn look(session: &lt_sdk::xmpp::Session) {
    /// lt_sdk::log::info!("I am {}", session.jid());
    /// # }
    /// ```
    #[must_use]
    pub fn jid(&self) -> &str {
        &self.jid
    }

    /// The JID without the resource: the account's.
    ///
    /// ```no_run
    /// # fn look(session: &lt_sdk::xmpp::Session) {
    /// lt_sdk::check!("it is me", session.bare_jid() == "user_1@localhost");
    /// # }
    /// ```
    #[must_use]
    pub fn bare_jid(&self) -> &str {
        super::bare(&self.jid)
    }

    /// What connecting came to.
    ///
    /// ```no_run
    /// # fn look(session: &lt_sdk::xmpp::Session) {
    /// lt_sdk::check!("was resumed", session.connected().resumed);
    /// # }
    /// ```
    #[must_use]
    pub fn connected(&self) -> Connected {
        let connected = self.host.connected();
        let steps = connected.steps.into_iter();
        Connected {
            jid: connected.jid,
            mechanism: connected.mechanism,
            tls_version: connected.tls_version,
            remote_address: connected.remote_address,
            resumed: connected.resumed,
            features: connected.features,
            steps: steps
                .map(|(name, took)| (name, Duration::from_nanos(took)))
                .collect(),
            total: Duration::from_nanos(connected.total),
        }
    }

    /// What went over it so far.
    ///
    /// ```no_run
    /// # fn look(session: &lt_sdk::xmpp::Session) {
    /// let received = session.statistics().received;
    /// # }
    /// ```
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let statistics = self.host.statistics();
        Statistics {
            sent: statistics.sent,
            received: statistics.received,
            dropped: statistics.dropped,
            waiting: statistics.waiting,
            unsent_bytes: statistics.unsent_bytes,
            unacknowledged: statistics.unacknowledged,
            handled: statistics.handled,
        }
    }

    /// Send a stanza. Returns when the host has it, which sends in order; waits while 1 MiB or 1 000 stanzas are not with the kernel yet, 60 s
    /// at most.
    ///
    /// # Errors
    /// If the session has ended, the stanza is larger than 1 MiB, or the server does not read.
    ///
    /// ```no_run
    /// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
    /// session.send(&lt_sdk::xmpp::chat("bob@localhost", "hello").id("m1"))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn send(&self, stanza: &Element) -> Result<()> {
        self.send_xml(stanza.to_xml())
    }

    /// Send a stanza, and wait at most this long for the host to take it.
    ///
    /// # Errors
    /// Those of [`send`](Self::send).
    ///
    /// ```no_run
    /// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
    /// # use lt_sdk::timing::Duration;
    /// session.send_timeout(&lt_sdk::xmpp::chat("bob@localhost", "hello"), Duration::from_secs(1))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_timeout(&self, stanza: &Element, timeout: Duration) -> Result<()> {
        self.send_xml_timeout(stanza.to_xml(), timeout)
    }

    /// Send one element that is XML already. Over WebSocket the namespace `jabber:client` is added where there is none.
    ///
    /// # Errors
    /// Those of [`send`](Self::send), and if it is not one well-formed element.
    ///
    /// ```no_run
    /// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
    /// session.send_xml("<message to='bob@localhost' type='chat'><body>hello</body></message>")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_xml(&self, xml: impl AsRef<str>) -> Result<()> {
        Ok(self.host.send(xml.as_ref(), None)?)
    }

    /// Send one element that is XML already, and wait at most this long for the host to take it.
    ///
    /// # Errors
    /// Those of [`send_xml`](Self::send_xml).
    ///
    /// ```no_run
    /// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
    /// # use lt_sdk::timing::Duration;
    /// session.send_xml_timeout("<presence/>", Duration::from_secs(1))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_xml_timeout(&self, xml: impl AsRef<str>, timeout: Duration) -> Result<()> {
        Ok(self.host.send(xml.as_ref(), Some(nanos(timeout)))?)
    }

    /// Send bytes as they are, well-formed or not: to see what the server makes of them. They are no stanza: neither counted as one, nor sent
    /// again after a resumption.
    ///
    /// # Errors
    /// If the session has ended, they are more than 1 MiB, or the server does not read.
    ///
    /// ```no_run
    /// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
    /// session.send_raw(b"<message><body>never closed")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_raw(&self, bytes: impl AsRef<[u8]>) -> Result<()> {
        Ok(self.host.send_raw(bytes.as_ref(), None)?)
    }

    /// Send bytes as they are, and wait at most this long for the host to take them.
    ///
    /// # Errors
    /// Those of [`send_raw`](Self::send_raw).
    ///
    /// ```no_run
    /// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
    /// # use lt_sdk::timing::Duration;
    /// session.send_raw_timeout(b"\xff", Duration::from_secs(1))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_raw_timeout(&self, bytes: impl AsRef<[u8]>, timeout: Duration) -> Result<()> {
        Ok(self.host.send_raw(bytes.as_ref(), Some(nanos(timeout)))?)
    }

    /// Do a step now: [`Step::stream_management`], [`Step::carbons`], [`Step::presence`] or [`Step::custom`] without a restart. Returns what it took. What comes
    /// meanwhile is received as always.
    ///
    /// # Errors
    /// If the step can only be done while connecting, the server does not offer it or refuses it, or it takes too long.
    ///
    /// ```no_run
    /// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
    /// let took = session.perform(lt_sdk::xmpp::Step::carbons())?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn perform(&self, step: Step) -> Result<Duration> {
        Ok(Duration::from_nanos(self.host.perform(&step.0, None)?))
    }

    /// Do a step now, within this time.
    ///
    /// # Errors
    /// Those of [`perform`](Self::perform).
    ///
    /// ```no_run
    /// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
    /// # use lt_sdk::{timing::Duration, xmpp::Step};
    /// let took = session.perform_timeout(Step::presence(), Duration::from_secs(5))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn perform_timeout(&self, step: Step, timeout: Duration) -> Result<Duration> {
        let took = self.host.perform(&step.0, Some(nanos(timeout)))?;
        Ok(Duration::from_nanos(took))
    }

    /// Ask the server what it has handled (XEP-0198, section 4), and wait for the answer: the number of stanzas that it has not handled then.
    ///
    /// # Errors
    /// If there is no stream management, the time is over, or the session has ended.
    ///
    /// ```no_run
    /// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
    /// lt_sdk::check!("the server has everything", session.acknowledge()? == 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn acknowledge(&self) -> Result<u32> {
        Ok(self.host.acknowledge(None)?)
    }

    /// Ask the server what it has handled, and wait at most this long for the answer.
    ///
    /// # Errors
    /// Those of [`acknowledge`](Self::acknowledge).
    ///
    /// ```no_run
    /// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
    /// # use lt_sdk::timing::Duration;
    /// let unhandled = session.acknowledge_timeout(Duration::from_secs(5))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn acknowledge_timeout(&self, timeout: Duration) -> Result<u32> {
        Ok(self.host.acknowledge(Some(nanos(timeout)))?)
    }

    /// From now on put only stanzas that one of these fits into the inbox, and let others go; an empty vector puts all there.
    ///
    /// # Errors
    /// If a filter makes no sense.
    ///
    /// ```no_run
    /// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
    /// session.set_intake(lt_sdk::xmpp::Filter::group_chat())?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_intake(&self, wanted: impl Into<Filters>) -> Result<()> {
        Ok(self.host.set_intake(&intake(wanted.into(), false))?)
    }

    /// The same, and count others as unexpected in `xmpp_unexpected` and log some of them.
    ///
    /// # Errors
    /// If a filter makes no sense.
    ///
    /// ```no_run
    /// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
    /// session.set_intake_or_report(lt_sdk::xmpp::Filter::group_chat())?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_intake_or_report(&self, wanted: impl Into<Filters>) -> Result<()> {
        Ok(self.host.set_intake(&intake(wanted.into(), true))?)
    }

    /// End the stream (RFC 6120, section 4.4): send its end after what was given to `send`, and wait for the server's, 2 s at most. What is in the
    /// inbox stays there. On a session that has ended it says how.
    ///
    /// ```no_run
    /// # fn leave(session: &lt_sdk::xmpp::Session) {
    /// let close = session.close();
    /// lt_sdk::check!("the server agreed", close.is_orderly());
    /// # }
    /// ```
    pub fn close(&self) -> Close {
        Close::from_host(self.host.close(None))
    }

    /// End the stream, and wait at most this long for the server.
    ///
    /// ```no_run
    /// # fn leave(session: &lt_sdk::xmpp::Session) {
    /// session.close_timeout(lt_sdk::timing::Duration::from_millis(100));
    /// # }
    /// ```
    pub fn close_timeout(&self, timeout: Duration) -> Close {
        Close::from_host(self.host.close(Some(nanos(timeout))))
    }

    /// Cut the connection as a crash would, without the end of the stream; what was not sent is lost. A resumable stream stays resumable.
    ///
    /// ```no_run
    /// # fn crash(session: &lt_sdk::xmpp::Session) {
    /// session.kill();
    /// # }
    /// ```
    pub fn kill(&self) -> Close {
        Close::from_host(self.host.kill())
    }

    /// How the session ended, if it has.
    ///
    /// ```no_run
    /// # fn look(session: &lt_sdk::xmpp::Session) {
    /// let open = session.closed().is_none();
    /// # }
    /// ```
    #[must_use]
    pub fn closed(&self) -> Option<Close> {
        self.host.closed().map(Close::from_host)
    }

    /// What is left to resume (XEP-0198, section 5), after the end; once. `None` if the stream was not resumable, or was ended by
    /// [`close`](Self::close). For [`Account::resume`](super::Account::resume).
    ///
    /// ```no_run
    /// # fn look(session: &lt_sdk::xmpp::Session) {
    /// session.kill();
    /// let left = session.resumption();
    /// # }
    /// ```
    #[must_use]
    pub fn resumption(&self) -> Option<Resumption> {
        self.host.resumption().map(Resumption)
    }
}

/// What is left of a session that ended and may be resumed (XEP-0198, section 5), with what the server has not acknowledged: at most 1 000
/// stanzas and 1 MiB, the oldest of which are forgotten.
///
/// ```no_run
/// # fn look(left: &lt_sdk::xmpp::Resumption) {
/// lt_sdk::log::info!("{}: {} not acknowledged", left.id(), left.unacknowledged().len());
/// # }
/// ```
#[derive(Debug)]
pub struct Resumption(host::Resumption);

impl Resumption {
    pub(super) fn as_host(&self) -> &host::Resumption {
        &self.0
    }

    /// The server's name for the stream.
    ///
    /// ```no_run
    /// # fn look(left: &lt_sdk::xmpp::Resumption) {
    /// let id = left.id();
    /// # }
    /// ```
    #[must_use]
    pub fn id(&self) -> String {
        self.0.id()
    }

    /// Stanzas that this side has handled: sent as `h` when it is resumed.
    ///
    /// ```no_run
    /// # fn look(left: &lt_sdk::xmpp::Resumption) {
    /// let handled = left.handled();
    /// # }
    /// ```
    #[must_use]
    pub fn handled(&self) -> u32 {
        self.0.handled()
    }

    /// Say something else: to see what the server makes of it.
    ///
    /// ```no_run
    /// # fn lie(left: &lt_sdk::xmpp::Resumption) {
    /// left.set_handled(left.handled() + 1_000);
    /// # }
    /// ```
    pub fn set_handled(&self, handled: u32) {
        self.0.set_handled(handled);
    }

    /// Stanzas that the server has not acknowledged: sent again when it is resumed. After it was refused, those that the server has not handled, as
    /// far as it said; none once it is spent.
    ///
    /// ```no_run
    /// # fn look(left: &lt_sdk::xmpp::Resumption) {
    /// lt_sdk::check!("all was acknowledged", left.unacknowledged().is_empty());
    /// # }
    /// ```
    #[must_use]
    pub fn unacknowledged(&self) -> Vec<String> {
        self.0.unacknowledged()
    }
}
