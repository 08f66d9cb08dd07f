//! What a user waits for on a session. Each wait is a future in a box of its own: polled on the fiber, it must not make that fiber's
//! stack deeper.

use std::cell::Cell;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use lt_load::StopFlag;
use lt_net::xmpp::{
    Acknowledging, Close, Filters, Item, Outgoing, Request, Session, Stanza, Unsent,
};
use lt_spec::limits::XMPP_TIMEOUT;
use tokio::time::Instant;

use crate::bindings::xmpp::ErrorCode;
use crate::interfaces::timing::{duration, nanos};
use crate::interfaces::wait::{Waited, wait_for};

/// A guest's timeout, or the default.
pub(super) fn or_default(timeout: Option<u64>) -> Duration {
    timeout.map_or(XMPP_TIMEOUT, duration)
}

fn ended_early(waited: Waited) -> ErrorCode {
    match waited {
        Waited::Stopping => ErrorCode::Stopping,
        Waited::Timeout | Waited::Ready => ErrorCode::Timeout,
    }
}

/// Wait for the next stanza that the filters fit; without filters for any.
pub(super) async fn receive(
    session: Rc<Session>,
    filters: Option<Rc<Filters>>,
    timeout: Option<u64>,
    stop: Option<Rc<StopFlag>>,
) -> Result<Stanza, ErrorCode> {
    let filters = filters.as_deref();
    let found = Cell::new(None);
    let seen = Cell::new(0);
    let poll = |cx: &mut Context<'_>| {
        loop {
            let arrivals = ready!(session.poll_arrival(seen.get(), cx));
            let new = arrivals.saturating_sub(seen.replace(arrivals));
            let new = usize::try_from(new).unwrap_or(usize::MAX);
            let stanza = session.try_receive_newest(new, filters);
            let done = stanza.is_some() || session.closed().is_some();
            found.set(stanza);
            if done {
                return Poll::Ready(());
            }
        }
    };
    let waited = wait_for(poll, timeout, stop).await;
    match (found.take(), waited, session.closed()) {
        (Some(stanza), _, _) => Ok(stanza),
        (None, Waited::Ready, Some(close)) => Err(close.into()),
        (None, waited, _) => Err(ended_early(waited)),
    }
}

/// Give something to the host, if it has room now; else here it is again.
pub(super) fn try_send(session: &Session, item: Item) -> Result<Result<(), ErrorCode>, Item> {
    match session.try_send(item) {
        Ok(()) => Ok(Ok(())),
        Err(Unsent::Closed(close)) => Ok(Err(close.into())),
        Err(Unsent::Full(item)) => Err(item),
    }
}

/// Do something as soon as the host has room: `attempt` gives back what it could not place.
async fn when_room<T, R>(
    session: &Session,
    item: T,
    timeout: Duration,
    attempt: impl Fn(T) -> Result<R, T>,
) -> Option<R> {
    let unplaced = Cell::new(Some(item));
    let outcome = Cell::new(None);
    let poll = |cx: &mut Context<'_>| {
        loop {
            let Some(item) = unplaced.take() else {
                return Poll::Ready(());
            };
            match attempt(item) {
                Ok(placed) => outcome.set(Some(placed)),
                Err(item) => {
                    unplaced.set(Some(item));
                    ready!(session.poll_room(cx));
                }
            }
        }
    };
    let _waited = wait_for(poll, Some(nanos(timeout)), None).await;
    outcome.take()
}

/// Give something to the host, as soon as it has room.
pub(super) async fn send(
    session: Rc<Session>,
    item: Item,
    timeout: Option<u64>,
) -> Result<(), ErrorCode> {
    let attempt = |item| try_send(&session, item);
    let sent = when_room(&session, item, or_default(timeout), attempt).await;
    sent.unwrap_or(Err(ErrorCode::Timeout))
}

/// Send a request, if the host has room now.
pub(super) fn try_request(
    session: &Session,
    xml: Box<str>,
    outgoing: &Outgoing,
    timeout: Duration,
) -> Result<Result<Rc<Request>, Close>, Box<str>> {
    match session.try_request(xml, outgoing, timeout) {
        Ok(request) => Ok(Ok(request)),
        Err(Unsent::Closed(close)) => Ok(Err(close)),
        Err(Unsent::Full(Item::Stanza { xml, .. })) => Err(xml),
        // What a request gives back is what it was given.
        Err(Unsent::Full(Item::Raw(_))) => Err(Box::default()),
    }
}

/// Send a request, and wait for its answer.
pub(super) async fn request(
    session: Rc<Session>,
    (xml, outgoing): (Box<str>, Outgoing),
    timeout: Duration,
) -> Result<Stanza, ErrorCode> {
    let begun = Instant::now();
    let attempt = |xml| {
        let left = timeout.saturating_sub(begun.elapsed());
        try_request(&session, xml, &outgoing, left)
    };
    match when_room(&session, xml, timeout, attempt).await {
        Some(Ok(request)) => Ok(answer(&request).await?),
        Some(Err(close)) => Err(close.into()),
        None => Err(ErrorCode::Timeout),
    }
}

/// Wait for a request's answer: the session keeps to its timeout.
async fn answer(request: &Request) -> Result<Stanza, lt_net::xmpp::XmppError> {
    std::future::poll_fn(|cx| request.poll(cx)).await
}

/// Wait until the server has said what it has handled.
pub(super) async fn acknowledge(
    asked: Rc<Acknowledging>,
    timeout: Duration,
) -> Result<u32, ErrorCode> {
    let outcome = Cell::new(None);
    let poll = |cx: &mut Context<'_>| asked.poll(cx).map(|answer| outcome.set(Some(answer)));
    let waited = wait_for(poll, Some(nanos(timeout)), None).await;
    match outcome.take() {
        Some(answer) => Ok(answer?),
        None => Err(ended_early(waited)),
    }
}
