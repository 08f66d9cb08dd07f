//! What is known of one thing that was sent or received.

use std::sync::Arc;

use rustc_hash::FxHashSet;
use tokio::time::Instant;

use super::roll::Roll;
use super::room::Room;

/// Receivers that are searched one by one; more are kept in a set. Most things have one.
const FEW: usize = 16;

/// Who has received something.
#[derive(Debug)]
pub(super) enum Receivers {
    Few(Vec<u64>),
    Many(FxHashSet<u64>),
}

impl Receivers {
    pub(super) fn contains(&self, user: u64) -> bool {
        match self {
            Self::Few(users) => users.contains(&user),
            Self::Many(users) => users.contains(&user),
        }
    }

    pub(super) fn insert(&mut self, user: u64) {
        match self {
            Self::Few(users) if users.len() < FEW => users.push(user),
            Self::Few(users) => {
                *self = Self::Many(users.drain(..).chain([user]).collect());
            }
            Self::Many(users) => {
                users.insert(user);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Few(users) => users.len(),
            Self::Many(users) => users.len(),
        }
    }
}

/// What is known of one thing.
///
/// | state | sent | received | by the same user again | overdue |
/// |---|---|---|---|---|
/// | nothing | Sent | Early | – | – |
/// | Early | Sent, or Done if all have it; those too many are duplicates | Early | duplicate | unmatched |
/// | Sent | conflict | delivered; Done if it was the last | duplicate | the missing are lost; Lost |
/// | Done | conflict | duplicate | duplicate | forgotten |
/// | Lost | conflict | late | late | forgotten |
///
/// What was sent to an audience knows who is to have it; early receipts of others are forgotten when it is sent.
///
/// | state | received by one who is expected | by one who is not | expected one leaves | overdue |
/// |---|---|---|---|---|
/// | Addressed, some missing | delivered, again: duplicate | unexpected | excused or lost, and not expected any more | the missing are lost; Lost |
/// | Addressed, none missing | duplicate | unexpected | – | forgotten |
///
/// Lost is kept for one more timeout: what comes late was counted already, and is not to count as unmatched too.
#[derive(Debug)]
pub(super) enum State {
    Early(Early),
    Sent(Sending),
    Addressed(Addressed),
    Done,
    Lost,
}

/// Something that nobody said was sent.
#[derive(Debug)]
pub(super) struct Early {
    pub(super) users: Receivers,
    /// In the order in which they were told.
    pub(super) receipts: Vec<EarlyReceipt>,
}

/// A receipt of it.
#[derive(Debug)]
pub(super) struct EarlyReceipt {
    pub(super) user: u64,
    /// The user's.
    pub(super) scenario: u16,
    pub(super) at: Instant,
}

/// Something that not everybody has yet.
#[derive(Debug)]
pub(super) struct Sending {
    pub(super) at: Instant,
    /// The sender's.
    pub(super) scenario: u16,
    pub(super) receivers: Receivers,
    pub(super) missing: u32,
}

/// Something that was sent to an audience.
#[derive(Debug)]
pub(super) struct Addressed {
    pub(super) at: Instant,
    /// The sender's.
    pub(super) scenario: u16,
    /// `None` if it was forgotten to make room for others: nobody is missing then.
    pub(super) roll: Option<Roll>,
    /// Lives as long as somebody is missing, so that the audience sees it without asking here.
    pub(super) open: Option<Arc<()>>,
}

impl Addressed {
    pub(super) fn missing(&self) -> u32 {
        self.roll.as_ref().map_or(0, Roll::missing)
    }

    fn places(&self) -> usize {
        self.roll.as_ref().map_or(0, Roll::places)
    }

    /// Nobody is missing any more: who has it is only kept to tell duplicates.
    pub(super) fn finish(&mut self, room: &Room) {
        if self.open.take().is_some() {
            room.add_spare(self.places());
        }
    }

    /// Forget who has it, to make room for others. From now on every receipt is unexpected, so that none counts where it should not.
    pub(super) fn forget(&mut self, room: &Room) {
        room.free_spare(self.places());
        self.roll = None;
    }
}

impl State {
    /// Whether it is only kept to know duplicates and what is late.
    pub(super) fn is_over(&self) -> bool {
        match self {
            Self::Early(_) | Self::Sent(_) => false,
            Self::Addressed(addressed) => addressed.open.is_none(),
            Self::Done | Self::Lost => true,
        }
    }

    /// How many are to receive it and have not.
    pub(super) fn missing(&self) -> u32 {
        match self {
            Self::Sent(sending) => sending.missing,
            Self::Addressed(addressed) => addressed.missing(),
            Self::Early(_) | Self::Done | Self::Lost => 0,
        }
    }

    /// Give back what its receipts take.
    pub(super) fn free_receipts(&self, room: &Room) {
        match self {
            Self::Early(early) => room.free_receipts(early.receipts.len()),
            Self::Sent(sending) => room.free_receipts(sending.receivers.len()),
            Self::Addressed(addressed) if self.is_over() => room.free_spare(addressed.places()),
            Self::Addressed(addressed) => room.free_receipts(addressed.places()),
            Self::Done | Self::Lost => {}
        }
    }
}

#[derive(Debug)]
pub(super) struct Thing {
    /// Which note in the ledger is this thing's: others of its id are stale.
    pub(super) note: u64,
    pub(super) overdue_at: Instant,
    pub(super) state: State,
}
