//! What is recorded of an open socket, and what the host does with its messages while its user does something else.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use lt_metrics::{TagsId, builtin};
use lt_net::websocket::pattern::{Key, Pattern};
use lt_net::websocket::{Borrowed, Close, Ending, Observer};
use tokio::time::Instant;

use crate::core::Core;
use crate::ctx::Identity;
use crate::delivery;
use crate::sockets::StillOpen;

/// What the user's end of a socket and its pump share.
pub(crate) struct Session {
    core: Rc<Core>,
    who: Identity,
    /// Tags of the socket's own samples.
    tags: TagsId,
    /// Tags of deliveries: those of the user where it connected.
    delivery_tags: TagsId,
    watches: RefCell<Vec<Rc<Watch>>>,
}

/// Something that the host does with each message.
pub(crate) struct Watch {
    pub(crate) pattern: Rc<Pattern>,
    /// Tags of `ws_msgs_matched`; `None` counts in the watch alone.
    pub(crate) tags: Option<TagsId>,
    pub(crate) delivery: Option<Rc<Key>>,
    pub(crate) keep: bool,
    pub(crate) matched: Cell<u64>,
}

impl Session {
    pub(super) fn new(
        core: &Rc<Core>,
        who: Identity,
        tags: TagsId,
        delivery_tags: TagsId,
    ) -> Rc<Self> {
        Rc::new(Self {
            core: core.clone(),
            who,
            tags,
            delivery_tags,
            watches: RefCell::default(),
        })
    }

    /// Tags of the socket's samples with that of a watch.
    pub(crate) fn watch_tags(&self, name: &str) -> TagsId {
        let mut recorder = self.core.recorder.borrow_mut();
        recorder.derive(self.tags, &[("watch", name)])
    }

    /// How many watches there are.
    pub(crate) fn watches(&self) -> usize {
        self.watches.borrow().len()
    }

    /// Look at messages from now on.
    pub(crate) fn watch(&self, watch: Rc<Watch>) {
        self.watches.borrow_mut().push(watch);
    }

    /// Look no more.
    pub(crate) fn unwatch(&self, watch: &Rc<Watch>) {
        self.watches
            .borrow_mut()
            .retain(|other| !Rc::ptr_eq(other, watch));
    }

    fn record(&self, metric: lt_metrics::MetricId, value: u64) {
        #[expect(
            clippy::cast_precision_loss,
            reason = "messages and bytes since the last call stay far below 2^53"
        )]
        let value = value as f64;
        let mut recorder = self.core.recorder.borrow_mut();
        recorder.record(metric, self.tags, value);
    }

    /// Show a message to a watch. Returns whether the user is to get it.
    pub(crate) fn look(&self, watch: &Watch, content: Borrowed<'_>, arrived: Instant) -> bool {
        let matches = watch.pattern.matches(content);
        if matches {
            self.matched(watch, content, arrived);
        }
        !matches || watch.keep
    }

    fn matched(&self, watch: &Watch, content: Borrowed<'_>, arrived: Instant) {
        watch.matched.set(watch.matched.get() + 1);
        if let Some(tags) = watch.tags {
            let mut recorder = self.core.recorder.borrow_mut();
            recorder.record(builtin::WS_MSGS_MATCHED, tags, 1.0);
        }
        if let Some(id) = watch.delivery.as_ref().and_then(|key| key.find(content)) {
            let receipt = (&*id, arrived);
            let _time = delivery::found(&self.core, self.who, self.delivery_tags, receipt, true);
        }
    }

    fn record_end(&self, close: &Close, lasted: Duration) {
        let code = close.code.to_string();
        let number = number_of(close.ending).map(|number| number.to_string());
        let mut extra = vec![
            ("close_code", code.as_str()),
            ("ending", close.ending.as_str()),
        ];
        if let Some(number) = &number {
            extra.push(("error_code", number));
        }
        let mut recorder = self.core.recorder.borrow_mut();
        let tags = recorder.derive(self.tags, &extra);
        let failed = if close.ending.is_clean() { 0.0 } else { 1.0 };
        recorder.record_time(builtin::WS_SESSION_DURATION, tags, lasted);
        recorder.record(builtin::WS_CLOSES, tags, 1.0);
        recorder.record(builtin::WS_SESSION_FAILED, tags, failed);
        let ending = close.ending.as_str();
        recorder.kind(builtin::WS_CLOSES, format_args!("{ending} {code}"), 1.0);
        if let Some(number) = &number {
            let kind = format_args!("{ending} {number}");
            recorder.kind(builtin::WS_SESSION_FAILED, kind, 1.0);
        }
    }
}

/// Number for the `error_code` tag of a connection that ended otherwise than by a close frame: as `enum ending` of
/// `wit/websocket.wit` has it.
fn number_of(ending: Ending) -> Option<u16> {
    Some(match ending {
        Ending::ByUs | Ending::ByPeer => return None,
        Ending::Reset => 1220,
        Ending::Disconnected => 1221,
        Ending::ProtocolError => 1910,
        Ending::InvalidUtf8 => 1911,
        Ending::MessageTooLarge => 1912,
        Ending::InboxOverflow => 1913,
        Ending::PingTimeout => 1914,
        Ending::CloseTimeout => 1915,
        Ending::Failed => 1000,
    })
}

/// The pump's end of a session. Until it is told of the end, the core has a socket whose samples are not complete.
pub(super) struct Told {
    session: Rc<Session>,
    still_open: Cell<Option<StillOpen>>,
}

impl Told {
    pub(super) fn new(session: Rc<Session>) -> Self {
        let still_open = session.core.sockets.begin();
        Self {
            session,
            still_open: Cell::new(Some(still_open)),
        }
    }
}

impl Observer for Told {
    fn received(&self, content: Borrowed<'_>, arrived: Instant) -> bool {
        let session = &*self.session;
        session.record(builtin::WS_MSGS_RECEIVED, 1);
        let mut keep = true;
        for watch in session.watches.borrow().iter() {
            keep &= session.look(watch, content, arrived);
        }
        keep
    }

    fn waiting(&self, messages: usize) {
        self.session
            .record(builtin::WS_INBOX_DEPTH, messages as u64);
    }

    fn dropped(&self, messages: u64) {
        self.session.record(builtin::WS_MSGS_DROPPED, messages);
    }

    fn sent(&self, messages: u64) {
        self.session.record(builtin::WS_MSGS_SENT, messages);
    }

    fn pong(&self, took: Duration) {
        let mut recorder = self.session.core.recorder.borrow_mut();
        recorder.record_time(builtin::WS_PING, self.session.tags, took);
    }

    fn bytes(&self, sent: u64, received: u64) {
        if sent > 0 {
            self.session.record(builtin::DATA_SENT, sent);
        }
        if received > 0 {
            self.session.record(builtin::DATA_RECEIVED, received);
        }
    }

    fn ended(&self, close: &Close, lasted: Duration) {
        self.session.record_end(close, lasted);
        drop(self.still_open.take());
    }
}

/// Cases of `enum ending` of a contract, with the number that each one's doc ends with.
#[cfg(test)]
pub(crate) fn endings_of(contract: &str) -> Vec<(&str, Option<u16>)> {
    let cases = contract
        .split("enum ending {")
        .nth(1)
        .and_then(|rest| rest.split("\n    }").next())
        .unwrap();
    let mut wanted = Vec::new();
    let mut number = None;
    for line in cases.lines().map(str::trim) {
        if let Some(doc) = line.strip_prefix("///") {
            let parts = doc.split('(').skip(1);
            number = parts
                .filter_map(|part| part.get(..4)?.parse::<u16>().ok())
                .last();
        } else if let Some(case) = line.strip_suffix(',') {
            wanted.push((case, number.take()));
        }
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers are read out of the contract itself, so that neither can drift.
    #[test]
    fn numbers_of_endings_are_those_of_the_contract() {
        let contract = include_str!("../../../../wit/websocket.wit");
        let wanted = endings_of(contract);
        let endings = [
            Ending::ByUs,
            Ending::ByPeer,
            Ending::Disconnected,
            Ending::Reset,
            Ending::ProtocolError,
            Ending::InvalidUtf8,
            Ending::MessageTooLarge,
            Ending::InboxOverflow,
            Ending::PingTimeout,
            Ending::CloseTimeout,
            Ending::Failed,
        ];
        let got = endings.map(|ending| (ending.as_str(), number_of(ending)));
        assert_eq!(got.as_slice(), wanted);
    }
}
