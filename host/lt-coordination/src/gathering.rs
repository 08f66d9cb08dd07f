//! Who waits in a meeting and who meets: pure; the shell around it (`meeting.rs`) has the lock and wakes people.

use std::collections::BTreeMap;
use std::sync::Arc;

use lt_spec::limits::{COORDINATION_WAITERS_MAX, MEETING_BYTES_MAX, MEETING_SIZE_MAX};
use rustc_hash::FxHashMap;

use crate::api::{CoordinationError, Group, MeetingPlan, MeetingSize, Member, Population};
use crate::plan::{draw, feasible, listed};

/// One that waits, with what the shell wants to remember.
#[derive(Debug)]
struct Waiting<W> {
    member: Member,
    /// Whether its user runs: only those count where all are to come.
    runs: bool,
    kept: W,
}

/// Those who wait for the same part in a group, longest first.
#[derive(Debug)]
struct Part<W> {
    /// How many of them a group has; without end if all are to come.
    needed: usize,
    waiting: BTreeMap<u64, Waiting<W>>,
}

/// The seat that a user got: a number, in the order in which they came, and the part it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SeatId {
    number: u64,
    part: usize,
}

/// A meeting's waiters, and the groups that were formed and not yet taken.
///
/// A seat's life:
///
/// | state | the group is complete | `reset`, impossible | `collect` | `leave` |
/// |---|---|---|---|---|
/// | waiting | settled: group | settled: error | nothing yet | leaves the meeting |
/// | settled | – | – | handed out, once | forgotten; the others have their group |
///
/// A group is formed of those who have waited longest. Of a meeting of all it is formed once nobody who runs is missing.
#[derive(Debug)]
pub(crate) struct Gathering<W> {
    seed: u64,
    name: Arc<str>,
    plan: MeetingPlan,
    /// Why no group can be complete, as far as the population is known.
    possible: Result<(), CoordinationError>,
    /// Most users that there can be; the most there may be if it is not known.
    crowd: u32,
    parts: Vec<Part<W>>,
    /// The part of each role; empty where any role will do.
    places: FxHashMap<Arc<str>, usize>,
    /// Parts that have enough for a group.
    filled: usize,
    /// Of those who wait, how many run.
    running: u64,
    /// Bytes that those who wait have brought.
    bytes: usize,
    users: FxHashMap<u64, SeatId>,
    settled: FxHashMap<u64, Result<Group, CoordinationError>>,
    groups: u64,
    seats: u64,
}

impl<W> Gathering<W> {
    /// An empty meeting. The plan is checked.
    pub(crate) fn new(seed: u64, name: Arc<str>, plan: MeetingPlan) -> Self {
        let part = |needed| Part {
            needed,
            waiting: BTreeMap::new(),
        };
        let listed = listed(&plan.roles);
        let mut parts: Vec<_> = listed.iter().map(|(_, times)| part(*times)).collect();
        if parts.is_empty() {
            parts.push(part(usize::MAX));
        }
        let roles = listed.into_iter().map(|(role, _)| role);
        let places = roles
            .enumerate()
            .map(|(place, role)| (role, place))
            .collect();
        let mut gathering = Self {
            seed,
            name,
            plan,
            possible: Ok(()),
            crowd: MEETING_SIZE_MAX,
            parts,
            places,
            filled: 0,
            running: 0,
            bytes: 0,
            users: FxHashMap::default(),
            settled: FxHashMap::default(),
            groups: 0,
            seats: 0,
        };
        gathering.open_group();
        gathering
    }

    /// What it was opened with.
    pub(crate) fn plan(&self) -> &MeetingPlan {
        &self.plan
    }

    /// Whether all are to come, so that it matters who runs.
    pub(crate) fn is_of_all(&self) -> bool {
        self.plan.size == MeetingSize::All
    }

    /// There are other users than before. If it can never be complete now, everyone is sent away.
    pub(crate) fn set_population(
        &mut self,
        population: &Population,
        enrolled: u64,
        woken: &mut Vec<W>,
    ) {
        self.possible = feasible(&self.plan, population);
        self.crowd = match population.users {
            0 => MEETING_SIZE_MAX,
            users => u32::try_from(users).unwrap_or(u32::MAX),
        };
        if let Err(error) = self.possible.clone() {
            self.dismiss(&error, woken);
        }
        self.open_group();
        self.form(enrolled, woken);
    }

    /// Take a seat, and form a group if it is the one that was missing. `runs` says whether the user is among the `enrolled`.
    pub(crate) fn join(
        &mut self,
        member: Member,
        runs: bool,
        enrolled: u64,
        kept: W,
        woken: &mut Vec<W>,
    ) -> Result<SeatId, CoordinationError> {
        self.possible.clone()?;
        self.check_bytes(member.data.len())?;
        let user = member.user.id;
        if self.users.contains_key(&user) {
            return Err(CoordinationError::InvalidValue(format!(
                "user {user} waits in this meeting already"
            )));
        }
        let most = if self.is_of_all() {
            MEETING_SIZE_MAX as usize
        } else {
            COORDINATION_WAITERS_MAX
        };
        if self.users.len() >= most {
            return Err(CoordinationError::TooMany(format!(
                "{most} users wait in this meeting already"
            )));
        }
        let place = if self.places.is_empty() {
            Some(0)
        } else {
            self.places.get(&member.user.role).copied()
        };
        let Some((part, waiters)) = place.and_then(|it| Some((it, self.parts.get_mut(it)?))) else {
            return Err(CoordinationError::Impossible(format!(
                "role {:?} has no part in this meeting",
                member.user.role
            )));
        };
        let seat = SeatId {
            number: self.seats,
            part,
        };
        self.seats += 1;
        self.bytes += member.data.len();
        let waiting = Waiting { member, runs, kept };
        waiters.waiting.insert(seat.number, waiting);
        self.filled += usize::from(waiters.waiting.len() == waiters.needed);
        self.running += u64::from(runs);
        self.users.insert(user, seat);
        self.form(enrolled, woken);
        Ok(seat)
    }

    /// What the shell remembers of a seat that waits.
    pub(crate) fn kept(&mut self, seat: SeatId) -> Option<&mut W> {
        let part = self.parts.get_mut(seat.part)?;
        part.waiting.get_mut(&seat.number).map(|it| &mut it.kept)
    }

    /// What became of a seat, once. After it, the seat means nothing.
    pub(crate) fn collect(&mut self, seat: SeatId) -> Option<Result<Group, CoordinationError>> {
        self.settled.remove(&seat.number)
    }

    /// A seat is given up. What the shell remembered is handed out.
    pub(crate) fn leave(&mut self, seat: SeatId, enrolled: u64, woken: &mut Vec<W>) -> Option<W> {
        self.settled.remove(&seat.number);
        let waiting = self.remove(seat)?;
        self.form(enrolled, woken);
        Some(waiting.kept)
    }

    /// A user runs no more: nobody waits for it, and if it waits, nobody meets it.
    pub(crate) fn gone(&mut self, user: u64, enrolled: u64, woken: &mut Vec<W>) {
        if let Some(seat) = self.users.get(&user).copied()
            && let Some(waiting) = self.remove(seat)
        {
            let ended = CoordinationError::Other("the user has ended".to_owned());
            self.settled.insert(seat.number, Err(ended));
            woken.push(waiting.kept);
        }
        self.form(enrolled, woken);
    }

    /// The wait of a seat is over: a meeting of all meets without those who are missing. Whether the seat is settled.
    pub(crate) fn give_up(&mut self, seat: SeatId, woken: &mut Vec<W>) -> bool {
        if self.is_of_all() && self.kept(seat).is_some() {
            self.settle_group(woken);
        }
        self.settled.contains_key(&seat.number)
    }

    /// Send everyone away for this reason.
    pub(crate) fn dismiss(&mut self, reason: &CoordinationError, woken: &mut Vec<W>) {
        for part in &mut self.parts {
            for (number, waiting) in std::mem::take(&mut part.waiting) {
                self.settled.insert(number, Err(reason.clone()));
                woken.push(waiting.kept);
            }
        }
        self.users.clear();
        self.running = 0;
        self.bytes = 0;
        self.filled = 0;
    }

    /// Whether a group stays small enough with one more who brings so much.
    fn check_bytes(&self, bytes: usize) -> Result<(), CoordinationError> {
        if self.places.is_empty() {
            // Without roles no more wait than one group has: what they have brought together counts.
            if bytes > MEETING_BYTES_MAX - self.bytes.min(MEETING_BYTES_MAX) {
                return Err(CoordinationError::TooMany(format!(
                    "the group's members may bring {MEETING_BYTES_MAX} bytes together, and those who wait have brought {}",
                    self.bytes
                )));
            }
            return Ok(());
        }
        // With roles, who meets whom is known only in the end: everyone has an equal share.
        let share = MEETING_BYTES_MAX / self.plan.roles.len().max(1);
        if bytes > share {
            return Err(CoordinationError::TooLarge(share as u64));
        }
        Ok(())
    }

    /// Form whatever group is complete.
    fn form(&mut self, enrolled: u64, woken: &mut Vec<W>) {
        if self.is_of_all() {
            if self.running >= enrolled && !self.users.is_empty() {
                self.settle_group(woken);
            }
            return;
        }
        while self.filled == self.parts.len() {
            self.settle_group(woken);
        }
    }

    /// Make a group of those who have waited longest for each part; a meeting of all takes everyone.
    fn settle_group(&mut self, woken: &mut Vec<W>) {
        let mut chosen = Vec::new();
        for part in &mut self.parts {
            let needed = part.needed;
            chosen.extend(std::iter::from_fn(|| part.waiting.pop_first()).take(needed));
        }
        chosen.sort_unstable_by_key(|(number, _)| *number);
        let members: Arc<[Member]> = chosen.iter().map(|(_, it)| it.member.clone()).collect();
        for (position, (number, waiting)) in chosen.into_iter().enumerate() {
            self.users.remove(&waiting.member.user.id);
            self.running -= u64::from(waiting.runs);
            self.bytes -= waiting.member.data.len();
            let group = Group {
                number: self.groups,
                position: u32::try_from(position).unwrap_or(u32::MAX),
                members: Arc::clone(&members),
            };
            self.settled.insert(number, Ok(group));
            woken.push(waiting.kept);
        }
        self.groups += 1;
        self.open_group();
    }

    /// What the next group needs, and what is there of it.
    fn open_group(&mut self) {
        let size = match self.plan.size {
            MeetingSize::Exactly(size) => size as usize,
            MeetingSize::Between(min, max) => {
                let max = max.min(self.crowd).max(min);
                draw(self.seed, &self.name, self.groups, min, max) as usize
            }
            MeetingSize::All => usize::MAX,
        };
        if self.places.is_empty() {
            for part in &mut self.parts {
                part.needed = size;
            }
        }
        let enough = |part: &&Part<W>| part.waiting.len() >= part.needed;
        self.filled = self.parts.iter().filter(enough).count();
    }

    fn remove(&mut self, seat: SeatId) -> Option<Waiting<W>> {
        let part = self.parts.get_mut(seat.part)?;
        let waiting = part.waiting.remove(&seat.number)?;
        self.filled -= usize::from(part.waiting.len() + 1 == part.needed);
        self.running -= u64::from(waiting.runs);
        self.bytes -= waiting.member.data.len();
        self.users.remove(&waiting.member.user.id);
        Some(waiting)
    }
}
