//! What one user has entered, however many of its handles did so: an audience knows its users, not their handles.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use crate::api::{Audience, CoordinationError, Outstanding};

/// Audiences that one user is present in, by name.
#[derive(Debug, Default)]
pub struct Entries(pub(crate) Vec<Weak<Entry>>);

/// The presence of one user in one audience, shared by the handles that entered. The last of them leaves, with
/// [`Outstanding::Excused`], unless the user has left before.
pub struct Entry {
    name: Box<str>,
    audience: Arc<dyn Audience>,
    user: u64,
    left: AtomicBool,
}

impl Entries {
    /// The user enters by one more handle. To be kept as long as that handle.
    ///
    /// # Errors
    /// `TooMany`.
    pub fn enter(
        &mut self,
        name: &str,
        audience: &Arc<dyn Audience>,
        user: u64,
    ) -> Result<Arc<Entry>, CoordinationError> {
        if let Some(entry) = self.find(name) {
            // It may have stepped out.
            audience.enter(user)?;
            return Ok(entry);
        }
        audience.enter(user)?;
        let entry = Arc::new(Entry {
            name: name.into(),
            audience: Arc::clone(audience),
            user,
            left: AtomicBool::new(false),
        });
        // Those that are over make room here, so that there are never more than handles, and one.
        self.0.retain(|entry| entry.strong_count() > 0);
        self.0.push(Arc::downgrade(&entry));
        Ok(entry)
    }

    /// The user leaves at once, by whichever of its handles.
    pub fn leave(&mut self, name: &str, outstanding: Outstanding) {
        if let Some(entry) = self.find(name) {
            entry.leave(outstanding);
        }
    }

    fn find(&self, name: &str) -> Option<Arc<Entry>> {
        let mut entries = self.0.iter().filter_map(Weak::upgrade);
        entries.find(|entry| *entry.name == *name && !entry.left.load(Ordering::Relaxed))
    }
}

impl Entry {
    fn leave(&self, outstanding: Outstanding) {
        // Who has only stepped out is still to leave.
        let has_left = outstanding != Outstanding::Undecided;
        if !self.left.swap(has_left, Ordering::Relaxed) {
            // How many deliveries that ends is counted with the scenarios of those who sent them.
            let _counted_elsewhere = self.audience.leave(self.user, outstanding);
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.leave(Outstanding::Excused);
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Entry")
            .field("name", &self.name)
            .field("user", &self.user)
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}
