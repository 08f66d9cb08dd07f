//! How connections end.

use std::fmt;

use crate::bindings::lt::scenario::websocket as host;
use crate::ending::endings;

endings! {
    "websocket",
    /// How a connection came to its end. Its text is the name in the contract, which is also that of the `ending` tag.
    ///
    /// ```
    /// assert_eq!(lt_sdk::websocket::Ending::ByPeer.to_string(), "by-peer");
    /// ```
    pub enum Ending {
        /// This side closed, and the peer agreed; or the socket was dropped, or its user ended.
        ByUs = "by-us",
        /// The peer closed.
        ByPeer = "by-peer",
        /// The connection ended without a close frame.
        Disconnected = "disconnected",
        /// It was reset.
        Reset = "reset",
        /// The peer broke RFC 6455: this side closed with 1002.
        ProtocolError = "protocol-error",
        /// A text was not UTF-8: this side closed with 1007.
        InvalidUtf8 = "invalid-utf8",
        /// A message was over the limit: this side closed with 1009.
        MessageTooLarge = "message-too-large",
        /// The inbox was full, and its overflow is [`Overflow::Close`](super::Overflow::Close): this side closed with 1008.
        InboxOverflow = "inbox-overflow",
        /// No pong came in the time given to [`ping_every`](super::WebSocket::ping_every).
        PingTimeout = "ping-timeout",
        /// The peer did not answer a close frame in time.
        CloseTimeout = "close-timeout",
        /// Something else; the reason says what.
        Failed = "failed",
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
