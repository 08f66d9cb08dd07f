//! A framer gives the same whatever pieces the bytes come in, and keeps what came.

use super::super::STANZA_BYTES_DEFAULT;
use super::super::reader::PARSERS_MAX;
use super::*;

pub(super) const HEADER: &str = "<?xml version='1.0'?><stream:stream id='s1' from='example.org' version='1.0' xml:lang='en' \
    xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";

/// Elements of all sorts, as texts: each comes out as it is here.
const ELEMENTS: [&str; 9] = [
    "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>",
    "<message from='a@example.org/r' id='1'><body>hello</body></message>",
    "<message\tfrom = \"b@example.org\"\n id='&lt;2&#x3E;' ><body>a &amp; b > c ü€😀</body ></message >",
    "<presence/>",
    "<iq type='result' id='3' xmlns='jabber:client'/>",
    "<x:y xmlns:x='urn:x' x:z='/>'><![CDATA[<not>&an;<element>]]]]>\r\n</x:y>",
    "<r xmlns='urn:xmpp:sm:3'/>",
    "<message><a><a><a/></a></a><b xmlns='urn:b'><a/></b></message>",
    "<message to='d'><body>&#128512;\r\n]] ></body><body xmlns=''/></message>",
];

pub(super) fn framer(bytes_max: usize) -> Framer {
    Framer::new(Mode::Stream, bytes_max)
}

/// What comes out, as text.
fn shown(event: &Event) -> String {
    match event {
        Event::Open(header) => format!("open {}", header.id.as_deref().unwrap_or_default()),
        Event::Element(stanza) => stanza.xml().to_owned(),
        Event::Close => "close".to_owned(),
    }
}

pub(super) fn feed(
    framer: &mut Framer,
    mut input: &[u8],
    into: &mut Vec<String>,
) -> Result<(), FrameError> {
    let arrived = Instant::now();
    loop {
        match framer.next(&mut input, arrived)? {
            Some(event) => into.push(shown(&event)),
            None => {
                assert!(input.is_empty(), "used all");
                return Ok(());
            }
        }
    }
}

pub(super) fn read(stream: &str) -> Result<Vec<String>, FrameError> {
    let mut events = Vec::new();
    feed(
        &mut framer(STANZA_BYTES_DEFAULT),
        stream.as_bytes(),
        &mut events,
    )?;
    Ok(events)
}

/// A whole stream, and what comes out of it.
pub(super) fn stream() -> (String, Vec<String>) {
    let mut text = format!(" \n{HEADER}");
    let mut expected = vec!["open s1".to_owned()];
    for (index, element) in ELEMENTS.iter().enumerate() {
        text.push_str(element);
        text.push_str(["", " ", "\r\n", "\t\n  "][index % 4]);
        expected.push((*element).to_owned());
    }
    text.push_str("</stream:stream >\n");
    expected.push("close".to_owned());
    (text, expected)
}

#[test]
fn elements_come_out_as_they_came() {
    let (text, expected) = stream();
    assert_eq!(read(&text).unwrap(), expected);
}

#[test]
fn a_split_at_any_byte_changes_nothing() {
    let (text, expected) = stream();
    for at in 0..=text.len() {
        let (before, behind) = text.as_bytes().split_at(at);
        let mut framer = framer(STANZA_BYTES_DEFAULT);
        let mut events = Vec::new();
        feed(&mut framer, before, &mut events).unwrap();
        framer.idle();
        feed(&mut framer, behind, &mut events).unwrap();
        assert_eq!(events, expected, "split at {at}");
    }
}

#[test]
fn bytes_one_by_one_change_nothing() {
    let (text, expected) = stream();
    let mut framer = framer(STANZA_BYTES_DEFAULT);
    let mut events = Vec::new();
    for byte in text.bytes() {
        feed(&mut framer, &[byte], &mut events).unwrap();
        framer.idle();
    }
    assert_eq!(events, expected);
}

/// Numbers that look random and are the same each time (Knuth's MMIX generator).
pub(super) fn random(state: &mut u64) -> usize {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*state >> 40).unwrap()
}

#[test]
fn sessions_in_random_pieces_do_not_disturb_each_other() {
    let (text, expected) = stream();
    let mut state = 7;
    for round in 0..50 {
        // More at a time than parsers are kept.
        let mut sessions: Vec<_> = (0..2 * PARSERS_MAX)
            .map(|_| (framer(STANZA_BYTES_DEFAULT), text.as_bytes(), Vec::new()))
            .collect();
        while sessions.iter().any(|(_, left, _)| !left.is_empty()) {
            let which = random(&mut state) % sessions.len();
            let (framer, left, events) = &mut sessions[which];
            let size = (random(&mut state) % 40).min(left.len());
            let (piece, rest) = left.split_at(size);
            feed(framer, piece, events).unwrap();
            *left = rest;
        }
        for (framer, _, events) in &sessions {
            assert_eq!(*events, expected, "round {round}");
            assert!(framer.is_between_elements());
        }
    }
}

#[test]
fn a_framer_knows_whether_it_is_in_something() {
    let mut framer = framer(STANZA_BYTES_DEFAULT);
    let mut events = Vec::new();
    let mut after = |text: &str| {
        feed(&mut framer, text.as_bytes(), &mut events).unwrap();
        framer.is_between_elements()
    };
    assert!(after("\n"));
    assert!(!after(&HEADER[..30]));
    assert!(after(&HEADER[30..]));
    assert!(after(" "));
    assert!(!after("<"));
    assert!(!after("iq>"));
    assert!(!after("</iq"));
    assert!(after(">"));
}

#[test]
fn a_stream_begins_anew() {
    let mut framer = framer(STANZA_BYTES_DEFAULT);
    let mut events = Vec::new();
    for half in ["", "<iq><a", "</stream:stream>"] {
        feed(
            &mut framer,
            format!("{HEADER}{half}").as_bytes(),
            &mut events,
        )
        .unwrap();
        framer.restart();
    }
    assert!(feed(&mut framer, b"nonsense", &mut events).is_err());
    feed(&mut framer, HEADER.as_bytes(), &mut events).unwrap();
    framer.restart();
    feed(&mut framer, HEADER.as_bytes(), &mut events).unwrap();
    assert_eq!(
        events,
        ["open s1", "open s1", "open s1", "close", "open s1"]
    );
}

#[test]
fn nothing_comes_after_the_end_or_an_error() {
    let mut framer = framer(STANZA_BYTES_DEFAULT);
    let mut events = Vec::new();
    let stream = format!("{HEADER}</stream:stream><iq/>");
    feed(&mut framer, stream.as_bytes(), &mut events).unwrap();
    feed(&mut framer, b"<iq/>", &mut events).unwrap();
    assert_eq!(events, ["open s1", "close"]);
    framer.restart();
    let stream = format!("{HEADER}<iq></message><presence/>");
    feed(&mut framer, stream.as_bytes(), &mut events).unwrap_err();
    feed(&mut framer, b"<presence/>", &mut events).unwrap();
    assert_eq!(events, ["open s1", "close", "open s1"]);
}

#[test]
fn a_header_tells_whose_stream_it_is() {
    let mut input = HEADER.as_bytes();
    let event = framer(STANZA_BYTES_DEFAULT).next(&mut input, Instant::now());
    let Ok(Some(Event::Open(header))) = event else {
        panic!("{event:?}");
    };
    let expected = StreamHeader {
        id: Some("s1".to_owned()),
        from: Some("example.org".to_owned()),
        version: Some("1.0".to_owned()),
    };
    assert_eq!(header, expected);
}

#[test]
fn stanzas_are_stamped_with_the_time_of_their_last_byte() {
    let mut framer = framer(STANZA_BYTES_DEFAULT);
    let first = Instant::now();
    let second = first + std::time::Duration::from_secs(1);
    framer.set_own("me@example.org".into());
    framer.next(&mut HEADER.as_bytes(), first).unwrap();
    assert!(
        framer
            .next(&mut &b"<message "[..], first)
            .unwrap()
            .is_none()
    );
    let event = framer.next(&mut &b"id='1'/>"[..], second).unwrap();
    let Some(Event::Element(stanza)) = event else {
        panic!("{event:?}");
    };
    assert_eq!(stanza.arrived(), second);
    assert_eq!(
        (stanza.from(), stanza.sender()),
        (None, Some("me@example.org"))
    );
    assert_eq!(stanza.xml(), "<message id='1'/>");
}

#[test]
fn what_comes_is_what_another_parser_reads() {
    // As the other wants it: with the stream around it.
    let names = HEADER.split_once("?>").unwrap().1;
    for element in ELEMENTS {
        let whole = format!("{names}{element}</stream:stream>");
        let expected: minidom::Element = whole.parse().unwrap();
        let expected = expected.children().next().unwrap();
        let stanza = Stanza::parse(element, Instant::now()).unwrap();
        assert_eq!(
            (stanza.name(), stanza.namespace()),
            (expected.name(), &*expected.ns())
        );
        assert_eq!(stanza.id(), expected.attr("id"));
        assert_eq!(stanza.from(), expected.attr("from"));
        assert_eq!(stanza.kind(), expected.attr("type"));
        let names: Vec<_> = expected
            .children()
            .map(|child| (child.ns(), child.name()))
            .collect();
        let found: Vec<_> = stanza
            .payloads()
            .map(|(namespace, name)| (namespace.to_owned(), name))
            .collect();
        assert_eq!(found, names);
        // But for where names are declared, which it remembers.
        assert!(same(&stanza.element().unwrap(), expected), "{element}");
    }
}

fn same(a: &minidom::Element, b: &minidom::Element) -> bool {
    a.name() == b.name()
        && a.ns() == b.ns()
        && a.attrs().eq(b.attrs())
        && a.text() == b.text()
        && a.children().count() == b.children().count()
        && a.children().zip(b.children()).all(|(a, b)| same(a, b))
}

/// A frame over WebSocket.
pub(super) fn document(frame: &str) -> Result<String, FrameError> {
    let mut framer = Framer::new(Mode::Document, 1000);
    framer
        .document(frame, Instant::now())
        .map(|event| shown(&event))
}

#[test]
fn frames_are_elements() {
    for (frame, expected) in [
        (
            "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' id='s&amp;1' version='1.0'/>",
            "open s&1",
        ),
        (
            "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>",
            "close",
        ),
        (
            "<f:close xmlns:f='urn:ietf:params:xml:ns:xmpp-framing'></f:close>",
            "close",
        ),
        (
            "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing' see-other-uri='wss://b/?a&amp;b'/>",
            "<stream:error xmlns:stream='http://etherx.jabber.org/streams'><see-other-host \
             xmlns='urn:ietf:params:xml:ns:xmpp-streams'>wss://b/?a&amp;b</see-other-host></stream:error>",
        ),
        (
            "<message xmlns='jabber:client'><body/></message>",
            "<message xmlns='jabber:client'><body/></message>",
        ),
        (" <iq/>\n", "<iq/>"),
    ] {
        assert_eq!(document(frame).as_deref(), Ok(expected));
    }
}
