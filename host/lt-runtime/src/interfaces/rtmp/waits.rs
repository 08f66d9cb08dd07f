//! What a user waits for on a connection or a stream. Each wait is a future in a box of its own: polled on the fiber, it must not make
//! that fiber's stack deeper.

use std::cell::Cell;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use lt_load::StopFlag;
use lt_net::rtmp::{Call, Close, Event, Frame, FrameKind, Player, Publisher, Unsent, Value};
use lt_spec::limits::{RTMP_SEND_TIMEOUT, RTMP_TIMEOUT};

use crate::bindings::rtmp::ErrorCode;
use crate::interfaces::timing::nanos;
use crate::interfaces::wait::{Waited, wait_for};
use crate::rtmp::{OpenPlayer, OpenPublisher};

/// How long a wait may take, and what ends it before: a wait without a timeout ends when its user is asked to.
pub(super) type Until = (Option<u64>, Option<Rc<StopFlag>>);

fn ended_early(waited: Waited) -> ErrorCode {
    match waited {
        Waited::Stopping => ErrorCode::Stopping,
        Waited::Timeout | Waited::Ready => ErrorCode::Timeout,
    }
}

/// What a publisher and a player have alike.
pub(super) trait Stream {
    fn try_event(&self) -> Option<Event>;
    fn poll_event(&self, cx: &mut Context<'_>) -> Poll<()>;
    fn closed(&self) -> Option<Close>;
    fn begin_stop(&self);
    fn poll_stopped(&self, cx: &mut Context<'_>) -> Poll<Close>;
}

macro_rules! stream {
    ($of:ty) => {
        impl Stream for $of {
            fn try_event(&self) -> Option<Event> {
                self.try_event()
            }

            fn poll_event(&self, cx: &mut Context<'_>) -> Poll<()> {
                self.poll_event(cx)
            }

            fn closed(&self) -> Option<Close> {
                self.closed()
            }

            fn begin_stop(&self) {
                self.begin_stop();
            }

            fn poll_stopped(&self, cx: &mut Context<'_>) -> Poll<Close> {
                self.poll_stopped(cx)
            }
        }
    };
}

stream!(Publisher);
stream!(Player);

/// Wait until the server takes what is published: it keeps to the timeout that it was given.
pub(super) async fn publishing(open: OpenPublisher) -> Result<OpenPublisher, ErrorCode> {
    match std::future::poll_fn(|cx| open.publisher.poll_started(cx)).await {
        Ok(_) => Ok(open),
        Err(error) => {
            open.told.not_started(&error);
            Err(error.into())
        }
    }
}

/// Wait until the server says that it plays.
pub(super) async fn playing(open: OpenPlayer) -> Result<OpenPlayer, ErrorCode> {
    match std::future::poll_fn(|cx| open.player.poll_started(cx)).await {
        Ok(_) => Ok(open),
        Err(error) => {
            open.told.not_started(&error);
            Err(error.into())
        }
    }
}

/// Wait for the next event; behind the last there is the end.
pub(super) async fn next_event<S: Stream>(
    stream: Rc<S>,
    (timeout, stop): Until,
) -> Result<Event, ErrorCode> {
    let waited = wait_for(|cx| stream.poll_event(cx), timeout, stop).await;
    if let Some(event) = stream.try_event() {
        return Ok(event);
    }
    match (waited, stream.closed()) {
        (Waited::Ready, Some(close)) => Err(close.into()),
        (waited, _) => Err(ended_early(waited)),
    }
}

/// End a stream, and wait until it has ended: its pump sees to it that it does.
pub(super) async fn stop<S: Stream>(stream: Rc<S>) -> Close {
    stream.begin_stop();
    std::future::poll_fn(|cx| stream.poll_stopped(cx)).await
}

/// Wait until the asset was sent as often as asked.
pub(super) async fn asset_done(
    publisher: Rc<Publisher>,
    (timeout, stop): Until,
) -> Result<(), ErrorCode> {
    let outcome = Cell::new(None);
    let poll = |cx: &mut Context<'_>| {
        let done = publisher.poll_asset_done(cx);
        done.map(|done| outcome.set(Some(done)))
    };
    let waited = wait_for(poll, timeout, stop).await;
    match outcome.take() {
        Some(done) => done.map_err(ErrorCode::from),
        None => Err(ended_early(waited)),
    }
}

/// A tag as the guest gave it: what it is, its time stamp, and what is in it.
pub(super) type GivenTag = (FrameKind, u32, Box<[u8]>);

/// Give a tag to the host, if it has room now; else here it is again.
pub(super) fn try_send(
    publisher: &Publisher,
    (kind, timestamp, data): GivenTag,
) -> Result<Result<(), ErrorCode>, GivenTag> {
    match publisher.try_send_tag(kind, timestamp, data) {
        Ok(()) => Ok(Ok(())),
        Err(Unsent::Closed(close)) => Ok(Err(close.into())),
        Err(Unsent::TooLarge(bytes)) => Ok(Err(ErrorCode::TooLarge(bytes))),
        Err(Unsent::Full(data)) => Err((kind, timestamp, data)),
    }
}

/// Give a tag to the host, as soon as it has room.
pub(super) async fn send(
    publisher: Rc<Publisher>,
    tag: GivenTag,
    timeout: Option<u64>,
) -> Result<(), ErrorCode> {
    let unsent = Cell::new(Some(tag));
    let outcome = Cell::new(None);
    let poll = |cx: &mut Context<'_>| {
        loop {
            let Some(tag) = unsent.take() else {
                return Poll::Ready(());
            };
            match try_send(&publisher, tag) {
                Ok(sent) => outcome.set(Some(sent)),
                Err(tag) => {
                    unsent.set(Some(tag));
                    ready!(publisher.poll_room(cx));
                }
            }
        }
    };
    let timeout = timeout.unwrap_or(nanos(RTMP_SEND_TIMEOUT));
    let waited = wait_for(poll, Some(timeout), None).await;
    outcome.take().unwrap_or(Err(ended_early(waited)))
}

/// Wait until so much media was received.
pub(super) async fn watch(
    player: Rc<Player>,
    media_time: Duration,
    (timeout, stop): Until,
) -> Result<(), ErrorCode> {
    let poll = |cx: &mut Context<'_>| player.poll_media(media_time, cx);
    let waited = wait_for(poll, timeout, stop).await;
    if player.statistics().media_time >= media_time {
        return Ok(());
    }
    match (waited, player.closed()) {
        (Waited::Ready, Some(close)) => Err(close.into()),
        (waited, _) => Err(ended_early(waited)),
    }
}

/// Wait for the next frame.
pub(super) async fn receive(
    player: Rc<Player>,
    (timeout, stop): Until,
) -> Result<Frame, ErrorCode> {
    let waited = wait_for(|cx| player.poll_receive(cx), timeout, stop).await;
    if let Some(frame) = player.try_receive() {
        return Ok(frame);
    }
    match (waited, player.closed()) {
        (Waited::Ready, Some(close)) => Err(close.into()),
        (waited, _) => Err(ended_early(waited)),
    }
}

/// A question to the server that somebody waits for the answer of; who ends before forgets it.
struct Asked<'a>(&'a Player);

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.0.forget_answer();
    }
}

/// Wait for the server's word on what was asked of it.
pub(super) async fn answer(player: Rc<Player>, timeout: Option<u64>) -> Result<(), ErrorCode> {
    let _asked = Asked(&player);
    let outcome = Cell::new(None);
    let poll = |cx: &mut Context<'_>| {
        let answer = player.poll_answer(cx);
        answer.map(|answer| outcome.set(Some(answer)))
    };
    let timeout = timeout.unwrap_or(nanos(RTMP_TIMEOUT));
    let waited = wait_for(poll, Some(timeout), None).await;
    match outcome.take() {
        Some(answer) => answer.map_err(ErrorCode::from),
        None => Err(ended_early(waited)),
    }
}

/// A command that somebody waits for the answer of; who ends before forgets it.
struct Called(Rc<Call>);

impl Drop for Called {
    fn drop(&mut self) {
        self.0.forget();
    }
}

/// Wait for the answer to a command.
pub(super) async fn called(call: Rc<Call>, timeout: Option<u64>) -> Result<Vec<Value>, ErrorCode> {
    let called = Called(call);
    let outcome = Cell::new(None);
    let poll = |cx: &mut Context<'_>| called.0.poll(cx).map(|answer| outcome.set(Some(answer)));
    let timeout = timeout.unwrap_or(nanos(RTMP_TIMEOUT));
    let waited = wait_for(poll, Some(timeout), None).await;
    match outcome.take() {
        Some(answer) => answer.map_err(ErrorCode::from),
        None => Err(ended_early(waited)),
    }
}
