//! What the host does for users who sleep: heartbeats, counting, deliveries, pings.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};

use lt_tests::peers::websocket::{Frame, frame, opcode, upgrade};
use lt_tests::peers::{Seen, WebSocketPeer};
use lt_tests::{LtHost, Ran};

use super::{all_ended, count_by, endings, expect_checked, told};

#[test]
fn heartbeats_are_sent_while_the_user_sleeps() {
    // The first after one interval, or when it is wanted.
    for (first, least) in [(None, 3), (Some("0s"), 4), (Some("10m"), 0)] {
        let peer = WebSocketPeer::echo();
        let mut command = LtHost::run("websocket_sleeper")
            .set("url", peer.url("/"))
            .set("interval", "50ms");
        if let Some(first) = first {
            command = command.set("first", first);
        }
        let ran = command.arguments("--users 2").with_samples().finish();
        let ran = expect_checked(ran);
        let summary = ran.summary();
        let beats = told(&ran, "beats");
        assert_eq!(beats.len(), 2, "{ran}");
        assert!(beats.iter().all(|beats| *beats >= least), "{ran}");
        if first == Some("10m") {
            assert_eq!(beats, [0, 0], "{ran}");
        }
        let sent: u64 = beats.iter().sum();
        let is_beat = |frame: &&Frame| frame.payload == b"\"heartbeat\"";
        let connections = peer.await_ended(2);
        let came: usize = connections
            .iter()
            .map(|frames| frames.iter().filter(is_beat).count())
            .sum();
        assert_eq!(came as u64, sent, "{ran}");
        // Ten chats and what is said at the end, of each of the two.
        assert_eq!(summary.count("ws_msgs_sent"), sent + 22, "{ran}");
        assert_eq!(summary.count("ws_msgs_received"), sent + 22, "{ran}");
        // Only the chat has a name.
        assert_eq!(summary.count("ws_msgs_matched"), 20, "{ran}");
        let watches = count_by(&ran.rows(), "ws_msgs_matched", ["watch"]);
        let chat = ["chat".to_owned()];
        assert!(
            watches.len() == 1 && watches.contains_key(&chat),
            "{watches:?}"
        );
        let deliveries = ["sent", "received", "lost", "duplicates", "unmatched"]
            .map(|what| summary.count(&format!("delivery_{what}")));
        assert_eq!(deliveries, [20, 20, 0, 0, 0], "{ran}");
        assert_eq!(summary.value("delivery_time", "count"), Some(20.0), "{ran}");
    }
}

#[test]
fn a_watch_is_shown_what_came_before_it() {
    let peer = WebSocketPeer::start(|_, wire| {
        for text in [
            r#"{"type":"chat"}"#,
            "news",
            r#"{"type":"chat"}"#,
            "news",
            "end",
        ] {
            wire.text(text);
        }
        wire.answer_close();
    });
    let ran = LtHost::run("websocket_late_watch")
        .set("url", peer.url("/"))
        .finish();
    let ran = expect_checked(ran).expect_text("chat=2 left=2");
    assert_eq!(ran.summary().count("ws_msgs_matched"), 2, "{ran}");
    assert_eq!(ran.summary().count("ws_msgs_received"), 5, "{ran}");
}

#[test]
fn pings_are_sent_timed_and_answered() {
    let peer = WebSocketPeer::start(|_, wire| {
        wire.frame(true, opcode::PING, b"");
        wire.frame(true, opcode::PING, b"with words");
        wire.echo();
    });
    let ran = LtHost::run("websocket_pings")
        .set("url", peer.url("/"))
        .arguments("--iterations 2")
        .with_samples()
        .finish();
    let ran = expect_checked(ran);
    let pings = told(&ran, "pings");
    assert!(pings.iter().all(|pings| (1..=7).contains(pings)), "{ran}");
    assert_eq!(told(&ran, "asked"), [2, 2], "{ran}");
    assert_eq!(endings(&ran), all_ended(2, "by-us", 1000, ""), "{ran}");
    // One by hand, and those of the host; the last may have been under way, and one more sent while their number was told.
    let timed = ran.summary().value("ws_ping", "count").unwrap_or(0.0);
    let sent: u64 = pings.iter().sum();
    let (least, most) = (sent as f64, (sent + 4) as f64);
    assert!(timed >= least && timed <= most, "{timed} of {sent}\n{ran}");
    for frames in peer.await_ended(2) {
        let payloads = |opcode: u8| -> Vec<String> {
            let frames = frames.iter().filter(|frame| frame.opcode == opcode);
            frames.map(Frame::text).collect()
        };
        let pongs = payloads(opcode::PONG);
        assert!(
            ["", "with words", "nobody asked"].iter().all(|answer| pongs
                .iter()
                .filter(|pong| pong == answer)
                .count()
                == 1),
            "{pongs:?}\n{ran}"
        );
        let pings = payloads(opcode::PING);
        assert!(pings.contains(&"on our own".to_owned()), "{pings:?}");
    }
}

#[test]
fn a_flood_of_pings_is_answered() {
    const PINGS: usize = 20_000;
    let peer = WebSocketPeer::start(|_, wire| {
        for number in 0..PINGS {
            wire.frame(true, opcode::PING, number.to_string().as_bytes());
        }
        wire.answer_close();
    });
    let ran = LtHost::run("websocket_fuzzy")
        .set("url", peer.url("/"))
        .set("timeout", "1s")
        .with_samples()
        .finish()
        .expect_clean();
    assert_eq!(endings(&ran), all_ended(1, "by-us", 1000, ""), "{ran}");
    let frames = peer.await_ended(1).remove(0);
    let pongs: Vec<usize> = frames
        .iter()
        .filter(|frame| frame.opcode == opcode::PONG)
        .map(|frame| frame.text().parse().unwrap())
        .collect();
    // An answer to a ping that another has followed may be left out (RFC 6455, section 5.5.3), but not that to the last.
    assert!(pongs.is_sorted(), "pongs are out of order\n{ran}");
    assert_eq!(pongs.last(), Some(&(PINGS - 1)), "{ran}");
}

/// A room: what one says is sent to all, but for those who are deaf: whoever has said something with this in it hears nothing from
/// then on.
fn room(deaf: &'static str) -> WebSocketPeer {
    let members: Arc<Mutex<Vec<(usize, TcpStream)>>> = Arc::default();
    let joined = members.clone();
    let answer = move |seen: &Seen, stream: &mut TcpStream| {
        // Whoever is told that it is in hears what is said from then on.
        let mut members = joined.lock().unwrap_or_else(PoisonError::into_inner);
        upgrade(seen, stream, &[]);
        members.push((seen.connection, stream.try_clone().unwrap()));
        true
    };
    WebSocketPeer::answering(answer, move |seen, wire| {
        let lock = || members.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(said) = wire.read() {
            if said.opcode == opcode::CLOSE {
                lock().retain(|(member, _)| *member != seen.connection);
                wire.frame(true, opcode::CLOSE, &said.payload);
                return;
            }
            let mut members = lock();
            if !deaf.is_empty() && said.text().contains(deaf) {
                members.retain(|(member, _)| *member != seen.connection);
            }
            let whole = frame(true, said.opcode, &said.payload);
            for (_, member) in members.iter_mut() {
                let _gone = member.write_all(&whole);
            }
        }
        lock().retain(|(member, _)| *member != seen.connection);
    })
}

/// Five users who say ten things each, of whom user 1 goes in this way after five: sent, received, lost, excused, duplicates and
/// unmatched.
fn chat(room: &WebSocketPeer, first_user: &str) -> ([u64; 6], Ran) {
    let ran = LtHost::run("websocket_audience")
        .set("url", room.url("/room"))
        .set("first-user", first_user)
        // Longer than the others take on a busy machine, and over before anybody leaves politely.
        .set("settle", "3s")
        .arguments("--users 5 --cores 2 --delivery-timeout 2s")
        .with_samples()
        .finish();
    let ran = expect_checked(ran);
    let summary = ran.summary();
    let counts = [
        "sent",
        "received",
        "lost",
        "excused",
        "duplicates",
        "unmatched",
    ]
    .map(|what| summary.count(&format!("delivery_{what}")));
    (counts, ran)
}

#[test]
fn what_is_said_in_a_room_is_to_reach_all_who_are_present() {
    let (counts, ran) = chat(&room(""), "stays");
    assert_eq!(counts, [250, 250, 0, 0, 0, 0], "{ran}");
    assert_eq!(told(&ran, "chat"), [50; 5], "{ran}");
    let time = ran.summary().value("delivery_time", "count");
    assert_eq!(time, Some(250.0), "{ran}");
    // Who hears nothing is missed.
    let (counts, ran) = chat(&room("id=1-"), "stays");
    let [sent, received, lost, excused, duplicates, unmatched] = counts;
    assert_eq!(
        (sent, excused, duplicates, unmatched),
        (250, 0, 0, 0),
        "{ran}"
    );
    assert_eq!(received + lost, 250, "{ran}");
    // All that was said after its first words, by itself and by others after the middle.
    assert!((30..=50).contains(&lost), "{ran}");
}

#[test]
fn nobody_misses_who_left() {
    let (counts, ran) = chat(&room(""), "leaves");
    let [sent, received, lost, excused, duplicates, unmatched] = counts;
    assert_eq!((lost, duplicates, unmatched), (0, 0, 0), "{ran}");
    assert_eq!(received + excused, sent, "{ran}");
    // 25 to five, and 20 to four: some of these to five if they were said before user 1 had left.
    assert!((205..=225).contains(&sent), "{ran}");
    // Who had heard nothing is excused from it all.
    let (counts, ran) = chat(&room("id=1-"), "leaves");
    let [sent, received, lost, excused, duplicates, unmatched] = counts;
    assert_eq!((lost, duplicates, unmatched), (0, 0, 0), "{ran}");
    assert_eq!(received + excused, sent, "{ran}");
    assert!((5..=45).contains(&excused), "{ran}");
}

#[test]
fn what_did_not_reach_who_was_cut_off_is_lost() {
    let (counts, ran) = chat(&room("id=1-"), "is-cut-off");
    let [sent, received, lost, excused, duplicates, unmatched] = counts;
    assert_eq!((excused, duplicates, unmatched), (0, 0, 0), "{ran}");
    assert_eq!(received + lost, sent, "{ran}");
    assert!((5..=45).contains(&lost), "{ran}");
    assert!((205..=225).contains(&sent), "{ran}");
}
