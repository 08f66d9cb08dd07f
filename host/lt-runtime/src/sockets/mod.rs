//! A user's WebSockets: connecting on its I/O task, and what is recorded of that.
//!
//! The fiber hands a [`Dial`] to the I/O task and waits for an [`OpenSocket`]. What reads and writes from then on is a task of
//! its own on the same thread, the pump, which ends with the user's end of the socket: dropping that abandons it.

pub(crate) mod patterns;
pub(crate) mod session;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use lt_metrics::{TagsId, builtin};
use lt_net::websocket::{Attempt, ConnectError, ConnectRequest, Opened, Socket};
use lt_net::{NetError, Timings};
use lt_spec::limits::{NAME_BYTES_MAX, USER_INBOX_BYTES_MAX, USER_SOCKETS_MAX};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout};

use crate::core::{Core, GroupId, record_bytes};
use crate::ctx::Identity;
use crate::interfaces::cut;
use crate::io_link::IoLink;
use session::{Session, Told};

/// How long the end of a core's users waits for the last word of their sockets: each tries to say goodbye once, and one that is in
/// the midst of closing waits no longer either.
const LAST_WORDS_MAX: Duration = Duration::from_secs(1);
/// Number of a refused upgrade (`wit/websocket.wit`).
const REFUSED: u16 = 1900;
/// Number of an upgrade that is none (`wit/websocket.wit`).
const HANDSHAKE: u16 = 1901;
/// Number of a connect whose user ended before there was an answer (`wit/websocket.wit`).
const CUT_OFF: u16 = 1902;

/// What a fiber hands to its I/O task to connect.
pub(crate) struct Dial {
    pub(crate) request: ConnectRequest,
    pub(crate) labels: Labels,
    pub(crate) place: Place,
}

/// What the samples of a connection are tagged with, beside what comes of it.
pub(crate) struct Labels {
    /// The group that the user connects in.
    pub(crate) group: GroupId,
    /// The connection's name; without one, its URL.
    pub(crate) name: Option<String>,
    /// Further tags.
    pub(crate) tags: Vec<(String, String)>,
}

/// What came of it.
pub(crate) type Connected = Result<OpenSocket, ConnectError>;

/// The user's end of a socket. Dropping it abandons the connection.
pub(crate) struct OpenSocket {
    pub(crate) socket: Rc<Socket>,
    pub(crate) session: Rc<Session>,
    /// Heartbeats that the host sends, beside the ping.
    pub(crate) heartbeats: Rc<Cell<usize>>,
    _place: Place,
}

impl Drop for OpenSocket {
    fn drop(&mut self) {
        self.socket.abandon();
    }
}

/// What all sockets, XMPP sessions and RTMP connections of one user take together.
#[derive(Default)]
pub(crate) struct Taken {
    sockets: Cell<usize>,
    inbox_bytes: Cell<usize>,
}

/// A socket's share of what its user may have, given back when it is dropped.
pub(crate) struct Place {
    of: Rc<Taken>,
    sockets: usize,
    inbox_bytes: usize,
}

impl Place {
    /// Take a place for a socket whose inbox may come to hold so many bytes.
    ///
    /// # Errors
    /// If the user has as many as it may: the text says of what.
    pub(crate) fn take(of: &Rc<Taken>, inbox_bytes: usize) -> Result<Self, String> {
        if of.sockets.get() >= USER_SOCKETS_MAX {
            return Err(format!(
                "a user may have {USER_SOCKETS_MAX} sockets, sessions and connections together"
            ));
        }
        Self::of(of, 1, inbox_bytes)
    }

    /// Take room for another inbox on a connection that has its place.
    ///
    /// # Errors
    /// If the user's inboxes hold as much as they may.
    pub(crate) fn beside(of: &Rc<Taken>, inbox_bytes: usize) -> Result<Self, String> {
        Self::of(of, 0, inbox_bytes)
    }

    fn of(of: &Rc<Taken>, sockets: usize, inbox_bytes: usize) -> Result<Self, String> {
        let bytes = of.inbox_bytes.get().saturating_add(inbox_bytes);
        if bytes > USER_INBOX_BYTES_MAX {
            return Err(format!(
                "the inboxes of a user may hold {USER_INBOX_BYTES_MAX} bytes together"
            ));
        }
        of.sockets.set(of.sockets.get() + sockets);
        of.inbox_bytes.set(bytes);
        Ok(Self {
            of: of.clone(),
            sockets,
            inbox_bytes,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let taken = &self.of;
        let sockets = taken.sockets.get();
        taken.sockets.set(sockets.saturating_sub(self.sockets));
        let bytes = taken.inbox_bytes.get();
        taken
            .inbox_bytes
            .set(bytes.saturating_sub(self.inbox_bytes));
    }
}

/// The sockets, XMPP sessions and RTMP connections of one core whose end was not recorded yet.
#[derive(Default)]
pub(crate) struct OpenSockets {
    open: Cell<usize>,
    none_left: Notify,
}

/// One of them, from when it is connected to until all of it is recorded.
pub(crate) struct StillOpen(Rc<OpenSockets>);

impl Drop for StillOpen {
    fn drop(&mut self) {
        let open = self.0.open.get().saturating_sub(1);
        self.0.open.set(open);
        if open == 0 {
            self.0.none_left.notify_waiters();
        }
    }
}

impl OpenSockets {
    /// The end of the core's users waits for one more.
    pub(crate) fn begin(self: &Rc<Self>) -> StillOpen {
        self.open.set(self.open.get() + 1);
        StillOpen(self.clone())
    }

    /// Wait until all that were abandoned have ended and were recorded: [`LAST_WORDS_MAX`] at most.
    pub(crate) async fn settle(&self) {
        let settled = async {
            while self.open.get() > 0 {
                self.none_left.notified().await;
            }
        };
        // Whatever is still open then is cut off.
        let _cut_off = timeout(LAST_WORDS_MAX, settled).await;
    }
}

/// Connect, on the I/O task; the pump is spawned from here, so that it is none of the fiber's.
pub(crate) async fn connect(link: &IoLink, dial: Box<Dial>, answer: oneshot::Sender<Connected>) {
    let Dial {
        request,
        labels,
        place,
    } = *dial;
    let name = match &labels.name {
        Some(name) => name.clone(),
        None => request.public_url(),
    };
    let (core, who) = (&link.core, link.who);
    let connecting = Connecting::begin(core, who, &labels, &name);
    let (attempt, outcome) = link.client.connect_websocket(request).await;
    connecting.finish();
    let connected = match outcome {
        Ok(Opened { socket, pump }) => {
            let subprotocol = socket.subprotocol();
            let tags = tags(core, who, &labels, &name, &attempt, subprotocol, 0);
            record(core, tags, &attempt, None);
            let delivery_tags = core.tags_of_group(who.role, labels.group);
            let session = Session::new(core, who, tags, delivery_tags);
            tokio::task::spawn_local(pump.run(Told::new(session.clone())));
            Ok(OpenSocket {
                socket,
                session,
                heartbeats: Rc::default(),
                _place: place,
            })
        }
        Err(error) => {
            // What makes no sense was not attempted, unless it was a server that led there.
            let invalid = matches!(error, ConnectError::Net(NetError::InvalidRequest(_)));
            if !invalid || attempt.status.is_some() {
                let number = number_of(&error);
                let tags = tags(core, who, &labels, &name, &attempt, "", number);
                record(core, tags, &attempt, Some(&kind_of(&error)));
            }
            Err(error)
        }
    };
    // Nobody waits any more: dropping the socket abandons it.
    let _unheard = answer.send(connected);
}

/// A connect under way. If its user ends first it is counted all the same: else a server that never answers would be no failure.
struct Connecting<'a> {
    core: &'a Core,
    who: Identity,
    labels: &'a Labels,
    name: &'a str,
    begun: Instant,
    finished: bool,
    _still_open: StillOpen,
}

impl<'a> Connecting<'a> {
    fn begin(core: &'a Core, who: Identity, labels: &'a Labels, name: &'a str) -> Self {
        Self {
            core,
            who,
            labels,
            name,
            begun: Instant::now(),
            finished: false,
            _still_open: core.sockets.begin(),
        }
    }

    fn finish(mut self) {
        self.finished = true;
    }
}

impl Drop for Connecting<'_> {
    fn drop(&mut self) {
        if !self.finished {
            let attempt = Attempt {
                timings: Timings::default(),
                total: self.begun.elapsed(),
                status: None,
                bytes_sent: 0,
                bytes_received: 0,
            };
            let Self {
                core,
                who,
                labels,
                name,
                ..
            } = *self;
            let tags = tags(core, who, labels, name, &attempt, "", CUT_OFF);
            record(core, tags, &attempt, Some(&format!("cut-off {CUT_OFF}")));
        }
    }
}

/// Number for the `error_code` tag.
fn number_of(error: &ConnectError) -> u16 {
    match error {
        ConnectError::Net(error) => error.code(),
        ConnectError::Refused(_) => REFUSED,
        ConnectError::Handshake(_) => HANDSHAKE,
    }
}

/// What the summary counts a failed connect as: its name in `wit/`, with the number of the tag.
fn kind_of(error: &ConnectError) -> String {
    match error {
        ConnectError::Net(error) => format!("{} {}", error.kind(), error.code()),
        ConnectError::Refused(refusal) => format!("refused {REFUSED} status {}", refusal.status),
        ConnectError::Handshake(_) => format!("handshake {HANDSHAKE}"),
    }
}

/// Tags of a connection's samples: k6's.
fn tags(
    core: &Core,
    who: Identity,
    labels: &Labels,
    name: &str,
    attempt: &Attempt,
    subprotocol: &str,
    error_code: u16,
) -> TagsId {
    let name = cut(name, NAME_BYTES_MAX);
    let status = attempt.status.map(|status| status.to_string());
    let error_code = (error_code != 0).then(|| error_code.to_string());
    // A name stands in both tags, as in k6: else URLs that differ would still be tag sets of their own.
    let mut all = vec![("url", name), ("name", name)];
    all.extend(status.as_deref().map(|status| ("status", status)));
    if !subprotocol.is_empty() {
        all.push(("subproto", cut(subprotocol, NAME_BYTES_MAX)));
    }
    all.extend(error_code.as_deref().map(|code| ("error_code", code)));
    let own = labels.tags.iter();
    all.extend(own.map(|(name, value)| (cut(name, NAME_BYTES_MAX), cut(value, NAME_BYTES_MAX))));
    core.tags_with(who.role, labels.group, &all)
}

/// Record what came of a connect: of what kind its failure was, if it failed.
fn record(core: &Core, tags: TagsId, attempt: &Attempt, failure: Option<&str>) {
    let mut recorder = core.recorder.borrow_mut();
    recorder.record_time(builtin::WS_CONNECTING, tags, attempt.total);
    if let Some(kind) = failure {
        recorder.record(builtin::WS_CONNECT_FAILED, tags, 1.0);
        recorder.kind(builtin::WS_CONNECT_FAILED, kind, 1.0);
    } else {
        recorder.record(builtin::WS_CONNECT_FAILED, tags, 0.0);
        recorder.record(builtin::WS_SESSIONS, tags, 1.0);
    }
    record_bytes(
        &mut recorder,
        tags,
        attempt.bytes_sent,
        attempt.bytes_received,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_connect_is_counted_as_its_name_and_the_number_of_its_tag() {
        let refusal = lt_net::websocket::Refusal {
            status: 403,
            headers: Vec::new(),
            body: Vec::new(),
        };
        for (error, kind) in [
            (
                ConnectError::Refused(Box::new(refusal)),
                "refused 1900 status 403",
            ),
            (ConnectError::Handshake(String::new()), "handshake 1901"),
            (
                NetError::ConnectionRefused.into(),
                "connection-refused 1212",
            ),
        ] {
            assert_eq!(kind_of(&error), kind);
            let number = number_of(&error).to_string();
            assert_eq!(kind.split(' ').nth(1), Some(number.as_str()));
        }
    }

    #[test]
    fn sockets_and_the_bytes_of_their_inboxes_are_bounded_and_given_back() {
        let taken = Rc::new(Taken::default());
        let share = USER_INBOX_BYTES_MAX / USER_SOCKETS_MAX;
        let places: Vec<_> = (0..USER_SOCKETS_MAX)
            .map(|_| Place::take(&taken, share).unwrap())
            .collect();
        assert!(Place::take(&taken, 0).is_err_and(|text| text.contains("sockets")));
        drop(places);
        let whole = Place::take(&taken, USER_INBOX_BYTES_MAX).unwrap();
        assert!(Place::take(&taken, 1).is_err_and(|text| text.contains("bytes")));
        assert!(Place::beside(&taken, 1).is_err_and(|text| text.contains("bytes")));
        drop(whole);
        let beside = Place::beside(&taken, USER_INBOX_BYTES_MAX).unwrap();
        assert_eq!(taken.sockets.get(), 0);
        drop(beside);
        assert_eq!((taken.sockets.get(), taken.inbox_bytes.get()), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_waits_for_the_last_socket_and_not_for_ever() {
        let sockets = Rc::new(OpenSockets::default());
        sockets.settle().await;
        let open = sockets.begin();
        let end = async {
            tokio::time::sleep(LAST_WORDS_MAX / 2).await;
            drop(open);
        };
        let begun = tokio::time::Instant::now();
        tokio::join!(sockets.settle(), end);
        assert!(begun.elapsed() < LAST_WORDS_MAX);
        let _open = sockets.begin();
        sockets.settle().await;
        assert_eq!(sockets.open.get(), 1);
    }
}
