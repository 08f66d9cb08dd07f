//! Service discovery (XEP-0030): what somebody is and can, and what belongs to it.

use super::queries::addressed;
use super::{Element, Result, Stanza};

const INFO: &str = "http://jabber.org/protocol/disco#info";
const ITEMS: &str = "http://jabber.org/protocol/disco#items";

fn question<'a>(to: &str, namespace: &'static str, node: impl Into<Option<&'a str>>) -> Element {
    let query = Element::new("query").namespace(namespace);
    addressed(super::get(query.attribute_some("node", node.into())), to)
}

/// Ask what somebody is and can (XEP-0030, section 3), or one of its nodes.
///
/// ```
/// let request = lt_sdk::xmpp::disco::info("localhost", None);
/// assert!(request.to_string().contains("<query xmlns='http://jabber.org/protocol/disco#info'/>"));
/// ```
pub fn info<'a>(to: &str, node: impl Into<Option<&'a str>>) -> Element {
    question(to, INFO, node)
}

/// Ask what belongs to somebody (XEP-0030, section 4), or to one of its nodes: a server's components, a service's rooms.
///
/// ```
/// let request = lt_sdk::xmpp::disco::items("muc.localhost", None);
/// assert!(request.to_string().contains("<query xmlns='http://jabber.org/protocol/disco#items'/>"));
/// ```
pub fn items<'a>(to: &str, node: impl Into<Option<&'a str>>) -> Element {
    question(to, ITEMS, node)
}

/// What somebody is.
///
/// ```no_run
/// # fn look(identity: &lt_sdk::xmpp::disco::Identity) -> bool {
/// identity.category == "conference"
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// Its category: `server`, `client`, `conference`.
    pub category: String,
    /// Its type: `im`, `pc`, `text`.
    pub kind: String,
    /// What it is called; empty if that was not said.
    pub name: String,
}

/// What somebody is and can.
///
/// ```no_run
/// # fn look(info: &lt_sdk::xmpp::disco::Info) {
/// lt_sdk::check!("keeps an archive", info.has("urn:xmpp:mam:2"));
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// What it is.
    pub identities: Vec<Identity>,
    /// What it can: names of features.
    pub features: Vec<String>,
}

impl Info {
    /// Whether it has this feature.
    ///
    /// ```
    /// assert!(!lt_sdk::xmpp::disco::Info::default().has("urn:xmpp:ping"));
    /// ```
    #[must_use]
    pub fn has(&self, feature: &str) -> bool {
        self.features.iter().any(|other| other == feature)
    }
}

/// Something that belongs to somebody.
///
/// ```no_run
/// # fn look(item: &lt_sdk::xmpp::disco::Item) {
/// lt_sdk::log::info!("{} {:?}", item.jid, item.node);
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Item {
    /// Its JID.
    pub jid: String,
    /// Its node, if it is one.
    pub node: Option<String>,
    /// What it is called.
    pub name: Option<String>,
}

/// What an answer to [`info`] says.
///
/// # Errors
/// If it is none.
///
/// ```no_run
/// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
/// use lt_sdk::xmpp::disco;
///
/// let server = disco::read_info(&session.request(&disco::info("localhost", None))?)?;
/// # Ok(())
/// # }
/// ```
pub fn read_info(answer: &Stanza) -> Result<Info> {
    let query = answer.payload("query", INFO)?;
    let text = |element: &Element, name| element.attr(name).unwrap_or_default().to_owned();
    let identity = |element: &Element| Identity {
        category: text(element, "category"),
        kind: text(element, "type"),
        name: text(element, "name"),
    };
    let features = query.all("feature", INFO);
    Ok(Info {
        identities: query.all("identity", INFO).map(identity).collect(),
        features: features.map(|feature| text(feature, "var")).collect(),
    })
}

/// What an answer to [`items`] says.
///
/// # Errors
/// If it is none.
///
/// ```no_run
/// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
/// use lt_sdk::xmpp::disco;
///
/// for room in disco::read_items(&session.request(&disco::items("muc.localhost", None))?)? {
///     lt_sdk::log::info!("{}", room.jid);
/// }
/// # Ok(())
/// # }
/// ```
pub fn read_items(answer: &Stanza) -> Result<Vec<Item>> {
    let query = answer.payload("query", ITEMS)?;
    let item = |element: &Element| Item {
        jid: element.attr("jid").unwrap_or_default().to_owned(),
        node: element.attr("node").map(str::to_owned),
        name: element.attr("name").map(str::to_owned),
    };
    Ok(query.all("item", ITEMS).map(item).collect())
}

#[cfg(test)]
mod tests {
    use super::super::oracle::payload;
    use super::super::stanza::tests::stanza;
    use super::*;
    use xmpp_parsers::disco as oracle;

    #[test]
    fn the_oracle_reads_what_is_asked() {
        let read: oracle::DiscoInfoQuery = payload(&info("a", "n"), 0);
        assert_eq!(read.node.as_deref(), Some("n"));
        let read: oracle::DiscoInfoQuery = payload(&info("a", None), 0);
        assert_eq!(read.node, None);
        let read: oracle::DiscoItemsQuery = payload(&items("a", "n"), 0);
        assert_eq!(read.node.as_deref(), Some("n"));
    }

    #[test]
    fn answers_are_read() {
        let answer = stanza(
            "<iq type='result'><query xmlns='http://jabber.org/protocol/disco#info'><identity category='server' type='im' name='P'/>\
             <feature var='urn:xmpp:ping'/><feature var='urn:xmpp:mam:2'/></query></iq>",
        );
        let info = read_info(&answer).unwrap();
        assert_eq!(info.identities[0].kind, "im");
        assert!(info.has("urn:xmpp:mam:2") && !info.has("urn:xmpp:mam"));
        let answer = stanza(
            "<iq type='result'><query xmlns='http://jabber.org/protocol/disco#items'><item jid='a@b' name='A'/><item jid='c' node='d'/></query></iq>",
        );
        let items = read_items(&answer).unwrap();
        assert_eq!(
            (items[0].jid.as_str(), items[0].name.as_deref()),
            ("a@b", Some("A"))
        );
        assert_eq!(items[1].node.as_deref(), Some("d"));
        assert!(read_info(&answer).is_err());
    }
}
