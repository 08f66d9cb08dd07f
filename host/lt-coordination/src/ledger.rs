//! What was sent and received: pure; the shell around it (`delivery.rs`) has the locks.

mod audience;
mod roll;
mod room;
mod thing;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use tokio::time::Instant;

use crate::api::{CoordinationError, DeliveryOutcomes, Receipt};

pub(crate) use audience::Owed;
pub(crate) use roll::{Members, Roll};
pub(crate) use room::Room;

use thing::{Addressed, Early, EarlyReceipt, Receivers, Sending, State, Thing};

/// Stale notes that are put up with before they are looked for.
const STALE_MIN: usize = 64;

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

/// Things whose ids fall to one part of the table.
#[derive(Debug)]
pub(crate) struct Ledger {
    timeout: Duration,
    things: FxHashMap<Arc<str>, Thing>,
    overdue: BinaryHeap<Reverse<(Instant, u64, Arc<str>)>>,
    /// Those that are only kept to know duplicates and what is late, oldest first: they make room for others.
    done: VecDeque<(u64, Arc<str>)>,
    /// Those of them that still know who has them, oldest first: they make room for other receipts.
    spare: VecDeque<(u64, Arc<str>)>,
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
            spare: VecDeque::new(),
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
        let State::Early(Early { users, receipts }) = state else {
            thing.state = state;
            return Err(conflict(id));
        };
        let expected = recipients as usize;
        for receipt in receipts.iter().skip(expected) {
            let outcomes = self.outcomes.entry(receipt.scenario).or_default();
            outcomes.duplicates += 1;
        }
        let state = match u32::try_from(expected.saturating_sub(receipts.len())) {
            Ok(0) | Err(_) => {
                room.free_receipts(receipts.len());
                State::Done
            }
            Ok(missing) => sending(users, missing),
        };
        if let Some((id, _)) = self.things.remove_entry(id) {
            self.add(id, self.overdue_at(when), state);
        }
        let delivered = receipts.into_iter().take(expected);
        Ok(delivered
            .map(|receipt| receipt.at.saturating_duration_since(at))
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
            room.take_receipts(1).inspect_err(|_| room.free_thing())?;
            let early = Early {
                users: Receivers::Few(vec![user]),
                receipts: vec![EarlyReceipt { user, scenario, at }],
            };
            self.add(Arc::from(id), self.overdue_at(when), State::Early(early));
            return Ok(Receipt::Early);
        };
        match &mut thing.state {
            State::Done => Ok(Receipt::Duplicate),
            State::Lost => Ok(Receipt::Late),
            State::Early(early) if early.users.contains(user) => Ok(Receipt::Duplicate),
            State::Sent(sending) if sending.receivers.contains(user) => Ok(Receipt::Duplicate),
            State::Early(early) => {
                room.take_receipts(1)?;
                early.users.insert(user);
                early.receipts.push(EarlyReceipt { user, scenario, at });
                Ok(Receipt::Early)
            }
            State::Sent(sending) => {
                let took = at.saturating_duration_since(sending.at);
                if sending.missing > 1 {
                    room.take_receipts(1)?;
                    sending.receivers.insert(user);
                    sending.missing -= 1;
                    return Ok(Receipt::Delivered(took));
                }
                room.free_receipts(sending.receivers.len());
                thing.state = State::Done;
                let note = thing.note;
                self.note_over(id, note);
                Ok(Receipt::Delivered(took))
            }
            State::Addressed(_) => {
                let receipt = self.received_by(id, user, at, room);
                Ok(receipt.unwrap_or(Receipt::Unexpected))
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
            room.free_thing();
            thing.state.free_receipts(room);
            self.count(&thing.state);
        }
        self.overdue.clear();
        self.done.clear();
        self.spare.clear();
        std::mem::take(&mut self.outcomes)
    }

    /// How many notes there are, stale ones too.
    #[cfg(test)]
    pub(crate) fn notes(&self) -> usize {
        self.overdue.len() + self.done.len() + self.spare.len()
    }

    /// Deliveries that have not come yet.
    #[cfg(test)]
    pub(crate) fn outstanding(&self) -> u64 {
        let things = self.things.values();
        things.map(|it| u64::from(it.state.missing())).sum()
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
            thing.state.free_receipts(room);
            if thing.state.missing() > 0 {
                let over_at = later(thing.overdue_at, self.timeout);
                self.add(id, over_at, State::Lost);
            } else {
                room.free_thing();
            }
        }
    }

    fn count(&mut self, state: &State) {
        match state {
            State::Early(early) => {
                for receipt in &early.receipts {
                    let outcomes = self.outcomes.entry(receipt.scenario).or_default();
                    outcomes.unmatched += 1;
                }
            }
            State::Sent(Sending { scenario, .. })
            | State::Addressed(Addressed { scenario, .. }) => self.lose(*scenario, state.missing()),
            State::Done | State::Lost => {}
        }
    }

    fn lose(&mut self, scenario: u16, missing: u32) {
        if missing > 0 {
            self.outcomes.entry(scenario).or_default().lost += u64::from(missing);
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
        let over = state.is_over().then(|| Arc::clone(&id));
        let thing = Thing {
            note,
            overdue_at,
            state,
        };
        self.things.insert(id, thing);
        if let Some(id) = over {
            self.note_over(&id, note);
        }
        self.tidy();
    }

    /// A thing is only kept to know duplicates and what is late.
    fn note_over(&mut self, id: &str, note: u64) {
        if let Some((id, thing)) = self.things.get_key_value(id) {
            self.done.push_back((note, Arc::clone(id)));
            if matches!(thing.state, State::Addressed(_)) {
                self.spare.push_back((note, Arc::clone(id)));
            }
        }
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
        for notes in [&mut self.done, &mut self.spare] {
            if notes.len() > most {
                notes.retain(|(note, id)| current(*note, id));
            }
        }
    }
}

fn conflict(id: &str) -> CoordinationError {
    CoordinationError::Conflict(format!("{id:?} was sent already"))
}

fn later(at: Instant, by: Duration) -> Instant {
    at.checked_add(by).unwrap_or(at)
}
