//! FLV as it comes over HTTP.

use super::{
    BACK_POINTER_BYTES, FILE_HEADER_BYTES, TAG_HEADER_BYTES, TagHeader, header_length, no_flv,
};
use crate::rtmp::chunk::decode::{Header, Piece};
use crate::rtmp::message::Incoming;
use crate::rtmp::message::assembly::{Assemblies, Taken};

/// A tag's header with the size of the tag before it.
const BETWEEN_BYTES: usize = BACK_POINTER_BYTES + TAG_HEADER_BYTES;

/// Reads FLV tags as messages of stream 0. It keeps some bytes of what is under way, and of nothing else anything.
#[derive(Debug)]
pub(crate) struct FlvReader {
    state: State,
    /// The header that is being read.
    head: [u8; BETWEEN_BYTES],
    head_len: usize,
    assemblies: Assemblies,
}

#[derive(Debug)]
enum State {
    /// The file's header is to come.
    File,
    /// So many bytes of it that mean nothing.
    Skip(usize),
    /// The size of the tag before, and a tag's header.
    Between,
    /// What the tag carries; so much of it has come.
    Tag(Header, u32),
}

impl FlvReader {
    /// At the first byte of the file. Frames are kept whole, or only looked at.
    pub(crate) fn new(keep_payload: bool) -> Self {
        let mut assemblies = Assemblies::default();
        assemblies.keep_payload(0, keep_payload);
        Self {
            state: State::File,
            head: [0; BETWEEN_BYTES],
            head_len: 0,
            assemblies,
        }
    }

    /// The next tag in this input, or `None` when it is used up.
    ///
    /// # Errors
    /// It is no FLV, or breaks its specification.
    pub(crate) fn next(&mut self, input: &mut &[u8]) -> Result<Option<Incoming>, String> {
        loop {
            self.state = match self.state {
                State::File => {
                    let expected = b"FLV".iter().skip(self.head_len);
                    if input
                        .iter()
                        .zip(expected)
                        .any(|(byte, expected)| byte != expected)
                    {
                        return Err(no_flv(input));
                    }
                    let Some(header) = self.head::<FILE_HEADER_BYTES>(input) else {
                        return Ok(None);
                    };
                    State::Skip(header_length(&header)? - FILE_HEADER_BYTES)
                }
                State::Skip(bytes) => {
                    let skipped = bytes.min(input.len());
                    *input = input.get(skipped..).unwrap_or_default();
                    if skipped < bytes {
                        self.state = State::Skip(bytes - skipped);
                        return Ok(None);
                    }
                    State::Between
                }
                State::Between => {
                    let Some(between) = self.head::<BETWEEN_BYTES>(input) else {
                        return Ok(None);
                    };
                    let [_, _, _, _, tag @ ..] = between;
                    State::Tag(as_message(TagHeader::read(&tag)), 0)
                }
                State::Tag(header, offset) => {
                    if input.is_empty() && offset < header.length {
                        return Ok(self.assemblies.begun());
                    }
                    let missing = (header.length - offset) as usize;
                    let (data, rest) = input.split_at(missing.min(input.len()));
                    *input = rest;
                    let piece = Piece {
                        header,
                        slot: 0,
                        offset,
                        data,
                    };
                    let taken = self.assemblies.take(&piece)?;
                    let came = u32::try_from(data.len()).unwrap_or(header.length);
                    self.state = if piece.is_last() {
                        State::Between
                    } else {
                        State::Tag(header, offset + came)
                    };
                    if let Taken::Message(message) = taken {
                        return Ok(Some(message));
                    }
                    continue;
                }
            };
        }
    }

    /// Whether nothing came yet.
    pub(crate) fn is_new(&self) -> bool {
        matches!(self.state, State::File) && self.head_len == 0
    }

    /// Whether what came so far is whole: it ends behind a tag, with or without its size.
    pub(crate) fn is_whole(&self) -> bool {
        matches!(self.state, State::Between)
            && (self.head_len == 0 || self.head_len == BACK_POINTER_BYTES)
    }

    /// Give back the room that nothing under way needs.
    pub(crate) fn idle(&mut self) {
        self.assemblies.idle();
    }

    /// Bytes of memory held beside the reader itself.
    pub(crate) fn held(&self) -> usize {
        self.assemblies.held()
    }

    /// Collect a header of so many bytes.
    fn head<const N: usize>(&mut self, input: &mut &[u8]) -> Option<[u8; N]> {
        let missing = N.saturating_sub(self.head_len).min(input.len());
        let (taken, rest) = input.split_at(missing);
        *input = rest;
        let places = self.head.iter_mut().skip(self.head_len);
        for (place, byte) in places.zip(taken) {
            *place = *byte;
        }
        self.head_len += missing;
        let head = self.head.first_chunk().copied();
        if self.head_len < N {
            return None;
        }
        self.head_len = 0;
        head
    }
}

/// Tags are messages. What is none in FLV has no type, so that it is skipped.
fn as_message(tag: TagHeader) -> Header {
    Header {
        csid: 0,
        timestamp: tag.timestamp,
        type_id: if tag.kind().is_some() { tag.type_id } else { 0 },
        stream_id: 0,
        length: tag.length,
    }
}
