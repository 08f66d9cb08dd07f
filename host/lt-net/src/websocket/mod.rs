//! WebSocket connections (RFC 6455): connecting over our own timed dial ([`HttpClient::connect_websocket`]), and a
//! [`Socket`] whose [`Pump`] reads at once, stamps what came, answers pings and sends what it was given.
//!
//! The pump is a task of its own beside whoever uses the socket; both live on one thread. What it sees it tells an
//! [`Observer`], which says what goes into the inbox.
//!
//! [`HttpClient::connect_websocket`]: crate::http::HttpClient::connect_websocket

mod codec;
mod content;
pub(crate) mod handshake;
mod heartbeat;
mod outbox;
pub mod pattern;
mod pump;
mod socket;

use std::time::Duration;

use tokio::time::Instant;

pub use self::codec::is_close_code;
pub use self::pump::Pump;
pub use self::socket::{Opened, Socket, Statistics, Unsent};
use crate::error::NetError;
pub use crate::periodic::Periodic as Heartbeat;
use crate::timings::Timings;

/// What to connect to. `ws`, `wss`, `http` and `https` URLs; checked by connecting.
#[derive(Clone, Debug, Default)]
pub struct ConnectRequest {
    /// Absolute URL.
    pub url: String,
    /// Header fields beside those of the handshake.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Subprotocols to offer, the most wanted first.
    pub subprotocols: Vec<String>,
    /// Choices.
    pub options: ConnectOptions,
}

/// Choices of one connection.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// Time for all of connecting, redirects included; `None` is the client's.
    pub timeout: Option<Duration>,
    /// Most redirects to follow; `None` is the client's.
    pub max_redirects: Option<u32>,
    /// Longest message that is taken in.
    pub message_bytes_max: usize,
    /// Messages longer than this are sent in fragments of this size; not zero.
    pub fragment_bytes: Option<usize>,
    /// Room for messages.
    pub inbox: InboxOptions,
}

/// Room for messages that nobody has asked for yet.
#[derive(Clone, Copy, Debug)]
pub struct InboxOptions {
    /// Most messages; zero keeps none.
    pub messages_max: usize,
    /// Most bytes of all together.
    pub bytes_max: usize,
    /// What happens beyond.
    pub overflow: Overflow,
}

/// What becomes of messages for which the inbox has no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// The oldest makes room.
    #[default]
    DropOldest,
    /// It is dropped itself.
    DropNewest,
    /// Nothing more is read until there is room.
    Pause,
    /// The connection is closed with 1008.
    Close,
}

/// What a message carries. Its own copy: a slice would keep the connection's read buffer alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// UTF-8.
    Text(Box<str>),
    /// Any bytes.
    Binary(Box<[u8]>),
}

/// What a message carries, while it lies in the read buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Borrowed<'a> {
    /// UTF-8.
    Text(&'a str),
    /// Any bytes.
    Binary(&'a [u8]),
}

/// A message that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it says.
    pub content: Content,
    /// When its last byte came to this machine.
    pub arrived: Instant,
}

/// How a connection came to its end: `enum ending` of `wit/websocket.wit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// This side closed, and the peer agreed.
    ByUs,
    /// The peer closed.
    ByPeer,
    /// The connection ended without a close frame.
    Disconnected,
    /// It was reset.
    Reset,
    /// The peer broke RFC 6455.
    ProtocolError,
    /// A text was not UTF-8.
    InvalidUtf8,
    /// A message was over the limit.
    MessageTooLarge,
    /// The inbox was full, and its overflow is `close`.
    InboxOverflow,
    /// No pong came in time.
    PingTimeout,
    /// The peer did not answer a close frame in time.
    CloseTimeout,
    /// Something else.
    Failed,
}

impl Ending {
    /// Name of the case in the contract: value of the tag `ending`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
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

    /// Whether a side closed as RFC 6455 section 7 wants it.
    #[must_use]
    pub fn is_clean(self) -> bool {
        matches!(self, Self::ByUs | Self::ByPeer)
    }
}

/// The end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// The code of the close frame that came, else of the one by which this side ended it; 1005 if it had none, 1006 if the peer just went or did not answer.
    pub code: u16,
    /// The reason that came with it, or what went wrong.
    pub reason: String,
    /// How it came about.
    pub ending: Ending,
}

/// An answer that is not an upgrade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Status code.
    pub status: u16,
    /// Header fields, names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The beginning of the body: at most [`REFUSAL_BYTES_MAX`], and what came within a second.
    pub body: Vec<u8>,
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The server could not be reached, did not answer in HTTP, or the request makes no sense (`InvalidRequest`).
    #[error(transparent)]
    Net(#[from] NetError),
    /// The server answered, but did not upgrade.
    #[error("the server refused the upgrade with status {}", .0.status)]
    Refused(Box<Refusal>),
    /// The upgrade is not as RFC 6455 section 4.1 wants it.
    #[error("not a valid upgrade: {0}")]
    Handshake(String),
}

/// What is known of an attempt to connect, whatever came of it: for whoever records it.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Where the time went; `sending`, `waiting` and `receiving` together are the upgrade. All redirects together.
    pub timings: Timings,
    /// From the call to the end.
    pub total: Duration,
    /// Status of the last answer, if there was one.
    pub status: Option<u16>,
    /// Bytes written, TLS included.
    pub bytes_sent: u64,
    /// Bytes read, TLS included.
    pub bytes_received: u64,
}

/// Told of what happens on a socket, as it happens, by its pump.
pub trait Observer {
    /// A message came. Returns whether it goes into the inbox.
    fn received(&self, content: Borrowed<'_>, arrived: Instant) -> bool;
    /// A message was put into the inbox, which now holds so many.
    fn waiting(&self, messages: usize);
    /// So many messages were lost because the inbox was full.
    fn dropped(&self, messages: u64);
    /// So many messages were handed to the kernel.
    fn sent(&self, messages: u64);
    /// A timed ping was answered.
    fn pong(&self, took: Duration);
    /// Bytes went over the connection since the last call, TLS included.
    fn bytes(&self, sent: u64, received: u64);
    /// The connection has ended, so long after it was opened. The last call.
    fn ended(&self, close: &Close, lasted: Duration);
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            timeout: None,
            max_redirects: None,
            message_bytes_max: MESSAGE_BYTES_DEFAULT,
            fragment_bytes: None,
            inbox: InboxOptions::default(),
        }
    }
}

impl Default for InboxOptions {
    fn default() -> Self {
        Self {
            messages_max: INBOX_MESSAGES_DEFAULT,
            bytes_max: MESSAGE_BYTES_DEFAULT,
            overflow: Overflow::default(),
        }
    }
}

/// Longest message that is taken in, and bytes of an inbox, unless the owner says otherwise: a thousand chat lines.
pub const MESSAGE_BYTES_DEFAULT: usize = 1 << 20;
/// Messages of an inbox unless the owner says otherwise.
pub const INBOX_MESSAGES_DEFAULT: usize = 1000;

/// Most bytes of messages that are not with the kernel yet; a larger message is taken when nothing else is. As much as a
/// socket's send buffer is made to hold, so that a fast peer is never waited for.
pub const UNSENT_BYTES_MAX: usize = 1 << 20;
/// Most messages that are not with the kernel yet.
pub const UNSENT_MESSAGES_MAX: usize = 1000;
/// Most bytes that are read of the body of an answer that is no upgrade: a page that says why. The connection is not used
/// again, so that nothing has to be read to its end.
pub const REFUSAL_BYTES_MAX: usize = 64 << 10;

#[cfg(test)]
mod tests;
