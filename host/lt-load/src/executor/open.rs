//! Iterations that start when they are due, whoever is idle: what both arrival rates share.
//!
//! Arrivals are shared out by number among the cores that have users from the start. A core whose users are all busy hands
//! its arrival to another core: it reserves an idle user there and sends the time. If none is idle anywhere, the arrival is
//! a dropped iteration, and one more user is made in the background if there may be one (k6's rule).

use std::time::Duration;

use lt_spec::limits::REBUILD_PAUSE;
use lt_spec::profile::Arrivals;
use tokio::task::yield_now;
use tokio::time::Instant;

use crate::pacer::users_of_core;
use crate::phase::Phase;
use crate::roster::{End, Gone, Handle, Roster, SPAWN_BATCH};
use crate::team::Order;
use crate::vu::VuFactory;

/// Late arrivals that are started before users get their turn: those of ten milliseconds at 100 000 a second. After that,
/// users that have ended their iteration may be idle again.
const BURST: u64 = 1000;

/// One core's part of an arrival rate.
pub(super) struct Open<'a, F> {
    roster: &'a mut Roster<F>,
    /// Users made before the start, of all cores.
    users: u64,
    /// This core's arrivals; `None` if it takes only what others hand it.
    arrivals: Option<Arrivals>,
    revision: u64,
    /// Until when none is made in the background: the last could not join.
    rest_until: Option<Instant>,
    /// The core that was last handed an arrival.
    last_core: u64,
}

impl<'a, F: VuFactory> Open<'a, F> {
    pub(super) fn new(roster: &'a mut Roster<F>, users: u64) -> Self {
        let (core, team) = (roster.shift.core, &roster.shift.team);
        let sharing = team.cores.min(users).max(1);
        let arrivals = (core < sharing)
            .then(|| Arrivals::new(&team.scenario.load, team.seed, core, sharing))
            .flatten();
        Self {
            users,
            arrivals,
            revision: 0,
            rest_until: None,
            last_core: core,
            roster,
        }
    }

    /// Keep the rate until the load ends and all users have. The users are made, and join, before the start.
    pub(super) async fn run(mut self) {
        let shift = self.roster.shift.clone();
        let mut made = 0;
        for position in users_of_core(self.users, shift.core, shift.team.cores) {
            // What was asked for before the start does not make fewer users than the run waits for.
            shift.team.allocate(u64::MAX);
            self.roster.start_server(position);
            made += 1;
            if made % SPAWN_BATCH == 0 {
                yield_now().await;
            }
        }
        if shift.started().await {
            self.keep_rate().await;
        }
        self.roster.all_ended().await;
    }

    async fn keep_rate(&mut self) {
        let shift = self.roster.shift.clone();
        loop {
            self.settle();
            if shift.phase() >= Phase::Draining {
                return self.drop_overdue();
            }
            if self.revision != shift.revision() {
                self.steer();
            }
            let due = self.arrivals.as_ref().and_then(Arrivals::due);
            tokio::select! {
                biased;
                () = shift.due(due) => self.start_due().await,
                () = self.roster.ended() => {}
                () = shift.steered.notified() => {}
                () = shift.watch.reached(Phase::Draining) => {}
            }
        }
    }

    /// Start what is due; what is late is started now, all of it.
    async fn start_due(&mut self) {
        let now = self.roster.shift.elapsed();
        let mut started = 0;
        while let Some(arrivals) = &mut self.arrivals
            && let Some(due) = arrivals.due().filter(|due| *due <= now)
        {
            arrivals.advance();
            self.dispatch(due);
            started += 1;
            if started == BURST {
                return yield_now().await;
            }
        }
    }

    /// Find a user for an arrival.
    fn dispatch(&mut self, due: Duration) {
        let shift = self.roster.shift.clone();
        let team = &shift.team;
        if team.reserve(shift.core) && shift.assign(due) {
            return;
        }
        for step in 0..team.cores {
            let core = (self.last_core + 1 + step) % team.cores;
            if core != shift.core && team.reserve(core) {
                self.last_core = core;
                if team.order(core, Order::Arrival(due)) {
                    return;
                }
            }
        }
        shift.drop_iterations(self.roster.tags, 1);
        self.make_one_more();
    }

    /// Make one more user in the background, if there may be one: one at a time on each core, as k6 does.
    fn make_one_more(&mut self) {
        let shift = self.roster.shift.clone();
        if shift.making.get().is_some() {
            return;
        }
        if self.rest_until.is_some_and(|until| Instant::now() < until) {
            return self.warn_if_nobody_joined();
        }
        let most = shift.users_max();
        if !shift.team.allocate(most) {
            return self.warn();
        }
        let Some(position) = shift.team.take_position(most) else {
            // One too many has given its place back, and its position not yet: it is still leaving.
            return shift.team.release();
        };
        shift
            .making
            .set(Some(shift.team.base().saturating_add(position)));
        self.roster.start_server(position);
    }

    /// Say once that the users do not suffice.
    fn warn(&self) {
        let shift = &self.roster.shift;
        if !shift.team.has_joined() {
            return self.warn_if_nobody_joined();
        }
        if shift.team.warn_once() {
            tracing::warn!(
                scenario = shift.team.scenario.name,
                users = shift.users_max(),
                "insufficient users: all are busy and no more may be made, so iterations are dropped"
            );
        }
    }

    /// More users would not help.
    fn warn_if_nobody_joined(&self) {
        let team = &self.roster.shift.team;
        if !team.has_joined() && team.warn_once() {
            tracing::warn!(
                scenario = team.scenario.name,
                failed = team.counters().users_failed(),
                "no user has joined yet, so iterations are dropped: look at why join fails or takes so long"
            );
        }
    }

    fn steer(&mut self) {
        let shift = &self.roster.shift;
        let steering = shift.steering();
        if let (Some(arrivals), Some(curve)) = (&mut self.arrivals, steering.curve) {
            arrivals.follow(curve);
        }
        let forced = steering.forced.since(self.revision).is_some();
        self.revision = steering.revision;
        // Idle users beyond the most there may be end now, busy ones after their iteration.
        let idle: Vec<_> = shift.idle.borrow().iter().cloned().collect();
        for server in idle.iter().filter(|server| server.is_idle()) {
            if !shift.team.release_surplus(steering.users_max) {
                break;
            }
            server.dismiss();
        }
        if forced {
            self.drop_surplus(steering.users_max);
        }
    }

    /// Drop users where they stand, the last first, while there are more than there may be: somebody asked for it.
    fn drop_surplus(&self, most: u64) {
        let shift = &self.roster.shift;
        let users = shift.users.borrow();
        let mut removed = shift.removed.borrow_mut();
        let stays = |slot: &u64, handle: &Handle| {
            !removed.contains(slot) && !handle.flag.is_asked() && !handle.flag.is_obeyed()
        };
        let living = users.iter().filter(|(slot, handle)| stays(slot, handle));
        let mut living: Vec<u64> = living.map(|(slot, _)| *slot).collect();
        living.sort_unstable();
        while let Some(slot) = living.pop() {
            if !shift.team.release_surplus(most) {
                return;
            }
            removed.insert(slot);
            if let Some(handle) = users.get(&slot) {
                handle.end(true);
            }
        }
    }

    /// Look at the users that have ended.
    fn settle(&mut self) {
        let gone = std::mem::take(&mut *self.roster.shift.gone.borrow_mut());
        let team = self.roster.shift.team.clone();
        let is_over = self.roster.shift.phase() >= Phase::Draining;
        for Gone { slot, end } in gone {
            let position = team.base().saturating_add(slot);
            if end == End::Unprepared && self.roster.shift.making.get() == Some(position) {
                // Users that cannot join must not eat a core by being made for every arrival.
                self.rest_until = Instant::now().checked_add(REBUILD_PAUSE);
            }
            self.roster.shift.made(position);
            if self.roster.shift.removed.borrow_mut().remove(&slot) {
                // It has given its place back already, and is not replaced.
                team.free_position(slot);
                continue;
            }
            if end == End::Own && !is_over {
                // Its place is taken by a new user, so that the rate keeps its users: the same one, for only so many ids are
                // reserved as there may be users at a time.
                self.roster.start_server(slot);
                continue;
            }
            team.free_position(slot);
            match end {
                // It gave its place back itself, or was removed.
                End::Surplus => {}
                // Another may be made when one is missed, and not at once.
                End::Unprepared => team.release(),
                // Removed, or lost to a fault of the host: there may be one fewer from now on.
                End::Asked | End::Dropped if !is_over => team.release_for_good(),
                End::Own | End::Done | End::Asked | End::Dropped => team.release(),
            }
        }
    }
}

impl<F> Open<'_, F> {
    /// The end has come, and a core that was late has not started all that were due before it: they are not forgotten.
    fn drop_overdue(&mut self) {
        let Some(mut arrivals) = self.arrivals.take() else {
            return;
        };
        let shift = &self.roster.shift;
        let now = Instant::now();
        let is_overdue = |due: &Duration| shift.instant_of(*due).is_some_and(|at| at <= now);
        let mut overdue = 0;
        while arrivals.due().filter(is_overdue).is_some() {
            arrivals.advance();
            overdue += 1;
        }
        shift.drop_iterations(self.roster.tags, overdue);
    }
}

impl<F> Drop for Open<'_, F> {
    /// Without a graceful stop the executor does not live to see the end.
    fn drop(&mut self) {
        self.drop_overdue();
    }
}
