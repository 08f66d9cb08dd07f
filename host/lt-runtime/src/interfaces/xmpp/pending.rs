//! Requests that go on while the user does something else.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use lt_net::xmpp::{Request, Stanza, XmppError};
use lt_spec::limits::XMPP_REQUESTS_MAX;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};

use super::session::SessionHandle;
use super::{handles_used_up, session, waits};
use crate::bindings::xmpp as wit;
use crate::bindings::xmpp::{ErrorCode, HostPending};
use crate::interfaces::View;
use crate::pinned::{Pinned, PinnedFuture};
use crate::trace::{traced, traced_async};

/// A request that the guest holds. Dropping it forgets it.
#[expect(
    unreachable_pub,
    reason = "the generated bindings re-export it inside this crate"
)]
pub struct PendingHandle(Pinned<Held>);

/// It, and where its place is counted.
struct Held {
    pending: Rc<Pending>,
    places: Rc<Cell<usize>>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.pending.finish();
        self.places.set(self.places.get().saturating_sub(1));
    }
}

/// A request, and its answer once somebody has looked.
struct Pending {
    /// `None` once it is finished.
    request: RefCell<Option<Rc<Request>>>,
    answer: RefCell<Option<Result<Stanza, XmppError>>>,
    /// Whoever waits, for when the guest drops the request meanwhile.
    waiting: Cell<Option<Waker>>,
}

impl Pending {
    /// Ready when the answer can be taken, or was.
    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let request = self.request.borrow().clone();
        let Some(request) = request.filter(|_| self.answer.borrow().is_none()) else {
            return Poll::Ready(());
        };
        match request.poll(cx) {
            Poll::Ready(answer) => {
                self.answer.replace(Some(answer));
                Poll::Ready(())
            }
            Poll::Pending => {
                self.waiting.set(Some(cx.waker().clone()));
                Poll::Pending
            }
        }
    }

    /// The answer, once; nobody waits for it any more.
    fn finish(&self) -> Option<Result<Stanza, XmppError>> {
        let request = self.request.take();
        let answer = self.answer.take();
        if let Some(request) = request.filter(|_| answer.is_none()) {
            request.forget();
        }
        if let Some(waiting) = self.waiting.take() {
            waiting.wake();
        }
        answer
    }
}

/// Ready when a request is answered. Owns it, so that a guest may drop both in any order.
struct Answered(Pinned<Rc<Pending>>);

#[wasmtime_wasi::async_trait]
impl Pollable for Answered {
    async fn ready(&mut self) {
        let pending = self.0.get().clone();
        PinnedFuture::new(async move { std::future::poll_fn(|cx| pending.poll(cx)).await }).await;
    }
}

impl View<'_> {
    /// Send a request and go on.
    pub(super) fn begin_request(
        &mut self,
        handle: &Resource<SessionHandle>,
        xml: String,
        timeout: Option<u64>,
    ) -> wasmtime::Result<Result<Resource<PendingHandle>, ErrorCode>> {
        let (xml, outgoing) = match session::check_request(xml) {
            Ok(checked) => checked,
            Err(error) => return Ok(Err(error)),
        };
        let open = self.open_session(handle)?;
        if open.requests.get() >= XMPP_REQUESTS_MAX {
            let text = format!("a session may have {XMPP_REQUESTS_MAX} requests under way");
            return Ok(Err(ErrorCode::TooMany(text)));
        }
        let timeout = waits::or_default(timeout);
        let request = match waits::try_request(&open.session, xml, &outgoing, timeout) {
            Ok(Ok(request)) => request,
            Ok(Err(close)) => return Ok(Err(close.into())),
            Err(_) => {
                let text = "more is not with the kernel yet than may be: send, which waits, or wait for an answer";
                return Ok(Err(ErrorCode::TooMany(text.to_owned())));
            }
        };
        let places = open.requests.clone();
        places.set(places.get() + 1);
        let pending = Rc::new(Pending {
            request: RefCell::new(Some(request)),
            answer: RefCell::default(),
            waiting: Cell::default(),
        });
        let held = PendingHandle(Pinned::new(Held { pending, places }));
        Ok(self.0.table.push(held).map_err(|_| handles_used_up()))
    }
}

impl HostPending for View<'_> {
    fn subscribe(
        &mut self,
        this: Resource<PendingHandle>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        traced!(self, "xmpp.pending.subscribe", (this), {
            let pending = self.0.table.get(&this)?.0.get().pending.clone();
            let answered = self.0.table.push(Answered(Pinned::new(pending)))?;
            subscribe(&mut self.0.table, answered)
        })
    }

    async fn finish(
        &mut self,
        this: Resource<PendingHandle>,
    ) -> wasmtime::Result<Result<wit::Stanza, ErrorCode>> {
        traced_async!(self, "xmpp.pending.finish", (this), {
            let waiting = {
                let pending = self.0.table.get(&this)?.0.get().pending.clone();
                PinnedFuture::new(Box::pin(async move {
                    std::future::poll_fn(|cx| pending.poll(cx)).await;
                    match pending.finish() {
                        Some(answer) => answer.map_err(ErrorCode::from).map(wit::Stanza::from),
                        None => Err(ErrorCode::AlreadyFinished),
                    }
                }))
            };
            Ok(waiting.await)
        })
    }

    fn drop(&mut self, this: Resource<PendingHandle>) -> wasmtime::Result<()> {
        self.0.table.delete(this)?;
        Ok(())
    }
}
