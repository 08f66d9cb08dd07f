//! Publishing and subscribing (XEP-0060). The service is named first; an empty one is the own account ([`pep`](super::pep)).
//!
//! ```no_run
//! use lt_sdk::prelude::*;
//! use lt_sdk::xmpp::{Element, Filter, Session, pubsub};
//!
//! # fn iterate(session: &Session) -> Result<()> {
//! let service = "pubsub.localhost";
//! session.request(&pubsub::create(service, "news"))?;
//! session.request(&pubsub::subscribe(service, "news", session.bare_jid()))?;
//! let news = Element::new("entry").namespace("http://www.w3.org/2005/Atom").text("hello");
//! session.request(&pubsub::publish(service, "news", "1", news))?;
//! let event = session.receive(pubsub::events().from(service), Duration::from_secs(5))?;
//! check!("is the news", pubsub::read_event(&event).is_some_and(|event| event.items[0].id == "1"));
//! # Ok(())
//! # }
//! ```

use super::queries::addressed;
use super::{Element, Filter, Form, Result, Stanza};

const PUBSUB: &str = "http://jabber.org/protocol/pubsub";
const OWNER: &str = "http://jabber.org/protocol/pubsub#owner";
const EVENT: &str = "http://jabber.org/protocol/pubsub#event";
const NODE_CONFIG: &str = "http://jabber.org/protocol/pubsub#node_config";
const PUBLISH_OPTIONS: &str = "http://jabber.org/protocol/pubsub#publish-options";

/// Fields of a form, as they are given.
type Fields<'a> = &'a [(&'a str, &'a str)];

fn form(form_type: &str, fields: Fields<'_>) -> Element {
    Form::with(form_type, fields.iter().copied()).submit()
}

fn about(name: &'static str, node: &str) -> Element {
    Element::new(name).attribute("node", node)
}

fn request(
    make: fn(Element) -> Element,
    service: &str,
    namespace: &'static str,
    children: impl IntoIterator<Item = Element>,
) -> Element {
    let pubsub = Element::new("pubsub").namespace(namespace);
    addressed(make(pubsub.with_children(children)), service)
}

/// Make a node (XEP-0060, section 8.1).
///
/// ```
/// let request = lt_sdk::xmpp::pubsub::create("pubsub.localhost", "news");
/// assert!(request.to_string().contains("<create node='news'/>"));
/// ```
pub fn create(service: &str, node: &str) -> Element {
    request(super::set, service, PUBSUB, [about("create", node)])
}

/// Make a node and configure it (XEP-0060, section 8.1.3); the names of the fields begin with `pubsub#`.
///
/// ```
/// let request = lt_sdk::xmpp::pubsub::create_with("pubsub.localhost", "news", &[("pubsub#max_items", "10")]);
/// assert!(request.to_string().contains("<field var='pubsub#max_items'><value>10</value></field>"));
/// ```
pub fn create_with(service: &str, node: &str, fields: Fields<'_>) -> Element {
    let configure = Element::new("configure").child(form(NODE_CONFIG, fields));
    request(
        super::set,
        service,
        PUBSUB,
        [about("create", node), configure],
    )
}

/// Remove a node (XEP-0060, section 8.4).
///
/// ```
/// let request = lt_sdk::xmpp::pubsub::delete("pubsub.localhost", "news");
/// assert!(request.to_string().contains("<delete node='news'/>"));
/// ```
pub fn delete(service: &str, node: &str) -> Element {
    request(super::set, service, OWNER, [about("delete", node)])
}

/// Ask for the form that configures a node (XEP-0060, section 8.2); [`Form::read`] reads the answer.
///
/// ```
/// let request = lt_sdk::xmpp::pubsub::get_config("pubsub.localhost", "news");
/// assert!(request.to_string().contains("<configure node='news'/>"));
/// ```
pub fn get_config(service: &str, node: &str) -> Element {
    request(super::get, service, OWNER, [about("configure", node)])
}

/// Configure a node (XEP-0060, section 8.2.4).
///
/// ```
/// let request = lt_sdk::xmpp::pubsub::configure("pubsub.localhost", "news", &[("pubsub#persist_items", "1")]);
/// assert!(request.to_string().contains("<configure node='news'>"));
/// ```
pub fn configure(service: &str, node: &str, fields: Fields<'_>) -> Element {
    let configure = about("configure", node).child(form(NODE_CONFIG, fields));
    request(super::set, service, OWNER, [configure])
}

/// Subscribe a JID to a node (XEP-0060, section 6.1): one's own, bare or full.
///
/// ```
/// let request = lt_sdk::xmpp::pubsub::subscribe("pubsub.localhost", "news", "bob@localhost");
/// assert!(request.to_string().contains("<subscribe node='news' jid='bob@localhost'/>"));
/// ```
pub fn subscribe(service: &str, node: &str, jid: &str) -> Element {
    let subscribe = about("subscribe", node).attribute("jid", jid);
    request(super::set, service, PUBSUB, [subscribe])
}

/// Unsubscribe it (XEP-0060, section 6.2).
///
/// ```
/// let request = lt_sdk::xmpp::pubsub::unsubscribe("pubsub.localhost", "news", "bob@localhost");
/// assert!(request.to_string().contains("<unsubscribe node='news' jid='bob@localhost'/>"));
/// ```
pub fn unsubscribe(service: &str, node: &str, jid: &str) -> Element {
    let unsubscribe = about("unsubscribe", node).attribute("jid", jid);
    request(super::set, service, PUBSUB, [unsubscribe])
}

fn item(id: &str) -> Element {
    Element::new("item").attribute_some("id", Some(id).filter(|id| !id.is_empty()))
}

/// Publish an item (XEP-0060, section 7.1); with an empty id the service gives it one.
///
/// ```
/// use lt_sdk::xmpp::{Element, pubsub};
///
/// let request = pubsub::publish("pubsub.localhost", "news", "1", Element::new("entry").namespace("urn:test"));
/// assert!(request.to_string().contains("<publish node='news'><item id='1'><entry xmlns='urn:test'/></item></publish>"));
/// ```
pub fn publish(service: &str, node: &str, id: &str, payload: impl Into<Element>) -> Element {
    let publish = about("publish", node).child(item(id).child(payload));
    request(super::set, service, PUBSUB, [publish])
}

/// Publish an item if the node is configured like this, or make the node so (XEP-0060, section 7.1.5).
///
/// ```
/// use lt_sdk::xmpp::{Element, pubsub};
///
/// let entry = Element::new("entry").namespace("urn:test");
/// let request = pubsub::publish_with("pubsub.localhost", "news", "1", entry, &[("pubsub#access_model", "open")]);
/// assert!(request.to_string().contains("<publish-options>"));
/// ```
pub fn publish_with(
    service: &str,
    node: &str,
    id: &str,
    payload: impl Into<Element>,
    options: Fields<'_>,
) -> Element {
    let publish = about("publish", node).child(item(id).child(payload));
    let options = Element::new("publish-options").child(form(PUBLISH_OPTIONS, options));
    request(super::set, service, PUBSUB, [publish, options])
}

/// Take an item back and tell the subscribers (XEP-0060, section 7.2).
///
/// ```
/// let request = lt_sdk::xmpp::pubsub::retract("pubsub.localhost", "news", "1");
/// assert!(request.to_string().contains("<retract node='news' notify='true'><item id='1'/></retract>"));
/// ```
pub fn retract(service: &str, node: &str, id: &str) -> Element {
    let retract = about("retract", node).attribute("notify", "true");
    request(super::set, service, PUBSUB, [retract.child(item(id))])
}

/// Ask for a node's items (XEP-0060, section 6.5), the newest at most this many.
///
/// ```
/// let request = lt_sdk::xmpp::pubsub::items("pubsub.localhost", "news", 10);
/// assert!(request.to_string().contains("<items node='news' max_items='10'/>"));
/// ```
pub fn items(service: &str, node: &str, max: impl Into<Option<u32>>) -> Element {
    let max = max.into().map(|max| max.to_string());
    let items = about("items", node).attribute_some("max_items", max);
    request(super::get, service, PUBSUB, [items])
}

/// Ask for one item (XEP-0060, section 6.5.8).
///
/// ```
/// let request = lt_sdk::xmpp::pubsub::get_item("pubsub.localhost", "news", "1");
/// assert!(request.to_string().contains("<items node='news'><item id='1'/></items>"));
/// ```
pub fn get_item(service: &str, node: &str, id: &str) -> Element {
    let items = about("items", node).child(item(id));
    request(super::get, service, PUBSUB, [items])
}

/// Remove all items (XEP-0060, section 8.5).
///
/// ```
/// let request = lt_sdk::xmpp::pubsub::purge("pubsub.localhost", "news");
/// assert!(request.to_string().contains("<purge node='news'/>"));
/// ```
pub fn purge(service: &str, node: &str) -> Element {
    request(super::set, service, OWNER, [about("purge", node)])
}

/// Ask for one's own subscriptions (XEP-0060, section 5.6).
///
/// ```
/// let request = lt_sdk::xmpp::pubsub::subscriptions("pubsub.localhost");
/// assert!(request.to_string().contains("<subscriptions/>"));
/// ```
pub fn subscriptions(service: &str) -> Element {
    request(super::get, service, PUBSUB, [Element::new("subscriptions")])
}

/// Ask for one's own affiliations (XEP-0060, section 5.7).
///
/// ```
/// let request = lt_sdk::xmpp::pubsub::affiliations("pubsub.localhost");
/// assert!(request.to_string().contains("<affiliations/>"));
/// ```
pub fn affiliations(service: &str) -> Element {
    request(super::get, service, PUBSUB, [Element::new("affiliations")])
}

/// Ask, as the owner, who is subscribed to a node (XEP-0060, section 8.8.1).
///
/// ```
/// let request = lt_sdk::xmpp::pubsub::node_subscriptions("pubsub.localhost", "news");
/// assert!(request.to_string().contains("<subscriptions node='news'/>"));
/// ```
pub fn node_subscriptions(service: &str, node: &str) -> Element {
    request(super::get, service, OWNER, [about("subscriptions", node)])
}

/// Change, as the owner, somebody's subscription (XEP-0060, section 8.8.2): `none`, `pending`, `unconfigured`, `subscribed`.
///
/// ```
/// let request = lt_sdk::xmpp::pubsub::set_subscription("pubsub.localhost", "news", "bob@localhost", "none");
/// assert!(request.to_string().contains("<subscription jid='bob@localhost' subscription='none'/>"));
/// ```
pub fn set_subscription(service: &str, node: &str, jid: &str, subscription: &str) -> Element {
    let change = Element::new("subscription").attribute("jid", jid);
    let change = change.attribute("subscription", subscription);
    request(
        super::set,
        service,
        OWNER,
        [about("subscriptions", node).child(change)],
    )
}

/// Ask, as the owner, who has which affiliation to a node (XEP-0060, section 8.9.1).
///
/// ```
/// let request = lt_sdk::xmpp::pubsub::node_affiliations("pubsub.localhost", "news");
/// assert!(request.to_string().contains("<affiliations node='news'/>"));
/// ```
pub fn node_affiliations(service: &str, node: &str) -> Element {
    request(super::get, service, OWNER, [about("affiliations", node)])
}

/// Change, as the owner, somebody's affiliation (XEP-0060, section 8.9.2): `none`, `member`, `outcast`, `publisher`, `publish-only`, `owner`.
///
/// ```
/// let request = lt_sdk::xmpp::pubsub::set_affiliation("pubsub.localhost", "news", "bob@localhost", "publisher");
/// assert!(request.to_string().contains("<affiliation jid='bob@localhost' affiliation='publisher'/>"));
/// ```
pub fn set_affiliation(service: &str, node: &str, jid: &str, affiliation: &str) -> Element {
    let change = Element::new("affiliation").attribute("jid", jid);
    let change = change.attribute("affiliation", affiliation);
    request(
        super::set,
        service,
        OWNER,
        [about("affiliations", node).child(change)],
    )
}

/// Which stanzas tell what was published.
///
/// ```
/// let news = lt_sdk::xmpp::pubsub::events().from("pubsub.localhost");
/// ```
pub fn events() -> Filter {
    Filter::message().payload("event", EVENT)
}

/// An item.
///
/// ```no_run
/// # fn look(item: &lt_sdk::xmpp::pubsub::Item) {
/// lt_sdk::log::info!("{}: {:?}", item.id, item.payload);
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Item {
    /// Its id.
    pub id: String,
    /// Who published it; empty if that was not said.
    pub publisher: String,
    /// What was published; `None` if only that it was is told.
    pub payload: Option<Element>,
}

/// What was published, or taken back.
///
/// ```no_run
/// # fn look(event: &lt_sdk::xmpp::pubsub::Event) {
/// lt_sdk::log::info!("{}: {} new", event.node, event.items.len());
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// The node.
    pub node: String,
    /// What was published.
    pub items: Vec<Item>,
    /// Ids of what was taken back.
    pub retracted: Vec<String>,
}

fn items_in<'a>(around: &'a Element, namespace: &'static str) -> impl Iterator<Item = Item> + 'a {
    let text = |item: &Element, name| item.attr(name).unwrap_or_default().to_owned();
    around.all("item", namespace).map(move |item| Item {
        id: text(item, "id"),
        publisher: text(item, "publisher"),
        payload: item.children().next().cloned(),
    })
}

/// The items in an answer to [`items`] or [`get_item`].
///
/// # Errors
/// If it is none.
///
/// ```no_run
/// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
/// use lt_sdk::xmpp::pubsub;
///
/// let items = pubsub::read_items(&session.request(&pubsub::items("pubsub.localhost", "news", None))?)?;
/// # Ok(())
/// # }
/// ```
pub fn read_items(answer: &Stanza) -> Result<Vec<Item>> {
    let pubsub = answer.payload("pubsub", PUBSUB)?;
    let items = pubsub.all("items", PUBSUB);
    Ok(items.flat_map(|items| items_in(items, PUBSUB)).collect())
}

/// The event in a message (XEP-0060, section 7.1.2); `None` if there is none about items.
///
/// ```no_run
/// # fn look(message: &lt_sdk::xmpp::Stanza) {
/// let event = lt_sdk::xmpp::pubsub::read_event(message);
/// # }
/// ```
#[must_use]
pub fn read_event(message: &Stanza) -> Option<Event> {
    let event = message.payload("event", EVENT).ok()?;
    let items = event.first("items", EVENT)?;
    let retracted = items.all("retract", EVENT);
    Some(Event {
        node: items.attr("node").unwrap_or_default().to_owned(),
        items: items_in(items, EVENT).collect(),
        retracted: retracted
            .filter_map(|item| item.attr("id").map(str::to_owned))
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::oracle::payload;
    use super::super::stanza::tests::stanza;
    use super::*;
    use xmpp_parsers::pubsub::{PubSub, owner};

    const S: &str = "pubsub.b";

    fn entry() -> Element {
        Element::new("entry").namespace("urn:e")
    }

    #[test]
    fn the_oracle_reads_what_users_ask() {
        let read = |built: Element| -> PubSub { payload(&built, 0) };
        assert!(matches!(
            read(create_with(S, "n", &[("a", "b")])),
            PubSub::Create { create, configure: Some(configure) }
                if create.node.as_ref().unwrap().0 == "n" && configure.form.is_some()
        ));
        assert!(matches!(
            read(create(S, "n")),
            PubSub::Create {
                configure: None,
                ..
            }
        ));
        assert!(matches!(
            read(subscribe(S, "n", "a@b")),
            PubSub::Subscribe { subscribe: Some(subscribe), .. } if subscribe.jid.to_string() == "a@b"
        ));
        assert!(matches!(
            read(publish(S, "n", "1", entry())),
            PubSub::Publish { publish, publish_options: None } if publish.items[0].payload.is_some()
        ));
        assert!(matches!(
            read(publish_with(S, "n", "", entry(), &[("a", "b")])),
            PubSub::Publish { publish, publish_options: Some(_) } if publish.items[0].id.is_none()
        ));
        assert!(matches!(
            read(retract(S, "n", "1")),
            PubSub::Retract(retract) if retract.items.len() == 1
        ));
        assert!(matches!(
            read(items(S, "n", 7)),
            PubSub::Items(items) if items.max_items == Some(7) && items.items.is_empty()
        ));
        assert!(
            matches!(read(get_item(S, "n", "1")), PubSub::Items(items) if items.items.len() == 1)
        );
        assert!(matches!(read(subscriptions(S)), PubSub::Subscriptions(_)));
        assert!(matches!(read(affiliations(S)), PubSub::Affiliations(_)));
        assert!(
            unsubscribe(S, "n", "a@b")
                .to_xml()
                .contains("<unsubscribe node='n' jid='a@b'/>")
        );
    }

    #[test]
    fn the_oracle_reads_what_owners_ask() {
        use owner::Payload;
        let read = |built: Element| payload::<owner::Owner>(&built, 0).payload;
        assert!(matches!(read(delete(S, "n")), Payload::Delete { .. }));
        assert!(matches!(read(purge(S, "n")), Payload::Purge { .. }));
        assert!(matches!(
            read(get_config(S, "n")),
            Payload::Configure { form: None, .. }
        ));
        assert!(matches!(
            read(configure(S, "n", &[("a", "b")])),
            Payload::Configure { form: Some(_), .. }
        ));
        assert!(matches!(
            read(node_affiliations(S, "n")),
            Payload::Affiliations { .. }
        ));
        assert!(matches!(
            read(set_affiliation(S, "n", "a@b", "publisher")),
            Payload::Affiliations { affiliations, .. } if affiliations.len() == 1
        ));
        assert!(matches!(
            read(node_subscriptions(S, "n")),
            Payload::Subscriptions { .. }
        ));
        assert!(matches!(
            read(set_subscription(S, "n", "a@b", "none")),
            Payload::Subscriptions { subscriptions, .. } if subscriptions.len() == 1
        ));
    }

    #[test]
    fn items_and_events_are_read() {
        let answer = stanza(
            "<iq type='result'><pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='n'><item id='1' publisher='a@b'><e xmlns='urn:e'/></item>\
             <item id='2'/></items></pubsub></iq>",
        );
        let items = read_items(&answer).unwrap();
        assert_eq!(
            (items[0].id.as_str(), items[0].publisher.as_str()),
            ("1", "a@b")
        );
        assert!(items[0].payload.as_ref().unwrap().is("e", "urn:e") && items[1].payload.is_none());
        let event = stanza(
            "<message from='s'><event xmlns='http://jabber.org/protocol/pubsub#event'><items node='n'><item id='1'><e xmlns='urn:e'/></item>\
             <retract id='0'/></items></event></message>",
        );
        let event = read_event(&event).unwrap();
        assert_eq!((event.node.as_str(), event.items.len()), ("n", 1));
        assert_eq!(event.retracted, ["0"]);
        assert!(read_event(&answer).is_none());
    }
}
