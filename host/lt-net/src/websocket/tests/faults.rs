use super::*;
use crate::peer::local;

/// The server sends these bytes; the client answers with this code and the connection ends so.
fn check(options: &ConnectOptions, bytes: &[u8], ending: Ending, code: u16) {
    let shown = format!("{:02x?}", &bytes[..bytes.len().min(20)]);
    let sent = bytes.to_vec();
    let close = local(async {
        let (done, wait) = tokio::sync::oneshot::channel();
        let done = RefCell::new(Some(done));
        let client = pair_with(options, move |mut server| {
            let (sent, done) = (sent.clone(), done.take().unwrap());
            async move {
                server.write(&sent).await;
                let reason = server.see_close(Some(code)).await;
                done.send(reason).unwrap();
            }
        })
        .await;
        let close = client.closed().await;
        assert_eq!(wait.await.unwrap(), close.reason, "{shown}");
        close
    });
    assert_eq!((close.ending, close.code), (ending, code), "{shown}");
}

fn protocol_error(bytes: &[u8]) {
    check(
        &ConnectOptions::default(),
        bytes,
        Ending::ProtocolError,
        1002,
    );
}

#[test]
fn frames_that_break_the_protocol_are_refused() {
    protocol_error(b"\x81\x81\x00\x00\x00\x00x"); // masked
    for reserved in [0x40, 0x20, 0x10] {
        protocol_error(&frame(TEXT | reserved, b"x"));
        protocol_error(&frame(PING | reserved, b"x"));
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        protocol_error(&frame(0x80 | opcode, b""));
    }
    for control in [CLOSE, PING, PONG] {
        protocol_error(&frame(control & 0x7f, b""));
        protocol_error(&frame(control, &[0; 126]));
    }
    protocol_error(&frame(0x80, b"x"));
    protocol_error(&frame(0x00, b"x"));
    protocol_error(&[frame(0x01, b"x"), frame(TEXT, b"x")].concat());
    protocol_error(&[frame(0x02, b"x"), frame(0x02, b"x")].concat());
    // Lengths that should have been written shorter, and one with its highest bit set.
    protocol_error(b"\x81\x7e\x00\x01x");
    protocol_error(b"\x81\x7f\x00\x00\x00\x00\x00\x00\xff\xff");
    protocol_error(b"\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff");
}

#[test]
fn close_frames_that_break_the_protocol_are_refused() {
    protocol_error(&frame(CLOSE, b"\x03"));
    for code in [
        0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535,
    ] {
        protocol_error(&frame(CLOSE, &close_payload(code, "")));
    }
    let bad_reason = frame(CLOSE, b"\x03\xe8\xff");
    check(
        &ConnectOptions::default(),
        &bad_reason,
        Ending::InvalidUtf8,
        1007,
    );
}

#[test]
fn texts_that_are_not_utf8_are_refused() {
    let check = |bytes: &[u8]| check(&ConnectOptions::default(), bytes, Ending::InvalidUtf8, 1007);
    check(&frame(TEXT, b"\xff"));
    check(&frame(TEXT, b"x\xc3"));
    check(&frame(TEXT, b"\xed\xa0\x80"));
    check(&frame(TEXT, b"\xf4\x90\x80\x80"));
    check(&frame(0x01, b"ok\xff"));
    check(&[frame(0x01, b"x\xc3"), frame(0x00, b"x")].concat());
    check(&[frame(0x01, b"x\xc3"), frame(0x80, b"")].concat());
}

#[test]
fn messages_over_the_limit_are_refused_before_they_come() {
    let options = ConnectOptions {
        message_bytes_max: 1000,
        ..ConnectOptions::default()
    };
    let check = |bytes: &[u8]| check(&options, bytes, Ending::MessageTooLarge, 1009);
    check(b"\x82\x7e\x03\xe9");
    check(b"\x82\x7f\x00\x00\x10\x00\x00\x00\x00\x00");
    check(&[frame(0x02, &[0; 600]), frame(0x80, &[0; 401])].concat());
    check(&frame(TEXT, &[b'x'; 5000]));
    local(async {
        let client = pair_with(&options, |mut server| async move {
            let bytes = [frame(0x02, &[0; 600]), frame(0x80, &[0; 400])].concat();
            server.write(&bytes).await;
        })
        .await;
        assert_eq!(client.receive().await.unwrap().content.len(), 1000);
    });
}

#[test]
fn what_came_before_a_fault_is_kept() {
    local(async {
        let client = pair(|mut server| async move {
            server
                .write(&[frame(TEXT, b"a"), frame(0x83, b""), frame(TEXT, b"b")].concat())
                .await;
            server.see_close(Some(1002)).await;
        })
        .await;
        let socket = client.socket.clone();
        assert_eq!(client.closed().await.ending, Ending::ProtocolError);
        assert_eq!(socket.drain(9).len(), 1);
        assert_eq!(socket.statistics().received, 1);
    });
}

#[test]
fn an_end_without_a_close_frame_is_told() {
    for (bytes, reason) in [
        (&b""[..], "without a close frame"),
        (b"\x81", "within a message"),
        (b"\x81\x05hel", "within a message"),
        (b"\x01\x03hel", "within a message"),
    ] {
        local(async move {
            let client = pair(move |mut server| async move { server.write(bytes).await }).await;
            let close = client.closed().await;
            assert_eq!((close.ending, close.code), (Ending::Disconnected, 1006));
            assert!(close.reason.contains(reason), "{close:?}");
        });
    }
}

#[test]
fn a_reset_is_told() {
    local(async {
        let client = pair(|mut server| async move {
            assert_eq!(server.see().await.unwrap().text(), "x");
            server.text("last words").await;
            rustix::net::sockopt::set_socket_linger(&server.stream, Some(Duration::ZERO)).unwrap();
        })
        .await;
        client.send(text("x")).await;
        let socket = client.socket.clone();
        let close = client.closed().await;
        assert_eq!(
            (close.ending, close.code),
            (Ending::Reset, 1006),
            "{close:?}"
        );
        // Linux keeps what came before a reset.
        assert_eq!(socket.drain(9).len(), 1);
    });
}
