//! Frames that came.

use crate::bindings::lt::scenario::rtmp as host;
use crate::timing::Instant;

/// What a tag holds (FLV specification, E.4).
///
/// ```
/// assert_ne!(lt_sdk::rtmp::TagKind::Audio, lt_sdk::rtmp::TagKind::Video);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TagKind {
    /// Audio data.
    Audio,
    /// Video data.
    Video,
    /// Script data: AMF0.
    Data,
}

impl From<TagKind> for host::TagKind {
    fn from(kind: TagKind) -> Self {
        match kind {
            TagKind::Audio => Self::Audio,
            TagKind::Video => Self::Video,
            TagKind::Data => Self::Data,
        }
    }
}

impl From<host::TagKind> for TagKind {
    fn from(kind: host::TagKind) -> Self {
        match kind {
            host::TagKind::Audio => Self::Audio,
            host::TagKind::Video => Self::Video,
            host::TagKind::Data => Self::Data,
        }
    }
}

/// A frame that came: one message.
///
/// ```no_run
/// # fn look(frame: &lt_sdk::rtmp::Frame) {
/// lt_sdk::log::debug!("{:?} at {} ms, {} bytes of {}", frame.kind, frame.timestamp_ms, frame.size, frame.codec);
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Frame {
    /// What it is.
    pub kind: TagKind,
    /// Its time stamp in milliseconds, of 32 bits, as it came.
    pub timestamp_ms: u32,
    /// Bytes it carries, with the FLV header of audio or video.
    pub size: u32,
    /// Of video: whether it is a key frame.
    pub key_frame: bool,
    /// Whether it is no frame but what a decoder needs before the first (a sequence header).
    pub codec_header: bool,
    /// `avc`, `hevc`, `av01`, `aac`, `mp3`: FLV's codec, or the `FourCC` of Enhanced RTMP. Empty for data.
    pub codec: String,
    /// When its last byte came to this machine.
    pub arrived: Instant,
    /// What it carries; empty unless [`payload`](super::Play::payload) was asked for.
    pub data: Vec<u8>,
}

impl Frame {
    pub(super) fn from_host(frame: host::Frame) -> Self {
        Self {
            kind: frame.kind.into(),
            timestamp_ms: frame.timestamp,
            size: frame.size,
            key_frame: frame.key_frame,
            codec_header: frame.codec_header,
            codec: frame.codec,
            arrived: Instant::from_nanos(frame.arrived),
            data: frame.data,
        }
    }
}
