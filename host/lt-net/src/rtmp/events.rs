//! What happened to a stream and nobody has asked for yet.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::{Event, Happening, amf0};

/// Events that are kept, the newest: who does not ask for them pays no more than for these.
const EVENTS_MAX: usize = 64;
/// Capacity that is kept when all were taken.
const KEPT_CAPACITY: usize = 4;

/// Bytes that they may hold beyond the newest: a server that says its metadata with each key frame, an index of a megabyte in it, is not to
/// fill the memory of whoever does not ask.
const HELD_BYTES_MAX: usize = 256 << 10;

/// The newest events of a stream.
#[derive(Debug, Default)]
pub(super) struct Events {
    kept: VecDeque<Event>,
    /// Bytes that they hold.
    held: usize,
}

impl Events {
    /// The oldest makes room.
    pub(super) fn push(&mut self, at: Instant, what: Happening) {
        let more = held(&what);
        while self.kept.len() >= EVENTS_MAX
            || (!self.is_empty() && self.held + more > HELD_BYTES_MAX)
        {
            self.drop_oldest();
        }
        self.held += more;
        self.kept.push_back(Event { at, what });
    }

    pub(super) fn take(&mut self) -> Option<Event> {
        let event = self.drop_oldest();
        if self.is_empty() && self.kept.capacity() > KEPT_CAPACITY {
            self.kept = VecDeque::new();
        }
        event
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    fn drop_oldest(&mut self) -> Option<Event> {
        let event = self.kept.pop_front()?;
        self.held = self.held.saturating_sub(held(&event.what));
        Some(event)
    }
}

/// Bytes that an event holds beside itself.
fn held(what: &Happening) -> usize {
    match what {
        Happening::Status(status) => status.code.len() + status.description.len(),
        Happening::Metadata(fields) => amf0::held(fields),
        Happening::Ended(close) => close.code.len() + close.reason.len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtmp::Value;

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
        assert!(events.kept.capacity() <= KEPT_CAPACITY);
    }

    #[test]
    fn large_ones_are_fewer() {
        let now = Instant::now();
        let mut events = Events::default();
        let large =
            |length| Happening::Metadata(vec![("a".to_owned(), Value::Text("x".repeat(length)))]);
        for index in 0..64 {
            events.push(now, large(100_000));
            events.push(now, Happening::Discontinuity(index));
        }
        assert!(events.held <= HELD_BYTES_MAX);
        let taken: Vec<_> = std::iter::from_fn(|| events.take()).collect();
        assert_eq!(taken.len(), 5);
        assert_eq!(taken[4].what, Happening::Discontinuity(63));
        assert_eq!(events.held, 0);
        // The newest is there, however large.
        events.push(now, large(1 << 20));
        assert!(events.take().is_some() && events.held == 0);
    }
}
