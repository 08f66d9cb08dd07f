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

/// What became known, by scenario.
pub(crate) type Outcomes = FxHashMap<u16, DeliveryOutcomes>;

/// When something was done, as whoever did it says, and when it is by the host's clock: only that says what is overdue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct When {
    pub(crate) at: Instant,
    pub(crate) now: Instant,
}

impl When {
    /// Told of now.
    pub(crate) fn now(at: Instant) -> Self {
        let now = Instant::now();
        Self { at, now }
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
/// Lost is kept for one more timeout: what comes late was counted already, and is not to count as unmatched too.
#[derive(Debug)]
enum State {
    /// Who has it, and when it came to users of which scenarios.
    Early(Receivers, Vec<(Instant, u16)>),
    Sent(Sending),
    Done,
    Lost,
}

/// Something that not everybody has yet.
#[derive(Debug)]
struct Sending {
    at: Instant,
    /// The sender's.
    scenario: u16,
    receivers: Receivers,
    missing: u32,
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
            State::Early(users, _) => users.len(),
            State::Sent(sending) => sending.receivers.len(),
            State::Done | State::Lost => 0,
        }
    }
}

/// Things whose ids fall to one part of the table.
#[derive(Debug)]
pub(crate) struct Ledger {
    timeout: Duration,
    things: FxHashMap<Arc<str>, Thing>,
    overdue: BinaryHeap<Reverse<(Instant, u64, Arc<str>)>>,
    /// Those that are only kept to know duplicates and what is late, oldest first: they make room for others.
    done: VecDeque<(u64, Arc<str>)>,
    notes: u64,
    outcomes: Outcomes,
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
            outcomes: Outcomes::default(),
        }
    }

    /// Something was sent. Returns the times to delivery of those who have it already.
    pub(crate) fn sent(
        &mut self,
        id: &str,
        recipients: u32,
        scenario: u16,
        when: When,
        room: &Room,
    ) -> Result<Vec<Duration>, CoordinationError> {
        self.expire(id, when.now, room);
        let at = when.at;
        let sending = |receivers, missing| {
            State::Sent(Sending {
                at,
                scenario,
                receivers,
                missing,
            })
        };
        let Some(thing) = self.things.get_mut(id) else {
            self.make_room(room)?;
            let sent = sending(Receivers::Few(Vec::new()), recipients);
            self.add(Arc::from(id), self.overdue_at(when), sent);
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
        for (_, scenario) in times.iter().skip(expected) {
            self.outcomes.entry(*scenario).or_default().duplicates += 1;
        }
        let state = match u32::try_from(expected.saturating_sub(receipts)) {
            Ok(0) | Err(_) => {
                room.receipts.fetch_sub(receipts, Ordering::Relaxed);
                State::Done
            }
            Ok(missing) => sending(users, missing),
        };
        if let Some((id, _)) = self.things.remove_entry(id) {
            self.add(id, self.overdue_at(when), state);
        }
        let delivered = times.into_iter().take(expected);
        Ok(delivered
            .map(|(time, _)| time.saturating_duration_since(at))
            .collect())
    }

    /// A user has received something.
    pub(crate) fn received(
        &mut self,
        id: &str,
        (user, scenario): (u64, u16),
        when: When,
        room: &Room,
    ) -> Result<Receipt, CoordinationError> {
        self.expire(id, when.now, room);
        let at = when.at;
        let Some(thing) = self.things.get_mut(id) else {
            self.make_room(room)?;
            if let Err(full) = room.take_receipt() {
                room.free(0);
                return Err(full);
            }
            let early = State::Early(Receivers::Few(vec![user]), vec![(at, scenario)]);
            self.add(Arc::from(id), self.overdue_at(when), early);
            return Ok(Receipt::Early);
        };
        match &mut thing.state {
            State::Done => Ok(Receipt::Duplicate),
            State::Lost => Ok(Receipt::Late),
            State::Early(users, _) if users.contains(user) => Ok(Receipt::Duplicate),
            State::Sent(sending) if sending.receivers.contains(user) => Ok(Receipt::Duplicate),
            State::Early(users, times) => {
                room.take_receipt()?;
                users.insert(user);
                times.push((at, scenario));
                Ok(Receipt::Early)
            }
            State::Sent(sending) => {
                let took = at.saturating_duration_since(sending.at);
                if sending.missing > 1 {
                    room.take_receipt()?;
                    sending.receivers.insert(user);
                    sending.missing -= 1;
                    return Ok(Receipt::Delivered(took));
                }
                let receipts = sending.receivers.len();
                room.receipts.fetch_sub(receipts, Ordering::Relaxed);
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
    pub(crate) fn outcomes(&mut self, now: Instant, room: &Room) -> Outcomes {
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
    pub(crate) fn close(&mut self, room: &Room) -> Outcomes {
        for (_, thing) in std::mem::take(&mut self.things) {
            room.free(thing.receipts());
            self.count(&thing.state);
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

    /// Settle this thing if it is overdue by now, though nobody has asked for outcomes since: so what counts as lost does
    /// not depend on when somebody asks.
    fn expire(&mut self, id: &str, now: Instant, room: &Room) {
        // Twice at most: what is lost is kept for one more timeout, which may be over too.
        while let Some(thing) = self.things.get(id)
            && thing.overdue_at <= now
        {
            let note = thing.note;
            self.settle(id, note, room);
        }
    }

    /// Count a thing and forget it, unless the note is stale. Of what is lost it is kept that it is, to know what comes late.
    fn settle(&mut self, id: &str, note: u64, room: &Room) {
        if self.things.get(id).is_some_and(|it| it.note == note)
            && let Some((id, thing)) = self.things.remove_entry(id)
        {
            self.count(&thing.state);
            if let State::Sent(sending) = thing.state {
                let receipts = sending.receivers.len();
                room.receipts.fetch_sub(receipts, Ordering::Relaxed);
                let over_at = later(thing.overdue_at, self.timeout);
                self.add(id, over_at, State::Lost);
            } else {
                room.free(thing.receipts());
            }
        }
    }

    fn count(&mut self, state: &State) {
        match state {
            State::Early(_, times) => {
                for (_, scenario) in times {
                    self.outcomes.entry(*scenario).or_default().unmatched += 1;
                }
            }
            State::Sent(sending) => {
                let outcomes = self.outcomes.entry(sending.scenario).or_default();
                outcomes.lost += u64::from(sending.missing);
            }
            State::Done | State::Lost => {}
        }
    }

    /// When something told of now is overdue: nothing happens in the future, whatever a guest says.
    fn overdue_at(&self, when: When) -> Instant {
        later(when.at.min(when.now), self.timeout)
    }

    fn add(&mut self, id: Arc<str>, overdue_at: Instant, state: State) {
        self.notes += 1;
        let note = self.notes;
        self.overdue
            .push(Reverse((overdue_at, note, Arc::clone(&id))));
        if matches!(state, State::Done | State::Lost) {
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

    /// Take room for one more thing; if there is none, what is only kept to know duplicates and what is late makes room, oldest first.
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

fn later(at: Instant, by: Duration) -> Instant {
    at.checked_add(by).unwrap_or(at)
}
