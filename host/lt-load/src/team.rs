//! What the shifts of one scenario on all cores share.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use lt_spec::limits::{RATE_MAX, USERS_MAX};
use lt_spec::profile::{Climb, Curve, climb, users_at};
use lt_spec::seed;
use lt_spec::spec::{FailureLimit, Load, ScenarioSpec};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::budget::Budget;
use crate::counters::Counters;
use crate::phase::Signal;
use crate::positions::Positions;
use crate::steering::{SteerError, Steering};
use crate::vu::VuId;

/// What one core asks of another, or the run of a core.
#[derive(Debug)]
pub(crate) enum Order {
    /// Start the iteration that is due at this time: an idle user is reserved for it.
    Arrival(Duration),
    /// End the user of this slot, by force or gracefully.
    Remove { slot: u64, force: bool },
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
    /// Which core and slot a living user has, by id. Touched when a life begins and ends, never in between.
    living: Mutex<HashMap<u64, (u64, u64)>>,
}

impl Team {
    /// The team of a scenario on this many cores. `seed` is the run's.
    #[must_use]
    pub fn new(scenario: Arc<ScenarioSpec>, cores: u64, seed: u64) -> Arc<Self> {
        let cores = cores.max(1);
        let load = &scenario.load;
        let counters = Counters::default();
        counters.plan(load.users_max());
        let steering = Steering {
            climb: climb(load),
            users_max: load.users_max(),
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
            // Two scenarios of one run do not share their random arrivals.
            seed: seed::of_name(seed, &scenario.name),
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
            self.steer(|steering| {
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

    /// Change the number of users from now on: of an arrival rate, how many it may have at most.
    ///
    /// More users start one after another as the load spaces them; fewer end gracefully, the last first. A ramp keeps the
    /// number until its stages end.
    ///
    /// # Errors
    /// If the load has a fixed number of users, or there cannot be so many.
    pub fn set_users(&self, users: u64) -> Result<(), SteerError> {
        let load = &self.scenario.load;
        if users > USERS_MAX {
            return Err(SteerError::OutOfRange(format!(
                "{users} users are more than the {USERS_MAX} that one host may run; ask for fewer"
            )));
        }
        let now = self.elapsed(Instant::now());
        match load {
            Load::PerUserIterations(_) | Load::SharedIterations(_) => {
                return Err(SteerError::NotPossible(format!(
                    "{} has a fixed number of users; use constant-users to change it",
                    load.name()
                )));
            }
            Load::ConstantArrivalRate(_) | Load::RampingArrivalRate(_) if users == 0 => {
                return Err(SteerError::OutOfRange(
                    "an arrival rate needs at least one user; pause it to start nothing".to_owned(),
                ));
            }
            Load::ConstantArrivalRate(_) | Load::RampingArrivalRate(_) => {
                self.steer(|steering| steering.users_max = users);
            }
            Load::ConstantUsers(_) | Load::Churn(_) | Load::RampingUsers(_) => {
                self.steer(|steering| {
                    let present = steering.climb.unwrap_or_else(|| Climb {
                        at: Duration::ZERO,
                        from: users_at(load, now),
                        to: users_at(load, now),
                        interarrival: Duration::ZERO,
                    });
                    steering.climb = Some(present.turn(now, users));
                });
            }
        }
        self.counters.plan(users);
        self.steering.send_modify(|steering| steering.revision += 1);
        Ok(())
    }

    /// Start this many iterations a second from now on, for the rest of the load.
    ///
    /// # Errors
    /// If the load is no arrival rate, or the rate is not a number from zero to the highest there is.
    pub fn set_rate(&self, rate: f64) -> Result<(), SteerError> {
        let load = &self.scenario.load;
        let Some(planned) = Curve::of(load) else {
            return Err(SteerError::NotPossible(format!(
                "{} has no rate; use constant-arrival-rate or ramping-arrival-rate",
                load.name()
            )));
        };
        if !(0.0..=RATE_MAX).contains(&rate) {
            return Err(SteerError::OutOfRange(format!(
                "{rate} is no rate from 0 to {RATE_MAX} iterations a second; give one"
            )));
        }
        let now = self.elapsed(Instant::now());
        self.steer(|steering| {
            let present = steering.curve.as_deref().unwrap_or(&planned);
            steering.curve = Some(Arc::new(present.turn(now, rate)));
            steering.revision += 1;
        });
        Ok(())
    }

    /// Have users that wait between two iterations look whether they are outdated ([`Vu::is_outdated`](crate::Vu::is_outdated)):
    /// the others look before their next iteration in any case.
    pub fn renew_users(&self) {
        self.steer(|steering| steering.renewals = steering.renewals.wrapping_add(1));
    }

    /// No new iterations from now on; those under way end. The scenario's time stands still.
    pub fn pause(&self) {
        self.steer(|steering| {
            steering.paused_since.get_or_insert_with(Instant::now);
        });
    }

    /// Go on after a pause.
    pub fn resume(&self) {
        let now = Instant::now();
        self.steer(|steering| {
            steering.paused = steering.paused_for(now);
            steering.paused_since = None;
        });
    }

    /// End one user: gracefully, or by force, which drops it where it stands. It is replaced only in `churn`. `false` if
    /// there is no such user now.
    #[must_use]
    pub fn remove_user(&self, id: u64, force: bool) -> bool {
        let Some((core, slot)) = lock(&self.living).get(&id).copied() else {
            return false;
        };
        self.order(core, Order::Remove { slot, force })
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
        let Some(clock) = self.clock.get() else {
            return Duration::ZERO;
        };
        now.saturating_duration_since(*clock)
            .saturating_sub(self.paused_for(now))
            .saturating_sub(self.scenario.start)
    }

    fn steer(&self, change: impl FnOnce(&mut Steering)) {
        self.steering.send_modify(change);
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
        let failed = self.counters.fail_user();
        // Where users are replaced, more can fail than there are at a time.
        let all = self.counters.users_begun();
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

    /// The next position that no user has had.
    pub(crate) fn next_position(&self) -> u64 {
        lock(&self.positions).next()
    }

    /// A position below `most` that no living user has.
    pub(crate) fn take_position(&self, most: u64) -> Option<u64> {
        lock(&self.positions).take(most)
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
        self.steer(|steering| {
            steering.users_max = steering.users_max.saturating_sub(1);
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
        let Some(planned) = self.steering.borrow().climb.map(|climb| climb.to) else {
            return;
        };
        let vacant = lock(&self.vacant);
        // The count is only taken where it may be enough: once, unless the number of users was changed.
        let is_over = planned > 0
            && vacant.len() as u64 >= planned
            && vacant.range(..planned).count() as u64 == planned;
        if is_over {
            if !self.done.load(Ordering::Relaxed) && !self.budget.exhausted() {
                self.counters.end_without_users();
            }
            self.signal(Signal::Drain);
        }
    }

    /// A user's life begins.
    pub(crate) fn enlist(&self, id: VuId, core: u64, slot: u64) {
        self.counters.begin_user();
        lock(&self.living).insert(id.0, (core, slot));
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
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::cast_precision_loss, reason = "users are at most millions")]
fn share(failed: u64, all: u64) -> f64 {
    failed as f64 * 100.0 / all.max(1) as f64
}
