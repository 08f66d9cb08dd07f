//! Waiting in `async` code for what comes into an inbox: of a WebSocket, of an XMPP session, of an RTMP stream.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::runtime::{Pollable, Wait};
use crate::timing::{Duration, sleep_async};
use crate::user;

/// How often a wait in `async` code looks whether the user is asked to end: nothing else tells it.
const LOOK_STOPPING: Duration = Duration::from_secs(1);

/// How often a wait in `async` code for something certain looks again while others are in the inbox: the host does not say that another
/// came. Times are not affected: they are taken when it comes.
const LOOK_SELECTIVE: Duration = Duration::from_millis(10);

/// An inbox in the host, and what is wanted of it.
pub(crate) trait Inbox {
    /// What comes.
    type Item;
    /// Why nothing does.
    type Error;

    /// What is there without waiting.
    fn look(&self) -> Result<Option<Self::Item>, Self::Error>;
    /// Whether something is there that is not wanted now.
    fn has_others(&self) -> bool;
    /// Ready when there is something, wanted or not, or nothing will come any more.
    fn subscribe(&self) -> Pollable;
    /// That the user is asked to end.
    fn stopping() -> Self::Error;
}

/// What is awaited of an inbox, as a future. Dropping it leaves what is there where it is.
pub(crate) struct Awaited<I> {
    /// How far it is: for something to come, where the host can tell, and for the time to look again in any case.
    waits: Option<(Option<Wait>, Wait)>,
    inbox: I,
}

impl<I> Awaited<I> {
    /// Not begun.
    pub(crate) const fn new(inbox: I) -> Self {
        Self { waits: None, inbox }
    }
}

impl<I: Inbox + Unpin> Future for Awaited<I> {
    type Output = Result<I::Item, I::Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            if let Some((arrival, look_again)) = &mut self.waits {
                let mut poll = |wait: &mut Wait| Pin::new(wait).poll(context).is_ready();
                let came = arrival.as_mut().is_some_and(&mut poll);
                if !poll(look_again) && !came {
                    return Poll::Pending;
                }
                self.waits = None;
            }
            match self.inbox.look() {
                Ok(None) if user::should_stop() => return Poll::Ready(Err(I::stopping())),
                Ok(None) => self.waits = Some(waits(&self.inbox)),
                Ok(Some(item)) => return Poll::Ready(Ok(item)),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

/// What to wait for, now that what is wanted is not there.
fn waits(inbox: &impl Inbox) -> (Option<Wait>, Wait) {
    // With others in the inbox the host would say at once that there is something.
    if inbox.has_others() {
        return (None, sleep_async(LOOK_SELECTIVE));
    }
    (
        Some(Wait::on(inbox.subscribe())),
        sleep_async(LOOK_STOPPING),
    )
}
