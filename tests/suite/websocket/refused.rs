//! How connections do not come about: each way is an error of its kind, is counted by its number, and the user goes on.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use lt_tests::peers::http::{HttpPeer, Seen, Then, respond};
use lt_tests::peers::{TcpPeer, WebSocketPeer, closed_port};
use lt_tests::{LtHost, Ran};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::count_by;

/// Connect twice where it fails in this way; the samples have this code.
#[track_caller]
pub(super) fn fails_with(command: LtHost, error: &str, code: u32) -> Ran {
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

pub(super) fn refused(url: &str) -> LtHost {
    LtHost::run("websocket_refused").set("url", url)
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
fn a_server_that_never_answers_has_failed_the_users_it_kept() {
    let peer = TcpPeer::start(|stream, _| {
        let mut nothing = stream;
        let _read = std::io::copy(&mut nothing, &mut std::io::sink());
    });
    let ran = LtHost::run("websocket_fuzzy")
        .set("url", peer.url("/"))
        .set("timeout", "10m")
        .arguments("--users 3 --duration 500ms --graceful-stop 0s")
        .arguments("--threshold ws_connect_failed:rate<0.5")
        .with_samples()
        .finish()
        .expect_code(99);
    let summary = ran.summary();
    assert_eq!(
        summary.value("ws_connect_failed", "rate"),
        Some(1.0),
        "{ran}"
    );
    let codes = count_by(&ran.rows(), "ws_connect_failed", ["error_code"]);
    assert_eq!(
        codes.get(&["1902".to_owned()]),
        Some(&3),
        "{codes:?}\n{ran}"
    );
}

#[test]
fn an_upgrade_must_be_as_the_rfc_wants_it() {
    let accepted = |seen: &Seen, stream: &mut TcpStream, fields: &str| {
        let mut whole = Vec::new();
        let _gone = write!(whole, "HTTP/1.1 101 Switching Protocols\r\n{fields}");
        if !fields.contains("sec-websocket-accept") {
            let key = seen.header("sec-websocket-key").unwrap_or_default();
            let accept = derive_accept_key(key.as_bytes());
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
}

#[test]
fn the_server_never_says_all_of_its_refusal() {
    for (said, bytes) in [
        ("HTTP/1.1 403 No\r\ncontent-length: 1000\r\n\r\nshort", 5),
        ("HTTP/1.1 403 No\r\n\r\n", 0),
    ] {
        let peer = HttpPeer::start(move |_, stream| {
            let _gone = stream.write_all(said.as_bytes());
            let _read = std::io::copy(stream, &mut std::io::sink());
            Then::Close
        });
        let command = refused(&peer.url("/")).set("timeout", "10m");
        fails_with(command, "refused", 1900)
            .expect_text("status=403")
            .expect_text(&format!("bytes={bytes}"));
    }
}

#[test]
fn the_answer_is_bounded_in_time_and_length() {
    let peer = HttpPeer::start(|_, stream| {
        let _gone = stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n");
        let line = format!("x-flood: {}\r\n", "x".repeat(1000));
        while stream.write_all(line.as_bytes()).is_ok() {}
        Then::Close
    });
    fails_with(refused(&peer.url("/")), "http", 1501);
    let peer = HttpPeer::start(|_, stream| {
        while stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
        Then::Close
    });
    let command = refused(&peer.url("/")).set("timeout", "200ms");
    fails_with(command, "http", 1050);
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
