//! Servers that break RFC 6455, and connections that break: each kind ends the connection in its own way, is counted by its number,
//! and the user goes on.

use std::time::Duration;

use lt_tests::peers::WebSocketPeer;
use lt_tests::peers::websocket::{Wire, frame, opcode};
use lt_tests::{LtHost, Ran};

use super::{all_ended, endings, expect_checked, told};

/// What comes of a server's fault.
struct Outcome {
    ending: &'static str,
    /// The code that the user is told.
    code: u16,
    /// That of the samples.
    error_code: &'static str,
    /// What the server is told.
    sent: Option<u16>,
}

const PROTOCOL_ERROR: Outcome = Outcome {
    ending: "protocol-error",
    code: 1002,
    error_code: "1910",
    sent: Some(1002),
};
const INVALID_UTF8: Outcome = Outcome {
    ending: "invalid-utf8",
    code: 1007,
    error_code: "1911",
    sent: Some(1007),
};
const TOO_LARGE: Outcome = Outcome {
    ending: "message-too-large",
    code: 1009,
    error_code: "1912",
    sent: Some(1009),
};
const DISCONNECTED: Outcome = Outcome {
    ending: "disconnected",
    code: 1006,
    error_code: "1221",
    sent: None,
};

/// Two iterations with this server: both end so, after so many messages.
#[track_caller]
fn end_with(peer: &WebSocketPeer, what: &str, outcome: &Outcome, messages: u64) -> Ran {
    let Outcome {
        ending,
        code,
        error_code,
        sent,
    } = outcome;
    let ran = LtHost::run("websocket_fuzzy")
        .set("url", peer.url("/"))
        .set("message-bytes-max", 1000)
        .set("say", "hello")
        .arguments("--iterations 2")
        .with_samples()
        .finish();
    let ran = expect_checked(ran).expect_text(&format!("ending={ending} code={code} "));
    let expected = all_ended(2, ending, *code, error_code);
    assert_eq!(endings(&ran), expected, "{what}\n{ran}");
    assert_eq!(told(&ran, "received"), [messages; 2], "{what}\n{ran}");
    let summary = ran.summary();
    for (metric, count) in [("iterations", 2), ("ended", 2), ("ws_sessions", 2)] {
        assert_eq!(summary.count(metric), count, "{what}\n{ran}");
    }
    let failed = summary.value("ws_session_failed", "rate");
    assert_eq!(failed, Some(1.0), "{what}\n{ran}");
    for frames in peer.await_ended(2) {
        let codes: Vec<Option<u16>> = frames
            .iter()
            .filter(|frame| frame.opcode == opcode::CLOSE)
            .map(|frame| frame.close_code())
            .collect();
        let expected: Vec<Option<u16>> = sent.iter().map(|code| Some(*code)).collect();
        assert_eq!(codes, expected, "{what}: {frames:?}\n{ran}");
    }
    ran
}

/// A server that sends a message, then these bytes, and waits for the answer.
#[track_caller]
fn says(what: &str, bytes: Vec<u8>, outcome: &Outcome) -> Ran {
    let peer = WebSocketPeer::start(move |_, wire| {
        wire.text("an honest one");
        wire.raw(&bytes);
        wire.read_until_close();
    });
    end_with(&peer, what, outcome, 1)
}

/// The same, and these words explain it.
#[track_caller]
fn says_wrong(what: &str, bytes: Vec<u8>, text: &str) {
    says(what, bytes, &PROTOCOL_ERROR).expect_text(text);
}

#[test]
fn heads_that_no_server_may_send() {
    let masked = [&[0x81, 0x85, 1, 2, 3, 4][..], b"gdjop"].concat();
    says_wrong("masked", masked, "masked");
    for bit in [0x40, 0x20, 0x10] {
        says_wrong("a reserved bit", vec![0x81 | bit, 0], "reserved bit");
    }
    for reserved in [3, 7, 11, 15] {
        let bytes = frame(true, reserved, b"");
        says_wrong("a reserved opcode", bytes, "reserved opcode");
    }
    // Lengths are written as short as they can be, and have no sign.
    for bytes in [
        vec![0x81, 126, 0, 5, b'h', b'e', b'l', b'l', b'o'],
        vec![0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
        vec![0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0],
    ] {
        says_wrong("a wrong length", bytes, "length");
    }
}

#[test]
fn control_frames_that_no_server_may_send() {
    let fragment = frame(false, opcode::PING, b"part");
    says_wrong("a ping in fragments", fragment, "in fragments");
    let long = frame(true, opcode::PING, &[b'x'; 126]);
    says_wrong("a long ping", long, "125 bytes");
    let long = frame(true, opcode::CLOSE, &[b'x'; 126]);
    says_wrong("a long close frame", long, "125 bytes");
    let short = frame(true, opcode::CLOSE, &[3]);
    says_wrong("a close frame of one byte", short, "one byte");
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, u16::MAX] {
        let bytes = frame(true, opcode::CLOSE, &u16::to_be_bytes(code));
        says_wrong(&format!("code {code}"), bytes, "may not be sent");
    }
}

#[test]
fn fragments_out_of_turn() {
    let alone = frame(true, opcode::CONTINUATION, b"of what?");
    says_wrong("no beginning", alone, "continuation of nothing");
    let begun = frame(false, opcode::TEXT, b"first ");
    for other in [opcode::TEXT, opcode::BINARY] {
        let bytes = [begun.clone(), frame(true, other, b"second")].concat();
        says_wrong("two at a time", bytes, "before the one before it has ended");
    }
}

#[test]
fn texts_that_are_not_utf8() {
    // Alone, overlong, a surrogate, beyond Unicode, cut.
    for bytes in [
        &b"\xff"[..],
        b"\xc0\xaf",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"h\xc3",
    ] {
        says("text", frame(true, opcode::TEXT, bytes), &INVALID_UTF8);
    }
    // At the first byte that is wrong, without waiting for the end of the message.
    let begun = frame(false, opcode::TEXT, b"caf\xc3");
    let rest = frame(false, opcode::CONTINUATION, b"\xff");
    says("a fragment", [begun, rest].concat(), &INVALID_UTF8);
    let reason = frame(true, opcode::CLOSE, b"\x03\xe8bye\xff");
    says("a reason", reason, &INVALID_UTF8).expect_text("reason of a close frame");
}

#[test]
fn a_character_may_be_cut_by_fragments() {
    let peer = WebSocketPeer::start(|_, wire| {
        wire.frame(false, opcode::TEXT, b"caf\xc3");
        wire.frame(false, opcode::CONTINUATION, b"\xa9 \xf0\x9f");
        wire.frame(true, opcode::CONTINUATION, b"\x98\x80");
        // What is not text may be anything.
        wire.frame(true, opcode::BINARY, b"\xff\xfe");
        wire.close(1000, "");
        wire.read_until_close();
    });
    let ran = LtHost::run("websocket_fuzzy")
        .set("url", peer.url("/"))
        .with_samples()
        .finish();
    let ran = expect_checked(ran);
    assert_eq!(told(&ran, "received"), [2], "{ran}");
    assert_eq!(endings(&ran), all_ended(1, "by-peer", 1000, ""), "{ran}");
}

#[test]
fn messages_over_the_limit() {
    // Told from the head, before any of it comes.
    let head = vec![0x82, 126, 0x03, 0xe9];
    says("1001 bytes", head, &TOO_LARGE);
    let head = vec![0x82, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    says("eight exbibytes", head, &TOO_LARGE);
    let parts = [
        frame(false, opcode::TEXT, &[b'x'; 600]),
        frame(false, opcode::CONTINUATION, &[b'x'; 400]),
        frame(true, opcode::CONTINUATION, b"x"),
    ];
    says("in fragments", parts.concat(), &TOO_LARGE);
    // At the limit is not over it.
    let peer = WebSocketPeer::start(|_, wire| {
        wire.frame(true, opcode::TEXT, &[b'x'; 1000]);
        wire.frame(false, opcode::TEXT, &[b'x'; 600]);
        wire.frame(true, opcode::CONTINUATION, &[b'x'; 400]);
    });
    end_with(&peer, "the longest", &DISCONNECTED, 2);
}

#[test]
fn the_server_floods_with_parts_that_never_end() {
    let peer = WebSocketPeer::start(|_, wire| {
        wire.frame(false, opcode::BINARY, b"x");
        while wire.frame(false, opcode::CONTINUATION, &[b'x'; 100]) {}
        wire.read_to_end();
    });
    let ran = LtHost::run("websocket_fuzzy")
        .set("url", peer.url("/"))
        .set("message-bytes-max", 1_000_000)
        .with_samples()
        .finish();
    let ran = expect_checked(ran);
    let expected = all_ended(1, "message-too-large", 1009, "1912");
    assert_eq!(endings(&ran), expected, "{ran}");
}

#[test]
fn the_server_goes_away_without_a_close_frame() {
    type Script = fn(&mut Wire);
    for (what, script, messages) in [
        ("at once", (|_| {}) as Script, 0),
        (
            "after a message",
            |wire| {
                wire.text("one");
            },
            1,
        ),
        (
            "within a head",
            |wire| {
                wire.raw(&[0x81, 126, 0]);
            },
            0,
        ),
        (
            "within a frame",
            |wire| {
                wire.raw(b"\x81\x10half of it");
            },
            0,
        ),
        (
            "within a message",
            |wire| {
                wire.frame(false, opcode::TEXT, b"a part");
            },
            0,
        ),
    ] {
        let peer = WebSocketPeer::start(move |_, wire| script(wire));
        end_with(&peer, what, &DISCONNECTED, messages);
    }
}

#[test]
fn the_server_resets() {
    let peer = WebSocketPeer::start(|_, wire| {
        wire.read();
        wire.reset();
    });
    let outcome = Outcome {
        ending: "reset",
        code: 1006,
        error_code: "1220",
        sent: None,
    };
    end_with(&peer, "a reset", &outcome, 0);
}

#[test]
fn silence_is_no_fault() {
    let peer = WebSocketPeer::start(|_, wire| wire.answer_close());
    let ran = LtHost::run("websocket_fuzzy")
        .set("url", peer.url("/"))
        .set("timeout", "100ms")
        .arguments("--iterations 2")
        .with_samples()
        .finish()
        .expect_clean()
        .expect_text("error=the time is over");
    assert_eq!(endings(&ran), all_ended(2, "by-us", 1000, ""), "{ran}");
}

#[test]
fn faults_of_some_do_not_disturb_others() {
    // Every third connection ends badly, each time in another way.
    let peer = WebSocketPeer::start(|seen, wire| {
        match seen.connection % 3 {
            0 => {
                wire.raw(&[0x83, 0]);
            }
            1 => {
                wire.raw(b"\x81\x10half");
            }
            _ => {
                wire.close(1000, "");
            }
        }
        std::thread::sleep(Duration::from_millis(1));
        if seen.connection % 3 != 1 {
            wire.read_until_close();
        }
    });
    let ran = LtHost::run("websocket_fuzzy")
        .set("url", peer.url("/"))
        .set("connections", 3)
        .arguments("--users 10 --iterations 100 --cores 2")
        .with_samples()
        .finish();
    let ran = expect_checked(ran);
    assert_eq!(ran.summary().count("ended"), 300, "{ran}");
    let ended = endings(&ran);
    let mut expected = all_ended(100, "protocol-error", 1002, "1910");
    expected.extend(all_ended(100, "disconnected", 1006, "1221"));
    expected.extend(all_ended(100, "by-peer", 1000, ""));
    assert_eq!(ended, expected, "{ran}");
}
