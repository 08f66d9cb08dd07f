//! The handshake, however it comes.

use super::handshake::Handshake;

fn server(s1: &[u8], s2: &[u8]) -> Vec<u8> {
    [&[3], s1, s2, b"chunks"].concat()
}

#[test]
fn c0_and_c1_are_those_of_a_handshake_without_digests() {
    let handshake = Handshake::new(0x0102_0304);
    let sent = handshake.c0c1();
    assert_eq!(sent.len(), 1537);
    assert_eq!(sent[..9], [3, 1, 2, 3, 4, 0, 0, 0, 0]);
    assert_ne!(sent, handshake.c0c1());
}

#[test]
fn c2_is_the_echo_of_s1_and_what_follows_s2_is_left() {
    let s1: Vec<u8> = (0..1536).map(|index| index as u8).collect();
    let bytes = server(&s1, &[9; 1536]);
    for part in [1, 2, 1000, 1536, 1537, 1538, 3073, bytes.len()] {
        let mut handshake = Handshake::new(0x0a0b_0c0d);
        let (mut sent, mut left) = (Vec::new(), Vec::new());
        for mut input in bytes.chunks(part) {
            sent.extend(handshake.feed(&mut input).unwrap());
            assert!(input.is_empty() || handshake.is_done());
            left.extend_from_slice(input);
        }
        assert!(handshake.is_done());
        assert_eq!(left, b"chunks");
        // The peer's time, when it was read, the peer's random bytes; once.
        let expected = [&s1[..4], &[0x0a, 0x0b, 0x0c, 0x0d], &s1[8..]].concat();
        assert_eq!(sent, [expected]);
    }
}

#[test]
fn half_a_handshake_is_not_done() {
    let mut handshake = Handshake::new(0);
    let bytes = server(&[1; 1536], &[2; 1536]);
    let mut input = &bytes[..3072];
    assert!(handshake.feed(&mut input).unwrap().is_some());
    assert!(!handshake.is_done());
}

#[test]
fn what_came_instead_is_told() {
    let mut input = b"HTTP/1.1 400 Bad Request\r\n\r\n".as_slice();
    let error = Handshake::new(0).feed(&mut input).unwrap_err();
    assert!(error.contains("HTTP/1.1 400 Bad Request\""), "{error}");
    let error = Handshake::new(0)
        .feed(&mut b"\x06\x01".as_slice())
        .unwrap_err();
    assert!(error.contains("version 6 instead of 3"), "{error}");
}
