//! What the pump answers by itself: `flags handlers` of `wit/xmpp.wit`.

mod calendar;

use std::time::SystemTime;

use super::channel::escape;
use super::{Handlers, Stanza, StanzaKind, check_element};

const NS_PING: &str = "urn:xmpp:ping";
const NS_DISCO_INFO: &str = "http://jabber.org/protocol/disco#info";
const NS_DISCO_ITEMS: &str = "http://jabber.org/protocol/disco#items";
const NS_RECEIPTS: &str = "urn:xmpp:receipts";
const NS_VERSION: &str = "jabber:iq:version";
const NS_TIME: &str = "urn:xmpp:time";

/// An answer to a stanza.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// An `iq`: nobody else has to look at the request.
    Taken(String),
    /// A receipt for a message, which goes on its way.
    Receipt(String),
}

/// What a handler answers, if one does.
pub(super) fn answer(handlers: Handlers, stanza: &Stanza) -> Option<Answer> {
    match stanza.stanza_kind()? {
        StanzaKind::Iq if stanza.kind() == Some("get") => {
            answer_get(handlers, stanza).map(Answer::Taken)
        }
        StanzaKind::Message if handlers.receipts => receipt(stanza).map(Answer::Receipt),
        StanzaKind::Iq | StanzaKind::Message | StanzaKind::Presence => None,
    }
}

/// What all other requests are answered with, if they are (RFC 6120, section 8.2.3).
pub(super) fn refusal(handlers: Handlers, stanza: &Stanza) -> Option<String> {
    let is_request = stanza.stanza_kind() == Some(StanzaKind::Iq)
        && matches!(stanza.kind(), Some("get" | "set"));
    let error = "<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
    (handlers.refuse_requests && is_request).then(|| iq("error", stanza, error))
}

/// What a text that is sent is, if it is a stanza.
pub(super) fn kind_of(xml: &str) -> Option<StanzaKind> {
    check_element(xml).ok()?.kind
}

fn answer_get(handlers: Handlers, stanza: &Stanza) -> Option<String> {
    let (namespace, name) = stanza.payloads().next()?;
    let payload = match (namespace, name) {
        (NS_PING, "ping") if handlers.ping => String::new(),
        (NS_DISCO_INFO, "query") if handlers.disco => info(handlers, stanza),
        (NS_DISCO_ITEMS, "query") if handlers.disco => {
            format!("<query xmlns='{NS_DISCO_ITEMS}'{}/>", node(stanza))
        }
        (NS_VERSION, "query") if handlers.version => format!(
            "<query xmlns='{NS_VERSION}'><name>lt-host</name><version>{}</version></query>",
            env!("CARGO_PKG_VERSION")
        ),
        (NS_TIME, "time") if handlers.version => format!(
            "<time xmlns='{NS_TIME}'><tzo>+00:00</tzo><utc>{}</utc></time>",
            calendar::utc(SystemTime::now())
        ),
        _ => return None,
    };
    Some(iq("result", stanza, &payload))
}

fn info(handlers: Handlers, stanza: &Stanza) -> String {
    let mut text = format!(
        "<query xmlns='{NS_DISCO_INFO}'{}><identity category='client' type='bot' name='lt-host'/>",
        node(stanza)
    );
    let features = [
        (true, NS_DISCO_INFO),
        (true, NS_DISCO_ITEMS),
        (handlers.ping, NS_PING),
        (handlers.receipts, NS_RECEIPTS),
        (handlers.version, NS_VERSION),
        (handlers.version, NS_TIME),
    ];
    for (_, feature) in features.iter().filter(|(is_on, _)| *is_on) {
        text.push_str("<feature var='");
        text.push_str(feature);
        text.push_str("'/>");
    }
    text.push_str("</query>");
    text
}

/// The node that was asked for, which the answer names too (XEP-0030, section 3.2).
fn node(stanza: &Stanza) -> String {
    let element = stanza.element().ok();
    let query = element
        .as_ref()
        .and_then(|element| element.children().next());
    let node = query.and_then(|query| query.attr("node"));
    attribute("node", node)
}

/// A receipt, of the type of the message (XEP-0184, section 5.3), unless it is of no use: for an error, or without an id.
fn receipt(stanza: &Stanza) -> Option<String> {
    if matches!(stanza.kind(), Some("error" | "groupchat")) {
        return None;
    }
    let (id, from) = (stanza.id()?, stanza.from()?);
    let mut payloads = stanza.payloads();
    payloads.find(|payload| *payload == (NS_RECEIPTS, "request"))?;
    Some(format!(
        "<message to='{}'{}><received xmlns='{NS_RECEIPTS}' id='{}'/></message>",
        escape(from),
        attribute("type", stanza.kind()),
        escape(id),
    ))
}

fn iq(kind: &str, request: &Stanza, payload: &str) -> String {
    let to = attribute("to", request.from());
    let id = attribute("id", request.id());
    if payload.is_empty() {
        format!("<iq type='{kind}'{to}{id}/>")
    } else {
        format!("<iq type='{kind}'{to}{id}>{payload}</iq>")
    }
}

fn attribute(name: &str, value: Option<&str>) -> String {
    value.map_or(String::new(), |value| {
        format!(" {name}='{}'", escape(value))
    })
}
