//! How sessions end.

use std::fmt;

use crate::bindings::lt::scenario::xmpp as host;
use crate::ending::endings;

endings! {
    "xmpp",
    /// How a session came to its end. Its text is the name in the contract, which is also that of the `ending` tag.
    ///
    /// ```
    /// assert_eq!(lt_sdk::xmpp::Ending::StreamError.to_string(), "stream-error");
    /// ```
    pub enum Ending {
        /// This side ended the stream, and the server agreed; or the session was dropped, or its user ended.
        ByUs = "by-us",
        /// This side cut the connection: [`kill`](super::Session::kill).
        Killed = "killed",
        /// The server ended the stream without an error, or with the one that follows the removal of the account, which this session had asked for
        /// (XEP-0077, section 3.2).
        ByPeer = "by-peer",
        /// The server sent a stream error.
        StreamError = "stream-error",
        /// The connection ended without the end of the stream.
        Disconnected = "disconnected",
        /// It was reset.
        Reset = "reset",
        /// What came was not well-formed, or no XMPP: this side ended the stream with `not-well-formed` or another error.
        ProtocolError = "protocol-error",
        /// A stanza was over a limit: this side ended the stream with `policy-violation`.
        StanzaTooLarge = "stanza-too-large",
        /// The inbox was full, and its overflow is [`Overflow::Close`](super::Overflow::Close).
        InboxOverflow = "inbox-overflow",
        /// No answer came to a ping in the time given to [`ping_every`](super::Session::ping_every).
        PingTimeout = "ping-timeout",
        /// The server did not end its side in time.
        CloseTimeout = "close-timeout",
        /// Something else; the text says what.
        Failed = "failed",
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
