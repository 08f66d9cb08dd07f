//! What a user sends and waits for: requests, steps, acknowledgements.

use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Item, Session, Unsent};
use crate::error::NetError;
use crate::xmpp::acknowledging::Acknowledging;
use crate::xmpp::connect::ask::Ask;
use crate::xmpp::outbox::Entry;
use crate::xmpp::performing::{Performing, Running};
use crate::xmpp::requests::Request;
use crate::xmpp::sm::SmState;
use crate::xmpp::{Outgoing, StanzaKind, Step, XmppError, check_element};

/// Registration (XEP-0077).
const NS_REGISTER: &str = "jabber:iq:register";
/// Room for an id that a request is given.
const ID_BYTES_MAX: usize = 32;

impl Session {
    /// Send a request, an `iq` of type `get` or `set` that [`check_element`] has looked at. One without an id gets one. Its answer is told by
    /// id and sender.
    ///
    /// # Errors
    /// As [`Session::try_send`]; what is given back is as it was.
    pub fn try_request(
        &self,
        xml: Box<str>,
        outgoing: &Outgoing,
        timeout: Duration,
    ) -> Result<Rc<Request>, Unsent> {
        self.check_open().map_err(Unsent::Closed)?;
        let mut outbox = self.outbox.borrow_mut();
        if !outbox.reserve(xml.len() + ID_BYTES_MAX) {
            let kind = Some(StanzaKind::Iq);
            return Err(Unsent::Full(Item::Stanza { xml, kind }));
        }
        let (id, xml) = match &outgoing.id {
            Some(id) => (id.clone(), xml),
            None => self.with_id(&xml, outgoing.attributes_end),
        };
        let request = Request::new(
            &id,
            outgoing.to.as_deref(),
            &outgoing.payload_namespace,
            Instant::now() + timeout,
        );
        // One for another address removes what is registered there.
        let is_for_account = outgoing.to.is_none() && outgoing.payload_namespace == NS_REGISTER;
        if is_for_account && xml.contains("<remove") {
            request.set_removal();
        }
        let request = self.requests.borrow_mut().add(request);
        outbox.append(Entry::Request(xml, Rc::downgrade(&request)));
        drop(outbox);
        self.ends.wake_pump();
        Ok(request)
    }

    fn with_id(&self, xml: &str, attributes_end: usize) -> (String, Box<str>) {
        let id = self.next_id();
        let (head, tail) = xml.split_at_checked(attributes_end).unwrap_or((xml, ""));
        let xml = format!("{head} id='{id}'{tail}");
        (id, xml.into_boxed_str())
    }

    /// Do a step now: stream management, carbons, presence, or one of the user's own that opens no new stream. One at a time. It waits for
    /// room for what it sends, within its time.
    ///
    /// # Errors
    /// [`NetError::InvalidRequest`], [`XmppError::NotOffered`], [`XmppError::Closed`].
    pub fn perform(&self, step: &Step, timeout: Duration) -> Result<Rc<Performing>, XmppError> {
        self.check_open().map_err(XmppError::Closed)?;
        let running = self.running.borrow();
        if running.as_ref().is_some_and(|running| running.is_awaited()) {
            return Err(invalid("step: another one is being performed"));
        }
        let is_enabling = self.enabling.borrow().is_some()
            || running.as_ref().is_some_and(|running| running.outlives());
        drop(running);
        let options = match step {
            Step::Custom(custom) if custom.restart => {
                return Err(invalid("restart: only while connecting"));
            }
            Step::StreamManagement(_) if is_enabling || self.sm.borrow().is_some() => {
                return Err(invalid(
                    "step: stream management is on already, or asked for",
                ));
            }
            Step::StreamManagement(options) => Some(*options),
            _ => None,
        };
        let connected = self.connected();
        // The pump adds what a WebSocket needs.
        let ask = Ask::of(
            step,
            &connected.jid,
            &connected.features,
            self.next_id(),
            false,
        )?;
        let text = ask.text();
        let entry = match (options, check_element(text)) {
            (Some(options), _) => Some(Entry::Enable(text.into(), options)),
            (None, _) if text.is_empty() => None,
            (None, Ok(outgoing)) => Some(Entry::Item(Item::Stanza {
                xml: text.into(),
                kind: outgoing.kind,
            })),
            (None, Err(_)) => Some(Entry::Item(Item::Raw(text.as_bytes().into()))),
        };
        let unsent = entry.and_then(|entry| self.outbox.borrow_mut().place(entry).err());
        let (performing, running) = Running::begin(ask, unsent, timeout, options.is_some());
        // What stream management is asked for goes on to be waited for.
        let before = self.running.replace(running);
        if let Some(before) = before.filter(|before| before.outlives()) {
            self.enabling.replace(Some(before));
        }
        self.ends.wake_pump();
        Ok(performing)
    }

    /// Ask the server what it has handled of what was given to send before.
    ///
    /// # Errors
    /// [`XmppError::NotOffered`] without stream management, [`XmppError::Closed`].
    pub fn acknowledge(&self) -> Result<Rc<Acknowledging>, XmppError> {
        self.check_open().map_err(XmppError::Closed)?;
        let sm = self.sm.borrow();
        if !sm.as_deref().is_some_and(SmState::is_enabled) {
            return Err(XmppError::NotOffered("stream-management".to_owned()));
        }
        let asked = self.outbox.borrow_mut().ask();
        let acknowledging = Rc::new(Acknowledging::to(asked));
        let mut all = self.acknowledging.borrow_mut();
        all.retain(|other| other.strong_count() > 0);
        all.push(Rc::downgrade(&acknowledging));
        self.ends.wake_pump();
        Ok(acknowledging)
    }
}

fn invalid(text: &str) -> XmppError {
    NetError::InvalidRequest(text.to_owned()).into()
}
