//! Who waits: wakers, of which each place keeps one.

use std::cell::RefCell;
use std::task::{Context, Waker};

/// Keep a task's waker; cloning one costs an atomic operation.
pub(crate) fn keep(place: &RefCell<Option<Waker>>, cx: &Context<'_>) {
    let kept = place
        .take()
        .filter(|waker| waker.will_wake(cx.waker()))
        .unwrap_or_else(|| cx.waker().clone());
    place.replace(Some(kept));
}
