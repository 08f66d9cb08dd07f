//! Reading a text that is known to be one well-formed element, without a tree and without allocating: names, attributes
//! and texts are slices of it.

use std::borrow::Cow;

/// What XML calls white space.
pub(super) const WHITE_SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// A part of an element's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// A start tag, or the tag of an empty element: it has no end tag then.
    Start {
        /// Name with its prefix.
        name: &'a str,
        /// What stands between the name and the end of the tag.
        attributes: &'a str,
        /// It has no content.
        empty: bool,
    },
    /// An end tag.
    End,
    /// Character data as written.
    Text(&'a str),
    /// What stands in a CDATA section.
    CData(&'a str),
}

/// Goes over an element's text, part by part.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scan<'a> {
    rest: &'a str,
}

impl<'a> Scan<'a> {
    pub(super) fn new(xml: &'a str) -> Self {
        Self { rest: xml }
    }

    fn take(&mut self, bytes: usize) -> Option<&'a str> {
        let (taken, rest) = self.rest.split_at_checked(bytes)?;
        self.rest = rest;
        Some(taken)
    }

    /// Up to `end`, and go behind it.
    fn take_until(&mut self, end: &str) -> Option<&'a str> {
        let at = memchr::memmem::find(self.rest.as_bytes(), end.as_bytes())?;
        let taken = self.take(at)?;
        self.take(end.len())?;
        Some(taken)
    }
}

impl<'a> Iterator for Scan<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        if !self.rest.starts_with('<') {
            let end = memchr::memchr(b'<', self.rest.as_bytes()).unwrap_or(self.rest.len());
            return self.take(end).map(Part::Text);
        }
        if self.rest.starts_with("</") {
            self.take_until(">")?;
            return Some(Part::End);
        }
        if self.rest.starts_with("<![CDATA[") {
            self.take("<![CDATA[".len())?;
            return self.take_until("]]>").map(Part::CData);
        }
        let end = tag_end(self.rest)?;
        let tag = self.take(end)?.strip_prefix('<')?;
        self.take(1)?;
        let (tag, empty) = match tag.strip_suffix('/') {
            Some(tag) => (tag, true),
            None => (tag, false),
        };
        let name_end = tag.find(WHITE_SPACE).unwrap_or(tag.len());
        let (name, attributes) = tag.split_at(name_end);
        Some(Part::Start {
            name,
            attributes,
            empty,
        })
    }
}

/// Where the `>` of the tag is that a text begins with: values may have one, too.
fn tag_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        let rest = bytes.get(at..)?;
        let found = memchr::memchr3(b'>', b'"', b'\'', rest)?;
        at += found;
        let quote = *bytes.get(at)?;
        if quote == b'>' {
            return Some(at);
        }
        at += 1;
        at += memchr::memchr(quote, bytes.get(at..)?)? + 1;
    }
}

/// Attributes of a tag, as written: names with their prefixes, values not unescaped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attributes<'a>(pub(super) &'a str);

impl<'a> Iterator for Attributes<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, rest) = self.0.trim_start_matches(WHITE_SPACE).split_once('=')?;
        let rest = rest.trim_start_matches(WHITE_SPACE);
        let quote = rest.chars().next()?;
        let (value, rest) = rest.get(1..)?.split_once(quote)?;
        self.0 = rest;
        Some((name.trim_end_matches(WHITE_SPACE), value))
    }
}

/// The start tag that a text begins with, an XML declaration left out.
fn root(xml: &str) -> Option<(&str, &str)> {
    Scan::new(xml).find_map(|part| match part {
        Part::Start {
            name, attributes, ..
        } if !name.starts_with('?') => Some((name, attributes)),
        _ => None,
    })
}

/// The element's name as written, with its prefix.
pub(super) fn root_name(xml: &str) -> Option<&str> {
    root(xml).map(|(name, _)| name)
}

/// The value of an attribute of the element itself; its name is compared as written.
pub(super) fn root_attribute<'a>(xml: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let (_, attributes) = root(xml)?;
    attribute(attributes, name)
}

/// The value of an attribute among those of a tag.
pub(super) fn attribute<'a>(attributes: &'a str, name: &str) -> Option<Cow<'a, str>> {
    Attributes(attributes)
        .find(|(found, _)| *found == name)
        .map(|(_, value)| unescape_attribute(value))
}

/// The offset behind the name of the element that a text begins with.
pub(super) fn root_name_end(xml: &str) -> usize {
    match Scan::new(xml).next() {
        Some(Part::Start { name, .. }) => 1 + name.len(),
        _ => 0,
    }
}

/// An attribute's value: references replaced, each white space a space (XML 1.0, section 3.3.3).
pub(super) fn unescape_attribute(raw: &str) -> Cow<'_, str> {
    if raw
        .bytes()
        .any(|byte| matches!(byte, b'\t' | b'\n' | b'\r'))
    {
        let spaced = raw.replace("\r\n", " ").replace(['\t', '\n', '\r'], " ");
        return Cow::Owned(unescape(&spaced).into_owned());
    }
    unescape(raw)
}

/// Character data: references replaced, each end of a line a line feed (XML 1.0, section 2.11).
pub(super) fn unescape_text(raw: &str) -> Cow<'_, str> {
    match normalise_lines(raw) {
        Cow::Borrowed(raw) => unescape(raw),
        Cow::Owned(raw) => Cow::Owned(unescape(&raw).into_owned()),
    }
}

/// What stands in a CDATA section: only its lines' ends change.
pub(super) fn normalise_lines(raw: &str) -> Cow<'_, str> {
    if memchr::memchr(b'\r', raw.as_bytes()).is_none() {
        return Cow::Borrowed(raw);
    }
    Cow::Owned(raw.replace("\r\n", "\n").replace('\r', "\n"))
}

/// Replace the five named references, and those to characters.
fn unescape(raw: &str) -> Cow<'_, str> {
    if memchr::memchr(b'&', raw.as_bytes()).is_none() {
        return Cow::Borrowed(raw);
    }
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, reference)) = rest.split_once('&') {
        text.push_str(before);
        let (name, behind) = reference.split_once(';').unwrap_or((reference, ""));
        text.extend(character(name));
        rest = behind;
    }
    text.push_str(rest);
    Cow::Owned(text)
}

fn character(reference: &str) -> Option<char> {
    match reference {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = reference.strip_prefix('#')?;
            let number = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            number.ok().and_then(char::from_u32)
        }
    }
}

/// A text that means itself in content and in attributes with either quote.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    fn reference(byte: u8) -> Option<&'static str> {
        Some(match byte {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            b'\'' => "&apos;",
            b'\t' => "&#9;",
            b'\n' => "&#10;",
            b'\r' => "&#13;",
            _ => return None,
        })
    }
    let mut escaped = String::new();
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        if let Some(reference) = reference(byte) {
            escaped.push_str(text.get(from..at).unwrap_or_default());
            escaped.push_str(reference);
            from = at + 1;
        }
    }
    if from == 0 {
        return Cow::Borrowed(text);
    }
    escaped.push_str(text.get(from..).unwrap_or_default());
    Cow::Owned(escaped)
}
