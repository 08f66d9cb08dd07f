//! Another implementation reads what this one writes, and the other way round: `shiguredo_rtmp`, which these tests use by the
//! module that it has for tests.

use shiguredo_rtmp::tests as oracle;

use super::chunk::encode::Encoder;
use super::message::{Incoming, Reader};
use super::{Value, amf0};

/// Time stamps: steps of 20 ms and 40 ms, the same again, back, and over the bounds of 24 and 32 bits.
const TIMES: [u32; 18] = [
    0,
    20,
    40,
    60,
    60,
    100,
    90,
    0xff_fff0,
    0xff_fffe,
    0xff_ffff,
    0x100_0000,
    0x100_0014,
    0x100_0028,
    0x4000_0000,
    0x4000_0014,
    0xffff_fff0,
    4,
    24,
];

/// Messages on three chunk streams, of sizes around those of the chunks.
fn messages() -> Vec<oracle::RtmpChunk> {
    let mut messages = Vec::new();
    for (index, time) in TIMES.into_iter().enumerate() {
        for (csid, kind, size) in [
            (4, oracle::RtmpMessageType::Audio, 127),
            (70, oracle::RtmpMessageType::Video, 128 + index / 2),
            (6000, oracle::RtmpMessageType::Video, 1000),
        ] {
            messages.push(oracle::RtmpChunk {
                chunk_stream_id: oracle::RtmpChunkStreamId::new(csid).unwrap(),
                message_stream_id: oracle::RtmpMessageStreamId::new(1 + index as u32 / 6),
                message_type: kind,
                timestamp: oracle::RtmpTimestamp::from_millis(time),
                payload: (0..size).map(|byte| (byte * 7 + index) as u8).collect(),
            });
        }
    }
    messages
}

fn read_by_oracle(bytes: &[u8], chunk_size: usize) -> Vec<oracle::RtmpChunk> {
    let mut decoder = oracle::RtmpChunkDecoder::default();
    decoder.set_chunk_size(oracle::RtmpChunkSize::new(chunk_size).unwrap());
    let (mut rest, mut messages) = (bytes, Vec::new());
    while !rest.is_empty() {
        let (used, message) = decoder.decode(rest).unwrap();
        messages.extend(message);
        rest = &rest[used..];
    }
    messages
}

#[test]
fn the_oracle_reads_what_is_written() {
    for chunk_size in [128, 1, 100, 65_536] {
        let (mut encoder, mut bytes) = (Encoder::new(), Vec::new());
        encoder.set_chunk_size(chunk_size);
        for message in messages() {
            encoder.message(
                &mut bytes,
                message.chunk_stream_id.get(),
                message.timestamp.as_millis(),
                message.message_type as u8,
                message.message_stream_id.get(),
                &message.payload,
            );
        }
        assert_eq!(read_by_oracle(&bytes, chunk_size as usize), messages());
    }
}

#[test]
fn what_the_oracle_writes_is_read() {
    for chunk_size in [128, 1, 100, 65_536] {
        let (mut encoder, mut bytes) = (oracle::RtmpChunkEncoder::default(), Vec::new());
        let mut size = Vec::new();
        super::command::set_chunk_size(chunk_size).write(&mut Encoder::new(), &mut size, 0);
        encoder.set_chunk_size(oracle::RtmpChunkSize::new(chunk_size as usize).unwrap());
        messages()
            .iter()
            .for_each(|message| encoder.encode(&mut bytes, message));
        let bytes = [size, bytes].concat();
        for part in [1, 11, 128, bytes.len()] {
            let mut reader = Reader::new();
            (1..=3).for_each(|stream_id| reader.keep_payload(stream_id, true));
            let mut read = Vec::new();
            for mut input in bytes.chunks(part) {
                while let Some(message) = reader.next(&mut input).unwrap() {
                    if let Incoming::Frame {
                        stream_id,
                        head,
                        payload,
                    } = message
                    {
                        read.push((stream_id, head.timestamp, payload.unwrap().into_vec()));
                    }
                }
            }
            let expected: Vec<_> = messages()
                .into_iter()
                .map(|message| {
                    let stream_id = message.message_stream_id.get();
                    (stream_id, message.timestamp.as_millis(), message.payload)
                })
                .collect();
            assert!(
                read == expected,
                "chunks of {chunk_size} in parts of {part}"
            );
        }
    }
}

/// The same value in both worlds.
fn values() -> (Value, oracle::Amf0Value) {
    use oracle::Amf0Value as Theirs;
    let entry = |key: &str, value| oracle::Pair {
        key: key.to_owned(),
        value,
    };
    let ours = Value::Object(vec![
        ("app".to_owned(), Value::Text("live".to_owned())),
        ("long".to_owned(), Value::Text("a".repeat(70_000))),
        ("n".to_owned(), Value::Number(-1.25)),
        ("yes".to_owned(), Value::Boolean(true)),
        ("null".to_owned(), Value::Null),
        ("undefined".to_owned(), Value::Undefined),
        ("date".to_owned(), Value::Date(1000.0)),
        (
            "map".to_owned(),
            Value::Map(vec![(
                "list".to_owned(),
                Value::List(vec![Value::Null, Value::Number(1.0)]),
            )]),
        ),
    ]);
    let theirs = Theirs::Object {
        class_name: None,
        entries: vec![
            entry("app", Theirs::String("live".to_owned())),
            entry("long", Theirs::String("a".repeat(70_000))),
            entry("n", Theirs::Number(-1.25)),
            entry("yes", Theirs::Boolean(true)),
            entry("null", Theirs::Null),
            entry("undefined", Theirs::Undefined),
            entry(
                "date",
                Theirs::Date {
                    unix_time: std::time::Duration::from_secs(1),
                },
            ),
            entry(
                "map",
                Theirs::EcmaArray {
                    entries: vec![entry(
                        "list",
                        Theirs::Array {
                            entries: vec![Theirs::Null, Theirs::Number(1.0)],
                        },
                    )],
                },
            ),
        ],
    };
    (ours, theirs)
}

#[test]
fn values_are_the_same_to_the_oracle() {
    let (ours, theirs) = values();
    let (mut written, mut written_by_oracle) = (Vec::new(), Vec::new());
    ours.encode(&mut written);
    theirs.encode(&mut written_by_oracle);
    assert!(written == written_by_oracle);
    assert!(amf0::decode_all(&written_by_oracle).unwrap() == [ours]);
    assert!(oracle::Amf0Value::decode(&written).unwrap() == (written.len(), theirs));
}
