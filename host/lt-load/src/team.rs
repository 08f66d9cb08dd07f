//! What the shifts of one scenario on all cores share.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use lt_spec::profile::climb;
use lt_spec::seed;
use lt_spec::spec::{FailureLimit, Ids, Load, ScenarioSpec};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::budget::Budget;
use crate::counters::Counters;
use crate::phase::Signal;
use crate::positions::Positions;
use crate::steer::check_users;
use crate::steering::{SteerError, Steering};
use crate::vu::VuId;

/// What one core asks of another, or the run of a core.
#[derive(Debug)]
pub(crate) enum Order {
    /// Start the iteration that is due at this time: an idle user is reserved for it.
    Arrival(Duration),
    /// End the user of this slot, by force or gracefully. `is_first`: it was not asked for before, and its place is given back
    /// already, if the load keeps a rate.
    Remove {
        slot: u64,
        force: bool,
        is_first: bool,
    },
}

/// What is asked of one core.
pub(crate) type Orders = mpsc::UnboundedReceiver<Order>;

/// One core's line to the others.
#[derive(Debug)]
struct Line {
    /// Users that are idle and not reserved.
    idle: AtomicI64,
    /// At most one order for each idle user, and one for each removal that someone asked for.
    orders: mpsc::UnboundedSender<Order>,
    receiver: Mutex<Option<Orders>>,
}

/// What the shifts of one scenario on all cores share: counters, budget, signals, steering, and who is idle where.
///
/// It is also the handle by which a run steers the scenario while it goes on.
#[derive(Debug)]
pub struct Team {
    pub(crate) scenario: Arc<ScenarioSpec>,
    pub(crate) cores: u64,
    /// Seed of this scenario's arrivals.
    pub(crate) seed: u64,
    counters: Counters,
    budget: Budget,
    signals: watch::Sender<Signal>,
    steering: watch::Sender<Steering>,
    clock: OnceLock<Instant>,
    positions: Mutex<Positions>,
    /// Users of an arrival rate that exist or are being made.
    allocated: AtomicU64,
    /// Places of a closed load whose user has ended for good.
    vacant: Mutex<BTreeSet<u64>>,
    /// Whether any user of a closed load had all its iterations.
    done: AtomicBool,
    warned: AtomicBool,
    /// Whether any user of an arrival rate was ever idle.
    joined: AtomicBool,
    lines: Vec<Line>,
    /// Where a living user is, by id. Touched when a life begins and ends, and when it is to end.
    pub(crate) living: Mutex<HashMap<u64, Home>>,
    /// Ids of all positions, those of the loads before this one included.
    pub(crate) ids: Ids,
    /// Positions of the loads before this one; known when the last of those has ended.
    base: AtomicU64,
    /// Lives of this load's users and those of the loads before it.
    lives: Arc<Lives>,
    /// How many loads there were before.
    generation: u64,
}

/// Where a living user is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Home {
    pub(crate) core: u64,
    pub(crate) slot: u64,
    /// Whether this one user was asked to end, of a load that keeps a rate.
    pub(crate) leaves: bool,
}

/// Lives of a scenario's users, whichever load they were of.
#[derive(Debug, Default)]
struct Lives {
    begun: AtomicU64,
    failed: AtomicU64,
}

/// What a load goes on from.
struct Origin {
    ids: Ids,
    lives: Arc<Lives>,
    generation: u64,
    seed: u64,
}

impl Team {
    /// The team of a scenario on this many cores. `seed` is the run's.
    #[must_use]
    pub fn new(scenario: Arc<ScenarioSpec>, cores: u64, seed: u64) -> Arc<Self> {
        let ids = Ids::from(scenario.identities);
        Self::with_ids(scenario, ids, cores, seed)
    }

    /// The same, with ids that are not those of a scenario which is alone in its run.
    #[must_use]
    pub fn with_ids(scenario: Arc<ScenarioSpec>, ids: Ids, cores: u64, seed: u64) -> Arc<Self> {
        let origin = Origin {
            ids,
            lives: Arc::default(),
            generation: 0,
            // Two scenarios of one run do not share their random arrivals.
            seed: seed::of_name(seed, &scenario.name),
        };
        Self::from_origin(scenario, cores, origin)
    }

    /// The team that takes this one's place when the scenario gets another load: see [`Team::give_way`]. `scenario` is the same
    /// but for its load and start. Counters begin anew; who failed before counts towards the failure policy.
    ///
    /// # Errors
    /// If there are too few ids left for its users, or it has more than one process may have.
    pub fn successor(&self, scenario: Arc<ScenarioSpec>) -> Result<Arc<Self>, SteerError> {
        let users = scenario.load.users_max();
        let generation = self.generation + 1;
        let origin = Origin {
            ids: self.ids,
            lives: self.lives.clone(),
            generation,
            seed: seed::nth(self.seed, generation),
        };
        let next = Self::from_origin(scenario, self.cores, origin);
        next.base.store(self.positions_used(), Ordering::Relaxed);
        next.check_ids(users)?;
        check_users(users)?;
        Ok(next)
    }

    /// Let a successor take this team's place: no user of this one starts any more, those that live end gracefully, and the
    /// successor's are those that come after them. A pause goes on.
    pub fn give_way(&self, successor: &Self) {
        let used = lock(&self.positions).close();
        successor
            .base
            .store(self.base().saturating_add(used), Ordering::Relaxed);
        if self.is_paused() {
            successor.pause();
        }
        self.signal(Signal::Stop);
    }

    fn from_origin(scenario: Arc<ScenarioSpec>, cores: u64, origin: Origin) -> Arc<Self> {
        let cores = cores.max(1);
        let load = &scenario.load;
        let counters = Counters::default();
        counters.plan(load.users_max());
        let steering = Steering {
            climb: climb(load),
            users_max: load.users_max(),
            planned: load.users_max(),
            ..Steering::default()
        };
        let line = |_| {
            let (orders, receiver) = mpsc::unbounded_channel();
            Line {
                idle: AtomicI64::new(0),
                orders,
                receiver: Mutex::new(Some(receiver)),
            }
        };
        Arc::new(Self {
            cores,
            seed: origin.seed,
            counters,
            budget: Budget::of(load),
            signals: watch::Sender::new(Signal::Prepare),
            steering: watch::Sender::new(steering),
            clock: OnceLock::new(),
            positions: Mutex::new(Positions::from(match load {
                Load::ConstantArrivalRate(load) => load.users,
                Load::RampingArrivalRate(load) => load.users,
                _ => load.users_max(),
            })),
            allocated: AtomicU64::new(0),
            vacant: Mutex::default(),
            done: AtomicBool::new(false),
            warned: AtomicBool::new(false),
            joined: AtomicBool::new(false),
            lines: (0..cores).map(line).collect(),
            living: Mutex::default(),
            ids: origin.ids,
            base: AtomicU64::new(0),
            lives: origin.lives,
            generation: origin.generation,
            scenario,
        })
    }

    /// Numbers of all cores.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Tell all cores. A signal never replaces a later one.
    pub fn signal(&self, signal: Signal) {
        if let Signal::Start(clock) = signal
            && self.clock.set(clock).is_ok()
        {
            // What was paused before the clock began is no part of it.
            self.modify(|steering| {
                steering.paused = Duration::ZERO;
                steering.paused_since = steering.paused_since.map(|_| clock);
            });
        }
        self.signals.send_if_modified(|present| {
            let later = signal.rank() > present.rank();
            if later {
                *present = signal;
            }
            later
        });
    }

    /// The latest signal.
    #[must_use]
    pub fn signal_now(&self) -> Signal {
        *self.signals.borrow()
    }

    /// Have users that wait between two iterations look whether they are outdated ([`Vu::is_outdated`](crate::Vu::is_outdated)):
    /// the others look before their next iteration in any case.
    pub fn renew_users(&self) {
        self.modify(|steering| steering.renewals = steering.renewals.wrapping_add(1));
    }

    /// Whether no iteration starts for now.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.steering.borrow().paused_since.is_some()
    }

    /// How long the scenario has been paused, up to `now`.
    #[must_use]
    pub fn paused_for(&self, now: Instant) -> Duration {
        self.steering.borrow().paused_for(now)
    }

    /// How far the scenario is: since its start, without pauses.
    #[must_use]
    pub fn elapsed(&self, now: Instant) -> Duration {
        self.elapsed_with(&self.steering.borrow(), now)
    }

    /// The same for whoever holds the steering.
    pub(crate) fn elapsed_with(&self, steering: &Steering, now: Instant) -> Duration {
        self.since_clock(steering, now)
            .saturating_sub(self.scenario.start)
    }

    /// How long it still takes until the scenario starts, if its clock has: without pauses that are to come.
    #[must_use]
    pub fn until_start(&self, now: Instant) -> Duration {
        let since = self.since_clock(&self.steering.borrow(), now);
        self.scenario.start.saturating_sub(since)
    }

    fn since_clock(&self, steering: &Steering, now: Instant) -> Duration {
        let clock = self.clock.get().copied().unwrap_or(now);
        now.saturating_duration_since(clock)
            .saturating_sub(steering.paused_for(now))
    }

    /// Whether the clock has started; the scenario's own start may be later.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.clock.get().is_some()
    }

    /// What it does, with the load it has now.
    #[must_use]
    pub fn scenario(&self) -> &Arc<ScenarioSpec> {
        &self.scenario
    }

    /// Change what the cores go by.
    pub(crate) fn modify(&self, change: impl FnOnce(&mut Steering)) {
        self.steering.send_modify(change);
    }

    /// Whether the load keeps a rate: its users have no places that wait for one.
    pub(crate) fn keeps_rate(&self) -> bool {
        let load = &self.scenario.load;
        matches!(
            load,
            Load::ConstantArrivalRate(_) | Load::RampingArrivalRate(_)
        )
    }

    pub(crate) fn signals(&self) -> watch::Receiver<Signal> {
        self.signals.subscribe()
    }

    pub(crate) fn steering(&self) -> watch::Receiver<Steering> {
        self.steering.subscribe()
    }

    /// Whether a user that has done `done` iterations may have another.
    pub(crate) fn has_next(&self, done: u64) -> bool {
        self.budget.has_next(done)
    }

    /// Take one iteration for a user that has done `done`; tells all cores when that was the last.
    pub(crate) fn claim(&self, done: u64) -> bool {
        let claimed = self.budget.claim(done);
        if self.budget.exhausted() {
            self.signal(Signal::Drain);
        }
        claimed
    }

    /// Count a user that failed; why the run is to end if that was one too many.
    pub(crate) fn fail_user(&self) -> Option<String> {
        self.counters.fail_user();
        let failed = self.lives.failed.fetch_add(1, Ordering::Relaxed) + 1;
        // Where users are replaced, more can fail than there are at a time.
        let all = self.lives.begun.load(Ordering::Relaxed);
        let all = all.max(self.counters.users_planned());
        let name = &self.scenario.name;
        let reason = match self.scenario.on_failure.abort_after? {
            FailureLimit::Users(limit) if failed >= limit => {
                format!("{failed} users of {name} failed: the limit is {limit}")
            }
            FailureLimit::Percent(limit) if share(failed, all) >= limit => {
                format!("{failed} of {all} users of {name} failed: the limit is {limit} %")
            }
            FailureLimit::Users(_) | FailureLimit::Percent(_) => return None,
        };
        self.counters.give_up(&reason);
        self.signal(Signal::Stop);
        Some(reason)
    }

    /// The next position that no user of this load has had; `None` if another load has taken its place.
    pub(crate) fn next_position(&self) -> Option<u64> {
        lock(&self.positions).next()
    }

    /// A position below `most` that no living user has.
    pub(crate) fn take_position(&self, most: u64) -> Option<u64> {
        lock(&self.positions).take(most)
    }

    /// A user of this position begins. `None` if another load has taken this one's place; else its position among all users that
    /// the scenario ever had.
    pub(crate) fn take_up(&self, position: u64) -> Option<u64> {
        let is_open = lock(&self.positions).use_up(position);
        is_open.then(|| self.base().saturating_add(position))
    }

    /// Positions of the loads before this one.
    pub(crate) fn base(&self) -> u64 {
        self.base.load(Ordering::Relaxed)
    }

    /// Positions that users have had, under the loads before this one too.
    fn positions_used(&self) -> u64 {
        self.base().saturating_add(lock(&self.positions).used())
    }

    /// The user of a position has ended, and is not replaced now.
    pub(crate) fn free_position(&self, position: u64) {
        lock(&self.positions).free(position);
    }

    /// Take a place for one more user, if there may be one.
    pub(crate) fn allocate(&self, most: u64) -> bool {
        let one_more = |present| (present < most).then_some(present + 1);
        let order = Ordering::Relaxed;
        self.allocated.fetch_update(order, order, one_more).is_ok()
    }

    /// Give a user's place back.
    pub(crate) fn release(&self) {
        let one_less = |present: u64| present.checked_sub(1);
        let order = Ordering::Relaxed;
        let _none_left = self.allocated.fetch_update(order, order, one_less);
    }

    /// Give a user's place back, and let nobody have it: there may be one user fewer.
    pub(crate) fn release_for_good(&self) {
        self.release();
        self.modify(|steering| {
            steering.users_max = steering.users_max.saturating_sub(1);
            steering.planned = steering.planned.saturating_sub(1);
            self.counters.plan(steering.planned);
        });
    }

    /// Give a user's place back if there are more than there may be.
    pub(crate) fn release_surplus(&self, most: u64) -> bool {
        let one_less = |present: u64| (present > most).then(|| present.saturating_sub(1));
        let order = Ordering::Relaxed;
        self.allocated.fetch_update(order, order, one_less).is_ok()
    }

    /// Whether this is the first time that the users did not suffice.
    pub(crate) fn warn_once(&self) -> bool {
        !self.warned.swap(true, Ordering::Relaxed)
    }

    /// A user of an arrival rate has joined.
    pub(crate) fn note_joined(&self) {
        self.joined.store(true, Ordering::Relaxed);
    }

    /// Whether any user of an arrival rate has.
    pub(crate) fn has_joined(&self) -> bool {
        self.joined.load(Ordering::Relaxed)
    }

    /// A place of a closed load has no user any more: its user had all its iterations, or not. Once all have none, the load
    /// is over.
    pub(crate) fn vacate(&self, slot: u64, done: bool) {
        if done {
            self.done.store(true, Ordering::Relaxed);
        }
        lock(&self.vacant).insert(slot);
        self.end_if_vacant();
    }

    /// A place of a closed load has a user.
    pub(crate) fn occupy(&self, slot: u64) {
        lock(&self.vacant).remove(&slot);
    }

    /// End a load all of whose places are vacant: nobody is left who could iterate.
    pub(crate) fn end_if_vacant(&self) {
        let (places, barred) = {
            let steering = self.steering.borrow();
            let Some(climb) = steering.climb else { return };
            (climb.to, steering.barred.clone())
        };
        let planned = places.saturating_sub(barred.range(..places).count() as u64);
        let vacant = lock(&self.vacant);
        // The count is only taken where it may be enough: once, unless the number of users was changed.
        let is_over = planned > 0
            && vacant.len() as u64 >= planned
            && vacant.range(..places).count() as u64 == planned;
        drop(vacant);
        if is_over {
            self.end_without_more();
        }
    }

    /// End a load that has nobody left who could iterate, unless it ends already.
    pub(crate) fn end_without_more(&self) {
        let ends = self.signal_now().rank() >= Signal::Drain.rank();
        if !ends && !self.done.load(Ordering::Relaxed) && !self.budget.exhausted() {
            self.counters.end_without_users();
        }
        self.signal(Signal::Drain);
    }

    /// A user's life begins.
    pub(crate) fn enlist(&self, id: VuId, core: u64, slot: u64) {
        self.counters.begin_user();
        self.lives.begun.fetch_add(1, Ordering::Relaxed);
        let home = Home {
            core,
            slot,
            leaves: false,
        };
        lock(&self.living).insert(id.0, home);
    }

    /// A user's life has ended.
    pub(crate) fn discharge(&self, id: VuId) {
        lock(&self.living).remove(&id.0);
    }

    /// What is asked of a core: given to the first who asks.
    pub(crate) fn orders(&self, core: u64) -> Option<Orders> {
        lock(&self.line(core)?.receiver).take()
    }

    /// Ask something of a core; `false` if it has ended.
    pub(crate) fn order(&self, core: u64, order: Order) -> bool {
        self.line(core)
            .is_some_and(|line| line.orders.send(order).is_ok())
    }

    /// A core has one more idle user.
    pub(crate) fn offer(&self, core: u64) {
        if let Some(line) = self.line(core) {
            line.idle.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// How many users of a core are idle and not reserved.
    pub(crate) fn idle(&self, core: u64) -> u64 {
        let idle = |line: &Line| line.idle.load(Ordering::Acquire);
        self.line(core)
            .and_then(|line| u64::try_from(idle(line)).ok())
            .unwrap_or(0)
    }

    /// Reserve an idle user of a core.
    pub(crate) fn reserve(&self, core: u64) -> bool {
        let one_less = |idle: i64| (idle > 0).then(|| idle - 1);
        let (set, get) = (Ordering::AcqRel, Ordering::Acquire);
        self.line(core)
            .is_some_and(|line| line.idle.fetch_update(set, get, one_less).is_ok())
    }

    fn line(&self, core: u64) -> Option<&Line> {
        self.lines.get(usize::try_from(core).ok()?)
    }
}

/// No code panics while it holds one of these locks; if it did, what they guard would still be whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::cast_precision_loss, reason = "users are at most millions")]
fn share(failed: u64, all: u64) -> f64 {
    failed as f64 * 100.0 / all.max(1) as f64
}
