//! What is no stream, or over a limit, is refused.

use super::super::{DEPTH_MAX, STANZA_BYTES_DEFAULT};
use super::tests::{HEADER, document, feed, framer, random, read, stream};
use super::*;

#[test]
fn random_damage_is_an_error_or_other_elements_and_never_a_panic() {
    let (text, _) = stream();
    let mut state = 11;
    let mut refused = 0;
    for _ in 0..2000 {
        let mut bytes = text.clone().into_bytes();
        for _ in 0..=random(&mut state) % 3 {
            let at = random(&mut state) % bytes.len();
            match random(&mut state) % 3 {
                0 => bytes[at] = u8::try_from(random(&mut state) % 256).unwrap(),
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, b"<>&'\"/ ;!?\0\xff"[random(&mut state) % 12]),
            }
        }
        let mut framer = framer(STANZA_BYTES_DEFAULT);
        let mut events = Vec::new();
        let mut result = Ok(());
        for piece in bytes.chunks(1 + random(&mut state) % 50) {
            result = feed(&mut framer, piece, &mut events);
            if result.is_err() {
                break;
            }
        }
        refused += usize::from(result.is_err());
    }
    assert!(refused > 500, "{refused}");
}

/// What `stream` is refused with.
fn check_refused(stream: &str, condition: &str, text: &str) {
    let whole = read(stream).unwrap_err();
    assert_eq!(whole.condition, condition, "{stream}: {whole:?}");
    assert!(whole.text.contains(text), "{stream}: {whole:?}");
    assert_eq!(
        whole.too_large,
        condition == "policy-violation",
        "{whole:?}"
    );
    let mut framer = framer(STANZA_BYTES_DEFAULT);
    let mut events = Vec::new();
    let error = stream
        .bytes()
        .find_map(|byte| feed(&mut framer, &[byte], &mut events).err());
    let in_pieces = error.unwrap_or_else(|| panic!("{stream} in pieces: {events:?}"));
    assert_eq!(in_pieces.condition, condition, "{stream} in pieces");
}

#[test]
fn what_is_no_stream_is_refused_at_once() {
    check_refused("HTTP/1.1 400 Bad Request\r\n", "not-well-formed", "HTTP");
    check_refused("\u{feff}<?xml version='1.0'?>", "not-well-formed", "no XML");
    check_refused(
        "<html xmlns='http://www.w3.org/1999/xhtml'>",
        "invalid-namespace",
        "xhtml",
    );
    check_refused("<!DOCTYPE html>", "restricted-xml", "");
    check_refused(
        &HEADER.replace("jabber:client", "jabber:server"),
        "invalid-namespace",
        "jabber:server",
    );
    check_refused(
        &HEADER.replace("etherx", "ether"),
        "invalid-namespace",
        "ether",
    );
    check_refused(
        &HEADER.replace("stream:stream", "stream:flow"),
        "bad-format",
        "flow",
    );
    check_refused(
        &HEADER
            .replace("stream:stream", "s:stream")
            .replace("xmlns:stream", "xmlns:s"),
        "bad-namespace-prefix",
        "prefix",
    );
    check_refused(&HEADER.replace("'>", "'/>"), "bad-format", "header");
    check_refused(&HEADER.replace("'1.0'?", "'1.1'?"), "restricted-xml", "1.0");
    check_refused(
        &HEADER.replace("id='s1'", "id='s1' id='s2'"),
        "not-well-formed",
        "duplicate",
    );
}

#[test]
fn faults_in_a_stream_are_refused() {
    for (fault, condition) in [
        ("<message></iq>", "not-well-formed"),
        ("<message><body></message>", "not-well-formed"),
        ("<message x='1' x='2'/>", "not-well-formed"),
        (
            "<message xmlns:a='u' xmlns:b='u' a:x='1' b:x='2'/>",
            "not-well-formed",
        ),
        ("<message x=1/>", "not-well-formed"),
        ("<message x='<'/>", "not-well-formed"),
        ("<message>]]></message>", "not-well-formed"),
        ("<message>&#0;</message>", "not-well-formed"),
        ("<message>\u{1}</message>", "not-well-formed"),
        ("< message/>", "not-well-formed"),
        ("<a:message/>", "bad-namespace-prefix"),
        ("<message a:x='1'/>", "bad-namespace-prefix"),
        ("<message xmlns:a=''/>", "bad-namespace-prefix"),
        ("<message xmlns:xmlns='u'/>", "bad-namespace-prefix"),
        ("hello", "bad-format"),
        ("<presence/>x", "bad-format"),
        ("&amp;", "bad-format"),
        ("<!-- c -->", "restricted-xml"),
        ("<message><!-- c --></message>", "restricted-xml"),
        ("<?target data?>", "restricted-xml"),
        ("<message><?target data?></message>", "restricted-xml"),
        ("<?xml version='1.0'?>", "restricted-xml"),
        ("<!DOCTYPE x [<!ENTITY a 'aaaa'>]>", "restricted-xml"),
        ("<message>&nbsp;</message>", "restricted-xml"),
        ("<message x='&a;'/>", "restricted-xml"),
        ("</stream>", "not-well-formed"),
        ("</message>", "not-well-formed"),
        ("<stream:stream>x</stream:strea>", "not-well-formed"),
    ] {
        check_refused(&format!("{HEADER}{fault}"), condition, "");
    }
    // An entity bomb before the header.
    let bomb =
        "<?xml version='1.0'?><!DOCTYPE lolz [<!ENTITY lol 'lol'><!ENTITY lol1 '&lol;&lol;'>]>";
    check_refused(&format!("{bomb}{HEADER}"), "restricted-xml", "");
}

#[test]
fn what_is_no_utf8_is_refused() {
    for fault in [
        &b"<a>\xff</a>"[..],
        b"<a>\xc3</a>",
        b"<a x='\xed\xa0\x80'/>",
        b"<a\xff/>",
        b"<a>\xf0\x9f\x98</a>",
    ] {
        let mut framer = framer(STANZA_BYTES_DEFAULT);
        let mut events = Vec::new();
        feed(&mut framer, HEADER.as_bytes(), &mut events).unwrap();
        let error = feed(&mut framer, fault, &mut events).unwrap_err();
        assert_eq!(error.condition, "not-well-formed", "{error:?}");
    }
}

#[test]
fn depth_has_a_limit() {
    let nested =
        |levels: usize| format!("{HEADER}{}{}", "<a>".repeat(levels), "</a>".repeat(levels));
    assert_eq!(read(&nested(DEPTH_MAX)).unwrap().len(), 2);
    check_refused(&nested(DEPTH_MAX + 1), "policy-violation", "64 levels");
    check_refused(&nested(10_000), "policy-violation", "64 levels");
    let endless = format!("{HEADER}{}", "<a>".repeat(10_000));
    check_refused(&endless, "policy-violation", "64 levels");
    // The tree that somebody may ask for has no more.
    let stanza = Stanza::parse(&nested(DEPTH_MAX)[HEADER.len()..], Instant::now()).unwrap();
    assert!(stanza.element().is_ok());
}

/// A message of so many bytes.
fn message(bytes: usize) -> String {
    const AROUND: &str = "<message><body></body></message>";
    let body = "x".repeat(bytes - AROUND.len());
    format!("<message><body>{body}</body></message>")
}

#[test]
fn a_stanza_has_a_longest() {
    for bytes_max in [1000, 100_000] {
        for piece in [1, 77, 4096, usize::MAX] {
            let read = |text: &str| {
                let mut framer = framer(bytes_max);
                let mut events = Vec::new();
                feed(&mut framer, HEADER.as_bytes(), &mut events).unwrap();
                let mut pieces = text.as_bytes().chunks(piece);
                let result = pieces.try_for_each(|piece| feed(&mut framer, piece, &mut events));
                result.map(|()| events.pop())
            };
            let text = message(bytes_max);
            assert_eq!(read(&text), Ok(Some(text)), "{piece}");
            let error = read(&message(bytes_max + 1)).unwrap_err();
            assert!(error.too_large, "{piece}: {error:?}");
        }
    }
}

#[test]
fn a_huge_stanza_is_refused_at_the_limit() {
    const BYTES_MAX: usize = 256 << 10;
    let text = message(32 << 20);
    let mut framer = framer(BYTES_MAX);
    feed(&mut framer, HEADER.as_bytes(), &mut Vec::new()).unwrap();
    let mut taken = 0;
    let error = text.as_bytes().chunks(16 << 10).find_map(|piece| {
        taken += piece.len();
        feed(&mut framer, piece, &mut Vec::new()).err()
    });
    assert!(error.unwrap().too_large);
    assert!(taken <= BYTES_MAX + (16 << 10), "{taken}");
    // In one piece too, and no more of it is read than that and a token.
    let mut input = text.as_bytes();
    let mut framer = self::framer(BYTES_MAX);
    feed(&mut framer, HEADER.as_bytes(), &mut Vec::new()).unwrap();
    assert!(
        framer
            .next(&mut input, Instant::now())
            .unwrap_err()
            .too_large
    );
    assert!(text.len() - input.len() <= BYTES_MAX + 2 * TOKEN_BYTES_MAX);
}

#[test]
fn a_header_has_a_longest() {
    let endless = format!("<stream:stream {}", "a='' ".repeat(100_000));
    let mut framer = framer(1000);
    let mut pieces = endless.as_bytes().chunks(100);
    let error = pieces.find_map(|piece| feed(&mut framer, piece, &mut Vec::new()).err());
    assert!(error.unwrap().too_large);
    let mut blanks = self::framer(1000);
    let spaces = [b' '; 5000];
    assert!(feed(&mut blanks, &spaces, &mut Vec::new()).is_ok());
    assert!(blanks.is_between_elements());
}

#[test]
fn names_and_attributes_have_a_longest_and_texts_do_not() {
    let long = "x".repeat(TOKEN_BYTES_MAX - 100);
    let too_long = "x".repeat(TOKEN_BYTES_MAX + 100);
    for fits in [
        format!("{HEADER}<a b='{long}'/>"),
        format!("{HEADER}<{long}/>"),
        format!("{HEADER}<a>{too_long}</a>"),
    ] {
        assert!(read(&fits).is_ok());
    }
    check_refused(
        &format!("{HEADER}<a b='{too_long}'/>"),
        "policy-violation",
        "attribute",
    );
    check_refused(
        &format!("{HEADER}<{too_long}/>"),
        "policy-violation",
        "name",
    );
}

#[test]
fn what_a_stanza_brings_along_is_not_left_to_the_next() {
    // Its names, its default namespace and its damage end with it.
    let damaged = format!("{HEADER}<iq xmlns:p='u' xmlns='v'><p:a><b></iq>");
    let whole = format!("{HEADER}<iq xmlns:p='u' xmlns='v'><p:a/><b/></iq>");
    for _ in 0..3 {
        assert!(read(&damaged).is_err());
        assert!(read(&whole).is_ok());
        check_refused(&format!("{whole}<p:a/>"), "bad-namespace-prefix", "");
        let mut input = whole.as_bytes();
        let mut framer = framer(STANZA_BYTES_DEFAULT);
        framer.next(&mut input, Instant::now()).unwrap();
        framer.next(&mut input, Instant::now()).unwrap();
        let next = framer.next(&mut &b"<iq/>"[..], Instant::now());
        assert!(
            matches!(&next, Ok(Some(Event::Element(stanza))) if stanza.namespace() == NS_CLIENT),
            "{next:?}"
        );
    }
}

#[test]
fn frames_that_are_no_element_are_refused() {
    for (frame, condition) in [
        ("", "not-well-formed"),
        ("hello", "not-well-formed"),
        ("<iq>", "not-well-formed"),
        ("<iq/><iq/>", "bad-format"),
        ("<iq/>x", "bad-format"),
        ("</stream:stream>", "bad-format"),
        (
            "<stop xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>",
            "bad-format",
        ),
        ("<!-- c -->", "restricted-xml"),
        ("<a:b/>", "bad-namespace-prefix"),
        (&message(1001), "policy-violation"),
    ] {
        let error = document(frame).unwrap_err();
        assert_eq!(error.condition, condition, "{frame}: {error:?}");
    }
    assert!(document(&message(1000)).is_ok());
}
