//! `lt:scenario/coordination`: what users do together. Waits end when the user is asked to end.

pub(crate) mod mailbox;
pub(crate) mod meeting;
pub(crate) mod throttle;

use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use lt_coordination::CoordinationError;
use lt_load::StopFlag;
use tokio::time::sleep;

use crate::bindings::coordination::ErrorCode;
use crate::interfaces::View;
use crate::interfaces::timing::SLEEP_MAX;
use crate::limits::HANDLES_MAX;

impl From<CoordinationError> for ErrorCode {
    fn from(error: CoordinationError) -> Self {
        match error {
            CoordinationError::InvalidValue(text) => Self::InvalidValue(text),
            CoordinationError::InvalidName(text) => Self::InvalidName(text),
            CoordinationError::Conflict(text) => Self::Conflict(text),
            CoordinationError::Impossible(text) => Self::Impossible(text),
            CoordinationError::Reset => Self::Reset,
            CoordinationError::NoRecipient => Self::NoRecipient,
            CoordinationError::MailboxFull => Self::MailboxFull,
            CoordinationError::TooLarge(bytes) => Self::TooLarge(bytes),
            CoordinationError::TooMany(text) => Self::TooMany(text),
            CoordinationError::AlreadyFinished => Self::AlreadyFinished,
            CoordinationError::Other(text) => Self::Other(text),
        }
    }
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waited {
    Ready,
    Timeout,
    Stopping,
}

/// Wait until `poll` is ready, the time is over, or the user is asked to end; what is ready at once counts as ready, whatever
/// else is true.
pub(super) async fn wait_for(
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
pub(super) async fn stopping(stop: Option<Rc<StopFlag>>) {
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

impl View<'_> {
    /// Whether nobody should begin a wait any more.
    fn is_stopping(&self) -> bool {
        self.0.stop_flag().is_some_and(|stop| stop.should_stop())
    }
}

/// The user holds as many handles as it may.
pub(super) fn handles_used_up() -> ErrorCode {
    ErrorCode::TooMany(format!("a user may hold {HANDLES_MAX} handles; drop some"))
}
