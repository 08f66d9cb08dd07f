//! One core's part of a scenario: its users, its phase, and how it ends.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use lt_metrics::{FailureClass, Recorder, TagsId, builtin};
use tokio::sync::{Mutex, Notify, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::counters::Counters;
use crate::executor;
use crate::moves::Moves;
use crate::phase::{Phase, Signal};
use crate::roster::{Gone, Handle, Roster};
use crate::serve::Server;
use crate::steering::Steering;
use crate::stop::PhaseWatch;
use crate::team::{Order, Orders, Team};
use crate::vu::{Vu, VuFactory};

/// How often a core asks itself how late it would start an iteration that were due now.
const LAG_PROBE_INTERVAL: Duration = Duration::from_millis(100);

/// A wake later than this is one that the core missed: twenty times the timer's grain, and two ticks of the epoch, which is how
/// long one user may keep its neighbours waiting.
const MISSED_WAKE: Duration = Duration::from_millis(20);

/// How a core's part ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All users came to their end.
    Finished,
    /// Users were dropped in mid-iteration: the graceful stop was over, or the run was halted.
    Halted,
    /// A user asked for the end of the run, for this reason.
    Aborted(String),
    /// More users failed than the failure policy allows.
    TooManyFailures(String),
}

/// The turn to ask how late a core is. All scenarios of a core are equally late, so one of them asks at a time: whichever
/// runs, and when that has ended another.
#[derive(Clone, Debug, Default)]
pub struct LagProbe(Rc<Mutex<()>>);

/// One core's part of a scenario. Lives on that core's thread; users hold it by `Rc`.
pub struct Shift {
    pub(crate) team: Arc<Team>,
    pub(crate) core: u64,
    pub(crate) recorder: Rc<RefCell<Recorder>>,
    pub(crate) watch: Rc<PhaseWatch>,
    /// Living users by slot: a position, or a place of `churn`.
    pub(crate) users: RefCell<HashMap<u64, Handle>>,
    /// Users that have ended and that the executor has not looked at yet.
    pub(crate) gone: RefCell<VecDeque<Gone>>,
    /// Idle users of an arrival rate, the one that waits longest first.
    pub(crate) idle: RefCell<VecDeque<Rc<Server>>>,
    /// Position of the user of an arrival rate that is being made in the background.
    pub(crate) making: Cell<Option<u64>>,
    /// Users that are being renewed.
    pub(crate) moves: Moves,
    /// Slots of a closed load whose users were dropped because somebody asked for it. Who is wanted there again is another.
    pub(crate) dropped: RefCell<HashSet<u64>>,
    /// Slots of an arrival rate whose users have given their place back before they end: they were removed.
    pub(crate) removed: RefCell<HashSet<u64>>,
    /// Notified when users or rate were changed.
    pub(crate) steered: Notify,
    steering: RefCell<Steering>,
    probe: LagProbe,
    /// The run's clock plus the scenario's start; set when that has come.
    origin: Cell<Option<Instant>>,
    ended_by: RefCell<Option<Ending>>,
}

impl Shift {
    /// Core `core`'s part, which waits for `Signal::Start`. There is one for each core of the team.
    #[must_use]
    pub fn new(team: Arc<Team>, core: u64, recorder: Rc<RefCell<Recorder>>) -> Rc<Self> {
        Self::with_probe(team, core, recorder, LagProbe::default())
    }

    /// The same for a core that has parts of several scenarios: all are given that core's one probe, so that its lag and its
    /// missed wakes are not counted once for each.
    #[must_use]
    pub fn with_probe(
        team: Arc<Team>,
        core: u64,
        recorder: Rc<RefCell<Recorder>>,
        probe: LagProbe,
    ) -> Rc<Self> {
        let steering = team.steering().borrow().clone();
        Rc::new(Self {
            team,
            core,
            recorder,
            watch: PhaseWatch::new(),
            users: RefCell::default(),
            gone: RefCell::default(),
            idle: RefCell::default(),
            making: Cell::new(None),
            moves: Moves::default(),
            dropped: RefCell::default(),
            removed: RefCell::default(),
            steered: Notify::new(),
            steering: RefCell::new(steering),
            probe,
            origin: Cell::new(None),
            ended_by: RefCell::new(None),
        })
    }

    /// The present phase.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.watch.phase()
    }

    /// Run this core's users to their end. Must be polled inside a `LocalSet`. `tags` are those of the core's own samples:
    /// its `start_lag`, dropped iterations, and tasks that panicked.
    pub async fn run<F: VuFactory>(self: &Rc<Self>, factory: Rc<F>, tags: TagsId) -> Ending {
        let mut roster = Roster::new(self.clone(), factory, tags);
        // Before the users: they must not miss what changes while they are made.
        let follow = self.follow_steering(self.team.steering());
        let mut orders = self.team.orders(self.core);
        let obey = self.obey_orders(orders.as_mut(), tags);
        tokio::select! {
            // In this order: what is due at the very end is started before the end.
            biased;
            () = follow => {}
            () = executor::run(&mut roster) => {}
            () = obey => {}
            () = self.conduct() => {}
            () = self.probe_lag(tags) => {}
        }
        let ended = roster.is_empty();
        self.refuse_orders(orders, tags);
        roster.drop_all().await;
        match self.ended_by.take() {
            Some(ending) => ending,
            None if ended => Ending::Finished,
            None => Ending::Halted,
        }
    }

    /// Follow signals and the clock through the phases; returns when the users are to be dropped.
    async fn conduct(&self) {
        let mut signals = self.team.signals();
        let start = self.team.scenario.start;
        let length = self.team.scenario.load.length();
        let mut clock = None;
        while self.phase() < Phase::Stopping {
            match *signals.borrow_and_update() {
                Signal::Prepare => {}
                Signal::Start(instant) => clock = instant.checked_add(start),
                Signal::Drain => self.watch.enter(Phase::Draining),
                Signal::Stop => self.watch.enter(Phase::Stopping),
                Signal::Halt => return self.watch.enter(Phase::Halted),
            }
            if self.phase() >= Phase::Stopping {
                break;
            }
            let begun = self.phase() >= Phase::Running;
            tokio::select! {
                changed = signals.changed() => if changed.is_err() { return },
                () = self.until(clock, Duration::ZERO), if !begun => {
                    self.origin.set(clock);
                    self.watch.enter(Phase::Running);
                }
                () = self.due(length), if begun => self.watch.enter(Phase::Stopping),
            }
        }
        let deadline = Instant::now().checked_add(self.team.scenario.graceful_stop);
        tokio::select! {
            () = at(deadline) => {}
            () = halted(&mut signals) => {}
        }
        self.watch.enter(Phase::Halted);
    }

    /// Keep the present steering at hand, and wake whom a change concerns.
    async fn follow_steering(&self, mut steering: watch::Receiver<Steering>) {
        loop {
            let present = steering.borrow_and_update().clone();
            let last = self.steering.replace(present);
            let (waiting, users) = {
                let present = self.steering.borrow();
                let paused = last.paused_since != present.paused_since;
                let renewed = last.renewals != present.renewals;
                (paused || renewed, last.revision != present.revision)
            };
            if waiting {
                self.watch.changed.notify_waiters();
            }
            if users {
                self.steered.notify_waiters();
            }
            if steering.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Do what other cores and the run ask for.
    async fn obey_orders(self: &Rc<Self>, orders: Option<&mut Orders>, tags: TagsId) {
        let Some(orders) = orders else {
            return std::future::pending().await;
        };
        while let Some(order) = orders.recv().await {
            match order {
                Order::Arrival(due) => {
                    if !self.assign(due) {
                        // The user that was reserved for it has just ended.
                        self.drop_iterations(tags, 1);
                    }
                }
                Order::Remove {
                    slot,
                    force,
                    is_first,
                } => self.remove(slot, force, is_first),
            }
        }
    }

    /// End one user, whose going is accounted for already. Who is on its way out is left to go.
    fn remove(&self, slot: u64, force: bool, is_first: bool) {
        let users = self.users.borrow();
        let handle = users.get(&slot).filter(|handle| !handle.flag.is_obeyed());
        match handle {
            Some(handle) if self.team.keeps_rate() => {
                if is_first && handle.flag.is_asked() {
                    // It is one too many, and has given its place back already.
                    self.team.allocate(u64::MAX);
                }
                if is_first || force {
                    self.removed.borrow_mut().insert(slot);
                }
                handle.end(force);
            }
            Some(handle) => {
                if force {
                    self.dropped.borrow_mut().insert(slot);
                    handle.end(true);
                } else {
                    handle.end(false);
                }
            }
            // It has just ended, and has given its place back itself.
            None if is_first && self.team.keeps_rate() => {
                self.team.allocate(u64::MAX);
            }
            None => {}
        }
    }

    /// Count the arrivals that came too late: nobody is here any more.
    fn refuse_orders(&self, orders: Option<Orders>, tags: TagsId) {
        let Some(mut orders) = orders else { return };
        orders.close();
        while let Ok(order) = orders.try_recv() {
            if matches!(order, Order::Arrival(_)) {
                self.drop_iterations(tags, 1);
            }
        }
    }

    /// Record how late this core is, so that `start_lag` tells of an overloaded generator in every run.
    async fn probe_lag(&self, tags: TagsId) {
        if !self.started().await {
            return std::future::pending().await;
        }
        // Held until this core's part of the scenario has ended.
        let _turn = self.probe.0.lock().await;
        let mut ticks = interval(LAG_PROBE_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            let due = ticks.tick().await;
            let lag = Instant::now().saturating_duration_since(due);
            let mut recorder = self.recorder.borrow_mut();
            recorder.record_time(builtin::START_LAG, tags, lag);
            if lag > MISSED_WAKE {
                recorder.record(builtin::GENERATOR_MISSED_WAKES, tags, 1.0);
            }
        }
    }

    pub(crate) fn counters(&self) -> &Counters {
        self.team.counters()
    }

    /// Wait for the scenario to start; `false` if it ended before it did.
    pub(crate) async fn started(&self) -> bool {
        self.watch.reached(Phase::Running).await;
        self.origin.get().is_some()
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.steering.borrow().paused_since.is_some()
    }

    /// Which change of users or rate this core knows of.
    pub(crate) fn revision(&self) -> u64 {
        self.steering.borrow().revision
    }

    pub(crate) fn steering(&self) -> Steering {
        self.steering.borrow().clone()
    }

    pub(crate) fn users_max(&self) -> u64 {
        self.steering.borrow().users_max
    }

    /// Whether a slot is to have no user though it is among those that are.
    pub(crate) fn is_barred(&self, slot: u64) -> bool {
        self.steering.borrow().barred.contains(&slot)
    }

    /// How far the scenario is: since its start, without pauses. Zero before.
    pub(crate) fn elapsed(&self) -> Duration {
        let now = Instant::now();
        let paused = self.steering.borrow().paused_for(now);
        self.origin.get().map_or(Duration::ZERO, |origin| {
            now.saturating_duration_since(origin).saturating_sub(paused)
        })
    }

    /// When a time of the scenario comes, or came, by the pauses there have been; `None` before the scenario has started.
    pub(crate) fn instant_of(&self, time: Duration) -> Option<Instant> {
        self.instant_after(self.origin.get()?, time)
    }

    fn instant_after(&self, origin: Instant, time: Duration) -> Option<Instant> {
        let paused = self.steering.borrow().paused_for(Instant::now());
        origin.checked_add(time.checked_add(paused)?)
    }

    /// Wait until a time of the scenario has come: never during a pause, and never for no time.
    pub(crate) async fn due(&self, time: Option<Duration>) {
        match time {
            Some(time) => self.until(self.origin.get(), time).await,
            None => std::future::pending().await,
        }
    }

    /// Wait until `time` after `origin` has come, pauses not counted.
    async fn until(&self, origin: Option<Instant>, time: Duration) {
        let Some(origin) = origin else {
            return std::future::pending().await;
        };
        loop {
            let when = if self.is_paused() {
                None
            } else {
                self.instant_after(origin, time)
            };
            if when.is_some_and(|when| when <= Instant::now()) {
                return;
            }
            tokio::select! {
                () = at(when) => {}
                () = self.watch.changed.notified() => {}
            }
        }
    }

    /// End the run on all cores because a user asked for it.
    pub(crate) fn abort(&self, reason: String) {
        self.counters().abort(&reason);
        self.end_by(Ending::Aborted(reason));
        self.team.signal(Signal::Stop);
    }

    /// A user has failed for the first time.
    pub(crate) fn fail_user(&self) {
        if let Some(reason) = self.team.fail_user() {
            self.end_by(Ending::TooManyFailures(reason));
        }
    }

    /// The first reason counts.
    fn end_by(&self, ending: Ending) {
        self.ended_by.borrow_mut().get_or_insert(ending);
    }

    /// A fault of the host has ended a user's task: counted, and gone.
    pub(crate) fn record_panic(&self, tags: TagsId) {
        let message = "the host panicked in a user's task";
        let mut recorder = self.recorder.borrow_mut();
        recorder.failure(FailureClass::Host, tags, message);
    }

    pub(crate) fn record_lag<V: Vu>(&self, vu: &V, lag: Duration) {
        self.recorder
            .borrow_mut()
            .record_time(builtin::START_LAG, vu.tags(), lag);
    }
}

/// Wait until an instant, or for ever.
pub(crate) async fn at(when: Option<Instant>) {
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
