//! The locks around the [`Ledger`]s of a run: one for each part of the table of ids, so that cores seldom meet.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use lt_spec::limits::{
    DELIVERIES_OPEN_MAX, DELIVERY_ID_BYTES_MAX, DELIVERY_RECEIPTS_MAX, DURATION_TYPED_MAX,
};
use tokio::time::Instant;

use crate::api::{CoordinationError, DeliveryOutcomes, Receipt};
use crate::ledger::{Ledger, Outcomes, Room, When};
use crate::{SHARDS, lock, shard};

/// Deliveries of a run.
#[derive(Debug)]
pub(crate) struct Deliveries {
    ledgers: [Mutex<Ledger>; SHARDS],
    room: Room,
}

impl Deliveries {
    /// Nothing was sent yet; what is sent may take so long.
    pub(crate) fn new(timeout: Duration) -> Self {
        let timeout = timeout.min(DURATION_TYPED_MAX);
        Self {
            ledgers: std::array::from_fn(|_| Mutex::new(Ledger::new(timeout))),
            room: Room::new(DELIVERIES_OPEN_MAX, DELIVERY_RECEIPTS_MAX),
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
        let when = When::now(at);
        lock(shard(&self.ledgers, id)).received(id, (user, scenario), when, &self.room)
    }

    /// [`crate::Coordination::outcomes`].
    pub(crate) fn outcomes(&self, now: Instant) -> Vec<(u16, DeliveryOutcomes)> {
        self.sum(|ledger| ledger.outcomes(now, &self.room))
    }

    /// [`crate::Coordination::close`].
    pub(crate) fn close(&self) -> Vec<(u16, DeliveryOutcomes)> {
        self.sum(|ledger| ledger.close(&self.room))
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
