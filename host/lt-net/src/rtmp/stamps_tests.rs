use std::time::Duration;

use super::*;
use crate::rtmp::Codec;

fn key(fingerprint: u64, timestamp: u32) -> FrameHead {
    FrameHead {
        kind: FrameKind::Video,
        timestamp,
        size: 1000,
        key_frame: true,
        codec_header: false,
        codec: Codec::Video(7),
        fingerprint,
    }
}

fn later(at: Instant, seconds: u64) -> Instant {
    at + Duration::from_secs(seconds)
}

#[test]
fn what_was_sent_is_known_again() {
    let (stamps, at) = (Stamps::default(), Instant::now());
    stamps.sent("s?key=1", &key(7, 100), at);
    assert_eq!(stamps.seen("s", &key(7, 100)), Some(at));
    assert_eq!(stamps.seen("s?token=2", &key(7, 100)), Some(at));
    // A server that counts time anew.
    assert_eq!(stamps.seen("s", &key(7, 0)), Some(at));
    // One that gives the stream another name.
    assert_eq!(stamps.seen("s_source", &key(7, 100)), Some(at));
    assert_eq!(stamps.seen("s", &key(8, 100)), None);
}

#[test]
fn of_the_rounds_of_an_asset_the_time_stamp_tells() {
    let (stamps, at) = (Stamps::default(), Instant::now());
    for round in 0..5 {
        stamps.sent(
            "s",
            &key(7, round * 10_000),
            later(at, u64::from(round) * 10),
        );
    }
    for round in 0..5 {
        let seen = stamps.seen("s", &key(7, round * 10_000));
        assert_eq!(seen, Some(later(at, u64::from(round) * 10)));
    }
    assert_eq!(stamps.seen("s", &key(7, 123)), Some(later(at, 40)));
    // Stamps that came round again: the later counts.
    stamps.sent("s", &key(7, 0), later(at, 50));
    assert_eq!(stamps.seen("s", &key(7, 0)), Some(later(at, 50)));
}

#[test]
fn of_many_that_publish_the_same_the_name_tells_or_the_time_stamp() {
    let (stamps, at) = (Stamps::default(), Instant::now());
    stamps.sent("a", &key(7, 100), at);
    stamps.sent("b", &key(7, 200), later(at, 1));
    assert_eq!(stamps.seen("a", &key(7, 200)), Some(at), "by its name");
    assert_eq!(stamps.seen("x", &key(7, 200)), Some(later(at, 1)));
    assert_eq!(stamps.seen("x", &key(7, 300)), None, "of two");
    stamps.sent("c", &key(7, 200), later(at, 2));
    assert_eq!(
        stamps.seen("x", &key(7, 200)),
        None,
        "both at the same time"
    );
    assert_eq!(stamps.seen("x", &key(7, 100)), Some(at));
}

#[test]
fn key_frames_count_and_some_of_audio() {
    assert!(Stamps::wants(&key(1, 0)));
    let no_key = FrameHead {
        key_frame: false,
        ..key(1, 0)
    };
    let header = FrameHead {
        codec_header: true,
        ..key(1, 0)
    };
    let data = FrameHead {
        kind: FrameKind::Data,
        ..key(1, 0)
    };
    assert!(
        [no_key, header, data]
            .iter()
            .all(|head| !Stamps::wants(head))
    );
    let audio = |fingerprint, codec_header| FrameHead {
        kind: FrameKind::Audio,
        key_frame: false,
        codec_header,
        ..key(fingerprint, 0)
    };
    let wanted = (0..3200).filter(|index| Stamps::wants(&audio(*index, false)));
    assert_eq!(wanted.count(), 100);
    assert!(!Stamps::wants(&audio(0, true)));
}

#[test]
fn the_oldest_make_room_and_leave_nothing_behind() {
    let (stamps, at) = (Stamps::default(), Instant::now());
    stamps.sent("first", &key(u64::MAX, 0), at);
    stamps.sent("again", &key(u64::MAX, 0), at);
    for index in 0..FRAMES_MAX as u64 - 1 {
        let stream = if index % 2 == 0 { "a" } else { "b" };
        stamps.sent(stream, &key(index / 10, index as u32), at);
    }
    // The one of the two that is left is beyond doubt now.
    assert_eq!(stamps.seen("x", &key(u64::MAX, 9)), Some(at));
    stamps.sent("a", &key(0, 0), at);
    assert_eq!(stamps.seen("x", &key(u64::MAX, 9)), None);
    for index in 0..FRAMES_MAX as u64 {
        stamps.sent("c", &key(7, index as u32), at);
    }
    let remembered = stamps.remembered.lock().unwrap();
    assert_eq!(remembered.order.len(), FRAMES_MAX);
    assert_eq!(remembered.frames.len(), FRAMES_MAX);
    let senders: Vec<_> = remembered.senders(7).collect();
    assert_eq!(senders, [name_hash("c")]);
    assert_eq!(remembered.senders(8).next(), None);
}

#[test]
fn of_thousands_that_publish_the_same_the_name_tells() {
    let (stamps, at) = (Stamps::default(), Instant::now());
    for round in 0..10 {
        for index in 0..5000 {
            let at = later(at, round * 10_000 + index);
            stamps.sent(&format!("s{index}"), &key(7, round as u32 * 1000), at);
        }
    }
    for index in [0, 1, 2500, 4999] {
        let name = format!("s{index}?token=x");
        let sent = |round: u64| Some(later(at, round * 10_000 + index));
        assert_eq!(stamps.seen(&name, &key(7, 3000)), sent(3));
        assert_eq!(stamps.seen(&name, &key(7, 1)), sent(9), "the latest");
    }
    assert_eq!(stamps.seen("x", &key(7, 3000)), None);
    let remembered = stamps.remembered.lock().unwrap();
    assert_eq!(remembered.senders(7).count(), 5000);
}

#[test]
fn so_many_rounds_and_streams_are_looked_at() {
    let (stamps, at) = (Stamps::default(), Instant::now());
    let rounds = ROUNDS_MAX as u64 + 1;
    for round in 0..rounds {
        stamps.sent("s", &key(7, round as u32), later(at, round));
    }
    assert_eq!(stamps.seen("s", &key(7, 1)), Some(later(at, 1)));
    let latest = Some(later(at, rounds - 1));
    assert_eq!(stamps.seen("s", &key(7, 0)), latest, "a round too old");
    for stream in 0..STREAMS_MAX as u64 {
        stamps.sent(
            &format!("s{stream}"),
            &key(8, stream as u32),
            later(at, stream),
        );
    }
    assert_eq!(stamps.seen("x", &key(8, 3)), Some(later(at, 3)));
    stamps.sent("one more", &key(8, 99), at);
    assert_eq!(stamps.seen("x", &key(8, 3)), None, "of too many");
    assert_eq!(stamps.seen("s3", &key(8, 3)), Some(later(at, 3)));
}
