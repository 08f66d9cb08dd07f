//! Making inputs that are valid, with what they are to be read as.

use super::random::Random;
use crate::rtmp::chunk::encode::Encoder;
use crate::rtmp::command::{self, Message, type_id};
use crate::rtmp::message::{Incoming, head_of};
use crate::rtmp::{FrameKind, Value};

/// Where chunk streams begin that the encoder has nothing to do with.
const INTERLEAVED_CSID: u32 = 40;
/// Types that no message has.
const NO_TYPES: [u8; 6] = [0, 7, 16, 19, 99, 255];
/// What begins frames: AAC and AVC, headers and frames, and Enhanced RTMP.
const FIRST_BYTES: [&[u8]; 8] = [
    &[0xaf, 0],
    &[0xaf, 1],
    &[0x17, 0, 0, 0, 0],
    &[0x17, 1, 0, 0, 0],
    &[0x27, 1, 0, 0, 0],
    b"\x90hvc1",
    b"\x97\x02abc\x01hvc1",
    b"\x96\x11hvc1",
];

/// An input.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) bytes: Vec<u8>,
    /// What is to be read; with payloads. Nothing is expected of what may be anything.
    pub(super) expected: Option<Vec<Incoming>>,
    pub(super) is_flv: bool,
}

impl Made {
    pub(super) fn noise(random: &mut Random) -> Self {
        let length = random.length();
        Self {
            bytes: random.bytes(length),
            expected: None,
            is_flv: false,
        }
    }

    /// A command with random bytes for values, so that changes hit AMF0.
    pub(super) fn values(random: &mut Random) -> Self {
        let values: Vec<Value> = (0..random.below(5)).map(|_| value(random, 0)).collect();
        let mut maker = Maker::new();
        maker.command(&values, random);
        if random.below(4) == 0 {
            let mut payload = Vec::new();
            Value::Text("onStatus".to_owned()).encode(&mut payload);
            let length = random.length();
            payload.extend_from_slice(&random.bytes(length));
            maker
                .encoder
                .message(&mut maker.bytes, 3, 0, type_id::COMMAND, 0, &payload);
            return Self {
                expected: None,
                ..maker.done()
            };
        }
        maker.done()
    }

    pub(super) fn chunks(random: &mut Random) -> Self {
        let mut maker = Maker::new();
        for _ in 0..=random.below(8) {
            match random.below(10) {
                0..=3 => maker.media(random),
                4 => {
                    let values: Vec<Value> =
                        (0..random.below(4)).map(|_| value(random, 0)).collect();
                    maker.command(&values, random);
                }
                5 => maker.data(random),
                6 => maker.control(random),
                7 => maker.aggregate(random),
                8 => maker.unknown(random),
                _ => maker.interleaved(random),
            }
        }
        maker.done()
    }

    pub(super) fn flv(random: &mut Random) -> Self {
        let mut bytes = b"FLV\x01\x05\0\0\0\x09\0\0\0\0".to_vec();
        let mut expected = Vec::new();
        for _ in 0..=random.below(6) {
            let timestamp = random.timestamp();
            if random.below(5) == 0 {
                let values = [value(random, 0)];
                let payload = command::data(0, "onMetaData", &values).payload;
                put_tag(&mut bytes, type_id::DATA, timestamp, &payload);
                expected.push(data(0, timestamp, "onMetaData", &values, &payload));
            } else {
                let (kind, payload) = media(random);
                put_tag(&mut bytes, type_of(kind), timestamp, &payload);
                expected.push(frame(0, kind, timestamp, &payload));
            }
        }
        Self {
            bytes,
            expected: Some(expected),
            is_flv: true,
        }
    }

    pub(super) fn handshake(random: &mut Random) -> Self {
        let mut bytes = vec![3];
        let length = 2 * 1536 + random.length();
        bytes.extend_from_slice(&random.bytes(length));
        Self {
            bytes,
            expected: None,
            is_flv: false,
        }
    }
}

struct Maker {
    encoder: Encoder,
    chunk_size: usize,
    next_csid: u32,
    bytes: Vec<u8>,
    expected: Vec<Incoming>,
}

impl Maker {
    fn new() -> Self {
        Self {
            encoder: Encoder::new(),
            chunk_size: 128,
            next_csid: INTERLEAVED_CSID,
            bytes: Vec::new(),
            expected: Vec::new(),
        }
    }

    /// The last message is one of which nothing can be taken for the end of another.
    fn done(mut self) -> Made {
        self.write(&command::ping_response(5), 0);
        self.expected.push(Incoming::PingResponse(5));
        Made {
            bytes: self.bytes,
            expected: Some(self.expected),
            is_flv: false,
        }
    }

    fn write(&mut self, message: &Message, timestamp: u32) {
        message.write(&mut self.encoder, &mut self.bytes, timestamp);
    }

    fn media(&mut self, random: &mut Random) {
        let (kind, payload) = media(random);
        let csid = random.pick(&[4, 6, 64, 319, 320, 65_599]);
        let (stream_id, timestamp) = (random.below(3), random.timestamp());
        // The same again and again shortens headers.
        for step in 0..=random.below(4) {
            let timestamp = timestamp.wrapping_add(step * 40);
            let out = &mut self.bytes;
            self.encoder
                .message(out, csid, timestamp, type_of(kind), stream_id, &payload);
            self.expected
                .push(frame(stream_id, kind, timestamp, &payload));
        }
    }

    fn command(&mut self, values: &[Value], random: &mut Random) {
        let (stream_id, transaction) = (random.below(3), random.below(9));
        let message = command::command(stream_id, "onStatus", f64::from(transaction), values);
        self.write(&message, 0);
        self.expected.push(Incoming::Command {
            stream_id,
            name: "onStatus".to_owned(),
            transaction: f64::from(transaction),
            values: values.to_owned(),
        });
    }

    fn data(&mut self, random: &mut Random) {
        let (stream_id, timestamp) = (random.below(3), random.timestamp());
        let values = [value(random, 0)];
        let message = command::data(stream_id, "onCuePoint", &values);
        self.write(&message, timestamp);
        self.expected.push(data(
            stream_id,
            timestamp,
            "onCuePoint",
            &values,
            &message.payload,
        ));
    }

    fn control(&mut self, random: &mut Random) {
        let number = random.timestamp();
        let (message, incoming) = match random.below(6) {
            0 => (
                command::window_ack_size(number),
                Incoming::WindowAckSize(number),
            ),
            1 => (
                command::peer_bandwidth(number, 1),
                Incoming::PeerBandwidth(number, 1),
            ),
            2 => (
                command::user_control(6, &[number]),
                Incoming::PingRequest(number),
            ),
            3 => (
                command::acknowledgement(u64::from(number) | 1 << 32),
                Incoming::Acknowledgement(number),
            ),
            4 => (command::abort(7), Incoming::Abort),
            _ => {
                let size = random.pick(&[1, 2, 100, 128, 4096, 0x00ff_ffff]);
                self.write(&command::set_chunk_size(size), 0);
                self.encoder.set_chunk_size(size);
                self.chunk_size = size as usize;
                self.expected.push(Incoming::ChunkSize(size));
                return;
            }
        };
        self.write(&message, 0);
        self.expected.push(incoming);
    }

    fn unknown(&mut self, random: &mut Random) {
        let type_id = random.pick(&NO_TYPES);
        let length = random.length();
        let payload = random.bytes(length);
        self.encoder
            .message(&mut self.bytes, 9, 0, type_id, 1, &payload);
        let size = u32::try_from(payload.len()).unwrap_or_default();
        self.expected.push(Incoming::Unknown { type_id, size });
    }

    fn aggregate(&mut self, random: &mut Random) {
        let (timestamp, inner) = (random.timestamp(), random.timestamp());
        let mut payload = Vec::new();
        for step in 0..random.below(4) {
            let (kind, bytes) = media(random);
            put_tag(
                &mut payload,
                type_of(kind),
                inner.wrapping_add(step * 20),
                &bytes,
            );
            self.expected
                .push(frame(1, kind, timestamp.wrapping_add(step * 20), &bytes));
        }
        self.encoder.message(
            &mut self.bytes,
            6,
            timestamp,
            type_id::AGGREGATE,
            1,
            &payload,
        );
    }

    /// Some messages whose chunks take turns, with extended time stamps on type 3 or not.
    fn interleaved(&mut self, random: &mut Random) {
        let mut under_way = Vec::new();
        for _ in 0..=random.below(3) {
            let (kind, payload) = media(random);
            // Chunk streams are few: those of the encoder's use need to stay.
            let csid = self.next_csid;
            self.next_csid = (csid + 1).min(INTERLEAVED_CSID + 20);
            if csid == self.next_csid {
                break;
            }
            let timestamp = random.timestamp();
            let incoming = frame(1, kind, timestamp, &payload);
            let header = header(csid, timestamp, &payload, type_of(kind));
            let repeats = timestamp >= 0x00ff_ffff && random.below(2) == 0;
            let time = if repeats {
                timestamp.to_be_bytes().to_vec()
            } else {
                Vec::new()
            };
            under_way.push((csid, header, time, payload, 0, incoming));
        }
        while !under_way.is_empty() {
            let turn = random.below(u32::try_from(under_way.len()).unwrap_or(1)) as usize;
            let Some((csid, header, time, payload, at, _)) = under_way.get_mut(turn) else {
                return;
            };
            if *at == 0 {
                self.bytes.append(header);
            } else {
                self.bytes
                    .push(0xc0 | u8::try_from(*csid).unwrap_or_default());
                self.bytes.extend_from_slice(time);
            }
            let end = (*at + self.chunk_size).min(payload.len());
            self.bytes
                .extend_from_slice(payload.get(*at..end).unwrap_or_default());
            *at = end;
            if end == payload.len() {
                let (.., incoming) = under_way.remove(turn);
                self.expected.push(incoming);
            }
        }
    }
}

/// A header of type 0 (RTMP section 5.3.1.2.1) on a chunk stream below 64.
fn header(csid: u32, timestamp: u32, payload: &[u8], type_id: u8) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(csid).unwrap_or_default()];
    let [_, time @ ..] = timestamp.min(0x00ff_ffff).to_be_bytes();
    bytes.extend_from_slice(&time);
    let [_, length @ ..] = u32::try_from(payload.len())
        .unwrap_or_default()
        .to_be_bytes();
    bytes.extend_from_slice(&length);
    bytes.push(type_id);
    bytes.extend_from_slice(&1u32.to_le_bytes());
    if timestamp >= 0x00ff_ffff {
        bytes.extend_from_slice(&timestamp.to_be_bytes());
    }
    bytes
}

/// A tag of FLV, with its size behind it.
fn put_tag(out: &mut Vec<u8>, type_id: u8, timestamp: u32, payload: &[u8]) {
    let [_, length @ ..] = u32::try_from(payload.len())
        .unwrap_or_default()
        .to_be_bytes();
    let [extended, time @ ..] = timestamp.to_be_bytes();
    out.push(type_id);
    out.extend_from_slice(&length);
    out.extend_from_slice(&time);
    out.extend_from_slice(&[extended, 0, 0, 0]);
    out.extend_from_slice(payload);
    let size = u32::try_from(payload.len()).unwrap_or_default() + 11;
    out.extend_from_slice(&size.to_be_bytes());
}

fn media(random: &mut Random) -> (FrameKind, Vec<u8>) {
    let mut bytes = random.pick(&FIRST_BYTES).to_vec();
    let length = random.length();
    bytes.extend_from_slice(&random.bytes(length));
    // An empty message now and then.
    if random.below(16) == 0 {
        bytes.clear();
    }
    let is_audio = random.below(2) == 0;
    (
        if is_audio {
            FrameKind::Audio
        } else {
            FrameKind::Video
        },
        bytes,
    )
}

fn type_of(kind: FrameKind) -> u8 {
    match kind {
        FrameKind::Audio => type_id::AUDIO,
        FrameKind::Video => type_id::VIDEO,
        FrameKind::Data => type_id::DATA,
    }
}

fn frame(stream_id: u32, kind: FrameKind, timestamp: u32, payload: &[u8]) -> Incoming {
    let size = u32::try_from(payload.len()).unwrap_or_default();
    Incoming::Frame {
        stream_id,
        head: head_of(kind, timestamp, size, payload),
        payload: Some(Box::from(payload)),
    }
}

fn data(
    stream_id: u32,
    timestamp: u32,
    handler: &str,
    values: &[Value],
    payload: &[u8],
) -> Incoming {
    Incoming::Data {
        stream_id,
        timestamp,
        handler: handler.to_owned(),
        values: values.to_owned(),
        size: u32::try_from(payload.len()).unwrap_or_default(),
        payload: Some(Box::from(payload)),
    }
}

fn value(random: &mut Random, depth: usize) -> Value {
    let parts = |random: &mut Random| if depth < 4 { random.below(4) } else { 0 };
    let fields = |random: &mut Random| {
        (0..parts(random))
            .map(|index| (format!("field{index}"), value(random, depth + 1)))
            .collect()
    };
    match random.below(10) {
        0 => Value::Number(f64::from(random.below(1000)) / 8.0),
        1 => Value::Boolean(random.below(2) == 0),
        2 => Value::Text("text".repeat(random.below(9) as usize)),
        3 | 4 => Value::Object(fields(random)),
        5 => Value::Map(fields(random)),
        6 => Value::List(
            (0..parts(random))
                .map(|_| value(random, depth + 1))
                .collect(),
        ),
        7 => Value::Date(f64::from(random.below(1000))),
        8 => Value::Null,
        _ => Value::Undefined,
    }
}
