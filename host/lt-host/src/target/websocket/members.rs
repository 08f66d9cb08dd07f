//! Who is in a room, in the order in which they came.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Message, Outbox};

/// The sockets in a room, each with what the room knows of it. Pure data under its room's lock.
#[derive(Debug)]
pub(in crate::target) struct Members<T> {
    by_number: BTreeMap<u64, (Arc<Outbox>, T)>,
    last: u64,
}

impl<T> Default for Members<T> {
    fn default() -> Self {
        Self {
            by_number: BTreeMap::new(),
            last: 0,
        }
    }
}

impl<T> Members<T> {
    /// Add one. Returns its number, which is never used again.
    pub(in crate::target) fn add(&mut self, outbox: Arc<Outbox>, known: T) -> u64 {
        self.last += 1;
        self.by_number.insert(self.last, (outbox, known));
        self.last
    }

    /// Remove the one with this number, if it is there. Returns where to write to it.
    pub(in crate::target) fn remove(&mut self, number: u64) -> Option<Arc<Outbox>> {
        self.by_number.remove(&number).map(|(outbox, _)| outbox)
    }

    pub(in crate::target) fn contains(&self, number: u64) -> bool {
        self.by_number.contains_key(&number)
    }

    pub(in crate::target) fn count(&self) -> usize {
        self.by_number.len()
    }

    pub(in crate::target) fn is_empty(&self) -> bool {
        self.by_number.is_empty()
    }

    /// All of them.
    pub(in crate::target) fn iter(&self) -> impl Iterator<Item = (u64, &Arc<Outbox>, &T)> {
        self.by_number
            .iter()
            .map(|(number, (outbox, known))| (*number, outbox, known))
    }

    /// Send to each: the message lies in memory once.
    pub(in crate::target) fn send(&self, message: &Message) {
        for (outbox, _) in self.by_number.values() {
            outbox.push(message.clone());
        }
    }
}
