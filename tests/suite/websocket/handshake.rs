//! How connections come about.

use std::io::Write as _;
use std::net::TcpStream;

use lt_tests::LtHost;
use lt_tests::peers::http::{HttpPeer, Seen, Then, respond};
use lt_tests::peers::proxy::ProxyPeer;
use lt_tests::peers::websocket::{frame, opcode, upgrade};
use lt_tests::peers::{TcpPeer, WebSocketPeer};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::refused::{fails_with, refused};
use super::{count_by, expect_checked};

fn connect(url: &str) -> LtHost {
    LtHost::run("websocket_handshake").set("url", url)
}

/// A server that adds these fields to its answer, and echoes.
fn adding(headers: &'static [(&str, &str)]) -> WebSocketPeer {
    let answer = |seen: &Seen, stream: &mut TcpStream| {
        upgrade(seen, stream, headers);
        true
    };
    WebSocketPeer::answering(answer, |_, wire| wire.echo())
}

#[test]
fn the_request_is_that_of_rfc_6455() {
    let peer = adding(&[("x-test", "answered")]);
    let ran = connect(&peer.url("/room?a=b"))
        .set("header", "asked")
        .arguments("--iterations 2")
        .with_samples()
        .finish();
    let ran = expect_checked(ran)
        .expect_text("x-test=answered")
        .expect_text(&format!("url={}", peer.url("/room?a=b")));
    let requests = peer.http().seen();
    assert_eq!(requests.len(), 2);
    for request in &requests {
        assert_eq!(
            (request.method.as_str(), request.target.as_str()),
            ("GET", "/room?a=b")
        );
        let host = format!("127.0.0.1:{}", peer.http().port());
        for (name, value) in [
            ("upgrade", "websocket"),
            ("connection", "Upgrade"),
            ("sec-websocket-version", "13"),
            ("host", host.as_str()),
            ("x-test", "asked"),
        ] {
            assert_eq!(request.header(name), Some(value), "{request:?}");
        }
        assert!(
            request
                .header("user-agent")
                .is_some_and(|agent| agent.starts_with("lt-host/"))
        );
        for name in [
            "sec-websocket-protocol",
            "sec-websocket-extensions",
            "cookie",
        ] {
            assert_eq!(request.header(name), None, "{request:?}");
        }
    }
    let keys: Vec<&str> = requests
        .iter()
        .filter_map(|request| request.header("sec-websocket-key"))
        .collect();
    // 16 bytes in base64, anew for each connection.
    assert_eq!(keys.len(), 2);
    assert!(keys.iter().all(|key| key.len() == 24), "{keys:?}");
    assert_ne!(keys[0], keys[1]);
    let rows = ran.rows();
    for metric in ["ws_connecting", "ws_sessions", "ws_session_duration"] {
        let tags = count_by(&rows, metric, ["name", "url", "status", "kind"]);
        let expected = ["handshake", "handshake", "101", "test"].map(str::to_owned);
        assert_eq!(tags.get(&expected), Some(&2), "{metric}: {tags:?}\n{ran}");
    }
    let summary = ran.summary();
    assert!(summary.count("data_sent") > 200, "{ran}");
    assert!(summary.count("data_received") > 200, "{ran}");
}

#[test]
fn cookies_of_the_jar_are_sent_and_those_of_the_answer_kept() {
    let peer = adding(&[("set-cookie", "given=here; Path=/")]);
    let ran = connect(&peer.url("/room"))
        .set("cookie", "brought=along; Path=/")
        .arguments("--iterations 2")
        .finish();
    let ran = expect_checked(ran)
        .expect_text("cookie=brought:along")
        .expect_text("cookie=given:here");
    let cookies: Vec<String> = peer
        .http()
        .seen()
        .iter()
        .map(|seen| seen.header("cookie").unwrap_or_default().to_owned())
        .collect();
    assert_eq!(cookies[0], "brought=along", "{ran}");
    assert!(
        cookies[1].contains("brought=along") && cookies[1].contains("given=here"),
        "{cookies:?}\n{ran}"
    );
}

#[test]
fn the_server_chooses_among_the_subprotocols() {
    let peer = adding(&[("sec-websocket-protocol", "chat.v1")]);
    let ran = connect(&peer.url("/"))
        .set("subprotocols", "chat.v2,chat.v1")
        .with_samples()
        .finish();
    let ran = expect_checked(ran).expect_text("subprotocol=chat.v1");
    let offered = peer.http().seen()[0].clone();
    assert_eq!(
        offered.header("sec-websocket-protocol"),
        Some("chat.v2, chat.v1")
    );
    let chosen = count_by(&ran.rows(), "ws_sessions", ["subproto"]);
    let expected = ["chat.v1".to_owned()];
    assert_eq!(chosen.get(&expected), Some(&1), "{chosen:?}\n{ran}");
    // Or none of them.
    let peer = WebSocketPeer::echo();
    let ran = connect(&peer.url("/"))
        .set("subprotocols", "chat.v2,chat.v1")
        .finish();
    expect_checked(ran);
}

#[test]
fn servers_may_write_the_upgrade_in_other_ways() {
    for fields in [
        "Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n",
        "UPGRADE:websocket\r\nCONNECTION: upgrade \r\nserver: x\r\nSec-WebSocket-Extensions:\r\n",
        "Connection: close\r\nconnection: UPGRADE\r\nupgrade: WEBSOCKET\r\n",
    ] {
        let answer = move |seen: &Seen, stream: &mut TcpStream| {
            let key = seen.header("sec-websocket-key").unwrap_or_default();
            let accept = derive_accept_key(key.as_bytes());
            // A frame in the same segment.
            let hello = frame(true, opcode::TEXT, b"hello");
            let whole = format!(
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Fine\r\n{fields}Sec-WebSocket-Accept: {accept}\r\n\r\n"
            );
            let _gone = stream.write_all(&[whole.as_bytes(), &hello].concat());
            true
        };
        let peer = WebSocketPeer::answering(answer, |_, wire| wire.echo());
        let ran = expect_checked(connect(&peer.url("/")).finish());
        let summary = ran.summary();
        assert_eq!(summary.count("ws_msgs_received"), 1, "{fields}\n{ran}");
    }
}

#[test]
fn redirects_are_followed_from_http_to_ws() {
    let peer = WebSocketPeer::echo();
    let to = peer.url("/room");
    let page = HttpPeer::start(move |request, stream| {
        let location = match request.path() {
            "/first" => "/second",
            _ => &to,
        };
        let headers = [("location", location), ("set-cookie", "on=theway; Path=/")];
        respond(stream, 302, &headers, b"");
        Then::Keep
    });
    let ran = connect(&page.url("/first"))
        .arguments("--iterations 2")
        .finish();
    let ran = expect_checked(ran).expect_text(&format!("url={}", peer.url("/room")));
    // A cookie does not know ports: the jar that got it on the way shows it at the end.
    assert_eq!(
        peer.http().seen()[0].header("cookie"),
        Some("on=theway"),
        "{ran}"
    );
    assert_eq!(ran.summary().count("ws_sessions"), 2, "{ran}");
    let ran = refused(&page.url("/first"))
        .set("max-redirects", 0)
        .set("error", "refused")
        .finish()
        .expect_clean()
        .expect_text("status=302")
        .expect_text("location=/second");
    assert_eq!(ran.summary().count("ws_sessions"), 0, "{ran}");
    fails_with(
        refused(&page.url("/first")).set("max-redirects", 1),
        "http",
        1503,
    );
}

#[test]
fn proxies_open_a_tunnel() {
    let peer = WebSocketPeer::echo();
    let proxy = ProxyPeer::open();
    let ran = connect(&peer.url("/room"))
        .argument("--proxy")
        .argument(proxy.url())
        .finish();
    expect_checked(ran);
    let seen = proxy.seen();
    let to = format!("127.0.0.1:{}", peer.http().port());
    assert_eq!(
        (seen[0].method.as_str(), seen[0].target.as_str()),
        ("CONNECT", to.as_str())
    );
    assert_eq!(peer.http().seen()[0].target, "/room");
    let proxy = ProxyPeer::guarded("Basic xyz");
    let command = refused(&peer.url("/"));
    let command = command.argument("--proxy").argument(proxy.url());
    fails_with(command, "http", 1230);
}

#[test]
fn secrets_of_a_url_are_not_shown() {
    let peer = WebSocketPeer::echo();
    let url = peer.url("/").replacen("ws://", "ws://ada:s3cret@", 1);
    let ran = LtHost::run("websocket_sockets")
        .set("url", url)
        .set("sockets", 1)
        .with_samples()
        .finish();
    let ran = expect_checked(ran).expect_no_text("s3cret");
    assert_eq!(
        peer.http().seen()[0].header("authorization"),
        Some("Basic YWRhOnMzY3JldA==")
    );
    let names = count_by(&ran.rows(), "ws_connecting", ["name", "url"]);
    let expected = [peer.url("/"), peer.url("/")];
    assert_eq!(names.get(&expected), Some(&1), "{names:?}\n{ran}");
}

#[test]
fn choices_of_the_run_hold_for_sockets_too() {
    let peer = WebSocketPeer::echo();
    let port = peer.http().port();
    let room = |command: LtHost, url: &str| {
        command
            .set("url", url)
            .set("sockets", 1)
            .arguments("--user-agent browser/7 --no-connection-reuse --host-override")
            .argument(format!("chat.test=127.0.0.1:{port}"))
    };
    let ran = room(LtHost::run("websocket_sockets"), "ws://chat.test/room")
        .arguments("--local-ips 127.0.0.2")
        .finish();
    let ran = expect_checked(ran);
    let seen = peer.http().seen().remove(0);
    assert_eq!(seen.header("user-agent"), Some("browser/7"), "{ran}");
    assert_eq!(seen.header("host"), Some("chat.test"), "{ran}");
    assert_eq!(seen.header("connection"), Some("Upgrade"), "{ran}");
    assert_eq!(seen.from.ip().to_string(), "127.0.0.2", "{ran}");
    // Times and redirects that the scenario does not choose.
    let silent = TcpPeer::start(|mut stream, _| {
        let _read = std::io::copy(&mut stream, &mut std::io::sink());
    });
    let away = HttpPeer::start(|_, stream| {
        respond(stream, 302, &[("location", "/")], b"");
        Then::Keep
    });
    for (url, choice, code) in [
        (silent.url("/"), "--http-timeout 200ms", "1050"),
        (away.url("/"), "--max-redirects 0", "1900"),
        (away.url("/"), "--max-redirects 3", "1503"),
    ] {
        let ran = room(LtHost::run("websocket_sockets"), &url)
            .arguments(choice)
            .with_samples()
            .finish();
        // Nobody is left who could go on.
        let ran = ran.expect_code(110);
        let codes = count_by(&ran.rows(), "ws_connecting", ["error_code"]);
        let expected = [code.to_owned()];
        assert!(codes.contains_key(&expected), "{choice}: {codes:?}\n{ran}");
        assert!(ran.summary().failures_in_all() > 0, "{ran}");
    }
}
