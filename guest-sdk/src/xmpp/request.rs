//! Requests and their answers.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Element, Error, Result, Session, Stanza};
use crate::bindings::lt::scenario::xmpp as host;
use crate::runtime::{Held, Pollable};
use crate::timing::{Duration, nanos};

/// A request for something (RFC 6120, section 8.2.3): an `iq` of type `get` with this payload. [`to`](Element::to) says whom it asks; the own account's
/// server otherwise.
///
/// ```
/// use lt_sdk::xmpp::{self, Element};
///
/// let request = xmpp::get(Element::new("ping").namespace("urn:xmpp:ping")).to("localhost");
/// assert_eq!(request.to_string(), "<iq type='get' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>");
/// ```
pub fn get(payload: impl Into<Element>) -> Element {
    Element::new("iq").kind("get").child(payload)
}

/// A request to change something: an `iq` of type `set` with this payload.
///
/// ```
/// use lt_sdk::xmpp::{self, Element};
///
/// let request = xmpp::set(Element::new("enable").namespace("urn:xmpp:carbons:2"));
/// assert_eq!(request.to_string(), "<iq type='set'><enable xmlns='urn:xmpp:carbons:2'/></iq>");
/// ```
pub fn set(payload: impl Into<Element>) -> Element {
    Element::new("iq").kind("set").child(payload)
}

/// In-band registration (XEP-0077).
const REGISTER: &str = "jabber:iq:register";

/// Make an account with these fields (XEP-0077, section 3.1): while connecting, [`Account::register`](super::Account::register) does it.
///
/// ```
/// let request = lt_sdk::xmpp::register([("username", "bob"), ("password", "secret")]);
/// assert!(request.to_string().contains("<username>bob</username>"));
/// ```
pub fn register<V: Into<String>>(fields: impl IntoIterator<Item = (&'static str, V)>) -> Element {
    let fields = fields.into_iter();
    let fields = fields.map(|(name, value)| Element::new(name).text(value));
    set(Element::new("query")
        .namespace(REGISTER)
        .with_children(fields))
}

/// Change the account's password (XEP-0077, section 3.3).
///
/// ```
/// let request = lt_sdk::xmpp::change_password("user_1", "secret");
/// assert!(request.to_string().contains("<password>secret</password>"));
/// ```
pub fn change_password(username: &str, password: &str) -> Element {
    register([("username", username), ("password", password)])
}

/// Remove the account (XEP-0077, section 3.2): [`Session::unregister`] does it and waits.
///
/// ```
/// assert!(lt_sdk::xmpp::unregister().to_string().contains("<remove/>"));
/// ```
pub fn unregister() -> Element {
    register([("remove", "")])
}

/// Conditions with which a server ends the streams of an account that was removed: the specification's, and what servers send.
const REMOVED: [&str; 2] = ["not-authorized", "conflict"];

impl Session {
    /// Send a request (an `iq` of type `get` or `set`) and wait for its answer, 60 s at most. One without an id gets one; the answer is told by
    /// id and sender (RFC 6120, section 8.1.2.1). Feeds `xmpp_request_duration`.
    ///
    /// # Errors
    /// [`Error::Refused`] if the answer is an error; if it does not come in time, or the session has ended.
    ///
    /// ```no_run
    /// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
    /// let answer = session.request(&lt_sdk::xmpp::ping("localhost"))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn request(&self, iq: &Element) -> Result<Stanza> {
        self.ask(&iq.to_xml(), None)
    }

    /// Send a request, and wait at most this long for its answer.
    ///
    /// # Errors
    /// Those of [`request`](Self::request).
    ///
    /// ```no_run
    /// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
    /// # use lt_sdk::{timing::Duration, xmpp};
    /// let answer = session.request_timeout(&xmpp::ping("localhost"), Duration::from_secs(5))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn request_timeout(
        &self,
        iq: &Element,
        timeout: impl Into<Option<Duration>>,
    ) -> Result<Stanza> {
        self.ask(&iq.to_xml(), timeout.into())
    }

    /// Send a request that is XML already, and wait for its answer.
    ///
    /// # Errors
    /// Those of [`request`](Self::request), and if it is not one well-formed `iq`.
    ///
    /// ```no_run
    /// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
    /// let roster = session.request_xml("<iq type='get'><query xmlns='jabber:iq:roster'/></iq>")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn request_xml(&self, iq: impl AsRef<str>) -> Result<Stanza> {
        self.ask(iq.as_ref(), None)
    }

    fn ask(&self, iq: &str, timeout: Option<Duration>) -> Result<Stanza> {
        let answer = self.host().request(iq, timeout.map(nanos))?;
        Ok(Stanza::from_host(answer))
    }

    /// Send a request and go on; its answer is awaited for 60 s. At most 100 requests at a time.
    ///
    /// # Errors
    /// If it cannot be sent, or there are too many.
    ///
    /// ```no_run
    /// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
    /// use lt_sdk::xmpp;
    ///
    /// let both = [session.start_request(&xmpp::ping("localhost"))?, session.start_request(&xmpp::roster::get())?];
    /// for pending in both {
    ///     pending.finish()?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn start_request(&self, iq: &Element) -> Result<Pending> {
        self.start_request_timeout(iq, None)
    }

    /// Send a request and go on; its answer is awaited for this long.
    ///
    /// # Errors
    /// Those of [`start_request`](Self::start_request).
    ///
    /// ```no_run
    /// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
    /// # use lt_sdk::{timing::Duration, xmpp};
    /// let pending = session.start_request_timeout(&xmpp::ping("localhost"), Duration::from_secs(5))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn start_request_timeout(
        &self,
        iq: &Element,
        timeout: impl Into<Option<Duration>>,
    ) -> Result<Pending> {
        let (iq, timeout) = (iq.to_xml(), timeout.into().map(nanos));
        Ok(Pending(self.host().start_request(&iq, timeout)?))
    }

    /// Remove the account (XEP-0077, section 3.2). The server may end the stream before or after it answers: both are fine. The session is of no
    /// use afterwards.
    ///
    /// # Errors
    /// If the server refuses, does not answer in time, or the connection broke.
    ///
    /// ```no_run
    /// # fn leave(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
    /// session.unregister()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn unregister(&self) -> Result<()> {
        match self.request(&unregister()) {
            Ok(_) => Ok(()),
            Err(error) if was_removed(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Whether this is how a server ends the stream of an account that it has removed.
fn was_removed(error: &Error) -> bool {
    match error {
        Error::Closed(close) => {
            close.ending == super::Ending::ByPeer || REMOVED.contains(&close.condition.as_str())
        }
        _ => false,
    }
}

/// A request under way. Dropping it forgets it: its answer is unexpected then. In `async` code it can be awaited.
///
/// ```no_run
/// # use lt_sdk::prelude::*;
/// # use lt_sdk::xmpp::{self, Session};
/// # async fn iterate(session: &Session) -> Result<()> {
/// let ping = session.start_request(&xmpp::ping("localhost"))?;
/// let roster = session.start_request(&xmpp::roster::get())?;
/// let (ping, roster) = join!(ping, roster);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "dropping it forgets the request"]
pub struct Pending(host::Pending);

impl Pending {
    /// Whether the answer is there, or known not to come.
    ///
    /// ```no_run
    /// # fn look(pending: &lt_sdk::xmpp::Pending) -> bool {
    /// pending.is_ready()
    /// # }
    /// ```
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.subscribe().is_ready()
    }

    /// Something to wait on, together with others.
    ///
    /// ```no_run
    /// # async fn wait(pending: &lt_sdk::xmpp::Pending) {
    /// lt_sdk::runtime::Wait::on(pending.subscribe()).await;
    /// # }
    /// ```
    #[must_use]
    pub fn subscribe(&self) -> Pollable {
        Pollable::from_host(self.0.subscribe())
    }

    /// Wait for the answer.
    ///
    /// # Errors
    /// Those of [`Session::request`].
    ///
    /// ```no_run
    /// # fn wait(pending: lt_sdk::xmpp::Pending) -> lt_sdk::Result<()> {
    /// let answer = pending.finish()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn finish(self) -> Result<Stanza> {
        Ok(Stanza::from_host(self.0.finish()?))
    }
}

impl IntoFuture for Pending {
    type Output = Result<Stanza>;
    type IntoFuture = Answer;

    fn into_future(self) -> Answer {
        Answer(Held::new(self.subscribe(), self))
    }
}

/// An answer that is awaited; made of a [`Pending`]. Dropping it forgets the request.
///
/// ```no_run
/// # async fn wait(pending: lt_sdk::xmpp::Pending) -> lt_sdk::Result<()> {
/// let answer: lt_sdk::xmpp::Answer = pending.into_future();
/// let stanza = answer.await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "nobody waits until this is awaited"]
pub struct Answer(Held<Pending>);

impl Future for Answer {
    type Output = Result<Stanza>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(context).map(|pending| match pending {
            Some(pending) => pending.finish(),
            None => Err(Error::AlreadyFinished),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Close, Ending};
    use super::*;

    #[test]
    fn a_removed_account_is_told_from_a_broken_connection() {
        let closed = |ending, condition: &str| {
            was_removed(&Error::Closed(Close {
                ending,
                condition: condition.to_owned(),
                text: String::new(),
            }))
        };
        assert!(closed(Ending::ByPeer, ""));
        assert!(closed(Ending::StreamError, "not-authorized"));
        assert!(closed(Ending::StreamError, "conflict"));
        assert!(!closed(Ending::StreamError, "system-shutdown"));
        assert!(!closed(Ending::Disconnected, "") && !closed(Ending::Reset, ""));
        assert!(!was_removed(&Error::Timeout));
    }
}
