//! FLV files, whole and broken, and as they come over HTTP.

use bytes::Bytes;

use super::{Asset, FlvReader};
use crate::rtmp::message::Incoming;
use crate::rtmp::{FrameKind, Value, command};

const HEADER: &[u8] = b"FLV\x01\x05\0\0\0\x09\0\0\0\0";

fn tag(type_id: u8, timestamp: u32, payload: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = (payload.len() as u32).to_be_bytes();
    let [extended, time @ ..] = timestamp.to_be_bytes();
    let size = payload.len() as u32 + 11;
    let head = [&[type_id], length.as_slice(), &time, &[extended, 0, 0, 0]].concat();
    [&head, payload, &size.to_be_bytes()].concat()
}

fn file(tags: &[Vec<u8>]) -> Vec<u8> {
    [HEADER, &tags.concat()].concat()
}

fn metadata() -> Vec<u8> {
    let fields = vec![("width".to_owned(), Value::Number(640.0))];
    tag(
        18,
        0,
        &command::data(0, "onMetaData", &[Value::Map(fields)]).payload,
    )
}

/// Metadata, both sequence headers, and a frame of video and of audio each 40 ms.
fn usual() -> Vec<Vec<u8>> {
    let mut tags = vec![
        metadata(),
        tag(9, 0, b"\x17\0\0\0\0\x01"),
        tag(8, 0, b"\xaf\0\x12\x10"),
    ];
    for time in [0, 40, 80] {
        tags.push(tag(
            9,
            time,
            if time == 0 {
                b"\x17\x01\0\0\0a"
            } else {
                b"\x27\x01\0\0\0b"
            },
        ));
        tags.push(tag(8, time + 3, b"\xaf\x01c"));
    }
    tags
}

fn parse(bytes: &[u8]) -> Result<Asset, String> {
    Asset::parse(Bytes::copy_from_slice(bytes))
}

#[track_caller]
fn check_error(bytes: &[u8], expected: &str) {
    assert_eq!(parse(bytes).unwrap_err(), expected);
}

#[test]
fn an_asset_has_its_tags_and_its_metadata() {
    let asset = parse(&file(&usual())).unwrap();
    assert_eq!(
        asset.metadata(),
        Some([("width".to_owned(), Value::Number(640.0))].as_slice())
    );
    let tags: Vec<_> = asset
        .tags()
        .iter()
        .map(|tag| {
            (
                tag.kind(),
                tag.timestamp(),
                tag.is_key_frame(),
                tag.is_codec_header(),
            )
        })
        .collect();
    let (audio, video) = (FrameKind::Audio, FrameKind::Video);
    let expected = [
        (video, 0, false, true),
        (audio, 0, false, true),
        (video, 0, true, false),
        (audio, 3, false, false),
        (video, 40, false, false),
        (audio, 43, false, false),
        (video, 80, false, false),
        (audio, 83, false, false),
    ];
    assert_eq!(tags, expected);
    let tag = &asset.tags()[2];
    assert_eq!(asset.payload(tag), b"\x17\x01\0\0\0a");
    assert_eq!(tag.size(), 6);
    let head = asset.head(tag, 5000);
    assert_eq!((head.timestamp, head.key_frame, head.size), (5000, true, 6));
    assert_eq!(size_of_val(tag), 16);
}

#[test]
fn a_round_ends_with_the_last_frame() {
    // Audio: 83 ms, and 40 ms more.
    assert_eq!(parse(&file(&usual())).unwrap().round_ms(), 123);
    let round = |times: &[u32]| {
        let tags: Vec<_> = times
            .iter()
            .map(|time| tag(8, *time, b"\xaf\x01c"))
            .collect();
        parse(&file(&tags)).unwrap().round_ms()
    };
    // A picture that stands.
    assert_eq!(round(&[7]), 1000);
    assert_eq!(round(&[7, 7, 7]), 1000);
    let both = [tag(9, 7, b"\x17\x01\0\0\0a"), tag(8, 12, b"\xaf\x01c")];
    assert_eq!(parse(&file(&both)).unwrap().round_ms(), 1005);
    assert_eq!(round(&[7, 8]), 2);
    assert_eq!(round(&[1000, 1020, 1040]), 60);
    // Out of order: the last is 1040, the one before it 1030.
    assert_eq!(round(&[1040, 1000, 1030, 1020]), 50);
    assert_eq!(round(&[0xff_ffff, 0x100_0013]), 40);
    assert_eq!(round(&[0, u32::MAX]), u32::MAX);
    // A sequence's end is no frame.
    let end = tag(9, 9000, b"\x17\x02\0\0\0");
    assert_eq!(
        parse(&file(&[usual().concat(), end])).unwrap().round_ms(),
        123
    );
}

#[test]
fn what_is_no_asset_says_why() {
    check_error(b"", "it is empty");
    check_error(b"FLV", "cut off at byte 3, in the file's header");
    check_error(&HEADER[..12], "cut off at byte 12, in the file's header");
    check_error(b"GIF", "no FLV: it begins with \"GIF\"");
    check_error(
        b"\0\0\0\x20ftypisom\0\0\x02\0",
        "no FLV: it begins with \"\\x00\\x00\\x00 ftypi\"",
    );
    check_error(b"FLV\x02\x05\0\0\0\x09", "FLV of version 2");
    check_error(b"FLV\x01\x05\0\0\0\x08", "a file header of 8 bytes");
    check_error(
        b"FLV\x01\x05\xff\0\0\x09",
        "a file header of 4278190089 bytes",
    );
    check_error(HEADER, "no audio and no video is in it");
    check_error(&file(&[metadata()]), "no audio and no video is in it");
    let headers = [
        metadata(),
        tag(9, 0, b"\x17\0\0\0\0\x01"),
        tag(8, 0, b"\xaf\0\x12\x10"),
    ];
    let expected = "no audio and no video is in it, only codec headers";
    check_error(&file(&headers), expected);
    check_error(&file(&[tag(3, 0, b"a")]), "a tag of type 3 at byte 13");
    // A filter: encrypted.
    check_error(&file(&[tag(0x28, 0, b"a")]), "a tag of type 40 at byte 13");
}

#[test]
fn an_asset_that_is_cut_off_says_where() {
    let whole = file(&usual());
    let ends: Vec<usize> = usual()
        .iter()
        .scan(HEADER.len(), |at, tag| {
            *at += tag.len();
            Some(*at)
        })
        .collect();
    for end in HEADER.len() + 1..whole.len() {
        match parse(&whole[..end]) {
            Err(error) if ends.contains(&end) => assert!(error.starts_with("no audio"), "{error}"),
            Err(error) => {
                assert!(
                    error.starts_with(&format!("cut off at byte {end}, in ")),
                    "{error}"
                );
            }
            Ok(_) => assert!(ends.contains(&end), "{end}"),
        }
    }
}

#[test]
fn metadata_that_is_none_does_no_harm() {
    let broken = tag(18, 0, b"\x02\x00\x0aonMetaData\x08\0");
    let cue = tag(18, 9, &command::data(0, "onCuePoint", &[]).payload);
    let asset = parse(&file(&[broken, metadata(), usual().concat(), cue])).unwrap();
    assert!(asset.metadata().is_some());
    assert_eq!(asset.tags().len(), 9);
    assert_eq!(asset.tags()[8].kind(), FrameKind::Data);
}

#[test]
fn a_round_begins_with_the_first_frame() {
    // As a recording of what ran already has it.
    let mut tags = vec![
        metadata(),
        tag(9, 0, b"\x17\0\0\0\0\x01"),
        tag(8, 0, b"\xaf\0\x12\x10"),
    ];
    for time in [100_000, 100_040, 100_080] {
        tags.push(tag(9, time, b"\x27\x01\0\0\0b"));
    }
    let asset = parse(&file(&tags)).unwrap();
    assert_eq!((asset.first_ms(), asset.round_ms()), (100_000, 120));
}

#[test]
fn metadata_of_a_long_recording_are_kept_without_their_index() {
    let index = |length| Value::List(vec![Value::Number(1.0); length]);
    let fields = |length| {
        vec![
            (
                "keyframes".to_owned(),
                Value::Object(vec![("times".to_owned(), index(length))]),
            ),
            ("width".to_owned(), Value::Number(640.0)),
        ]
    };
    for (length, is_kept) in [
        (1000, true),
        (1001, false),
        (20_000, false),
        (1_000_000, false),
    ] {
        let payload = command::data(0, "onMetaData", &[Value::Map(fields(length))]).payload;
        let asset = parse(&file(&[tag(18, 0, &payload), usual().concat()])).unwrap();
        let found = asset.metadata().unwrap();
        assert_eq!(found[1], ("width".to_owned(), Value::Number(640.0)));
        let times = found[0].1.field("times");
        assert_eq!(times.is_some(), is_kept, "{length}");
    }
    // Who plays it is told of what fits into so many values.
    for (length, is_kept) in [(5000, true), (20_000, false)] {
        let payload = command::data(0, "onMetaData", &[Value::Map(fields(length))]).payload;
        let bytes = file(&[tag(18, 0, &payload)]);
        let read = FlvReader::new(false).next(&mut bytes.as_slice()).unwrap();
        let Some(Incoming::Data {
            handler, values, ..
        }) = read
        else {
            panic!("{read:?}");
        };
        assert_eq!(handler, "onMetaData");
        assert_eq!(values[0].field("width"), Some(&Value::Number(640.0)));
        let times = values[0].field("keyframes").unwrap().field("times");
        assert_eq!(times.is_some(), is_kept, "{length}");
    }
}

#[test]
fn tags_that_come_over_http_are_messages() {
    let bytes = file(&[
        usual().concat(),
        tag(15, 0, b"unknown"),
        tag(8, 99, &[0xaf; 300]),
    ]);
    let read = |part: usize| {
        let mut reader = FlvReader::new(true);
        let mut messages = Vec::new();
        for mut input in bytes.chunks(part) {
            while let Some(message) = reader.next(&mut input).unwrap() {
                messages.push(message);
            }
        }
        assert!(reader.is_whole());
        assert!(reader.held() < 1024);
        messages
    };
    let messages = read(bytes.len());
    assert_eq!(messages.len(), 11);
    assert!(matches!(&messages[0], Incoming::Data { handler, .. } if handler == "onMetaData"));
    assert_eq!(
        messages[9],
        Incoming::Unknown {
            type_id: 0,
            size: 7
        }
    );
    let Incoming::Frame {
        stream_id: 0,
        head,
        payload: Some(payload),
    } = &messages[10]
    else {
        panic!("{:?}", messages[10]);
    };
    assert_eq!(
        (head.timestamp, payload.as_ref()),
        (99, [0xaf; 300].as_slice())
    );
    let begun = |messages: &[Incoming]| {
        let begun = messages
            .iter()
            .filter(|message| matches!(message, Incoming::MediaBegun { .. }));
        begun.count()
    };
    assert_eq!(begun(&messages), 0);
    let mut in_parts = read(1);
    // All audio and video but what has a byte or none.
    assert_eq!(begun(&in_parts), 9);
    in_parts.retain(|message| !matches!(message, Incoming::MediaBegun { .. }));
    assert_eq!(in_parts, messages);
}

#[test]
fn what_comes_over_http_and_is_no_flv_is_an_error() {
    let read = |bytes: &[u8], part: usize| {
        let mut reader = FlvReader::new(false);
        bytes.chunks(part).try_for_each(|mut input| {
            while reader.next(&mut input)?.is_some() {}
            assert!(input.is_empty());
            Ok(())
        })
    };
    for part in [1, 2, 100] {
        let error: Result<(), String> = read(b"<html>", part);
        assert!(error.unwrap_err().starts_with("no FLV"));
        assert!(read(b"FL<html>", part).is_err());
        assert_eq!(
            read(b"FLV\x07\x05\0\0\0\x09", part).unwrap_err(),
            "FLV of version 7"
        );
        // A longer header is skipped.
        assert_eq!(read(b"FLV\x01\x05\0\0\0\x0cabc\0\0\0\0", part), Ok(()));
    }
    let mut reader = FlvReader::new(false);
    let bytes = file(&usual());
    let mut input = &bytes[..bytes.len() - 5];
    while reader.next(&mut input).unwrap().is_some() {}
    assert!(!reader.is_whole());
    reader
        .next(&mut &bytes[bytes.len() - 5..bytes.len() - 4])
        .unwrap();
    assert!(reader.is_whole());
}
