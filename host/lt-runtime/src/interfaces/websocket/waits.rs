//! What a user waits for on a socket. Each wait is a future in a box of its own: polled on the fiber, it must not make that
//! fiber's stack deeper.

use std::cell::Cell;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use lt_load::StopFlag;
use lt_net::websocket::pattern::Pattern;
use lt_net::websocket::{Content, Message, Socket, Unsent};
use lt_spec::limits::WS_TIMEOUT;

use crate::bindings::websocket::ErrorCode;
use crate::interfaces::timing::nanos;
use crate::interfaces::wait::{Waited, wait_for};

/// A guest's timeout, or the default.
fn or_default(timeout: Option<u64>) -> Option<u64> {
    timeout.or(Some(nanos(WS_TIMEOUT)))
}

fn ended_early(waited: Waited) -> ErrorCode {
    match waited {
        Waited::Stopping => ErrorCode::Stopping,
        Waited::Timeout | Waited::Ready => ErrorCode::Timeout,
    }
}

/// Wait for the next message.
pub(super) async fn receive(
    socket: Rc<Socket>,
    timeout: Option<u64>,
    stop: Option<Rc<StopFlag>>,
) -> Result<Message, ErrorCode> {
    let poll = |cx: &mut Context<'_>| socket.poll_receive(cx);
    let waited = wait_for(poll, timeout, stop).await;
    if let Some(message) = socket.try_receive() {
        return Ok(message);
    }
    match (waited, socket.closed()) {
        (Waited::Ready, Some(close)) => Err(close.into()),
        (waited, _) => Err(ended_early(waited)),
    }
}

/// Wait for the next message that matches.
pub(super) async fn receive_matching(
    socket: Rc<Socket>,
    pattern: Rc<Pattern>,
    timeout: Option<u64>,
    stop: Option<Rc<StopFlag>>,
) -> Result<Message, ErrorCode> {
    let found = Cell::new(None);
    let seen = Cell::new(0);
    let poll = |cx: &mut Context<'_>| {
        loop {
            let arrivals = ready!(socket.poll_arrival(seen.get(), cx));
            let new = arrivals - seen.replace(arrivals);
            let new = usize::try_from(new).unwrap_or(usize::MAX);
            let message = socket.try_receive_matching(new, &|content| pattern.matches(content));
            let done = message.is_some() || socket.closed().is_some();
            found.set(message);
            if done {
                return Poll::Ready(());
            }
        }
    };
    let waited = wait_for(poll, timeout, stop).await;
    match (found.take(), waited, socket.closed()) {
        (Some(message), _, _) => Ok(message),
        (None, Waited::Ready, Some(close)) => Err(close.into()),
        (None, waited, _) => Err(ended_early(waited)),
    }
}

/// Give a message to the host, if it has room now; else here it is again.
pub(super) fn try_send(
    socket: &Socket,
    content: Content,
) -> Result<Result<(), ErrorCode>, Content> {
    match socket.try_send(content) {
        Ok(()) => Ok(Ok(())),
        Err(Unsent::Closed(close)) => Ok(Err(close.into())),
        Err(Unsent::Full(content)) => Err(content),
    }
}

/// Give a message to the host, as soon as it has room.
pub(super) async fn send(
    socket: Rc<Socket>,
    content: Content,
    timeout: Option<u64>,
) -> Result<(), ErrorCode> {
    let unsent = Cell::new(Some(content));
    let outcome = Cell::new(None);
    let poll = |cx: &mut Context<'_>| {
        loop {
            let Some(content) = unsent.take() else {
                return Poll::Ready(());
            };
            match try_send(&socket, content) {
                Ok(sent) => outcome.set(Some(sent)),
                Err(content) => {
                    unsent.set(Some(content));
                    ready!(socket.poll_room(cx));
                }
            }
        }
    };
    let waited = wait_for(poll, or_default(timeout), None).await;
    outcome.take().unwrap_or(Err(ended_early(waited)))
}

/// Send a timed ping and wait for its pong.
pub(super) async fn ping(socket: Rc<Socket>, timeout: Option<u64>) -> Result<Duration, ErrorCode> {
    let number = socket.ping()?;
    let outcome = Cell::new(None);
    let poll = |cx: &mut Context<'_>| {
        socket
            .poll_pong(number, cx)
            .map(|pong| outcome.set(Some(pong)))
    };
    let waited = wait_for(poll, or_default(timeout), None).await;
    match outcome.take() {
        Some(pong) => Ok(pong?),
        None => {
            socket.forget_ping(number);
            Err(ended_early(waited))
        }
    }
}
