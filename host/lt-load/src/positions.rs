//! Which positions users have: from a position comes an id, and no two living users may share one.

use std::collections::BTreeSet;

/// The positions of one scenario.
///
/// A user of an arrival rate gives its position back when it has ended, so that as many positions suffice as there may be
/// users at a time: only so many ids are reserved.
#[derive(Debug)]
pub(crate) struct Positions {
    /// The next that no user has had.
    next: u64,
    free: BTreeSet<u64>,
}

impl Positions {
    /// Those below `next` have users from the start.
    pub(crate) fn from(next: u64) -> Self {
        Self {
            next,
            free: BTreeSet::new(),
        }
    }

    /// One that no user has had.
    pub(crate) fn next(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    /// The lowest below `most` that no living user has.
    pub(crate) fn take(&mut self, most: u64) -> Option<u64> {
        match self.free.first().copied() {
            Some(lowest) if lowest < most => self.free.pop_first(),
            None if self.next < most => Some(self.next()),
            Some(_) | None => None,
        }
    }

    /// A user has ended, and is not replaced now.
    pub(crate) fn free(&mut self, position: u64) {
        self.free.insert(position);
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
}
