//! One core's part of a run: its users, its phase, and how it ends.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use lt_metrics::{FailureClass, Recorder, TagsId, builtin};
use lt_spec::spec::Load;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::budget::Budget;
use crate::executor::constant_users;
use crate::phase::{Phase, Signal};
use crate::vu::{Vu, VuFactory};

/// How often a core asks itself how late it would start an iteration that were due now.
const LAG_PROBE_INTERVAL: Duration = Duration::from_millis(100);

/// What one core is to do.
#[derive(Clone, Debug)]
pub struct ShiftPlan {
    /// The load shape.
    pub load: Load,
    /// Users of the whole run.
    pub users: u64,
    /// Id of the run's first user.
    pub first_user: u64,
    /// Which core this is, from 0.
    pub core: u64,
    /// How many cores there are.
    pub cores: u64,
}

/// Numbers of the whole run that all cores keep together; read once a second for display.
#[derive(Debug, Default)]
pub struct Counters {
    spawned: AtomicU64,
    built: AtomicU64,
    unbuilt: AtomicU64,
    active: AtomicU64,
    started: AtomicU64,
    completed: AtomicU64,
    /// Why a user asked for the end of the run: told at once, while its core still winds down.
    aborted: OnceLock<String>,
}

impl Counters {
    pub(crate) fn spawned(&self) {
        self.spawned.fetch_add(1, Ordering::Relaxed);
    }
    /// Count a user as built when the guard is dropped, however building it ends: the clock waits for the count.
    pub(crate) fn building(&self) -> Building<'_> {
        Building(self)
    }
    pub(crate) fn failed_to_build(&self) {
        self.unbuilt.fetch_add(1, Ordering::Relaxed);
    }
    pub(crate) fn begin_iteration(&self) {
        self.started.fetch_add(1, Ordering::Relaxed);
    }
    pub(crate) fn end_iteration(&self) {
        self.completed.fetch_add(1, Ordering::Relaxed);
    }
    /// Count a user as active until the guard is dropped, however its life ends.
    pub(crate) fn enter(&self) -> Active<'_> {
        self.active.fetch_add(1, Ordering::Relaxed);
        Active(self)
    }
    /// Users built, whether or not that succeeded.
    #[must_use]
    pub fn users_built(&self) -> u64 {
        self.built.load(Ordering::Relaxed)
    }
    /// Users that were built and can run.
    #[must_use]
    pub fn users_ready(&self) -> u64 {
        self.users_built()
            .saturating_sub(self.unbuilt.load(Ordering::Relaxed))
    }
    /// Why a user asked for the end of the run, if one did.
    #[must_use]
    pub fn aborted(&self) -> Option<&str> {
        self.aborted.get().map(String::as_str)
    }
    /// Users between join and leave.
    #[must_use]
    pub fn users_active(&self) -> u64 {
        self.active.load(Ordering::Relaxed)
    }
    /// Iterations that came to their end.
    #[must_use]
    pub fn iterations_completed(&self) -> u64 {
        self.completed.load(Ordering::Relaxed)
    }
    /// Iterations under way; after the run, those that were interrupted.
    #[must_use]
    pub fn iterations_open(&self) -> u64 {
        self.started
            .load(Ordering::Relaxed)
            .saturating_sub(self.completed.load(Ordering::Relaxed))
    }
}

/// Counts one user that was built, or could not be.
pub(crate) struct Building<'a>(&'a Counters);

impl Drop for Building<'_> {
    fn drop(&mut self) {
        self.0.built.fetch_add(1, Ordering::Relaxed);
    }
}

/// Counts one active user.
pub(crate) struct Active<'a>(&'a Counters);

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.0.active.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How a core's part ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All users came to their end.
    Finished,
    /// Users were dropped in mid-iteration: the graceful stop was over, or the run was halted.
    Halted,
    /// A user asked for the end of the run, for this reason.
    Aborted(String),
}

/// One core's part of a run. Lives on that core's thread; users hold it by `Rc`.
pub struct Shift {
    pub(crate) plan: ShiftPlan,
    pub(crate) recorder: Rc<RefCell<Recorder>>,
    pub(crate) counters: Arc<Counters>,
    budget: Arc<Budget>,
    signals: Arc<watch::Sender<Signal>>,
    phase: Cell<Phase>,
    phase_changed: Notify,
    clock: Cell<Option<Instant>>,
    abort_reason: RefCell<Option<String>>,
}

impl Shift {
    /// A shift that waits for `Signal::Start`.
    #[must_use]
    pub fn new(
        plan: ShiftPlan,
        recorder: Rc<RefCell<Recorder>>,
        counters: Arc<Counters>,
        budget: Arc<Budget>,
        signals: Arc<watch::Sender<Signal>>,
    ) -> Rc<Self> {
        Rc::new(Self {
            plan,
            recorder,
            counters,
            budget,
            signals,
            phase: Cell::new(Phase::Preparing),
            phase_changed: Notify::new(),
            clock: Cell::new(None),
            abort_reason: RefCell::new(None),
        })
    }

    /// The present phase.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// Whether users are asked to end soon.
    #[must_use]
    pub fn should_stop(&self) -> bool {
        self.phase.get() >= Phase::Stopping
    }

    /// Run this core's users to their end. Must be polled inside a `LocalSet`. `lag_tags` are the tags of the core's own
    /// samples of `start_lag`.
    pub async fn run<F: VuFactory>(self: &Rc<Self>, factory: Rc<F>, lag_tags: TagsId) -> Ending {
        let mut tasks = JoinSet::new();
        let Load::ConstantUsers(shape) = self.plan.load.clone();
        {
            let all = async {
                constant_users::start_users(self, &factory, &shape, &mut tasks, lag_tags).await;
                while let Some(ended) = tasks.join_next().await {
                    self.reap(ended, lag_tags);
                }
            };
            tokio::select! {
                () = all => {}
                () = self.conduct(shape.duration, shape.graceful_stop) => {}
                () = self.probe_lag(lag_tags) => {}
            }
        }
        let ended = tasks.is_empty();
        // Dropping the tasks drops the users where they stand.
        tasks.abort_all();
        while tasks.join_next().await.is_some() {}
        match self.abort_reason.take() {
            Some(reason) => Ending::Aborted(reason),
            None if ended => Ending::Finished,
            None => Ending::Halted,
        }
    }

    /// A user's task has ended. One that panicked is a fault of the host: counted, and gone.
    pub(crate) fn reap(&self, ended: Result<(), JoinError>, tags: TagsId) {
        if ended.is_err_and(|error| error.is_panic()) {
            let mut recorder = self.recorder.borrow_mut();
            recorder.failure(
                FailureClass::Host,
                tags,
                "the host panicked in a user's task",
            );
        }
    }

    /// Follow signals and the clock through the phases; returns when the users are to be dropped.
    async fn conduct(&self, duration: Option<Duration>, graceful_stop: Duration) {
        let mut signals = self.signals.subscribe();
        let mut stop_at: Option<Instant> = None;
        loop {
            match *signals.borrow_and_update() {
                Signal::Prepare => {}
                Signal::Start(clock) => {
                    if self.clock.get().is_none() {
                        self.clock.set(Some(clock));
                        stop_at = duration.and_then(|length| clock.checked_add(length));
                        self.enter(Phase::Running);
                    }
                }
                Signal::Drain => self.enter(Phase::Draining),
                Signal::Stop => self.enter(Phase::Stopping),
                Signal::Halt => return self.enter(Phase::Halted),
            }
            if self.phase() == Phase::Stopping {
                break;
            }
            tokio::select! {
                changed = signals.changed() => if changed.is_err() { return },
                () = at(stop_at) => self.enter(Phase::Stopping),
            }
            if self.phase() == Phase::Stopping {
                break;
            }
        }
        let deadline = Instant::now().checked_add(graceful_stop);
        tokio::select! {
            () = at(deadline) => {}
            () = halted(&mut signals) => {}
        }
        self.enter(Phase::Halted);
    }

    /// Record how late this core is, so that `start_lag` tells of an overloaded generator in every run.
    async fn probe_lag(&self, tags: TagsId) {
        if self.clock_started().await.is_none() {
            return std::future::pending().await;
        }
        let mut ticks = interval(LAG_PROBE_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            let due = ticks.tick().await;
            let lag = Instant::now().saturating_duration_since(due);
            self.recorder
                .borrow_mut()
                .record_time(builtin::START_LAG, tags, lag);
        }
    }

    fn enter(&self, phase: Phase) {
        if phase > self.phase.get() {
            self.phase.set(phase);
            self.phase_changed.notify_waiters();
        }
    }

    /// Wait until the phase is at least this one.
    pub(crate) async fn reached(&self, phase: Phase) {
        while self.phase.get() < phase {
            // No await lies between the check and the registration on this one thread, so no change is missed.
            self.phase_changed.notified().await;
        }
    }

    /// Wait for the clock to start; `None` if the run ended before it did.
    pub(crate) async fn clock_started(&self) -> Option<Instant> {
        self.reached(Phase::Running).await;
        let clock = self.clock.get()?;
        if Instant::now() < clock {
            sleep_until(clock).await;
        }
        Some(clock)
    }

    /// Take one iteration for a user that has done `done`; tells all cores when that was the last.
    pub(crate) fn claim(&self, done: u64) -> bool {
        let claimed = self.budget.claim(done);
        if self.budget.exhausted() {
            self.signal(Signal::Drain);
        }
        claimed
    }

    /// End the run on all cores because a user asked for it.
    pub(crate) fn abort(&self, reason: String) {
        // The first reason counts.
        let _later = self.counters.aborted.set(reason.clone());
        self.abort_reason.borrow_mut().get_or_insert(reason);
        self.signal(Signal::Stop);
    }

    fn signal(&self, signal: Signal) {
        self.signals.send_if_modified(|present| {
            let later = signal.rank() > present.rank();
            if later {
                *present = signal;
            }
            later
        });
    }

    pub(crate) fn record_lag<V: Vu>(&self, vu: &V, lag: Duration) {
        self.recorder
            .borrow_mut()
            .record_time(builtin::START_LAG, vu.tags(), lag);
    }
}

/// Wait until an instant, or for ever.
async fn at(when: Option<Instant>) {
    match when {
        Some(when) => sleep_until(when).await,
        None => std::future::pending().await,
    }
}

/// Wait for `Signal::Halt`.
async fn halted(signals: &mut watch::Receiver<Signal>) {
    let waited = signals.wait_for(|signal| *signal == Signal::Halt).await;
    if waited.is_err() {
        std::future::pending::<()>().await;
    }
}
