//! How connections end.

use std::fmt;

use crate::bindings::lt::scenario::websocket as host;

/// How a connection came to its end. Its text is the name in the contract, which is also that of the `ending` tag.
///
/// ```
/// assert_eq!(lt_sdk::websocket::Ending::ByPeer.to_string(), "by-peer");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// This side closed, and the peer agreed; or the socket was dropped, or its user ended.
    ByUs,
    /// The peer closed.
    ByPeer,
    /// The connection ended without a close frame.
    Disconnected,
    /// It was reset.
    Reset,
    /// The peer broke RFC 6455: this side closed with 1002.
    ProtocolError,
    /// A text was not UTF-8: this side closed with 1007.
    InvalidUtf8,
    /// A message was over the limit: this side closed with 1009.
    MessageTooLarge,
    /// The inbox was full, and its overflow is [`Overflow::Close`](super::Overflow::Close): this side closed with 1008.
    InboxOverflow,
    /// No pong came in the time given to [`ping_every`](super::WebSocket::ping_every).
    PingTimeout,
    /// The peer did not answer a close frame in time.
    CloseTimeout,
    /// Something else; the reason says what.
    Failed,
}

impl Ending {
    /// The name in the contract.
    ///
    /// ```
    /// assert_eq!(lt_sdk::websocket::Ending::PingTimeout.as_str(), "ping-timeout");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ByUs => "by-us",
            Self::ByPeer => "by-peer",
            Self::Disconnected => "disconnected",
            Self::Reset => "reset",
            Self::ProtocolError => "protocol-error",
            Self::InvalidUtf8 => "invalid-utf8",
            Self::MessageTooLarge => "message-too-large",
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
            host::Ending::ByPeer => Self::ByPeer,
            host::Ending::Disconnected => Self::Disconnected,
            host::Ending::Reset => Self::Reset,
            host::Ending::ProtocolError => Self::ProtocolError,
            host::Ending::InvalidUtf8 => Self::InvalidUtf8,
            host::Ending::MessageTooLarge => Self::MessageTooLarge,
            host::Ending::InboxOverflow => Self::InboxOverflow,
            host::Ending::PingTimeout => Self::PingTimeout,
            host::Ending::CloseTimeout => Self::CloseTimeout,
            host::Ending::Failed => Self::Failed,
        }
    }
}

/// The end of a connection.
///
/// ```no_run
/// # fn look(socket: &lt_sdk::websocket::WebSocket) {
/// if let Some(close) = socket.closed() {
///     lt_sdk::log::info!("ended {}, code {}, {:?}", close.ending, close.code, close.reason);
/// }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Close {
    /// The code of the close frame that came, else of the one by which this side ended it; 1005 if it had none, 1006 if the peer just went or did not answer
    /// (RFC 6455, section 7.1.5).
    pub code: u16,
    /// The reason that came with it, or what went wrong.
    pub reason: String,
    /// How it came about.
    pub ending: Ending,
}

impl Close {
    pub(super) fn from_host(close: host::Close) -> Self {
        Self {
            code: close.code,
            reason: close.reason,
            ending: close.ending.into(),
        }
    }

    /// Whether one side closed and the other agreed, with whatever code: nothing broke.
    ///
    /// ```no_run
    /// # fn look(close: &lt_sdk::websocket::Close) {
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
        write!(f, "{}, code {}", self.ending, self.code)?;
        if self.reason.is_empty() {
            return Ok(());
        }
        write!(f, ": {}", self.reason)
    }
}
