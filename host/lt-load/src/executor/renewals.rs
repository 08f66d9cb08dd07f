//! Places of `churn` that wait for their next user.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

/// When which slot is to have a new user: at most one time for each slot.
#[derive(Default)]
pub(super) struct Renewals {
    by_time: BTreeSet<(Duration, u64)>,
    by_slot: HashMap<u64, Duration>,
}

impl Renewals {
    /// The slot is due then, and not when it was before.
    pub(super) fn put(&mut self, slot: u64, due: Duration) {
        self.forget(slot);
        self.by_time.insert((due, slot));
        self.by_slot.insert(slot, due);
    }

    /// The slot is not due any more: it has a user already, or is to have none.
    pub(super) fn forget(&mut self, slot: u64) {
        if let Some(due) = self.by_slot.remove(&slot) {
            self.by_time.remove(&(due, slot));
        }
    }

    /// When the next slot is due.
    pub(super) fn next(&self) -> Option<Duration> {
        self.by_time.first().map(|(due, _)| *due)
    }

    /// A slot that is due by now, and when it was; it is not any more.
    pub(super) fn take(&mut self, now: Duration) -> Option<(Duration, u64)> {
        let (due, slot) = self
            .by_time
            .first()
            .copied()
            .filter(|(due, _)| *due <= now)?;
        self.forget(slot);
        Some((due, slot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn each_slot_is_due_once_and_not_after_it_was_forgotten() {
        let mut renewals = Renewals::default();
        for (slot, due) in [(1, 30), (2, 10), (3, 20), (1, 5)] {
            renewals.put(slot, MS(due));
        }
        renewals.forget(2);
        renewals.forget(7);
        assert_eq!((renewals.next(), renewals.take(MS(4))), (Some(MS(5)), None));
        let taken = [5, 19, 20].map(|now| renewals.take(MS(now)));
        assert_eq!(taken, [Some((MS(5), 1)), None, Some((MS(20), 3))]);
        assert_eq!((renewals.next(), renewals.take(MS(100))), (None, None));
    }
}
