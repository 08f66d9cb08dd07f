//! Where in a stanza a value is, looked up by reading its text until the value is found: no tree is made.

use std::borrow::Cow;

use super::Stanza;
use super::framer::{NS_CLIENT, NS_STREAMS};
use super::scan::{self, Attributes, Part, Scan};
use crate::websocket::Borrowed;
use crate::websocket::pattern::Key;

/// Where a value is: `record key` of `wit/xmpp.wit`.
#[derive(Clone, Debug)]
pub struct KeyPath {
    steps: Box<[Step]>,
    attribute: Option<Box<str>>,
    regex: Option<Key>,
}

/// A child's name, and its namespace if that matters.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    namespace: Option<Box<str>>,
    name: Box<str>,
}

impl KeyPath {
    /// Read a path as written, `{urn:xmpp:sid:0}origin-id@id`, and an expression over what is found there.
    ///
    /// # Errors
    /// What is wrong with one of them.
    pub fn parse(path: &str, regex: Option<&str>) -> Result<Self, String> {
        let wrong = |what: &str| Err(format!("{what} in the path {path:?}"));
        let mut steps = Vec::new();
        let mut rest = path;
        let mut attribute = None;
        loop {
            if let Some(name) = rest.strip_prefix('@')
                && steps.is_empty()
            {
                attribute = Some(name);
                break;
            }
            let mut namespace = None;
            if let Some(in_braces) = rest.strip_prefix('{') {
                let Some((found, behind)) = in_braces.split_once('}') else {
                    return wrong("a brace is not closed");
                };
                namespace = Some(found.into());
                rest = behind;
            }
            let end = rest.find(['/', '@']).unwrap_or(rest.len());
            let (name, behind) = rest.split_at(end);
            if rxml::strings::validate_ncname(name).is_err() {
                return wrong("not the name of an element");
            }
            steps.push(Step {
                namespace,
                name: name.into(),
            });
            match behind.split_at_checked(1) {
                None => break,
                Some(("@", name)) => {
                    attribute = Some(name);
                    break;
                }
                Some((_, behind)) => rest = behind,
            }
        }
        if attribute.is_some_and(|name| rxml::strings::validate_name(name).is_err()) {
            return wrong("not the name of an attribute");
        }
        Ok(Self {
            steps: steps.into(),
            attribute: attribute.map(Box::from),
            regex: regex.map(|regex| Key::new(None, Some(regex))).transpose()?,
        })
    }

    /// The value: that of the first element on the path, in the order of the text, which has it.
    #[must_use]
    pub fn find(&self, stanza: &Stanza) -> Option<String> {
        let value = self.value(stanza)?;
        match &self.regex {
            None => Some(value.into_owned()),
            Some(regex) => regex.find(Borrowed::Text(&value)).map(Cow::into_owned),
        }
    }

    fn value<'a>(&self, stanza: &'a Stanza) -> Option<Cow<'a, str>> {
        if self.steps.is_empty() {
            let name = self.attribute.as_deref()?;
            // Those that are known already.
            return match name {
                "id" => stanza.id().map(Cow::Borrowed),
                "from" => stanza.from().map(Cow::Borrowed),
                "to" => stanza.to().map(Cow::Borrowed),
                "type" => stanza.kind().map(Cow::Borrowed),
                _ => scan::root_attribute(stanza.xml(), name),
            };
        }
        let first = self.steps.first()?;
        let may_be = |(namespace, name): (&str, &str)| {
            *name == *first.name
                && first
                    .namespace
                    .as_deref()
                    .is_none_or(|wanted| wanted == namespace)
        };
        if !stanza.payloads().any(may_be) {
            return None;
        }
        Walk {
            scan: Scan::new(stanza.xml()),
            open: Vec::with_capacity(8),
            matched: 0,
        }
        .find(self)
    }
}

/// On the way through an element's text.
struct Walk<'a> {
    scan: Scan<'a>,
    /// Attributes of the elements that we are in, from the stanza down.
    open: Vec<&'a str>,
    /// How many of those, the stanza left out, are on the path.
    matched: usize,
}

impl<'a> Walk<'a> {
    fn find(mut self, path: &KeyPath) -> Option<Cow<'a, str>> {
        while let Some(part) = self.scan.next() {
            match part {
                Part::Start {
                    name,
                    attributes,
                    empty,
                } => {
                    self.open.push(attributes);
                    if self.is_next(path, name) {
                        self.matched += 1;
                        if self.matched == path.steps.len()
                            && let Some(value) = self.value_here(path, attributes, empty)
                        {
                            return Some(value);
                        }
                    }
                    if empty {
                        self.leave();
                    }
                }
                Part::End => self.leave(),
                Part::Text(_) | Part::CData(_) => {}
            }
        }
        None
    }

    fn leave(&mut self) {
        self.open.pop();
        self.matched = self.matched.min(self.open.len().saturating_sub(1));
    }

    /// Whether the element that was just entered is the path's next.
    fn is_next(&self, path: &KeyPath, qualified: &str) -> bool {
        if self.open.len() != self.matched + 2 {
            return false;
        }
        let Some(step) = path.steps.get(self.matched) else {
            return false;
        };
        let (prefix, name) = match qualified.split_once(':') {
            Some((prefix, name)) => (Some(prefix), name),
            None => (None, qualified),
        };
        *name == *step.name
            && step
                .namespace
                .as_deref()
                .is_none_or(|wanted| self.namespace(prefix) == wanted)
    }

    /// What a prefix stands for here.
    fn namespace(&self, prefix: Option<&str>) -> Cow<'a, str> {
        let declares = |name: &str| match (prefix, name.strip_prefix("xmlns")) {
            (None, Some("")) => true,
            (Some(prefix), Some(rest)) => rest.strip_prefix(':') == Some(prefix),
            _ => false,
        };
        let declared = self.open.iter().rev().find_map(|attributes| {
            Attributes(attributes).find_map(|(name, value)| declares(name).then_some(value))
        });
        match (declared, prefix) {
            (Some(value), _) => scan::unescape_attribute(value),
            (None, None) => Cow::Borrowed(NS_CLIENT),
            (None, Some("stream")) => Cow::Borrowed(NS_STREAMS),
            (None, Some("xml")) => Cow::Borrowed(rxml::parser::XMLNS_XML),
            (None, Some(_)) => Cow::Borrowed(""),
        }
    }

    fn value_here(&self, path: &KeyPath, attributes: &'a str, empty: bool) -> Option<Cow<'a, str>> {
        match &path.attribute {
            Some(name) => scan::attribute(attributes, name),
            None if empty => Some(Cow::Borrowed("")),
            None => Some(own_text(self.scan)),
        }
    }
}

/// Character data of the element whose start tag was just read, without that of its children.
fn own_text<'a>(scan: Scan<'a>) -> Cow<'a, str> {
    let mut text = Cow::Borrowed("");
    let mut depth = 0usize;
    for part in scan {
        let piece = match part {
            Part::Start { empty, .. } => {
                depth += usize::from(!empty);
                continue;
            }
            Part::End => match depth.checked_sub(1) {
                None => break,
                Some(less) => {
                    depth = less;
                    continue;
                }
            },
            Part::Text(_) | Part::CData(_) if depth > 0 => continue,
            Part::Text(raw) => scan::unescape_text(raw),
            Part::CData(raw) => scan::normalise_lines(raw),
        };
        if text.is_empty() {
            text = piece;
        } else {
            text.to_mut().push_str(&piece);
        }
    }
    text
}
