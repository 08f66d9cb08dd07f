//! How connections and streams end.

use std::fmt;

use crate::bindings::lt::scenario::rtmp as host;
use crate::ending::endings;

endings! {
    "rtmp",
    /// How a connection or a stream came to its end. Its text is the name in the contract, which is also that of the `ending` tag.
    ///
    /// ```
    /// assert_eq!(lt_sdk::rtmp::Ending::ByPeer.to_string(), "by-peer");
    /// ```
    pub enum Ending {
        /// This side stopped it; or it was dropped, or its user ended.
        ByUs = "by-us",
        /// The peer said that the stream is over, or the body of a response ended.
        ByPeer = "by-peer",
        /// The peer ended it by an error.
        Refused = "refused",
        /// The connection ended without a word.
        Disconnected = "disconnected",
        /// It was reset.
        Reset = "reset",
        /// What came breaks the specification.
        ProtocolError = "protocol-error",
        /// Nothing came for as long as [`silence_max`](super::Play::silence_max) says.
        Silence = "silence",
        /// The peer took nothing for as long as a send may wait.
        Unsent = "unsent",
        /// The inbox was full, and its overflow is [`Overflow::Close`](super::Overflow::Close).
        InboxOverflow = "inbox-overflow",
        /// Something else; the reason says what.
        Failed = "failed",
    }
}

/// The end of a connection or a stream.
///
/// ```no_run
/// # fn look(player: &lt_sdk::rtmp::Player) {
/// if let Some(close) = player.closed() {
///     lt_sdk::log::info!("ended {}, {}: {}", close.ending, close.code, close.reason);
/// }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Close {
    /// How it came about.
    pub ending: Ending,
    /// The code of the status that ended it: `NetStream.Play.Stop`; empty if none did.
    pub code: String,
    /// What the peer said, or what went wrong.
    pub reason: String,
}

impl Close {
    pub(super) fn from_host(close: host::Close) -> Self {
        Self {
            ending: close.ending.into(),
            code: close.code,
            reason: close.reason,
        }
    }
}

impl fmt::Display for Close {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.ending.as_str())?;
        for part in [&self.code, &self.reason] {
            if !part.is_empty() {
                f.write_str(": ")?;
                f.write_str(part)?;
            }
        }
        Ok(())
    }
}
