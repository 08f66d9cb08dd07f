//! Messages there and back, as the wire sees them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lt_tests::LtHost;
use lt_tests::nginx::Nginx;
use lt_tests::peers::WebSocketPeer;
use lt_tests::peers::websocket::{Frame, opcode};

use super::{all_ended, count_by, endings, expect_checked, told};

fn echo(peer: &WebSocketPeer) -> LtHost {
    LtHost::run("websocket_echo").set("url", peer.url("/echo"))
}

/// The payloads of a client's messages, and of how many frames each was; all masked, all in order.
#[track_caller]
fn messages(frames: &[Frame], opcode: u8) -> Vec<(Vec<u8>, usize)> {
    assert!(
        frames.iter().all(|frame| frame.mask.is_some()),
        "{frames:?}"
    );
    let mut messages: Vec<(Vec<u8>, usize)> = Vec::new();
    let mut is_within = false;
    for frame in frames.iter().filter(|frame| frame.is_data()) {
        let expected = if is_within {
            opcode::CONTINUATION
        } else {
            opcode
        };
        assert_eq!(frame.opcode, expected, "{frames:?}");
        if !is_within {
            messages.push((Vec::new(), 0));
        }
        let (payload, count) = messages.last_mut().unwrap();
        payload.extend_from_slice(&frame.payload);
        *count += 1;
        is_within = !frame.fin;
    }
    assert!(!is_within, "the last message has no end: {frames:?}");
    messages
}

/// The number that each message begins with.
fn numbers(messages: &[(Vec<u8>, usize)]) -> Vec<usize> {
    let number = |payload: &[u8]| std::str::from_utf8(&payload[..10]).unwrap().parse();
    let messages = messages.iter();
    messages
        .map(|(payload, _)| number(payload).unwrap())
        .collect()
}

#[test]
fn messages_come_back_as_they_were() {
    for (binary, opcode) in [(false, opcode::TEXT), (true, opcode::BINARY)] {
        let peer = WebSocketPeer::echo();
        let ran = echo(&peer)
            .set("binary", binary)
            .arguments("--users 3 --iterations 6")
            .with_samples()
            .finish();
        let ran = expect_checked(ran);
        let summary = ran.summary();
        for (metric, count) in [
            ("ws_sessions", 6),
            ("ws_msgs_sent", 60),
            ("ws_msgs_received", 60),
            ("ws_msgs_dropped", 0),
        ] {
            assert_eq!(summary.count(metric), count, "{metric}\n{ran}");
        }
        for (metric, rate) in [("ws_connect_failed", 0.0), ("ws_session_failed", 0.0)] {
            assert_eq!(summary.value(metric, "rate"), Some(rate), "{metric}\n{ran}");
        }
        assert_eq!(endings(&ran), all_ended(6, "by-us", 1000, ""), "{ran}");
        let connections = peer.await_ended(6);
        assert_eq!(connections.len(), 6);
        for frames in connections {
            let messages = messages(&frames, opcode);
            assert_eq!(numbers(&messages), (0..10).collect::<Vec<_>>());
            assert!(messages.iter().all(|(_, frames)| *frames == 1));
            let last = frames.last().unwrap();
            assert_eq!(last.close_code(), Some(1000), "{last:?}");
            // Nobody can guess the next mask from the last.
            let masks: BTreeSet<_> = frames.iter().map(|frame| frame.mask).collect();
            assert_eq!(masks.len(), frames.len(), "{masks:?}");
        }
    }
}

#[test]
fn long_messages_are_sent_in_fragments_and_put_together_again() {
    for (binary, opcode, fragment, parts) in [
        (false, opcode::TEXT, 1000, 64),
        // Texts are cut within a character.
        (false, opcode::TEXT, 8, 7887),
        (true, opcode::BINARY, 70_000, 1),
        (true, opcode::BINARY, 30_000, 3),
    ] {
        let peer = WebSocketPeer::echo();
        let ran = echo(&peer)
            .set("binary", binary)
            .set("bytes", 63_084)
            .set("fragment-bytes", fragment)
            .set("messages", 3)
            .finish();
        let ran = expect_checked(ran);
        assert_eq!(ran.summary().count("ws_msgs_received"), 3, "{ran}");
        let frames = peer.await_ended(1).remove(0);
        let messages = messages(&frames, opcode);
        assert_eq!(numbers(&messages), [0, 1, 2]);
        for (payload, frames) in messages {
            let bytes = payload.len();
            assert_eq!(frames, parts, "{bytes} bytes in parts of {fragment}");
        }
    }
}

#[test]
fn ten_thousand_messages_may_be_ahead_of_their_answers() {
    let peer = WebSocketPeer::echo();
    let ran = echo(&peer)
        .set("messages", 20_000)
        .set("ahead", 10_000)
        .set("inbox-messages", 20_000)
        .arguments("--iterations 2")
        .finish();
    let ran = expect_checked(ran);
    assert_eq!(ran.summary().count("ws_msgs_received"), 40_000, "{ran}");
    for frames in peer.await_ended(2) {
        let messages = messages(&frames, opcode::TEXT);
        assert_eq!(numbers(&messages), (0..20_000).collect::<Vec<_>>());
    }
}

#[test]
fn messages_of_all_lengths_come_back() {
    // Around the lengths at which a frame's head grows, and the longest.
    for bytes in [125, 126, 127, 65_535, 65_536, 1 << 20] {
        let peer = WebSocketPeer::echo();
        let ran = echo(&peer)
            .set("bytes", bytes)
            .set("binary", true)
            .set("messages", 2)
            .set("message-bytes-max", bytes)
            .finish();
        expect_checked(ran);
    }
}

#[test]
fn the_longest_message_is_16_mebibytes() {
    let peer = WebSocketPeer::echo();
    let ran = echo(&peer)
        .set("bytes", 16 << 20)
        .set("binary", true)
        .set("messages", 2)
        .set("message-bytes-max", 16 << 20)
        // It needs an inbox of as many bytes.
        .set("inbox-messages", 1)
        .arguments("--memory-limit 256MiB")
        .finish();
    expect_checked(ran);
}

#[test]
fn control_frames_may_stand_between_fragments() {
    let peer = WebSocketPeer::start(|_, wire| {
        wire.frame(false, opcode::TEXT, b"one ");
        wire.frame(true, opcode::PING, b"now");
        wire.frame(false, opcode::CONTINUATION, b"");
        // What nobody asked for is ignored.
        wire.frame(true, opcode::PONG, b"unasked");
        wire.frame(true, opcode::CONTINUATION, b"message");
        wire.frame(true, opcode::BINARY, b"");
        // Who has read a close frame need not answer a ping that came before it.
        while wire
            .read()
            .is_some_and(|frame| frame.opcode != opcode::PONG)
        {}
        wire.close(1000, "");
    });
    let ran = LtHost::run("websocket_fuzzy")
        .set("url", peer.url("/"))
        .with_samples()
        .finish();
    let ran = expect_checked(ran);
    assert_eq!(told(&ran, "received"), [2], "{ran}");
    assert_eq!(endings(&ran), all_ended(1, "by-peer", 1000, ""), "{ran}");
    let frames = peer.await_ended(1).remove(0);
    let pongs: Vec<&Frame> = frames
        .iter()
        .filter(|frame| frame.opcode == opcode::PONG)
        .collect();
    assert_eq!(pongs.len(), 1, "{frames:?}");
    assert_eq!(pongs[0].payload, b"now");
}

#[test]
fn one_message_is_found_among_others() {
    let peer = WebSocketPeer::echo();
    let ran = LtHost::run("websocket_matching")
        .set("url", peer.url("/"))
        .arguments("--users 2 --iterations 4")
        .finish();
    let ran = expect_checked(ran);
    let found = ran.summary().check("everything was found");
    assert_eq!(found, Some((4, 0)), "{ran}");
}

#[test]
fn several_connections_are_waited_for_at_a_time() {
    let peer = WebSocketPeer::echo();
    let ran = LtHost::run("websocket_async")
        .set("url", peer.url(""))
        .arguments("--users 2 --iterations 6")
        .finish();
    let ran = expect_checked(ran);
    assert_eq!(ran.summary().count("ws_sessions"), 12, "{ran}");
}

#[test]
fn connections_live_across_iterations() {
    // A socket that is dropped, or whose user ends, says that it goes away.
    for (end, close_code) in [("close", 1000), ("drop", 1001), ("keep", 1001)] {
        let peer = WebSocketPeer::echo();
        let ran = LtHost::run("websocket_sockets")
            .set("url", peer.url("/"))
            .set("end", end)
            .arguments("--users 2 --repeat-num 5")
            .with_samples()
            .finish();
        let ran = expect_checked(ran);
        let summary = ran.summary();
        assert_eq!(summary.count("iterations"), 10, "{end}\n{ran}");
        assert_eq!(summary.count("ws_sessions"), 6, "{end}\n{ran}");
        assert_eq!(summary.count("ws_msgs_received"), 30, "{end}\n{ran}");
        let expected = all_ended(6, "by-us", close_code, "");
        assert_eq!(endings(&ran), expected, "{end}\n{ran}");
        for frames in peer.await_ended(6) {
            let last = frames.last().unwrap();
            assert_eq!(last.close_code(), Some(close_code), "{end}: {last:?}");
            assert_eq!(frames.iter().filter(|frame| frame.is_data()).count(), 5);
        }
    }
}

#[test]
fn what_cannot_be_is_an_error_of_its_kind() {
    let peer = WebSocketPeer::echo();
    let ran = LtHost::run("websocket_limits")
        .set("url", peer.url("/"))
        .arguments("--memory-limit 64MiB")
        .finish();
    let ran = expect_checked(ran);
    // 64 at a time, the one that took the place of another, and that of the rest.
    assert_eq!(ran.summary().count("ws_sessions"), 66, "{ran}");
    assert_eq!(
        ran.summary().value("ws_connect_failed", "rate"),
        Some(0.0),
        "{ran}"
    );
}

#[test]
fn a_server_that_does_not_read_holds_its_user_back() {
    let is_over = Arc::new(AtomicBool::new(false));
    let seen = is_over.clone();
    let peer = WebSocketPeer::start(move |_, _| {
        while !seen.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    let ran = LtHost::run("websocket_unread")
        .set("url", peer.url("/"))
        .finish();
    is_over.store(true, Ordering::SeqCst);
    let ran = expect_checked(ran);
    let unsent = told(&ran, "unsent");
    // What the host takes is bounded: 1 MiB.
    assert!(unsent[0] > 0 && unsent[0] <= 1 << 20, "{ran}");
    let accepted = told(&ran, "accepted")[0];
    assert!(accepted < 1000, "{ran}");
}

#[test]
fn messages_go_over_tls() {
    let Some(nginx) = Nginx::start() else { return };
    let peer = WebSocketPeer::echo();
    let path = format!("/upgrade?port={}", peer.http().port());
    let url = nginx.tls_url(&path).replacen("https", "wss", 1);
    let command = LtHost::run("websocket_echo").set("url", &url);
    let authority = command.file("authority.pem", nginx.authority.pem());
    let ran = command
        .argument("--ca-cert")
        .argument(authority)
        .with_samples()
        .finish();
    let ran = expect_checked(ran);
    let rows = ran.rows();
    let connects = count_by(&rows, "ws_connecting", ["error_code", "status"]);
    let expected = [String::new(), "101".to_owned()];
    assert_eq!(connects.get(&expected), Some(&1), "{connects:?}\n{ran}");
    // Whom nobody vouches for is not talked to.
    let ran = LtHost::run("websocket_refused")
        .set("url", &url)
        .set("error", "http")
        .with_samples()
        .finish()
        .expect_clean();
    let codes = count_by(&ran.rows(), "ws_connecting", ["error_code"]);
    assert_eq!(
        codes.get(&["1310".to_owned()]),
        Some(&1),
        "{codes:?}\n{ran}"
    );
}
