//! Steps that can be done at any time, without I/O: what to send, and what an element that comes means for them.

use std::rc::Rc;
use std::time::Duration;

use super::clock::name_of;
use super::faults;
use crate::error::NetError;
use crate::xmpp::channel::escape;
use crate::xmpp::{
    CustomStep, Stanza, StanzaError, StanzaKind, Step, StreamManagement, XmppError, jid,
};

/// Stream management (XEP-0198).
pub(crate) const NS_SM: &str = "urn:xmpp:sm:3";

/// A step under way.
#[derive(Debug)]
pub(crate) struct Ask {
    name: Rc<str>,
    text: String,
    what: What,
}

#[derive(Debug)]
enum What {
    Enable(StreamManagement),
    /// The id of the request, and the own full JID.
    Carbons(String, String),
    /// The own full JID, and the id.
    Presence(String, String),
    Custom(Rc<CustomStep>),
}

/// What came of a step.
#[derive(Debug)]
pub(crate) enum Answer {
    /// All that was wanted.
    Done,
    /// Stream management is on from here.
    Enabled(Enabled),
}

/// What the server says of a stream that it manages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Enabled {
    /// Its name for the stream; `None` if it cannot be resumed.
    pub(crate) id: Option<String>,
    /// How long it keeps it.
    pub(crate) max: Option<Duration>,
    /// Where it would like to be resumed.
    pub(crate) location: Option<String>,
    /// After how many stanzas to ask for an acknowledgement.
    pub(crate) ask_every: u32,
}

impl Ask {
    /// Begin a step, as `own`, a full JID. `features` are the namespaces of the stream's; `id` is for a request. Over a WebSocket elements say
    /// what they are (RFC 7395, section 3.3).
    ///
    /// # Errors
    /// `NotOffered`; `InvalidRequest`, for a step that can only be done while connecting.
    pub(crate) fn of(
        step: &Step,
        own: &str,
        features: &[String],
        id: String,
        websocket: bool,
    ) -> Result<Self, XmppError> {
        let namespace = namespace_of(websocket);
        let ask = match step {
            Step::StreamManagement(wanted) => {
                let name = name_of("stream-management");
                if !features.iter().any(|feature| feature == NS_SM) {
                    return Err(XmppError::NotOffered(name.to_string()));
                }
                Self {
                    name,
                    text: enable(wanted),
                    what: What::Enable(*wanted),
                }
            }
            Step::Carbons => Self {
                name: name_of("carbons"),
                text: format!(
                    "<iq{namespace} type='set' id='{id}'><enable xmlns='urn:xmpp:carbons:2'/></iq>"
                ),
                what: What::Carbons(id, own.to_owned()),
            },
            Step::Presence => Self {
                name: name_of("presence"),
                text: format!("<presence{namespace} id='{id}'/>"),
                what: What::Presence(own.to_owned(), id),
            },
            Step::Custom(custom) => Self {
                name: Rc::from(custom.name.as_str()),
                text: custom.send.clone(),
                what: What::Custom(custom.clone()),
            },
            Step::Stream
            | Step::Tls
            | Step::Register(_)
            | Step::Authenticate
            | Step::Resume
            | Step::Bind
            | Step::Session => {
                let why = "step: it can only be done while connecting";
                return Err(NetError::InvalidRequest(why.to_owned()).into());
            }
        };
        Ok(ask)
    }

    /// The step's name.
    pub(crate) fn name(&self) -> &Rc<str> {
        &self.name
    }

    /// What to send; may be empty.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether there is an answer to wait for.
    pub(crate) fn awaits(&self) -> bool {
        match &self.what {
            What::Custom(custom) => custom.r#await.is_some(),
            What::Enable(_) | What::Carbons(..) | What::Presence(..) => true,
        }
    }

    /// What this element means for it; `None` if it is not the answer.
    pub(crate) fn answer(&self, stanza: &Stanza) -> Option<Result<Answer, XmppError>> {
        let is_answer = match &self.what {
            What::Enable(wanted) => return enabled(wanted, stanza),
            What::Carbons(id, own) => return answer_to(id, None, own, stanza).map(done),
            What::Presence(own, id) => {
                if stanza.stanza_kind() != Some(StanzaKind::Presence) {
                    return None;
                }
                if stanza.id() == Some(id.as_str())
                    && let Some(error) = stanza.error()
                {
                    return Some(Err(XmppError::Refused(Box::new(error))));
                }
                stanza.kind().is_none() && stanza.from().is_some_and(|from| jid::is_same(from, own))
            }
            What::Custom(custom) => {
                let mut filters = custom.r#await.iter();
                filters.any(|filters| filters.matches(stanza))
            }
        };
        is_answer.then_some(Ok(Answer::Done))
    }
}

/// What an `iq` with this id to `to` was answered by this element; `None` if it is not the answer.
pub(super) fn answer_to<'a>(
    id: &str,
    to: Option<&str>,
    own: &str,
    stanza: &'a Stanza,
) -> Option<Result<&'a Stanza, XmppError>> {
    if stanza.stanza_kind() != Some(StanzaKind::Iq)
        || stanza.id() != Some(id)
        || !jid::answers(to, own, stanza.from())
    {
        return None;
    }
    match stanza.kind() {
        Some("result") => Some(Ok(stanza)),
        Some("error") => Some(Err(faults::refused(stanza))),
        _ => None,
    }
}

/// The namespace that an element needs over a WebSocket.
pub(super) fn namespace_of(websocket: bool) -> &'static str {
    if websocket {
        " xmlns='jabber:client'"
    } else {
        ""
    }
}

fn done(answered: Result<&Stanza, XmppError>) -> Result<Answer, XmppError> {
    answered.map(|_| Answer::Done)
}

fn enable(wanted: &StreamManagement) -> String {
    let resume = if wanted.resume { " resume='true'" } else { "" };
    let max = wanted
        .max
        .map_or(String::new(), |max| format!(" max='{}'", max.as_secs()));
    format!("<enable xmlns='{NS_SM}'{resume}{max}/>")
}

fn enabled(wanted: &StreamManagement, stanza: &Stanza) -> Option<Result<Answer, XmppError>> {
    if stanza.namespace() != NS_SM {
        return None;
    }
    match stanza.name() {
        "failed" => Some(Err(failed(stanza))),
        "enabled" => Some(
            stanza
                .element()
                .map_err(XmppError::protocol)
                .map(|element| {
                    let may_resume = matches!(element.attr("resume"), Some("true" | "1"));
                    let id = element.attr("id").filter(|_| may_resume);
                    let max = element.attr("max").and_then(|max| max.parse().ok());
                    Answer::Enabled(Enabled {
                        id: id.map(str::to_owned),
                        max: max.map(Duration::from_secs),
                        location: element.attr("location").map(str::to_owned),
                        ask_every: wanted.ask_every,
                    })
                }),
        ),
        _ => None,
    }
}

/// `<failed/>` of stream management names its condition as stanza errors do.
fn failed(stanza: &Stanza) -> XmppError {
    let condition = faults::child_condition(stanza, faults::NS_STANZA_ERRORS);
    XmppError::Refused(Box::new(StanzaError {
        condition: condition.condition,
        kind: String::new(),
        text: condition.text,
        xml: stanza.xml().into(),
    }))
}

/// An attribute, if there is a value for it.
pub(super) fn attribute(name: &str, value: Option<&str>) -> String {
    value.map_or(String::new(), |value| {
        format!(" {name}='{}'", escape(value))
    })
}
