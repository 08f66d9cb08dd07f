//! State that never leaves its thread, inside stores that wasmtime wants to be `Send`.
//!
//! wasmtime asks `Send` of everything that a fiber may hold, because it cannot know that we pin users to threads. We do:
//! a user is built, run and dropped by one current-thread runtime. These wrappers say so to the compiler and check it at
//! every access, so that a mistake ends the process instead of racing.

#![allow(
    unsafe_code,
    reason = "wasmtime demands Send of store data and host futures; users never leave their thread"
)]

use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::task::{Context, Poll};

thread_local! {
    /// Its address names the thread: cheaper than `thread::current().id()`, and this is read at every host call.
    static THREAD_MARK: u8 = const { 0 };
}

fn thread_mark() -> usize {
    THREAD_MARK.with(|mark| std::ptr::from_ref(mark) as usize)
}

/// A value that only its own thread may touch.
pub(crate) struct Pinned<T> {
    value: ManuallyDrop<T>,
    thread: usize,
}

// SAFETY: the value is reached only through `get`, `get_mut` and `drop`, each of which checks that it runs on the thread
// that made the value; on any other thread the first two end the process and the last leaks it.
unsafe impl<T> Send for Pinned<T> {}

impl<T> Pinned<T> {
    /// Pin a value to this thread.
    pub(crate) fn new(value: T) -> Self {
        Self {
            value: ManuallyDrop::new(value),
            thread: thread_mark(),
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "unwinding would drop the value on the wrong thread"
    )]
    fn check(&self) {
        if self.thread != thread_mark() {
            // A user on a foreign thread is a fault of this program; going on would be a data race.
            std::process::abort();
        }
    }

    /// The value.
    pub(crate) fn get(&self) -> &T {
        self.check();
        &self.value
    }

    /// The value itself.
    pub(crate) fn into_inner(self) -> T {
        self.check();
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is never dropped or used again, so the value is moved out exactly once.
        unsafe { ManuallyDrop::take(&mut this.value) }
    }
}

impl<T> Drop for Pinned<T> {
    fn drop(&mut self) {
        if self.thread == thread_mark() {
            // SAFETY: dropped once, here; nothing touches the value after `drop`.
            unsafe { ManuallyDrop::drop(&mut self.value) }
        }
    }
}

/// A future that is made, polled and dropped on one thread.
pub(crate) struct PinnedFuture<F>(Pinned<F>);

impl<F: Future> PinnedFuture<F> {
    /// Pin a future to this thread.
    pub(crate) fn new(future: F) -> Self {
        Self(Pinned::new(future))
    }
}

impl<F: Future> Future for PinnedFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.0.check();
        // SAFETY: structural pinning: the future is never moved out of `self`, and it is dropped in place.
        let future = unsafe { self.map_unchecked_mut(|this| &mut *this.0.value) };
        future.poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    #[test]
    fn a_value_is_reached_on_its_own_thread() {
        let value = Rc::new(1);
        let pinned = Pinned::new(value.clone());
        assert_eq!(**pinned.get(), 1);
        drop(pinned);
        assert_eq!(Rc::strong_count(&value), 1);
    }

    #[test]
    fn a_value_dropped_elsewhere_is_leaked_not_raced() {
        let value = Rc::new(1);
        let pinned = Pinned::new(value.clone());
        std::thread::spawn(move || drop(pinned)).join().unwrap();
        assert_eq!(Rc::strong_count(&value), 2);
    }
}
