//! The list of contacts (RFC 6121, section 2).
//!
//! ```no_run
//! use lt_sdk::xmpp::{Session, roster};
//!
//! # fn iterate(session: &Session) -> lt_sdk::Result<()> {
//! session.request(&roster::set("bob@localhost", "Bob", ["friends"]))?;
//! let contacts = roster::read_items(&session.request(&roster::get())?)?;
//! lt_sdk::check!("Bob is a contact", contacts.iter().any(|contact| contact.jid == "bob@localhost"));
//! # Ok(())
//! # }
//! ```

use super::{Element, Result, Stanza};

const ROSTER: &str = "jabber:iq:roster";

/// Ask for all contacts (RFC 6121, section 2.1.3).
///
/// ```
/// let request = lt_sdk::xmpp::roster::get();
/// assert_eq!(request.to_string(), "<iq type='get'><query xmlns='jabber:iq:roster'/></iq>");
/// ```
pub fn get() -> Element {
    super::get(Element::new("query").namespace(ROSTER))
}

/// Add or change a contact (RFC 6121, sections 2.3 and 2.4); the name is what the user calls it, and may be `None`.
///
/// ```
/// let request = lt_sdk::xmpp::roster::set("bob@localhost", "Bob", ["friends"]);
/// assert!(request.to_string().contains("<item jid='bob@localhost' name='Bob'><group>friends</group></item>"));
/// ```
pub fn set<'a, G: Into<String>>(
    jid: impl Into<String>,
    name: impl Into<Option<&'a str>>,
    groups: impl IntoIterator<Item = G>,
) -> Element {
    let groups = groups.into_iter();
    let groups = groups.map(|group| Element::new("group").text(group));
    change(
        Element::new("item")
            .attribute("jid", jid)
            .attribute_some("name", name.into())
            .with_children(groups),
    )
}

/// Remove a contact (RFC 6121, section 2.5).
///
/// ```
/// let request = lt_sdk::xmpp::roster::remove("bob@localhost");
/// assert!(request.to_string().contains("<item jid='bob@localhost' subscription='remove'/>"));
/// ```
pub fn remove(jid: impl Into<String>) -> Element {
    let item = Element::new("item").attribute("jid", jid);
    change(item.attribute("subscription", "remove"))
}

fn change(item: Element) -> Element {
    super::set(Element::new("query").namespace(ROSTER).child(item))
}

/// A contact.
///
/// ```no_run
/// # fn look(contact: &lt_sdk::xmpp::roster::Item) -> bool {
/// contact.subscription == "both"
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Item {
    /// Its JID.
    pub jid: String,
    /// What the user calls it.
    pub name: Option<String>,
    /// Who sees whose presence: `none`, `to`, `from`, `both`; `remove` in a push.
    pub subscription: String,
    /// Whether a subscription was asked for and not answered yet.
    pub is_pending: bool,
    /// The groups it is in.
    pub groups: Vec<String>,
}

/// The contacts in an answer to [`get`], or in a push of the server (RFC 6121, section 2.1.6).
///
/// # Errors
/// If there is no roster in it.
///
/// ```no_run
/// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
/// use lt_sdk::xmpp::roster;
///
/// let contacts = roster::read_items(&session.request(&roster::get())?)?;
/// # Ok(())
/// # }
/// ```
pub fn read_items(stanza: &Stanza) -> Result<Vec<Item>> {
    let query = stanza.payload("query", ROSTER)?;
    let text = |item: &Element, name| item.attr(name).unwrap_or_default().to_owned();
    let read = |item: &Element| Item {
        jid: text(item, "jid"),
        name: item.attr("name").map(str::to_owned),
        subscription: text(item, "subscription"),
        is_pending: item.attr("ask").is_some(),
        groups: item.all("group", ROSTER).map(Element::content).collect(),
    };
    Ok(query.all("item", ROSTER).map(read).collect())
}

#[cfg(test)]
mod tests {
    use super::super::oracle::payload;
    use super::super::stanza::tests::stanza;
    use super::*;
    use xmpp_parsers::roster as oracle;

    #[test]
    fn the_oracle_reads_what_is_asked() {
        let read: oracle::Roster = payload(&get(), 0);
        assert!(read.items.is_empty());
        let read: oracle::Roster = payload(&set("bob@b", "Bob", ["x", "y"]), 0);
        let item = &read.items[0];
        assert_eq!(item.jid.to_string(), "bob@b");
        assert_eq!(item.name.as_deref(), Some("Bob"));
        assert_eq!(item.groups.len(), 2);
        let read: oracle::Roster = payload(&set("bob@b", None, None::<String>), 0);
        assert_eq!(read.items[0].name, None);
        let read: oracle::Roster = payload(&remove("bob@b"), 0);
        assert_eq!(read.items[0].subscription, oracle::Subscription::Remove);
    }

    #[test]
    fn contacts_are_read() {
        let answer = stanza(
            "<iq type='result'><query xmlns='jabber:iq:roster' ver='1'><item jid='a@b' name='A' subscription='both'><group>x</group>\
             <group>y</group></item><item jid='c@d' subscription='none' ask='subscribe'/></query></iq>",
        );
        let items = read_items(&answer).unwrap();
        assert_eq!(items[0].groups, ["x", "y"]);
        assert_eq!(
            (items[0].name.as_deref(), items[0].is_pending),
            (Some("A"), false)
        );
        assert_eq!(
            (items[1].subscription.as_str(), items[1].is_pending),
            ("none", true)
        );
        assert!(read_items(&stanza("<iq type='result'/>")).is_err());
    }
}
