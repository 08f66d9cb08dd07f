//! What happened to a stream and nobody has asked for yet.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::{Event, Happening};

/// Events that are kept, the newest: who does not ask for them pays no more than for these.
const EVENTS_MAX: usize = 64;
/// Capacity that is kept when all were taken.
const KEPT_CAPACITY: usize = 4;

/// The newest events of a stream.
#[derive(Debug, Default)]
pub(super) struct Events(VecDeque<Event>);

impl Events {
    /// The oldest makes room.
    pub(super) fn push(&mut self, at: Instant, what: Happening) {
        if self.0.len() >= EVENTS_MAX {
            self.0.pop_front();
        }
        self.0.push_back(Event { at, what });
    }

    pub(super) fn take(&mut self) -> Option<Event> {
        let event = self.0.pop_front();
        if self.0.is_empty() && self.0.capacity() > KEPT_CAPACITY {
            self.0 = VecDeque::new();
        }
        event
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept() {
        let now = Instant::now();
        let mut events = Events::default();
        assert!(events.is_empty());
        for index in 0..100 {
            events.push(now, Happening::Discontinuity(index));
        }
        let taken: Vec<_> = std::iter::from_fn(|| events.take()).collect();
        assert_eq!(taken.len(), EVENTS_MAX);
        assert_eq!(taken[0].what, Happening::Discontinuity(36));
        assert_eq!(taken[63].what, Happening::Discontinuity(99));
        assert!(events.0.capacity() <= KEPT_CAPACITY);
    }
}
