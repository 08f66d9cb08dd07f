//! How connections and streams end.

use std::fmt;

use crate::bindings::lt::scenario::rtmp as host;

/// How a connection or a stream came to its end. Its text is the name in the contract, which is also that of the `ending` tag.
///
/// ```
/// assert_eq!(lt_sdk::rtmp::Ending::ByPeer.to_string(), "by-peer");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// This side stopped it; or it was dropped, or its user ended.
    ByUs,
    /// The peer said that the stream is over, or the body of a response ended.
    ByPeer,
    /// The peer ended it by an error.
    Refused,
    /// The connection ended without a word.
    Disconnected,
    /// It was reset.
    Reset,
    /// What came breaks the specification.
    ProtocolError,
    /// Nothing came for as long as [`silence_max`](super::Play::silence_max) says.
    Silence,
    /// The peer took nothing for as long as a send may wait.
    Unsent,
    /// The inbox was full, and its overflow is [`Overflow::Close`](super::Overflow::Close).
    InboxOverflow,
    /// Something else; the reason says what.
    Failed,
}

impl Ending {
    /// The name in the contract.
    ///
    /// ```
    /// assert_eq!(lt_sdk::rtmp::Ending::ProtocolError.as_str(), "protocol-error");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ByUs => "by-us",
            Self::ByPeer => "by-peer",
            Self::Refused => "refused",
            Self::Disconnected => "disconnected",
            Self::Reset => "reset",
            Self::ProtocolError => "protocol-error",
            Self::Silence => "silence",
            Self::Unsent => "unsent",
            Self::InboxOverflow => "inbox-overflow",
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
            host::Ending::Refused => Self::Refused,
            host::Ending::Disconnected => Self::Disconnected,
            host::Ending::Reset => Self::Reset,
            host::Ending::ProtocolError => Self::ProtocolError,
            host::Ending::Silence => Self::Silence,
            host::Ending::Unsent => Self::Unsent,
            host::Ending::InboxOverflow => Self::InboxOverflow,
            host::Ending::Failed => Self::Failed,
        }
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

    /// Whether one side ended it as it should be: nothing broke.
    ///
    /// ```no_run
    /// # fn look(close: &lt_sdk::rtmp::Close) {
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
        for part in [&self.code, &self.reason] {
            if !part.is_empty() {
                f.write_str(": ")?;
                f.write_str(part)?;
            }
        }
        Ok(())
    }
}
