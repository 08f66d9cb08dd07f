//! What was sent and received: pure; the shell around it (`delivery.rs`) has the locks.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};
use tokio::time::Instant;

use crate::api::{CoordinationError, DeliveryOutcomes, Receipt};

/// Receivers that are searched one by one; more are kept in a set. Most things have one.
const FEW: usize = 16;
/// Stale notes that are put up with before they are looked for.
const STALE_MIN: usize = 64;

/// How much may be remembered, shared by all ledgers of a run.
#[derive(Debug)]
pub(crate) struct Room {
    things_max: usize,
    receipts_max: usize,
    things: AtomicUsize,
    receipts: AtomicUsize,
}

impl Room {
    /// Room for so many things, and for so many receipts of them.
    pub(crate) fn new(things_max: usize, receipts_max: usize) -> Self {
        Self {
            things_max,
            receipts_max,
            things: AtomicUsize::new(0),
            receipts: AtomicUsize::new(0),
        }
    }

    fn take_thing(&self) -> Result<(), CoordinationError> {
        take(&self.things, self.things_max, "deliveries")
    }

    fn take_receipt(&self) -> Result<(), CoordinationError> {
        take(&self.receipts, self.receipts_max, "receipts")
    }

    fn free(&self, receipts: usize) {
        self.things.fetch_sub(1, Ordering::Relaxed);
        self.receipts.fetch_sub(receipts, Ordering::Relaxed);
    }
}

fn take(taken: &AtomicUsize, most: usize, what: &str) -> Result<(), CoordinationError> {
    if taken.fetch_add(1, Ordering::Relaxed) < most {
        return Ok(());
    }
    taken.fetch_sub(1, Ordering::Relaxed);
    Err(CoordinationError::TooMany(format!(
        "the run waits for {most} {what} already"
    )))
}

/// Who has received something.
#[derive(Debug)]
enum Receivers {
    Few(Vec<u64>),
    Many(FxHashSet<u64>),
}

impl Receivers {
    fn contains(&self, user: u64) -> bool {
        match self {
            Self::Few(users) => users.contains(&user),
            Self::Many(users) => users.contains(&user),
        }
    }

    fn insert(&mut self, user: u64) {
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

    fn len(&self) -> usize {
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
/// | Sent | conflict | delivered; Done if it was the last | duplicate | the missing are lost |
/// | Done | conflict | duplicate | duplicate | forgotten |
#[derive(Debug)]
enum State {
    Early(Receivers, Vec<Instant>),
    Sent(Instant, Receivers, u32),
    Done,
}

#[derive(Debug)]
struct Thing {
    /// Which note in `Ledger::overdue` is this thing's: others of its id are stale.
    note: u64,
    overdue_at: Instant,
    state: State,
}

impl Thing {
    fn receipts(&self) -> usize {
        match &self.state {
            State::Early(users, _) | State::Sent(_, users, _) => users.len(),
            State::Done => 0,
        }
    }
}

/// Things whose ids fall to one part of the table.
#[derive(Debug)]
pub(crate) struct Ledger {
    timeout: Duration,
    things: FxHashMap<Arc<str>, Thing>,
    overdue: BinaryHeap<Reverse<(Instant, u64, Arc<str>)>>,
    /// Those that are only kept to know duplicates, oldest first: they make room for others.
    done: VecDeque<(u64, Arc<str>)>,
    notes: u64,
    outcomes: DeliveryOutcomes,
}

impl Ledger {
    /// An empty ledger of things that may take so long.
    pub(crate) fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            things: FxHashMap::default(),
            overdue: BinaryHeap::new(),
            done: VecDeque::new(),
            notes: 0,
            outcomes: DeliveryOutcomes::default(),
        }
    }

    /// Something was sent. Returns the times to delivery of those who have it already.
    pub(crate) fn sent(
        &mut self,
        id: &str,
        recipients: u32,
        at: Instant,
        room: &Room,
    ) -> Result<Vec<Duration>, CoordinationError> {
        self.expire(id, at, room);
        let Some(thing) = self.things.get_mut(id) else {
            self.make_room(room)?;
            let sent = State::Sent(at, Receivers::Few(Vec::new()), recipients);
            self.add(Arc::from(id), at, sent);
            return Ok(Vec::new());
        };
        let state = std::mem::replace(&mut thing.state, State::Done);
        let State::Early(users, times) = state else {
            thing.state = state;
            return Err(CoordinationError::Conflict(format!(
                "{id:?} was sent already"
            )));
        };
        let receipts = users.len();
        let expected = recipients as usize;
        self.outcomes.duplicates += receipts.saturating_sub(expected) as u64;
        let state = match u32::try_from(expected.saturating_sub(receipts)) {
            Ok(0) | Err(_) => {
                room.receipts.fetch_sub(receipts, Ordering::Relaxed);
                State::Done
            }
            Ok(missing) => State::Sent(at, users, missing),
        };
        if let Some((id, _)) = self.things.remove_entry(id) {
            self.add(id, at, state);
        }
        let delivered = times.into_iter().take(expected);
        Ok(delivered
            .map(|time| time.saturating_duration_since(at))
            .collect())
    }

    /// A user has received something.
    pub(crate) fn received(
        &mut self,
        id: &str,
        user: u64,
        at: Instant,
        room: &Room,
    ) -> Result<Receipt, CoordinationError> {
        self.expire(id, at, room);
        let Some(thing) = self.things.get_mut(id) else {
            self.make_room(room)?;
            if let Err(full) = room.take_receipt() {
                room.free(0);
                return Err(full);
            }
            let early = State::Early(Receivers::Few(vec![user]), vec![at]);
            self.add(Arc::from(id), at, early);
            return Ok(Receipt::Early);
        };
        match &mut thing.state {
            State::Done => Ok(Receipt::Duplicate),
            State::Early(users, _) | State::Sent(_, users, _) if users.contains(user) => {
                Ok(Receipt::Duplicate)
            }
            State::Early(users, times) => {
                room.take_receipt()?;
                users.insert(user);
                times.push(at);
                Ok(Receipt::Early)
            }
            State::Sent(sent, users, missing) => {
                let took = at.saturating_duration_since(*sent);
                if *missing > 1 {
                    room.take_receipt()?;
                    users.insert(user);
                    *missing -= 1;
                    return Ok(Receipt::Delivered(took));
                }
                room.receipts.fetch_sub(users.len(), Ordering::Relaxed);
                thing.state = State::Done;
                let note = thing.note;
                if let Some((id, _)) = self.things.get_key_value(id) {
                    self.done.push_back((note, Arc::clone(id)));
                }
                Ok(Receipt::Delivered(took))
            }
        }
    }

    /// What became known since the last call.
    pub(crate) fn outcomes(&mut self, now: Instant, room: &Room) -> DeliveryOutcomes {
        while let Some(Reverse((at, _, _))) = self.overdue.peek()
            && *at <= now
        {
            if let Some(Reverse((_, note, id))) = self.overdue.pop() {
                self.settle(&id, note, room);
            }
        }
        self.tidy();
        std::mem::take(&mut self.outcomes)
    }

    /// The run is over: whatever is outstanding is overdue.
    pub(crate) fn close(&mut self, room: &Room) -> DeliveryOutcomes {
        for (_, thing) in std::mem::take(&mut self.things) {
            self.count(&thing, room);
        }
        self.overdue.clear();
        self.done.clear();
        std::mem::take(&mut self.outcomes)
    }

    /// How many notes there are, stale ones too.
    #[cfg(test)]
    pub(crate) fn notes(&self) -> usize {
        self.overdue.len() + self.done.len()
    }

    /// Forget this thing if it is overdue by then, though nobody has asked for outcomes since: so what counts as lost does
    /// not depend on when somebody asks.
    fn expire(&mut self, id: &str, at: Instant, room: &Room) {
        if let Some(thing) = self.things.get(id)
            && thing.overdue_at <= at
        {
            let note = thing.note;
            self.settle(id, note, room);
        }
    }

    /// Forget a thing, unless the note is stale.
    fn settle(&mut self, id: &str, note: u64, room: &Room) {
        if self.things.get(id).is_some_and(|it| it.note == note)
            && let Some(thing) = self.things.remove(id)
        {
            self.count(&thing, room);
        }
    }

    fn count(&mut self, thing: &Thing, room: &Room) {
        room.free(thing.receipts());
        match &thing.state {
            State::Early(_, times) => self.outcomes.unmatched += times.len() as u64,
            State::Sent(_, _, missing) => self.outcomes.lost += u64::from(*missing),
            State::Done => {}
        }
    }

    fn add(&mut self, id: Arc<str>, at: Instant, state: State) {
        self.notes += 1;
        let note = self.notes;
        let overdue_at = at.checked_add(self.timeout).unwrap_or(at);
        self.overdue
            .push(Reverse((overdue_at, note, Arc::clone(&id))));
        if matches!(state, State::Done) {
            self.done.push_back((note, Arc::clone(&id)));
        }
        let thing = Thing {
            note,
            overdue_at,
            state,
        };
        self.things.insert(id, thing);
        self.tidy();
    }

    /// Take room for one more thing; if there is none, what is only kept to know duplicates makes room, oldest first.
    fn make_room(&mut self, room: &Room) -> Result<(), CoordinationError> {
        let Err(full) = room.take_thing() else {
            return Ok(());
        };
        let things = self.things.len();
        while self.things.len() == things {
            let Some((note, id)) = self.done.pop_front() else {
                return Err(full);
            };
            self.settle(&id, note, room);
        }
        room.take_thing()
    }

    /// Drop stale notes once there are more of them than of others: a little work now and then, none of it in proportion to
    /// what is remembered each time.
    fn tidy(&mut self) {
        let most = 2 * self.things.len() + STALE_MIN;
        let things = &self.things;
        let current = |note: u64, id: &Arc<str>| things.get(id).is_some_and(|it| it.note == note);
        if self.overdue.len() > most {
            self.overdue
                .retain(|Reverse((_, note, id))| current(*note, id));
        }
        if self.done.len() > most {
            self.done.retain(|(note, id)| current(*note, id));
        }
    }
}
