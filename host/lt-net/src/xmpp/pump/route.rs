//! What becomes of an element: who it is for, in the order that `wit/xmpp.wit` says.

use std::cell::RefCell;

use super::{Observer, Pump, count};
use crate::xmpp::connect::faults;
use crate::xmpp::handlers::{self, Answer};
use crate::xmpp::performing::{Look, Running};
use crate::xmpp::requests::Answered;
use crate::xmpp::sm::Nonza;
use crate::xmpp::{Close, Ending, Stanza, StanzaKind, Verdict};

impl Pump {
    /// An element came; `is_early` if it was counted while connecting.
    pub(super) fn take_element(
        &mut self,
        stanza: Stanza,
        is_early: bool,
        observer: &impl Observer,
    ) {
        if let Some(condition) = faults::stream_error(&stanza) {
            let close = Close {
                ending: Ending::StreamError,
                condition: condition.condition,
                text: condition.text,
            };
            self.take_stream_error(close, observer);
            return;
        }
        if self.take_management(&stanza, is_early, observer) {
            return;
        }
        if let Some(kind) = stanza.stanza_kind() {
            count(&self.session.received, 1);
            if !is_early {
                observer.received(kind);
            }
            if let Some(error) = stanza.error() {
                observer.error(&error.condition);
            }
        }
        if self.is_answer(&stanza, observer) || self.is_of_step(&stanza) {
            return;
        }
        let handled = self.handle(&stanza, observer);
        if handled != Handled::Taken {
            self.put_if_wanted(stanza, handled, observer);
        }
    }

    /// Stream management: counts stanzas, unless that was done while connecting. Returns whether the element was part of it.
    fn take_management(
        &mut self,
        stanza: &Stanza,
        is_early: bool,
        observer: &impl Observer,
    ) -> bool {
        let mut sm = self.session.sm.borrow_mut();
        let Some(state) = sm.as_deref_mut() else {
            return false;
        };
        if stanza.stanza_kind().is_some() {
            if !is_early {
                state.note_handled();
            }
            return false;
        }
        match state.nonza(stanza) {
            Ok(Nonza::No) => false,
            Ok(Nonza::Answer(answer)) => {
                self.session.outbox.borrow_mut().push_own(answer, None);
                true
            }
            Ok(Nonza::Acknowledged) => {
                let mut waiting = self.session.acknowledging.borrow_mut();
                waiting.retain(|waiting| {
                    waiting
                        .upgrade()
                        .is_some_and(|waiting| !waiting.look(state))
                });
                true
            }
            Err(excess) => {
                drop(sm);
                let (text, element) = (excess.text(), excess.element());
                let condition = "undefined-condition";
                self.fail(Ending::ProtocolError, condition, text, &element, observer);
                true
            }
        }
    }

    /// Whether it answers a request.
    fn is_answer(&self, stanza: &Stanza, observer: &impl Observer) -> bool {
        let own_jid = &self.session.connected().jid;
        let answered = self.session.requests.borrow_mut().answer(stanza, own_jid);
        match answered {
            Answered::No => false,
            Answered::Late => {
                if self.session.intake.borrow().report_others {
                    observer.unexpected("late-answer", stanza);
                }
                true
            }
            Answered::Yes(outcome) => {
                observer.answered(&outcome.namespace, outcome.took, outcome.error.as_ref());
                true
            }
        }
    }

    /// Whether it is what the step waits for that is being performed, or the one that nobody waits for any more.
    fn is_of_step(&self, stanza: &Stanza) -> bool {
        let session = &self.session;
        self.is_of(&session.enabling, stanza) || self.is_of(&session.running, stanza)
    }

    fn is_of(&self, slot: &RefCell<Option<Box<Running>>>, stanza: &Stanza) -> bool {
        let mut slot = slot.borrow_mut();
        slot.take_if(|running| running.is_over());
        let look = slot
            .as_ref()
            .map_or(Look::No, |running| running.look(stanza));
        let mut sm = self.session.sm.borrow_mut();
        match look {
            Look::No => return false,
            Look::Done => {}
            Look::Enabled(enabled) => {
                if let Some(sm) = sm.as_deref_mut() {
                    sm.grant(enabled);
                }
            }
            Look::Failed => {
                // It was asked for, and is not on.
                sm.take_if(|sm| !sm.is_enabled());
            }
        }
        *slot = None;
        true
    }

    /// Let the handlers and watches look.
    fn handle(&self, stanza: &Stanza, observer: &impl Observer) -> Handled {
        let own = |text: String, kind: Option<StanzaKind>| {
            self.session.outbox.borrow_mut().push_own(text, kind);
        };
        match handlers::answer(self.session.handlers, stanza) {
            Some(Answer::Taken(text)) => {
                own(text, Some(StanzaKind::Iq));
                return Handled::Taken;
            }
            Some(Answer::Receipt(text)) => own(text, Some(StanzaKind::Message)),
            None => {}
        }
        let Verdict {
            kept,
            taken,
            replies,
        } = observer.watched(stanza);
        for reply in replies {
            let kind = handlers::kind_of(&reply);
            own(reply, kind);
        }
        if taken {
            return Handled::Taken;
        }
        if kept {
            return Handled::Watched;
        }
        match handlers::refusal(self.session.handlers, stanza) {
            Some(text) => {
                own(text, Some(StanzaKind::Iq));
                Handled::Taken
            }
            None => Handled::No,
        }
    }

    /// The user gets it, unless it is not wanted.
    fn put_if_wanted(&mut self, stanza: Stanza, handled: Handled, observer: &impl Observer) {
        let intake = self.session.intake.borrow();
        let wanted = intake.wanted.as_ref();
        if wanted.is_none_or(|wanted| wanted.matches(&stanza)) {
            drop(intake);
            if self.session.inbox.borrow().keeps() {
                self.put(stanza, observer);
            }
        } else if intake.report_others && handled == Handled::No {
            let is_stanza = stanza.stanza_kind().is_some();
            let what = if is_stanza { "stanza" } else { "element" };
            observer.unexpected(what, &stanza);
        }
    }
}

/// Who has seen to an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Handled {
    /// Nobody.
    No,
    /// A watch that lets the user have it.
    Watched,
    /// A handler, or a watch that keeps it from the user.
    Taken,
}
