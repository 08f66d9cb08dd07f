//! Waiting in `async` code for a place that was queued for.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Error, Result, Seat, Turn};
use crate::runtime::Held;

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
pub struct Waiting<Q>(Held<Q>);

macro_rules! awaited {
    ($queued:ty, $output:ty) => {
        impl Future for Waiting<$queued> {
            type Output = Result<$output>;

            fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
                self.0.poll(context).map(|queued| match queued {
                    Some(queued) => queued.finish(),
                    None => Err(Error::AlreadyFinished),
                })
            }
        }

        impl IntoFuture for $queued {
            type Output = Result<$output>;
            type IntoFuture = Waiting<$queued>;

            fn into_future(self) -> Waiting<$queued> {
                Waiting(Held::new(self.subscribe(), self))
            }
        }
    };
}

awaited!(Turn, ());
awaited!(Seat, super::Group);
