//! Users that iterate by themselves: what all executors share that say how many there are to be.
//!
//! Users have slots, counted from 0; while `n` users are wanted, those of the slots below `n` live. Every core walks the
//! same steps and looks after its own slots, which are every so many-th.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use lt_spec::limits::REBUILD_PAUSE;
use lt_spec::profile::{Climb, Ramp, Step};
use tokio::task::yield_now;
use tokio::time::Instant;

use super::renewals::Renewals;
use crate::pacer::users_of_core;
use crate::phase::Phase;
use crate::roster::{End, Gone, Roster, SPAWN_BATCH};
use crate::shift::at;
use crate::stop::StopFlag;
use crate::vu::VuFactory;

/// When how many users are wanted.
pub(super) enum Plan {
    /// One after another; the next step's number.
    Climb(Climb, u64),
    /// As stages say.
    Ramp(Box<Ramp>),
}

impl Plan {
    fn next(&mut self) -> Option<Step> {
        match self {
            Self::Climb(climb, number) => {
                *number += 1;
                climb.step(*number - 1)
            }
            Self::Ramp(ramp) => ramp.next(),
        }
    }
}

/// What becomes of the place of a user that has ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum Vacancy {
    /// It stays empty; once all are, the load is over.
    Ends,
    /// It stays empty until the ramp wants a user there anew.
    Waits,
    /// A new identity takes it after this time. Each has so many iterations.
    Renewed {
        after: Duration,
        iterations: Option<u64>,
    },
}

/// A request to end that has a deadline.
struct Deadline {
    at: Option<Instant>,
    slot: u64,
    flag: Rc<StopFlag>,
    requests: u32,
}

/// One core's users of a closed load.
pub(super) struct Closed<'a, F> {
    roster: &'a mut Roster<F>,
    plan: Plan,
    next: Option<Step>,
    vacancy: Vacancy,
    /// How long a user that is not wanted any more may take; `None`: as long as its iteration does.
    graceful: Option<Duration>,
    /// Users wanted now.
    wanted: u64,
    /// Slots below have had their first user.
    begun: u64,
    revision: u64,
    /// In order of time: they all have the same length.
    deadlines: VecDeque<Deadline>,
    /// Slots to start when the user that is just leaving them has gone.
    anew: HashSet<u64>,
    renewals: Renewals,
    /// Slots below `wanted` that are to have no user.
    barred: Arc<BTreeSet<u64>>,
    /// Slots whose users are dropped where they stand when they are not wanted any more: while a change is followed.
    forced: Range<u64>,
}

impl<'a, F: VuFactory> Closed<'a, F> {
    pub(super) fn new(roster: &'a mut Roster<F>, plan: Plan, vacancy: Vacancy) -> Self {
        Self {
            roster,
            plan,
            next: None,
            vacancy,
            graceful: None,
            wanted: 0,
            begun: 0,
            revision: 0,
            deadlines: VecDeque::new(),
            anew: HashSet::new(),
            renewals: Renewals::default(),
            barred: Arc::default(),
            forced: 0..0,
        }
    }

    /// Let users that are not wanted any more take at most this long.
    pub(super) fn graceful(mut self, graceful: Duration) -> Self {
        self.graceful = Some(graceful);
        self
    }

    /// Keep to the plan until the load ends and all users have. Users that are wanted at the very start are made before it.
    pub(super) async fn run(mut self) {
        let shift = self.roster.shift.clone();
        if let Some(first) = self.plan.next() {
            self.go_to(first).await;
        }
        self.next = self.plan.next();
        if shift.started().await {
            self.keep_to_plan().await;
        }
        self.finish().await;
    }

    async fn keep_to_plan(&mut self) {
        let shift = self.roster.shift.clone();
        loop {
            // First: an end that came with the load's own is no vacancy.
            if shift.phase() >= Phase::Draining {
                return;
            }
            // Before those who have ended are looked at: who is not wanted any more leaves no vacancy.
            if self.revision != shift.revision() {
                self.steer().await;
            }
            self.settle();
            let step = self.next.map(|step| step.at);
            let due = step.into_iter().chain(self.renewals.next()).min();
            let deadline = self.deadlines.front().and_then(|deadline| deadline.at);
            tokio::select! {
                biased;
                () = shift.due(due) => self.advance().await,
                () = at(deadline) => self.enforce(),
                () = self.roster.ended() => {}
                () = shift.steered.notified() => {}
                () = shift.watch.reached(Phase::Draining) => {}
            }
        }
    }

    /// No more users start; those that were ramped down keep their deadlines.
    async fn finish(&mut self) {
        while !self.roster.is_empty() {
            let deadline = self.deadlines.front().and_then(|deadline| deadline.at);
            tokio::select! {
                () = self.roster.ended() => {}
                () = at(deadline) => self.enforce(),
            }
        }
    }

    /// Do what is due.
    async fn advance(&mut self) {
        let now = self.roster.shift.elapsed();
        let mut done = 0;
        while let Some(step) = self.next.filter(|step| step.at <= now) {
            self.go_to(step).await;
            self.next = self.plan.next();
            done += 1;
            if done % SPAWN_BATCH == 0 {
                yield_now().await;
            }
        }
        while let Some((due, slot)) = self.renewals.take(now) {
            if slot < self.wanted && !self.is_past(due) && !self.is_living(slot) {
                self.start(slot, due);
            }
        }
    }

    /// Follow another plan from now on, if there is one.
    async fn steer(&mut self) {
        let shift = self.roster.shift.clone();
        let steering = shift.steering();
        let forced = steering.forced.since(self.revision).cloned();
        self.forced = forced.unwrap_or_default();
        self.revision = steering.revision;
        if let Some(climb) = steering.climb {
            self.plan = Plan::Climb(climb, 0);
            self.next = self.plan.next();
            // Who is not wanted any more goes during a pause too.
            let now = shift.elapsed();
            let is_down = |step: &Step| step.users < self.wanted && step.at <= now;
            if let Some(step) = self.next.filter(is_down) {
                self.go_to(step).await;
                self.next = self.plan.next();
            }
        }
        self.forced = 0..0;
        self.bar(steering.barred);
        if matches!(self.vacancy, Vacancy::Ends) {
            shift.team.end_if_vacant();
        }
    }

    /// Have no users in these slots any more, and again in those that were barred before.
    fn bar(&mut self, barred: Arc<BTreeSet<u64>>) {
        if Arc::ptr_eq(&barred, &self.barred) {
            return;
        }
        let before = std::mem::replace(&mut self.barred, barred.clone());
        let (core, cores) = (self.roster.shift.core, self.roster.shift.team.cores);
        let is_own = |slot: &&u64| **slot < self.wanted && **slot % cores == core;
        let gone: Vec<u64> = barred.difference(&before).filter(is_own).copied().collect();
        let back: Vec<u64> = before.difference(&barred).filter(is_own).copied().collect();
        for slot in gone {
            self.dismiss(slot);
        }
        let now = self.roster.shift.elapsed();
        for slot in back {
            if self.is_living(slot) {
                self.want(slot, now);
            } else {
                // Not during a pause: nobody starts then.
                self.renewals.put(slot, now);
            }
        }
    }

    /// Whether the load is over at this time: nobody starts at its very end.
    fn is_past(&self, time: Duration) -> bool {
        let length = self.roster.shift.team.scenario.load.length();
        length.is_some_and(|length| time >= length)
    }

    /// Have as many users as the step wants.
    async fn go_to(&mut self, step: Step) {
        if step.users > self.wanted && self.is_past(step.at) {
            return;
        }
        let (core, cores) = (self.roster.shift.core, self.roster.shift.team.cores);
        let (low, high) = (self.wanted.min(step.users), self.wanted.max(step.users));
        let grows = step.users > self.wanted;
        self.wanted = step.users;
        let first = low + (core + cores - low % cores) % cores;
        let mut done = 0;
        for slot in users_of_core(high, first, cores) {
            if grows {
                self.want(slot, step.at);
            } else {
                self.dismiss(slot);
            }
            done += 1;
            if done % SPAWN_BATCH == 0 {
                yield_now().await;
            }
        }
    }

    fn is_living(&self, slot: u64) -> bool {
        self.roster.shift.users.borrow().contains_key(&slot)
    }

    /// A slot is to have a user.
    fn want(&mut self, slot: u64, due: Duration) {
        self.renewals.forget(slot);
        if self.roster.shift.is_barred(slot) {
            return;
        }
        let flag = {
            let users = self.roster.shift.users.borrow();
            users.get(&slot).map(|handle| handle.flag.clone())
        };
        match flag {
            // It is still at its last iteration: it goes on.
            Some(flag) if flag.take_back() => {}
            Some(_) => {
                self.anew.insert(slot);
            }
            None => self.start(slot, due),
        }
    }

    /// A slot is to have none.
    fn dismiss(&mut self, slot: u64) {
        self.anew.remove(&slot);
        self.renewals.forget(slot);
        let users = self.roster.shift.users.borrow();
        let Some(handle) = users.get(&slot) else {
            return;
        };
        handle.end(self.forced.contains(&slot));
        let flag = handle.flag.clone();
        if let Some(graceful) = self.graceful {
            self.deadlines.push_back(Deadline {
                at: Instant::now().checked_add(graceful),
                slot,
                requests: flag.requests(),
                flag,
            });
        }
    }

    /// Drop users whose deadline has come.
    fn enforce(&mut self) {
        let now = Instant::now();
        while let Some(deadline) = self.deadlines.front()
            && deadline.at.is_none_or(|at| at <= now)
        {
            let Some(deadline) = self.deadlines.pop_front() else {
                return;
            };
            let flag = &deadline.flag;
            let users = self.roster.shift.users.borrow();
            // Not if it was wanted again meanwhile, or is another one.
            if flag.is_asked()
                && flag.requests() == deadline.requests
                && let Some(handle) = users.get(&deadline.slot)
                && Rc::ptr_eq(&handle.flag, flag)
            {
                handle.end(true);
            }
        }
    }

    /// Start the user of a slot.
    fn start(&mut self, slot: u64, due: Duration) {
        let team = self.roster.shift.team.clone();
        let is_first = slot >= self.begun;
        self.begun = self.begun.max(slot + 1);
        let (position, limit) = match self.vacancy {
            Vacancy::Ends | Vacancy::Waits => (slot, None),
            Vacancy::Renewed { iterations, .. }
                if is_first && slot < team.scenario.load.users_max() =>
            {
                (slot, iterations)
            }
            Vacancy::Renewed { iterations, .. } => match team.next_position() {
                Some(position) => (position, iterations),
                None => return,
            },
        };
        if matches!(self.vacancy, Vacancy::Ends) && !is_first {
            team.occupy(slot);
        }
        self.roster.start(slot, position, due, limit);
    }

    /// Look at the users that have ended.
    fn settle(&mut self) {
        let gone = std::mem::take(&mut *self.roster.shift.gone.borrow_mut());
        for Gone { slot, end } in gone {
            let was_dropped = self.roster.shift.dropped.borrow_mut().remove(&slot);
            if self.is_living(slot) {
                // It was wanted again before this was looked at: its next user has begun.
                continue;
            }
            let now = self.roster.shift.elapsed();
            if self.anew.remove(&slot) {
                self.start(slot, now);
                continue;
            }
            if slot >= self.wanted || self.roster.shift.is_barred(slot) {
                continue;
            }
            if was_dropped {
                // There were to be fewer, and at once as many again.
                self.start(slot, now);
                continue;
            }
            match self.vacancy {
                Vacancy::Ends => self.roster.shift.team.vacate(slot, end == End::Done),
                Vacancy::Waits => {}
                Vacancy::Renewed { after, .. } => {
                    // Users that cannot even join must not eat a core by replacing each other.
                    let after = if end == End::Unprepared {
                        after.max(REBUILD_PAUSE)
                    } else {
                        after
                    };
                    self.renewals.put(slot, now.saturating_add(after));
                }
            }
        }
    }
}
