//! The link between a user's fiber and its I/O task.
//!
//! Both live on one thread. The fiber puts work into a one-slot mailbox and waits for the answer; the task does all I/O, on
//! a stack of its own that is shared by the whole core. Polling sockets on the fiber would dirty three to six more pages
//! of the user's stack for its whole life, and a TLS handshake there could overflow it.

mod record;

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Poll, Waker};

use futures_util::future::LocalBoxFuture;
use futures_util::stream::{self, FuturesUnordered, StreamExt};
use lt_metrics::TagsId;
use lt_net::NetError;
use lt_net::http::client::HttpClient;
use lt_net::http::request::Request;
use lt_net::http::response::Response;
use lt_net::rtmp::RtmpError;
use lt_net::websocket::ConnectError;
use lt_net::xmpp::XmppError;
use lt_spec::limits::{BATCH_MAX, BATCH_PER_HOST_MAX, USER_REQUESTS_MAX};
use rustc_hash::FxHashMap;
use tokio::sync::{Semaphore, oneshot};

use crate::core::{Core, GroupId, HttpKey};
use crate::ctx::Identity;
use crate::rtmp::{self, StreamsOfUser};
use crate::sockets::{self, Connected, Dial};
use crate::xmpp;

/// What a request came to.
pub(crate) type Answer = Result<Response, NetError>;

/// One request, and the group it was made in.
pub(crate) struct Job {
    pub(crate) request: Request,
    pub(crate) group: GroupId,
}

/// What a fiber asks of its I/O task.
enum Work {
    /// One request; the answer goes into the mailbox.
    Send(Box<Job>),
    /// One request on the side; the answer goes into its slot.
    Start(Box<Job>, Filler),
    /// Requests at the same time.
    Batch(Vec<Result<Job, NetError>>, BatchFiller),
    /// A WebSocket.
    Connect(Box<Dial>, oneshot::Sender<Connected>),
    /// An XMPP session.
    ConnectXmpp(Box<xmpp::Dial>, oneshot::Sender<xmpp::Connected>),
    /// An RTMP connection.
    ConnectRtmp(Box<rtmp::Dial>, oneshot::Sender<rtmp::Connected>),
    /// FLV over HTTP.
    OpenFlv(Box<rtmp::FlvDial>, oneshot::Sender<rtmp::Playing>),
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
    dropped: Cell<bool>,
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

/// The I/O task's end of a slot: a request that is dropped unfinished leaves an error, so that nobody waits for ever.
struct Filler(Rc<Slot>);

impl Drop for Filler {
    fn drop(&mut self) {
        if !self.0.done.get() {
            self.0.fill(Err(ended()));
        }
    }
}

/// The same for a batch.
struct BatchFiller(Rc<BatchSlot>);

impl Drop for BatchFiller {
    fn drop(&mut self) {
        self.0.dropped.set(true);
        wake(&self.0.waker);
    }
}

fn wake(waker: &Cell<Option<Waker>>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

/// One user's link. Bounded: one request in the mailbox, [`USER_REQUESTS_MAX`] on the side.
pub(crate) struct IoLink {
    pub(crate) core: Rc<Core>,
    pub(crate) who: Identity,
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
    /// The I/O task has ended: nobody will answer.
    dead: Cell<bool>,
    last_tags: RefCell<Option<(HttpKey, TagsId)>>,
    /// What the user's WebSockets take; most users have none.
    sockets: OnceCell<Rc<sockets::Taken>>,
    streams: OnceCell<Rc<StreamsOfUser>>,
}

impl IoLink {
    /// Send a request and wait for the answer. Polled on the fiber: a small frame.
    pub(crate) async fn send(&self, job: Box<Job>) -> Answer {
        self.hand_over(Work::Send(job));
        std::future::poll_fn(|cx| {
            if let Some(answer) = self.answer.take() {
                return Poll::Ready(answer);
            }
            if self.dead.get() {
                return Poll::Ready(Err(ended()));
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
        if self.dead.get() {
            return Err(ended());
        }
        let slot = Rc::new(Slot::default());
        self.on_the_side.set(self.on_the_side.get() + 1);
        self.hand_over(Work::Start(job, Filler(slot.clone())));
        Ok(slot)
    }

    /// Send requests at the same time and wait for all; answers in the order of the requests.
    /// A request that cannot be sent as written keeps its place as an error.
    pub(crate) async fn batch(&self, jobs: Vec<Result<Job, NetError>>) -> Vec<Answer> {
        let slot = Rc::new(BatchSlot::default());
        let asked = jobs.len();
        self.hand_over(Work::Batch(jobs, BatchFiller(slot.clone())));
        std::future::poll_fn(|cx| {
            if let Some(answers) = slot.answers.take() {
                return Poll::Ready(answers);
            }
            if slot.dropped.get() || self.dead.get() {
                return Poll::Ready((0..asked).map(|_| Err(ended())).collect());
            }
            slot.waker.set(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await
    }

    /// Connect a WebSocket and wait until it is open.
    pub(crate) async fn connect(&self, dial: Box<Dial>) -> Connected {
        if self.dead.get() {
            return Err(ended().into());
        }
        let (answer, connected) = oneshot::channel();
        self.hand_over(Work::Connect(dial, answer));
        let ended = |_| Err(ConnectError::Net(ended()));
        connected.await.unwrap_or_else(ended)
    }

    /// Connect an XMPP session and wait until it is open.
    pub(crate) async fn connect_xmpp(&self, dial: Box<xmpp::Dial>) -> xmpp::Connected {
        if self.dead.get() {
            return Err(XmppError::Net(ended()).into());
        }
        let (answer, connected) = oneshot::channel();
        self.hand_over(Work::ConnectXmpp(dial, answer));
        connected
            .await
            .unwrap_or_else(|_| Err(XmppError::Net(ended()).into()))
    }

    /// Connect over RTMP and wait until the server has said yes.
    pub(crate) async fn connect_rtmp(&self, dial: Box<rtmp::Dial>) -> rtmp::Connected {
        self.ask(|answer| Work::ConnectRtmp(dial, answer)).await
    }

    /// Play FLV over HTTP and wait for the head of the response.
    pub(crate) async fn open_flv(&self, dial: Box<rtmp::FlvDial>) -> rtmp::Playing {
        self.ask(|answer| Work::OpenFlv(dial, answer)).await
    }

    /// Give work to the I/O task and wait for its answer.
    async fn ask<T, E: From<RtmpError>>(
        &self,
        work: impl FnOnce(oneshot::Sender<Result<T, E>>) -> Work,
    ) -> Result<T, E> {
        if self.dead.get() {
            return Err(RtmpError::Net(ended()).into());
        }
        let (answer, came) = oneshot::channel();
        self.hand_over(work(answer));
        came.await
            .unwrap_or_else(|_| Err(RtmpError::Net(ended()).into()))
    }

    /// What the user publishes and plays.
    pub(crate) fn streams(&self) -> &Rc<StreamsOfUser> {
        let enter = || self.core.streams.enter(self.who.id.0);
        self.streams.get_or_init(enter)
    }

    /// What the user's WebSockets, XMPP sessions and RTMP connections take.
    pub(crate) fn sockets(&self) -> &Rc<sockets::Taken> {
        self.sockets.get_or_init(Rc::default)
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
    fn perform(&self, job: Job) -> impl Future<Output = Answer> {
        // Not an `async fn`: the request would stand in its future twice.
        let Job { request, group } = job;
        self.client
            .send(request, move |seen| self.record(group, seen))
    }
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
            dead: Cell::new(false),
            last_tags: RefCell::new(None),
            sockets: OnceCell::new(),
            streams: OnceCell::new(),
        });
        let task = io_task(link.clone());
        let last = Last(link.clone());
        tokio::task::spawn_local(async move {
            let _last = last;
            task.await;
        });
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

/// Tells the fiber that its I/O task has ended: after a fault of the host it would wait for ever.
struct Last(Rc<IoLink>);

impl Drop for Last {
    fn drop(&mut self) {
        self.0.dead.set(true);
        wake(&self.0.fiber);
        // Whoever waits for what nobody took is told by this.
        drop((self.0.work.take(), self.0.backlog.take()));
    }
}

/// What a fiber gets whose I/O task has ended.
fn ended() -> NetError {
    NetError::Other("the user's I/O task has ended: a fault of the host".to_owned())
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
                let answer = {
                    // Boxed: within the task its 2.6 KB would be every user's for its whole life, also of those who send nothing.
                    let mut request = Box::pin(link.perform(*job));
                    beside(&link, &mut side, request.as_mut()).await
                };
                let Some(answer) = answer else { return };
                link.answer.replace(Some(answer));
                wake(&link.fiber);
            }
            Work::Start(job, slot) => side.push(Box::pin(one_on_the_side(&link, *job, slot))),
            Work::Batch(jobs, slot) => side.push(Box::pin(batch(&link, jobs, slot))),
            Work::Connect(dial, answer) => {
                side.push(Box::pin(sockets::connect(&link, dial, answer)));
            }
            Work::ConnectXmpp(dial, answer) => {
                side.push(Box::pin(xmpp::connect(&link, dial, answer)));
            }
            Work::ConnectRtmp(dial, answer) => {
                side.push(Box::pin(rtmp::connect(&link, dial, answer)));
            }
            Work::OpenFlv(dial, answer) => {
                side.push(Box::pin(rtmp::open_flv(&link, dial, answer)));
            }
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
    mut request: Pin<&mut impl Future<Output = Answer>>,
) -> Option<Answer> {
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

async fn one_on_the_side(link: &IoLink, job: Job, filler: Filler) {
    let slot = &filler.0;
    let mut request = pin!(link.perform(job));
    let answer = std::future::poll_fn(|cx| {
        if slot.cancelled.get() {
            return Poll::Ready(None);
        }
        slot.request.set(Some(cx.waker().clone()));
        request.as_mut().poll(cx).map(Some)
    })
    .await;
    link.on_the_side
        .set(link.on_the_side.get().saturating_sub(1));
    if let Some(answer) = answer {
        slot.fill(answer);
    }
}

/// Send a batch: [`BATCH_MAX`] at a time, [`BATCH_PER_HOST_MAX`] to one host.
async fn batch(link: &IoLink, jobs: Vec<Result<Job, NetError>>, filler: BatchFiller) {
    let slot = &filler.0;
    let mut hosts: FxHashMap<String, Rc<Semaphore>> = FxHashMap::default();
    let requests: Vec<_> = jobs
        .into_iter()
        .map(|job| {
            let places = job.as_ref().ok().map(|job| {
                let host = authority(&job.request.url).to_owned();
                let places = hosts.entry(host);
                places
                    .or_insert_with(|| Rc::new(Semaphore::new(BATCH_PER_HOST_MAX)))
                    .clone()
            });
            async move {
                let job = job?;
                // The semaphore is never closed, so there is always a permit in the end.
                let _place = match &places {
                    Some(places) => places.acquire().await.ok(),
                    None => None,
                };
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
    fn hosts_are_told_apart() {
        assert_eq!(authority("http://a.example:80/x?y"), "a.example:80");
        assert_eq!(authority("http://a.example?y"), "a.example");
    }
}
