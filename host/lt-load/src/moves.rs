//! How users are renewed while a core's others iterate: never so many at a time that those have to wait for them.

use std::cell::Cell;

use tokio::sync::{Notify, Semaphore};
use tokio::task::yield_now;

/// Users that begin to be renewed before all others that are ready get their turn. Leaving, building and joining take some 150 µs
/// of CPU, so a batch is about a millisecond.
const RENEWED_AT_ONCE: usize = 8;

/// Who of one core is being renewed.
#[derive(Debug)]
pub(crate) struct Moves {
    turns: Semaphore,
    /// Users of an arrival rate that are away from the queue to be renewed.
    away: Cell<u64>,
    /// One of those that wait to be away is told when another comes back.
    back: Notify,
}

impl Default for Moves {
    fn default() -> Self {
        Self {
            turns: Semaphore::new(RENEWED_AT_ONCE),
            away: Cell::new(0),
            back: Notify::new(),
        }
    }
}

impl Moves {
    /// Wait until it is a user's turn to be renewed.
    pub(crate) async fn turn(&self) {
        // Never closed. The place is for whoever comes next once the others have had their turn: however long a `join` takes, it
        // keeps nobody.
        let _place = self.turns.acquire().await;
        yield_now().await;
    }

    /// Whether one more user of an arrival rate may be away while so many others are idle: as many as stay, and always one.
    pub(crate) fn may_leave(&self, others_idle: u64) -> bool {
        self.away.get() < others_idle.max(1)
    }

    /// A user of an arrival rate is away until the guard is dropped.
    pub(crate) fn leave(&self) -> Away<'_> {
        self.away.set(self.away.get() + 1);
        self.call();
        Away(self)
    }

    /// Wait until it may be this user's turn to be away. Who was called and does not go calls the next, unless somebody is away:
    /// who comes back calls.
    pub(crate) async fn called(&self) {
        self.back.notified().await;
    }

    /// Call the next.
    pub(crate) fn call(&self) {
        self.back.notify_one();
    }
}

/// A user that is away.
pub(crate) struct Away<'a>(&'a Moves);

impl Drop for Away<'_> {
    fn drop(&mut self) {
        self.0.away.set(self.0.away.get().saturating_sub(1));
        self.0.call();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_stay_as_go_and_one_goes_always() {
        let moves = Moves::default();
        assert!(moves.may_leave(0));
        let first = moves.leave();
        assert!(!moves.may_leave(0) && !moves.may_leave(1) && moves.may_leave(2));
        drop(first);
        assert!(moves.may_leave(1));
    }
}
