//! FLV (Adobe's FLV file format specification 10.1, annex E): assets that are published, and what comes over HTTP.

mod reader;
#[cfg(test)]
mod tests;

use bytes::Bytes;

pub(crate) use self::reader::FlvReader;
use super::command::type_id;
use super::message::head_of;
use super::{FrameHead, FrameKind, Value, amf0};

/// Length of a tag's header (E.4.1).
pub(crate) const TAG_HEADER_BYTES: usize = 11;
/// Length of the size that stands behind each tag, and before the first (E.3).
const BACK_POINTER_BYTES: usize = 4;
/// Length of the file's header (E.2), version 1.
const FILE_HEADER_BYTES: usize = 9;
/// A header that says to be longer than this is none: no version has more than nine bytes.
const FILE_HEADER_BYTES_MAX: usize = 1024;
/// So much of what is no FLV is told.
const TOLD_BYTES_MAX: usize = 16;
/// Length of a round that has no interval between frames, as a file with a picture that stands: a second.
const STANDING_ROUND_MS: u32 = 1000;
/// The handler of metadata (E.5).
const METADATA: &str = "onMetaData";

/// An FLV file, parsed once and shared by all who publish it.
#[derive(Debug)]
pub struct Asset {
    bytes: Bytes,
    tags: Vec<Tag>,
    metadata: Option<Vec<(String, Value)>>,
    first_ms: u32,
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
        let mut tags = Vec::new();
        let mut metadata = None;
        let mut at = file_header(&bytes)?;
        while at < bytes.len() {
            let tag = read_tag(&bytes, at)?;
            at += TAG_HEADER_BYTES + tag.size() as usize + BACK_POINTER_BYTES;
            let payload = payload(&bytes, &tag);
            match (tag.kind, amf0::begins_with_text(payload, METADATA)) {
                (FrameKind::Data, true) => metadata = metadata.or_else(|| fields(payload)),
                _ => tags.push(tag.looked_at(payload)),
            }
        }
        if !tags.iter().any(Tag::is_frame) {
            return Err(no_media(&tags));
        }
        tags.shrink_to_fit();
        let first_ms = first_ms(&tags);
        Ok(Self {
            first_ms,
            round_ms: round_ms(&tags, first_ms),
            bytes,
            tags,
            metadata,
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
        payload(&self.bytes, tag)
    }

    /// What is known of a tag of this asset, when it is sent with this time stamp.
    #[must_use]
    pub fn head(&self, tag: &Tag, timestamp: u32) -> FrameHead {
        head_of(tag.kind, timestamp, tag.length, self.payload(tag))
    }

    /// Fields of the first `onMetaData`. Long lists are left out: an index of key frames is one of places in the file, of no use to who plays what
    /// is published from it, and all who publish it would have a copy.
    #[must_use]
    pub fn metadata(&self) -> Option<&[(String, Value)]> {
        self.metadata.as_deref()
    }

    /// Time stamp with which a round begins: the least of all frames. What a decoder needs before them may bear any, as in
    /// recordings of what ran already.
    #[must_use]
    pub fn first_ms(&self) -> u32 {
        self.first_ms
    }

    /// Length of one round in milliseconds: from the first to the last frame's time stamp, and the last frame's own interval; a second where no
    /// frame has one; never 0.
    #[must_use]
    pub fn round_ms(&self) -> u32 {
        self.round_ms
    }
}

/// A tag's header (E.4.1); aggregate messages have the same (RTMP section 7.1.6).
#[derive(Clone, Copy, Debug)]
pub(crate) struct TagHeader {
    /// What it holds, by RTMP's message types; with the bits for filters, which make it none.
    pub(crate) type_id: u8,
    /// Bytes behind the header.
    pub(crate) length: u32,
    /// Milliseconds.
    pub(crate) timestamp: u32,
}

impl TagHeader {
    pub(crate) fn read(bytes: &[u8; TAG_HEADER_BYTES]) -> Self {
        let [type_id, l2, l1, l0, t2, t1, t0, t3, _, _, _] = *bytes;
        Self {
            type_id,
            length: u32::from_be_bytes([0, l2, l1, l0]),
            timestamp: u32::from_be_bytes([t3, t2, t1, t0]),
        }
    }

    fn kind(self) -> Option<FrameKind> {
        Some(match self.type_id {
            type_id::AUDIO => FrameKind::Audio,
            type_id::VIDEO => FrameKind::Video,
            type_id::DATA => FrameKind::Data,
            _ => return None,
        })
    }
}

/// Check the file's header; where the first tag begins.
fn file_header(bytes: &[u8]) -> Result<usize, String> {
    let Some(header) = bytes.first_chunk() else {
        return Err(match bytes {
            [] => "it is empty".to_owned(),
            bytes if b"FLV\x01".starts_with(bytes.get(..4).unwrap_or(bytes)) => {
                format!("cut off at byte {}, in the file's header", bytes.len())
            }
            bytes => no_flv(bytes),
        });
    };
    let length = header_length(header)?;
    let first = length + BACK_POINTER_BYTES;
    if bytes.len() < first {
        return Err(format!(
            "cut off at byte {}, in the file's header",
            bytes.len()
        ));
    }
    Ok(first)
}

/// Length of a file's header, itself included.
fn header_length(header: &[u8; FILE_HEADER_BYTES]) -> Result<usize, String> {
    let [b'F', b'L', b'V', version, _, length @ ..] = header else {
        return Err(no_flv(header));
    };
    if *version != 1 {
        return Err(format!("FLV of version {version}"));
    }
    let length = u32::from_be_bytes(*length) as usize;
    if !(FILE_HEADER_BYTES..=FILE_HEADER_BYTES_MAX).contains(&length) {
        return Err(format!("a file header of {length} bytes"));
    }
    Ok(length)
}

fn no_flv(bytes: &[u8]) -> String {
    let told = bytes.get(..TOLD_BYTES_MAX).unwrap_or(bytes);
    format!("no FLV: it begins with \"{}\"", told.escape_ascii())
}

fn read_tag(bytes: &[u8], at: usize) -> Result<Tag, String> {
    let rest = bytes.get(at..).unwrap_or_default();
    let cut_off = |what: &str| {
        let end = bytes.len();
        format!("cut off at byte {end}, in {what} that begins at byte {at}")
    };
    let header = rest
        .first_chunk()
        .ok_or_else(|| cut_off("the header of a tag"))?;
    let header = TagHeader::read(header);
    let Some(kind) = header.kind() else {
        return Err(format!("a tag of type {} at byte {at}", header.type_id));
    };
    let length = header.length as usize;
    if rest.len() < TAG_HEADER_BYTES + length + BACK_POINTER_BYTES {
        return Err(cut_off(&format!("a tag of {length} bytes")));
    }
    Ok(Tag {
        kind,
        key_frame: false,
        codec_header: false,
        timestamp: header.timestamp,
        offset: u32::try_from(at + TAG_HEADER_BYTES).map_err(|_| "longer than 4 GiB".to_owned())?,
        length: header.length,
    })
}

impl Tag {
    fn looked_at(self, payload: &[u8]) -> Self {
        let head = head_of(self.kind, self.timestamp, self.length, payload);
        Self {
            key_frame: head.key_frame,
            codec_header: head.codec_header,
            ..self
        }
    }
}

fn payload<'a>(bytes: &'a [u8], tag: &Tag) -> &'a [u8] {
    let start = tag.offset as usize;
    bytes
        .get(start..start.saturating_add(tag.length as usize))
        .unwrap_or_default()
}

/// Why what has no frame is no asset.
fn no_media(tags: &[Tag]) -> String {
    let has_headers = tags.iter().any(|tag| tag.kind != FrameKind::Data);
    let but = if has_headers {
        ", only codec headers"
    } else {
        ""
    };
    format!("no audio and no video is in it{but}")
}

/// The fields of metadata; `None` if it is none after all.
fn fields(payload: &[u8]) -> Option<Vec<(String, Value)>> {
    let values = amf0::decode_without_long_lists(payload).ok()?;
    match values.into_iter().nth(1)? {
        Value::Object(fields) | Value::Map(fields) => Some(fields),
        _ => None,
    }
}

impl Tag {
    /// Whether it is audio or video, and no mere codec header.
    fn is_frame(&self) -> bool {
        self.kind != FrameKind::Data && !self.codec_header
    }
}

fn first_ms(tags: &[Tag]) -> u32 {
    let frames = tags.iter().filter(|tag| tag.is_frame());
    frames.map(Tag::timestamp).min().unwrap_or_default()
}

/// From the first frame's time stamp to the end of the last frame: of audio and of video by itself, for the later of both. A frame lasts as
/// long as from the one before it to its own time; where there is none before any, a second.
fn round_ms(tags: &[Tag], first: u32) -> u32 {
    /// The last time stamp of a kind, and the one before it.
    type Ends = (Option<u32>, Option<u32>);
    let ends = |kind| {
        let frames = tags.iter().filter(|tag| tag.kind == kind && tag.is_frame());
        frames.fold((None, None), |(last, before): Ends, tag| {
            match (last, before) {
                (Some(last), _) if tag.timestamp > last => (Some(tag.timestamp), Some(last)),
                (Some(last), None) if tag.timestamp < last => (Some(last), Some(tag.timestamp)),
                (Some(last), Some(before)) if tag.timestamp < last => {
                    (Some(last), Some(tag.timestamp.max(before)))
                }
                (Some(last), before) => (Some(last), before),
                (None, _) => (Some(tag.timestamp), None),
            }
        })
    };
    let (audio, video) = (ends(FrameKind::Audio), ends(FrameKind::Video));
    let stands = audio.1.is_none() && video.1.is_none();
    let end = |(last, before): Ends| {
        let last = last.unwrap_or(first);
        let alone = if stands { STANDING_ROUND_MS } else { 0 };
        let lasts = before.map_or(alone, |before| last - before);
        u64::from(last) + u64::from(lasts)
    };
    let end = end(audio).max(end(video));
    u32::try_from(end.saturating_sub(u64::from(first)))
        .unwrap_or(u32::MAX)
        .max(1)
}
