//! Who waits: wakers, of which each place keeps one, and timers.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::time::{Instant, Sleep, sleep_until};

/// Keep a task's waker; cloning one costs an atomic operation.
pub(crate) fn keep(place: &RefCell<Option<Waker>>, cx: &Context<'_>) {
    let kept = place
        .take()
        .filter(|waker| waker.will_wake(cx.waker()))
        .unwrap_or_else(|| cx.waker().clone());
    place.replace(Some(kept));
}

/// The two tasks that share a connection: its user, and the pump that does all the work.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    user: RefCell<Option<Waker>>,
    pump: RefCell<Option<Waker>>,
    /// Set while something that came waits for room in the inbox (overflow `pause`).
    pub(crate) stalled: Cell<bool>,
}

impl Ends {
    /// What the user waits for, or its waker kept until it is woken.
    pub(crate) fn ready_or_wait<T>(&self, result: Option<T>, cx: &Context<'_>) -> Poll<T> {
        match result {
            Some(result) => Poll::Ready(result),
            None => {
                keep(&self.user, cx);
                Poll::Pending
            }
        }
    }

    /// A pump that waits for room goes on.
    pub(crate) fn made_room(&self) {
        if self.stalled.get() {
            self.wake_pump();
        }
    }

    pub(crate) fn wake_user(&self) {
        if let Some(waker) = self.user.take() {
            waker.wake();
        }
    }

    pub(crate) fn wake_pump(&self) {
        if let Some(waker) = self.pump.take() {
            waker.wake();
        }
    }

    /// The pump is about to look at everything; whoever changes something after this wakes it.
    pub(crate) fn keep_pump(&self, cx: &Context<'_>) {
        keep(&self.pump, cx);
    }
}

/// A timer that is there only while there is something to wait for: most connections have nothing, and should not pay for it.
#[derive(Debug, Default)]
pub(crate) struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    /// Be woken then. Returns whether that time has come already.
    pub(crate) fn wake_at(&mut self, next: Option<Instant>, cx: &mut Context<'_>) -> bool {
        let Some(next) = next else {
            self.0 = None;
            return false;
        };
        match &mut self.0 {
            Some(timer) if timer.deadline() == next => {}
            Some(timer) => timer.as_mut().reset(next),
            None => self.0 = Some(Box::pin(sleep_until(next))),
        }
        self.0
            .as_mut()
            .is_some_and(|timer| timer.as_mut().poll(cx).is_ready())
    }

    /// The same for a time that is put off again and again, as that of a stall is by each frame: a timer that fires too early is left
    /// alone until it has.
    pub(crate) fn wake_by(&mut self, next: Option<Instant>, cx: &mut Context<'_>) -> bool {
        let is_early = |timer: &Pin<Box<Sleep>>| {
            next.is_some_and(|next| timer.deadline() <= next) && !timer.is_elapsed()
        };
        let Some(timer) = self.0.as_mut().filter(|timer| is_early(timer)) else {
            return self.wake_at(next, cx);
        };
        timer.as_mut().poll(cx).is_ready() && self.wake_at(next, cx)
    }
}
