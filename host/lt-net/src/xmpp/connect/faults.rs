//! What a server says is wrong: stream errors (RFC 6120, section 4.9), SASL failures (section 6.5) and errors of stanzas (section 8.3).

use crate::xmpp::framer::NS_STREAMS;
use crate::xmpp::{Condition, Stanza, StanzaError, XmppError};

/// Conditions of stream errors.
const NS_STREAM_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-streams";
/// SASL.
pub(crate) const NS_SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
pub(crate) use crate::xmpp::stanza::NS_STANZA_ERRORS;

/// Most characters of a server's text that an error repeats.
const TEXT_CHARS_MAX: usize = 500;

/// The stream error that an element is; `None` if it is something else.
pub(crate) fn stream_error(stanza: &Stanza) -> Option<Condition> {
    if stanza.name() != "error" || stanza.namespace() != NS_STREAMS {
        return None;
    }
    let mut condition = child_condition(stanza, NS_STREAM_ERRORS);
    if condition.text.is_empty() {
        // What the application says is wrong (section 4.9.4): `handled-count-too-high`.
        let mut others = stanza.payloads();
        let other = others.find(|(namespace, _)| *namespace != NS_STREAM_ERRORS);
        condition.text = other.map(|(_, name)| shown(name)).unwrap_or_default();
    }
    Some(condition)
}

/// The condition and text of a SASL `failure`.
pub(crate) fn sasl_failure(stanza: &Stanza) -> Condition {
    child_condition(stanza, NS_SASL)
}

/// The error that an answer of type `error` is.
pub(crate) fn refused(stanza: &Stanza) -> XmppError {
    XmppError::Refused(Box::new(stanza.error().unwrap_or_else(|| StanzaError {
        condition: String::new(),
        kind: String::new(),
        text: String::new(),
        xml: stanza.xml().into(),
    })))
}

/// The first child of this namespace that is no `text`, and what the text or else the child itself says (the host of `see-other-host`).
pub(crate) fn child_condition(stanza: &Stanza, namespace: &str) -> Condition {
    let mut found = Condition {
        condition: "undefined-condition".to_owned(),
        text: String::new(),
    };
    let Ok(element) = stanza.element() else {
        return found;
    };
    let mut named = false;
    for child in element.children().filter(|child| child.ns() == namespace) {
        let text = child.text();
        let text = text.trim();
        if child.name() == "text" {
            if found.text.is_empty() {
                found.text = shown(text);
            }
        } else if !named {
            named = true;
            found.condition = shown(child.name());
            // The host goes before what is said about it.
            if !text.is_empty() {
                found.text = shown(text);
            }
        }
    }
    if found.condition == "see-other-host" {
        let host = element.get_child("see-other-host", namespace);
        found.text = host
            .map(|host| shown(host.text().trim()))
            .unwrap_or_default();
    }
    found
}

fn shown(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).collect()
}
