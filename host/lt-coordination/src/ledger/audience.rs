//! What was sent to an audience: who is to receive it is known.

use std::sync::{Arc, Weak};

use lt_spec::limits::EXCUSED_AGE_MAX;
use tokio::time::Instant;

use super::roll::{Mark, Roll};
use super::thing::{Addressed, State, Thing};
use super::{Ledger, Room, When, conflict};
use crate::api::{AudienceSent, CoordinationError, Outstanding, Receipt};

/// Something sent to an audience, for the audience to find it while somebody is missing.
#[derive(Clone, Debug)]
pub(crate) struct Owed {
    pub(crate) id: Arc<str>,
    /// The very thing: another one may have its id later.
    open: Weak<()>,
}

impl Owed {
    /// Whether somebody may be missing.
    pub(crate) fn is_open(&self) -> bool {
        self.open.strong_count() > 0
    }
}

impl Ledger {
    /// Something was sent to those on the roll.
    pub(crate) fn sent_to(
        &mut self,
        id: &str,
        mut roll: Roll,
        scenario: u16,
        when: When,
        room: &Room,
    ) -> Result<(AudienceSent, Owed), CoordinationError> {
        self.expire(id, when.now, room);
        self.take_room_for(id, &roll, room)?;
        let mut sent = AudienceSent {
            expected: roll.missing(),
            early: Vec::new(),
        };
        let known = self.things.remove_entry(id);
        let id = match known {
            Some((id, thing)) => {
                thing.state.free_receipts(room);
                if let State::Early(early) = thing.state {
                    for receipt in early.receipts {
                        if roll.receive(receipt.user) == Mark::Received {
                            let took = receipt.at.saturating_duration_since(when.at);
                            sent.early.push(took);
                        }
                    }
                }
                id
            }
            None => Arc::from(id),
        };
        let open = Arc::new(());
        let owed = Owed {
            id: Arc::clone(&id),
            open: Arc::downgrade(&open),
        };
        let mut addressed = Addressed {
            at: when.at,
            scenario,
            roll: Some(roll),
            open: Some(open),
        };
        if addressed.missing() == 0 {
            addressed.finish(room);
        }
        self.add(id, self.overdue_at(when), State::Addressed(addressed));
        Ok((sent, owed))
    }

    /// A member of the audience has received it.
    pub(super) fn received_by(
        &mut self,
        id: &str,
        user: u64,
        at: Instant,
        room: &Room,
    ) -> Option<Receipt> {
        let addressed = self.things.get_mut(id).and_then(addressed)?;
        let mark = addressed.roll.as_mut().map(|roll| roll.receive(user));
        let receipt = match mark {
            Some(Mark::Received) => Receipt::Delivered(at.saturating_duration_since(addressed.at)),
            Some(Mark::Again) => Receipt::Duplicate,
            Some(Mark::Unexpected) | None => Receipt::Unexpected,
        };
        self.finish_if_complete(id, room);
        Some(receipt)
    }

    /// A member leaves the audience. Returns whether this was outstanding to it.
    pub(crate) fn release(
        &mut self,
        owed: &Owed,
        user: u64,
        outstanding: Outstanding,
        now: Instant,
        room: &Room,
    ) -> bool {
        self.expire(&owed.id, now, room);
        let Some(addressed) = self.things.get_mut(&owed.id).and_then(addressed) else {
            return false;
        };
        let is_it = |open: &Arc<()>| std::ptr::eq(Arc::as_ptr(open), owed.open.as_ptr());
        if !addressed.open.as_ref().is_some_and(is_it) {
            return false;
        }
        let scenario = addressed.scenario;
        let is_late = now.saturating_duration_since(addressed.at) > EXCUSED_AGE_MAX;
        let released = addressed.roll.as_mut().is_some_and(|it| it.release(user));
        if released {
            let outcomes = self.outcomes.entry(scenario).or_default();
            match outstanding {
                Outstanding::Excused if !is_late => outcomes.excused += 1,
                Outstanding::Excused | Outstanding::Lost | Outstanding::Undecided => {
                    outcomes.lost += 1;
                }
            }
            self.finish_if_complete(&owed.id, room);
        }
        released
    }

    /// Forget who has the oldest of those things that everybody has. Returns whether there was one.
    pub(crate) fn forget_oldest(&mut self, room: &Room) -> bool {
        while let Some((note, id)) = self.spare.pop_front() {
            if let Some(thing) = self.things.get_mut(&id)
                && thing.note == note
                && let State::Addressed(addressed) = &mut thing.state
            {
                addressed.forget(room);
                return true;
            }
        }
        false
    }

    /// Room for a thing and for the receipts of all on the roll.
    fn take_room_for(
        &mut self,
        id: &str,
        roll: &Roll,
        room: &Room,
    ) -> Result<(), CoordinationError> {
        match self.things.get(id).map(|thing| &thing.state) {
            Some(State::Early(_)) => room.take_receipts(roll.places()),
            Some(_) => Err(conflict(id)),
            None => {
                self.make_room(room)?;
                room.take_receipts(roll.places())
                    .inspect_err(|_| room.free_thing())
            }
        }
    }

    fn finish_if_complete(&mut self, id: &str, room: &Room) {
        let Some(thing) = self.things.get_mut(id) else {
            return;
        };
        let note = thing.note;
        if let Some(addressed) = addressed(thing)
            && addressed.open.is_some()
            && addressed.missing() == 0
        {
            addressed.finish(room);
            self.note_over(id, note);
        }
    }
}

fn addressed(thing: &mut Thing) -> Option<&mut Addressed> {
    match &mut thing.state {
        State::Addressed(addressed) => Some(addressed),
        _ => None,
    }
}
