//! What a connection sends at an interval.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

/// Something that is sent again and again, until [`Periodic::stop`] or the connection's end.
#[derive(Debug, Default)]
pub struct Periodic {
    sent: Cell<u64>,
    stopped: Cell<bool>,
}

impl Periodic {
    /// How many were given to the connection. One that finds no room, because the peer does not read, is left out.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.get()
    }

    /// Send no more of it, and wait for the answer to no ping that it sent.
    pub fn stop(&self) {
        self.stopped.set(true);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.get()
    }
}

#[derive(Debug)]
struct Entry<B> {
    next: Instant,
    interval: Duration,
    beat: B,
    periodic: Rc<Periodic>,
}

/// What one connection sends at intervals.
#[derive(Debug)]
pub(crate) struct Schedule<B> {
    entries: Vec<Entry<B>>,
}

impl<B> Default for Schedule<B> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
        }
    }
}

impl<B> Schedule<B> {
    /// It takes the place of those that it replaces.
    pub(crate) fn add(
        &mut self,
        beat: B,
        interval: Duration,
        first: Instant,
        replaces: impl Fn(&B) -> bool,
    ) -> Rc<Periodic> {
        for entry in &self.entries {
            if replaces(&entry.beat) {
                entry.periodic.stop();
            }
        }
        self.entries.retain(|entry| !entry.periodic.is_stopped());
        let periodic = Rc::new(Periodic::default());
        self.entries.push(Entry {
            next: first,
            // Zero would be due for ever.
            interval: interval.max(Duration::from_millis(1)),
            beat,
            periodic: periodic.clone(),
        });
        periodic
    }

    /// When the next is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.entries.iter().map(|entry| entry.next).min()
    }

    /// Hand out what is due now. Each keeps its grid; what was missed is not made up for. `send` returns whether it was sent.
    pub(crate) fn run(&mut self, now: Instant, mut send: impl FnMut(&B, &Rc<Periodic>) -> bool) {
        self.entries.retain_mut(|entry| {
            if entry.periodic.is_stopped() {
                return false;
            }
            if entry.next <= now {
                if send(&entry.beat, &entry.periodic) {
                    entry.periodic.sent.set(entry.periodic.sent.get() + 1);
                }
                entry.next += entry.interval;
                if entry.next <= now {
                    entry.next = now + entry.interval;
                }
            }
            true
        });
    }

    /// The connection has ended.
    pub(crate) fn clear(&mut self) {
        self.entries = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn beats_keep_their_grid_and_do_not_catch_up() {
        let start = Instant::now();
        let mut schedule = Schedule::default();
        let beat = schedule.add((), SECOND, start + SECOND, |()| false);
        schedule.run(start, |(), _| true);
        assert_eq!(beat.sent(), 0);
        // Late by a tenth: the next is due on the grid.
        schedule.run(start + SECOND * 11 / 10, |(), _| true);
        assert_eq!(schedule.next(), Some(start + SECOND * 2));
        // Several missed: one is sent.
        schedule.run(start + SECOND * 9, |(), _| true);
        assert_eq!(
            (beat.sent(), schedule.next()),
            (2, Some(start + SECOND * 10))
        );
        schedule.run(start + SECOND * 10, |(), _| false);
        assert_eq!(beat.sent(), 2, "no room: not sent");
        beat.stop();
        schedule.run(start + SECOND * 20, |(), _| true);
        assert_eq!((beat.sent(), schedule.next()), (2, None));
    }

    #[test]
    fn one_takes_the_place_of_those_that_it_replaces() {
        let start = Instant::now();
        let mut schedule = Schedule::default();
        let other = schedule.add("other", SECOND, start, |_| false);
        let first = schedule.add("ping", SECOND, start, |_| false);
        let second = schedule.add("ping", SECOND, start, |beat| *beat == "ping");
        schedule.run(start, |_, _| true);
        assert_eq!((other.sent(), first.sent(), second.sent()), (1, 0, 1));
    }
}
