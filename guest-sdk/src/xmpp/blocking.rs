//! Blocking (XEP-0191): from whom nothing is to come.

use super::{Element, Result, Stanza};

const BLOCKING: &str = "urn:xmpp:blocking";

fn items<J: Into<String>>(name: &'static str, jids: impl IntoIterator<Item = J>) -> Element {
    let jids = jids.into_iter();
    let jids = jids.map(|jid| Element::new("item").attribute("jid", jid));
    super::set(Element::new(name).namespace(BLOCKING).with_children(jids))
}

/// Ask who is blocked (XEP-0191, section 3.2).
///
/// ```
/// let request = lt_sdk::xmpp::blocking::list();
/// assert_eq!(request.to_string(), "<iq type='get'><blocklist xmlns='urn:xmpp:blocking'/></iq>");
/// ```
pub fn list() -> Element {
    super::get(Element::new("blocklist").namespace(BLOCKING))
}

/// Block these (XEP-0191, section 3.3).
///
/// ```
/// let request = lt_sdk::xmpp::blocking::block(["bob@localhost"]);
/// assert!(request.to_string().contains("<block xmlns='urn:xmpp:blocking'><item jid='bob@localhost'/></block>"));
/// ```
pub fn block<J: Into<String>>(jids: impl IntoIterator<Item = J>) -> Element {
    items("block", jids)
}

/// Block these no longer (XEP-0191, section 3.4).
///
/// ```
/// let request = lt_sdk::xmpp::blocking::unblock(["bob@localhost"]);
/// assert!(request.to_string().contains("<unblock xmlns='urn:xmpp:blocking'><item jid='bob@localhost'/></unblock>"));
/// ```
pub fn unblock<J: Into<String>>(jids: impl IntoIterator<Item = J>) -> Element {
    items("unblock", jids)
}

/// Block nobody (XEP-0191, section 3.5).
///
/// ```
/// let request = lt_sdk::xmpp::blocking::unblock_all();
/// assert_eq!(request.to_string(), "<iq type='set'><unblock xmlns='urn:xmpp:blocking'/></iq>");
/// ```
pub fn unblock_all() -> Element {
    items("unblock", None::<String>)
}

/// The JIDs in an answer to [`list`].
///
/// # Errors
/// If it is none.
///
/// ```no_run
/// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
/// use lt_sdk::xmpp::blocking;
///
/// let blocked = blocking::read_list(&session.request(&blocking::list())?)?;
/// # Ok(())
/// # }
/// ```
pub fn read_list(answer: &Stanza) -> Result<Vec<String>> {
    let list = answer.payload("blocklist", BLOCKING)?;
    let items = list.all("item", BLOCKING);
    Ok(items
        .filter_map(|item| item.attr("jid").map(str::to_owned))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::super::oracle::payload;
    use super::super::stanza::tests::stanza;
    use super::*;
    use xmpp_parsers::blocking as oracle;

    #[test]
    fn the_oracle_reads_what_is_asked() {
        let _: oracle::BlocklistRequest = payload(&list(), 0);
        let read: oracle::Block = payload(&block(["a@b", "c@d"]), 0);
        assert_eq!(read.items.len(), 2);
        let read: oracle::Unblock = payload(&unblock(["a@b"]), 0);
        assert_eq!(read.items[0].to_string(), "a@b");
        let read: oracle::Unblock = payload(&unblock_all(), 0);
        assert!(read.items.is_empty());
    }

    #[test]
    fn lists_are_read() {
        let answer = stanza(
            "<iq type='result'><blocklist xmlns='urn:xmpp:blocking'><item jid='a@b'/><item jid='c'/></blocklist></iq>",
        );
        assert_eq!(read_list(&answer).unwrap(), ["a@b", "c"]);
    }
}
