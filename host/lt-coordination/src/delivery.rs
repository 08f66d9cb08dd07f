//! The locks around the [`Ledger`]s of a run: one for each part of the table of ids, so that cores seldom meet.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lt_spec::limits::{
    DELIVERIES_OPEN_MAX, DELIVERY_ID_BYTES_MAX, DELIVERY_RECEIPTS_MAX, DURATION_TYPED_MAX,
};
use tokio::time::Instant;

use crate::api::{AudienceSent, CoordinationError, DeliveryOutcomes, Outstanding, Receipt};
use crate::ledger::{Ledger, Outcomes, Owed, Roll, Room, When};
use crate::{SHARDS, lock, shard};

/// Deliveries of a run.
#[derive(Debug)]
pub(crate) struct Deliveries {
    ledgers: [Mutex<Ledger>; SHARDS],
    room: Room,
    /// Where to look next for what can make room.
    next: AtomicUsize,
}

impl Deliveries {
    /// Nothing was sent yet; what is sent may take so long.
    pub(crate) fn new(timeout: Duration) -> Self {
        Self::with_room(
            timeout,
            Room::new(DELIVERIES_OPEN_MAX, DELIVERY_RECEIPTS_MAX),
        )
    }

    pub(crate) fn with_room(timeout: Duration, room: Room) -> Self {
        let timeout = timeout.min(DURATION_TYPED_MAX);
        Self {
            ledgers: std::array::from_fn(|_| Mutex::new(Ledger::new(timeout))),
            room,
            next: AtomicUsize::new(0),
        }
    }

    /// [`crate::Coordination::mark_sent`].
    pub(crate) fn sent(
        &self,
        id: &str,
        recipients: u32,
        scenario: u16,
        at: Instant,
    ) -> Result<Vec<Duration>, CoordinationError> {
        check(id)?;
        if recipients == 0 {
            return Err(CoordinationError::InvalidValue(
                "what is sent has at least one recipient".to_owned(),
            ));
        }
        let when = When::now(at);
        lock(shard(&self.ledgers, id)).sent(id, recipients, scenario, when, &self.room)
    }

    /// [`crate::Coordination::mark_received`].
    pub(crate) fn received(
        &self,
        id: &str,
        user: u64,
        scenario: u16,
        at: Instant,
    ) -> Result<Receipt, CoordinationError> {
        check(id)?;
        self.make_room(1);
        let when = When::now(at);
        lock(shard(&self.ledgers, id)).received(id, (user, scenario), when, &self.room)
    }

    /// [`crate::Audience::mark_sent`]: to those on the roll.
    pub(crate) fn sent_to(
        &self,
        id: &str,
        roll: Roll,
        scenario: u16,
        when: When,
    ) -> Result<(AudienceSent, Owed), CoordinationError> {
        check(id)?;
        self.make_room(roll.places());
        lock(shard(&self.ledgers, id)).sent_to(id, roll, scenario, when, &self.room)
    }

    /// [`crate::Audience::leave`]: of one thing. Returns whether it was outstanding to this user.
    pub(crate) fn release(
        &self,
        owed: &Owed,
        user: u64,
        outstanding: Outstanding,
        now: Instant,
    ) -> bool {
        let mut ledger = lock(shard(&self.ledgers, &*owed.id));
        ledger.release(owed, user, outstanding, now, &self.room)
    }

    /// [`crate::Coordination::outcomes`].
    pub(crate) fn outcomes(&self, now: Instant) -> Vec<(u16, DeliveryOutcomes)> {
        self.sum(|ledger| ledger.outcomes(now, &self.room))
    }

    /// [`crate::Coordination::close`].
    pub(crate) fn close(&self) -> Vec<(u16, DeliveryOutcomes)> {
        self.sum(|ledger| ledger.close(&self.room))
    }

    /// Deliveries that have not come yet.
    #[cfg(test)]
    pub(crate) fn outstanding(&self) -> u64 {
        let ledgers = self.ledgers.iter();
        ledgers.map(|ledger| lock(ledger).outstanding()).sum()
    }

    /// What the ledgers remember.
    #[cfg(test)]
    pub(crate) fn room(&self) -> &Room {
        &self.room
    }

    /// If receipts have no room, forget who has what everybody has: the oldest of each part in turn. No part is locked.
    fn make_room(&self, receipts: usize) {
        let mut in_vain = 0;
        while in_vain < SHARDS && self.room.needs_spare(receipts) {
            let next = self.next.fetch_add(1, Ordering::Relaxed) % SHARDS;
            let ledger = self.ledgers.get(next);
            let forgot = ledger.is_some_and(|it| lock(it).forget_oldest(&self.room));
            in_vain = if forgot { 0 } else { in_vain + 1 };
        }
    }

    fn sum(&self, of: impl Fn(&mut Ledger) -> Outcomes) -> Vec<(u16, DeliveryOutcomes)> {
        let mut sums: BTreeMap<u16, DeliveryOutcomes> = BTreeMap::new();
        for ledger in &self.ledgers {
            let parts = of(&mut lock(ledger));
            for (scenario, part) in parts {
                let sum = sums.entry(scenario).or_default();
                sum.lost += part.lost;
                sum.excused += part.excused;
                sum.unmatched += part.unmatched;
                sum.duplicates += part.duplicates;
            }
        }
        sums.into_iter().collect()
    }
}

fn check(id: &str) -> Result<(), CoordinationError> {
    if id.is_empty() {
        return Err(CoordinationError::InvalidValue(
            "the id is empty".to_owned(),
        ));
    }
    if id.len() > DELIVERY_ID_BYTES_MAX {
        return Err(CoordinationError::TooLarge(DELIVERY_ID_BYTES_MAX as u64));
    }
    Ok(())
}
