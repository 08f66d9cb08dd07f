//! Tests of [`super::Receiver`]: every rule of RFC 9112 that decides where a response ends.

use super::*;

/// Feed pieces, then end the stream if asked; returns the receiver with its final response.
fn receive(to_head: bool, pieces: &[&[u8]], end: bool) -> Result<Receiver, NetError> {
    let mut receiver = Receiver::new(to_head, Kept::new(true, 1000));
    for piece in pieces {
        receiver.feed(piece)?;
    }
    if end {
        receiver.end()?;
    }
    Ok(receiver)
}

#[track_caller]
fn check(wire: &str, end: bool, wanted: (u16, &str, bool)) {
    let bytes = wire.as_bytes();
    for at in 0..=bytes.len() {
        let mut receiver = receive(false, &[&bytes[..at], &bytes[at..]], end).unwrap();
        assert!(receiver.is_done(), "split at {at}");
        let status = receiver.take_start().unwrap().status;
        let body = String::from_utf8_lossy(&receiver.body.bytes).into_owned();
        assert_eq!(
            (status, body.as_str(), receiver.reusable),
            wanted,
            "split at {at}"
        );
    }
    let mut bytewise = receive(false, &bytes.chunks(1).collect::<Vec<_>>(), end).unwrap();
    assert_eq!(bytewise.take_start().unwrap().status, wanted.0);
    assert_eq!(bytewise.body.length, wanted.1.len() as u64);
}

#[track_caller]
fn check_error(wire: &str, code: u16) {
    let bytes = wire.as_bytes();
    for at in 0..=bytes.len() {
        let error = receive(false, &[&bytes[..at], &bytes[at..]], true).unwrap_err();
        assert_eq!(error.code(), code, "split at {at}: {error}");
    }
}

#[test]
fn a_length_ends_a_body() {
    check(
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        false,
        (200, "hello", true),
    );
    check(
        "HTTP/1.1 200\r\ncontent-length:0\r\n\r\n",
        false,
        (200, "", true),
    );
    check(
        "HTTP/1.1 200 OK\ncontent-length: 2\n\nhi",
        false,
        (200, "hi", true),
    );
    check(
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\ncontent-length: 2, 2\r\n\r\nhi",
        false,
        (200, "hi", true),
    );
}

#[test]
fn wrong_lengths_are_refused() {
    for value in [
        "2\r\ncontent-length: 3",
        "2, 3",
        "+2",
        "-1",
        "",
        "2x",
        "0x2",
        "99999999999999999999",
        "2,",
    ] {
        check_error(
            &format!("HTTP/1.1 200 OK\r\ncontent-length: {value}\r\n\r\nhi"),
            1500,
        );
    }
}

#[test]
fn chunks_end_a_body_and_go_before_a_length() {
    let chunks = "2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n";
    check(
        &format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n{chunks}"),
        false,
        (200, "hi", true),
    );
    let both = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\ntransfer-encoding: chunked\r\n\r\n{chunks}"
    );
    check(&both, false, (200, "hi", false));
    check_error(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
        1500,
    );
    check_error(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n",
        1500,
    );
}

#[test]
fn without_either_the_end_of_the_stream_ends_it() {
    check(
        "HTTP/1.1 200 OK\r\n\r\nall of it",
        true,
        (200, "all of it", false),
    );
    check("HTTP/1.0 200 OK\r\n\r\n", true, (200, "", false));
}

#[test]
fn some_statuses_have_no_body() {
    check("HTTP/1.1 204 No Content\r\n\r\n", false, (204, "", true));
    check(
        "HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n",
        false,
        (304, "", true),
    );
    check(
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        false,
        (101, "", false),
    );
    let mut to_head = receive(
        true,
        &[b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"],
        false,
    )
    .unwrap();
    assert!(to_head.is_done() && to_head.reusable);
    assert_eq!(
        to_head.take_start().unwrap().head.get("content-length"),
        Some(&b"5"[..])
    );
}

#[test]
fn interim_responses_are_skipped() {
    let hints = "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n";
    let wire = format!(
        "HTTP/1.1 100 Continue\r\n\r\n{hints}HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\nhi"
    );
    check(&wire, false, (201, "hi", true));
    assert!(receive(false, &[wire.as_bytes()], false).unwrap().continued);
    check_error(&hints.repeat(INTERIM_MAX as usize + 1), 1500);
    check_error(hints, 1221);
}

#[test]
fn connection_and_version_decide_about_reuse() {
    let with = |version: &str, field: &str| {
        format!("HTTP/{version} 200 OK\r\n{field}content-length: 0\r\n\r\n")
    };
    check(
        &with("1.1", "Connection: foo, Close\r\n"),
        false,
        (200, "", false),
    );
    check(&with("1.0", ""), false, (200, "", false));
    check(
        &with("1.0", "connection: Keep-Alive\r\n"),
        false,
        (200, "", true),
    );
    check(
        &with("1.1", "connection: keep-alive\r\n"),
        false,
        (200, "", true),
    );
}

#[test]
fn a_coding_in_the_version_that_has_none_forbids_reuse() {
    check(
        "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        false,
        (200, "", false),
    );
}

#[test]
fn bytes_after_the_end_forbid_reuse() {
    check(
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi!",
        false,
        (200, "hi", false),
    );
    check("HTTP/1.1 204 No\r\n\r\nX", false, (204, "", false));
}

#[test]
fn an_early_end_is_an_error() {
    check_error("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell", 1221);
    check_error(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        1221,
    );
    check_error("HTTP/1.1 200 OK\r\n", 1221);
    check_error("", 1221);
}

#[test]
fn what_is_not_http_is_refused() {
    for wire in [
        "SSH-2.0-OpenSSH\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nname : spaced\r\n\r\n",
        "HTTP/1.1 200 OK\r\nfolded: a\r\n b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    ] {
        check_error(wire, 1500);
    }
}

#[test]
fn heads_are_bounded() {
    let field = format!("x: {}\r\n", "y".repeat(1000));
    let large = format!(
        "HTTP/1.1 200 OK\r\n{}",
        field.repeat(HEAD_BYTES_MAX / 1000 + 1)
    );
    let mut whole = Receiver::new(false, Kept::new(false, 0));
    assert_eq!(
        whole.feed(format!("{large}\r\n").as_bytes()).unwrap_err(),
        NetError::HeadTooLarge
    );
    let mut pieces = Receiver::new(false, Kept::new(false, 0));
    let error = large
        .as_bytes()
        .chunks(777)
        .find_map(|piece| pieces.feed(piece).err());
    assert_eq!(error, Some(NetError::HeadTooLarge));
    let many = format!(
        "HTTP/1.1 200 OK\r\n{}\r\n",
        "a: b\r\n".repeat(FIELDS_MAX + 1)
    );
    check_error(&many, 1501);
}

#[test]
fn a_body_over_the_cap_is_counted_only() {
    let wire = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n{}",
        "x".repeat(1001)
    );
    let receiver = receive(
        false,
        &wire.as_bytes().chunks(100).collect::<Vec<_>>(),
        false,
    )
    .unwrap();
    assert!(receiver.is_done() && receiver.body.overflow && !receiver.body.is_whole());
    assert_eq!(
        (receiver.body.length, receiver.body.bytes.capacity()),
        (1001, 0)
    );
    let mut discarded = Receiver::new(false, Kept::new(false, 1000));
    discarded
        .feed(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")
        .unwrap();
    assert!(!discarded.body.is_whole() && !discarded.body.overflow);
    assert_eq!(
        (discarded.body.length, discarded.body.bytes.capacity()),
        (2, 0)
    );
}
