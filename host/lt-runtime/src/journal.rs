//! What single users do, in order: kept only where an output follows each user.

use std::cell::{Cell, RefCell};

use lt_metrics::{JournalEvent, JournalLine, SAMPLES_PENDING_MAX};

/// The lines of one core that were not taken yet.
pub(crate) struct Journal {
    /// None are kept if there is no list.
    lines: Option<RefCell<Vec<JournalLine>>>,
    /// Lines that there was no room for.
    lost: Cell<u64>,
}

impl Journal {
    /// Nothing is kept unless `is_kept`.
    pub(crate) fn new(is_kept: bool) -> Self {
        Self {
            lines: is_kept.then(RefCell::default),
            lost: Cell::new(0),
        }
    }

    /// Write a line, which is made only if lines are kept. `init` and `terminate`, whose id is 0, have none.
    pub(crate) fn write(&self, user: u64, what: impl FnOnce() -> JournalEvent) {
        let Some(lines) = &self.lines else { return };
        if user == 0 {
            return;
        }
        let mut lines = lines.borrow_mut();
        // They are taken each second: who writes more than this in one is not to take all memory.
        if lines.len() >= SAMPLES_PENDING_MAX {
            self.lost.set(self.lost.get() + 1);
            return;
        }
        lines.push(JournalLine::now(user, what()));
    }

    /// Move all lines. Returns how many there was no room for.
    pub(crate) fn take(&self, into: &mut Vec<JournalLine>) -> u64 {
        if let Some(lines) = &self.lines {
            into.append(&mut lines.borrow_mut());
        }
        self.lost.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_made_only_where_they_are_kept() {
        let journal = Journal::new(false);
        journal.write(1, || panic!("nobody wants it"));
        let journal = Journal::new(true);
        journal.write(0, || panic!("no user did that"));
        journal.write(7, || JournalEvent::Joined);
        let mut lines = Vec::new();
        assert_eq!(journal.take(&mut lines), 0);
        assert_eq!(journal.take(&mut lines), 0);
        assert_eq!(lines.len(), 1);
        assert_eq!((lines[0].user, &lines[0].what), (7, &JournalEvent::Joined));
    }

    #[test]
    fn lines_without_room_are_counted() {
        let journal = Journal::new(true);
        let write =
            |count: usize| (0..count).for_each(|_| journal.write(7, || JournalEvent::Joined));
        let mut lines = Vec::new();
        write(SAMPLES_PENDING_MAX + 3);
        assert_eq!(journal.take(&mut lines), 3);
        assert_eq!(lines.len(), SAMPLES_PENDING_MAX);
        write(2);
        assert_eq!(journal.take(&mut lines), 0);
        assert_eq!(lines.len(), SAMPLES_PENDING_MAX + 2);
    }
}
