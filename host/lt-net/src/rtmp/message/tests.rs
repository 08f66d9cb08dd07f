//! Messages: what they are read as, how they are put together, and what is kept of them.

use super::assembly::{ASSEMBLED_BYTES_MAX, TEXT_BYTES_MAX};
use super::{Incoming, Reader, head_of};
use crate::rtmp::chunk::encode::Encoder;
use crate::rtmp::command::{self, Message, type_id};
use crate::rtmp::{FrameKind, Value};

fn read_with(reader: &mut Reader, mut input: &[u8]) -> Result<Vec<Incoming>, String> {
    let mut messages = Vec::new();
    while let Some(message) = reader.next(&mut input)? {
        messages.push(message);
    }
    assert!(input.is_empty());
    Ok(messages)
}

fn read(bytes: &[u8]) -> Result<Vec<Incoming>, String> {
    read_with(&mut Reader::new(), bytes)
}

fn chunks(messages: &[Message]) -> Vec<u8> {
    let (mut encoder, mut out) = (Encoder::new(), Vec::new());
    for message in messages {
        message.write(&mut encoder, &mut out, 0);
    }
    out
}

fn message(type_id: u8, stream_id: u32, payload: &[u8]) -> Message {
    let payload = payload.to_owned();
    Message {
        csid: 3,
        type_id,
        stream_id,
        payload,
    }
}

fn frame(stream_id: u32, kind: FrameKind, timestamp: u32, payload: &[u8]) -> Incoming {
    let head = head_of(kind, timestamp, payload.len() as u32, payload);
    Incoming::Frame {
        stream_id,
        head,
        payload: None,
    }
}

#[track_caller]
fn check(sent: Message, expected: Incoming) {
    assert_eq!(read(&chunks(&[sent])), Ok(vec![expected]));
}

#[track_caller]
fn check_error(sent: Message, expected: &str) {
    let error = read(&chunks(&[sent])).unwrap_err();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn control_messages_are_read() {
    check(command::window_ack_size(5), Incoming::WindowAckSize(5));
    check(command::peer_bandwidth(6, 1), Incoming::PeerBandwidth(6, 1));
    check(
        command::acknowledgement((1 << 32) + 7),
        Incoming::Acknowledgement(7),
    );
    check(command::user_control(0, &[8]), Incoming::StreamBegin(8));
    check(command::user_control(1, &[8]), Incoming::StreamEof(8));
    check(command::user_control(2, &[8]), Incoming::StreamDry(8));
    check(command::set_buffer_length(1, 3000), Incoming::UserOther(3));
    check(
        command::user_control(4, &[8]),
        Incoming::StreamIsRecorded(8),
    );
    check(command::user_control(6, &[8]), Incoming::PingRequest(8));
    check(command::ping_response(8), Incoming::PingResponse(8));
    // Events beside the specification, with nothing behind them.
    check(command::user_control(31, &[]), Incoming::UserOther(31));
    // Old servers leave the limit type out.
    check(
        message(type_id::PEER_BANDWIDTH, 0, &[0, 0, 0, 9]),
        Incoming::PeerBandwidth(9, 2),
    );
}

#[test]
fn control_messages_that_are_cut_off_are_errors() {
    for type_id in 1..=6 {
        check_error(
            message(type_id, 0, &[0]),
            &format!("type {type_id} that ends after 1 bytes"),
        );
    }
    check_error(
        message(type_id::USER_CONTROL, 0, &[0, 6, 0, 0]),
        "ends after 2 bytes",
    );
    check_error(command::set_chunk_size(0), "chunks of 0 bytes");
    check_error(
        command::set_chunk_size(1 << 31),
        "chunks of 2147483648 bytes",
    );
}

#[test]
fn commands_and_data_are_read() {
    let values = vec![Value::Null, Value::Number(1.0)];
    check(
        command::command(0, "_result", 2.0, &values),
        Incoming::Command {
            stream_id: 0,
            name: "_result".to_owned(),
            transaction: 2.0,
            values: values.clone(),
        },
    );
    let data = command::data(1, "onMetaData", &values);
    let size = data.payload.len() as u32;
    let expected = |handler: &str, size| Incoming::Data {
        stream_id: 1,
        timestamp: 0,
        handler: handler.to_owned(),
        values: values.clone(),
        size,
        payload: None,
    };
    check(data.clone(), expected("onMetaData", size));
    // As AMF3 messages, whose values are AMF0 all the same.
    let payload = [&[0], data.payload.as_slice()].concat();
    check(
        message(type_id::DATA_AMF3, 1, &payload),
        expected("onMetaData", size + 1),
    );
    let payload = [&[0], command::command(1, "a", 0.0, &[]).payload.as_slice()].concat();
    check(
        message(type_id::COMMAND_AMF3, 1, &payload),
        Incoming::Command {
            stream_id: 1,
            name: "a".to_owned(),
            transaction: 0.0,
            values: vec![],
        },
    );
    // No handler.
    let mut payload = Vec::new();
    values.iter().for_each(|value| value.encode(&mut payload));
    check(
        message(type_id::DATA, 1, &payload),
        expected("", payload.len() as u32),
    );
    check_error(
        message(type_id::COMMAND, 0, &[5]),
        "a command without a name",
    );
    check_error(
        message(type_id::COMMAND, 0, &[2, 0, 9]),
        "a command: AMF0: ",
    );
    // Data is the publisher's affair.
    let broken = |handler: &str, values, size| Incoming::Data {
        stream_id: 1,
        timestamp: 0,
        handler: handler.to_owned(),
        values,
        size,
        payload: None,
    };
    check(message(type_id::DATA, 1, &[2, 0, 9]), broken("", vec![], 3));
    let long = command::data(1, "a", &[Value::Text("a".repeat(TEXT_BYTES_MAX))]);
    let size = long.payload.len() as u32;
    check(long, broken("", vec![], size));
}

#[test]
fn types_that_are_none_are_skipped() {
    for type_id in [0, 7, 10, 16, 19, 21, 255] {
        check(
            message(type_id, 1, &[7; 300]),
            Incoming::Unknown { type_id, size: 300 },
        );
    }
}

#[test]
fn a_message_that_begins_is_told_once_and_only_if_it_is_not_whole() {
    let bytes = chunks(&[message(type_id::VIDEO, 1, &[0x17; 300])]);
    let expected = frame(1, FrameKind::Video, 0, &[0x17; 300]);
    assert_eq!(read(&bytes), Ok(vec![expected.clone()]));
    let mut reader = Reader::new();
    assert_eq!(read_with(&mut reader, &bytes[..12]), Ok(vec![]));
    let begun = Incoming::MediaBegun { stream_id: 1 };
    assert_eq!(read_with(&mut reader, &bytes[12..13]), Ok(vec![begun]));
    assert_eq!(read_with(&mut reader, &bytes[13..200]), Ok(vec![]));
    assert_eq!(read_with(&mut reader, &bytes[200..]), Ok(vec![expected]));
    assert_eq!(reader.received(), bytes.len() as u64);
    // Nor is it told of what is no media.
    let bytes = chunks(&[command::data(
        1,
        "onMetaData",
        &[Value::Text("a".repeat(300))],
    )]);
    assert_eq!(read(&bytes[..200]), Ok(vec![]));
}

#[test]
fn payload_is_kept_where_it_is_asked_for() {
    let sent = [
        message(type_id::VIDEO, 1, &[0x17; 300]),
        message(type_id::AUDIO, 2, &[0xaf; 300]),
        message(type_id::AUDIO, 1, &[0xaf; 3]),
        command::data(1, "a", &[]),
    ];
    let bytes = chunks(&sent);
    let kept = |reader: &mut Reader, bytes: &[u8]| {
        let messages = read_with(reader, bytes).unwrap();
        let payloads = messages.into_iter().filter_map(|message| match message {
            Incoming::Frame { payload, .. } | Incoming::Data { payload, .. } => Some(payload),
            _ => None,
        });
        payloads
            .map(|payload| payload.map(Vec::from))
            .collect::<Vec<_>>()
    };
    let mut reader = Reader::new();
    reader.keep_payload(1, true);
    let expected = [
        Some(sent[0].payload.clone()),
        None,
        Some(sent[2].payload.clone()),
        Some(sent[3].payload.clone()),
    ];
    assert_eq!(kept(&mut reader, &bytes), expected);
    reader.keep_payload(1, false);
    assert_eq!(kept(&mut reader, &bytes), [None, None, None, None]);
    // Asked for in the middle of a message, it is there from the next on.
    let mut reader = Reader::new();
    assert_eq!(kept(&mut reader, &bytes[..200]), []);
    reader.keep_payload(1, true);
    let expected = [&[None], &expected[1..]].concat();
    assert_eq!(kept(&mut reader, &bytes[200..]), expected);
}

#[test]
fn an_aggregate_is_its_messages_with_their_times_moved() {
    let tag = |type_id: u8, time: u8, data: &[u8]| {
        let head = [type_id, 0, 0, data.len() as u8, 0, 1, time, 0, 0, 0, 0];
        [&head, data, &[0, 0, 0, 11 + data.len() as u8]].concat()
    };
    let payload = [
        tag(8, 0, &[0xaf, 1]),
        tag(99, 5, b"?"),
        tag(9, 20, &[0x27, 1, 0]),
        tag(18, 30, &[2, 0, 1, b'a']),
    ]
    .concat();
    let (mut encoder, mut bytes) = (Encoder::new(), Vec::new());
    encoder.message(&mut bytes, 6, 1000, type_id::AGGREGATE, 1, &payload);
    let expected = [
        frame(1, FrameKind::Audio, 1000, &[0xaf, 1]),
        frame(1, FrameKind::Video, 1020, &[0x27, 1, 0]),
        Incoming::Data {
            stream_id: 1,
            timestamp: 1030,
            handler: "a".to_owned(),
            values: vec![],
            size: 4,
            payload: None,
        },
    ];
    assert_eq!(read(&bytes).unwrap(), expected);
    // Without the last size; and cut off.
    let whole = payload.len() - 4;
    check_error(
        message(type_id::AGGREGATE, 1, &payload[..whole - 1]),
        "cut off at its byte 51",
    );
    check_error(
        message(type_id::AGGREGATE, 1, &payload[..5]),
        "cut off at its byte 0",
    );
    let messages = read(&chunks(&[message(
        type_id::AGGREGATE,
        1,
        &payload[..whole],
    )]))
    .unwrap();
    assert_eq!(messages.len(), 3);
    assert_eq!(
        read(&chunks(&[message(type_id::AGGREGATE, 1, &[])])),
        Ok(vec![])
    );
}

#[test]
fn a_chunk_size_holds_for_what_is_under_way_too() {
    let (mut encoder, mut bytes) = (Encoder::new(), Vec::new());
    encoder.message(&mut bytes, 6, 0, type_id::VIDEO, 1, &[0x27; 200]);
    let (begun, rest) = bytes.split_at(12 + 128);
    let bytes = [begun, &chunks(&[command::set_chunk_size(10)]), &rest[..11]].concat();
    let rest: Vec<u8> = rest[11..]
        .chunks(10)
        .flat_map(|part| [&[0xc6], part].concat())
        .collect();
    let messages = read(&[bytes, rest].concat()).unwrap();
    assert_eq!(
        messages,
        [
            Incoming::ChunkSize(10),
            frame(1, FrameKind::Video, 0, &[0x27; 200])
        ]
    );
}

#[test]
fn an_abort_lets_go_of_what_has_come() {
    let (mut encoder, mut bytes) = (Encoder::new(), Vec::new());
    encoder.message(&mut bytes, 6, 0, type_id::COMMAND, 0, &[2; 200]);
    bytes.truncate(12 + 128);
    let mut reader = Reader::new();
    assert_eq!(read_with(&mut reader, &bytes), Ok(vec![]));
    let abort = chunks(&[command::abort(6), command::abort(7)]);
    assert_eq!(
        read_with(&mut reader, &abort),
        Ok(vec![Incoming::Abort, Incoming::Abort])
    );
    let (mut encoder, mut bytes) = (Encoder::new(), Vec::new());
    encoder.message(&mut bytes, 6, 9, type_id::VIDEO, 1, &[0x27; 200]);
    assert_eq!(
        read_with(&mut reader, &bytes),
        Ok(vec![frame(1, FrameKind::Video, 9, &[0x27; 200])])
    );
}

#[test]
fn no_more_than_what_is_looked_at_is_held_of_media() {
    let payload = vec![0x27; 1 << 20];
    let bytes = chunks(&[message(type_id::VIDEO, 1, &payload)]);
    let mut reader = Reader::new();
    for part in bytes.chunks(1000) {
        read_with(&mut reader, part).unwrap();
        assert!(reader.held() < 1024, "{}", reader.held());
    }
    reader.idle();
    assert!(reader.held() < 512, "{}", reader.held());
}

#[test]
fn messages_are_bounded() {
    let text = |bytes| command::command(0, "a", 0.0, &[Value::Text("a".repeat(bytes))]);
    let beside = text(0).payload.len() + 2;
    assert!(read(&chunks(&[text(TEXT_BYTES_MAX - beside)])).is_ok());
    check_error(text(TEXT_BYTES_MAX), "a command of");
    // Three messages of 16 MiB under way at once are one too many.
    let mut reader = Reader::new();
    reader.keep_payload(1, true);
    let size = chunks(&[command::set_chunk_size(0xff_fff0)]);
    assert_eq!(
        read_with(&mut reader, &size),
        Ok(vec![Incoming::ChunkSize(0xff_fff0)])
    );
    let part = vec![7; 0xff_fff0];
    let mut begin = |csid: u8| {
        let header = [csid, 0, 0, 0, 0xff, 0xff, 0xff, type_id::VIDEO, 1, 0, 0, 0];
        read_with(&mut reader, &header)?;
        read_with(&mut reader, &part)
    };
    for csid in [4, 5] {
        assert_eq!(begin(csid), Ok(vec![Incoming::MediaBegun { stream_id: 1 }]));
    }
    assert!(
        begin(6)
            .unwrap_err()
            .contains(&ASSEMBLED_BYTES_MAX.to_string())
    );
    assert!(
        reader.held() <= 2 * ASSEMBLED_BYTES_MAX,
        "{}",
        reader.held()
    );
}

/// What stands in the place of an extended time stamp may be the end of one message and the beginning of another chunk.
#[test]
fn what_looks_like_the_beginning_of_a_time_is_not_lost() {
    let time = [0, 0xff, 0xff, 0xff];
    let begin = |csid: u8, length: u8| {
        let header = [
            csid,
            0xff,
            0xff,
            0xff,
            0,
            0,
            length,
            type_id::VIDEO,
            1,
            0,
            0,
            0,
        ];
        [header.as_slice(), &time, &[1; 128]].concat()
    };
    // A byte more of each, without the time; the second's header looks like the time's second byte.
    let bytes = [begin(4, 129), begin(63, 129), vec![0xc4, 0], vec![0xff, 7]].concat();
    let payload = |last: u8| [[1; 128].as_slice(), &[last]].concat();
    let expected = [0, 7].map(|last| Incoming::Frame {
        stream_id: 1,
        head: head_of(FrameKind::Video, 0xff_ffff, 129, &payload(last)),
        payload: Some(payload(last).into()),
    });
    for part in 1..bytes.len() {
        let mut reader = Reader::new();
        reader.keep_payload(1, true);
        let mut messages = Vec::new();
        for part in bytes.chunks(part) {
            messages.extend(read_with(&mut reader, part).unwrap());
        }
        messages.retain(|message| !matches!(message, Incoming::MediaBegun { .. }));
        assert_eq!(messages, expected, "parts of {part}");
        assert_eq!(reader.received(), bytes.len() as u64);
    }
}
