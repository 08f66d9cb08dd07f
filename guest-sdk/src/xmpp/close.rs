//! How sessions end.

use std::fmt;

use crate::bindings::lt::scenario::xmpp as host;

/// How a session came to its end. Its text is the name in the contract, which is also that of the `ending` tag.
///
/// ```
/// assert_eq!(lt_sdk::xmpp::Ending::StreamError.to_string(), "stream-error");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// This side ended the stream, and the server agreed; or the session was dropped, or its user ended.
    ByUs,
    /// This side cut the connection: [`kill`](super::Session::kill).
    Killed,
    /// The server ended the stream without an error, or with the one that follows the removal of the account, which this session had asked for
    /// (XEP-0077, section 3.2).
    ByPeer,
    /// The server sent a stream error.
    StreamError,
    /// The connection ended without the end of the stream.
    Disconnected,
    /// It was reset.
    Reset,
    /// What came was not well-formed, or no XMPP: this side ended the stream with `not-well-formed` or another error.
    ProtocolError,
    /// A stanza was over a limit: this side ended the stream with `policy-violation`.
    StanzaTooLarge,
    /// The inbox was full, and its overflow is [`Overflow::Close`](super::Overflow::Close).
    InboxOverflow,
    /// No answer came to a ping in the time given to [`ping_every`](super::Session::ping_every).
    PingTimeout,
    /// The server did not end its side in time.
    CloseTimeout,
    /// Something else; the text says what.
    Failed,
}

impl Ending {
    /// The name in the contract.
    ///
    /// ```
    /// assert_eq!(lt_sdk::xmpp::Ending::PingTimeout.as_str(), "ping-timeout");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ByUs => "by-us",
            Self::Killed => "killed",
            Self::ByPeer => "by-peer",
            Self::StreamError => "stream-error",
            Self::Disconnected => "disconnected",
            Self::Reset => "reset",
            Self::ProtocolError => "protocol-error",
            Self::StanzaTooLarge => "stanza-too-large",
            Self::InboxOverflow => "inbox-overflow",
            Self::PingTimeout => "ping-timeout",
            Self::CloseTimeout => "close-timeout",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<host::Ending> for Ending {
    fn from(ending: host::Ending) -> Self {
        match ending {
            host::Ending::ByUs => Self::ByUs,
            host::Ending::Killed => Self::Killed,
            host::Ending::ByPeer => Self::ByPeer,
            host::Ending::StreamError => Self::StreamError,
            host::Ending::Disconnected => Self::Disconnected,
            host::Ending::Reset => Self::Reset,
            host::Ending::ProtocolError => Self::ProtocolError,
            host::Ending::StanzaTooLarge => Self::StanzaTooLarge,
            host::Ending::InboxOverflow => Self::InboxOverflow,
            host::Ending::PingTimeout => Self::PingTimeout,
            host::Ending::CloseTimeout => Self::CloseTimeout,
            host::Ending::Failed => Self::Failed,
        }
    }
}

/// The end of a session.
///
/// ```no_run
/// # fn look(session: &lt_sdk::xmpp::Session) {
/// if let Some(close) = session.closed() {
///     lt_sdk::log::info!("ended {}, {:?}: {}", close.ending, close.condition, close.text);
/// }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Close {
    /// How it came about.
    pub ending: Ending,
    /// Condition of the stream error, received or sent (RFC 6120, section 4.9.3); empty if there was none.
    pub condition: String,
    /// What came with it, or what went wrong.
    pub text: String,
}

impl Close {
    pub(super) fn from_host(close: host::Close) -> Self {
        Self {
            ending: close.ending.into(),
            condition: close.condition,
            text: close.text,
        }
    }

    /// Whether one side ended the stream and the other agreed: nothing broke.
    ///
    /// ```no_run
    /// # fn look(close: &lt_sdk::xmpp::Close) {
    /// lt_sdk::check!("ended well", close.is_orderly());
    /// # }
    /// ```
    #[must_use]
    pub const fn is_orderly(&self) -> bool {
        matches!(self.ending, Ending::ByUs | Ending::ByPeer)
    }
}

impl fmt::Display for Close {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.ending.as_str())?;
        for part in [&self.condition, &self.text] {
            if !part.is_empty() {
                f.write_str(": ")?;
                f.write_str(part)?;
            }
        }
        Ok(())
    }
}
