//! Requests under way: whose answers are told by id and sender (RFC 6120, section 8.1.2.1), and by when they have to come.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;

use super::{Close, FORGOTTEN_REQUESTS_MAX, Stanza, StanzaKind, XmppError, jid};
use crate::periodic::Periodic;
use crate::waiting::keep;

/// Pings of this side that are waited for at a time: an answer tells little about a round trip when so many more were sent since.
const PINGS_MAX: usize = 64;
/// Room that a session keeps when nothing is under way.
const KEPT_CAPACITY: usize = 4;

/// A request under way. Dropping it forgets it: its answer is unexpected then.
#[derive(Debug)]
pub struct Request {
    address: Address,
    namespace: Box<str>,
    deadline: Cell<Instant>,
    /// When it was handed over, once it was.
    sent: Cell<Option<Instant>>,
    result: RefCell<Option<Result<Stanza, XmppError>>>,
    is_forgotten: Cell<bool>,
    /// It removes the account of this session.
    is_removal: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

/// What an answer is told by.
#[derive(Debug)]
struct Address {
    id: Box<str>,
    to: Option<Box<str>>,
}

impl Address {
    fn is_of(&self, stanza: &Stanza, own_jid: &str) -> bool {
        stanza.id() == Some(&*self.id) && jid::answers(self.to.as_deref(), own_jid, stanza.from())
    }
}

impl Request {
    pub(super) fn new(id: &str, to: Option<&str>, namespace: &str, deadline: Instant) -> Self {
        Self {
            address: Address {
                id: id.into(),
                to: to.map(Into::into),
            },
            namespace: namespace.into(),
            deadline: Cell::new(deadline),
            sent: Cell::new(None),
            result: RefCell::default(),
            is_forgotten: Cell::new(false),
            is_removal: Cell::new(false),
            waker: RefCell::default(),
        }
    }

    /// It removes the account of this session: see [`Requests::account_is_removed`].
    pub(super) fn set_removal(&self) {
        self.is_removal.set(true);
    }

    /// Ready with the answer, once. An answer of type `error` is [`XmppError::Refused`]; [`XmppError::Timeout`] comes when the pump finds
    /// that its time is over.
    pub fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<Stanza, XmppError>> {
        match self.result.take() {
            Some(result) => Poll::Ready(result),
            None => {
                keep(&self.waker, cx);
                Poll::Pending
            }
        }
    }

    /// Whether [`Request::poll`] would be ready.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.result.borrow().is_some()
    }

    /// Nobody waits for it any more: its answer is unexpected.
    pub fn forget(&self) {
        self.is_forgotten.set(true);
    }

    /// It is on its way.
    pub(super) fn handed_over(&self, now: Instant) {
        self.sent.set(Some(now));
    }

    fn took(&self, until: Instant) -> Duration {
        let sent = self.sent.get();
        sent.map_or(Duration::ZERO, |sent| until.saturating_duration_since(sent))
    }

    fn finish(&self, result: Result<Stanza, XmppError>) {
        self.result.replace(Some(result));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// For whom an answer is waited for.
#[derive(Debug)]
enum Owner {
    User,
    /// The host, which pings at an interval; whether the session ends without an answer.
    Ping(Rc<Periodic>, bool),
}

#[derive(Debug)]
struct Entry {
    request: Rc<Request>,
    owner: Owner,
}

impl Entry {
    fn is_forgotten(&self) -> bool {
        match &self.owner {
            Owner::User => self.request.is_forgotten.get() || Rc::strong_count(&self.request) == 1,
            Owner::Ping(periodic, _) => periodic.is_stopped(),
        }
    }
}

/// What came of a request: for whoever counts.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) namespace: Box<str>,
    pub(super) took: Duration,
    pub(super) error: Option<XmppError>,
    /// The session ends for it.
    pub(super) is_fatal: bool,
}

/// What a stanza is to the requests.
#[derive(Debug)]
pub(super) enum Answered {
    /// No answer to any of them.
    No,
    /// The answer to one that was given up.
    Late,
    /// An answer.
    Yes(Outcome),
}

/// The requests of one session.
#[derive(Debug, Default)]
pub(super) struct Requests {
    entries: Vec<Entry>,
    /// The server has removed the account of this session.
    account_is_removed: bool,
    /// Those that were given up, the oldest first. Boxed, because few sessions have any.
    #[expect(
        clippy::box_collection,
        reason = "a session without any pays for a pointer only"
    )]
    forgotten: Option<Box<VecDeque<Address>>>,
}

impl Requests {
    /// A request of the user's.
    pub(super) fn add(&mut self, request: Request) -> Rc<Request> {
        // Whoever makes requests and drops them keeps no more than this remembers.
        self.sweep();
        self.push(request, Owner::User)
    }

    /// A ping at an interval; `is_fatal` if the session ends without an answer. Nothing if too many are not answered yet.
    pub(super) fn add_ping(
        &mut self,
        request: impl FnOnce() -> Request,
        periodic: &Rc<Periodic>,
        is_fatal: bool,
    ) -> Option<Rc<Request>> {
        self.sweep();
        let pings = self.entries.iter();
        let pings = pings.filter(|entry| matches!(entry.owner, Owner::Ping(..)));
        let owner = Owner::Ping(periodic.clone(), is_fatal);
        (pings.count() < PINGS_MAX).then(|| self.push(request(), owner))
    }

    fn push(&mut self, request: Request, owner: Owner) -> Rc<Request> {
        let request = Rc::new(request);
        self.entries.push(Entry {
            request: request.clone(),
            owner,
        });
        request
    }

    /// Whether the server has removed the account, as this session asked it to (XEP-0077, section 3.2): it ends the stream with an error then, which
    /// is no failure.
    pub(super) const fn account_is_removed(&self) -> bool {
        self.account_is_removed
    }

    /// Look whether a stanza answers one.
    pub(super) fn answer(&mut self, stanza: &Stanza, own_jid: &str) -> Answered {
        if stanza.stanza_kind() != Some(StanzaKind::Iq)
            || !matches!(stanza.kind(), Some("result" | "error"))
        {
            return Answered::No;
        }
        let mut entries = self.entries.iter();
        let index = entries.position(|entry| entry.request.address.is_of(stanza, own_jid));
        let Some(index) = index else {
            return self.answer_forgotten(stanza, own_jid);
        };
        let entry = self.entries.swap_remove(index);
        self.shrink();
        let request = &entry.request;
        self.account_is_removed |= request.is_removal.get() && stanza.error().is_none();
        if entry.is_forgotten() {
            return Answered::Late;
        }
        let result = match stanza.error() {
            None => Ok(stanza.clone()),
            Some(error) => Err(XmppError::Refused(Box::new(error))),
        };
        let outcome = Outcome {
            namespace: request.namespace.clone(),
            took: request.took(stanza.arrived()),
            error: result.as_ref().err().cloned(),
            is_fatal: false,
        };
        request.finish(result);
        Answered::Yes(outcome)
    }

    fn answer_forgotten(&mut self, stanza: &Stanza, own_jid: &str) -> Answered {
        let Some(forgotten) = &mut self.forgotten else {
            return Answered::No;
        };
        let mut addresses = forgotten.iter();
        let Some(index) = addresses.position(|address| address.is_of(stanza, own_jid)) else {
            return Answered::No;
        };
        forgotten.remove(index);
        if forgotten.is_empty() {
            self.forgotten = None;
        }
        Answered::Late
    }

    /// When the next is over; pings count only if their answers could be seen.
    pub(super) fn deadline(&self, with_pings: bool) -> Option<Instant> {
        let entries = self.entries.iter().filter(|entry| match entry.owner {
            Owner::User => true,
            Owner::Ping(..) => with_pings && !entry.is_forgotten(),
        });
        entries.map(|entry| entry.request.deadline.get()).min()
    }

    /// Give up those that are over.
    pub(super) fn expire(&mut self, now: Instant, with_pings: bool) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        let mut over = Vec::new();
        self.entries.retain(|entry| {
            let counts = with_pings || matches!(entry.owner, Owner::User);
            let is_over = counts && entry.request.deadline.get() <= now;
            if is_over {
                over.push((entry.request.clone(), entry.is_forgotten(), is_fatal(entry)));
            }
            !is_over
        });
        for (request, is_forgotten, is_fatal) in over {
            self.forget(&request);
            if is_forgotten {
                continue;
            }
            outcomes.push(Outcome {
                namespace: request.namespace.clone(),
                took: request.took(now),
                error: Some(XmppError::Timeout),
                is_fatal,
            });
            request.finish(Err(XmppError::Timeout));
        }
        self.shrink();
        outcomes
    }

    /// Nothing was read for so long: give the answers to pings that much longer.
    pub(super) fn postpone_pings(&self, time: Duration) {
        for entry in &self.entries {
            if let Owner::Ping(..) = entry.owner {
                let deadline = &entry.request.deadline;
                deadline.set(deadline.get() + time);
            }
        }
    }

    /// The session has ended: nobody is answered any more.
    pub(super) fn end(&mut self, close: &Close, now: Instant) -> Vec<Outcome> {
        self.forgotten = None;
        let mut outcomes = Vec::new();
        for entry in std::mem::take(&mut self.entries) {
            let request = &entry.request;
            if !entry.is_forgotten() {
                outcomes.push(Outcome {
                    namespace: request.namespace.clone(),
                    took: request.took(now),
                    error: Some(XmppError::Closed(close.clone())),
                    is_fatal: false,
                });
            }
            request.finish(Err(XmppError::Closed(close.clone())));
        }
        outcomes
    }

    /// How many are under way, and how many were given up and are remembered.
    #[cfg(test)]
    pub(super) fn counts(&self) -> (usize, usize) {
        let forgotten = self.forgotten.as_ref();
        let forgotten = forgotten.map_or(0, |forgotten| forgotten.len());
        (self.entries.len(), forgotten)
    }

    fn sweep(&mut self) {
        let mut dropped = Vec::new();
        self.entries.retain(|entry| {
            let is_forgotten = entry.is_forgotten();
            if is_forgotten {
                dropped.push(entry.request.clone());
            }
            !is_forgotten
        });
        for request in &dropped {
            self.forget(request);
        }
    }

    fn forget(&mut self, request: &Request) {
        let forgotten = self.forgotten.get_or_insert_default();
        if forgotten.len() >= FORGOTTEN_REQUESTS_MAX {
            forgotten.pop_front();
        }
        forgotten.push_back(Address {
            id: request.address.id.clone(),
            to: request.address.to.clone(),
        });
    }

    fn shrink(&mut self) {
        if self.entries.is_empty() && self.entries.capacity() > KEPT_CAPACITY {
            self.entries = Vec::new();
        }
    }
}

fn is_fatal(entry: &Entry) -> bool {
    matches!(entry.owner, Owner::Ping(_, true))
}
