//! Against a server that others wrote: npm's `ws`.

use lt_tests::node::WsServer;
use lt_tests::{LtHost, Ran};

use super::{all_ended, endings, expect_checked, told};

fn fuzzy(server: &WsServer, path: &str) -> LtHost {
    LtHost::run("websocket_fuzzy")
        .set("url", server.url(path))
        .with_samples()
}

/// How the connection ended, as the server tells it: code and reason.
fn ended(server: &WsServer, count: usize) -> (u64, String) {
    let log = server.await_closed(count);
    let last = &log[count - 1];
    let reason = last["reason"].as_str().unwrap().to_owned();
    (last["code"].as_u64().unwrap(), reason)
}

/// Receive until the end: so many messages, and then this ending.
#[track_caller]
fn received(server: &WsServer, path: &str, count: u64, ending: &str, code: u16) -> Ran {
    let ran = expect_checked(fuzzy(server, path).finish());
    assert_eq!(told(&ran, "received"), [count], "{path}\n{ran}");
    let error_code = if ending == "disconnected" { "1221" } else { "" };
    let expected = all_ended(1, ending, code, error_code);
    assert_eq!(endings(&ran), expected, "{path}\n{ran}");
    ran
}

#[test]
fn it_echoes_in_every_way() {
    let Some(server) = WsServer::start() else {
        return;
    };
    let mut closed = 0;
    for (path, binary, bytes, fragment) in [
        ("/echo", false, 32, None),
        ("/echo", true, 100_000, Some(1000)),
        ("/fragments?parts=3", false, 1000, None),
        ("/fragments?parts=7", true, 65_536, Some(10_000)),
    ] {
        let mut command = LtHost::run("websocket_echo")
            .set("url", server.url(path))
            .set("binary", binary)
            .set("bytes", bytes)
            .set("ahead", 5);
        if let Some(fragment) = fragment {
            command = command.set("fragment-bytes", fragment);
        }
        let ran = expect_checked(command.finish());
        assert_eq!(ran.summary().count("ws_msgs_received"), 10, "{path}\n{ran}");
        closed += 1;
        assert_eq!(ended(&server, closed), (1000, String::new()), "{path}");
        let log = server.await_closed(closed);
        assert_eq!(log[closed - 1]["messages"], 10, "{path}");
    }
}

#[test]
fn it_closes_in_every_way() {
    let Some(server) = WsServer::start() else {
        return;
    };
    received(&server, "/close?code=1000", 0, "by-peer", 1000);
    received(&server, "/close?code=4321&reason=why", 0, "by-peer", 4321)
        .expect_text("reason=\"why\"");
    received(&server, "/close?after=50", 0, "by-peer", 1005);
    received(&server, "/terminate?after=50", 0, "disconnected", 1006);
    let codes: Vec<_> = server
        .await_closed(4)
        .iter()
        .map(|line| line["code"].as_u64())
        .collect();
    assert_eq!(codes, [Some(1000), Some(4321), Some(1005), Some(1006)]);
}

#[test]
fn it_takes_our_close_frames() {
    let Some(server) = WsServer::start() else {
        return;
    };
    let closing = |path: &str| LtHost::run("websocket_closing").set("url", server.url(path));
    let ran = closing("/silent")
        .set("code", 3999)
        .set("reason", "enough")
        .set("messages", 100)
        .finish();
    let ran = expect_checked(ran).expect_text("ending=by-us code=3999");
    assert_eq!(ended(&server, 1), (3999, "enough".to_owned()), "{ran}");
    let ran = expect_checked(closing("/silent").set("by", "us").finish());
    assert_eq!(ended(&server, 2), (1005, String::new()), "{ran}");
    let ran = closing("/silent").set("by", "drop").finish().expect_clean();
    assert_eq!(ended(&server, 3).0, 1001, "{ran}");
    let ran = closing("/hang-at-close")
        .set("timeout", "200ms")
        .with_samples()
        .finish();
    let ran = expect_checked(ran);
    let expected = all_ended(1, "close-timeout", 1006, "1915");
    assert_eq!(endings(&ran), expected, "{ran}");
}

#[test]
fn it_sends_more_than_is_asked_for() {
    let Some(server) = WsServer::start() else {
        return;
    };
    // Then it is silent: the guest closes.
    for (path, count) in [
        ("/text-and-binary?count=5", 10),
        ("/flood?count=900&bytes=100", 900),
        ("/ping-flood?count=1000", 1),
        ("/big?bytes=1048576", 1),
        ("/big?bytes=70000&kind=binary", 1),
    ] {
        let ran = fuzzy(&server, path)
            .set("timeout", "1s")
            .finish()
            .expect_clean();
        assert_eq!(told(&ran, "received"), [count], "{path}\n{ran}");
        assert_eq!(
            endings(&ran),
            all_ended(1, "by-us", 1000, ""),
            "{path}\n{ran}"
        );
    }
    let log = server.await_closed(5);
    let pongs = log[2]["pongs"].as_u64().unwrap();
    assert!((1..=1000).contains(&pongs), "{log:?}");
    let ran = expect_checked(fuzzy(&server, "/big?bytes=1048577").finish());
    let expected = all_ended(1, "message-too-large", 1009, "1912");
    assert_eq!(endings(&ran), expected, "{ran}");
    assert_eq!(ended(&server, 6).0, 1009, "{ran}");
}

#[test]
fn it_agrees_on_the_handshake() {
    let Some(server) = WsServer::start() else {
        return;
    };
    let handshake = |path: &str| LtHost::run("websocket_handshake").set("url", server.url(path));
    let ran = handshake("/subprotocol?pick=b")
        .set("subprotocols", "a,b")
        .finish();
    expect_checked(ran).expect_text("subprotocol=b");
    let ran = handshake("/cookie?set=taste%3Dplain").finish();
    expect_checked(ran).expect_text("cookie=taste:plain");
    let ran = handshake(&format!("/redirect?to={}", server.url("/echo"))).finish();
    expect_checked(ran).expect_text(&format!("url={}", server.url("/echo")));
    let ran = expect_checked(handshake("/slow?ms=300").with_samples().finish());
    let connecting = ran.summary().value("ws_connecting", "min");
    assert!(connecting >= Some(300.0), "{ran}");
    let refused = |path: &str, error: &str| {
        LtHost::run("websocket_refused")
            .set("url", server.url(path))
            .set("error", error)
            .set("timeout", "500ms")
            .finish()
            .expect_clean()
    };
    refused("/refuse?status=401&body=who%20are%20you", "refused")
        .expect_text("status=401")
        .expect_text("body=who are you");
    refused("/nowhere", "refused").expect_text("status=404");
    refused("/slow?ms=60000", "http");
}

#[test]
fn it_may_never_answer_pings() {
    let Some(server) = WsServer::start() else {
        return;
    };
    for (path, answers) in [("/echo", true), ("/never-pong", false)] {
        let ran = LtHost::run("websocket_pings")
            .set("url", server.url(path))
            .set("answers", answers)
            .set("timeout", if answers { "10s" } else { "200ms" })
            .set("sleep", "1s")
            .with_samples()
            .finish();
        let ran = expect_checked(ran);
        let expected = if answers {
            all_ended(1, "by-us", 1000, "")
        } else {
            all_ended(1, "ping-timeout", 1001, "1914")
        };
        assert_eq!(endings(&ran), expected, "{path}\n{ran}");
    }
    let log = server.await_closed(2);
    assert!(log[0]["pings"].as_u64() >= Some(3), "{log:?}");
    assert_eq!(log[0]["pongs"], 1, "{log:?}");
}
