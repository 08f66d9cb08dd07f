//! Building what is sent (RTMP sections 5.4 and 7), and reading what is answered.

use super::chunk::encode::Encoder;
use super::{PublishKind, Status, Value};

/// Chunk stream of protocol control messages (section 5.4).
pub(crate) const CSID_CONTROL: u32 = 2;
/// Chunk stream of commands to the connection.
pub(crate) const CSID_COMMAND: u32 = 3;
/// Chunk stream of audio.
pub(crate) const CSID_AUDIO: u32 = 4;
/// Chunk stream of data messages.
pub(crate) const CSID_DATA: u32 = 5;
/// Chunk stream of video.
pub(crate) const CSID_VIDEO: u32 = 6;
/// Chunk stream of commands to a stream.
pub(crate) const CSID_STREAM_COMMAND: u32 = 8;

/// Message types (sections 5.4 and 7.1).
pub(crate) mod type_id {
    /// 5.4.1
    pub(crate) const SET_CHUNK_SIZE: u8 = 1;
    /// 5.4.2
    pub(crate) const ABORT: u8 = 2;
    /// 5.4.3
    pub(crate) const ACKNOWLEDGEMENT: u8 = 3;
    /// 6.2, 7.1.7
    pub(crate) const USER_CONTROL: u8 = 4;
    /// 5.4.4
    pub(crate) const WINDOW_ACK_SIZE: u8 = 5;
    /// 5.4.5
    pub(crate) const PEER_BANDWIDTH: u8 = 6;
    /// 7.1.4
    pub(crate) const AUDIO: u8 = 8;
    /// 7.1.5
    pub(crate) const VIDEO: u8 = 9;
    /// 7.1.2: AMF3
    pub(crate) const DATA_AMF3: u8 = 15;
    /// 7.1.1: AMF3
    pub(crate) const COMMAND_AMF3: u8 = 17;
    /// 7.1.2: AMF0
    pub(crate) const DATA: u8 = 18;
    /// 7.1.1: AMF0
    pub(crate) const COMMAND: u8 = 20;
    /// 7.1.6
    pub(crate) const AGGREGATE: u8 = 22;
}

/// A message that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// Chunk stream.
    pub(crate) csid: u32,
    /// Message type.
    pub(crate) type_id: u8,
    /// Message stream.
    pub(crate) stream_id: u32,
    /// What it carries.
    pub(crate) payload: Vec<u8>,
}

impl Message {
    /// Append it as chunks.
    pub(crate) fn write(&self, encoder: &mut Encoder, out: &mut Vec<u8>, timestamp: u32) {
        encoder.message(
            out,
            self.csid,
            timestamp,
            self.type_id,
            self.stream_id,
            &self.payload,
        );
    }
}

/// A command to the connection (`stream_id` 0) or to a stream: name, transaction, command object (or null), and what follows
/// (section 7.1.1).
pub(crate) fn command(stream_id: u32, name: &str, transaction: f64, values: &[Value]) -> Message {
    let csid = if stream_id == 0 {
        CSID_COMMAND
    } else {
        CSID_STREAM_COMMAND
    };
    let mut payload = Vec::new();
    Value::Text(name.to_owned()).encode(&mut payload);
    Value::Number(transaction).encode(&mut payload);
    for value in values {
        value.encode(&mut payload);
    }
    Message {
        csid,
        type_id: type_id::COMMAND,
        stream_id,
        payload,
    }
}

/// `connect` (section 7.2.1.1).
pub(crate) fn connect(
    transaction: f64,
    object: Vec<(String, Value)>,
    arguments: &[Value],
) -> Message {
    let mut values = vec![Value::Object(object)];
    values.extend_from_slice(arguments);
    command(0, "connect", transaction, &values)
}

/// `createStream` (section 7.2.1.3).
pub(crate) fn create_stream(transaction: f64) -> Message {
    command(0, "createStream", transaction, &[Value::Null])
}

/// `releaseStream`, `FCPublish`, `FCUnpublish`, `FCSubscribe`, `getStreamLength`: no part of the specification, but sent by
/// Adobe's own clients, and by ffmpeg and librtmp. Their answers, if any, tell nothing.
pub(crate) fn named(name: &str, transaction: f64, stream: &str) -> Message {
    command(
        0,
        name,
        transaction,
        &[Value::Null, Value::Text(stream.to_owned())],
    )
}

/// `publish` (section 7.2.2.6). Its answer is `onStatus`; the transaction is zero by the specification, and a number with ffmpeg.
pub(crate) fn publish(stream_id: u32, transaction: f64, name: &str, kind: PublishKind) -> Message {
    let kind = match kind {
        PublishKind::Live => "live",
        PublishKind::Record => "record",
        PublishKind::Append => "append",
    };
    let values = [
        Value::Null,
        Value::Text(name.to_owned()),
        Value::Text(kind.to_owned()),
    ];
    command(stream_id, "publish", transaction, &values)
}

/// `play` (section 7.2.2.1): `start` is −2 (live or recorded), −1 (live) or seconds; `duration` in seconds, all if `None`.
pub(crate) fn play(
    stream_id: u32,
    transaction: f64,
    name: &str,
    start: f64,
    duration: Option<f64>,
) -> Message {
    let mut values = vec![
        Value::Null,
        Value::Text(name.to_owned()),
        Value::Number(start),
    ];
    values.extend(duration.map(Value::Number));
    command(stream_id, "play", transaction, &values)
}

/// `pause` (section 7.2.2.9), at this media time.
pub(crate) fn pause(stream_id: u32, transaction: f64, paused: bool, milliseconds: f64) -> Message {
    let values = [
        Value::Null,
        Value::Boolean(paused),
        Value::Number(milliseconds),
    ];
    command(stream_id, "pause", transaction, &values)
}

/// `seek` (section 7.2.2.8).
pub(crate) fn seek(stream_id: u32, transaction: f64, milliseconds: f64) -> Message {
    command(
        stream_id,
        "seek",
        transaction,
        &[Value::Null, Value::Number(milliseconds)],
    )
}

/// `deleteStream` (section 7.2.2.3). It has no answer.
pub(crate) fn delete_stream(transaction: f64, stream_id: u32) -> Message {
    command(
        0,
        "deleteStream",
        transaction,
        &[Value::Null, Value::Number(f64::from(stream_id))],
    )
}

/// A data message (section 7.1.2): the handler, and what it is given.
pub(crate) fn data(stream_id: u32, handler: &str, values: &[Value]) -> Message {
    let mut payload = Vec::new();
    Value::Text(handler.to_owned()).encode(&mut payload);
    for value in values {
        value.encode(&mut payload);
    }
    Message {
        csid: CSID_DATA,
        type_id: type_id::DATA,
        stream_id,
        payload,
    }
}

/// Acknowledgement (section 5.4.3) of all bytes received so far, modulo 2^32.
pub(crate) fn acknowledgement(received: u64) -> Message {
    let [_, _, _, _, low @ ..] = received.to_be_bytes();
    control(type_id::ACKNOWLEDGEMENT, &low)
}

/// Window acknowledgement size (section 5.4.4).
pub(crate) fn window_ack_size(bytes: u32) -> Message {
    control(type_id::WINDOW_ACK_SIZE, &bytes.to_be_bytes())
}

/// Set peer bandwidth (section 5.4.5), with its limit type.
pub(crate) fn peer_bandwidth(bytes: u32, limit: u8) -> Message {
    let [a, b, c, d] = bytes.to_be_bytes();
    control(type_id::PEER_BANDWIDTH, &[a, b, c, d, limit])
}

/// Set chunk size (section 5.4.1): the encoder is to be told right behind it.
pub(crate) fn set_chunk_size(bytes: u32) -> Message {
    control(type_id::SET_CHUNK_SIZE, &bytes.to_be_bytes())
}

/// Abort message (section 5.4.2).
pub(crate) fn abort(csid: u32) -> Message {
    control(type_id::ABORT, &csid.to_be_bytes())
}

/// User control event (section 7.1.7) with one or two numbers.
pub(crate) fn user_control(event: u16, numbers: &[u32]) -> Message {
    let mut payload = event.to_be_bytes().to_vec();
    for number in numbers {
        payload.extend_from_slice(&number.to_be_bytes());
    }
    control(type_id::USER_CONTROL, &payload)
}

/// User control 3 (section 7.1.7): milliseconds of media that this side buffers.
pub(crate) fn set_buffer_length(stream_id: u32, milliseconds: u32) -> Message {
    user_control(3, &[stream_id, milliseconds])
}

/// User control 7: the answer to a ping, with its time.
pub(crate) fn ping_response(timestamp: u32) -> Message {
    user_control(7, &[timestamp])
}

fn control(type_id: u8, payload: &[u8]) -> Message {
    Message {
        csid: CSID_CONTROL,
        type_id,
        stream_id: 0,
        payload: payload.to_vec(),
    }
}

impl Status {
    /// The information object of `onStatus`, `_result` or `_error` (sections 7.2.1.1 and 7.2.2): the first object behind the command
    /// object that has a code, or else a level or a description; empty texts where there is nothing.
    pub(crate) fn of(values: &[Value]) -> Self {
        let text = |object: &Value, name: &str| {
            object
                .field(name)
                .and_then(Value::text)
                .unwrap_or_default()
                .to_owned()
        };
        let objects = || values.iter().skip(1).chain(values.first());
        let found = ["code", "level", "description"].iter().find_map(|name| {
            objects().find(|object| object.field(name).and_then(Value::text).is_some())
        });
        found.map_or_else(Self::default, |object| Self {
            code: text(object, "code"),
            level: text(object, "level"),
            description: text(object, "description"),
        })
    }
}
