//! Asking for what came.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Error, Filters, Result, Session, Stanza};
use crate::receiving::{Awaited, Inbox};
use crate::runtime::Pollable;
use crate::timing::{Duration, nanos};

impl Session {
    /// Wait for the next stanza that one of these filters fits, those in the inbox included, at most this long; `None` waits until this user is
    /// asked to end. Others stay in the inbox in their order. What came before the stream ended is still there after it.
    ///
    /// # Errors
    /// If the time is over, the session has ended, a filter makes no sense, or, with `None`, the user is asked to end.
    ///
    /// ```no_run
    /// use lt_sdk::prelude::*;
    /// use lt_sdk::xmpp::{Filter, Session};
    ///
    /// # fn iterate(session: &Session) -> Result<()> {
    /// let answer = session.receive(Filter::chat().from("bob@localhost"), Duration::from_secs(5))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn receive(
        &self,
        filters: impl Into<Filters>,
        timeout: impl Into<Option<Duration>>,
    ) -> Result<Stanza> {
        self.take(&filters.into(), timeout.into())
    }

    /// The next stanza, if there is one.
    ///
    /// # Errors
    /// If there is none and the session has ended.
    ///
    /// ```no_run
    /// # fn handle(stanza: lt_sdk::xmpp::Stanza) {}
    /// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
    /// while let Some(stanza) = session.try_receive()? {
    ///     handle(stanza);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_receive(&self) -> Result<Option<Stanza>> {
        self.look(&Filters::any())
    }

    /// The next stanza that one of these filters fits, if there is one.
    ///
    /// # Errors
    /// If there is none and the session has ended; if a filter makes no sense.
    ///
    /// ```no_run
    /// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
    /// let receipt = session.try_receive_matching(lt_sdk::xmpp::Filter::message().namespace("urn:xmpp:receipts"))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_receive_matching(&self, filters: impl Into<Filters>) -> Result<Option<Stanza>> {
        self.look(&filters.into())
    }

    /// All stanzas in the inbox.
    ///
    /// ```no_run
    /// # fn iterate(session: &lt_sdk::xmpp::Session) {
    /// lt_sdk::log::info!("{} stanzas meanwhile", session.drain().len());
    /// # }
    /// ```
    #[must_use]
    pub fn drain(&self) -> Vec<Stanza> {
        self.drain_at_most(u32::MAX)
    }

    /// Stanzas in the inbox, at most this many. Memory of a user never shrinks: a full inbox is taken out in portions.
    ///
    /// ```no_run
    /// # fn iterate(session: &lt_sdk::xmpp::Session) {
    /// for stanza in session.drain_at_most(20) {
    ///     lt_sdk::log::debug!("{}", stanza.xml());
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn drain_at_most(&self, stanzas_max: u32) -> Vec<Stanza> {
        let stanzas = self.host().drain(stanzas_max).into_iter();
        stanzas.map(Stanza::from_host).collect()
    }

    /// Ready when there is a stanza in the inbox, or the session has ended.
    ///
    /// ```no_run
    /// # async fn wait(session: &lt_sdk::xmpp::Session) {
    /// lt_sdk::runtime::Wait::on(session.subscribe()).await;
    /// # }
    /// ```
    #[must_use]
    pub fn subscribe(&self) -> Pollable {
        Pollable::from_host(self.host().subscribe())
    }

    /// Like [`receive`](Self::receive) with no limit, for `async` code: something else can go on meanwhile, and
    /// [`futures::timeout`](crate::futures::timeout) limits the time. Dropping it leaves the stanzas where they are. While stanzas that the filters do not fit are
    /// in the inbox it looks 100 times a second; the time at which a stanza came is not affected. That the user is asked to end it notices
    /// within a second; in `leave`, where it always is, [`receive`](Self::receive) with a limit waits.
    ///
    /// ```no_run
    /// # use lt_sdk::prelude::*;
    /// # use lt_sdk::xmpp::{self, Filter, Session};
    /// # async fn iterate(session: &Session) -> Result<()> {
    /// select! {
    ///     message = session.receive_async(Filter::chat()) => log::info!("{:?}", message?.body()),
    ///     () = timing::sleep_async(Duration::from_secs(5)) => session.send(&xmpp::chat("bob@localhost", "are you there?"))?,
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn receive_async(&self, filters: impl Into<Filters>) -> Receiving<'_> {
        Receiving(Awaited::new(Wanted {
            session: self,
            filters: filters.into(),
        }))
    }

    fn take(&self, filters: &Filters, timeout: Option<Duration>) -> Result<Stanza> {
        let stanza = self.host().receive(filters.host(), timeout.map(nanos))?;
        Ok(Stanza::from_host(stanza))
    }

    /// What is there without waiting.
    pub(super) fn look(&self, filters: &Filters) -> Result<Option<Stanza>> {
        match self.take(filters, Some(Duration::ZERO)) {
            Ok(stanza) => Ok(Some(stanza)),
            Err(Error::Timeout) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// A stanza that is awaited; made by [`Session::receive_async`].
///
/// ```no_run
/// # async fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
/// let receiving: lt_sdk::xmpp::Receiving<'_> = session.receive_async(lt_sdk::xmpp::Filter::any());
/// let stanza = receiving.await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is received until this is awaited"]
pub struct Receiving<'a>(Awaited<Wanted<'a>>);

/// What is awaited of a session.
struct Wanted<'a> {
    session: &'a Session,
    filters: Filters,
}

impl Inbox for Wanted<'_> {
    type Item = Stanza;
    type Error = Error;

    fn look(&self) -> Result<Option<Stanza>> {
        self.session.look(&self.filters)
    }

    fn has_others(&self) -> bool {
        self.session.host().statistics().waiting > 0
    }

    fn subscribe(&self) -> Pollable {
        self.session.subscribe()
    }

    fn stopping() -> Error {
        Error::Stopping
    }
}

impl Future for Receiving<'_> {
    type Output = Result<Stanza>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}
