//! Copies of what the account's other resources send and receive (XEP-0280).
//! [`Account::carbons`](super::Account::carbons) asks for them while connecting.

use super::{Element, Stanza};

const CARBONS: &str = "urn:xmpp:carbons:2";
/// Forwarding (XEP-0297).
pub(super) const FORWARD: &str = "urn:xmpp:forward:0";

/// Ask for copies (XEP-0280, section 4).
///
/// ```
/// let request = lt_sdk::xmpp::carbons::enable();
/// assert_eq!(request.to_string(), "<iq type='set'><enable xmlns='urn:xmpp:carbons:2'/></iq>");
/// ```
pub fn enable() -> Element {
    super::set(Element::new("enable").namespace(CARBONS))
}

/// Ask for no more copies (XEP-0280, section 5).
///
/// ```
/// let request = lt_sdk::xmpp::carbons::disable();
/// assert_eq!(request.to_string(), "<iq type='set'><disable xmlns='urn:xmpp:carbons:2'/></iq>");
/// ```
pub fn disable() -> Element {
    super::set(Element::new("disable").namespace(CARBONS))
}

/// Have a message not copied (XEP-0280, section 8).
///
/// ```
/// use lt_sdk::xmpp::{self, carbons};
///
/// let message = carbons::private(xmpp::chat("bob@localhost", "hello"));
/// assert!(message.to_string().contains("<private xmlns='urn:xmpp:carbons:2'/>"));
/// ```
pub fn private(message: Element) -> Element {
    message.child(Element::new("private").namespace(CARBONS))
}

/// The copy of a message.
///
/// ```no_run
/// # fn look(copy: &lt_sdk::xmpp::carbons::Copied) {
/// lt_sdk::log::info!("another of my clients {} it", if copy.was_sent { "sent" } else { "received" });
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Copied {
    /// Whether another resource of the account sent it; otherwise it received it.
    pub was_sent: bool,
    /// The message.
    pub message: Element,
}

/// The message in a copy; `None` if this is no copy. That it comes from the own account has to be looked at, too (XEP-0280, section 11): anybody
/// else could claim anything.
///
/// ```no_run
/// # fn look(session: &lt_sdk::xmpp::Session, stanza: &lt_sdk::xmpp::Stanza) {
/// if let Some(copy) = lt_sdk::xmpp::carbons::read(stanza) {
///     lt_sdk::check!("it is ours", stanza.from() == Some(session.bare_jid()));
///     lt_sdk::log::info!("{:?}", copy.message.value("body"));
/// }
/// # }
/// ```
#[must_use]
pub fn read(stanza: &Stanza) -> Option<Copied> {
    if !stanza.xml().contains(CARBONS) {
        return None;
    }
    let element = stanza.element().ok()?;
    let copied = |name| element.first(name, CARBONS).and_then(forwarded);
    let (was_sent, message) = match copied("sent") {
        Some(message) => (true, message),
        None => (false, copied("received")?),
    };
    Some(Copied { was_sent, message })
}

/// The message in a `forwarded` in this element.
pub(super) fn forwarded(around: &Element) -> Option<Element> {
    let forwarded = around.first("forwarded", FORWARD)?;
    forwarded.first("message", super::element::CLIENT).cloned()
}

#[cfg(test)]
mod tests {
    use super::super::oracle::payload;
    use super::super::stanza::tests::stanza;
    use super::*;

    #[test]
    fn the_oracle_reads_what_is_asked() {
        let _: xmpp_parsers::carbons::Enable = payload(&enable(), 0);
        let _: xmpp_parsers::carbons::Disable = payload(&disable(), 0);
        let _: xmpp_parsers::carbons::Private = payload(&private(super::super::message("a")), 0);
    }

    #[test]
    fn copies_are_read() {
        let copy = |name: &str| {
            stanza(&format!(
                "<message from='a@b'><{name} xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>\
                 <message xmlns='jabber:client' to='c@d'><body>x</body></message></forwarded></{name}></message>"
            ))
        };
        let sent = read(&copy("sent")).unwrap();
        assert!(sent.was_sent);
        assert_eq!(sent.message.value("body").as_deref(), Some("x"));
        assert!(!read(&copy("received")).unwrap().was_sent);
        assert_eq!(read(&copy("other")), None);
        assert_eq!(read(&stanza("<message><body>a</body></message>")), None);
    }
}
