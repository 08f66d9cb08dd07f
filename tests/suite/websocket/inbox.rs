//! Messages that come faster than they are asked for: what is lost is counted, and memory is bounded.

use std::time::Duration;

use lt_tests::peers::WebSocketPeer;
use lt_tests::{LtHost, Ran};

use super::told;

/// Messages of a flood.
const FLOOD: u64 = 100_000;

/// A server that sends so many messages as fast as it can, each its number and filled up to so many bytes, and then closes.
fn flooding(count: u64, bytes: usize) -> WebSocketPeer {
    WebSocketPeer::start(move |_, wire| {
        for number in 0..count {
            if !wire.text(&format!("{number:0bytes$}")) {
                return;
            }
        }
        wire.close(1000, "");
        wire.read_until_close();
    })
}

fn flooded(peer: &WebSocketPeer, overflow: &str) -> LtHost {
    LtHost::run("websocket_overflow")
        .set("url", peer.url("/"))
        .set("overflow", overflow)
}

/// The connection ended in this way. A file of samples does not take a flood.
#[track_caller]
fn ended(ran: &Ran, ending: &str, code: u16) {
    let line = format!("ending={ending} code={code} ");
    assert!(ran.printed().contains(&line), "no {line}\n{ran}");
    let failed = ran.summary().value("ws_session_failed", "rate");
    let expected = f64::from(u8::from(ending != "by-peer"));
    assert_eq!(failed, Some(expected), "{ran}");
}

/// What came, what of it was dropped, and what the user took in the end: all of it.
fn counted(ran: &Ran) -> (u64, u64, u64) {
    let summary = ran.summary();
    let counts = ["ws_msgs_received", "ws_msgs_dropped"].map(|metric| summary.count(metric));
    (counts[0], counts[1], told(ran, "taken").iter().sum())
}

#[test]
fn the_oldest_make_room() {
    let peer = flooding(FLOOD, 6);
    let ran = flooded(&peer, "drop-oldest")
        .set("read-on", true)
        .finish()
        .expect_clean();
    let (received, dropped, taken) = counted(&ran);
    assert_eq!(received, FLOOD, "{ran}");
    assert_eq!(dropped + taken, FLOOD, "{ran}");
    assert!(dropped > 0 && taken >= 1000, "{ran}");
    // The last that came is the last that is left.
    assert_eq!(told(&ran, "last"), [FLOOD - 1], "{ran}");
    assert!(told(&ran, "waiting")[0] <= 1000, "{ran}");
    ended(&ran, "by-peer", 1000);
    let depth = ran.summary().value("ws_inbox_depth", "max");
    assert_eq!(depth, Some(1000.0), "{ran}");
}

#[test]
fn the_newest_are_dropped() {
    let peer = flooding(FLOOD, 6);
    let ran = flooded(&peer, "drop-newest")
        .set("messages", 100)
        .set("read-on", true)
        .finish()
        .expect_clean();
    let (received, dropped, taken) = counted(&ran);
    assert_eq!(received, FLOOD, "{ran}");
    assert_eq!(dropped + taken, FLOOD, "{ran}");
    assert!(dropped > 0 && taken >= 100, "{ran}");
    // The first that came is still there.
    assert_eq!(told(&ran, "first"), [0], "{ran}");
    let depth = ran.summary().value("ws_inbox_depth", "max");
    assert_eq!(depth, Some(100.0), "{ran}");
}

#[test]
fn a_server_that_is_too_fast_waits() {
    let peer = flooding(FLOOD, 6);
    let ran = flooded(&peer, "pause")
        .set("messages", 50)
        .set("read-on", true)
        .finish()
        .expect_clean();
    assert_eq!(counted(&ran), (FLOOD, 0, FLOOD), "{ran}");
    assert_eq!(told(&ran, "first"), [0], "{ran}");
    assert_eq!(told(&ran, "last"), [FLOOD - 1], "{ran}");
    // One more than there is room for was read when it paused.
    assert_eq!(told(&ran, "waiting"), [50], "{ran}");
    ended(&ran, "by-peer", 1000);
}

#[test]
fn a_server_that_is_too_fast_is_left() {
    let peer = flooding(FLOOD, 6);
    let ran = flooded(&peer, "close")
        .set("read-on", true)
        .finish()
        .expect_clean();
    let (received, dropped, taken) = counted(&ran);
    // What was in the inbox stays there; the one too many is lost, and counted.
    assert_eq!((received, dropped, taken), (1001, 1, 1000), "{ran}");
    assert_eq!(told(&ran, "first"), [0], "{ran}");
    assert_eq!(told(&ran, "last"), [999], "{ran}");
    ended(&ran, "inbox-overflow", 1008);
    let frames = peer.await_ended(1).remove(0);
    assert_eq!(frames.last().unwrap().close_code(), Some(1008));
}

#[test]
fn bytes_are_bounded_as_messages_are() {
    let peer = flooding(1000, 500);
    let ran = flooded(&peer, "drop-oldest")
        .set("bytes", 10_000)
        .set("read-on", true)
        .set("sleep", "1s")
        .finish()
        .expect_clean();
    let (received, dropped, taken) = counted(&ran);
    assert_eq!((received, dropped + taken), (1000, 1000), "{ran}");
    let waiting = told(&ran, "waiting")[0];
    assert!((1..=20).contains(&waiting), "{ran}");
}

#[test]
fn a_message_larger_than_the_inbox_is_lost_alone() {
    for (overflow, lost) in [("drop-oldest", 10), ("drop-newest", 10), ("pause", 0)] {
        let peer = WebSocketPeer::start(|_, wire| {
            for _ in 0..10 {
                wire.text("a short one");
                wire.text(&"x".repeat(2000));
            }
            wire.close(1000, "");
            wire.read_until_close();
        });
        let ran = flooded(&peer, overflow)
            .set("bytes", 1000)
            .set("read-on", true)
            .finish()
            .expect_clean();
        assert_eq!(counted(&ran), (20, lost, 20 - lost), "{overflow}\n{ran}");
        ended(&ran, "by-peer", 1000);
    }
}

#[test]
fn an_inbox_without_room_keeps_nothing_and_counts_all() {
    let peer = flooding(FLOOD, 6);
    let ran = flooded(&peer, "drop-oldest")
        .set("messages", 0)
        .set("read-on", true)
        .finish()
        .expect_clean();
    // Nobody wanted them: none is lost.
    assert_eq!(counted(&ran), (FLOOD, 0, 0), "{ran}");
}

/// Most resident memory of a run, in KiB.
fn resident_kib(command: LtHost) -> u64 {
    let mut running = command.start();
    let mut resident = 0;
    while !running.has_ended() {
        resident = resident.max(running.resident_kib_max().unwrap_or(0));
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(running.finish().expect_clean());
    resident
}

#[test]
fn a_flood_takes_no_more_memory_than_the_inbox() {
    let of = |count: u64, overflow: &str| {
        let peer = flooding(count, 1000);
        let command = flooded(&peer, overflow).set("read-on", true);
        resident_kib(command.set("sleep", "1s"))
    };
    let quiet = of(1, "drop-oldest");
    for overflow in ["drop-oldest", "drop-newest", "pause", "close"] {
        // 100 MB come by.
        let flooded = of(FLOOD, overflow);
        assert!(
            quiet > 0 && flooded < quiet + (32 << 10),
            "{overflow}: {flooded} KiB, and {quiet} KiB without a flood"
        );
    }
}

#[test]
fn a_flood_of_one_user_does_not_hold_its_neighbours_up() {
    let flood = WebSocketPeer::start(|_, wire| while wire.text("and another thing") {});
    let echo = WebSocketPeer::echo();
    let text = format!(
        r#"
        [scenarios.flooded]
        file = "@websocket_overflow"
        users = 2
        duration = "2s"
        settings = {{ url = "{}", sleep = "1500ms" }}
        [scenarios.neighbours]
        file = "@websocket_echo"
        users = 4
        duration = "2s"
        settings = {{ url = "{}" }}
        "#,
        flood.url("/"),
        echo.url("/")
    );
    let ran = LtHost::run_spec(&text)
        .arguments("--cores 1 --threshold ws_sessions{scenario:neighbours}:count>=40")
        .finish()
        .expect_clean();
    let summary = ran.summary();
    // Ten messages a session, on the core that takes in what would fill it.
    assert!(summary.count("ws_sessions") >= 42, "{ran}");
    assert!(summary.count("ws_msgs_dropped") > 10_000, "{ran}");
    assert_eq!(summary.failed_checks(), [], "{ran}");
}
