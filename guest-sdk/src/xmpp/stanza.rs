//! Stanzas that came.

use super::element::CLIENT;
use super::{Element, Error, Result, StanzaError};
use crate::bindings::lt::scenario::xmpp as host;
use crate::timing::Instant;

/// Delayed delivery (XEP-0203).
pub(super) const DELAY: &str = "urn:xmpp:delay";

/// Conditions of stanza errors (RFC 6120, section 8.3.3).
const STANZAS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";

/// A stanza that came. What stands in its first tag is at hand; for the rest it is [parsed](Self::element) when that is asked for.
///
/// ```no_run
/// use lt_sdk::timing::Duration;
/// use lt_sdk::xmpp::Filter;
///
/// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
/// let message = session.receive(Filter::chat(), Duration::from_secs(5))?;
/// lt_sdk::log::info!("{:?} says {:?}", message.from(), message.body());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Stanza(host::Stanza);

impl Stanza {
    pub(super) const fn from_host(stanza: host::Stanza) -> Self {
        Self(stanza)
    }

    /// Name of the element: `message`, `presence`, `iq`.
    ///
    /// ```no_run
    /// # fn look(stanza: &lt_sdk::xmpp::Stanza) -> bool {
    /// stanza.name() == "message"
    /// # }
    /// ```
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Its attribute `type`.
    ///
    /// ```no_run
    /// # fn look(stanza: &lt_sdk::xmpp::Stanza) -> bool {
    /// stanza.kind() == Some("groupchat")
    /// # }
    /// ```
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        self.0.kind.as_deref()
    }

    /// Its attribute `from`.
    ///
    /// ```no_run
    /// # fn look(stanza: &lt_sdk::xmpp::Stanza) -> bool {
    /// stanza.from() == Some("bob@localhost/phone")
    /// # }
    /// ```
    #[must_use]
    pub fn from(&self) -> Option<&str> {
        self.0.from.as_deref()
    }

    /// Its attribute `to`.
    ///
    /// ```no_run
    /// # fn look(stanza: &lt_sdk::xmpp::Stanza) -> bool {
    /// stanza.to().is_some()
    /// # }
    /// ```
    #[must_use]
    pub fn to(&self) -> Option<&str> {
        self.0.to.as_deref()
    }

    /// Its attribute `id`.
    ///
    /// ```no_run
    /// # fn look(stanza: &lt_sdk::xmpp::Stanza) -> bool {
    /// stanza.id() == Some("m1")
    /// # }
    /// ```
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.0.id.as_deref()
    }

    /// All of it, as it came.
    ///
    /// ```no_run
    /// # fn look(stanza: &lt_sdk::xmpp::Stanza) -> bool {
    /// stanza.xml().contains("urgent")
    /// # }
    /// ```
    #[must_use]
    pub fn xml(&self) -> &str {
        &self.0.xml
    }

    /// When its last byte came to this machine.
    ///
    /// ```no_run
    /// # fn look(stanza: &lt_sdk::xmpp::Stanza) {
    /// let waited = stanza.arrived().elapsed();
    /// # }
    /// ```
    #[must_use]
    pub const fn arrived(&self) -> Instant {
        Instant::from_nanos(self.0.arrived)
    }

    /// All of it, to look into.
    ///
    /// # Errors
    /// [`Error::Xml`] if it cannot be read: the host lets nothing in that is not well-formed, but for prefixes that only the stream declares.
    ///
    /// ```no_run
    /// # fn look(answer: &lt_sdk::xmpp::Stanza) -> lt_sdk::Result<()> {
    /// let bound = answer.element()?.value("{urn:ietf:params:xml:ns:xmpp-bind}bind/jid");
    /// # Ok(())
    /// # }
    /// ```
    pub fn element(&self) -> Result<Element> {
        Element::parse(self.xml())
    }

    /// The payload of this name and namespace: a child of the stanza.
    ///
    /// # Errors
    /// [`Error::Xml`] if there is none.
    ///
    /// ```no_run
    /// # fn look(answer: &lt_sdk::xmpp::Stanza) -> lt_sdk::Result<()> {
    /// let roster = answer.payload("query", "jabber:iq:roster")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn payload(&self, name: &str, namespace: &str) -> Result<Element> {
        let found = self.element()?.take_child(name, namespace);
        found.ok_or(Error::Xml("the payload is missing"))
    }

    /// The text of the first child of this name and namespace.
    ///
    /// ```no_run
    /// # fn look(message: &lt_sdk::xmpp::Stanza) {
    /// let subject = message.child_text("subject", "jabber:client");
    /// # }
    /// ```
    #[must_use]
    pub fn child_text(&self, name: &str, namespace: &str) -> Option<String> {
        if !self.xml().contains(name) {
            return None;
        }
        let element = self.element().ok()?;
        element.first(name, namespace).map(Element::content)
    }

    /// The text at the end of a path, or behind `@` an attribute's value, as a [`Key`](super::Key) says it.
    ///
    /// ```no_run
    /// # fn look(message: &lt_sdk::xmpp::Stanza) {
    /// let id = message.value("{urn:xmpp:sid:0}stanza-id@id");
    /// # }
    /// ```
    #[must_use]
    pub fn value(&self, path: &str) -> Option<String> {
        self.element().ok()?.value(path)
    }

    /// A message's text: the first body (RFC 6121, section 5.2.3).
    ///
    /// ```no_run
    /// # fn look(message: &lt_sdk::xmpp::Stanza) {
    /// lt_sdk::check!("says hello", message.body().as_deref() == Some("hello"));
    /// # }
    /// ```
    #[must_use]
    pub fn body(&self) -> Option<String> {
        self.child_text("body", CLIENT)
    }

    /// Whether it was kept somewhere before it came (XEP-0203): history, or what was sent while this user was away.
    ///
    /// ```no_run
    /// # fn look(message: &lt_sdk::xmpp::Stanza) {
    /// if !message.is_delayed() {
    ///     lt_sdk::log::info!("{:?}", message.body());
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn is_delayed(&self) -> bool {
        self.child_text("delay", DELAY).is_some()
    }

    /// What went wrong, if it is of type `error` (RFC 6120, section 8.3).
    ///
    /// ```no_run
    /// # fn look(message: &lt_sdk::xmpp::Stanza) {
    /// if let Some(error) = message.error() {
    ///     lt_sdk::log::warn!("not delivered: {}", error.condition);
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn error(&self) -> Option<StanzaError> {
        if !self.is_error() {
            return None;
        }
        let error = self.payload("error", CLIENT).ok();
        let parts = || error.iter().flat_map(Element::children);
        let defined = |part: &&Element| part.ns() == Some(STANZAS);
        let condition = parts().filter(defined).find(|part| part.name() != "text");
        let text = parts().filter(defined).find(|part| part.name() == "text");
        let kind = error.as_ref().and_then(|error| error.attr("type"));
        Some(StanzaError {
            condition: condition
                .map_or("undefined-condition", Element::name)
                .to_owned(),
            kind: kind.unwrap_or_default().to_owned(),
            text: text.map(Element::content).unwrap_or_default(),
            xml: self.xml().to_owned(),
        })
    }

    /// Whether it is of type `error`.
    ///
    /// ```no_run
    /// # fn look(message: &lt_sdk::xmpp::Stanza) {
    /// lt_sdk::check!("was delivered", !message.is_error());
    /// # }
    /// ```
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.kind() == Some("error")
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A stanza as the host would give it.
    pub(crate) fn stanza(xml: &str) -> Stanza {
        let element = Element::parse(xml).unwrap();
        let attribute = |name| element.attr(name).map(str::to_owned);
        Stanza(host::Stanza {
            name: element.name().to_owned(),
            kind: attribute("type"),
            from: attribute("from"),
            to: attribute("to"),
            id: attribute("id"),
            xml: xml.to_owned(),
            arrived: 7,
        })
    }

    #[test]
    fn what_a_message_says_is_found() {
        let message = stanza(
            "<message type='chat' from='a@b/c' to='d@e' id='1'><body>1 &lt; 2</body><body xml:lang='de'>x</body>\
             <delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/></message>",
        );
        assert_eq!((message.name(), message.kind()), ("message", Some("chat")));
        assert_eq!((message.from(), message.to()), (Some("a@b/c"), Some("d@e")));
        assert_eq!(message.id(), Some("1"));
        assert_eq!(message.body().as_deref(), Some("1 < 2"));
        assert_eq!(message.arrived(), Instant::from_nanos(7));
        assert!(message.is_delayed() && !message.is_error());
        assert_eq!(
            message.value("delay@stamp").as_deref(),
            Some("2026-01-01T00:00:00Z")
        );
    }

    #[test]
    fn errors_are_told() {
        let refused = stanza(
            "<presence type='error' from='r@m/a'><x xmlns='http://jabber.org/protocol/muc'/><error type='auth' by='r@m'>\
             <text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>members only</text>\
             <registration-required xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>",
        );
        let error = refused.error().unwrap();
        assert_eq!(
            (error.condition.as_str(), error.kind.as_str()),
            ("registration-required", "auth")
        );
        assert_eq!(error.text, "members only");
        let bare = stanza("<message type='error'/>").error().unwrap();
        assert_eq!(bare.condition, "undefined-condition");
        assert_eq!(stanza("<message/>").error(), None);
    }

    #[test]
    fn what_is_forwarded_is_not_the_message_itself() {
        let carbon = stanza(
            "<message><received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay'/>\
             <message xmlns='jabber:client'><body>a</body></message></forwarded></received></message>",
        );
        assert_eq!(carbon.body(), None);
        assert!(!carbon.is_delayed());
        assert!(carbon.payload("received", "urn:xmpp:carbons:2").is_ok());
        assert!(carbon.payload("sent", "urn:xmpp:carbons:2").is_err());
    }
}
