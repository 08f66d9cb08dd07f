//! Waits that end early: by a timeout, or because the user is asked to end.

use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use lt_load::StopFlag;
use tokio::time::sleep;

use crate::interfaces::timing::SLEEP_MAX;

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    Ready,
    Timeout,
    Stopping,
}

/// Wait until `poll` is ready, the time is over, or the user is asked to end; what is ready at once counts as ready, whatever
/// else is true.
pub(crate) async fn wait_for(
    poll: impl FnMut(&mut Context<'_>) -> Poll<()>,
    timeout: Option<u64>,
    stop: Option<Rc<StopFlag>>,
) -> Waited {
    tokio::select! {
        biased;
        () = std::future::poll_fn(poll) => Waited::Ready,
        () = stopping(stop) => Waited::Stopping,
        () = over(timeout) => Waited::Timeout,
    }
}

/// Resolves when the user is asked to end.
pub(crate) async fn stopping(stop: Option<Rc<StopFlag>>) {
    match stop {
        Some(stop) => stop.stopping().await,
        None => std::future::pending().await,
    }
}

async fn over(timeout: Option<u64>) {
    match timeout {
        // Who does not want to wait does not wait for the timer's next tick either.
        Some(0) => {}
        Some(nanos) => sleep(Duration::from_nanos(nanos).min(SLEEP_MAX)).await,
        None => std::future::pending().await,
    }
}
