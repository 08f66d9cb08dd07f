//! Writing messages as chunks.

use super::{CHUNK_BYTES_DEFAULT, CHUNK_BYTES_MAX, EXTENDED};

/// Largest number of a chunk stream (section 5.3.1.1).
pub(crate) const CHUNK_STREAM_MAX: u32 = 65_599;

/// What was sent last on a chunk stream: the next header leaves out what is the same.
#[derive(Clone, Copy, Debug)]
struct Last {
    csid: u32,
    timestamp: u32,
    /// Since the message before; `None` behind a type 0, where peers disagree on what a type 3 would mean.
    delta: Option<u32>,
    length: u32,
    type_id: u8,
    stream_id: u32,
}

/// Writes messages as chunks, each message at once: what is interleaved is whole messages.
#[derive(Debug)]
pub(crate) struct Encoder {
    chunk_size: u32,
    last: Vec<Last>,
}

impl Encoder {
    /// With chunks of 128 bytes.
    pub(crate) fn new() -> Self {
        Self {
            chunk_size: CHUNK_BYTES_DEFAULT,
            last: Vec::new(),
        }
    }

    /// From now on chunks have so many bytes. The peer must have been told (message type 1) right before.
    pub(crate) fn set_chunk_size(&mut self, bytes: u32) {
        self.chunk_size = bytes.clamp(1, CHUNK_BYTES_MAX);
    }

    /// Append a message. `csid` is 2 to 65 599; the payload has less than 2^24 bytes: whoever makes messages sees to both.
    ///
    /// The header is as short as peers agree on (section 5.3.1.2): type 0 for the first message of a chunk stream, for another
    /// message stream, and for a time stamp that goes back; else type 1 or 2; and type 3 if the difference in time is the same
    /// again too, but not right behind a type 0, where section 5.3.1.2.4 says that the difference is that message's time stamp, as
    /// ffmpeg and librtmp have it, and nginx-rtmp that it is zero.
    pub(crate) fn message(
        &mut self,
        out: &mut Vec<u8>,
        csid: u32,
        timestamp: u32,
        type_id: u8,
        stream_id: u32,
        payload: &[u8],
    ) {
        let length = u32::try_from(payload.len())
            .unwrap_or(EXTENDED)
            .min(EXTENDED);
        let mut now = Last {
            csid,
            timestamp,
            delta: None,
            length,
            type_id,
            stream_id,
        };
        let place = self.last.iter().position(|last| last.csid == csid);
        let last = place.and_then(|place| self.last.get(place)).copied();
        let format = match last {
            Some(last) if last.stream_id == stream_id && is_later(timestamp, last.timestamp) => {
                let delta = timestamp.wrapping_sub(last.timestamp);
                now.delta = Some(delta);
                match (last.length == length && last.type_id == type_id, last.delta) {
                    (true, Some(before)) if before == delta => 3,
                    (true, _) => 2,
                    (false, _) => 1,
                }
            }
            _ => 0,
        };
        match place.and_then(|place| self.last.get_mut(place)) {
            Some(last) => *last = now,
            None => self.last.push(now),
        }
        let time = now.delta.unwrap_or(timestamp);
        put_basic_header(out, format, csid);
        if format <= 2 {
            put_24(out, time.min(EXTENDED));
        }
        if format <= 1 {
            put_24(out, length);
            out.push(type_id);
        }
        if format == 0 {
            out.extend_from_slice(&stream_id.to_le_bytes());
        }
        self.put_payload(out, csid, time, payload);
    }

    fn put_payload(&self, out: &mut Vec<u8>, csid: u32, time: u32, payload: &[u8]) {
        let size = usize::try_from(self.chunk_size).unwrap_or(usize::MAX);
        let extended = time >= EXTENDED;
        if extended {
            out.extend_from_slice(&time.to_be_bytes());
        }
        let mut chunks = payload.chunks(size);
        if let Some(first) = chunks.next() {
            out.extend_from_slice(first);
        }
        for chunk in chunks {
            put_basic_header(out, 3, csid);
            if extended {
                out.extend_from_slice(&time.to_be_bytes());
            }
            out.extend_from_slice(chunk);
        }
    }
}

/// Whether `now` is `then` or later, with time stamps that wrap at 2^32 (section 5.3.1.2: serial numbers).
fn is_later(now: u32, then: u32) -> bool {
    now.wrapping_sub(then) < 1 << 31
}

/// Section 5.3.1.1: one byte, two, or three.
fn put_basic_header(out: &mut Vec<u8>, format: u8, csid: u32) {
    let format = format << 6;
    match csid {
        320.. => {
            let [low, high, ..] = (csid.min(CHUNK_STREAM_MAX) - 64).to_le_bytes();
            out.extend_from_slice(&[format | 1, low, high]);
        }
        64.. => {
            let [low, ..] = (csid - 64).to_le_bytes();
            out.extend_from_slice(&[format, low]);
        }
        _ => {
            let [low, ..] = csid.to_le_bytes();
            out.push(format | low);
        }
    }
}

fn put_24(out: &mut Vec<u8>, number: u32) {
    let [_, bytes @ ..] = number.to_be_bytes();
    out.extend_from_slice(&bytes);
}
