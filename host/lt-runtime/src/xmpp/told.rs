//! What is recorded of an open session, and what the host does with its stanzas while its user does something else.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use lt_metrics::{FailureClass, MetricId, TagsId, builtin};
use lt_net::xmpp::{
    Close, Ending, Filters, Item, KeyPath, Observer, Session, Stanza, StanzaKind, Unsent, Verdict,
    XmppError, fill_template,
};
use lt_spec::limits::{LOG_LINE_BYTES_MAX, NAME_BYTES_MAX};

use super::record::Labelled;
use super::stamp::{Age, age};
use crate::core::Core;
use crate::ctx::Identity;
use crate::delivery;
use crate::interfaces::cut;
use crate::sockets::StillOpen;

/// Stanzas that nobody wanted and that a core logs: enough to see what they are, and no flood.
const UNEXPECTED_LOGGED_MAX: u32 = 10;

/// What the user's end of a session and its pump share, beside the session itself.
pub(crate) struct Watched {
    core: Rc<Core>,
    who: Identity,
    /// Tags of the session's own samples.
    tags: TagsId,
    /// The same with the tag `kind`, by [`StanzaKind::index`].
    kind_tags: [TagsId; StanzaKind::COUNT],
    /// Tags of deliveries: those of the user where it connected.
    delivery_tags: TagsId,
    watches: RefCell<Vec<Rc<Watch>>>,
}

/// Something that the host does with stanzas.
pub(crate) struct Watch {
    /// `None` means all.
    pub(crate) filters: Option<Rc<Filters>>,
    /// Tags of `xmpp_stanzas_matched`; `None` counts in the watch alone.
    pub(crate) tags: Option<TagsId>,
    pub(crate) delivery: Option<Rc<KeyPath>>,
    /// Where the stamp is, and nanoseconds of its unit.
    pub(crate) stamp: Option<(Rc<KeyPath>, u64)>,
    pub(crate) reply: Option<String>,
    pub(crate) keep: bool,
    pub(crate) matched: Cell<u64>,
}

impl Watch {
    /// Whether a reply may be sent: to an error only if a filter asks for errors. The answer to a reply that the server refuses is an error too: replying
    /// to it goes on for ever (RFC 6120, section 8.3.1).
    fn may_answer(&self, stanza: &Stanza) -> bool {
        stanza.kind() != Some("error")
            || self
                .filters
                .as_ref()
                .is_some_and(|filters| filters.matches_by_kind(stanza))
    }
}

impl Watched {
    pub(super) fn new(labelled: &Labelled<'_>) -> Rc<Self> {
        let (core, tags) = (labelled.core, labelled.tags);
        let mut recorder = core.recorder.borrow_mut();
        let kind_tags =
            StanzaKind::ALL.map(|kind| recorder.derive(tags, &[("kind", kind.as_str())]));
        drop(recorder);
        Rc::new(Self {
            core: core.clone(),
            who: labelled.who,
            tags,
            kind_tags,
            delivery_tags: labelled.user_tags(),
            watches: RefCell::default(),
        })
    }

    /// Tags of the session's samples with that of a watch.
    pub(crate) fn watch_tags(&self, name: &str) -> TagsId {
        self.derive(("watch", name))
    }

    /// How many watches there are.
    pub(crate) fn watches(&self) -> usize {
        self.watches.borrow().len()
    }

    /// Look at stanzas from now on; those that wait in the inbox first.
    pub(crate) fn watch(&self, watch: Rc<Watch>, session: &Session) {
        let replies = RefCell::new(Vec::new());
        session.take_matching(&|stanza| {
            let mut verdict = Verdict::default();
            self.look(&watch, stanza, &mut verdict);
            replies.borrow_mut().append(&mut verdict.replies);
            verdict.taken
        });
        self.watches.borrow_mut().push(watch);
        for reply in replies.into_inner() {
            let kind = StanzaKind::of(first_name(&reply));
            let item = Item::Stanza {
                xml: reply.into_boxed_str(),
                kind,
            };
            // Who is gone gets none.
            if let Err(Unsent::Full(_)) = session.try_send(item) {
                let text = "a watch's reply to what waited in the inbox was not sent: too much is not with the kernel yet";
                let tags = self.delivery_tags;
                self.core.record_failure(tags, FailureClass::Failure, text);
            }
        }
    }

    /// Look no more.
    pub(crate) fn unwatch(&self, watch: &Rc<Watch>) {
        self.watches
            .borrow_mut()
            .retain(|other| !Rc::ptr_eq(other, watch));
    }

    fn derive(&self, tag: (&str, &str)) -> TagsId {
        let mut recorder = self.core.recorder.borrow_mut();
        recorder.derive(self.tags, &[(tag.0, cut(tag.1, NAME_BYTES_MAX))])
    }

    fn record(&self, metric: MetricId, tags: TagsId, value: u64) {
        #[expect(
            clippy::cast_precision_loss,
            reason = "stanzas and bytes since the last call stay far below 2^53"
        )]
        let value = value as f64;
        self.core.recorder.borrow_mut().record(metric, tags, value);
    }

    /// Record something that is of a kind of its own.
    fn record_kind(&self, metric: MetricId, tags: TagsId, kind: &str) {
        let mut recorder = self.core.recorder.borrow_mut();
        recorder.record(metric, tags, 1.0);
        recorder.kind(metric, kind, 1.0);
    }

    /// Show a stanza to a watch.
    fn look(&self, watch: &Watch, stanza: &Stanza, verdict: &mut Verdict) {
        let filters = watch.filters.as_ref();
        if filters.is_some_and(|filters| !filters.matches(stanza)) {
            return;
        }
        watch.matched.set(watch.matched.get() + 1);
        if let Some(tags) = watch.tags {
            self.record(builtin::XMPP_STANZAS_MATCHED, tags, 1);
        }
        self.deliver(watch, stanza);
        if let Some(template) = &watch.reply
            && watch.may_answer(stanza)
        {
            verdict.replies.push(fill_template(template, stanza));
        }
        verdict.kept |= watch.keep;
        verdict.taken |= !watch.keep;
    }

    /// Note that it came, and after what time, as far as the watch can tell.
    fn deliver(&self, watch: &Watch, stanza: &Stanza) {
        let is_timed = !stanza.is_delayed();
        let arrived = stanza.arrived();
        let id = watch.delivery.as_ref().and_then(|key| key.find(stanza));
        let by_id = id.and_then(|id| {
            let receipt = (id.as_str(), arrived);
            let tags = self.delivery_tags;
            delivery::found(&self.core, self.who, tags, receipt, is_timed)
        });
        // One stanza is one delivery: what this host timed is better than what another's clock says.
        let time = by_id.or_else(|| match &watch.stamp {
            Some((key, unit)) if is_timed => {
                let text = key.find(stanza)?;
                self.stamped(age(&text, *unit, arrived), &text)
            }
            _ => None,
        });
        if let Some(time) = time {
            let mut recorder = self.core.recorder.borrow_mut();
            recorder.record_time(builtin::XMPP_MESSAGE_DELIVERY, self.tags, time);
        }
    }

    /// The time that a stamp tells: none if it says that the stanza came before it was sent, which nobody has waited for.
    fn stamped(&self, age: Age, stamp: &str) -> Option<Duration> {
        let of_core = &self.core.xmpp;
        match age {
            Age::Took(_) => {}
            Age::Early => {
                if !of_core.early_stamp_logged.replace(true) {
                    tracing::warn!(
                        "a stanza came before it was sent, by its stamp: the clocks of the hosts differ, \
                         so it is left out of xmpp_message_delivery, which is wrong by as much for all others"
                    );
                }
            }
            Age::Unreadable => {
                if !of_core.bad_stamp_logged.replace(true) {
                    let stamp = cut(stamp, NAME_BYTES_MAX);
                    tracing::warn!("a stanza's stamp is no decimal number: {stamp:?}");
                }
            }
        }
        age.time()
    }

    fn record_end(&self, close: &Close, lasted: Duration) {
        let ending = close.ending.as_str();
        let condition = cut(&close.condition, NAME_BYTES_MAX);
        let number = number_of(close.ending).map(|number| number.to_string());
        let mut extra = vec![("ending", ending)];
        if !condition.is_empty() {
            extra.push(("condition", condition));
        }
        if let Some(number) = &number {
            extra.push(("error_code", number));
        }
        let mut recorder = self.core.recorder.borrow_mut();
        let tags = recorder.derive(self.tags, &extra);
        let failed = if close.ending.is_clean() { 0.0 } else { 1.0 };
        recorder.record_time(builtin::XMPP_SESSION_DURATION, tags, lasted);
        recorder.record(builtin::XMPP_SESSION_FAILED, tags, failed);
        if let Some(number) = &number {
            let metric = builtin::XMPP_SESSION_FAILED;
            if condition.is_empty() {
                recorder.kind(metric, format_args!("{ending} {number}"), 1.0);
            } else {
                recorder.kind(metric, format_args!("{ending} {condition} {number}"), 1.0);
            }
        }
    }
}

/// Name of the element that a text begins with.
fn first_name(xml: &str) -> &str {
    let rest = xml.trim_start().trim_start_matches('<');
    rest.split([' ', '\t', '\r', '\n', '/', '>'])
        .next()
        .unwrap_or(rest)
}

/// Number for the `error_code` tag of a session that ended otherwise than by either side's will: as `enum ending` of
/// `wit/xmpp.wit` has it.
fn number_of(ending: Ending) -> Option<u16> {
    Some(match ending {
        Ending::ByUs | Ending::Killed | Ending::ByPeer => return None,
        Ending::Reset => 1220,
        Ending::Disconnected => 1221,
        Ending::StreamError => 2010,
        Ending::ProtocolError => 2011,
        Ending::StanzaTooLarge => 2012,
        Ending::InboxOverflow => 2013,
        Ending::PingTimeout => 2014,
        Ending::CloseTimeout => 2015,
        Ending::Failed => 1000,
    })
}

/// The pump's end of a session. Until it is told of the end, the core has a session whose samples are not complete.
pub(super) struct Told {
    watched: Rc<Watched>,
    still_open: Cell<Option<StillOpen>>,
}

impl Told {
    pub(super) fn new(watched: Rc<Watched>) -> Self {
        let still_open = watched.core.sockets.begin();
        Self {
            watched,
            still_open: Cell::new(Some(still_open)),
        }
    }
}

impl Observer for Told {
    fn received(&self, kind: StanzaKind) {
        let watched = &*self.watched;
        let tags = watched.kind_tags.get(kind.index());
        let tags = tags.copied().unwrap_or(watched.tags);
        watched.record(builtin::XMPP_STANZAS_RECEIVED, tags, 1);
    }

    fn watched(&self, stanza: &Stanza) -> Verdict {
        let watched = &*self.watched;
        let mut verdict = Verdict::default();
        for watch in watched.watches.borrow().iter() {
            watched.look(watch, stanza, &mut verdict);
        }
        verdict
    }

    fn sent(&self, counts: [u32; StanzaKind::COUNT]) {
        let watched = &*self.watched;
        for (count, tags) in counts.into_iter().zip(watched.kind_tags) {
            if count > 0 {
                watched.record(builtin::XMPP_STANZAS_SENT, tags, u64::from(count));
            }
        }
    }

    fn dropped(&self, stanzas: u64) {
        let watched = &*self.watched;
        watched.record(builtin::XMPP_STANZAS_DROPPED, watched.tags, stanzas);
    }

    fn unexpected(&self, what: &'static str, stanza: &Stanza) {
        let watched = &*self.watched;
        let tags = watched.derive(("kind", what));
        watched.record_kind(builtin::XMPP_UNEXPECTED, tags, what);
        let logged = &watched.core.xmpp.unexpected_logged;
        if logged.get() < UNEXPECTED_LOGGED_MAX {
            logged.set(logged.get() + 1);
            let user = watched.who.id.0;
            let text = cut(stanza.xml(), LOG_LINE_BYTES_MAX);
            tracing::warn!(target: "guest", user, "nobody wanted this ({what}): {text}");
        }
    }

    fn answered(&self, namespace: &str, took: Duration, error: Option<&XmppError>) {
        let watched = &*self.watched;
        let tags = watched.derive(("namespace", namespace));
        let mut recorder = watched.core.recorder.borrow_mut();
        // What was given up had no answer: it has no time, and would only show the timeout that somebody chose.
        if matches!(error, None | Some(XmppError::Refused(_))) {
            recorder.record_time(builtin::XMPP_REQUEST_DURATION, tags, took);
        }
        let failed = if error.is_some() { 1.0 } else { 0.0 };
        recorder.record(builtin::XMPP_REQUEST_FAILED, tags, failed);
        if let Some(error) = error {
            let (_, name) = error.number_and_name();
            let kind = error.condition().unwrap_or(name);
            recorder.kind(builtin::XMPP_REQUEST_FAILED, kind, 1.0);
        }
    }

    fn error(&self, condition: &str) {
        let watched = &*self.watched;
        let condition = cut(condition, NAME_BYTES_MAX);
        let tags = watched.derive(("condition", condition));
        watched.record_kind(builtin::XMPP_ERRORS, tags, condition);
    }

    fn bytes(&self, sent: u64, received: u64) {
        let watched = &*self.watched;
        if sent > 0 {
            watched.record(builtin::DATA_SENT, watched.tags, sent);
        }
        if received > 0 {
            watched.record(builtin::DATA_RECEIVED, watched.tags, received);
        }
    }

    fn ended(&self, close: &Close, lasted: Duration) {
        self.watched.record_end(close, lasted);
        drop(self.still_open.take());
    }
}

#[cfg(test)]
mod tests {
    use lt_net::xmpp::Filter;
    use tokio::time::Instant;

    use super::*;

    /// The numbers are read out of the contract itself, so that neither can drift.
    #[test]
    fn numbers_of_endings_are_those_of_the_contract() {
        let contract = include_str!("../../../../wit/xmpp.wit");
        let wanted = crate::sockets::session::endings_of(contract);
        let endings = [
            Ending::ByUs,
            Ending::Killed,
            Ending::ByPeer,
            Ending::StreamError,
            Ending::Disconnected,
            Ending::Reset,
            Ending::ProtocolError,
            Ending::StanzaTooLarge,
            Ending::InboxOverflow,
            Ending::PingTimeout,
            Ending::CloseTimeout,
            Ending::Failed,
        ];
        let got = endings.map(|ending| (ending.as_str(), number_of(ending)));
        assert_eq!(got.as_slice(), wanted);
    }

    #[test]
    fn errors_are_not_replied_to_unless_somebody_asks_for_them() {
        let watch = |filters: Vec<Filter>| Watch {
            filters: (!filters.is_empty()).then(|| Rc::new(Filters::new(filters).unwrap())),
            tags: None,
            delivery: None,
            stamp: None,
            reply: Some("<message to='{from}'/>".to_owned()),
            keep: true,
            matched: Cell::new(0),
        };
        let filter = |name: Option<&str>, kind: Option<&str>| Filter {
            name: name.map(str::to_owned),
            kind: kind.map(str::to_owned),
            ..Filter::default()
        };
        let stanza = |xml: &str| Stanza::parse(xml, Instant::now()).unwrap();
        let message = stanza("<message from='a@b' type='chat'/>");
        let error = stanza("<message from='a@b' type='error'/>");
        for (filters, is_answered) in [
            (vec![], false),
            (vec![filter(Some("message"), None)], false),
            (vec![filter(Some("message"), Some("error"))], true),
            (vec![filter(None, Some("error"))], true),
            // Errors of others are asked for, and all messages looked at.
            (
                vec![
                    filter(Some("message"), None),
                    filter(Some("presence"), Some("error")),
                ],
                false,
            ),
        ] {
            let asks = format!("{filters:?}");
            let watch = watch(filters);
            assert_eq!(watch.may_answer(&error), is_answered, "{asks}");
            assert!(watch.may_answer(&message), "{asks}");
        }
    }

    #[test]
    fn a_reply_is_of_the_kind_that_its_name_says() {
        for (xml, kind) in [
            ("<message to='a'/>", Some(StanzaKind::Message)),
            (" <iq/>", Some(StanzaKind::Iq)),
            ("<presence>", Some(StanzaKind::Presence)),
            ("<r xmlns='urn:xmpp:sm:3'/>", None),
        ] {
            assert_eq!(StanzaKind::of(first_name(xml)), kind, "{xml}");
        }
    }
}
