//! What is asked of a stanza: filters, keys, templates, errors, and what a guest wants to send.

use std::fmt::Write as _;

use tokio::time::Instant;

use super::framer::{Event, Framer, Mode};
use super::*;

fn stanza(xml: &str) -> Stanza {
    Stanza::parse(xml, Instant::now()).unwrap_or_else(|error| panic!("{xml}: {error}"))
}

const CHAT: &str = "<message from='Anna@Example.org/Phone' to='me@example.org/r' id='m&amp;1' type='chat'>\
    <body>hello</body><request xmlns='urn:xmpp:receipts'/>\
    <origin-id xmlns='urn:xmpp:sid:0' id='o1'/><stanza-id xmlns='urn:xmpp:sid:0' id='s1' by='me@example.org'/></message>";

#[test]
fn a_stanza_tells_what_it_is() {
    let chat = stanza(CHAT);
    assert_eq!(
        (chat.name(), chat.namespace()),
        ("message", "jabber:client")
    );
    assert_eq!(chat.stanza_kind(), Some(StanzaKind::Message));
    assert_eq!(chat.from(), Some("Anna@Example.org/Phone"));
    assert_eq!(chat.to(), Some("me@example.org/r"));
    assert_eq!((chat.id(), chat.kind()), (Some("m&1"), Some("chat")));
    assert_eq!(
        chat.payloads().collect::<Vec<_>>(),
        [
            ("jabber:client", "body"),
            ("urn:xmpp:receipts", "request"),
            ("urn:xmpp:sid:0", "origin-id"),
            ("urn:xmpp:sid:0", "stanza-id"),
        ]
    );
    assert!(chat.bytes() > CHAT.len());
    let other = stanza("<r xmlns='urn:xmpp:sm:3'/>");
    assert_eq!((other.stanza_kind(), other.name()), (None, "r"));
    assert_eq!(stanza("<iq xmlns='jabber:server'/>").stanza_kind(), None);
    assert_eq!(stanza("<stream:error/>").namespace(), framer::NS_STREAMS);
}

#[test]
fn many_children_count_for_what_they_take() {
    let children = "<a xmlns='b'/>".repeat(1000);
    let many = stanza(&format!("<message>{children}</message>"));
    assert_eq!(many.payloads().count(), 1000);
    assert!(many.bytes() > 100_000, "{}", many.bytes());
}

#[test]
fn delayed_stanzas_say_so() {
    for (xml, delayed) in [
        (
            "<message><delay xmlns='urn:xmpp:delay' stamp='2002-09-10T23:08:25Z'/></message>",
            true,
        ),
        ("<message><x xmlns='jabber:x:delay'/></message>", true),
        (
            "<message><d:delay xmlns:d='urn:xmpp:delay'/></message>",
            true,
        ),
        (
            "<message><x xmlns='jabber:x:oob'/><delay/></message>",
            false,
        ),
        (
            "<message><a><delay xmlns='urn:xmpp:delay'/></a></message>",
            false,
        ),
    ] {
        assert_eq!(stanza(xml).is_delayed(), delayed, "{xml}");
    }
}

#[test]
fn errors_name_their_condition() {
    let xml = "<iq type='error' id='1'><query xmlns='u'/><error type='cancel'>\
        <text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>No &lt;such&gt; thing</text>\
        <item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><own xmlns='urn:own'/></error></iq>";
    let expected = StanzaError {
        condition: "item-not-found".to_owned(),
        kind: "cancel".to_owned(),
        text: "No <such> thing".to_owned(),
        xml: xml.into(),
    };
    assert_eq!(stanza(xml).error(), Some(expected));
    let bare = stanza("<presence type='error'/>").error().unwrap();
    assert_eq!(
        (&*bare.condition, &*bare.kind, &*bare.text),
        ("undefined-condition", "", "")
    );
    assert_eq!(stanza("<iq type='result'/>").error(), None);
}

/// Whether a filter fits.
fn check_filter(filter: Filter, xml: &str, expected: bool) {
    let shown = format!("{filter:?} on {xml}");
    let filters = Filters::new(vec![filter]).unwrap();
    assert_eq!(filters.matches(&stanza(xml)), expected, "{shown}");
}

macro_rules! filter {
    ($($field:ident: $value:expr),*) => {
        Filter { $($field: Some($value.to_owned()),)* ..Filter::default() }
    };
}

#[test]
fn filters_mean_what_they_say() {
    check_filter(Filter::default(), CHAT, true);
    check_filter(filter!(name: "message"), CHAT, true);
    check_filter(filter!(name: "iq"), CHAT, false);
    check_filter(filter!(id: "m&1"), CHAT, true);
    check_filter(filter!(id: "m&amp;1"), CHAT, false);
    check_filter(filter!(id: ""), "<iq/>", false);
    check_filter(filter!(namespace: "urn:xmpp:sid:0"), CHAT, true);
    check_filter(filter!(namespace: "urn:xmpp:sid:1"), CHAT, false);
    check_filter(filter!(payload: "body"), CHAT, true);
    check_filter(filter!(payload: "delay"), CHAT, false);
    check_filter(
        filter!(namespace: "urn:xmpp:sid:0", payload: "stanza-id"),
        CHAT,
        true,
    );
    // Of one child.
    check_filter(
        filter!(namespace: "urn:xmpp:sid:0", payload: "request"),
        CHAT,
        false,
    );
    check_filter(filter!(contains: "<body>hel"), CHAT, true);
    check_filter(filter!(contains: "goodbye"), CHAT, false);
    check_filter(filter!(regex: "<body>h[a-z]+<"), CHAT, true);
    check_filter(filter!(regex: "^hello"), CHAT, false);
    check_filter(
        filter!(name: "message", kind: "chat", id: "m&1", contains: "hello"),
        CHAT,
        true,
    );
    check_filter(
        filter!(name: "message", kind: "chat", id: "m&1", contains: "hallo"),
        CHAT,
        false,
    );
}

#[test]
fn types_that_are_left_out_are_known() {
    check_filter(filter!(kind: "normal"), "<message/>", true);
    check_filter(filter!(kind: "available"), "<presence/>", true);
    check_filter(filter!(kind: "available"), "<message/>", false);
    check_filter(filter!(kind: "normal"), "<message type='chat'/>", false);
    check_filter(filter!(kind: "get"), "<iq/>", false);
    check_filter(filter!(kind: "normal"), "<message xmlns='other'/>", false);
}

#[test]
fn senders_are_compared_as_normalised() {
    for (from, fits) in [
        ("anna@example.org/Phone", true),
        ("ANNA@EXAMPLE.ORG/Phone", true),
        ("anna@example.org/phone", false),
        ("anna@example.org", true),
        ("Anna@example.org", true),
        ("example.org", false),
        ("anna@example.com", false),
        ("ann@example.org", false),
    ] {
        check_filter(filter!(from: from), CHAT, fits);
    }
    check_filter(
        filter!(from: "room@conf"),
        "<message from='room@conf/A nick /@ü'/>",
        true,
    );
    check_filter(
        filter!(from: "room@conf/A nick /@ü"),
        "<message from='room@conf/A nick /@ü'/>",
        true,
    );
    check_filter(
        filter!(from: "room@conf"),
        "<message from='room@conf'/>",
        true,
    );
    check_filter(filter!(from: "conf"), "<message from='conf/x'/>", true);
    check_filter(
        filter!(from: "straße@example.org"),
        "<message from='STRASSE@example.org'/>",
        true,
    );
    // What is no address is nobody's.
    check_filter(filter!(from: "a@b"), "<message from='a@b@c'/>", false);
    check_filter(filter!(from: "a@b"), "<message from=''/>", false);
    check_filter(filter!(from: "a@b"), "<message/>", false);
}

#[test]
fn without_a_sender_it_is_the_own_account() {
    let mut framer = Framer::new(Mode::Document, 1000);
    framer.set_own("me@example.org".into());
    let Ok(Event::Element(stanza)) = framer.document("<message/>", Instant::now()) else {
        panic!("no element");
    };
    let matches = |from: &str| {
        Filters::new(vec![filter!(from: from)])
            .unwrap()
            .matches(&stanza)
    };
    assert!(matches("Me@Example.org"));
    assert!(!matches("me@example.org/r"));
    assert!(!matches("example.org"));
    assert_eq!(fill_template("{from}", &stanza), "me@example.org");
}

#[test]
fn one_filter_is_enough() {
    let filters = Filters::new(vec![filter!(name: "iq"), filter!(kind: "chat")]).unwrap();
    assert!(filters.matches(&stanza(CHAT)));
    assert!(filters.matches(&stanza("<iq/>")));
    assert!(!filters.matches(&stanza("<presence/>")));
}

#[test]
fn filters_that_make_no_sense_are_refused() {
    for (filter, field) in [
        (filter!(from: ""), "from"),
        (filter!(from: "a@b@c"), "from"),
        (filter!(from: "@example.org"), "from"),
        (filter!(regex: "("), "regex"),
        (filter!(regex: "\\w{1000}{1000}"), "regex"),
    ] {
        let error = Filters::new(vec![Filter::default(), filter]).unwrap_err();
        assert_eq!(error.field, field);
        assert!(!error.text.is_empty());
    }
}

fn find(path: &str, regex: Option<&str>, xml: &str) -> Option<String> {
    let key = KeyPath::parse(path, regex).unwrap_or_else(|error| panic!("{error}"));
    key.find(&stanza(xml))
}

#[test]
fn keys_are_found() {
    for (path, expected) in [
        ("@id", Some("m&1")),
        ("@type", Some("chat")),
        ("@from", Some("Anna@Example.org/Phone")),
        ("@xml:lang", None),
        ("body", Some("hello")),
        ("{jabber:client}body", Some("hello")),
        ("{urn:xmpp:sid:0}body", None),
        ("origin-id@id", Some("o1")),
        ("{urn:xmpp:sid:0}origin-id@id", Some("o1")),
        ("{urn:xmpp:sid:1}origin-id@id", None),
        ("{urn:xmpp:sid:0}stanza-id@by", Some("me@example.org")),
        ("{urn:xmpp:sid:0}stanza-id@for", None),
        ("request", Some("")),
        ("body/body", None),
        ("message", None),
    ] {
        assert_eq!(find(path, None, CHAT).as_deref(), expected, "{path}");
    }
    assert_eq!(find("body", Some("l+"), CHAT).as_deref(), Some("ll"));
    assert_eq!(find("body", Some("h(.)l"), CHAT).as_deref(), Some("e"));
    assert_eq!(find("body", Some("x"), CHAT), None);
}

#[test]
fn keys_go_as_deep_as_they_say() {
    let archived = "<message x:y='z' xmlns:x='u'><result xmlns='urn:xmpp:mam:2' id='1'><other><message id='no'/></other></result>\
        <m:result xmlns:m='urn:xmpp:mam:2' id='2'><forwarded xmlns='urn:xmpp:forward:0'><delay/>\
        <message xmlns='jabber:client' id='5'><body>one &amp; <b>not</b><![CDATA[<two>]]>\r\n three</body></message>\
        <message id='6'/></forwarded></m:result></message>";
    for (path, expected) in [
        ("result@id", Some("1")),
        ("result/forwarded/message@id", Some("5")),
        ("result/message@id", None),
        (
            "{urn:xmpp:mam:2}result/{urn:xmpp:forward:0}forwarded/{jabber:client}message/body",
            Some("one & <two>\n three"),
        ),
        ("result/forwarded/{urn:xmpp:forward:0}message@id", Some("6")),
        ("result/forwarded/message/body/b", Some("not")),
        ("{jabber:client}result@id", None),
        ("@x:y", Some("z")),
        ("forwarded", None),
        ("result/forwarded/message@from", None),
    ] {
        assert_eq!(find(path, None, archived).as_deref(), expected, "{path}");
    }
}

#[test]
fn paths_that_make_no_sense_are_refused() {
    for path in [
        "", "@", "/", "body/", "/body", "a//b", "a@", "a@b/c", "{u", "{u}", "{u}@a", "a b", "a:b",
        "a@b c", "1",
    ] {
        assert!(KeyPath::parse(path, None).is_err(), "{path:?}");
    }
    assert!(KeyPath::parse("body", Some("(")).is_err());
    assert!(KeyPath::parse("{http://a/b@c}d/e@f", None).is_ok());
}

/// Numbers that look random and are the same each time (Knuth's MMIX generator).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 40).unwrap() % end
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    /// An element with a few names, prefixes and texts, all ways to write them.
    fn element(&mut self, depth: usize, into: &mut String) {
        let name = self.of(&["a", "b", "p:a", "stream:b"]);
        write!(into, "<{name}").unwrap();
        if name.starts_with('p') || self.below(4) == 0 {
            let namespace = self.of(&["u1", "u2&amp;", "a>b"]);
            write!(
                into,
                "{}xmlns:p=\"{namespace}\"",
                self.of(&[" ", "\n", "\t "])
            )
            .unwrap();
        }
        if self.below(4) == 0 {
            write!(into, " xmlns = '{}'", self.of(&["u1", "", "jabber:client"])).unwrap();
        }
        for attribute in ["x", "id"] {
            if self.below(2) == 0 {
                let value = self.of(&["1", "&#x41;>/", "\r\n\t&#10;", "&quot;&apos;", "ü\ty"]);
                write!(into, " {attribute}='{value}'").unwrap();
            }
        }
        if self.below(3) == 0 {
            into.push_str(self.of(&["/>", " />"]));
            return;
        }
        into.push('>');
        for _ in 0..self.below(4) {
            into.push_str(self.of(&[
                "",
                "t",
                "&lt;a/>",
                "\r\n&#13;",
                "<![CDATA[</a>&amp;]] >\r]]>",
                " ü😀 ",
            ]));
            if depth > 0 {
                self.element(depth - 1, into);
            }
        }
        write!(into, "</{name} >").unwrap();
    }
}

/// What a path finds in a tree.
fn find_in_tree(
    element: &minidom::Element,
    steps: &[(Option<&str>, &str)],
    attribute: Option<&str>,
) -> Option<String> {
    let Some(((namespace, name), rest)) = steps.split_first() else {
        return match attribute {
            Some(attribute) => element.attr(attribute).map(str::to_owned),
            None => Some(element.text()),
        };
    };
    element
        .children()
        .filter(|child| {
            child.name() == *name && namespace.is_none_or(|wanted| child.ns() == wanted)
        })
        .find_map(|child| find_in_tree(child, rest, attribute))
}

#[test]
fn keys_find_what_is_in_the_tree() {
    let mut random = Random(3);
    let mut found = 0;
    for _ in 0..3000 {
        let mut xml = String::new();
        random.element(4, &mut xml);
        let stanza = stanza(&xml);
        assert_eq!(stanza.xml(), xml);
        let tree = stanza.element().unwrap();
        let steps: Vec<_> = (0..=random.below(3))
            .map(|_| {
                let namespace = random.of(&["", "u1", "u2&", "a>b", "jabber:client", "any", "any"]);
                (
                    Some(namespace).filter(|name| *name != "any"),
                    random.of(&["a", "b"]),
                )
            })
            .collect();
        let attribute = Some(random.of(&["", "x", "id"])).filter(|name| !name.is_empty());
        let path: Vec<_> = steps
            .iter()
            .map(|(namespace, name)| match namespace {
                Some(namespace) => format!("{{{namespace}}}{name}"),
                None => (*name).to_owned(),
            })
            .collect();
        let mut path = path.join("/");
        if let Some(attribute) = attribute {
            write!(path, "@{attribute}").unwrap();
        }
        let expected = find_in_tree(&tree, &steps, attribute);
        found += usize::from(expected.is_some());
        let value = KeyPath::parse(&path, None).unwrap().find(&stanza);
        assert_eq!(value, expected, "{path} in {xml:?}");
    }
    assert!(found > 50, "{found}");
}

#[test]
fn templates_are_filled_in_and_escaped() {
    let message = stanza("<message from='a@b/&lt;{id}&gt;' id=\"it's\"><body/></message>");
    for (template, expected) in [
        ("<m to='{from}'/>", "<m to='a@b/&lt;{id}&gt;'/>"),
        ("{id}{id}", "it&apos;sit&apos;s"),
        ("{to}|{type}", "|normal"),
        ("{", "{"),
        ("{{id}}", "{it&apos;s}"),
        ("{ID} {unknown} ü", "{ID} {unknown} ü"),
        ("", ""),
    ] {
        assert_eq!(fill_template(template, &message), expected, "{template}");
    }
    assert_eq!(
        fill_template("{type}{to}", &stanza("<iq type='get' to='x'/>")),
        "getx"
    );
    assert_eq!(fill_template("<{type}>", &stanza("<presence/>")), "<>");
}

#[test]
fn what_is_to_be_sent_is_known() {
    let xml = " \n<iq\ttype='get' id='1' to='a@b'><query xmlns='jabber:iq:roster'/></iq>\n";
    let iq = check_element(xml).unwrap();
    let expected = Outgoing {
        kind: Some(StanzaKind::Iq),
        name: "iq".to_owned(),
        type_: Some("get".to_owned()),
        id: Some("1".to_owned()),
        to: Some("a@b".to_owned()),
        payload_namespace: "jabber:iq:roster".to_owned(),
        declares_namespace: false,
        attributes_end: 5,
    };
    assert_eq!(iq, expected);
    assert_eq!(&xml[..iq.attributes_end], " \n<iq");
    for (xml, kind, declares, end) in [
        ("<message/>", Some(StanzaKind::Message), false, "<message"),
        (
            "<presence xmlns='jabber:client'/>",
            Some(StanzaKind::Presence),
            true,
            "<presence",
        ),
        ("<message xmlns=''/>", None, true, "<message"),
        (
            "<x:iq xmlns:x='jabber:client'></x:iq>",
            Some(StanzaKind::Iq),
            false,
            "<x:iq",
        ),
        ("<a b=' xmlns=\"u\"'/>", None, false, "<a"),
        ("<stream:error/>", None, false, "<stream:error"),
    ] {
        let element = check_element(xml).unwrap();
        assert_eq!(element.kind, kind, "{xml}");
        assert_eq!(element.declares_namespace, declares, "{xml}");
        assert_eq!(&xml[..element.attributes_end], end, "{xml}");
        assert_eq!(element.payload_namespace, "", "{xml}");
    }
}

#[test]
fn what_is_not_one_element_is_not_sent() {
    for (xml, at) in [
        ("", "byte 0"),
        ("  ", "byte 2"),
        ("hello", "byte 0"),
        ("<iq>", "byte 4"),
        ("<iq><a></iq>", "byte 1"),
        ("<iq/><iq/>", "byte 5"),
        ("<iq/> x", "byte 5"),
        ("</stream:stream>", "byte 0"),
        ("<?xml version='1.0'?><iq/>", "byte"),
        ("<iq>&nbsp;</iq>", "byte 1"),
        ("<p:iq/>", "prefix"),
        ("<!-- c --><iq/>", "byte"),
    ] {
        let error = check_element(xml).unwrap_err();
        assert!(error.contains(at), "{xml}: {error}");
    }
    let deep = format!("{}{}", "<a>".repeat(10_000), "</a>".repeat(10_000));
    assert!(check_element(&deep).unwrap_err().contains("64 levels"));
    // And the next is checked as if nothing had been.
    assert!(check_element("<iq/>").is_ok());
}

#[test]
fn addresses_are_taken_apart() {
    let parts = |text| (jid::bare(text), jid::domain(text), jid::resource(text));
    assert_eq!(parts("a@b/c@d/e"), ("a@b", "b", Some("c@d/e")));
    assert_eq!(parts("b/c@d"), ("b", "b", Some("c@d")));
    assert_eq!(parts("b"), ("b", "b", None));
    assert!(jid::is_same("A@B/c", "a@b/c"));
    assert!(!jid::is_same("A@B/c", "a@b/C"));
    assert!(jid::parse("a@b@c").unwrap_err().contains("a@b@c"));
}

#[test]
fn a_glance_tells_the_same_as_normalising() {
    let mut random = Random(5);
    let mut glanced = 0;
    for _ in 0..20_000 {
        let text: String = (0..1 + random.below(8))
            .map(|_| {
                random.of(&[
                    "a", "z", "0", "9", "-", ".", "_", "@", "/", "A", "ß", " ", "xn--", "~", "'",
                    "nxasmq6b", "a.b",
                ])
            })
            .collect();
        let Ok(expected) = jid::parse(&text) else {
            continue;
        };
        let normal = jid::normalise(&text);
        assert_eq!(normal, expected.to_string(), "{text}");
        glanced += usize::from(matches!(normal, std::borrow::Cow::Borrowed(_)));
    }
    assert!(glanced > 1000, "{glanced}");
}

#[test]
fn answers_come_from_who_was_asked() {
    const OWN: &str = "Me@example.org/r";
    for (to, from, answers) in [
        (None, None, true),
        (None, Some("me@example.org"), true),
        (None, Some("me@example.org/r"), true),
        (None, Some("example.org"), true),
        (None, Some("me@example.org/other"), false),
        (None, Some("you@example.org"), false),
        (Some("me@example.org"), None, true),
        (Some("example.org"), None, true),
        (Some("you@example.org"), None, false),
        (Some("You@example.org/x"), Some("you@example.org/x"), true),
        (Some("you@example.org"), Some("you@example.org/x"), false),
        (Some("you@example.org/x"), Some("you@example.org"), false),
        (Some("conference.example.org"), Some("example.org"), false),
    ] {
        assert_eq!(jid::answers(to, OWN, from), answers, "{to:?} {from:?}");
    }
}
