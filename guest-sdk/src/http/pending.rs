//! Requests under way.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Request, Response, Result};
use crate::bindings::lt::scenario::http as host;
use crate::runtime::{Pollable, Wait};

/// A request under way. Dropping it cancels the request. In `async` code it can be awaited.
///
/// ```no_run
/// # use lt_sdk::prelude::*;
/// # fn iterate() -> Result<()> {
/// let pending = http::get("http://127.0.0.1:8080/slow").start()?;
/// timing::sleep(Duration::from_millis(100));
/// if pending.is_ready() {
///     let response = pending.finish()?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "dropping it cancels the request"]
pub struct Pending(host::Pending);

impl Pending {
    pub(super) fn from_host(pending: host::Pending) -> Self {
        Self(pending)
    }

    /// Whether the response is there, or known not to come.
    ///
    /// ```no_run
    /// # fn look(pending: &lt_sdk::http::Pending) -> bool {
    /// pending.is_ready()
    /// # }
    /// ```
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.subscribe().is_ready()
    }

    /// Something to wait on, together with others.
    ///
    /// ```no_run
    /// # async fn wait(pending: &lt_sdk::http::Pending) {
    /// lt_sdk::runtime::Wait::on(pending.subscribe()).await;
    /// # }
    /// ```
    #[must_use]
    pub fn subscribe(&self) -> Pollable {
        Pollable::from_host(self.0.subscribe())
    }

    /// Wait for the response.
    ///
    /// # Errors
    /// If there is none.
    ///
    /// ```no_run
    /// # fn wait(pending: lt_sdk::http::Pending) -> lt_sdk::Result<()> {
    /// let response = pending.finish()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn finish(self) -> Result<Response> {
        Ok(Response::from_host(self.0.finish()?))
    }
}

impl IntoFuture for Pending {
    type Output = Result<Response>;
    type IntoFuture = Exchange;

    fn into_future(self) -> Exchange {
        Exchange(State::waiting(self))
    }
}

/// A request being sent in `async` code. Dropping it cancels the request.
///
/// ```no_run
/// # async fn iterate() -> lt_sdk::Result<()> {
/// let exchange: lt_sdk::http::Exchange = lt_sdk::http::get("http://127.0.0.1:8080/").send_async();
/// let response = exchange.await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is sent until this is awaited"]
pub struct Exchange(State);

/// How far an exchange is. The waiting part stands before the request that it waits for, so that it is dropped first:
/// the contract lets no request end while something subscribed to it lives.
enum State {
    Unsent(Box<Request>),
    Waiting(Wait, Pending),
    Done,
}

impl State {
    fn waiting(pending: Pending) -> Self {
        Self::Waiting(Wait::on(pending.subscribe()), pending)
    }
}

impl Exchange {
    pub(super) fn new(request: Request) -> Self {
        Self(State::Unsent(Box::new(request)))
    }
}

impl Future for Exchange {
    type Output = Result<Response>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match std::mem::replace(&mut self.0, State::Done) {
                State::Unsent(request) => self.0 = State::waiting(request.start()?),
                State::Waiting(mut wait, pending) => {
                    if Pin::new(&mut wait).poll(context).is_pending() {
                        self.0 = State::Waiting(wait, pending);
                        return Poll::Pending;
                    }
                    drop(wait);
                    return Poll::Ready(pending.finish());
                }
                State::Done => return Poll::Ready(Err(host::ErrorCode::AlreadyFinished.into())),
            }
        }
    }
}

/// Send requests at the same time, at most 20 at once and 6 to one host, and wait for all.
/// Results are in the order of the requests.
///
/// ```no_run
/// # use lt_sdk::prelude::*;
/// # fn iterate() -> Result<()> {
/// let pictures = ["a", "b", "c"].map(|name| http::get(format!("http://127.0.0.1:8080/{name}.png")).discard_body());
/// for response in http::batch(pictures) {
///     check!("picture is there", response?.status() == 200);
/// }
/// # Ok(())
/// # }
/// ```
pub fn batch(requests: impl IntoIterator<Item = Request>) -> Vec<Result<Response>> {
    // A request that could not be built is answered here; the others keep their order around it.
    let mut faults = Vec::new();
    let mut sent = Vec::new();
    for (index, request) in requests.into_iter().enumerate() {
        match request.finish() {
            Ok(request) => sent.push(request),
            Err(fault) => faults.push((index, fault)),
        }
    }
    let mut results: Vec<_> = match sent.as_slice() {
        [] => Vec::new(),
        sent => host::batch(sent)
            .into_iter()
            .map(|result| Ok(Response::from_host(result?)))
            .collect(),
    };
    for (index, fault) in faults {
        results.insert(index.min(results.len()), Err(fault));
    }
    results
}
