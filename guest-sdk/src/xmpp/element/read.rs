//! Elements from text. What comes from the host is well-formed; whatever else is given is an error, and never a panic.

use std::borrow::Cow;

use super::super::{Error, Result};
use super::{CLIENT, Element};
use crate::html::decode;
use crate::text::{cut, find};

/// Most levels of elements: as many as the host lets in.
const DEPTH_MAX: usize = 64;

/// The namespace of what the prefix `stream` names (RFC 6120, section 4.8.2), which the stream's header declares.
const STREAMS: &str = "http://etherx.jabber.org/streams";

/// The namespace that the prefix `xml` always stands for.
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// An element whose end has not come yet.
struct Open<'a> {
    element: Element,
    /// Its name in the text, with the prefix.
    written: &'a str,
    /// How many namespaces were declared before it.
    declared: usize,
}

/// A text being read.
struct Reader<'a> {
    rest: &'a str,
    open: Vec<Open<'a>>,
    /// Prefixes (empty for the default) and their namespaces, the innermost last.
    declared: Vec<(&'a str, Cow<'a, str>)>,
}

impl Element {
    /// Read one element and nothing else. Where it names no default namespace it is `jabber:client`; the prefix `stream` is known, and
    /// at most 64 levels are read.
    ///
    /// # Errors
    /// [`Error::Xml`] if it is not one well-formed element; comments, processing instructions and document types are not allowed (RFC 6120,
    /// section 11.1).
    ///
    /// ```
    /// use lt_sdk::xmpp::Element;
    ///
    /// # fn main() -> lt_sdk::xmpp::Result<()> {
    /// let message = Element::parse("<message from='bob@localhost/phone'><body>hello</body></message>")?;
    /// assert_eq!(message.attr("from"), Some("bob@localhost/phone"));
    /// assert_eq!(message.value("body").as_deref(), Some("hello"));
    /// assert!(Element::parse("<message>").is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn parse(xml: &str) -> Result<Self> {
        let mut reader = Reader {
            rest: xml.trim(),
            open: Vec::new(),
            declared: Vec::new(),
        };
        loop {
            if let Some(element) = reader.step()? {
                return match reader.rest {
                    "" => Ok(element),
                    _ => fault("more than one element"),
                };
            }
        }
    }
}

fn fault<T>(reason: &'static str) -> Result<T> {
    Err(Error::Xml(reason))
}

impl<'a> Reader<'a> {
    /// Read the next tag or text; the outermost element once it is whole.
    fn step(&mut self) -> Result<Option<Element>> {
        let Some(tag) = self.rest.strip_prefix('<') else {
            return self.text().map(|()| None);
        };
        if let Some(end) = tag.strip_prefix('/') {
            return self.end(end);
        }
        if let Some(data) = tag.strip_prefix("![CDATA[") {
            return self.data(data).map(|()| None);
        }
        if tag.starts_with(['!', '?']) {
            return fault("a comment, a processing instruction or a document type");
        }
        self.start(tag)
    }

    fn text(&mut self) -> Result<()> {
        let (text, rest) = cut(self.rest, find(self.rest, "<").unwrap_or(self.rest.len()));
        self.rest = rest;
        match self.open.last_mut() {
            Some(open) if !rest.is_empty() => {
                let text = decode(&with_line_ends(text)).into_owned();
                open.element.push_text(text);
            }
            Some(_) => return fault("an element without an end"),
            None => return fault("no element"),
        }
        Ok(())
    }

    fn data(&mut self, data: &'a str) -> Result<()> {
        let Some((text, rest)) = find(data, "]]>").map(|at| cut(data, at)) else {
            return fault("CDATA without an end");
        };
        let Some(open) = self.open.last_mut() else {
            return fault("no element");
        };
        open.element.push_text(with_line_ends(text).into_owned());
        self.rest = rest.strip_prefix("]]>").unwrap_or_default();
        Ok(())
    }

    fn end(&mut self, tag: &'a str) -> Result<Option<Element>> {
        let Some((name, rest)) = find(tag, ">").map(|at| cut(tag, at)) else {
            return fault("a tag without an end");
        };
        self.rest = rest.strip_prefix('>').unwrap_or_default();
        match self.open.pop() {
            Some(open) if open.written == name.trim_end() => Ok(self.close(open)),
            _ => fault("the end of another element"),
        }
    }

    /// An element is whole: it goes into the one around it, or is the result.
    fn close(&mut self, closed: Open<'a>) -> Option<Element> {
        self.declared.truncate(closed.declared);
        match self.open.last_mut() {
            Some(around) => {
                around.element.push(closed.element);
                None
            }
            None => Some(closed.element),
        }
    }

    fn start(&mut self, tag: &'a str) -> Result<Option<Element>> {
        if self.open.len() == DEPTH_MAX {
            return fault("too many levels of elements");
        }
        let (written, mut rest) = take_name(tag)?;
        let declared = self.declared.len();
        let mut element = Element::new("");
        loop {
            let trimmed = rest.trim_start();
            if let Some(behind) = trimmed.strip_prefix("/>") {
                self.rest = behind;
                let open = self.named(element, written, declared)?;
                return Ok(self.close(open));
            }
            if let Some(behind) = trimmed.strip_prefix('>') {
                self.rest = behind;
                let open = self.named(element, written, declared)?;
                self.open.push(open);
                return Ok(None);
            }
            if trimmed.len() == rest.len() {
                return fault("a tag without an end");
            }
            let (name, value, behind) = take_attribute(trimmed)?;
            match name.strip_prefix("xmlns") {
                Some("") => self.declared.push(("", value)),
                Some(prefix) if prefix.starts_with(':') => {
                    self.declared.push((prefix.trim_start_matches(':'), value));
                }
                _ if element.attr(name).is_some() => return fault("an attribute twice"),
                _ => element
                    .attributes
                    .push((Cow::Owned(name.to_owned()), value.into_owned())),
            }
            rest = behind;
        }
    }

    /// What a prefix stands for here.
    fn namespace(&self, prefix: &str) -> Result<Cow<'static, str>> {
        let known = self.declared.iter().rev();
        let mut known = known.filter(|(other, _)| *other == prefix);
        Ok(match (known.next(), prefix) {
            (Some((_, namespace)), _) => Cow::Owned(namespace.clone().into_owned()),
            (None, "") => Cow::Borrowed(CLIENT),
            (None, "stream") => Cow::Borrowed(STREAMS),
            (None, "xml") => Cow::Borrowed(XML),
            (None, _) => return fault("a prefix that is not declared"),
        })
    }

    /// Prefixes of attributes stay as they are, so an element that is written again needs their declarations.
    fn declare_for_attributes(&self, element: &mut Element) -> Result<()> {
        for index in 0..element.attributes.len() {
            let prefix = element
                .attributes
                .get(index)
                .and_then(|(name, _)| name.split_once(':'));
            if let Some((prefix, _)) = prefix.filter(|(prefix, _)| *prefix != "xml") {
                let namespace = self.namespace(prefix)?.into_owned();
                element.set_attribute(Cow::Owned(["xmlns:", prefix].concat()), namespace);
            }
        }
        Ok(())
    }

    /// Give an element its name and namespace, now that all declarations in its tag are known.
    fn named(&self, mut element: Element, written: &'a str, declared: usize) -> Result<Open<'a>> {
        let (prefix, name) = written.split_once(':').unwrap_or(("", written));
        let namespace = self.namespace(prefix)?;
        element.name = Cow::Owned(name.to_owned());
        element.namespace = Some(namespace);
        self.declare_for_attributes(&mut element)?;
        Ok(Open {
            element,
            written,
            declared,
        })
    }
}

/// A name at the beginning of a text, and what follows it.
fn take_name(text: &str) -> Result<(&str, &str)> {
    let ends = |byte: u8| byte.is_ascii_whitespace() || b"=/><'\"&".contains(&byte);
    let length = text.bytes().position(ends).unwrap_or(text.len());
    match cut(text, length) {
        ("", _) => fault("a tag without a name"),
        cut => Ok(cut),
    }
}

/// An attribute at the beginning of a text: its name, its value, and what follows it.
fn take_attribute(text: &str) -> Result<(&str, Cow<'_, str>, &str)> {
    let (name, rest) = take_name(text)?;
    let value = rest.trim_start().strip_prefix('=').map(str::trim_start);
    let quoted = value.and_then(|value| {
        let quote = if value.starts_with('"') { "\"" } else { "'" };
        let value = value.strip_prefix(quote)?;
        let (value, rest) = cut(value, find(value, quote)?);
        Some((value, rest.strip_prefix(quote)?))
    });
    match quoted {
        Some((value, _)) if value.contains('<') => fault("a tag in an attribute"),
        Some((value, rest)) => Ok((name, value_of(value), rest)),
        None => fault("an attribute without a value"),
    }
}

/// With line ends as XML knows them (XML 1.0, section 2.11): before references are, which may stand for others.
fn with_line_ends(text: &str) -> Cow<'_, str> {
    if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    }
}

/// What is written as an attribute's value stands for (XML 1.0, section 3.3.3): white space is a space, unless a reference stands for it.
fn value_of(written: &str) -> Cow<'_, str> {
    if written.contains(['\r', '\n', '\t']) {
        let value = with_line_ends(written).replace(['\n', '\t'], " ");
        Cow::Owned(decode(&value).into_owned())
    } else {
        decode(written)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::oracle;
    use super::super::Node;
    use super::*;

    /// Read the same with the oracle and compare all of it.
    fn check(xml: &str) {
        fn same(ours: &Element, theirs: &xmpp_parsers::minidom::Element) {
            assert_eq!(ours.name(), theirs.name());
            assert_eq!(ours.ns(), Some(theirs.ns().as_str()));
            assert_eq!(ours.content(), theirs.text());
            let ours_plain = ours.attributes.iter();
            let ours_plain = ours_plain.filter(|(name, _)| !name.starts_with("xmlns:"));
            assert_eq!(ours_plain.clone().count(), theirs.attrs().iter().count());
            for (name, value) in ours_plain {
                let plain = name.rsplit(':').next().unwrap();
                let found = theirs
                    .attrs()
                    .iter()
                    .find(|((_, other), _)| *other == plain);
                assert_eq!(found.map(|(_, value)| value), Some(value), "{name}");
            }
            let (ours, theirs): (Vec<_>, Vec<_>) =
                (ours.children().collect(), theirs.children().collect());
            assert_eq!(ours.len(), theirs.len());
            for (ours, theirs) in ours.into_iter().zip(theirs) {
                same(ours, theirs);
            }
        }
        let ours = Element::parse(xml).unwrap();
        let theirs = xml.parse().unwrap();
        same(&ours, &theirs);
        // What is written again is the same.
        assert_eq!(Element::parse(&ours.to_xml()).unwrap(), ours);
        same(&ours, &oracle::parse(&ours));
    }

    #[test]
    fn elements_are_read_as_the_oracle_reads_them() {
        check("<a xmlns='urn:a'/>");
        check(
            "<message xmlns=\"jabber:client\" to = 'a@b' id='1'><body >a&amp;b &#x1f600;<![CDATA[<&]]>c</body\n></message>",
        );
        check(
            "<p:a xmlns:p='urn:p' xmlns='urn:d' p:x='1'><b><p:c xmlns:p='urn:q'/><p:d/></b><b xmlns='urn:e'><c/></b><c/></p:a>",
        );
        check("<a xmlns='urn:a' xml:lang='de' t='&lt;&quot;&apos;'> grün <b/> rest</a>");
        check("<a xmlns='urn:a'><b xmlns='urn:b'/><b/><b xmlns='urn:a'>x</b></a>");
    }

    #[test]
    fn line_ends_and_white_space_are_as_xml_has_them() {
        check("<a xmlns='urn:a' t='&#13;&#10;&#9;'>a\r\nc\nd&#13;</a>");
        let xml = "<a xmlns='urn:a' t='1\r\n2\n3\r4\t5 &#13;&#10;&#9;6'>a\r\nb\rc\nd&#13;<![CDATA[e\r\n\r]]></a>";
        let element = Element::parse(xml).unwrap();
        assert_eq!(element.attr("t"), Some("1 2 3 4 5 \r\n\t6"));
        assert_eq!(element.content(), "a\nb\nc\nd\re\n\n");
    }

    #[test]
    fn a_stream_declares_what_a_stanza_does_not() {
        let error = Element::parse("<stream:error><host-gone xmlns='urn:s'/></stream:error>");
        let error = error.unwrap();
        assert!(error.is("error", STREAMS));
        assert!(error.first("host-gone", "urn:s").is_some());
        let message =
            Element::parse("  <message xml:lang='de'><body>a</body></message>\n").unwrap();
        assert!(message.is("message", CLIENT));
        assert_eq!(message.attr("xml:lang"), Some("de"));
        assert!(message.first("body", CLIENT).is_some());
    }

    #[test]
    fn texts_and_elements_keep_their_order() {
        let html = Element::parse("<p>a<b>c</b>d&amp;<![CDATA[e]]></p>").unwrap();
        let nodes: Vec<_> = html
            .nodes()
            .iter()
            .map(|node| match node {
                Node::Element(element) => element.name().to_owned(),
                Node::Text(text) => text.clone(),
            })
            .collect();
        assert_eq!(nodes, ["a", "b", "d&e"]);
    }

    #[test]
    fn what_is_not_one_element_is_an_error() {
        for xml in [
            "",
            "a",
            "<",
            "<a",
            "<a>",
            "<a/",
            "<a><",
            "<a></b>",
            "</a>",
            "<a/><b/>",
            "<a/>b",
            "<a b/>",
            "<a b=c/>",
            "<a b='c/>",
            "<a b='1' b='2'/>",
            "<a b='<'/>",
            "<a b='c'd='e'/>",
            "<p:a/>",
            "<a><!-- b --></a>",
            "<?xml version='1.0'?><a/>",
            "<!DOCTYPE a><a/>",
            "<a p:b='c'/>",
            "<a><![CDATA[b</a>",
            "<![CDATA[b]]>",
            "< a/>",
            "<a>b",
        ] {
            assert!(Element::parse(xml).is_err(), "{xml}");
        }
    }

    #[test]
    fn every_beginning_of_an_element_is_an_error_and_no_panic() {
        let xml = "<p:a xmlns:p='urn:p' x=\"ä&amp;\"><b>grün<![CDATA[<]]>&#65;</b><c/></p:a>";
        for end in 0..xml.len() {
            if let Some(part) = xml.get(..end) {
                assert!(Element::parse(part).is_err(), "{part}");
            }
        }
        assert!(Element::parse(xml).is_ok());
    }

    #[test]
    fn levels_are_limited() {
        let nested = |levels: usize| ["<a>".repeat(levels), "</a>".repeat(levels)].concat();
        assert!(Element::parse(&nested(DEPTH_MAX)).is_ok());
        assert!(Element::parse(&nested(DEPTH_MAX + 1)).is_err());
        assert!(Element::parse(&"<a>".repeat(100_000)).is_err());
    }
}
