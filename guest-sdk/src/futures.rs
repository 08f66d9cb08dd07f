//! Doing several things at a time in one user: join, race, limit the time.
//!
//! Requests, pending ones too, can be given as they are: everything here takes what can be awaited.
//!
//! A user that reads a chat while it writes, or that loads a page's pictures at once, is one task with several branches.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use crate::timing::{Duration, sleep_async};

/// The result of one of two.
///
/// ```
/// use lt_sdk::futures::{Either, race};
///
/// let first = lt_sdk::runtime::block_on(race(async { 1 }, async { "two" }));
/// assert_eq!(first, Either::Left(1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Either<A, B> {
    /// The first one's result.
    Left(A),
    /// The second one's result.
    Right(B),
}

/// The time ran out; see [`timeout`].
///
/// ```
/// assert_eq!(lt_sdk::futures::Elapsed.to_string(), "the time ran out");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed;

impl std::fmt::Display for Elapsed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the time ran out")
    }
}

impl std::error::Error for Elapsed {}

/// Poll a future that may be done already, keeping its result.
fn poll_once<F: Future>(
    future: Pin<&mut F>,
    result: &mut Option<F::Output>,
    context: &mut Context<'_>,
) {
    if result.is_none()
        && let Poll::Ready(output) = future.poll(context)
    {
        *result = Some(output);
    }
}

/// Run two futures at the same time and wait for both. [`join!`](crate::join) takes any number.
///
/// ```
/// let both = lt_sdk::runtime::block_on(lt_sdk::futures::join(async { 1 }, async { "two" }));
/// assert_eq!(both, (1, "two"));
/// ```
pub async fn join<A: IntoFuture, B: IntoFuture>(a: A, b: B) -> (A::Output, B::Output) {
    let (mut a, mut b) = (pin!(a.into_future()), pin!(b.into_future()));
    let (mut of_a, mut of_b) = (None, None);
    poll_fn(|context| {
        poll_once(a.as_mut(), &mut of_a, context);
        poll_once(b.as_mut(), &mut of_b, context);
        match (of_a.take(), of_b.take()) {
            (Some(a), Some(b)) => Poll::Ready((a, b)),
            (a, b) => {
                (of_a, of_b) = (a, b);
                Poll::Pending
            }
        }
    })
    .await
}

/// Run futures at the same time and wait for all; results are in their order.
///
/// ```no_run
/// # use lt_sdk::prelude::*;
/// # async fn pictures() -> Result<()> {
/// let pages = ["http://127.0.0.1:8080/a", "http://127.0.0.1:8080/b"];
/// for response in futures::join_all(pages.map(|url| http::get(url).send_async())).await {
///     check!("picture is there", response?.status() == 200);
/// }
/// # Ok(())
/// # }
/// ```
pub async fn join_all<F: IntoFuture>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut branches: Vec<_> = futures
        .into_iter()
        .map(|future| (Box::pin(future.into_future()), None))
        .collect();
    poll_fn(|context| {
        for (future, result) in &mut branches {
            poll_once(future.as_mut(), result, context);
        }
        if branches.iter().all(|(_, result)| result.is_some()) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    branches
        .into_iter()
        .filter_map(|(_, result)| result)
        .collect()
}

/// Run two futures at the same time until one is done, and drop the other. If both are ready, the first one wins.
/// [`select!`](crate::select) takes any number.
///
/// ```
/// use lt_sdk::futures::{Either, race};
///
/// let first = lt_sdk::runtime::block_on(race(std::future::pending::<()>(), async { 2 }));
/// assert_eq!(first, Either::Right(2));
/// ```
pub async fn race<A: IntoFuture, B: IntoFuture>(a: A, b: B) -> Either<A::Output, B::Output> {
    let (mut a, mut b) = (pin!(a.into_future()), pin!(b.into_future()));
    poll_fn(|context| match a.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Either::Left(output)),
        Poll::Pending => b.as_mut().poll(context).map(Either::Right),
    })
    .await
}

/// Run a future for at most this long, then drop it.
///
/// # Errors
/// [`Elapsed`] if the time ran out first.
///
/// ```no_run
/// # use lt_sdk::prelude::*;
/// # async fn answer() -> Result<()> {
/// let answer = http::get("http://127.0.0.1:8080/slow").send_async();
/// let response = futures::timeout(answer, Duration::from_secs(1)).await??;
/// # Ok(())
/// # }
/// ```
pub async fn timeout<F: IntoFuture>(future: F, limit: Duration) -> Result<F::Output, Elapsed> {
    match race(future, sleep_async(limit)).await {
        Either::Left(output) => Ok(output),
        Either::Right(()) => Err(Elapsed),
    }
}

/// Run two to five futures at the same time and wait for all; [`join_all`](crate::futures::join_all) takes more.
///
/// ```
/// let (a, b, c) = lt_sdk::runtime::block_on(async {
///     lt_sdk::join!(async { 1 }, async { "two" }, async { 3.0 })
/// });
/// assert_eq!((a, b, c), (1, "two", 3.0));
/// ```
#[macro_export]
macro_rules! join {
    ($a:expr, $b:expr $(,)?) => {
        $crate::futures::join($a, $b).await
    };
    ($a:expr, $b:expr, $c:expr $(,)?) => {
        match $crate::futures::join($a, $crate::futures::join($b, $c)).await {
            (a, (b, c)) => (a, b, c),
        }
    };
    ($a:expr, $b:expr, $c:expr, $d:expr $(,)?) => {
        match ($crate::join!(@pair $crate::futures::join($a, $b), $crate::futures::join($c, $d))) {
            ((a, b), (c, d)) => (a, b, c, d),
        }
    };
    ($a:expr, $b:expr, $c:expr, $d:expr, $e:expr $(,)?) => {
        match ($crate::join!(
            @pair $crate::futures::join($a, $b),
            $crate::futures::join($c, $crate::futures::join($d, $e))
        )) {
            ((a, b), (c, (d, e))) => (a, b, c, d, e),
        }
    };
    (@pair $a:expr, $b:expr) => {
        $crate::futures::join($a, $b).await
    };
}

/// Run futures at the same time until one is done, drop the others, and go on with its arm.
/// If several are ready, the first in the list wins. Arms are separated by commas; after a block there need be none.
///
/// ```
/// let answer = lt_sdk::runtime::block_on(async {
///     lt_sdk::select! {
///         () = std::future::pending() => 0,
///         number = async { 42 } => number,
///     }
/// });
/// assert_eq!(answer, 42);
/// ```
#[macro_export]
macro_rules! select {
    // An arm that is a block may do without its comma; of these rules the one for a block comes first, since what was taken for an
    // expression is not looked at again. A block that goes on, as `{ 1 } + 1` does, needs parentheses.
    (@race $pattern:pat = $future:expr => $arm:block $(,)?) => { $future };
    (@race $pattern:pat = $future:expr => $arm:block, $($rest:tt)+) => {
        $crate::futures::race($future, $crate::select!(@race $($rest)+))
    };
    (@race $pattern:pat = $future:expr => $arm:block $($rest:tt)+) => {
        $crate::futures::race($future, $crate::select!(@race $($rest)+))
    };
    (@race $pattern:pat = $future:expr => $arm:expr $(,)?) => { $future };
    (@race $pattern:pat = $future:expr => $arm:expr, $($rest:tt)+) => {
        $crate::futures::race($future, $crate::select!(@race $($rest)+))
    };
    (@arms $result:expr; $pattern:pat = $future:expr => $arm:block $(,)?) => {
        match $result { $pattern => $arm }
    };
    (@arms $result:expr; $pattern:pat = $future:expr => $arm:block, $($rest:tt)+) => {
        $crate::select!(@or $result; $pattern => $arm; $($rest)+)
    };
    (@arms $result:expr; $pattern:pat = $future:expr => $arm:block $($rest:tt)+) => {
        $crate::select!(@or $result; $pattern => $arm; $($rest)+)
    };
    (@arms $result:expr; $pattern:pat = $future:expr => $arm:expr $(,)?) => {
        match $result { $pattern => $arm }
    };
    (@arms $result:expr; $pattern:pat = $future:expr => $arm:expr, $($rest:tt)+) => {
        $crate::select!(@or $result; $pattern => $arm; $($rest)+)
    };
    (@or $result:expr; $pattern:pat => $arm:expr; $($rest:tt)+) => {
        match $result {
            $crate::futures::Either::Left($pattern) => $arm,
            $crate::futures::Either::Right(rest) => $crate::select!(@arms rest; $($rest)+),
        }
    };
    ($pattern:pat = $($rest:tt)+) => {
        $crate::select!(@arms $crate::select!(@race $pattern = $($rest)+).await; $pattern = $($rest)+)
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::block_on;
    use std::future::{pending, ready};

    /// Not ready before the second poll.
    async fn late<T>(value: T) -> T {
        let mut polled = false;
        poll_fn(|context| {
            if std::mem::replace(&mut polled, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        value
    }

    #[test]
    fn joined_futures_keep_their_results_and_order() {
        block_on(async {
            assert_eq!(
                crate::join!(late(1), ready(2), late(3), ready(4), late(5)),
                (1, 2, 3, 4, 5)
            );
            assert_eq!(
                crate::join!(late(1), ready(2), late(3), ready(4)),
                (1, 2, 3, 4)
            );
            let futures: [std::pin::Pin<Box<dyn Future<Output = u8>>>; 3] =
                [Box::pin(late(1)), Box::pin(ready(2)), Box::pin(late(3))];
            assert_eq!(join_all(futures).await, [1, 2, 3]);
            assert!(
                join_all(Vec::<std::future::Ready<u8>>::new())
                    .await
                    .is_empty()
            );
        });
    }

    #[test]
    fn the_first_that_is_ready_wins_and_the_others_are_dropped() {
        struct Dropped<'a>(&'a std::cell::Cell<bool>);
        impl Drop for Dropped<'_> {
            fn drop(&mut self) {
                self.0.set(true);
            }
        }
        let dropped = std::cell::Cell::new(false);
        let loser = async {
            let _guard = Dropped(&dropped);
            pending::<()>().await;
        };
        let won = block_on(async {
            crate::select! {
                () = loser => "loser",
                text = late("late") => text,
                _ = pending::<u8>() => "never",
            }
        });
        assert_eq!(won, "late");
        assert!(dropped.get());
    }

    #[test]
    fn a_block_needs_no_comma_behind_it() {
        async fn maybe<T>(value: Option<T>) -> T {
            match value {
                Some(value) => late(value).await,
                None => pending().await,
            }
        }
        let won = |text: Option<&str>, number: Option<u8>, plain: Option<usize>| {
            block_on(async {
                crate::select! {
                    text = maybe(text) => { text.len() }
                    number = maybe(number) => { usize::from(number) },
                    plain = maybe(plain) => plain + 1,
                    () = late(()) => { 0 }
                }
            })
        };
        assert_eq!(won(Some("late"), None, None), 4);
        assert_eq!(won(None, Some(7), None), 7);
        assert_eq!(won(None, None, Some(8)), 9);
        assert_eq!(won(None, None, None), 0);
    }
}
