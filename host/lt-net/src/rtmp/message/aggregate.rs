//! Aggregate messages (RTMP section 7.1.6): several messages in one, each with a header as FLV's tags have it.

use crate::rtmp::chunk::decode::Header;
use crate::rtmp::flv::{TAG_HEADER_BYTES, TagHeader};

/// Length of the size behind each message.
const BACK_POINTER_BYTES: usize = 4;

/// An aggregate, and how far it was read.
#[derive(Debug)]
pub(crate) struct Aggregate {
    bytes: Vec<u8>,
    at: usize,
    header: Header,
    /// What is added to the time stamps in it, so that the first is the aggregate's own; known with the first.
    shift: Option<u32>,
}

impl Aggregate {
    pub(crate) fn new(header: &Header, bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.to_owned(),
            at: 0,
            header: *header,
            shift: None,
        }
    }

    /// The message stream of all that is in it.
    pub(crate) fn stream_id(&self) -> u32 {
        self.header.stream_id
    }

    /// The next message.
    ///
    /// # Errors
    /// It is cut off.
    pub(crate) fn next(&mut self) -> Result<Option<(Header, &[u8])>, String> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(None);
        }
        let cut_off = || format!("an aggregate that is cut off at its byte {}", self.at);
        let (tag, behind) = rest
            .split_first_chunk::<TAG_HEADER_BYTES>()
            .ok_or_else(cut_off)?;
        let tag = TagHeader::read(tag);
        let length = tag.length as usize;
        let data = behind.get(..length).ok_or_else(cut_off)?;
        let shift = self.header.timestamp.wrapping_sub(tag.timestamp);
        let shift = *self.shift.get_or_insert(shift);
        // The last message's own size may be missing.
        self.at += TAG_HEADER_BYTES + length + BACK_POINTER_BYTES;
        let header = Header {
            timestamp: tag.timestamp.wrapping_add(shift),
            type_id: tag.type_id,
            length: tag.length,
            ..self.header
        };
        Ok(Some((header, data)))
    }

    /// Bytes of memory held.
    pub(crate) fn held(&self) -> usize {
        self.bytes.capacity()
    }
}
