//! Chunks by hand (RTMP specification, section 5.3), as a server that is not careful writes and reads them.

use std::collections::BTreeMap;
use std::io::Read;

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its type.
    pub kind: u8,
    /// Milliseconds.
    pub timestamp: u32,
    /// Its message stream.
    pub stream: u32,
    /// What it carries.
    pub payload: Vec<u8>,
}

/// Types of messages (sections 5.4, 6.2 and 7.1).
pub mod kind {
    /// Size of the chunks that follow.
    pub const CHUNK_SIZE: u8 = 1;
    /// Bytes that came.
    pub const ACKNOWLEDGEMENT: u8 = 3;
    /// User control.
    pub const USER_CONTROL: u8 = 4;
    /// How often to acknowledge.
    pub const WINDOW: u8 = 5;
    /// How much the peer may send.
    pub const BANDWIDTH: u8 = 6;
    /// Audio.
    pub const AUDIO: u8 = 8;
    /// Video.
    pub const VIDEO: u8 = 9;
    /// Data in AMF0.
    pub const DATA: u8 = 18;
    /// A command in AMF0.
    pub const COMMAND: u8 = 20;
    /// Several messages in one.
    pub const AGGREGATE: u8 = 22;
}

/// A basic header and a message header that say all (types 0 of sections 5.3.1.1 and 5.3.1.2), with an extended time stamp where there must
/// be one.
#[must_use]
pub fn head(csid: u8, message: &Message, length: usize) -> Vec<u8> {
    let length = u32::try_from(length).expect("messages of tests are short");
    let mut bytes = vec![csid & 0x3f];
    let short = message.timestamp.min(0xff_ffff);
    bytes.extend_from_slice(&short.to_be_bytes()[1..]);
    bytes.extend_from_slice(&length.to_be_bytes()[1..]);
    bytes.push(message.kind);
    bytes.extend_from_slice(&message.stream.to_le_bytes());
    if short == 0xff_ffff {
        bytes.extend_from_slice(&message.timestamp.to_be_bytes());
    }
    bytes
}

/// A message in chunks of this size: one of type 0, then as many of type 3 as there must be.
#[must_use]
pub fn chunks(csid: u8, message: &Message, size: usize) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let mut parts = message.payload.chunks(size);
    let mut first = head(csid, message, message.payload.len());
    first.extend_from_slice(parts.next().unwrap_or_default());
    all.push(first);
    for part in parts {
        let mut next = vec![0xc0 | (csid & 0x3f)];
        if message.timestamp >= 0xff_ffff {
            next.extend_from_slice(&message.timestamp.to_be_bytes());
        }
        next.extend_from_slice(part);
        all.push(next);
    }
    all
}

#[derive(Clone, Debug, Default)]
struct Open {
    timestamp: u32,
    delta: u32,
    length: usize,
    kind: u8,
    stream: u32,
    extended: bool,
    payload: Vec<u8>,
}

/// Reads what a client sends.
pub struct Chunks {
    size: usize,
    open: BTreeMap<u32, Open>,
}

impl Chunks {
    /// With the size that all begin with.
    #[must_use]
    pub fn new() -> Self {
        Self {
            size: 128,
            open: BTreeMap::new(),
        }
    }

    /// The next whole message; `None` at the end of the connection.
    pub fn read(&mut self, from: &mut impl Read) -> Option<Message> {
        loop {
            if let Some(message) = self.read_chunk(from)? {
                if message.kind == kind::CHUNK_SIZE {
                    let size: [u8; 4] = message.payload.get(..4)?.try_into().ok()?;
                    self.size = u32::from_be_bytes(size) as usize;
                }
                return Some(message);
            }
        }
    }

    /// One chunk; the message if it was its last.
    #[expect(
        clippy::option_option,
        reason = "the end of the connection, a part of a message, a message"
    )]
    fn read_chunk(&mut self, from: &mut impl Read) -> Option<Option<Message>> {
        let basic = bytes::<1>(from)?[0];
        let csid = match basic & 0x3f {
            0 => 64 + u32::from(bytes::<1>(from)?[0]),
            1 => {
                let [low, high] = bytes::<2>(from)?;
                64 + u32::from(low) + 256 * u32::from(high)
            }
            csid => u32::from(csid),
        };
        let open = self.open.entry(csid).or_default();
        let format = basic >> 6;
        let is_new = open.payload.is_empty();
        if format <= 2 {
            let [a, b, c] = bytes::<3>(from)?;
            open.delta = u32::from_be_bytes([0, a, b, c]);
            open.extended = open.delta == 0xff_ffff;
        }
        if format <= 1 {
            let [a, b, c, kind] = bytes::<4>(from)?;
            open.length = u32::from_be_bytes([0, a, b, c]) as usize;
            open.kind = kind;
        }
        if format == 0 {
            open.stream = u32::from_le_bytes(bytes::<4>(from)?);
        }
        if open.extended {
            open.delta = u32::from_be_bytes(bytes::<4>(from)?);
        }
        if format == 0 {
            open.timestamp = open.delta;
        } else if is_new {
            open.timestamp = open.timestamp.wrapping_add(open.delta);
        }
        let part = self.size.min(open.length - open.payload.len());
        let start = open.payload.len();
        open.payload.resize(start + part, 0);
        from.read_exact(open.payload.get_mut(start..)?).ok()?;
        if open.payload.len() < open.length {
            return Some(None);
        }
        Some(Some(Message {
            kind: open.kind,
            timestamp: open.timestamp,
            stream: open.stream,
            payload: std::mem::take(&mut open.payload),
        }))
    }
}

impl Default for Chunks {
    fn default() -> Self {
        Self::new()
    }
}

fn bytes<const N: usize>(from: &mut impl Read) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for timestamp in [0, 0xff_fffe, 0xff_ffff, 0x0100_0000, u32::MAX] {
            let message = Message {
                kind: kind::VIDEO,
                timestamp,
                stream: 1,
                payload: vec![7; 300],
            };
            let bytes = chunks(6, &message, 128).concat();
            assert_eq!(Chunks::new().read(&mut bytes.as_slice()), Some(message));
        }
    }

    #[test]
    fn the_example_of_the_specification() {
        // Section 5.3.2.1: four messages of audio, 20 ms apart, the last two of them with a byte of header each.
        let mut bytes = vec![
            0x03, 0, 0x03, 0xe8, 0, 0, 2, 8, 0x39, 0x30, 0, 0, 0xaf, 1, // type 0
            0x83, 0, 0, 20, 0xaf, 2, // type 2
        ];
        bytes.extend_from_slice(&[0xc3, 0xaf, 3, 0xc3, 0xaf, 4]);
        let mut reader = Chunks::new();
        let mut rest = bytes.as_slice();
        let all: Vec<Message> = std::iter::from_fn(|| reader.read(&mut rest)).collect();
        let stamps: Vec<u32> = all.iter().map(|message| message.timestamp).collect();
        assert_eq!(stamps, [1000, 1020, 1040, 1060]);
        assert!(all.iter().all(|message| message.stream == 12345));
    }
}
