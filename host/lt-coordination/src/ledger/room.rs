//! How much all ledgers of a run may remember together.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::api::CoordinationError;

/// How much may be remembered, shared by all ledgers of a run.
#[derive(Debug)]
pub(crate) struct Room {
    things_max: usize,
    receipts_max: usize,
    things: AtomicUsize,
    receipts: AtomicUsize,
    /// Of the receipts: those that are only kept to tell duplicates, and that make room for others.
    spare: AtomicUsize,
}

impl Room {
    /// Room for so many things, and for so many receipts of them.
    pub(crate) fn new(things_max: usize, receipts_max: usize) -> Self {
        Self {
            things_max,
            receipts_max,
            things: AtomicUsize::new(0),
            receipts: AtomicUsize::new(0),
            spare: AtomicUsize::new(0),
        }
    }

    /// Whether so many more receipts have room only if spare ones make it.
    pub(crate) fn needs_spare(&self, receipts: usize) -> bool {
        let taken = self.receipts.load(Ordering::Relaxed);
        let wanted = taken.saturating_add(receipts);
        let spare = self.spare.load(Ordering::Relaxed);
        wanted > self.receipts_max && wanted.saturating_sub(spare) <= self.receipts_max
    }

    pub(super) fn take_thing(&self) -> Result<(), CoordinationError> {
        take(&self.things, 1, self.things_max, "deliveries")
    }

    pub(super) fn take_receipts(&self, receipts: usize) -> Result<(), CoordinationError> {
        take(&self.receipts, receipts, self.receipts_max, "receipts")
    }

    pub(super) fn free_thing(&self) {
        self.things.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn free_receipts(&self, receipts: usize) {
        self.receipts.fetch_sub(receipts, Ordering::Relaxed);
    }

    /// So many receipts that have room already are only kept to tell duplicates.
    pub(super) fn add_spare(&self, receipts: usize) {
        self.spare.fetch_add(receipts, Ordering::Relaxed);
    }

    pub(super) fn free_spare(&self, receipts: usize) {
        self.spare.fetch_sub(receipts, Ordering::Relaxed);
        self.free_receipts(receipts);
    }

    /// Things and receipts, spare ones among them.
    #[cfg(test)]
    pub(crate) fn taken(&self) -> [usize; 3] {
        [&self.things, &self.receipts, &self.spare].map(|it| it.load(Ordering::SeqCst))
    }
}

fn take(
    taken: &AtomicUsize,
    wanted: usize,
    most: usize,
    what: &str,
) -> Result<(), CoordinationError> {
    let room = |taken: usize| {
        let taken = taken.checked_add(wanted)?;
        (taken <= most).then_some(taken)
    };
    match taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room) {
        Ok(_) => Ok(()),
        Err(_) => Err(CoordinationError::TooMany(format!(
            "the run waits for {most} {what} already"
        ))),
    }
}
