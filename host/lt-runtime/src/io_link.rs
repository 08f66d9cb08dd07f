//! The link between a user's fiber and its I/O task.
//!
//! Both live on one thread. The fiber puts work into a one-slot mailbox and waits for the answer; the task does all I/O, on
//! a stack of its own that is shared by the whole core. Polling sockets on the fiber would dirty three to six more pages
//! of the user's stack for its whole life, and a TLS handshake there could overflow it.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use futures_util::future::LocalBoxFuture;
use futures_util::stream::{self, FuturesUnordered, StreamExt};
use lt_metrics::{TagsId, builtin};
use lt_net::NetError;
use lt_net::http::client::{HttpClient, Observation, Request, Response};
use lt_spec::limits::{BATCH_MAX, BATCH_PER_HOST_MAX, USER_REQUESTS_MAX};
use rustc_hash::FxHashMap;
use tokio::sync::Semaphore;

use crate::core::{Core, GroupId, HttpKey};
use crate::ctx::Identity;

/// What a request came to.
pub(crate) type Answer = Result<Response, NetError>;

/// One request with what its samples are tagged by.
pub(crate) struct Job {
    pub(crate) request: Request,
    pub(crate) group: GroupId,
    /// The `name` tag; empty: the URL.
    pub(crate) name: String,
    /// Status codes that count as expected, as inclusive ranges; empty: 200 to 399.
    pub(crate) expected: Vec<(u16, u16)>,
    /// Further tags.
    pub(crate) extra: Vec<(String, String)>,
}

/// What a fiber asks of its I/O task.
enum Work {
    /// One request; the answer goes into the mailbox.
    Send(Box<Job>),
    /// One request on the side; the answer goes into its slot.
    Start(Box<Job>, Rc<Slot>),
    /// Requests at the same time.
    Batch(Vec<Job>, Rc<BatchSlot>),
}

/// Where the answer to a started request appears.
#[derive(Default)]
pub(crate) struct Slot {
    answer: RefCell<Option<Answer>>,
    done: Cell<bool>,
    cancelled: Cell<bool>,
    /// Wakes whoever waits for the answer.
    waker: Cell<Option<Waker>>,
    /// Wakes the request itself, so that it sees that it was cancelled.
    request: Cell<Option<Waker>>,
}

/// Where the answers to a batch appear.
#[derive(Default)]
struct BatchSlot {
    answers: RefCell<Option<Vec<Answer>>>,
    waker: Cell<Option<Waker>>,
}

impl Slot {
    /// Wait until the answer is there.
    pub(crate) async fn ready(&self) {
        std::future::poll_fn(|cx| {
            if self.done.get() {
                return Poll::Ready(());
            }
            self.waker.set(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await;
    }

    /// Take the answer; once.
    pub(crate) fn take(&self) -> Answer {
        self.answer.take().unwrap_or(Err(NetError::AlreadyFinished))
    }

    /// Nobody waits any more: give the request up.
    pub(crate) fn cancel(&self) {
        self.cancelled.set(true);
        wake(&self.request);
    }

    fn fill(&self, answer: Answer) {
        self.answer.replace(Some(answer));
        self.done.set(true);
        wake(&self.waker);
    }
}

fn wake(waker: &Cell<Option<Waker>>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

/// One user's link. Bounded: one request in the mailbox, [`USER_REQUESTS_MAX`] on the side.
pub(crate) struct IoLink {
    core: Rc<Core>,
    who: Identity,
    /// The user's client: cookies and settings may be touched from the fiber, since that is no I/O.
    pub(crate) client: HttpClient,
    work: RefCell<Option<Work>>,
    backlog: RefCell<VecDeque<Work>>,
    answer: RefCell<Option<Answer>>,
    /// Wakes the I/O task.
    io: Cell<Option<Waker>>,
    /// Wakes the fiber.
    fiber: Cell<Option<Waker>>,
    on_the_side: Cell<usize>,
    closed: Cell<bool>,
    last_tags: RefCell<Option<(HttpKey, TagsId)>>,
}

impl IoLink {
    /// Send a request and wait for the answer. Polled on the fiber: a small frame.
    pub(crate) async fn send(&self, job: Box<Job>) -> Answer {
        self.hand_over(Work::Send(job));
        std::future::poll_fn(|cx| {
            if let Some(answer) = self.answer.take() {
                return Poll::Ready(answer);
            }
            self.fiber.set(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await
    }

    /// Start a request and go on.
    ///
    /// # Errors
    /// If the user has too many under way.
    pub(crate) fn start(&self, job: Box<Job>) -> Result<Rc<Slot>, NetError> {
        if self.on_the_side.get() >= USER_REQUESTS_MAX {
            return Err(NetError::TooManyRequests);
        }
        let slot = Rc::new(Slot::default());
        self.on_the_side.set(self.on_the_side.get() + 1);
        self.hand_over(Work::Start(job, slot.clone()));
        Ok(slot)
    }

    /// Send requests at the same time and wait for all; answers in the order of the requests.
    pub(crate) async fn batch(&self, jobs: Vec<Job>) -> Vec<Answer> {
        let slot = Rc::new(BatchSlot::default());
        self.hand_over(Work::Batch(jobs, slot.clone()));
        std::future::poll_fn(|cx| {
            if let Some(answers) = slot.answers.take() {
                return Poll::Ready(answers);
            }
            slot.waker.set(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await
    }

    fn hand_over(&self, work: Work) {
        let mut mailbox = self.work.borrow_mut();
        if mailbox.is_none() {
            *mailbox = Some(work);
        } else {
            // Only started requests can follow each other so fast; their number is bounded.
            self.backlog.borrow_mut().push_back(work);
        }
        wake(&self.io);
    }

    fn take_work(&self) -> Option<Work> {
        let work = self.work.take()?;
        *self.work.borrow_mut() = self.backlog.borrow_mut().pop_front();
        Some(work)
    }

    /// Do one request and record it.
    async fn perform(&self, job: Job) -> Answer {
        let Job { request, group, name, expected, extra } = job;
        let label = Label { group, name: &name, expected: &expected, extra: &extra };
        self.client.send(request, |observation| self.record(&label, observation)).await
    }

    /// Record one exchange: k6's metrics and tags. A followed redirect is an exchange of its own.
    fn record(&self, label: &Label<'_>, seen: &Observation<'_>) {
        let expected = seen.status.is_some_and(|status| is_expected(label.expected, status));
        let tags = self.tags_of(label, seen, expected);
        let timings = seen.timings;
        let mut recorder = self.core.recorder.borrow_mut();
        recorder.record(builtin::HTTP_REQS, tags, 1.0);
        recorder.record(builtin::HTTP_REQ_FAILED, tags, if expected { 0.0 } else { 1.0 });
        recorder.record_time(builtin::HTTP_REQ_DURATION, tags, timings.duration());
        recorder.record_time(builtin::HTTP_REQ_BLOCKED, tags, timings.blocked);
        recorder.record_time(builtin::HTTP_REQ_RESOLVING, tags, timings.resolving);
        recorder.record_time(builtin::HTTP_REQ_CONNECTING, tags, timings.connecting);
        recorder.record_time(builtin::HTTP_REQ_TLS_HANDSHAKING, tags, timings.tls);
        recorder.record_time(builtin::HTTP_REQ_SENDING, tags, timings.sending);
        recorder.record_time(builtin::HTTP_REQ_WAITING, tags, timings.waiting);
        recorder.record_time(builtin::HTTP_REQ_RECEIVING, tags, timings.receiving);
        if !seen.reused {
            recorder.record(builtin::HTTP_CONNECTIONS, tags, 1.0);
        }
        #[expect(clippy::cast_precision_loss, reason = "bytes of one exchange stay far below 2^53")]
        {
            recorder.record(builtin::DATA_SENT, tags, seen.bytes_sent as f64);
            recorder.record(builtin::DATA_RECEIVED, tags, seen.bytes_received as f64);
        }
    }

    /// The tag set of an exchange. A user that repeats a request finds it without hashing or allocating.
    fn tags_of(&self, label: &Label<'_>, seen: &Observation<'_>, expected: bool) -> TagsId {
        let status = seen.status.unwrap_or(0);
        let error_code = match seen.error {
            Some(error) => error.code(),
            // k6: 1000 + the status for an error the server answered with.
            None if status >= 400 => 1000 + status,
            None => 0,
        };
        let proto = seen.version.map_or("", |version| version.as_str());
        let tls_version = seen.tls_version.unwrap_or("");
        if let Some((key, tags)) = &*self.last_tags.borrow()
            && key.status == status
            && key.error_code == error_code
            && key.group == label.group
            && key.expected == expected
            && &*key.url == seen.url
            && &*key.method == seen.method
            && (label.name.is_empty() || &*key.name == label.name)
            && (label.name.is_empty() == (key.name == key.url))
            && key.proto == proto
            && key.tls_version == tls_version
            && key.extra.is_none()
            && label.extra.is_empty()
        {
            return *tags;
        }
        let url: Rc<str> = seen.url.into();
        let extra = (!label.extra.is_empty()).then(|| {
            let pairs = label.extra.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            Rc::new(lt_metrics::Tags::new(pairs))
        });
        let key = HttpKey {
            role: self.who.role,
            group: label.group,
            method: seen.method.into(),
            name: if label.name.is_empty() { url.clone() } else { label.name.into() },
            url,
            status,
            error_code,
            proto,
            tls_version,
            expected,
            extra,
        };
        let tags = self.core.tags_of_http(&key);
        self.last_tags.replace(Some((key, tags)));
        tags
    }
}

/// What the guest said of a request, for its samples.
struct Label<'a> {
    group: GroupId,
    name: &'a str,
    expected: &'a [(u16, u16)],
    extra: &'a [(String, String)],
}

/// Whether a status counts as expected.
fn is_expected(ranges: &[(u16, u16)], status: u16) -> bool {
    if ranges.is_empty() {
        return (200..400).contains(&status);
    }
    ranges.iter().any(|(first, last)| (*first..=*last).contains(&status))
}

/// Ends a user's I/O task when the user ends, however it ends.
pub(crate) struct IoGuard(Rc<IoLink>);

impl IoGuard {
    /// Make a user's link and start its I/O task on this core; `None` if the core has no client to give.
    pub(crate) fn spawn(core: &Rc<Core>, who: Identity) -> Option<Self> {
        let config = core.client_config(who.id.0)?;
        let link = Rc::new(IoLink {
            core: core.clone(),
            who,
            client: HttpClient::new(core.network.clone(), config),
            work: RefCell::new(None),
            backlog: RefCell::default(),
            answer: RefCell::new(None),
            io: Cell::new(None),
            fiber: Cell::new(None),
            on_the_side: Cell::new(0),
            closed: Cell::new(false),
            last_tags: RefCell::new(None),
        });
        tokio::task::spawn_local(io_task(link.clone()));
        Some(Self(link))
    }

    /// The link, for the store.
    pub(crate) fn link(&self) -> Rc<IoLink> {
        self.0.clone()
    }

    /// An iteration has ended: connections may have to be closed.
    pub(crate) fn end_iteration(&self) {
        self.0.client.end_iteration();
    }
}

impl Drop for IoGuard {
    fn drop(&mut self) {
        self.0.closed.set(true);
        wake(&self.0.io);
    }
}

type Side<'a> = FuturesUnordered<LocalBoxFuture<'a, ()>>;

/// The I/O task of one user: takes work until the user ends. Dropping it in mid-request closes the connection.
async fn io_task(link: Rc<IoLink>) {
    let mut side = Side::new();
    while let Some(work) = next(&link, &mut side).await {
        match work {
            Work::Send(job) => {
                let Some(answer) = beside(&link, &mut side, link.perform(*job)).await else { return };
                link.answer.replace(Some(answer));
                wake(&link.fiber);
            }
            Work::Start(job, slot) => side.push(Box::pin(one_on_the_side(&link, *job, slot))),
            Work::Batch(jobs, slot) => side.push(Box::pin(batch(&link, jobs, slot))),
        }
    }
}

/// Wait for work while requests on the side go on; `None` when the user has ended.
async fn next(link: &IoLink, side: &mut Side<'_>) -> Option<Work> {
    std::future::poll_fn(|cx| {
        while !side.is_empty() && side.poll_next_unpin(cx).is_ready() {}
        if link.closed.get() {
            return Poll::Ready(None);
        }
        if let Some(work) = link.take_work() {
            return Poll::Ready(Some(work));
        }
        link.io.set(Some(cx.waker().clone()));
        Poll::Pending
    })
    .await
}

/// Do a request while those on the side go on; `None` when the user has ended.
async fn beside(
    link: &IoLink,
    side: &mut Side<'_>,
    request: impl Future<Output = Answer>,
) -> Option<Answer> {
    let mut request = pin!(request);
    std::future::poll_fn(|cx| {
        while !side.is_empty() && side.poll_next_unpin(cx).is_ready() {}
        if link.closed.get() {
            return Poll::Ready(None);
        }
        if let Poll::Ready(answer) = request.as_mut().poll(cx) {
            return Poll::Ready(Some(answer));
        }
        link.io.set(Some(cx.waker().clone()));
        Poll::Pending
    })
    .await
}

async fn one_on_the_side(link: &IoLink, job: Job, slot: Rc<Slot>) {
    let mut request = pin!(link.perform(job));
    let answer = std::future::poll_fn(|cx| {
        if slot.cancelled.get() {
            return Poll::Ready(None);
        }
        slot.request.set(Some(cx.waker().clone()));
        request.as_mut().poll(cx).map(Some)
    })
    .await;
    link.on_the_side.set(link.on_the_side.get().saturating_sub(1));
    if let Some(answer) = answer {
        slot.fill(answer);
    }
}

/// Send a batch: [`BATCH_MAX`] at a time, [`BATCH_PER_HOST_MAX`] to one host.
async fn batch(link: &IoLink, jobs: Vec<Job>, slot: Rc<BatchSlot>) {
    let mut hosts: FxHashMap<String, Rc<Semaphore>> = FxHashMap::default();
    let requests: Vec<_> = jobs
        .into_iter()
        .map(|job| {
            let host = authority(&job.request.url).to_owned();
            let places = hosts.entry(host).or_insert_with(|| Rc::new(Semaphore::new(BATCH_PER_HOST_MAX)));
            let places = places.clone();
            async move {
                // The semaphore is never closed, so there is always a permit in the end.
                let _place = places.acquire().await;
                link.perform(job).await
            }
        })
        .collect();
    let answers = stream::iter(requests).buffered(BATCH_MAX).collect().await;
    slot.answers.replace(Some(answers));
    wake(&slot.waker);
}

/// The part of a URL that names the server: enough to tell hosts apart.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expected_statuses_are_2xx_and_3xx_unless_said_otherwise() {
        assert!(is_expected(&[], 200) && is_expected(&[], 302));
        assert!(!is_expected(&[], 404) && !is_expected(&[], 101));
        assert!(is_expected(&[(404, 404), (200, 299)], 404));
        assert!(!is_expected(&[(404, 404)], 200));
    }

    #[test]
    fn hosts_are_told_apart() {
        assert_eq!(authority("http://a.example:80/x?y"), "a.example:80");
        assert_eq!(authority("http://a.example?y"), "a.example");
    }
}
