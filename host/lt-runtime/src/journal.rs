//! What single users do, in order: kept only where an output follows each user.

use std::cell::RefCell;

use lt_metrics::{JournalEvent, JournalLine, SAMPLES_PENDING_MAX};

/// The lines of one core that were not taken yet.
pub(crate) struct Journal(Option<RefCell<Vec<JournalLine>>>);

impl Journal {
    /// Nothing is kept unless `is_kept`.
    pub(crate) fn new(is_kept: bool) -> Self {
        Self(is_kept.then(RefCell::default))
    }

    /// Write a line, which is made only if lines are kept. `init` and `terminate`, whose id is 0, have none.
    pub(crate) fn write(&self, user: u64, what: impl FnOnce() -> JournalEvent) {
        let Some(lines) = &self.0 else { return };
        let mut lines = lines.borrow_mut();
        // They are taken each second: beyond this nobody takes them any more.
        if user == 0 || lines.len() >= SAMPLES_PENDING_MAX {
            return;
        }
        lines.push(JournalLine::now(user, what()));
    }

    /// Move all lines.
    pub(crate) fn take(&self, into: &mut Vec<JournalLine>) {
        if let Some(lines) = &self.0 {
            into.append(&mut lines.borrow_mut());
        }
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
        journal.take(&mut lines);
        journal.take(&mut lines);
        assert_eq!(lines.len(), 1);
        assert_eq!((lines[0].user, &lines[0].what), (7, &JournalEvent::Joined));
    }
}
