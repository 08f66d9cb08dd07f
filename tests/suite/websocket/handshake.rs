//! How connections come about, and how they do not.

use std::io::Write as _;
use std::net::TcpStream;

use lt_tests::peers::http::{HttpPeer, Seen, Then, respond};
use lt_tests::peers::proxy::ProxyPeer;
use lt_tests::peers::websocket::upgrade;
use lt_tests::peers::{TcpPeer, WebSocketPeer, closed_port};
use lt_tests::{LtHost, Ran};

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

/// Connect twice where it fails in this way; the samples have this code.
#[track_caller]
fn fails_with(command: LtHost, error: &str, code: u32) -> Ran {
    let ran = command
        .set("error", error)
        .arguments("--iterations 2")
        .with_samples()
        .finish()
        .expect_clean();
    let codes = count_by(&ran.rows(), "ws_connecting", ["name", "error_code"]);
    let expected = ["refused".to_owned(), code.to_string()];
    assert_eq!(codes.get(&expected), Some(&2), "codes are {codes:?}\n{ran}");
    let summary = ran.summary();
    assert_eq!(summary.count("iterations"), 2, "{ran}");
    assert_eq!(
        summary.value("ws_connect_failed", "rate"),
        Some(1.0),
        "{ran}"
    );
    assert_eq!(summary.count("ws_sessions"), 0, "{ran}");
    ran
}

fn refused(url: &str) -> LtHost {
    LtHost::run("websocket_refused").set("url", url)
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
fn a_refusal_has_a_status_and_a_body() {
    let peer = HttpPeer::start(|_, stream| {
        respond(stream, 403, &[], b"log in first");
        Then::Close
    });
    let ran = fails_with(refused(&peer.url("/")), "refused", 1900)
        .expect_text("status=403")
        .expect_text("body=log in first")
        .expect_text("error=the server did not upgrade: status 403");
    let statuses = count_by(&ran.rows(), "ws_connect_failed", ["status"]);
    let expected = ["403".to_owned()];
    assert_eq!(statuses.get(&expected), Some(&2), "{statuses:?}\n{ran}");
    // A page instead of an upgrade, and one of which no more is kept than an error page has.
    let peer = HttpPeer::start(|_, stream| {
        respond(stream, 200, &[], &vec![b'x'; 1 << 20]);
        Then::Close
    });
    fails_with(refused(&peer.url("/")), "refused", 1900)
        .expect_text("status=200")
        .expect_text("bytes=65536");
}

#[test]
fn an_upgrade_must_be_as_the_rfc_wants_it() {
    let accepted = |seen: &Seen, stream: &mut TcpStream, fields: &str| {
        let mut whole = Vec::new();
        let _gone = write!(whole, "HTTP/1.1 101 Switching Protocols\r\n{fields}");
        if !fields.contains("sec-websocket-accept") {
            let key = seen.header("sec-websocket-key").unwrap_or_default();
            let accept =
                tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.as_bytes());
            let _gone = write!(whole, "sec-websocket-accept: {accept}\r\n");
        }
        whole.extend_from_slice(b"\r\n");
        let _gone = stream.write_all(&whole);
        false
    };
    for (fields, text) in [
        (
            "upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
            "does not answer our key",
        ),
        ("connection: Upgrade\r\n", "no `upgrade` field"),
        ("upgrade: h2c\r\nconnection: Upgrade\r\n", "upgrades to"),
        (
            "upgrade: websocket\r\nconnection: keep-alive\r\n",
            "no `upgrade` in `connection`",
        ),
        (
            "upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-protocol: chat\r\n",
            "was not offered",
        ),
        (
            "upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-extensions: permessage-deflate\r\n",
            "extensions that were not offered",
        ),
    ] {
        let peer = WebSocketPeer::answering(
            move |seen, stream| accepted(seen, stream, fields),
            |_, _| {},
        );
        fails_with(refused(&peer.url("/")), "handshake", 1901).expect_text(text);
    }
}

#[test]
fn nobody_is_there() {
    let url = format!("ws://127.0.0.1:{}/", closed_port());
    let ran = fails_with(refused(&url), "http", 1212).expect_text("connection refused");
    let urls = count_by(&ran.rows(), "ws_connecting", ["url"]);
    assert_eq!(urls.len(), 1, "{urls:?}\n{ran}");
    fails_with(refused("ws://no-such-host.invalid/"), "http", 1101);
}

#[test]
fn the_server_closes_instead_of_answering() {
    let peer = TcpPeer::start(|stream, _| drop(stream));
    let url = peer.url("/").replacen("http", "ws", 1);
    let ran = refused(&url)
        .set("error", "http")
        .arguments("--iterations 2")
        .with_samples()
        .finish()
        .expect_clean();
    // Whether the end or a reset is seen first is a race that the kernel decides.
    let codes = count_by(&ran.rows(), "ws_connecting", ["error_code"]);
    let count = |code: &str| codes.get(&[code.to_owned()]).copied().unwrap_or(0);
    assert_eq!(count("1220") + count("1221"), 2, "{codes:?}\n{ran}");
}

#[test]
fn the_server_does_not_speak_http() {
    let peer = HttpPeer::start(|_, stream| {
        let _gone = stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n\r\n");
        Then::Close
    });
    fails_with(refused(&peer.url("/")), "http", 1500);
}

#[test]
fn the_server_never_answers() {
    let peer = TcpPeer::start(|mut stream, _| {
        let _read = std::io::copy(&mut stream, &mut std::io::sink());
    });
    let command = refused(&peer.url("/")).set("timeout", "200ms");
    fails_with(command, "http", 1050);
    // Nor does it say all of its refusal.
    let peer = HttpPeer::start(|_, stream| {
        let _gone = stream.write_all(b"HTTP/1.1 403 No\r\ncontent-length: 1000\r\n\r\nshort");
        let _read = std::io::copy(stream, &mut std::io::sink());
        Then::Close
    });
    let command = refused(&peer.url("/")).set("timeout", "200ms");
    let ran = command
        .set("error", "http")
        .with_samples()
        .finish()
        .expect_clean();
    let codes = count_by(&ran.rows(), "ws_connecting", ["error_code"]);
    let expected = ["1050".to_owned()];
    assert_eq!(codes.get(&expected), Some(&1), "{codes:?}\n{ran}");
}

#[test]
fn what_makes_no_sense_is_not_attempted() {
    for url in ["nowhere", "ftp://127.0.0.1/", "ws://127.0.0.1:port/"] {
        let ran = refused(url)
            .set("error", "invalid-request")
            .finish()
            .expect_clean();
        let rate = ran.summary().value("ws_connect_failed", "rate");
        assert_eq!(rate, None, "{url}\n{ran}");
    }
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
