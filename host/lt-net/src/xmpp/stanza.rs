//! A stanza that came: its text as it came, and what everybody asks of it.

use std::rc::Rc;

use minidom::tree_builder::TreeBuilder;
use rxml::{AttrMap, Namespace, NcName, Parse, WithOptions};
use tokio::time::Instant;

use super::framer::{NS_CLIENT, NS_STREAMS};
use super::{StanzaError, StanzaKind};

/// Conditions of stanza errors (RFC 6120, section 8.3.3).
pub(crate) const NS_STANZA_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";

/// What a child's name takes, with its namespace, a text of its own: many children are larger so than their XML.
const PAYLOAD_BYTES: usize = size_of::<(Namespace<'static>, NcName)>() + 96;

/// A top-level element of a stream. Cheap to clone.
///
/// Its text is copied once when it comes; its children are known by name, and no tree is made unless somebody asks for one.
#[derive(Clone, Debug)]
pub struct Stanza {
    inner: Rc<Inner>,
}

#[derive(Debug)]
struct Inner {
    xml: Box<str>,
    head: Head,
    kind: Option<StanzaKind>,
    arrived: Instant,
    own: Option<Rc<str>>,
}

/// What reading an element's text tells of it.
#[derive(Debug)]
pub(super) struct Head {
    namespace: Namespace<'static>,
    name: NcName,
    r#type: Option<Box<str>>,
    from: Option<Box<str>>,
    to: Option<Box<str>>,
    id: Option<Box<str>>,
    payloads: Vec<(Namespace<'static>, NcName)>,
}

impl Head {
    pub(super) fn new((namespace, name): rxml::parser::QName, mut attributes: AttrMap) -> Self {
        let mut take = |name| {
            let value = attributes.remove(&Namespace::NONE, name);
            value.map(String::into_boxed_str)
        };
        Self {
            r#type: take("type"),
            from: take("from"),
            to: take("to"),
            id: take("id"),
            namespace,
            name,
            payloads: Vec::new(),
        }
    }

    pub(super) fn add_payload(&mut self, name: rxml::parser::QName) {
        self.payloads.push(name);
    }

    pub(super) fn namespace(&self) -> &str {
        self.namespace.as_str()
    }

    pub(super) fn name(&self) -> &str {
        self.name.as_str()
    }

    pub(super) fn kind(&self) -> Option<StanzaKind> {
        (self.namespace() == NS_CLIENT)
            .then(|| StanzaKind::of(self.name()))
            .flatten()
    }

    pub(super) fn kind_attribute(&self) -> Option<&str> {
        self.r#type.as_deref()
    }

    pub(super) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    pub(super) fn to(&self) -> Option<&str> {
        self.to.as_deref()
    }

    pub(super) fn payloads(&self) -> impl Iterator<Item = (&str, &str)> {
        self.payloads
            .iter()
            .map(|(namespace, name)| (namespace.as_str(), name.as_str()))
    }
}

impl Stanza {
    pub(super) fn new(
        xml: Box<str>,
        mut head: Head,
        arrived: Instant,
        own: Option<Rc<str>>,
    ) -> Self {
        head.payloads.shrink_to_fit();
        let kind = head.kind();
        Self {
            inner: Rc::new(Inner {
                xml,
                kind,
                head,
                arrived,
                own,
            }),
        }
    }

    /// An element as if it had come: with the names that every stream binds.
    ///
    /// # Errors
    /// It is not one element, or over a limit; and where.
    pub fn parse(xml: &str, arrived: Instant) -> Result<Self, String> {
        let (head, element) = super::outgoing::read_one(xml)?;
        Ok(Self::new(element.into(), head, arrived, None))
    }

    /// All of it, as it came.
    #[must_use]
    pub fn xml(&self) -> &str {
        &self.inner.xml
    }

    /// Name of the element, without prefix.
    #[must_use]
    pub fn name(&self) -> &str {
        self.inner.head.name()
    }

    /// Its namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.inner.head.namespace()
    }

    /// Its attribute `type`.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        self.inner.head.kind_attribute()
    }

    /// Its type as RFC 6121 understands it: a message without one is `normal`, a presence without one is `available`.
    #[must_use]
    pub fn effective_kind(&self) -> Option<&str> {
        self.kind().or(match self.inner.kind {
            Some(StanzaKind::Message) => Some("normal"),
            Some(StanzaKind::Presence) => Some("available"),
            Some(StanzaKind::Iq) | None => None,
        })
    }

    /// Its attribute `from`.
    #[must_use]
    pub fn from(&self) -> Option<&str> {
        self.inner.head.from.as_deref()
    }

    /// Who sent it: without a `from` the own bare JID (RFC 6120, section 8.1.2.1), where that is known.
    #[must_use]
    pub fn sender(&self) -> Option<&str> {
        self.from().or(self.inner.own.as_deref())
    }

    /// Its attribute `to`.
    #[must_use]
    pub fn to(&self) -> Option<&str> {
        self.inner.head.to()
    }

    /// Its attribute `id`.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.inner.head.id()
    }

    /// What it is; `None` if no stanza.
    #[must_use]
    pub fn stanza_kind(&self) -> Option<StanzaKind> {
        self.inner.kind
    }

    /// When its last byte came.
    #[must_use]
    pub fn arrived(&self) -> Instant {
        self.inner.arrived
    }

    /// Namespaces and names of its children.
    pub fn payloads(&self) -> impl Iterator<Item = (&str, &str)> {
        self.inner.head.payloads()
    }

    /// Whether somebody kept it before it came here (XEP-0203, XEP-0091).
    #[must_use]
    pub fn is_delayed(&self) -> bool {
        self.payloads().any(|payload| {
            matches!(
                payload,
                ("urn:xmpp:delay", "delay") | ("jabber:x:delay", "x")
            )
        })
    }

    /// Bytes that it takes here: its text, and what is known of it beside that.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.inner.xml.len() + size_of::<Inner>() + self.inner.head.payloads.len() * PAYLOAD_BYTES
    }

    /// A tree of it.
    ///
    /// # Errors
    /// It cannot be made one: never of what a stream brought.
    pub fn element(&self) -> Result<minidom::Element, String> {
        parse_element(self.xml())
    }

    /// What it says as an error (RFC 6120, section 8.3); `None` if its type is another.
    #[must_use]
    pub fn error(&self) -> Option<StanzaError> {
        if self.kind() != Some("error") {
            return None;
        }
        let element = self.element().ok()?;
        let error = element.get_child("error", NS_CLIENT);
        let in_error = |wanted: fn(&str) -> bool| {
            error.and_then(|error| {
                error
                    .children()
                    .find(|child| child.ns() == NS_STANZA_ERRORS && wanted(child.name()))
            })
        };
        let attribute = |name| error.and_then(|error| error.attr(name)).unwrap_or_default();
        Some(StanzaError {
            condition: in_error(|name| name != "text")
                .map_or("undefined-condition", |child| child.name())
                .to_owned(),
            kind: attribute("type").to_owned(),
            text: in_error(|name| name == "text").map_or_else(String::new, minidom::Element::text),
            xml: self.inner.xml.clone(),
        })
    }
}

/// A tree of an element of a stream's first level. Its depth is not checked: that of what came is already.
pub(crate) fn parse_element(xml: &str) -> Result<minidom::Element, String> {
    let names = [(None, NS_CLIENT), (Some("stream"), NS_STREAMS)];
    let names: std::collections::BTreeMap<Option<String>, String> = names
        .into_iter()
        .map(|(prefix, namespace)| (prefix.map(str::to_owned), namespace.to_owned()))
        .collect();
    let mut parser = rxml::RawParser::with_options(super::reader::options());
    let mut builder = TreeBuilder::new().with_prefixes_stack(vec![names.into()]);
    let mut input = xml.as_bytes();
    loop {
        match parser.parse(&mut input, true) {
            Ok(Some(event)) => builder
                .process_event(event)
                .map_err(|error| error.to_string())?,
            Ok(None) => break,
            Err(error) => return Err(format!("{error:?}")),
        }
    }
    builder.root.ok_or_else(|| "no element".to_owned())
}
