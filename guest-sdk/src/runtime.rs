//! A small executor for `async` scenarios, over the host's pollables.
//!
//! The contract is sync-typed: an export returns when it is done. An `async fn` under the scenario attribute is therefore
//! driven by [`block_on`], which asks the host to wait for whatever the code waits for. There is one task at a time; what
//! runs at the same time runs inside it, by [`futures`](crate::futures) or [`join!`](crate::join) and [`select!`](crate::select).

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use crate::bindings::wasi::io::poll as host;

thread_local! {
    /// What the present task waits for. An instance has one thread, so this is a plain static in a guest.
    static WAITING: RefCell<Vec<Rc<Source>>> = const { RefCell::new(Vec::new()) };
}

/// Something that the host can wait for: a timer, an answer.
///
/// ```no_run
/// # fn wait(pending: &lt_sdk::http::Pending) {
/// let pollable = pending.subscribe();
/// if !pollable.is_ready() {
///     pollable.block();
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Pollable(host::Pollable);

impl Pollable {
    pub(crate) fn from_host(pollable: host::Pollable) -> Self {
        Self(pollable)
    }

    /// Whether it is ready; never waits.
    ///
    /// ```no_run
    /// # fn ready(pollable: &lt_sdk::runtime::Pollable) -> bool {
    /// pollable.is_ready()
    /// # }
    /// ```
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.ready()
    }

    /// Wait until it is ready.
    ///
    /// ```no_run
    /// # fn wait(pollable: &lt_sdk::runtime::Pollable) {
    /// pollable.block();
    /// # }
    /// ```
    pub fn block(&self) {
        self.0.block();
    }
}

/// One pollable that the present task waits for, shared by its [`Wait`] and the executor.
struct Source {
    pollable: host::Pollable,
    ready: Cell<bool>,
}

/// A future that is ready when a [`Pollable`] is. Dropping it ends the waiting.
///
/// ```no_run
/// # async fn wait(pending: &lt_sdk::http::Pending) {
/// lt_sdk::runtime::Wait::on(pending.subscribe()).await;
/// # }
/// ```
#[must_use = "nothing waits until this is awaited"]
pub struct Wait {
    source: Rc<Source>,
    listed: bool,
}

impl Wait {
    /// Wait on this pollable.
    ///
    /// ```no_run
    /// # async fn wait(pollable: lt_sdk::runtime::Pollable) {
    /// lt_sdk::runtime::Wait::on(pollable).await;
    /// # }
    /// ```
    pub fn on(pollable: Pollable) -> Self {
        Self {
            source: Rc::new(Source {
                pollable: pollable.0,
                ready: Cell::new(false),
            }),
            listed: false,
        }
    }

    /// Stop waiting: leave the executor's list.
    fn unlist(&mut self) {
        if self.listed {
            self.listed = false;
            WAITING.with_borrow_mut(|waiting| {
                waiting.retain(|other| !Rc::ptr_eq(other, &self.source))
            });
        }
    }
}

impl Future for Wait {
    type Output = ();

    /// The first poll lists the pollable without asking the host whether it is ready:
    /// the executor's own wait answers that, for all that are listed, in one call.
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.source.ready.get() {
            self.unlist();
            return Poll::Ready(());
        }
        if !self.listed {
            self.listed = true;
            let source = Rc::clone(&self.source);
            WAITING.with_borrow_mut(|waiting| waiting.push(source));
        }
        Poll::Pending
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.unlist();
    }
}

/// Something that is being waited for, and the waiting. That stands before it, so that it is dropped first: the contract lets nothing end
/// while something subscribed to it lives.
pub(crate) struct Held<T>(Option<(Wait, T)>);

impl<T: Unpin> Held<T> {
    /// Wait on this pollable, which is one of `awaited`.
    pub(crate) fn new(pollable: Pollable, awaited: T) -> Self {
        Self(Some((Wait::on(pollable), awaited)))
    }

    /// What was waited for, once it is ready; `None` after that.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<T>> {
        if let Some((wait, _)) = &mut self.0
            && Pin::new(wait).poll(context).is_pending()
        {
            return Poll::Pending;
        }
        Poll::Ready(self.0.take().map(|(_, awaited)| awaited))
    }
}

/// Set by wakers of futures that wait for each other instead of for the host.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Run a future to its end, waiting in the host whenever it can go no further.
///
/// `async` functions under the scenario attribute run in it already; in a blocking one it lends a few lines of `async`:
///
/// ```
/// let sum = lt_sdk::runtime::block_on(async { 1 + 1 });
/// assert_eq!(sum, 2);
/// ```
///
/// # Panics
/// If the future waits for nothing: no pollable, and nobody left who could wake it.
pub fn block_on<F: IntoFuture>(future: F) -> F::Output {
    let mut future = pin!(future.into_future());
    let woken = Arc::new(Woken(AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        if !woken.0.swap(false, Ordering::Relaxed) {
            wait_for_any();
        }
    }
}

/// Wait in the host until something is ready, and mark it.
fn wait_for_any() {
    WAITING.with_borrow(|waiting| match waiting.as_slice() {
        [] => wait_for_nothing(),
        [only] => {
            only.pollable.block();
            only.ready.set(true);
        }
        several => {
            let pollables: Vec<_> = several.iter().map(|source| &source.pollable).collect();
            for index in host::poll(&pollables) {
                if let Some(source) = several.get(index as usize) {
                    source.ready.set(true);
                }
            }
        }
    });
}

#[cold]
#[expect(
    clippy::panic,
    reason = "waiting would never end: the user is lost, and its message says why"
)]
fn wait_for_nothing() {
    panic!("this async code waits for something that no host call will wake");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    #[test]
    fn a_future_that_wakes_itself_is_polled_again() {
        let mut polls = 0;
        let answer = block_on(poll_fn(|context| {
            polls += 1;
            if polls == 3 {
                return Poll::Ready(42);
            }
            context.waker().wake_by_ref();
            Poll::Pending
        }));
        assert_eq!((answer, polls), (42, 3));
    }

    #[test]
    #[should_panic(expected = "no host call will wake")]
    fn waiting_for_nothing_is_an_error_and_not_a_hang() {
        block_on(std::future::pending::<()>());
    }
}
