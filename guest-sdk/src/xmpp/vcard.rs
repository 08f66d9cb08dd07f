//! vCards (XEP-0054): what people say of themselves.

use super::queries::addressed;
use super::{Element, Result, Stanza};

const VCARD: &str = "vcard-temp";

/// Ask for somebody's vCard (XEP-0054, section 3.3); with an empty JID one's own (section 3.1).
///
/// ```
/// let request = lt_sdk::xmpp::vcard::get("bob@localhost");
/// assert_eq!(request.to_string(), "<iq type='get' to='bob@localhost'><vCard xmlns='vcard-temp'/></iq>");
/// ```
pub fn get(jid: &str) -> Element {
    addressed(super::get(Element::new("vCard").namespace(VCARD)), jid)
}

/// Change one's own vCard to these fields (XEP-0054, section 3.2); those inside others are named with a `/`.
///
/// ```
/// let request = lt_sdk::xmpp::vcard::set([("FN", "User 1"), ("N/GIVEN", "User")]);
/// assert!(request.to_string().contains("<FN>User 1</FN><N><GIVEN>User</GIVEN></N>"));
/// ```
pub fn set<V: Into<String>>(fields: impl IntoIterator<Item = (&'static str, V)>) -> Element {
    let fields = fields.into_iter().map(|(path, value)| {
        let (around, name) = path.rsplit_once('/').unwrap_or(("", path));
        let field = Element::new(name).text(value);
        match around {
            "" => field,
            around => Element::new(around).child(field),
        }
    });
    super::set(Element::new("vCard").namespace(VCARD).with_children(fields))
}

/// The vCard in an answer to [`get`]; its fields are found with [`Element::value`].
///
/// # Errors
/// If there is none in it.
///
/// ```no_run
/// # fn iterate(session: &lt_sdk::xmpp::Session) -> lt_sdk::Result<()> {
/// use lt_sdk::xmpp::vcard;
///
/// let card = vcard::read(&session.request(&vcard::get("bob@localhost"))?)?;
/// lt_sdk::log::info!("{:?} {:?}", card.value("FN"), card.value("N/GIVEN"));
/// # Ok(())
/// # }
/// ```
pub fn read(answer: &Stanza) -> Result<Element> {
    answer.payload("vCard", VCARD)
}

#[cfg(test)]
mod tests {
    use super::super::oracle::payload;
    use super::super::stanza::tests::stanza;
    use super::*;

    #[test]
    fn the_oracle_reads_what_is_asked() {
        let _: xmpp_parsers::vcard::VCardQuery = payload(&get("a@b"), 0);
        assert_eq!(get("").attr("to"), None);
        let _: xmpp_parsers::vcard::VCard = payload(&set([("FN", "A"), ("NICKNAME", "a")]), 0);
    }

    #[test]
    fn fields_are_read() {
        let answer = stanza(
            "<iq type='result'><vCard xmlns='vcard-temp'><FN>A</FN><N><GIVEN>B</GIVEN></N></vCard></iq>",
        );
        let card = read(&answer).unwrap();
        assert_eq!(card.value("FN").as_deref(), Some("A"));
        assert_eq!(card.value("N/GIVEN").as_deref(), Some("B"));
    }
}
