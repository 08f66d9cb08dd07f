//! Servers that send what none should, and connections that break: nobody fails, each is counted, and the user goes on.

use std::time::Duration;

use lt_tests::Ran;
use lt_tests::peers::rtmp::{Message, STREAM, chunks, kind};
use lt_tests::peers::{RtmpPeer, RtmpWire};

use super::{all_ended, endings, fuzzy, number, told};

/// Two sessions with a server that takes a player and then does this.
#[track_caller]
fn played(
    what: &str,
    ending: &str,
    error_code: &str,
    script: impl Fn(&mut RtmpWire) + Send + Sync + 'static,
) -> Ran {
    let peer = RtmpPeer::start(move |wire| {
        if wire.accept_player().is_some() {
            script(wire);
        }
    });
    let ran = fuzzy(&peer, "play")
        .arguments("--iterations 2")
        .finish()
        .expect_clean();
    let expected = all_ended(2, "play", ending, error_code);
    assert_eq!(endings(&ran), expected, "{what}\n{ran}");
    assert_eq!(ran.summary().count("ended"), 2, "{what}\n{ran}");
    ran
}

fn stop(wire: &mut RtmpWire) {
    // Of a live stream, a stop is news: whoever published it may come back.
    wire.status("status", "NetStream.Play.Complete", "over");
    wire.read_to_end();
}

#[test]
fn unknown_messages_are_passed_over() {
    let ran = played("unknown types", "by-peer", "", |wire| {
        let mut timestamp = 0;
        for unknown in [0, 7, 10, 14, 16, 19, 21, 23, 64, 255] {
            wire.frame(timestamp, timestamp == 0, 300);
            wire.control(unknown, &[0xee; 500]);
            wire.control(unknown, &[]);
            timestamp += 40;
        }
        // User control events that are none.
        for event in [&[0, 99, 1, 2, 3, 4][..], &[0, 31]] {
            wire.control(kind::USER_CONTROL, event);
        }
        wire.frame(timestamp, false, 300);
        stop(wire);
    });
    assert_eq!(told(&ran, "video")[0], "11", "{ran}");
    assert_eq!(told(&ran, "discontinuities")[0], "0", "{ran}");
}

#[test]
fn chunks_of_several_messages_may_alternate() {
    let ran = played("interleaved", "by-peer", "", |wire| {
        for round in 0..10_u32 {
            let message = |kind, first: u8| Message {
                kind,
                timestamp: round * 40,
                stream: STREAM,
                payload: [&[first, 1, 0, 0, 0][..], &[round as u8; 20_000]].concat(),
            };
            let video = chunks::chunks(6, &message(kind::VIDEO, 0x27), 4096);
            let audio = chunks::chunks(4, &message(kind::AUDIO, 0xaf), 4096);
            for (video, audio) in video.iter().zip(&audio) {
                wire.raw(video);
                wire.raw(audio);
            }
        }
        stop(wire);
    });
    assert_eq!(told(&ran, "video")[0], "10", "{ran}");
    assert_eq!(told(&ran, "audio")[0], "10", "{ran}");
}

#[test]
fn chunks_of_all_sizes() {
    let ran = played("sizes", "by-peer", "", |wire| {
        for (number, bytes) in [1, 2, 127, 128, 129, 4096, 65_536, 0x00ff_ffff]
            .into_iter()
            .enumerate()
        {
            wire.chunk_size(bytes);
            wire.frame(number as u32 * 40, number == 0, 3000);
        }
        stop(wire);
    });
    assert_eq!(told(&ran, "video")[0], "8", "{ran}");
}

#[test]
fn sizes_of_chunks_that_may_not_be() {
    for bytes in [0_u32, 0x8000_1000] {
        let ran = played("a wrong size", "protocol-error", "2104", move |wire| {
            wire.frames(0, 2);
            wire.control(kind::CHUNK_SIZE, &bytes.to_be_bytes());
            wire.read_to_end();
        });
        drop(ran.expect_text("chunk"));
    }
    // Announced, and not kept to: what follows is no chunk any more.
    let ran = played("not as announced", "protocol-error", "2104", |wire| {
        wire.frames(0, 2);
        wire.control(kind::CHUNK_SIZE, &64_u32.to_be_bytes());
        let message = Message {
            kind: kind::VIDEO,
            timestamp: 80,
            stream: STREAM,
            payload: [&[0x27, 1, 0, 0, 0][..], &[0xff; 20_000]].concat(),
        };
        wire.raw(&chunks::chunks(6, &message, 4096).concat());
        wire.read_to_end();
    });
    assert_eq!(told(&ran, "video")[0], "2", "{ran}");
}

#[test]
fn time_stamps_that_are_zero() {
    let ran = played("all zero", "by-peer", "", |wire| {
        for number in 0..50 {
            wire.frame(0, number == 0, 300);
            std::thread::sleep(Duration::from_millis(20));
        }
        stop(wire);
    });
    assert_eq!(told(&ran, "video")[0], "50", "{ran}");
    assert_eq!(told(&ran, "media_ms")[0], "0", "{ran}");
    // There is nothing to watch: a second of it is a second behind.
    assert!(number(&ran, "lag_ms") >= 900, "{ran}");
}

#[test]
fn time_stamps_that_go_back() {
    let ran = played("back", "by-peer", "", |wire| {
        wire.frames(100_000, 25);
        wire.frames(5_000, 25);
        stop(wire);
    });
    assert_eq!(told(&ran, "video")[0], "50", "{ran}");
    assert_eq!(told(&ran, "discontinuities")[0], "1", "{ran}");
    let jump = number(&ran, "jump_ms");
    assert!((-96_500..=-95_500).contains(&jump), "{jump}\n{ran}");
    // What was watched before and after counts, what lies between does not.
    let media = number(&ran, "media_ms");
    assert!((1_800..=2_100).contains(&media), "{media}\n{ran}");
    assert_eq!(ran.summary().count("rtmp_discontinuities"), 2, "{ran}");
}

#[test]
fn time_stamps_that_jump_ahead() {
    let ran = played("ahead", "by-peer", "", |wire| {
        wire.frames(0, 25);
        wire.frames(3_600_000, 25);
        stop(wire);
    });
    assert_eq!(told(&ran, "discontinuities")[0], "1", "{ran}");
    let media = number(&ran, "media_ms");
    assert!((1_800..=2_100).contains(&media), "{media}\n{ran}");
}

#[test]
fn time_stamps_that_begin_anew_after_24_and_32_bits() {
    // Over the end of 24 bits they become extended ones; over that of 32 they begin anew (section 5.1).
    for from in [0x00ff_ffff_u32 - 500, u32::MAX - 500] {
        let ran = played("over the end", "by-peer", "", move |wire| {
            wire.frames(from, 50);
            stop(wire);
        });
        assert_eq!(told(&ran, "video")[0], "50", "{from}\n{ran}");
        assert_eq!(told(&ran, "discontinuities")[0], "0", "{from}\n{ran}");
        let media = number(&ran, "media_ms");
        assert!((1_900..=2_000).contains(&media), "{media}\n{ran}");
    }
    // A server that knows only 24 bits begins anew there.
    let ran = played("24 bits", "by-peer", "", |wire| {
        let next = wire.frames(0x00ff_ffff - 500, 12);
        wire.frames(next & 0x00ff_ffff, 25);
        stop(wire);
    });
    assert_eq!(told(&ran, "discontinuities")[0], "0", "{ran}");
}

#[test]
fn heavy_a_stall_of_ten_seconds() {
    let peer = RtmpPeer::start(|wire| {
        if wire.accept_player().is_some() {
            let next = wire.frames(0, 25);
            std::thread::sleep(Duration::from_secs(10));
            // Then all that was missed at once, and on as before.
            for number in 0..250 {
                wire.frame(next + 40 * number, false, 500);
            }
            wire.frames(next + 10_000, 25);
            stop(wire);
        }
    });
    let ran = fuzzy(&peer, "play")
        .set("patience", "20s")
        .finish()
        .expect_clean();
    let said = told(&ran, "event");
    for event in ["first-frame", "stalled", "lagged", "resumed", "caught-up"] {
        let count = said.iter().filter(|found| *found == event).count();
        assert_eq!(count, 1, "{event}: {said:?}\n{ran}");
    }
    assert_eq!(told(&ran, "stalls"), ["1"], "{ran}");
    let gap = number(&ran, "gap_ms");
    assert!((9_950..=10_300).contains(&gap), "{gap}\n{ran}");
    let summary = ran.summary();
    let lag = summary.value("rtmp_lag", "max").unwrap();
    assert!((9_900.0..=10_300.0).contains(&lag), "{lag}\n{ran}");
    assert_eq!(told(&ran, "discontinuities"), ["0"], "{ran}");
    assert!(number(&ran, "lag_ms") < 300, "{ran}");
}

#[test]
fn a_server_that_goes_away_in_mid_stream() {
    type Script = fn(&mut RtmpWire);
    for (what, ending, error_code, script) in [
        (
            "an end",
            "disconnected",
            "1221",
            (|wire| {
                wire.frames(0, 5);
            }) as Script,
        ),
        ("an end within a message", "disconnected", "1221", |wire| {
            wire.frames(0, 5);
            let message = Message {
                kind: kind::VIDEO,
                timestamp: 200,
                stream: STREAM,
                payload: vec![0x27; 5000],
            };
            let whole = chunks::chunks(6, &message, 4096).concat();
            wire.raw(&whole[..whole.len() / 2]);
        }),
        ("a reset", "reset", "1220", |wire| {
            wire.frames(0, 5);
            // What was sent must have been read: a reset does away with it.
            std::thread::sleep(Duration::from_millis(300));
            wire.reset();
        }),
    ] {
        let ran = played(what, ending, error_code, script);
        assert_eq!(told(&ran, "video")[0], "5", "{what}\n{ran}");
        assert_eq!(told(&ran, "connection")[0], ending, "{what}\n{ran}");
    }
}

#[test]
fn silence_ends_what_is_to_end_by_it() {
    let peer = RtmpPeer::start(|wire| {
        if wire.accept_player().is_some() {
            wire.frames(0, 5);
            wire.read_to_end();
        }
    });
    let ran = fuzzy(&peer, "play")
        .set("silence-max", "1s")
        .finish()
        .expect_clean();
    assert_eq!(
        endings(&ran),
        all_ended(1, "play", "silence", "2108"),
        "{ran}"
    );
    // Without it, it is a stall, and no fault.
    let ran = fuzzy(&peer, "play")
        .set("patience", "1500ms")
        .finish()
        .expect_clean();
    assert_eq!(endings(&ran), all_ended(1, "play", "by-us", ""), "{ran}");
    assert_eq!(told(&ran, "stalls"), ["1"], "{ran}");
}

#[test]
fn a_player_that_does_not_read_its_frames() {
    let peer = RtmpPeer::start(|wire| {
        if wire.accept_player().is_some() {
            wire.frames(0, 50);
            stop(wire);
        }
    });
    let ran = fuzzy(&peer, "play")
        .set("frames", 10)
        .finish()
        .expect_clean();
    let expected = all_ended(1, "play", "inbox-overflow", "2110");
    assert_eq!(endings(&ran), expected, "{ran}");
}

#[test]
fn faults_of_some_do_not_disturb_others() {
    let peer = RtmpPeer::start(|wire| {
        if wire.accept_player().is_none() {
            return;
        }
        wire.frames(0, 3);
        match wire.connection % 3 {
            0 => {
                wire.raw(&[0xff; 100]);
                wire.read_to_end();
            }
            1 => {}
            _ => stop(wire),
        }
    });
    let ran = fuzzy(&peer, "play")
        .set("sessions", 3)
        .arguments("--users 10 --iterations 30 --cores 2")
        .finish()
        .expect_clean();
    let mut expected = all_ended(30, "play", "protocol-error", "2104");
    expected.extend(all_ended(30, "play", "disconnected", "1221"));
    expected.extend(all_ended(30, "play", "by-peer", ""));
    assert_eq!(endings(&ran), expected, "{ran}");
    assert_eq!(ran.summary().count("ended"), 90, "{ran}");
}
