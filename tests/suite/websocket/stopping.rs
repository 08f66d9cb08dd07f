//! Waits for messages end when the run does.

use std::time::Duration;

use lt_tests::LtHost;
use lt_tests::peers::{TcpPeer, WebSocketPeer, closed_port};
use lt_tests::process::wait_until;

use super::{all_ended, endings, expect_checked};

const WAYS: [&str; 4] = ["receive", "matching", "async", "async-matching"];

#[test]
fn a_wait_ends_when_its_user_is_asked_to() {
    for on in WAYS {
        let peer = WebSocketPeer::start(|_, wire| {
            wire.text("something else");
            wire.answer_close();
        });
        // Whoever waits for any message gets none.
        let silent = WebSocketPeer::start(|_, wire| wire.answer_close());
        let server = if on.ends_with("matching") {
            &peer
        } else {
            &silent
        };
        // The graceful stop is far longer than a run of the suite may take.
        let ran = LtHost::run("websocket_stopping")
            .set("url", server.url("/"))
            .set("on", on)
            .arguments("--users 4 --duration 300ms --graceful-stop 10m --cores 2")
            .with_samples()
            .finish();
        let ran = expect_checked(ran);
        let summary = ran.summary();
        let counts = ["begun", "stopped", "left"].map(|name| summary.count(name));
        assert_eq!(counts, [4; 3], "{on}\n{ran}");
        assert_eq!(
            endings(&ran),
            all_ended(4, "by-us", 1001, ""),
            "{on}\n{ran}"
        );
        for frames in server.await_ended(4) {
            let last = frames.last().unwrap();
            assert_eq!(last.close_code(), Some(1001), "{on}: {frames:?}");
        }
    }
}

#[test]
fn nobody_goes_on_trying_when_the_run_ends() {
    let ran = LtHost::run("websocket_stopping")
        .set("url", format!("ws://127.0.0.1:{}/", closed_port()))
        .set("on", "reconnect")
        .arguments("--users 4 --duration 300ms --graceful-stop 10m")
        .finish();
    let ran = expect_checked(ran);
    let summary = ran.summary();
    let counts = ["begun", "stopped", "left"].map(|name| summary.count(name));
    assert_eq!(counts, [4; 3], "{ran}");
    assert_eq!(summary.count("ws_sessions"), 0, "{ran}");
}

#[test]
fn ctrl_c_ends_waits_too() {
    for on in WAYS {
        let peer = WebSocketPeer::start(|_, wire| wire.answer_close());
        let running = LtHost::run("websocket_stopping")
            .set("url", peer.url("/"))
            .set("on", on)
            .arguments("--users 4 --duration 1h --graceful-stop 10m")
            .start();
        wait_until("all to wait", Duration::from_secs(30), || {
            peer.http().seen().len() == 4
        });
        running.interrupt();
        let ran = running.finish().expect_code(105);
        let summary = ran.summary();
        assert_eq!(summary.failures_in_all(), 0, "{on}\n{ran}");
        assert_eq!(summary.count("stopped"), 4, "{on}\n{ran}");
    }
}

#[test]
fn a_run_that_is_killed_leaves_no_connection() {
    let peer = WebSocketPeer::start(|_, wire| wire.answer_close());
    let running = LtHost::run("websocket_stopping")
        .set("url", peer.url("/"))
        .arguments("--users 4 --duration 1h --graceful-stop 10m")
        .start();
    wait_until("all to wait", Duration::from_secs(30), || {
        peer.http().seen().len() == 4
    });
    // A second Ctrl-C waits for nobody.
    running.interrupt();
    running.interrupt();
    let ran = running.finish().expect_code(105);
    assert_eq!(peer.await_ended(4).len(), 4, "{ran}");
}

#[test]
fn connecting_is_given_up_with_its_run() {
    let peer = TcpPeer::start(|mut stream, _| {
        let _read = std::io::copy(&mut stream, &mut std::io::sink());
    });
    // The time for connecting is far longer than a run of the suite may take.
    let ran = LtHost::run("websocket_refused")
        .set("url", peer.url("/"))
        .set("timeout", "10m")
        .arguments("--users 4 --duration 300ms --graceful-stop 300ms")
        .finish()
        .expect_code(0);
    assert_eq!(ran.summary().count("ws_sessions"), 0, "{ran}");
    assert_eq!(ran.summary().failures_in_all(), 0, "{ran}");
    assert_eq!(peer.connections(), 4, "{ran}");
}
