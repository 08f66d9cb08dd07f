//! Which positions users have: from a position comes an id, and no two living users may share one.

use std::collections::BTreeSet;

/// The positions of one load of a scenario.
///
/// A user of an arrival rate gives its position back when it has ended, so that as many positions suffice as there may be
/// users at a time: only so many ids are reserved.
#[derive(Debug)]
pub(crate) struct Positions {
    /// The next that no user has had.
    next: u64,
    free: BTreeSet<u64>,
    /// Those below have had users, or some of them.
    used: u64,
    /// Whether another load has taken this one's place: what it has not used belongs to that.
    closed: bool,
}

impl Positions {
    /// Those below `next` have users from the start.
    pub(crate) fn from(next: u64) -> Self {
        Self {
            next,
            free: BTreeSet::new(),
            used: 0,
            closed: false,
        }
    }

    /// One that no user has had.
    pub(crate) fn next(&mut self) -> Option<u64> {
        if self.closed {
            return None;
        }
        self.next += 1;
        Some(self.next - 1)
    }

    /// The lowest below `most` that no living user has.
    pub(crate) fn take(&mut self, most: u64) -> Option<u64> {
        match self.free.first().copied() {
            Some(lowest) if lowest < most => self.free.pop_first(),
            None if self.next < most => self.next(),
            Some(_) | None => None,
        }
    }

    /// A user has ended, and is not replaced now.
    pub(crate) fn free(&mut self, position: u64) {
        self.free.insert(position);
    }

    /// A user of this position begins; `false` if it is not this load's any more.
    pub(crate) fn use_up(&mut self, position: u64) -> bool {
        if self.closed {
            return false;
        }
        self.used = self.used.max(position.saturating_add(1));
        true
    }

    /// How many have had users.
    pub(crate) fn used(&self) -> u64 {
        self.used
    }

    /// No user begins any more. How many have had users.
    pub(crate) fn close(&mut self) -> u64 {
        self.closed = true;
        self.used
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_back_is_taken_first_and_none_is_beyond_the_most() {
        let mut positions = Positions::from(2);
        assert_eq!((positions.take(4), positions.take(4)), (Some(2), Some(3)));
        assert_eq!(positions.take(4), None);
        positions.free(3);
        positions.free(0);
        assert_eq!((positions.take(4), positions.take(1)), (Some(0), None));
        assert_eq!((positions.take(4), positions.take(5)), (Some(3), Some(4)));
    }

    #[test]
    fn nobody_begins_once_another_load_goes_on_from_there() {
        let mut positions = Positions::from(5);
        assert!(positions.use_up(3) && positions.use_up(1));
        assert_eq!((positions.used(), positions.close()), (4, 4));
        assert!(!positions.use_up(4));
        assert_eq!((positions.next(), positions.take(9)), (None, None));
    }
}
