//! What a guest wants to send, looked at before it goes.

use super::StanzaKind;
use super::reader::{Reader, Seen};
use super::scan;
use super::stanza::{Head, Stanza};

/// An element that may be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// What it is; `None` if no stanza.
    pub kind: Option<StanzaKind>,
    /// Name of the element, without prefix.
    pub name: String,
    /// Its attribute `type`.
    pub type_: Option<String>,
    /// Its attribute `id`.
    pub id: Option<String>,
    /// Its attribute `to`.
    pub to: Option<String>,
    /// Namespace of its first child; empty if it has none.
    pub payload_namespace: String,
    /// The element itself says what its default namespace is.
    pub declares_namespace: bool,
    /// Byte offset just behind the element's name, where attributes may be inserted.
    pub attributes_end: usize,
}

/// Check that a text is exactly one well-formed element within the limits, and say what it is. White space around it is
/// allowed: who sends it as a frame trims it (RFC 7395, section 3.3.3).
///
/// # Errors
/// What is wrong, and at which byte.
pub fn check_element(xml: &str) -> Result<Outgoing, String> {
    let (head, element) = read_one(xml)?;
    let start = xml.len() - xml.trim_start_matches(scan::WHITE_SPACE).len();
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Ok(Outgoing {
        kind: head.kind(),
        name: head.name().to_owned(),
        type_: owned(head.kind_attribute()),
        id: owned(head.id()),
        to: owned(head.to()),
        payload_namespace: head
            .payloads()
            .next()
            .map_or_else(String::new, |(namespace, _)| namespace.to_owned()),
        declares_namespace: scan::root_attribute(element, "xmlns").is_some(),
        attributes_end: start + scan::root_name_end(element),
    })
}

/// The one element that a text is, without the white space around it.
pub(super) fn read_one(xml: &str) -> Result<(Head, &str), String> {
    let all = xml.len();
    let element = xml.trim_start_matches(scan::WHITE_SPACE);
    let start = all - element.len();
    let mut input = element.as_bytes();
    if !element.starts_with('<') {
        return Err(format!("no element at byte {start}"));
    }
    let mut reader = Reader::take();
    let head = match reader.read(&mut input, usize::MAX) {
        Ok(Seen::Element(head)) => head,
        Ok(Seen::More) => return Err(format!("the element does not end: byte {all}")),
        Ok(Seen::End) => return Err(format!("no element at byte {start}")),
        Err(error) => return Err(format!("{} before byte {}", error.text, all - input.len())),
    };
    let Some((element, behind)) = element.split_at_checked(element.len() - input.len()) else {
        return Err(format!("no element at byte {start}"));
    };
    reader.give_back(element.len());
    if !behind.trim_start_matches(scan::WHITE_SPACE).is_empty() {
        let at = all - behind.len();
        return Err(format!("something behind the element at byte {at}"));
    }
    Ok((head, element))
}

/// Replace `{from}`, `{to}`, `{id}` and `{type}` by those of a stanza, escaped. What it does not have is empty; without a
/// `from` it came from the own account, and a message without a type is `normal`.
#[must_use]
pub fn fill_template(template: &str, stanza: &Stanza) -> String {
    let kind = stanza
        .kind()
        .or_else(|| (stanza.stanza_kind() == Some(StanzaKind::Message)).then_some("normal"));
    let values = [
        ("{from}", stanza.sender()),
        ("{to}", stanza.to()),
        ("{id}", stanza.id()),
        ("{type}", kind),
    ];
    let mut filled = String::with_capacity(template.len() + 64);
    let mut rest = template;
    while let Some(at) = memchr::memchr(b'{', rest.as_bytes()) {
        let (before, from_brace) = rest.split_at(at);
        filled.push_str(before);
        let found = values
            .iter()
            .find_map(|(name, value)| Some((from_brace.strip_prefix(name)?, value)));
        match found {
            Some((behind, value)) => {
                filled.push_str(&scan::escape(value.unwrap_or_default()));
                rest = behind;
            }
            None => {
                filled.push('{');
                rest = from_brace.get(1..).unwrap_or_default();
            }
        }
    }
    filled.push_str(rest);
    filled
}
