//! Why a call failed.

use std::fmt;

use super::Close;
use crate::bindings::lt::scenario::xmpp as host;
use crate::ending::failures;
use crate::http;
use crate::text::write_explained;

/// An answer of type `error` (RFC 6120, section 8.3).
///
/// ```no_run
/// # fn look(error: &lt_sdk::xmpp::StanzaError) {
/// lt_sdk::log::warn!("{} ({}): {}", error.condition, error.kind, error.text);
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StanzaError {
    /// The condition: `item-not-found`.
    pub condition: String,
    /// Its type: `cancel`, `modify`, `auth`, `wait`, `continue`.
    pub kind: String,
    /// What it says in words.
    pub text: String,
    /// All of the stanza.
    pub xml: String,
}

/// A stream error (RFC 6120, section 4.9) or a SASL failure (section 6.5).
///
/// ```no_run
/// # fn look(error: &lt_sdk::xmpp::StreamError) {
/// lt_sdk::check!("sent elsewhere", error.condition == "see-other-host");
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamError {
    /// The condition: `not-authorized`, `policy-violation`.
    pub condition: String,
    /// What it says in words; for `see-other-host` the host.
    pub text: String,
}

impl StreamError {
    fn from_host(error: host::StreamError) -> Self {
        Self {
            condition: error.condition,
            text: error.text,
        }
    }
}

/// Why a call failed. The user goes on, whatever it is.
///
/// ```no_run
/// use lt_sdk::timing::Duration;
/// use lt_sdk::xmpp::{Error, Filter};
///
/// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
/// match session.receive(Filter::chat(), Duration::from_secs(5)) {
///     Ok(message) => lt_sdk::log::info!("{:?}", message.body()),
///     Err(Error::Timeout) => lt_sdk::log::info!("silence"),
///     Err(Error::Closed(close)) => lt_sdk::log::info!("ended {close}"),
///     Err(error) => return Err(error.into()),
/// }
/// # Ok(())
/// # }
/// ```
#[non_exhaustive]
pub enum Error {
    /// Something in the call makes no sense. The text names the field. Nothing was attempted.
    InvalidRequest(String),
    /// The server could not be reached, TLS failed, or the connection ended.
    Network(http::Error),
    /// The server answered the WebSocket's upgrade with another status.
    UpgradeRefused(u16),
    /// The server does not offer StartTLS, or said `failure`.
    StartTlsRefused(String),
    /// None of the mechanisms wanted is offered; these are.
    NoMechanism(Vec<String>),
    /// Authentication failed.
    Sasl(StreamError),
    /// The server could not prove that it knows the password (RFC 5802, section 3), or asked for what no honest server asks for.
    ServerNotTrusted(String),
    /// A stream error while connecting.
    Stream(StreamError),
    /// What came was not well-formed, or no XMPP.
    Protocol(String),
    /// What came was over a limit.
    TooLargeReceived(String),
    /// A step, or a request, was answered with an error.
    Refused(StanzaError),
    /// A step took longer than it may, or was under way when the time for all of connecting was over; its name.
    StepTimeout(String),
    /// The server does not offer what a step needs; its name.
    NotOffered(String),
    /// The session has ended.
    Closed(Close),
    /// The time given for the call is over.
    Timeout,
    /// This user is asked to end ([`user::should_stop`](crate::user::should_stop)): nobody waits any more. Passed on with `?` it
    /// ends the user, and is no failure.
    Stopping,
    /// The text is larger than the bytes that may be sent at once.
    TooLarge(u64),
    /// The user has as many sessions, watches, requests or other things as it may. The text says which.
    TooMany(String),
    /// The result was already taken.
    AlreadyFinished,
    /// A text is not one well-formed element, or an element has not what it was asked for. With the reason.
    Xml(&'static str),
    /// Anything else, as text for people.
    Other(String),
}

impl Error {
    /// The condition by which the server told what is wrong: of a stanza error, a stream error or a SASL failure, by its name in
    /// RFC 6120.
    ///
    /// ```no_run
    /// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
    /// match session.request(&lt_sdk::xmpp::version("localhost")) {
    ///     Err(error) if error.condition() == Some("service-unavailable") => lt_sdk::log::info!("it does not tell"),
    ///     answer => drop(answer?),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn condition(&self) -> Option<&str> {
        let condition = match self {
            Self::Sasl(error) | Self::Stream(error) => &error.condition,
            Self::Refused(error) => &error.condition,
            Self::Closed(close) => &close.condition,
            _ => return None,
        };
        Some(condition.as_str()).filter(|condition| !condition.is_empty())
    }

    /// Whether the time given is over, for a call, for a step or for connecting.
    ///
    /// ```
    /// assert!(lt_sdk::xmpp::Error::Timeout.is_timeout());
    /// ```
    #[must_use]
    pub const fn is_timeout(&self) -> bool {
        match self {
            Self::Timeout | Self::StepTimeout(_) => true,
            Self::Network(error) => error.is_timeout(),
            _ => false,
        }
    }

    /// Whether the session has ended.
    ///
    /// ```no_run
    /// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
    /// match session.send(&lt_sdk::xmpp::chat("bob@localhost", "hello")) {
    ///     Err(error) if error.is_closed() => lt_sdk::log::info!("come back later"),
    ///     sent => sent?,
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self, Self::Closed(_))
    }

    /// The error with which a request or a step was answered, if it was.
    ///
    /// ```
    /// assert!(lt_sdk::xmpp::Error::Timeout.refusal().is_none());
    /// ```
    #[must_use]
    pub const fn refusal(&self) -> Option<&StanzaError> {
        match self {
            Self::Refused(error) => Some(error),
            _ => None,
        }
    }

    /// The text, and what it carries: texts and not formats, since this stands in the path of every scenario that connects.
    fn explain(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::InvalidRequest(detail) => ("invalid request", Some(detail)),
            Self::Network(_) => ("cannot connect", None),
            Self::UpgradeRefused(_) => ("the server did not upgrade to WebSocket", None),
            Self::StartTlsRefused(detail) => ("no StartTLS", Some(detail)),
            Self::NoMechanism(_) => ("none of the mechanisms wanted is offered", None),
            Self::Sasl(error) => ("authentication failed", Some(&error.condition)),
            Self::ServerNotTrusted(detail) => ("the server cannot be trusted", Some(detail)),
            Self::Stream(error) => ("stream error", Some(&error.condition)),
            Self::Protocol(detail) => ("what came is no XMPP", Some(detail)),
            Self::TooLargeReceived(detail) => ("what came is over a limit", Some(detail)),
            Self::Refused(error) => ("refused", Some(&error.condition)),
            Self::StepTimeout(step) => ("no end in time of the step", Some(step)),
            Self::NotOffered(step) => ("not offered by the server", Some(step)),
            Self::Closed(_) => ("the session has ended", None),
            Self::Timeout => ("the time is over", None),
            Self::Stopping => ("this user is asked to end", None),
            Self::TooLarge(_) => ("larger than the bytes that are allowed", None),
            Self::TooMany(detail) => ("the user has as many as it may", Some(detail)),
            Self::AlreadyFinished => ("the result was already taken", None),
            Self::Xml(reason) => ("XML", Some(reason)),
            Self::Other(detail) => ("XMPP failed", Some(detail)),
        }
    }

    /// What the server says in words.
    fn words(&self) -> &str {
        match self {
            Self::Sasl(error) | Self::Stream(error) => &error.text,
            Self::Refused(error) => &error.text,
            _ => "",
        }
    }
}

impl From<host::ErrorCode> for Error {
    fn from(code: host::ErrorCode) -> Self {
        match code {
            host::ErrorCode::InvalidRequest(text) => Self::InvalidRequest(text),
            host::ErrorCode::Network(code) => Self::Network(code.into()),
            host::ErrorCode::UpgradeRefused(status) => Self::UpgradeRefused(status),
            host::ErrorCode::StarttlsRefused(text) => Self::StartTlsRefused(text),
            host::ErrorCode::NoMechanism(offered) => Self::NoMechanism(offered),
            host::ErrorCode::Sasl(error) => Self::Sasl(StreamError::from_host(error)),
            host::ErrorCode::ServerNotTrusted(text) => Self::ServerNotTrusted(text),
            host::ErrorCode::Stream(error) => Self::Stream(StreamError::from_host(error)),
            host::ErrorCode::Protocol(text) => Self::Protocol(text),
            host::ErrorCode::TooLargeReceived(text) => Self::TooLargeReceived(text),
            host::ErrorCode::Refused(error) => Self::Refused(StanzaError {
                condition: error.condition,
                kind: error.kind,
                text: error.text,
                xml: error.xml,
            }),
            host::ErrorCode::StepTimeout(step) => Self::StepTimeout(step),
            host::ErrorCode::NotOffered(step) => Self::NotOffered(step),
            host::ErrorCode::Closed(close) => Self::Closed(Close::from_host(close)),
            host::ErrorCode::Timeout => Self::Timeout,
            host::ErrorCode::Stopping => Self::Stopping,
            host::ErrorCode::TooLarge(bytes) => Self::TooLarge(bytes),
            host::ErrorCode::TooMany(text) => Self::TooMany(text),
            host::ErrorCode::AlreadyFinished => Self::AlreadyFinished,
            host::ErrorCode::Other(text) => Self::Other(text),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, detail) = self.explain();
        write_explained(f, text, detail)?;
        match self {
            Self::Network(error) => write!(f, ": {error}"),
            Self::UpgradeRefused(status) => write!(f, ": status {status}"),
            Self::NoMechanism(offered) => {
                f.write_str(", but: ")?;
                f.write_str(&offered.join(", "))
            }
            Self::Closed(close) => write!(f, ": {close}"),
            Self::TooLarge(bytes) => write!(f, " ({bytes})"),
            _ => match self.words() {
                "" => Ok(()),
                words => write_explained(f, "", Some(words)),
            },
        }
    }
}

failures!("xmpp");

#[cfg(test)]
mod tests {
    use super::super::Ending;
    use super::*;

    fn stream_error(condition: &str, text: &str) -> host::StreamError {
        host::StreamError {
            condition: condition.to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn texts_name_the_cause_and_what_it_carries() {
        let text = |code: host::ErrorCode| Error::from(code).to_string();
        assert_eq!(
            text(host::ErrorCode::Sasl(stream_error(
                "not-authorized",
                "go away"
            ))),
            "authentication failed: not-authorized: go away"
        );
        assert_eq!(
            text(host::ErrorCode::Stream(stream_error("host-unknown", ""))),
            "stream error: host-unknown"
        );
        assert_eq!(
            text(host::ErrorCode::NoMechanism(vec![
                "PLAIN".into(),
                "X".into()
            ])),
            "none of the mechanisms wanted is offered, but: PLAIN, X"
        );
        assert_eq!(
            text(host::ErrorCode::Network(http::ErrorCode::ConnectionRefused)),
            "cannot connect: connection refused"
        );
        assert_eq!(
            text(host::ErrorCode::Network(http::ErrorCode::ConnectionClosed)),
            "cannot connect: the peer closed the connection too early"
        );
        assert_eq!(
            text(host::ErrorCode::Refused(host::StanzaError {
                condition: "forbidden".into(),
                kind: "auth".into(),
                text: "no".into(),
                xml: "<iq/>".into(),
            })),
            "refused: forbidden: no"
        );
        let close = |condition: &str, text: &str| {
            host::ErrorCode::Closed(host::Close {
                ending: host::Ending::StreamError,
                condition: condition.to_owned(),
                text: text.to_owned(),
            })
        };
        assert_eq!(
            text(close("conflict", "replaced")),
            "the session has ended: stream-error: conflict: replaced"
        );
        assert_eq!(text(close("", "")), "the session has ended: stream-error");
        assert_eq!(
            text(host::ErrorCode::UpgradeRefused(404)),
            "the server did not upgrade to WebSocket: status 404"
        );
    }

    #[test]
    fn errors_know_their_kind_and_condition() {
        assert!(Error::Network(http::ErrorCode::ConnectTimeout.into()).is_timeout());
        assert!(Error::StepTimeout("sasl".to_owned()).is_timeout());
        assert!(!Error::Stopping.is_timeout() && Error::Stopping.is_stopping());
        let sasl = Error::from(host::ErrorCode::Sasl(stream_error("not-authorized", "")));
        assert_eq!(sasl.condition(), Some("not-authorized"));
        let close = Close {
            ending: Ending::Disconnected,
            condition: String::new(),
            text: String::new(),
        };
        assert!(!close.is_orderly());
        let error = Error::Closed(close.clone());
        assert!(error.is_closed() && error.condition().is_none());
        assert_eq!(error.close(), Some(&close));
        assert_eq!(error.refusal(), None);
    }
}
