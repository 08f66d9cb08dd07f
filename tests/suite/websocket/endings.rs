//! How connections end when both sides keep to the rules, or one hangs.

use lt_tests::LtHost;
use lt_tests::peers::WebSocketPeer;
use lt_tests::peers::websocket::{Wire, opcode};

use super::{all_ended, endings, expect_checked, told};

fn closing(peer: &WebSocketPeer, by: &str) -> LtHost {
    LtHost::run("websocket_closing")
        .set("url", peer.url("/"))
        .set("by", by)
        .arguments("--iterations 2")
        .with_samples()
}

/// The codes of the close frames that the peer got from each of two connections.
fn codes_sent(peer: &WebSocketPeer) -> Vec<Vec<Option<u16>>> {
    let connections = peer.await_ended(2);
    connections
        .iter()
        .map(|frames| {
            let closes = frames.iter().filter(|frame| frame.opcode == opcode::CLOSE);
            closes.map(|frame| frame.close_code()).collect()
        })
        .collect()
}

#[test]
fn this_side_closes_with_a_code_and_a_reason_or_with_neither() {
    for (code, reason, sent, told) in [
        (None, "", None, 1005),
        (Some(1000), "bye", Some(1000), 1000),
        (Some(4999), "größer", Some(4999), 4999),
        (Some(1014), "", Some(1014), 1014),
    ] {
        let peer = WebSocketPeer::echo();
        let mut command = closing(&peer, "us").set("reason", reason);
        if let Some(code) = code {
            command = command.set("code", code);
        }
        let ran = expect_checked(command.finish());
        let line = format!("ending=by-us code={told} reason={reason:?}");
        let ran = ran.expect_text(&line);
        assert_eq!(endings(&ran), all_ended(2, "by-us", told, ""), "{ran}");
        assert_eq!(codes_sent(&peer), [[sent], [sent]], "{ran}");
        let frames = peer.await_ended(2).remove(0);
        let payload = &frames.last().unwrap().payload;
        assert_eq!(&payload[payload.len() - reason.len()..], reason.as_bytes());
        assert_eq!(
            ran.summary().value("ws_session_failed", "rate"),
            Some(0.0),
            "{ran}"
        );
    }
}

#[test]
fn what_may_not_be_sent_is_refused_and_the_connection_lives_on() {
    let long = "x".repeat(124);
    for (code, reason) in [
        (Some(1005), ""),
        (Some(999), ""),
        (Some(5000), ""),
        (None, "why"),
        (Some(1000), long.as_str()),
    ] {
        let peer = WebSocketPeer::echo();
        let mut command = closing(&peer, "us").set("reason", reason);
        if let Some(code) = code {
            command = command.set("code", code);
        }
        let ran = command.finish().expect_clean().expect_text("invalid=");
        assert_eq!(endings(&ran), all_ended(2, "by-us", 1000, ""), "{ran}");
    }
}

#[test]
fn what_was_sent_before_the_close_arrives_and_what_came_before_it_stays() {
    let peer = WebSocketPeer::echo();
    let ran = closing(&peer, "us").set("messages", 500).finish();
    let ran = expect_checked(ran);
    // All echoes came before the peer's close frame.
    assert_eq!(told(&ran, "left"), [500, 500], "{ran}");
    for frames in peer.await_ended(2) {
        assert_eq!(frames.len(), 501);
        assert_eq!(frames[500].opcode, opcode::CLOSE);
    }
}

#[test]
fn the_peer_closes_with_a_code_and_a_reason_or_with_neither() {
    type Script = fn(&mut Wire);
    for (script, code, reason) in [
        (
            (|wire| {
                wire.close(4001, "kicked");
            }) as Script,
            4001,
            "kicked",
        ),
        (
            |wire| {
                wire.close(1000, "");
            },
            1000,
            "",
        ),
        (
            |wire| {
                wire.close(1001, "");
            },
            1001,
            "",
        ),
        (
            |wire| {
                wire.close(1012, "back soon");
            },
            1012,
            "back soon",
        ),
        (
            |wire| {
                wire.frame(true, opcode::CLOSE, b"");
            },
            1005,
            "",
        ),
    ] {
        let peer = WebSocketPeer::start(move |_, wire| {
            wire.text("before");
            script(wire);
            // What stands behind a close frame is nothing.
            wire.text("behind");
            wire.read_until_close();
        });
        let ran = expect_checked(closing(&peer, "peer").finish());
        let line = format!("ending=by-peer code={code} reason={reason:?}");
        let ran = ran.expect_text(&line);
        assert_eq!(told(&ran, "left"), [1, 1], "{ran}");
        assert_eq!(endings(&ran), all_ended(2, "by-peer", code, ""), "{ran}");
        // It is answered with the code that came.
        let answer = Some(code).filter(|code| *code != 1005);
        assert_eq!(codes_sent(&peer), [[answer], [answer]], "{ran}");
    }
}

#[test]
fn a_peer_may_close_within_a_message() {
    let peer = WebSocketPeer::start(|_, wire| {
        wire.frame(false, opcode::TEXT, b"never");
        wire.close(1011, "fell over");
        wire.read_until_close();
    });
    let ran = expect_checked(closing(&peer, "peer").finish());
    assert_eq!(told(&ran, "left"), [0, 0], "{ran}");
    assert_eq!(endings(&ran), all_ended(2, "by-peer", 1011, ""), "{ran}");
}

#[test]
fn both_may_close_at_once() {
    let peer = WebSocketPeer::start(|_, wire| {
        let asked = wire.read_until_close();
        wire.close(1001, "me too");
        assert!(asked.is_some());
    });
    let ran = expect_checked(closing(&peer, "us").set("code", 1000).finish());
    let ran = ran.expect_text("ending=by-us code=1001 reason=\"me too\"");
    assert_eq!(codes_sent(&peer), [[Some(1000)], [Some(1000)]], "{ran}");
}

#[test]
fn a_peer_that_hangs_at_the_close_is_not_waited_for_for_ever() {
    let peer = WebSocketPeer::start(|_, wire| wire.read_to_end());
    let ran = closing(&peer, "us")
        .set("code", 1000)
        .set("timeout", "200ms")
        .finish();
    let ran = expect_checked(ran).expect_text("ending=close-timeout code=1006");
    let expected = all_ended(2, "close-timeout", 1006, "1915");
    assert_eq!(endings(&ran), expected, "{ran}");
    assert_eq!(
        ran.summary().value("ws_session_failed", "rate"),
        Some(1.0),
        "{ran}"
    );
    // Nor is one that goes on talking. That is too much for a file of samples.
    let peer = WebSocketPeer::start(|_, wire| while wire.text("and another thing") {});
    let ran = LtHost::run("websocket_closing")
        .set("url", peer.url("/"))
        .set("code", 1000)
        .set("timeout", "200ms")
        .finish();
    let ran = expect_checked(ran).expect_text("ending=close-timeout code=1006");
    let failed = ran.summary().value("ws_session_failed", "rate");
    assert_eq!(failed, Some(1.0), "{ran}");
}

#[test]
fn a_peer_that_drops_the_connection_at_the_close_has_not_agreed() {
    let peer = WebSocketPeer::start(|_, wire| drop(wire.read_until_close()));
    let ran = expect_checked(closing(&peer, "us").set("code", 1000).finish());
    let expected = all_ended(2, "disconnected", 1006, "1221");
    assert_eq!(endings(&ran), expected, "{ran}");
}

#[test]
fn a_socket_that_is_dropped_says_that_it_goes_away() {
    let peer = WebSocketPeer::echo();
    let ran = closing(&peer, "drop").set("messages", 3).finish();
    let ran = ran.expect_clean();
    assert_eq!(endings(&ran), all_ended(2, "by-us", 1001, ""), "{ran}");
    assert_eq!(codes_sent(&peer), [[Some(1001)], [Some(1001)]], "{ran}");
}

#[test]
fn a_peer_that_never_answers_pings_is_given_up_if_asked_for() {
    let deaf = || {
        WebSocketPeer::start(|_, wire| {
            wire.text("hello");
            wire.answer_close();
        })
    };
    let pings = |peer: &WebSocketPeer, strict: bool| {
        LtHost::run("websocket_pings")
            .set("url", peer.url("/"))
            .set("answers", false)
            .set("strict", strict)
            .set("timeout", "100ms")
            .set("interval", "50ms")
            .set("sleep", "1s")
            .arguments("--iterations 2")
            .with_samples()
    };
    let peer = deaf();
    let ran = expect_checked(pings(&peer, true).finish());
    let ran = ran.expect_text("ending=ping-timeout");
    let expected = all_ended(2, "ping-timeout", 1001, "1914");
    assert_eq!(endings(&ran), expected, "{ran}");
    assert_eq!(ran.summary().value("ws_ping", "count"), None, "{ran}");
    assert_eq!(codes_sent(&peer), [[Some(1001)], [Some(1001)]], "{ran}");
    // Else nothing happens but that no ping is timed.
    let peer = deaf();
    let ran = expect_checked(pings(&peer, false).finish());
    assert_eq!(endings(&ran), all_ended(2, "by-us", 1000, ""), "{ran}");
    assert_eq!(ran.summary().value("ws_ping", "count"), None, "{ran}");
    assert!(told(&ran, "pings").iter().all(|pings| *pings >= 5), "{ran}");
}
