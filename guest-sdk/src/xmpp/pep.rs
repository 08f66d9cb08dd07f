//! Personal eventing (XEP-0163): [`pubsub`] on one's own account, where nodes make themselves.

use super::{Element, pubsub};

/// Publish an item (XEP-0163, section 3); with an empty id the server gives it one.
///
/// ```
/// use lt_sdk::xmpp::{Element, pep};
///
/// let tune = Element::new("tune").namespace("http://jabber.org/protocol/tune");
/// let request = pep::publish("http://jabber.org/protocol/tune", "current", tune);
/// assert_eq!(request.attr("to"), None);
/// ```
pub fn publish(node: &str, id: &str, payload: impl Into<Element>) -> Element {
    pubsub::publish("", node, id, payload)
}

/// Publish an item to a node that is configured like this (XEP-0060, section 7.1.5): who may read it, how much is kept.
///
/// ```
/// use lt_sdk::xmpp::{Element, pep};
///
/// let mood = Element::new("mood").namespace("http://jabber.org/protocol/mood");
/// let request = pep::publish_with("http://jabber.org/protocol/mood", "1", mood, &[("pubsub#access_model", "open")]);
/// ```
pub fn publish_with(
    node: &str,
    id: &str,
    payload: impl Into<Element>,
    options: &[(&str, &str)],
) -> Element {
    pubsub::publish_with("", node, id, payload, options)
}

/// Take an item back and tell the subscribers.
///
/// ```
/// let request = lt_sdk::xmpp::pep::retract("http://jabber.org/protocol/mood", "1");
/// ```
pub fn retract(node: &str, id: &str) -> Element {
    pubsub::retract("", node, id)
}

/// Ask somebody for a node's items, the newest at most this many; with an empty JID one's own.
///
/// ```
/// let request = lt_sdk::xmpp::pep::items("bob@localhost", "http://jabber.org/protocol/mood", 1);
/// assert_eq!(request.attr("to"), Some("bob@localhost"));
/// ```
pub fn items(jid: &str, node: &str, max: impl Into<Option<u32>>) -> Element {
    pubsub::items(jid, node, max)
}

/// Remove a node.
///
/// ```
/// let request = lt_sdk::xmpp::pep::delete("http://jabber.org/protocol/mood");
/// assert_eq!(request.attr("to"), None);
/// ```
pub fn delete(node: &str) -> Element {
    pubsub::delete("", node)
}
