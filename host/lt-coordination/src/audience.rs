//! Audiences of a run: a lock for each, taken before that of a part of the ledger, never after.
//!
//! What is sent holds the audience's lock until the ledger has it, so that whoever enters or leaves does so before or after it, and
//! nothing is expected of one that has left. Receipts do not take it at all.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use lt_spec::limits::{AUDIENCE_MEMBERS_MAX, COORDINATION_OBJECTS_MAX};
use rustc_hash::FxHashMap;
use tokio::time::Instant;

use crate::api::{Audience, AudienceSent, CoordinationError, Outstanding};
use crate::delivery::Deliveries;
use crate::ledger::When;
use crate::presence::Presence;
use crate::{lock, read, write};

/// The audiences of a run.
#[derive(Debug)]
pub(crate) struct Audiences {
    deliveries: Arc<Deliveries>,
    by_name: RwLock<FxHashMap<Arc<str>, Arc<Shared>>>,
    /// Members of all of them.
    members: AtomicUsize,
    members_max: usize,
}

/// What all handles of one audience share.
#[derive(Debug)]
struct Shared {
    name: Arc<str>,
    /// Handles. Grows from nothing only while the table is locked, so that one without is freed safely.
    holders: AtomicUsize,
    present: AtomicU32,
    state: Mutex<Presence>,
}

impl Audiences {
    /// No audiences yet; what is sent to them is noted here.
    pub(crate) fn new(deliveries: Arc<Deliveries>) -> Self {
        Self::with_members_max(deliveries, AUDIENCE_MEMBERS_MAX)
    }

    pub(crate) fn with_members_max(deliveries: Arc<Deliveries>, members_max: usize) -> Self {
        Self {
            deliveries,
            by_name: RwLock::default(),
            members: AtomicUsize::new(0),
            members_max,
        }
    }

    /// The audience of this name, made if need be.
    ///
    /// # Errors
    /// `TooMany`.
    pub(crate) fn open(self: &Arc<Self>, name: &str) -> Result<LocalAudience, CoordinationError> {
        if let Some(known) = read(&self.by_name).get(name) {
            return Ok(self.handle(known));
        }
        let mut by_name = write(&self.by_name);
        if let Some(known) = by_name.get(name) {
            return Ok(self.handle(known));
        }
        if by_name.len() >= COORDINATION_OBJECTS_MAX {
            return Err(CoordinationError::TooMany(format!(
                "the run has {COORDINATION_OBJECTS_MAX} audiences already"
            )));
        }
        let name: Arc<str> = Arc::from(name);
        let shared = Arc::new(Shared {
            name: Arc::clone(&name),
            holders: AtomicUsize::new(0),
            present: AtomicU32::new(0),
            state: Mutex::new(Presence::new()),
        });
        let handle = self.handle(&shared);
        by_name.insert(name, shared);
        Ok(handle)
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        read(&self.by_name).len()
    }

    /// One more holds it. The table is locked.
    fn handle(self: &Arc<Self>, shared: &Arc<Shared>) -> LocalAudience {
        shared.holders.fetch_add(1, Ordering::SeqCst);
        LocalAudience {
            audiences: Arc::clone(self),
            shared: Arc::clone(shared),
        }
    }

    fn take_place(&self) -> Result<(), CoordinationError> {
        let most = self.members_max;
        let room = |members: usize| (members < most).then_some(members + 1);
        let taken = self
            .members
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, room);
        match taken {
            Ok(_) => Ok(()),
            Err(_) => Err(CoordinationError::TooMany(format!(
                "the audiences of the run have {most} members already"
            ))),
        }
    }
}

/// An audience of this process, held.
#[derive(Debug)]
pub(crate) struct LocalAudience {
    audiences: Arc<Audiences>,
    shared: Arc<Shared>,
}

impl Audience for LocalAudience {
    fn enter(&self, user: u64) -> Result<(), CoordinationError> {
        let mut state = lock(&self.shared.state);
        if state.contains(user) {
            return Ok(());
        }
        self.audiences.take_place()?;
        state.enter(user);
        self.shared.present.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn leave(&self, user: u64, outstanding: Outstanding) -> u32 {
        let mut state = lock(&self.shared.state);
        let was_present = state.leave(user);
        if was_present {
            self.shared.present.fetch_sub(1, Ordering::SeqCst);
            self.audiences.members.fetch_sub(1, Ordering::Relaxed);
        }
        if outstanding == Outstanding::Undecided {
            if was_present {
                state.postpone(user);
            }
            return 0;
        }
        if !state.settle(user) && !was_present {
            return 0;
        }
        let now = Instant::now();
        let deliveries = &self.audiences.deliveries;
        let released = state
            .owed()
            .iter()
            .filter(|owed| deliveries.release(owed, user, outstanding, now))
            .count();
        u32::try_from(released).unwrap_or(u32::MAX)
    }

    fn present(&self) -> u32 {
        self.shared.present.load(Ordering::SeqCst)
    }

    fn mark_sent(
        &self,
        id: &str,
        sender: u64,
        sender_too: bool,
        scenario: u16,
        at: Instant,
    ) -> Result<AudienceSent, CoordinationError> {
        let mut state = lock(&self.shared.state);
        let roll = state.roll((!sender_too).then_some(sender), at);
        let deliveries = &self.audiences.deliveries;
        let (sent, owed) = deliveries.sent_to(id, roll, scenario, When::now(at))?;
        state.sent(owed);
        Ok(sent)
    }
}

impl Drop for LocalAudience {
    fn drop(&mut self) {
        let shared = &self.shared;
        if shared.holders.fetch_sub(1, Ordering::SeqCst) > 1 {
            return;
        }
        let mut by_name = write(&self.audiences.by_name);
        // Somebody may have opened it again, or it may have gone and be another one by now. Nobody enters what nobody holds.
        let unused = shared.holders.load(Ordering::SeqCst) == 0
            && shared.present.load(Ordering::SeqCst) == 0;
        let listed = by_name.get(&shared.name);
        if unused && listed.is_some_and(|it| Arc::ptr_eq(it, shared)) {
            by_name.remove(&shared.name);
        }
    }
}
