//! RTMP (Adobe's specification 1.0) and FLV over HTTP: connecting over our own timed dial, publishing in real time, and playing
//! without decoding.
//!
//! Codecs take bytes and return bytes; what is measured is a pure function of what came when. A [`Connection`] is the user's end; its
//! [`Pump`] is a task of its own beside whoever uses it, on the same thread, and tells [`Observer`]s what happens.

mod auth;
mod url;

mod amf0;
#[cfg(test)]
mod amf0_tests;
mod call;
mod chunk;
mod command;
#[cfg(test)]
mod command_tests;
mod connect;
mod connection;
mod events;
mod flv;
pub mod fuzz;
mod handshake;
#[cfg(test)]
mod handshake_tests;
mod http_flv;
mod json;
mod message;
mod observer;
#[cfg(test)]
mod oracle_tests;
mod pacing;
mod playback;
mod player;
mod publisher;
mod pump;
mod sending;
mod stamps;
mod stream;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

pub use self::call::Call;
pub use self::connection::{
    CALLS_MAX, COMMAND_BYTES_MAX, Connection, NAME_BYTES_MAX, Opened, STREAMS_MAX,
};
pub use self::flv::{Asset, Tag};
pub use self::http_flv::{FlvAttempt, FlvPump, OpenedFlv};
pub use self::observer::{Counted, Observer, StreamObserver};
pub use self::player::Player;
pub use self::publisher::{
    Publisher, TAG_BYTES_MAX, UNSENT_BYTES_MAX, UNSENT_MESSAGES_MAX, Unsent,
};
pub use self::pump::Pump;
pub use self::stamps::Stamps;
use crate::error::NetError;
use crate::tls::TlsProfile;
use crate::websocket::InboxOptions;

pub use self::url::default_name;

/// A value of AMF0 (Adobe's AMF 0 specification, section 2).
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// 2.2
    Number(f64),
    /// 2.3
    Boolean(bool),
    /// 2.4, 2.14
    Text(String),
    /// 2.5, 2.18: an object, also of a type that has a name.
    Object(Vec<(String, Value)>),
    /// 2.10: an ECMA array.
    Map(Vec<(String, Value)>),
    /// 2.12: a strict array.
    List(Vec<Value>),
    /// 2.13: milliseconds since 1970.
    Date(f64),
    /// 2.7
    Null,
    /// 2.8
    Undefined,
}

/// What to connect to.
#[derive(Clone, Debug)]
pub struct ConnectRequest {
    /// `rtmp://` or `rtmps://`; may name user and password.
    pub url: String,
    /// Time for all of it.
    pub timeout: Duration,
    /// Application instead of the URL's path.
    pub app: Option<String>,
    /// `tcUrl` instead of the URL's.
    pub tc_url: Option<String>,
    /// Who connects, instead of who stands in the URL: name and password.
    pub credentials: Option<(String, String)>,
    /// Further or other fields of the command's object.
    pub fields: Vec<(String, Value)>,
    /// Further arguments.
    pub arguments: Vec<Value>,
    /// Size of the chunks that are sent.
    pub chunk_bytes: u32,
    /// TLS of `rtmps` instead of the user's.
    pub tls: Option<Arc<TlsProfile>>,
}

/// What a server said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// `NetStream.Play.StreamNotFound`; empty if there was none.
    pub code: String,
    /// `status`, `warning`, `error`.
    pub level: String,
    /// For people.
    pub description: String,
}

impl Status {
    /// Whether it says that something failed.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.level == "error"
    }
}

/// How a connection or a stream came to its end: `enum ending` of `wit/rtmp.wit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// This side stopped it.
    ByUs,
    /// The peer said that it is over.
    ByPeer,
    /// The peer ended it by an error.
    Refused,
    /// The connection ended without a word.
    Disconnected,
    /// It was reset.
    Reset,
    /// What came breaks the specification.
    ProtocolError,
    /// Nothing came for too long.
    Silence,
    /// The peer took nothing for too long.
    Unsent,
    /// The inbox was full, and its overflow is `close`.
    InboxOverflow,
    /// Something else.
    Failed,
}

impl Ending {
    /// Name of the case in the contract: value of the tag `ending`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.name_and_number().0
    }

    /// Number for the tag `error_code`; zero for an end by either side's will.
    #[must_use]
    pub fn code(self) -> u16 {
        self.name_and_number().1
    }

    /// Whether a side ended it by its will.
    #[must_use]
    pub fn is_clean(self) -> bool {
        matches!(self, Self::ByUs | Self::ByPeer)
    }

    fn name_and_number(self) -> (&'static str, u16) {
        match self {
            Self::ByUs => ("by-us", 0),
            Self::ByPeer => ("by-peer", 0),
            Self::Refused => ("refused", 2101),
            Self::Disconnected => ("disconnected", 1221),
            Self::Reset => ("reset", 1220),
            Self::ProtocolError => ("protocol-error", 2104),
            Self::Silence => ("silence", 2108),
            Self::Unsent => ("unsent", 2109),
            Self::InboxOverflow => ("inbox-overflow", 2110),
            Self::Failed => ("failed", 1000),
        }
    }
}

/// The end of a connection or a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// How it came about.
    pub ending: Ending,
    /// Code of the status that ended it; empty if none did.
    pub code: String,
    /// What the peer said, or what went wrong.
    pub reason: String,
}

/// Why something failed: `variant error-code` of `wit/rtmp.wit`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RtmpError {
    /// The server could not be reached, the request makes no sense (`InvalidRequest`, nothing was attempted), or the connection ended.
    #[error(transparent)]
    Net(#[from] NetError),
    /// What came is no handshake.
    #[error("not an RTMP handshake: {0}")]
    Handshake(String),
    /// The server said no.
    #[error("refused: {} {}", .0.code, .0.description)]
    Refused(Status),
    /// Name or password were wrong, or are wanted.
    #[error("authentication: {0}")]
    Authentication(String),
    /// What came breaks the specification.
    #[error("not valid RTMP: {0}")]
    Protocol(String),
    /// The asset is no FLV file, is cut off, or holds no media.
    #[error("asset: {0}")]
    Asset(String),
    /// The answer to an HTTP request was no 200.
    #[error("the server answered with status {0}")]
    HttpStatus(u16),
    /// The connection or stream has ended.
    #[error("ended: {} {}", .0.ending.as_str(), .0.reason)]
    Closed(Close),
    /// The time for it is over.
    #[error("out of time")]
    Timeout,
    /// More bytes than may be sent at once.
    #[error("{0} bytes are too many")]
    TooLarge(u64),
    /// As many as there may be.
    #[error("{0}")]
    TooMany(String),
}

impl RtmpError {
    /// Number for the `error_code` tag.
    #[must_use]
    pub fn code(&self) -> u16 {
        self.number_and_name().0
    }

    /// Stable name of the case: for counting and for logs.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.number_and_name().1
    }

    fn number_and_name(&self) -> (u16, &'static str) {
        match self {
            Self::Net(error) => (error.code(), error.kind()),
            Self::Handshake(_) => (2100, "handshake"),
            Self::Refused(_) => (2101, "refused"),
            Self::Authentication(_) => (2102, "authentication"),
            Self::Protocol(_) => (2104, "protocol"),
            Self::Asset(_) => (2105, "asset"),
            Self::HttpStatus(_) => (2106, "http-status"),
            Self::Closed(close) => (close.ending.code(), close.ending.as_str()),
            Self::Timeout => (1050, "timeout"),
            Self::TooLarge(_) => (1000, "too-large"),
            Self::TooMany(_) => (1000, "too-many"),
        }
    }
}

/// Where the time of connecting went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectTimings {
    /// Resolving the name.
    pub resolving: Duration,
    /// TCP handshake.
    pub connecting: Duration,
    /// TLS handshake.
    pub tls: Duration,
    /// From C0 to S2.
    pub handshaking: Duration,
    /// From the connect command to its answer, all attempts together.
    pub commanding: Duration,
    /// All of it.
    pub total: Duration,
}

/// What connecting came to.
#[derive(Clone, Debug)]
pub struct Connected {
    /// The server's answer.
    pub status: Status,
    /// `fmsVer`; empty if there is none.
    pub server_version: String,
    /// Who answered.
    pub remote: SocketAddr,
    /// `tls1.3`; empty without TLS.
    pub tls_version: &'static str,
    /// Where the time went.
    pub timings: ConnectTimings,
}

/// What is known of an attempt to connect, whatever came of it: for whoever records it.
#[derive(Clone, Debug, Default)]
pub struct Attempt {
    /// Where the time went; `handshaking` is zero if it was not completed.
    pub timings: ConnectTimings,
    /// Bytes written, TLS included.
    pub bytes_sent: u64,
    /// Bytes read, TLS included.
    pub bytes_received: u64,
}

/// How a stream is published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PublishKind {
    /// Live.
    #[default]
    Live,
    /// And recorded.
    Record,
    /// And appended to a recording.
    Append,
}

/// How the time of sending is put into a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stamping {
    /// A data message each second: [`STAMP_HANDLER`].
    #[default]
    DataMessage,
    /// A field of the metadata, sent anew each second: [`STAMP_FIELD`].
    Metadata,
    /// Not at all; nor are key frames remembered.
    None,
}

/// Name of the data message that says when it was sent: one number, milliseconds since 1970.
pub const STAMP_HANDLER: &str = "onLoadTestStamp";
/// The same as a field of the metadata.
pub const STAMP_FIELD: &str = "loadTestStamp";

/// What to publish as.
#[derive(Clone, Debug)]
pub struct PublishRequest {
    /// Name or key, with its query.
    pub name: String,
    /// Time until the server must have taken it.
    pub timeout: Duration,
    /// Live or recorded.
    pub kind: PublishKind,
    /// How the time of sending is put in.
    pub stamping: Stamping,
    /// How long the peer may take nothing of what is to be sent.
    pub unsent_max: Duration,
}

/// How an asset is published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AssetOptions {
    /// How often; `None` without an end.
    pub rounds: Option<u32>,
    /// How much of it goes at once, ahead of its time.
    pub ahead: Duration,
}

/// Where playing begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlayStart {
    /// Live if it is, else recorded.
    #[default]
    LiveOrRecorded,
    /// Live only.
    Live,
    /// Recorded, from here.
    Recorded(Duration),
}

/// What to play.
#[derive(Clone, Debug)]
pub struct PlayRequest {
    /// Name of the stream, with its query.
    pub name: String,
    /// Where it begins.
    pub start: PlayStart,
    /// How much of it.
    pub length: Option<Duration>,
    /// What the server is told of this side's buffer.
    pub buffer: Duration,
    /// How it is played and measured.
    pub options: PlayOptions,
}

/// What to play over HTTP.
#[derive(Clone, Debug)]
pub struct FlvRequest {
    /// `http://` or `https://`.
    pub url: String,
    /// Header fields.
    pub headers: Vec<(String, Vec<u8>)>,
    /// How it is played and measured.
    pub options: PlayOptions,
}

/// How something is played and measured, over whatever it comes.
#[derive(Clone, Debug)]
pub struct PlayOptions {
    /// Time until the server must have said that it plays.
    pub timeout: Duration,
    /// No media for so long is a stall.
    pub stall_after: Duration,
    /// So far behind is lagged.
    pub lag_after: Duration,
    /// The stream ends when nothing came for so long.
    pub silence_max: Option<Duration>,
    /// Room for frames; `None` keeps none.
    pub frames: Option<InboxOptions>,
    /// Whether frames keep what they carry.
    pub payload: bool,
}

/// What a message or a tag holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameKind {
    /// Message type 8.
    Audio,
    /// Message type 9.
    Video,
    /// Message types 15 and 18.
    Data,
}

/// A codec as FLV numbers it, or by its FourCC (Enhanced RTMP).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// None: data.
    None,
    /// FLV specification, E.4.3.1: `CodecID`.
    Video(u8),
    /// FLV specification, E.4.2.1: `SoundFormat`.
    Audio(u8),
    /// Enhanced RTMP.
    FourCc([u8; 4]),
}

/// What is known of a frame from its first bytes and its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHead {
    /// What it is.
    pub kind: FrameKind,
    /// Time stamp in milliseconds, as it came.
    pub timestamp: u32,
    /// Bytes it carries.
    pub size: u32,
    /// Of video: a key frame.
    pub key_frame: bool,
    /// No frame, but what a decoder needs before the first.
    pub codec_header: bool,
    /// Its codec.
    pub codec: Codec,
    /// Of its size and its first bytes: by this a player knows again what was published. Never sent.
    pub fingerprint: u64,
}

/// A frame that came, for whoever asked for frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub head: FrameHead,
    /// When its last byte came.
    pub arrived: Instant,
    /// What it carries, if that was asked for.
    pub data: Box<[u8]>,
}

/// Something that happened to a stream.
#[derive(Clone, Debug, PartialEq)]
pub enum Happening {
    /// The server said something.
    Status(Status),
    /// The first frame is there.
    FirstFrame,
    /// Metadata came.
    Metadata(Vec<(String, Value)>),
    /// No media came for `stall_after`.
    Stalled,
    /// Media came again, so long after the last before it.
    Resumed(Duration),
    /// Behind by more than `lag_after`.
    Lagged,
    /// No longer.
    CaughtUp,
    /// Time stamps jumped by so many milliseconds.
    Discontinuity(i64),
    /// It is over.
    Ended(Close),
}

/// The same with its time.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When.
    pub at: Instant,
    /// What.
    pub what: Happening,
}

/// How a player stands: `record playback` of `wit/rtmp.wit`, whose words count.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlaybackStatistics {
    /// Bytes of audio, video and data.
    pub bytes: u64,
    /// Frames of video.
    pub video_frames: u64,
    /// Key frames among them.
    pub key_frames: u64,
    /// Frames of audio.
    pub audio_frames: u64,
    /// Media received by its time stamps.
    pub media_time: Duration,
    /// Since the first media, without pauses.
    pub elapsed: Duration,
    /// How far media time is behind elapsed time.
    pub lag: Duration,
    /// More than `lag_after`.
    pub lagged: bool,
    /// No media for `stall_after`.
    pub stalled: bool,
    /// Stalls that began.
    pub stalls: u32,
    /// How long they took together.
    pub stall_time: Duration,
    /// Jumps of the time stamps.
    pub discontinuities: u32,
    /// Bits of media over the last whole second.
    pub bitrate: u64,
    /// From the command to the first byte.
    pub first_byte: Option<Duration>,
    /// From the command to the first frame.
    pub first_frame: Option<Duration>,
    /// From the command to the first key frame.
    pub first_key_frame: Option<Duration>,
    /// What the last stamp said.
    pub end_to_end: Option<Duration>,
    /// Codecs seen, in the order of their appearance.
    pub codecs: Vec<Codec>,
    /// Frames in the inbox.
    pub waiting: usize,
    /// Frames lost because it was full.
    pub dropped: u64,
}

/// How a publisher stands: `record broadcast` of `wit/rtmp.wit`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BroadcastStatistics {
    /// Bytes of audio, video and data handed to the kernel.
    pub bytes: u64,
    /// Frames and data messages handed to the kernel.
    pub frames: u64,
    /// Time stamp of the last, from where publishing began.
    pub media_time: Duration,
    /// Since publishing began.
    pub elapsed: Duration,
    /// Rounds completed.
    pub rounds: u32,
    /// How late the last frame was.
    pub late: Duration,
    /// Bytes that are to be sent and are not with the kernel yet.
    pub unsent_bytes: usize,
}
