//! The lock and the wakers around a [`Gathering`], and the meetings of a run.

use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, RwLock};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use lt_spec::limits::{COORDINATION_OBJECTS_MAX, MESSAGE_BYTES_MAX};
use rustc_hash::FxHashMap;

use crate::api::{
    CoordinationError, Group, Meeting, MeetingPlan, Member, Population, Seat, UserRef,
};
use crate::gathering::{Gathering, SeatId};
use crate::mailbox::PostOffice;
use crate::plan::{check, feasible};
use crate::weight::Scales;
use crate::{lock, read, remember, wake_all, write};

type State = Gathering<Option<Waker>>;

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Knows who runs.
    users: Arc<PostOffice>,
    scales: Scales,
}

impl Shared {
    /// Do something, then wake those whose seats were settled.
    fn with<R>(&self, act: impl FnOnce(&mut State, u64, &mut Vec<Option<Waker>>) -> R) -> R {
        let mut woken = Vec::new();
        let result = {
            let mut state = lock(&self.state);
            // Under the lock, so that whoever comes last sees everyone.
            let enrolled = self.users.enrolled();
            act(&mut state, enrolled, &mut woken)
        };
        wake_all(woken);
        result
    }
}

/// A meeting of this process. Clones are the same meeting.
#[derive(Clone, Debug)]
pub(crate) struct LocalMeeting {
    shared: Arc<Shared>,
}

impl Meeting for LocalMeeting {
    fn queue(&self, user: &UserRef, data: Bytes) -> Result<Box<dyn Seat>, CoordinationError> {
        if data.len() > MESSAGE_BYTES_MAX {
            return Err(CoordinationError::TooLarge(MESSAGE_BYTES_MAX as u64));
        }
        let scales = &self.shared.scales;
        let data = scales.hold(data).ok_or_else(|| {
            let most = scales.bytes_max();
            CoordinationError::TooMany(format!(
                "the run holds {most} bytes of messages and of what was brought to meetings already"
            ))
        })?;
        let member = Member {
            user: user.clone(),
            data,
        };
        let id = self.shared.with(|state, enrolled, woken| {
            let runs = state.is_of_all() && self.shared.users.is_enrolled(user.id);
            state.join(member, runs, enrolled, None, woken)
        })?;
        Ok(Box::new(LocalSeat {
            meeting: Arc::clone(&self.shared),
            id,
            phase: Phase::Waiting,
        }))
    }

    fn reset(&self) {
        self.shared
            .with(|state, _, woken| state.dismiss(&CoordinationError::Reset, woken));
    }
}

/// One's seat; [`Gathering`] has the table.
struct LocalSeat {
    meeting: Arc<Shared>,
    id: SeatId,
    phase: Phase,
}

enum Phase {
    Waiting,
    Settled(Result<Group, CoordinationError>),
    Taken,
}

impl LocalSeat {
    /// See whether the seat is settled; if not, remember whom to wake.
    fn look(&mut self, waker: Option<&Waker>) {
        if !matches!(self.phase, Phase::Waiting) {
            return;
        }
        let mut state = lock(&self.meeting.state);
        if let Some(settled) = state.collect(self.id) {
            self.phase = Phase::Settled(settled);
            return;
        }
        let outdated = waker
            .zip(state.kept(self.id))
            .and_then(|(waker, slot)| remember(slot, waker));
        drop(state);
        drop(outdated);
    }
}

impl Seat for LocalSeat {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.look(Some(cx.waker()));
        match self.phase {
            Phase::Waiting => Poll::Pending,
            Phase::Settled(_) | Phase::Taken => Poll::Ready(()),
        }
    }

    fn take(&mut self) -> Result<Group, CoordinationError> {
        self.look(None);
        match std::mem::replace(&mut self.phase, Phase::Taken) {
            Phase::Settled(settled) => settled,
            Phase::Taken => Err(CoordinationError::AlreadyFinished),
            Phase::Waiting => {
                self.phase = Phase::Waiting;
                Err(CoordinationError::Other(
                    "the group is not complete yet".to_owned(),
                ))
            }
        }
    }

    fn give_up(&mut self) -> bool {
        match self.phase {
            Phase::Waiting => self
                .meeting
                .with(|state, _, woken| state.give_up(self.id, woken)),
            Phase::Settled(_) => true,
            Phase::Taken => false,
        }
    }
}

impl Drop for LocalSeat {
    fn drop(&mut self) {
        if matches!(self.phase, Phase::Waiting) {
            let waker = self
                .meeting
                .with(|state, enrolled, woken| state.leave(self.id, enrolled, woken));
            drop(waker);
        }
    }
}

/// The meetings of a run.
#[derive(Debug)]
pub(crate) struct Meetings {
    seed: u64,
    users: Arc<PostOffice>,
    population: Mutex<Population>,
    by_name: RwLock<FxHashMap<Arc<str>, LocalMeeting>>,
    /// Those that wait for all: they must know when a user leaves.
    of_all: RwLock<Vec<LocalMeeting>>,
    scales: Scales,
}

impl Meetings {
    /// No meetings yet. What is brought to them weighs upon these scales.
    pub(crate) fn new(
        seed: u64,
        users: Arc<PostOffice>,
        population: Population,
        scales: Scales,
    ) -> Self {
        Self {
            seed,
            users,
            population: Mutex::new(population),
            by_name: RwLock::default(),
            of_all: RwLock::default(),
            scales,
        }
    }

    /// The meeting of this name, made if need be.
    ///
    /// # Errors
    /// `InvalidValue`, `Impossible`, `Conflict`, `TooMany`.
    pub(crate) fn open(
        &self,
        name: &str,
        plan: MeetingPlan,
    ) -> Result<LocalMeeting, CoordinationError> {
        if let Some(known) = read(&self.by_name).get(name) {
            return same(name, known, &plan);
        }
        check(&plan)?;
        let mut by_name = write(&self.by_name);
        let objects = by_name.len();
        let name: Arc<str> = Arc::from(name);
        match by_name.entry(Arc::clone(&name)) {
            Entry::Occupied(known) => same(&name, known.get(), &plan),
            Entry::Vacant(_) if objects >= COORDINATION_OBJECTS_MAX => {
                Err(CoordinationError::TooMany(format!(
                    "the run has {COORDINATION_OBJECTS_MAX} meetings already"
                )))
            }
            Entry::Vacant(free) => {
                let population = lock(&self.population).clone();
                feasible(&plan, &population)?;
                let mut gathering = Gathering::new(self.seed, name, plan);
                gathering.set_population(&population, self.users.enrolled(), &mut Vec::new());
                let of_all = gathering.is_of_all();
                let meeting = LocalMeeting {
                    shared: Arc::new(Shared {
                        state: Mutex::new(gathering),
                        users: Arc::clone(&self.users),
                        scales: self.scales.clone(),
                    }),
                };
                if of_all {
                    write(&self.of_all).push(meeting.clone());
                }
                Ok(free.insert(meeting).clone())
            }
        }
    }

    /// There may be other users from now on: what can never be complete any more sends its waiters away.
    pub(crate) fn set_population(&self, population: Population) {
        *lock(&self.population) = population.clone();
        // Also waits for whoever is making a meeting with the old one.
        let meetings: Vec<_> = read(&self.by_name).values().cloned().collect();
        for meeting in meetings {
            meeting.shared.with(|state, enrolled, woken| {
                state.set_population(&population, enrolled, woken);
            });
        }
    }

    /// A user has left.
    pub(crate) fn left(&self, user: u64) {
        let of_all = read(&self.of_all).clone();
        for meeting in of_all {
            meeting
                .shared
                .with(|state, enrolled, woken| state.gone(user, enrolled, woken));
        }
    }
}

fn same(
    name: &str,
    known: &LocalMeeting,
    plan: &MeetingPlan,
) -> Result<LocalMeeting, CoordinationError> {
    let state = lock(&known.shared.state);
    if state.plan() == plan {
        return Ok(known.clone());
    }
    Err(CoordinationError::Conflict(format!(
        "meeting {name:?} was opened with {:?}, not {plan:?}",
        state.plan()
    )))
}
