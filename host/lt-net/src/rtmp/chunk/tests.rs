//! Chunks against the specification's rules and examples.

use super::decode::{CHUNK_STREAMS_MAX, Decoder, Header};
use super::encode::Encoder;

/// A message as chunks give it.
#[derive(Clone, Debug, PartialEq)]
struct Whole {
    header: Header,
    payload: Vec<u8>,
}

fn whole(csid: u32, timestamp: u32, type_id: u8, stream_id: u32, payload: &[u8]) -> Whole {
    let length = payload.len() as u32;
    let header = Header {
        csid,
        timestamp,
        type_id,
        stream_id,
        length,
    };
    Whole {
        header,
        payload: payload.to_owned(),
    }
}

/// Reads pieces together, from parts of this size.
fn read(decoder: &mut Decoder, bytes: &[u8], part: usize) -> Result<Vec<Whole>, String> {
    let (mut under_way, mut messages) = (vec![Vec::new(); CHUNK_STREAMS_MAX], Vec::new());
    let mut rest = Vec::new();
    for part in bytes.chunks(part) {
        rest.extend_from_slice(part);
        let mut input = rest.as_slice();
        while let Some(piece) = decoder.next(&mut input)? {
            let payload: &mut Vec<u8> = &mut under_way[piece.slot];
            assert_eq!(piece.offset as usize, payload.len());
            payload.extend_from_slice(piece.data);
            if piece.is_last() {
                let payload = std::mem::take(payload);
                messages.push(Whole {
                    header: piece.header,
                    payload,
                });
            }
        }
        rest = input.to_owned();
    }
    Ok(messages)
}

#[track_caller]
fn check(bytes: &[u8], expected: &[Whole]) {
    for part in 1..=bytes.len() {
        assert_eq!(
            read(&mut Decoder::new(), bytes, part).unwrap(),
            expected,
            "parts of {part}"
        );
    }
}

#[track_caller]
fn check_error(bytes: &[u8], expected: &str) {
    let error = read(&mut Decoder::new(), bytes, bytes.len()).unwrap_err();
    assert!(error.contains(expected), "{error}");
}

/// Section 5.3.2.1: four audio messages, of which the last three need but a byte each.
#[test]
fn the_first_example_of_the_specification() {
    let audio = [7; 32];
    let messages: Vec<_> = [1000, 1020, 1040, 1060]
        .map(|time| whole(3, time, 8, 12_345, &audio))
        .into();
    let headers: [&[u8]; 4] = [
        &[3, 0, 3, 232, 0, 0, 32, 8, 57, 48, 0, 0],
        &[0x83, 0, 0, 20],
        &[0xc3],
        &[0xc3],
    ];
    let bytes = headers
        .map(|header| [header, audio.as_slice()].concat())
        .concat();
    check(&bytes, &messages);
    let mut encoder = Encoder::new();
    let mut out = Vec::new();
    for message in &messages {
        encoder.message(&mut out, 3, message.header.timestamp, 8, 12_345, &audio);
    }
    assert_eq!(out, bytes);
}

/// Section 5.3.2.2: a message too long for one chunk.
#[test]
fn the_second_example_of_the_specification() {
    let video: Vec<u8> = (0..307).map(|index| index as u8).collect();
    let bytes = [
        &[4, 0, 3, 232, 0, 1, 51, 9, 58, 48, 0, 0],
        &video[..128],
        &[0xc4],
        &video[128..256],
        &[0xc4],
        &video[256..],
    ]
    .concat();
    check(&bytes, &[whole(4, 1000, 9, 12_346, &video)]);
    let mut out = Vec::new();
    Encoder::new().message(&mut out, 4, 1000, 9, 12_346, &video);
    assert_eq!(out, bytes);
}

#[test]
fn chunk_streams_have_numbers_of_one_two_or_three_bytes() {
    for (csid, header) in [
        (2, vec![0x02]),
        (63, vec![0x3f]),
        (64, vec![0x00, 0]),
        (319, vec![0x00, 255]),
        (320, vec![0x01, 0, 1]),
        (65_599, vec![0x01, 255, 255]),
    ] {
        let mut out = Vec::new();
        Encoder::new().message(&mut out, csid, 0, 8, 1, b"a");
        assert_eq!(
            out,
            [header.as_slice(), &[0, 0, 0, 0, 0, 1, 8, 1, 0, 0, 0, b'a']].concat()
        );
        check(&out, &[whole(csid, 0, 8, 1, b"a")]);
    }
    // Three bytes may be taken where two would do.
    check(
        &[1, 3, 0, 0, 0, 0, 0, 0, 0, 8, 1, 0, 0, 0],
        &[whole(67, 0, 8, 1, b"")],
    );
}

/// All of what the encoder leaves out is known to the decoder.
#[test]
fn what_is_written_is_read() {
    let mut encoder = Encoder::new();
    let (mut bytes, mut messages) = (Vec::new(), Vec::new());
    let times = [
        0,
        0,
        20,
        40,
        60,
        60,
        100,
        90,
        0xff_fffe,
        0xff_ffff,
        0x100_0000,
        0x100_0014,
        0x100_0028,
        0x300_0000,
        0x500_0000,
        0x700_0000,
        0x7fff_ffff,
        0x8000_0000,
        u32::MAX,
        19,
        39,
        59,
    ];
    for size in [1, 5, 128, 4096] {
        encoder.set_chunk_size(size);
        for (index, time) in times.into_iter().enumerate() {
            for (csid, type_id, stream_id, length) in [
                (4, 8, 1, 7),
                (6, 9, 1, 20 + index / 3),
                (400, 9, index as u32 / 8, 0),
            ] {
                let payload = vec![index as u8; length];
                encoder.message(&mut bytes, csid, time, type_id, stream_id, &payload);
                messages.push(whole(csid, time, type_id, stream_id, &payload));
            }
        }
        let mut decoder = Decoder::new();
        decoder.set_chunk_size(size).unwrap();
        for part in [1, 2, 3, 7, 64, bytes.len()] {
            let mut decoder = Decoder::new();
            decoder.set_chunk_size(size).unwrap();
            assert_eq!(
                read(&mut decoder, &bytes, part).unwrap(),
                messages,
                "chunks of {size}"
            );
        }
        (encoder, bytes, messages) = (Encoder::new(), Vec::new(), Vec::new());
    }
}

#[test]
fn time_goes_on_past_24_and_32_bits() {
    let mut encoder = Encoder::new();
    for (from, formats) in [
        // The first is of type 0. Its time has four bytes of its own where three do not do; the differences do not.
        (0xff_ffec_u32, [0x04, 0x84, 0xc4]),
        (u32::MAX - 19, [0x04, 0x84, 0xc4]),
    ] {
        let mut bytes = Vec::new();
        let mut messages = Vec::new();
        encoder.message(&mut bytes, 4, 5, 9, 9, b"");
        messages.push(whole(4, 5, 9, 9, b""));
        for (step, format) in formats.into_iter().enumerate() {
            let time = from.wrapping_add(20 * step as u32);
            let mut chunk = Vec::new();
            encoder.message(&mut chunk, 4, time, 8, 1, b"a");
            assert_eq!(chunk[0], format, "{time:x}");
            bytes.append(&mut chunk);
            messages.push(whole(4, time, 8, 1, b"a"));
        }
        check(&bytes, &messages);
    }
}

#[test]
fn an_extended_time_stamp_stands_in_each_chunk() {
    let payload = [9; 130];
    let mut bytes = Vec::new();
    Encoder::new().message(&mut bytes, 4, 0xff_ffff, 9, 1, &payload);
    let time = [0, 0xff, 0xff, 0xff];
    let header = [4, 0xff, 0xff, 0xff, 0, 0, 130, 9, 1, 0, 0, 0];
    let expected = [
        &header,
        time.as_slice(),
        &payload[..128],
        &[0xc4],
        &time,
        &payload[128..],
    ]
    .concat();
    assert_eq!(bytes, expected);
    check(&bytes, &[whole(4, 0xff_ffff, 9, 1, &payload)]);
    // Peers that leave it out where the message goes on are understood, up to a payload that looks like the time.
    let without = [
        &header,
        time.as_slice(),
        &payload[..128],
        &[0xc4],
        &payload[128..],
    ]
    .concat();
    check(&without, &[whole(4, 0xff_ffff, 9, 1, &payload)]);
    let mut like_time = payload;
    like_time[128..].copy_from_slice(&[0, 0xff]);
    let without = [
        &header,
        time.as_slice(),
        &like_time[..128],
        &[0xc4],
        &like_time[128..],
        &header,
    ]
    .concat();
    check(&without, &[whole(4, 0xff_ffff, 9, 1, &like_time)]);
}

/// Section 5.3.1.2.4: behind a type 0, a type 3 adds that message's time stamp; behind others, their difference.
#[test]
fn a_type_3_begins_a_message_like_the_last() {
    let bytes = [
        &[4, 0, 0, 100, 0, 0, 1, 8, 1, 0, 0, 0, b'a'],
        [0xc4, b'b'].as_slice(),
    ]
    .concat();
    check(
        &bytes,
        &[whole(4, 100, 8, 1, b"a"), whole(4, 200, 8, 1, b"b")],
    );
    // Peers disagree there, so that this side sends none.
    let mut out = Vec::new();
    let mut encoder = Encoder::new();
    encoder.message(&mut out, 4, 100, 8, 1, b"a");
    out.clear();
    encoder.message(&mut out, 4, 200, 8, 1, b"b");
    assert_eq!(out, [0x84, 0, 0, 100, b'b']);
}

#[test]
fn chunks_of_several_messages_take_turns() {
    let (audio, video) = ([1; 200], [2; 300]);
    let bytes = [
        &[6, 0, 0, 10, 0, 1, 44, 9, 1, 0, 0, 0],
        &video[..128],
        &[4, 0, 0, 12, 0, 0, 200, 8, 1, 0, 0, 0],
        &audio[..128],
        &[0xc6],
        &video[128..256],
        &[0xc4],
        &audio[128..],
        &[0xc6],
        &video[256..],
    ]
    .concat();
    check(
        &bytes,
        &[whole(4, 12, 8, 1, &audio), whole(6, 10, 9, 1, &video)],
    );
}

#[test]
fn a_message_may_go_on_with_its_whole_header() {
    let payload = [1; 130];
    let header = [4, 0, 0, 12, 0, 0, 130, 8, 1, 0, 0, 0];
    let bytes = [&header, &payload[..128], &header, &payload[128..]].concat();
    check(&bytes, &[whole(4, 12, 8, 1, &payload)]);
    let mut other = header;
    other[6] = 131;
    check_error(
        &[&header, &payload[..128], &other].concat(),
        "128 of 130 bytes",
    );
    let mut other = header;
    other[8] = 2;
    check_error(
        &[&header, &payload[..128], &other].concat(),
        "chunk stream 4",
    );
}

#[test]
fn a_chunk_stream_begins_with_a_whole_header() {
    check_error(&[0x84, 0, 0, 0], "begins with a header of type 2");
    check_error(&[0xc4], "begins with a header of type 3");
    // As librtmp begins its second.
    check(
        &[0x42, 0, 0, 9, 0, 0, 1, 4, b'a'],
        &[whole(2, 9, 4, 0, b"a")],
    );
}

#[test]
fn an_abort_begins_the_message_anew() {
    let header = [4, 0, 0, 12, 0, 0, 130, 8, 1, 0, 0, 0];
    let begun = [header.as_slice(), &[1; 128]].concat();
    let mut decoder = Decoder::new();
    assert_eq!(read(&mut decoder, &begun, begun.len()), Ok(vec![]));
    assert_eq!(decoder.abort(5), None);
    assert_eq!(decoder.abort(4), Some(0));
    let other = [4, 0, 0, 13, 0, 0, 1, 9, 1, 0, 0, 0, b'a'];
    assert_eq!(
        read(&mut decoder, &other, 1),
        Ok(vec![whole(4, 13, 9, 1, b"a")])
    );
}

#[test]
fn sizes_of_chunks_are_those_of_the_specification() {
    let mut decoder = Decoder::new();
    for bytes in [1, 128, 0xff_ffff, 0x7fff_ffff] {
        assert_eq!(decoder.set_chunk_size(bytes), Ok(()));
    }
    for bytes in [0, 0x8000_0000, u32::MAX] {
        assert!(decoder.set_chunk_size(bytes).is_err());
    }
}

#[test]
fn chunk_streams_are_bounded() {
    let bytes: Vec<u8> = (0..CHUNK_STREAMS_MAX as u32 + 1)
        .flat_map(|index| {
            let mut out = Vec::new();
            Encoder::new().message(&mut out, 2 + index, 0, 8, 1, b"a");
            out
        })
        .collect();
    check_error(&bytes, "one more than 64");
    let mut decoder = Decoder::new();
    let _ = read(&mut decoder, &bytes, bytes.len());
    assert!(
        decoder.held() <= CHUNK_STREAMS_MAX * 40,
        "{}",
        decoder.held()
    );
}
