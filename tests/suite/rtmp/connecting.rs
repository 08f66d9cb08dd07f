//! Connecting: over TLS, with proofs of who connects, and to what is no RTMP server. Each failure is typed, counted by its number, and
//! bounded in time.

use std::time::Duration;

use lt_tests::LtHost;
use lt_tests::certificates::self_signed;
use lt_tests::ffmpeg::Clip;
use lt_tests::nginx_rtmp::NginxRtmp;
use lt_tests::peers::rtmp::{Amf, HANDSHAKE_BYTES, RtmpWire, commands};
use lt_tests::peers::{RtmpPeer, closed_port};
use lt_tests::tls::TlsFront;

use super::{all, at, connects, expect_checked, fuzzy, number, told, with_video};

/// A connect that fails so, twice, and takes no longer than it may.
#[track_caller]
fn fails(what: &str, host: LtHost, case: &str, error_code: &str) -> lt_tests::Ran {
    let ran = host.arguments("--iterations 2").finish().expect_clean();
    assert_eq!(told(&ran, "case"), [case; 2], "{what}\n{ran}");
    assert_eq!(connects(&ran), all(2, error_code), "{what}\n{ran}");
    let summary = ran.summary();
    assert_eq!(summary.count("refused"), 2, "{what}\n{ran}");
    assert_eq!(summary.count("rtmp_connections"), 0, "{what}\n{ran}");
    let failed = summary.value("rtmp_connect_failed", "rate");
    assert_eq!(failed, Some(1.0), "{what}\n{ran}");
    ran
}

/// The same with a server that does this.
#[track_caller]
fn server(
    what: &str,
    case: &str,
    error_code: &str,
    script: impl Fn(&mut RtmpWire) + Send + Sync + 'static,
) -> lt_tests::Ran {
    let peer = RtmpPeer::start(script);
    let host = fuzzy(&peer, "connect").set("timeout", "2s");
    fails(what, host, case, error_code)
}

#[test]
fn nobody_is_there() {
    let url = format!("rtmp://127.0.0.1:{}/live", closed_port());
    fails("a closed port", at(&url, "rtmp_fuzzy"), "network", "1212");
}

#[test]
fn half_a_handshake_and_none() {
    server("silence", "timeout", "1050", RtmpWire::read_to_end);
    server("an end", "network", "1221", |_| {});
    server("half of S1", "timeout", "1050", |wire| {
        wire.await_handshake();
        wire.raw(&[3]);
        wire.raw(&[0; HANDSHAKE_BYTES / 2]);
        wire.read_to_end();
    });
    server("half of S1 and an end", "network", "1221", |wire| {
        wire.await_handshake();
        wire.raw(&[3]);
        wire.raw(&[0; HANDSHAKE_BYTES / 2]);
    });
    server("no S2", "timeout", "1050", |wire| {
        wire.await_handshake();
        wire.raw(&[3]);
        wire.raw(&[0; HANDSHAKE_BYTES]);
        wire.read_to_end();
    });
    server("a reset", "network", "1220", |wire| {
        wire.await_handshake();
        wire.reset();
    });
    server("another version", "handshake", "2100", |wire| {
        wire.await_handshake();
        wire.raw(&[6; 1 + 2 * HANDSHAKE_BYTES]);
        wire.read_to_end();
    });
}

#[test]
fn servers_of_something_else() {
    server("SSH", "handshake", "2100", |wire| {
        wire.raw(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n");
        wire.read_to_end();
    });
    // One that answers what it does not understand.
    let peer = RtmpPeer::start(|wire| {
        wire.await_handshake();
        wire.raw(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
    });
    let host = fuzzy(&peer, "connect");
    fails("HTTP", host, "handshake", "2100").expect_text("HTTP/1.1 400");
}

#[test]
fn the_connect_command_is_not_answered_as_it_should_be() {
    server("no answer", "timeout", "1050", |wire| {
        wire.await_connect();
        wire.read_to_end();
    });
    server("an end", "network", "1221", |wire| {
        wire.await_connect();
    });
    server("garbage", "protocol", "2104", |wire| {
        wire.await_connect();
        wire.raw(&[0xff; 64]);
        wire.read_to_end();
    });
    server("chunks of no bytes", "protocol", "2104", |wire| {
        wire.await_connect();
        wire.control(1, &[0; 4]);
        wire.read_to_end();
    });
    let rejected = |wire: &mut RtmpWire| {
        let Some(connect) = wire.await_connect() else {
            return;
        };
        let no = Amf::information("error", "NetConnection.Connect.Rejected", "too many of you");
        wire.refuse(connect.transaction, no);
        wire.read_to_end();
    };
    let ran = server("a refusal", "refused", "2101", rejected).expect_text("too many of you");
    assert_eq!(
        told(&ran, "code"),
        ["NetConnection.Connect.Rejected"; 2],
        "{ran}"
    );
    let by_code = lt_tests::results::sums_by(&ran.rows(), "rtmp_errors", "code");
    assert_eq!(by_code["NetConnection.Connect.Rejected"], 2, "{ran}");
}

#[test]
fn what_a_server_says_before_its_answer_is_heard() {
    let peer = RtmpPeer::start(|wire| {
        let Some(connect) = wire.await_connect() else {
            return;
        };
        // A type that is none, a ping, a command of the server's, and the answer in small chunks.
        wire.control(99, b"what is this?");
        wire.control(4, &[0, 6, 0, 0, 0, 42]);
        wire.command(0, &[Amf::text("onBWDone"), Amf::Number(0.0), Amf::Null]);
        wire.chunk_size(1);
        let success = Amf::information("status", "NetConnection.Connect.Success", "");
        wire.answer(connect.transaction, &[Amf::Null, success]);
        wire.read_to_end();
    });
    let ran = fuzzy(&peer, "connect")
        .set("patience", "200ms")
        .finish()
        .expect_clean();
    assert_eq!(connects(&ran), all(1, ""), "{ran}");
    let seen = &peer.await_ended(1)[0];
    let answered = seen
        .iter()
        .any(|message| message.kind == 4 && message.payload == [0, 7, 0, 0, 0, 42]);
    assert!(answered, "the ping was not answered: {seen:?}\n{ran}");
}

#[test]
fn an_application_that_is_not_there() {
    let Some(nginx) = NginxRtmp::start() else {
        return;
    };
    // nginx says nothing and closes.
    let host = at(&nginx.url("nowhere"), "rtmp_fuzzy");
    fails("an unknown application", host, "network", "1221");
}

#[test]
fn over_tls() {
    let Some(video) = Clip::default().make() else {
        return;
    };
    let Some(nginx) = NginxRtmp::start() else {
        return;
    };
    let Some(front) = TlsFront::to(nginx.port()) else {
        return;
    };
    let url = format!("rtmps://127.0.0.1:{}/live", front.port());
    let ran = with_video(&url, "rtmp_pair", &video)
        .argument("--ca-cert")
        .argument(front.authority_file())
        .finish();
    let ran = expect_checked(ran);
    assert!(number(&ran, "video") > 50, "{ran}");
    // Nobody knows who signed it, unless that does not matter.
    let host = at(&url, "rtmp_fuzzy");
    let ran = fails("an unknown authority", host, "network", "1310");
    drop(ran.expect_text("cannot connect"));
    let ran = at(&url, "rtmp_fuzzy")
        .set("insecure", true)
        .set("what", "connect")
        .set("patience", "100ms")
        .finish()
        .expect_clean();
    assert_eq!(connects(&ran), all(1, ""), "{ran}");
    let Some(front) = TlsFront::with(&self_signed(&["elsewhere.test"]), nginx.port()) else {
        return;
    };
    let url = format!("rtmps://127.0.0.1:{}/live", front.port());
    let ran = at(&url, "rtmp_fuzzy").finish().expect_clean();
    assert_eq!(told(&ran, "case"), ["network"], "{ran}");
}

#[test]
fn a_server_that_asks_for_a_name_and_a_password() {
    // Adobe's way: each answer is an error that says what is wanted, and comes before a connection of its own.
    let wanted = |reason: &str| {
        format!("[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : {reason}")
    };
    let peer = RtmpPeer::start(move |wire| {
        let Some(connect) = wire.await_connect() else {
            return;
        };
        let app = connect.values[0].field("app").and_then(Amf::as_text);
        let app = app.unwrap_or_default().to_owned();
        let text = if !app.contains("authmod=adobe") {
            "[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : ".to_owned()
        } else if !app.contains("response=") {
            wanted("?reason=needauth&user=user&salt=AAAAAA==&challenge=BBBBBB==&opaque=CCCCCC==")
        } else {
            wanted("?reason=authfailed&opaque=CCCCCC==")
        };
        let no = Amf::information("error", "NetConnection.Connect.Rejected", &text);
        wire.refuse(connect.transaction, no);
    });
    let host = fuzzy(&peer, "connect")
        .set("user", "user")
        .set("password", "wrong-one");
    let ran = fails("a wrong password", host, "authentication", "2102");
    assert_eq!(peer.connections(), 6, "{ran}");
    let sent = peer.await_ended(6);
    for messages in &sent {
        assert_eq!(commands(messages), ["connect"], "{ran}");
        let payload: Vec<u8> = messages.iter().flat_map(|m| m.payload.clone()).collect();
        assert!(!String::from_utf8_lossy(&payload).contains("wrong-one"));
    }
    drop(ran.expect_no_text("wrong-one"));
    // Nobody said who connects.
    fails("no name", fuzzy(&peer, "connect"), "authentication", "2102");
}

#[test]
fn a_server_that_takes_its_time_to_let_go_holds_nobody_up() {
    let peer = RtmpPeer::start(|wire| {
        wire.accept();
        std::thread::sleep(Duration::from_secs(30));
    });
    let ran = fuzzy(&peer, "connect")
        .set("patience", "100ms")
        .finish()
        .expect_clean();
    assert!(ran.took() < Duration::from_secs(20), "{ran}");
}
