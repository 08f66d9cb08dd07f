//! Waiting in `async` code for a place that was queued for.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Error, Result, Seat, Turn};
use crate::runtime::Wait;

/// A [`Turn`] or a [`Seat`] that is awaited. Dropping it gives the place up.
///
/// ```no_run
/// # async fn iterate(logins: &lt_sdk::coordination::Throttle) -> lt_sdk::Result<()> {
/// let turn: lt_sdk::coordination::Waiting<_> = logins.queue()?.into_future();
/// turn.await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "nobody waits until this is awaited"]
pub struct Waiting<Q> {
    /// The waiting stands before what it waits for, so that it is dropped first: the contract lets nothing end while something
    /// subscribed to it lives.
    state: Option<(Wait, Q)>,
}

macro_rules! awaited {
    ($queued:ty, $output:ty) => {
        impl Future for Waiting<$queued> {
            type Output = Result<$output>;

            fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
                let Some((mut wait, queued)) = self.state.take() else {
                    return Poll::Ready(Err(Error::AlreadyFinished));
                };
                if Pin::new(&mut wait).poll(context).is_pending() {
                    self.state = Some((wait, queued));
                    return Poll::Pending;
                }
                drop(wait);
                Poll::Ready(queued.finish())
            }
        }

        impl IntoFuture for $queued {
            type Output = Result<$output>;
            type IntoFuture = Waiting<$queued>;

            fn into_future(self) -> Waiting<$queued> {
                Waiting {
                    state: Some((Wait::on(self.subscribe()), self)),
                }
            }
        }
    };
}

awaited!(Turn, ());
awaited!(Seat, super::Group);
