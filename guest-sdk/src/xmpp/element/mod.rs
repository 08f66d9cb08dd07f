//! XML elements: built to be sent, and read from what came.

mod read;
mod write;

use std::borrow::Cow;

/// The namespace of stanzas (RFC 6120, section 4.8.3): that of an element that names none.
pub(super) const CLIENT: &str = "jabber:client";

/// What an element contains.
///
/// ```
/// use lt_sdk::xmpp::{Element, Node};
///
/// let body = Element::new("body").text("hello");
/// assert!(matches!(body.nodes(), [Node::Text(text)] if text == "hello"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// An element.
    Element(Element),
    /// Text, as it is meant: without references.
    Text(String),
}

/// An XML element: built step by step to be sent, or [parsed](Self::parse) from what came.
///
/// An element without a namespace of its own has that of the element around it, and `jabber:client` at the top.
///
/// ```
/// use lt_sdk::xmpp::Element;
///
/// let message = Element::new("message")
///     .attribute("to", "bob@localhost")
///     .child(Element::new("body").text("1 < 2"))
///     .child(Element::new("active").namespace("http://jabber.org/protocol/chatstates"));
/// assert_eq!(
///     message.to_string(),
///     "<message to='bob@localhost'><body>1 &lt; 2</body><active xmlns='http://jabber.org/protocol/chatstates'/></message>"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "it is to be sent, or looked into"]
pub struct Element {
    name: Cow<'static, str>,
    namespace: Option<Cow<'static, str>>,
    attributes: Vec<(Cow<'static, str>, String)>,
    nodes: Vec<Node>,
}

/// Building.
impl Element {
    /// An element of this name, without anything.
    ///
    /// ```
    /// assert_eq!(lt_sdk::xmpp::Element::new("presence").to_string(), "<presence/>");
    /// ```
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: name.into(),
            namespace: None,
            attributes: Vec::new(),
            nodes: Vec::new(),
        }
    }

    /// Give it this namespace; its children without one have it too.
    ///
    /// ```
    /// let ping = lt_sdk::xmpp::Element::new("ping").namespace("urn:xmpp:ping");
    /// assert_eq!(ping.to_string(), "<ping xmlns='urn:xmpp:ping'/>");
    /// ```
    pub fn namespace(mut self, namespace: impl Into<Cow<'static, str>>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// Set an attribute; one that is there gets the new value. `xmlns` is [`namespace`](Self::namespace).
    ///
    /// ```
    /// let item = lt_sdk::xmpp::Element::new("item").attribute("id", "1").attribute("id", "2");
    /// assert_eq!(item.to_string(), "<item id='2'/>");
    /// ```
    pub fn attribute(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<String>,
    ) -> Self {
        self.set_attribute(name.into(), value.into());
        self
    }

    /// Set an attribute if there is a value for it.
    ///
    /// ```
    /// let item = lt_sdk::xmpp::Element::new("item").attribute_some("id", None::<String>);
    /// assert_eq!(item.to_string(), "<item/>");
    /// ```
    pub fn attribute_some(
        self,
        name: impl Into<Cow<'static, str>>,
        value: Option<impl Into<String>>,
    ) -> Self {
        match value {
            Some(value) => self.attribute(name, value),
            None => self,
        }
    }

    /// Add an element at its end.
    ///
    /// ```
    /// use lt_sdk::xmpp::Element;
    ///
    /// let query = Element::new("query").child(Element::new("item"));
    /// assert_eq!(query.to_string(), "<query><item/></query>");
    /// ```
    pub fn child(mut self, child: impl Into<Self>) -> Self {
        self.push(child.into());
        self
    }

    /// Add elements at its end.
    ///
    /// ```
    /// use lt_sdk::xmpp::Element;
    ///
    /// let groups = ["friends", "work"].map(|group| Element::new("group").text(group));
    /// assert_eq!(Element::new("item").with_children(groups).children().count(), 2);
    /// ```
    pub fn with_children(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.nodes.extend(children.into_iter().map(Node::Element));
        self
    }

    /// Add a text at its end.
    ///
    /// ```
    /// let body = lt_sdk::xmpp::Element::new("body").text("1 < 2");
    /// assert_eq!(body.to_string(), "<body>1 &lt; 2</body>");
    /// ```
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.push_text(text.into());
        self
    }

    /// Whom a stanza is for: its attribute `to`.
    ///
    /// ```
    /// let presence = lt_sdk::xmpp::Element::new("presence").to("bob@localhost");
    /// assert_eq!(presence.to_string(), "<presence to='bob@localhost'/>");
    /// ```
    pub fn to(self, jid: impl Into<String>) -> Self {
        self.attribute("to", jid)
    }

    /// A stanza's id.
    ///
    /// ```
    /// let message = lt_sdk::xmpp::Element::new("message").id("m1");
    /// assert_eq!(message.to_string(), "<message id='m1'/>");
    /// ```
    pub fn id(self, id: impl Into<String>) -> Self {
        self.attribute("id", id)
    }

    /// A stanza's type: its attribute `type`.
    ///
    /// ```
    /// let message = lt_sdk::xmpp::Element::new("message").kind("headline");
    /// assert_eq!(message.to_string(), "<message type='headline'/>");
    /// ```
    pub fn kind(self, kind: impl Into<String>) -> Self {
        self.attribute("type", kind)
    }

    pub(super) fn set_attribute(&mut self, name: Cow<'static, str>, value: String) {
        match self.attributes.iter_mut().find(|(other, _)| *other == name) {
            Some((_, old)) => *old = value,
            None => self.attributes.push((name, value)),
        }
    }

    pub(super) fn push(&mut self, child: Self) {
        self.nodes.push(Node::Element(child));
    }

    /// Take the first element of this name and namespace out.
    pub(super) fn take_child(self, name: &str, namespace: &str) -> Option<Self> {
        self.nodes.into_iter().find_map(|node| match node {
            Node::Element(element) if element.is(name, namespace) => Some(element),
            _ => None,
        })
    }

    /// Texts that follow each other are one.
    fn push_text(&mut self, text: String) {
        if text.is_empty() {
            return;
        }
        match self.nodes.last_mut() {
            Some(Node::Text(before)) => before.push_str(&text),
            _ => self.nodes.push(Node::Text(text)),
        }
    }
}

/// Looking into it.
impl Element {
    /// Its name, without a prefix.
    ///
    /// ```
    /// assert_eq!(lt_sdk::xmpp::presence().name(), "presence");
    /// ```
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its namespace. What was parsed always has one; what was built may have that of the element around it, which it does not know.
    ///
    /// ```
    /// # fn main() -> lt_sdk::xmpp::Result<()> {
    /// let ping = lt_sdk::xmpp::Element::parse("<ping xmlns='urn:xmpp:ping'/>")?;
    /// assert_eq!(ping.ns(), Some("urn:xmpp:ping"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn ns(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// Whether it has this name and this namespace.
    ///
    /// ```
    /// let ping = lt_sdk::xmpp::Element::new("ping").namespace("urn:xmpp:ping");
    /// assert!(ping.is("ping", "urn:xmpp:ping"));
    /// ```
    #[must_use]
    pub fn is(&self, name: &str, namespace: &str) -> bool {
        self.fits(name, namespace, CLIENT)
    }

    /// An attribute's value. Those with a prefix, such as `xml:lang`, are named with it.
    ///
    /// ```
    /// assert_eq!(lt_sdk::xmpp::chat("bob@localhost", "hello").attr("type"), Some("chat"));
    /// ```
    #[must_use]
    pub fn attr(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Everything in it, in order.
    ///
    /// ```
    /// assert!(lt_sdk::xmpp::Element::new("presence").nodes().is_empty());
    /// ```
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The elements directly in it.
    ///
    /// ```
    /// assert_eq!(lt_sdk::xmpp::chat("bob@localhost", "hello").children().count(), 1);
    /// ```
    pub fn children(&self) -> impl Iterator<Item = &Self> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// The text directly in it.
    ///
    /// ```
    /// # fn main() -> lt_sdk::xmpp::Result<()> {
    /// let body = lt_sdk::xmpp::Element::parse("<body>1 &lt; 2</body>")?;
    /// assert_eq!(body.content(), "1 < 2");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn content(&self) -> String {
        let mut content = String::new();
        for node in &self.nodes {
            if let Node::Text(text) = node {
                content.push_str(text);
            }
        }
        content
    }

    /// The first element directly in it of this name and namespace. One that was built without a namespace is taken for its parent's.
    ///
    /// ```
    /// # fn main() -> lt_sdk::xmpp::Result<()> {
    /// let answer = lt_sdk::xmpp::Element::parse("<iq type='result'><query xmlns='jabber:iq:roster' ver='3'/></iq>")?;
    /// let roster = answer.first("query", "jabber:iq:roster");
    /// assert_eq!(roster.and_then(|roster| roster.attr("ver")), Some("3"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn first(&self, name: &str, namespace: &str) -> Option<&Self> {
        let own = self.namespace.as_deref().unwrap_or(CLIENT);
        self.children()
            .find(|child| child.fits(name, namespace, own))
    }

    /// The elements directly in it of this name and namespace.
    ///
    /// ```
    /// # fn main() -> lt_sdk::xmpp::Result<()> {
    /// let query = lt_sdk::xmpp::Element::parse("<query xmlns='jabber:iq:roster'><item jid='a@b'/><item jid='c@d'/></query>")?;
    /// assert_eq!(query.all("item", "jabber:iq:roster").count(), 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn all<'a>(&'a self, name: &'a str, namespace: &'a str) -> impl Iterator<Item = &'a Self> {
        let own = self.namespace.as_deref().unwrap_or(CLIENT);
        let fits = move |child: &&Self| child.fits(name, namespace, own);
        self.children().filter(fits)
    }

    /// Whether it has this name and this namespace, in an element of that one.
    fn fits(&self, name: &str, namespace: &str, around: &str) -> bool {
        self.name == name && self.namespace.as_deref().unwrap_or(around) == namespace
    }

    /// The first element at the end of a path of names, each with its namespace before it in braces if that matters: `body`,
    /// `{urn:xmpp:carbons:2}received/{urn:xmpp:forward:0}forwarded`.
    ///
    /// ```
    /// # fn main() -> lt_sdk::xmpp::Result<()> {
    /// let answer = lt_sdk::xmpp::Element::parse("<iq><query xmlns='jabber:iq:version'><name>prosody</name></query></iq>")?;
    /// let name = answer.find("query/name").map(|name| name.content());
    /// assert_eq!(name.as_deref(), Some("prosody"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn find(&self, path: &str) -> Option<&Self> {
        let (step, rest) = first_step(path);
        let (namespace, name) = match step.strip_prefix('{').and_then(|step| step.split_once('}')) {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, step),
        };
        let own = self.namespace.as_deref().unwrap_or(CLIENT);
        let fits = |child: &&Self| match namespace {
            Some(namespace) => child.fits(name, namespace, own),
            None => child.name == name,
        };
        let mut found = self.children().filter(fits);
        match rest {
            Some(rest) => found.find_map(|child| child.find(rest)),
            None => found.next(),
        }
    }

    /// The text at the end of a path, or behind `@` an attribute's value, as a [`Key`](super::Key) says it.
    ///
    /// ```
    /// # fn main() -> lt_sdk::xmpp::Result<()> {
    /// let message = lt_sdk::xmpp::Element::parse("<message id='m1'><body>hello</body><x xmlns='urn:test' n='7'/></message>")?;
    /// assert_eq!(message.value("body").as_deref(), Some("hello"));
    /// assert_eq!(message.value("{urn:test}x@n").as_deref(), Some("7"));
    /// assert_eq!(message.value("@id").as_deref(), Some("m1"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn value(&self, path: &str) -> Option<String> {
        // A namespace may contain `@`; a name does not.
        let behind = path.rfind('}').map_or(0, |brace| brace + 1);
        let (path, attribute) = match path.rfind('@').filter(|at| *at >= behind) {
            Some(at) => {
                let (path, attribute) = crate::text::cut(path, at);
                (path, attribute.strip_prefix('@'))
            }
            None => (path, None),
        };
        let element = match path {
            "" => Some(self),
            path => self.find(path),
        }?;
        match attribute {
            Some(name) => element.attr(name).map(str::to_owned),
            None => Some(element.content()),
        }
    }
}

/// A path's first step, and the others. A namespace in braces may contain slashes.
fn first_step(path: &str) -> (&str, Option<&str>) {
    let behind = match path.strip_prefix('{') {
        Some(_) => crate::text::find(path, "}").unwrap_or(0),
        None => 0,
    };
    let (braced, names) = crate::text::cut(path, behind);
    match crate::text::find(names, "/") {
        Some(slash) => {
            let (step, rest) = crate::text::cut(path, braced.len() + slash);
            (step, rest.strip_prefix('/'))
        }
        None => (path, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_go_down_by_names_and_namespaces() {
        let carbon = "<message><received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>\
             <delay xmlns='urn:xmpp:delay' stamp='now'/><message xmlns='jabber:client' id='m@1'><body>a</body></message>\
             </forwarded></received><body>b</body></message>";
        let carbon = Element::parse(carbon).unwrap();
        assert_eq!(carbon.value("body").as_deref(), Some("b"));
        let inside = "received/{urn:xmpp:forward:0}forwarded/{jabber:client}message";
        assert_eq!(carbon.find(inside).unwrap().attr("id"), Some("m@1"));
        let value = |path: &str| carbon.value(path);
        assert_eq!(value(&format!("{inside}@id")).as_deref(), Some("m@1"));
        assert_eq!(value(&format!("{inside}/body")).as_deref(), Some("a"));
        assert_eq!(
            value("received/forwarded/delay@stamp").as_deref(),
            Some("now")
        );
        assert_eq!(value("{urn:test}received"), None);
        assert_eq!(value("received/body"), None);
        assert_eq!(value("@id"), None);
    }

    #[test]
    fn namespaces_in_paths_may_look_like_paths() {
        let element = Element::new("message").child(
            Element::new("event")
                .namespace("http://a/b@c")
                .attribute("n", "1"),
        );
        assert_eq!(element.value("{http://a/b@c}event@n").as_deref(), Some("1"));
        assert_eq!(element.value("{http://a/b@c}event").as_deref(), Some(""));
        assert_eq!(element.value("{http://a/b@c"), None);
    }

    #[test]
    fn what_is_built_without_a_namespace_has_its_parents() {
        let query = Element::new("query")
            .namespace("jabber:iq:roster")
            .child(Element::new("item"));
        assert!(query.first("item", "jabber:iq:roster").is_some());
        assert!(query.first("item", CLIENT).is_none());
        assert!(query.find("{jabber:iq:roster}item").is_some());
        assert!(Element::new("message").is("message", CLIENT));
    }
}
