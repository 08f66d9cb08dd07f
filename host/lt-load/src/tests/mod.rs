//! Scenarios in virtual time, on one core or several: no test here waits for a real clock.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::future::pending;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use lt_metrics::{FailureClass, Recorder, Registry, SubmetricPlan, Tags, TagsId, Totals};
use lt_spec::limits::REBUILD_PAUSE;
use lt_spec::roles::Roles;
use lt_spec::spec::{FailurePolicy, Identities, Ids, Load, ScenarioSpec};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{Instant, sleep};

use crate::{
    BuildError, Ending, Iteration, LagProbe, Outcome, Place, Relay, Shift, Signal, StopFlag, Team,
    Vu, VuFactory,
};

mod closed;
mod lives;
mod losses;
mod open;
mod people;
mod probe;
mod relay;
mod renewing;
mod steering;
mod storm;

pub(crate) const MS: fn(u64) -> Duration = Duration::from_millis;
const S: fn(u64) -> Duration = Duration::from_secs;

/// What a test user does.
pub(crate) struct Script {
    /// How long iteration `number` of the user at `position` takes, and how it ends.
    iterate: Box<dyn Fn(u64, u64) -> (Duration, Outcome)>,
    join: Box<dyn Fn(u64) -> Outcome>,
    /// Whether `join` never ends.
    hangs_in_join: bool,
    /// Whether an iteration ends early when its user is asked to end.
    heeds: bool,
    /// The version that users are to have: a test raises it.
    wanted: Rc<Cell<u64>>,
    /// How long being renewed takes a user, and how it ends.
    renew: Box<dyn Fn(u64) -> (Duration, Outcome)>,
}

impl Script {
    /// Each iteration takes so long and passes.
    pub(crate) fn takes(time: Duration) -> Self {
        Self::does(move |_, _| (time, Outcome::Passed))
    }

    fn does(iterate: impl Fn(u64, u64) -> (Duration, Outcome) + 'static) -> Self {
        Self {
            iterate: Box::new(iterate),
            join: Box::new(|_| Outcome::Passed),
            hangs_in_join: false,
            heeds: false,
            wanted: Rc::default(),
            renew: Box::new(|_| (Duration::ZERO, Outcome::Passed)),
        }
    }

    /// Iterations never end by themselves.
    fn hangs() -> Self {
        Self::takes(Duration::MAX)
    }
}

#[derive(Clone, Copy, Debug)]
struct Start {
    position: u64,
    id: u64,
    number: u64,
    intended: Duration,
    actual: Duration,
}

/// What the users of a test did, and when, since the run's clock.
#[derive(Default)]
pub(crate) struct Diary {
    clock: Cell<Option<Instant>>,
    starts: RefCell<Vec<Start>>,
    joined: RefCell<Vec<(u64, Duration)>>,
    left: RefCell<Vec<(u64, Duration)>>,
    dropped: RefCell<Vec<(u64, Duration)>>,
    /// Users that were built anew after a loss.
    mended: RefCell<Vec<(u64, Duration)>>,
    /// When users began to be renewed, after they had left.
    renewed: RefCell<Vec<(u64, Duration)>>,
    /// How many were away to be renewed at a time.
    away: Cell<u64>,
    away_most: Cell<u64>,
    /// Ids of the users that are alive.
    living: RefCell<HashSet<u64>>,
    /// Users that were built while another with the same id lived.
    doubles: Cell<u64>,
}

impl Diary {
    fn since(&self, when: Instant) -> Duration {
        let clock = self.clock.get();
        clock.map_or(Duration::ZERO, |clock| {
            when.saturating_duration_since(clock)
        })
    }

    fn now(&self) -> Duration {
        self.since(Instant::now())
    }
}

pub(crate) struct TestUser {
    place: Place,
    script: Rc<Script>,
    diary: Rc<Diary>,
    tags: TagsId,
    has_left: bool,
    is_lost: bool,
    version: u64,
}

impl Vu for TestUser {
    async fn join(&mut self) -> Outcome {
        let entry = (self.place.position, self.diary.now());
        self.diary.joined.borrow_mut().push(entry);
        if self.script.hangs_in_join {
            pending::<()>().await;
        }
        (self.script.join)(self.place.position)
    }

    async fn mend(&mut self) -> Outcome {
        if std::mem::take(&mut self.is_lost) {
            sleep(REBUILD_PAUSE).await;
            let entry = (self.place.position, self.diary.now());
            self.diary.mended.borrow_mut().push(entry);
        }
        Outcome::Passed
    }

    fn is_outdated(&self) -> bool {
        self.version != self.script.wanted.get()
    }

    async fn renew(&mut self) -> Outcome {
        assert!(
            std::mem::take(&mut self.has_left),
            "it did not leave before"
        );
        self.version = self.script.wanted.get();
        let diary = self.diary.clone();
        let entry = (self.place.position, diary.now());
        diary.renewed.borrow_mut().push(entry);
        diary.away.set(diary.away.get() + 1);
        diary
            .away_most
            .set(diary.away_most.get().max(diary.away.get()));
        let (takes, outcome) = (self.script.renew)(self.place.position);
        if !takes.is_zero() {
            sleep(takes).await;
        }
        diary.away.set(diary.away.get() - 1);
        outcome
    }

    async fn iterate(&mut self, iteration: Iteration) -> Outcome {
        let position = self.place.position;
        self.diary.starts.borrow_mut().push(Start {
            position,
            id: self.place.id.0,
            number: iteration.number,
            intended: self.diary.since(iteration.intended),
            actual: self.diary.since(iteration.actual),
        });
        let (takes, outcome) = (self.script.iterate)(position, iteration.number);
        let work = async {
            match takes {
                Duration::MAX => pending().await,
                Duration::ZERO => {}
                takes => sleep(takes).await,
            }
        };
        let stop: &StopFlag = &self.place.stop;
        tokio::select! {
            () = work => {}
            () = stop.stopping(), if self.script.heeds => {}
        }
        self.is_lost = outcome == Outcome::Lost;
        outcome
    }

    async fn leave(&mut self) {
        self.has_left = true;
        let entry = (self.place.position, self.diary.now());
        self.diary.left.borrow_mut().push(entry);
    }

    fn tags(&self) -> TagsId {
        self.tags
    }
}

impl Drop for TestUser {
    fn drop(&mut self) {
        self.diary.living.borrow_mut().remove(&self.place.id.0);
        if !self.has_left {
            let entry = (self.place.position, self.diary.now());
            self.diary.dropped.borrow_mut().push(entry);
        }
    }
}

pub(crate) struct TestFactory {
    script: Rc<Script>,
    diary: Rc<Diary>,
    tags: TagsId,
}

impl VuFactory for TestFactory {
    type Vu = TestUser;
    async fn build(&self, place: Place) -> Result<TestUser, BuildError> {
        if !self.diary.living.borrow_mut().insert(place.id.0) {
            self.diary.doubles.set(self.diary.doubles.get() + 1);
        }
        Ok(TestUser {
            place,
            script: self.script.clone(),
            diary: self.diary.clone(),
            tags: self.tags,
            has_left: false,
            is_lost: false,
            version: self.script.wanted.get(),
        })
    }
}

/// A change, and when it is made.
type Act = (Duration, Box<dyn Fn(&Relay)>);

fn act(after: Duration, act: impl Fn(&Arc<Team>) + 'static) -> Act {
    (after, Box::new(move |relay| act(&relay.present().unwrap())))
}

/// Give the scenario another load.
fn replace(after: Duration, load: Load) -> Act {
    (
        after,
        Box::new(move |relay| {
            let present = relay.present().unwrap();
            let scenario = ScenarioSpec {
                load: load.clone(),
                start: present.until_start(Instant::now()),
                ..ScenarioSpec::clone(present.scenario())
            };
            let next = present.successor(Arc::new(scenario)).unwrap();
            relay.pass_on(next).unwrap();
        }),
    )
}

/// A scenario that has run: how its cores ended, what users did, how long it took.
struct Ran {
    endings: Vec<Ending>,
    diary: Rc<Diary>,
    /// The last.
    team: Arc<Team>,
    relay: Arc<Relay>,
    took: Duration,
    panics: u64,
    dropped_metric: f64,
}

impl Ran {
    fn actual(&self) -> Vec<Duration> {
        let mut all: Vec<_> = self.starts().iter().map(|start| start.actual).collect();
        all.sort_unstable();
        all
    }

    fn starts(&self) -> Vec<Start> {
        self.diary.starts.borrow().clone()
    }

    fn starts_of(&self, position: u64) -> Vec<Duration> {
        let starts = self.starts().into_iter();
        let own = starts.filter(|start| start.position == position);
        own.map(|start| start.actual).collect()
    }

    fn joined(&self) -> Vec<(u64, Duration)> {
        sorted(&self.diary.joined)
    }

    fn left(&self) -> Vec<(u64, Duration)> {
        sorted(&self.diary.left)
    }

    fn dropped(&self) -> Vec<(u64, Duration)> {
        sorted(&self.diary.dropped)
    }

    fn renewed(&self) -> Vec<(u64, Duration)> {
        sorted(&self.diary.renewed)
    }

    fn mended(&self) -> Vec<(u64, Duration)> {
        sorted(&self.diary.mended)
    }

    fn finished(&self) -> bool {
        self.endings
            .iter()
            .all(|ending| *ending == Ending::Finished)
    }
}

fn sorted(entries: &RefCell<Vec<(u64, Duration)>>) -> Vec<(u64, Duration)> {
    let mut entries = entries.borrow().clone();
    entries.sort_unstable();
    entries
}

fn scenario(load: Load) -> ScenarioSpec {
    ScenarioSpec {
        name: "test".to_owned(),
        start: Duration::ZERO,
        load,
        graceful_stop: S(30),
        identities: Identities {
            first: 1,
            existing: None,
        },
        last_id: None,
        roles: Roles::default(),
        settings: Default::default(),
        secrets: Vec::new(),
        tags: Default::default(),
        on_failure: FailurePolicy::default(),
    }
}

fn run(load: Load, cores: u64, script: Script) -> Ran {
    run_with(scenario(load), cores, script, Vec::new())
}

pub(crate) fn recorder() -> (Recorder, Totals) {
    let registry = Arc::new(Registry::new());
    let plan = Arc::new(SubmetricPlan::new(&registry, &[]).unwrap());
    let totals = Totals::new(registry.clone(), plan.clone());
    (Recorder::new(registry, plan, false), totals)
}

/// Run a scenario on so many cores, all on one thread.
fn run_with(spec: ScenarioSpec, cores: u64, script: Script, acts: Vec<Act>) -> Ran {
    simulate((spec, None), cores, script, acts, true)
}

/// The same without `Signal::Start`, unless an act gives it; times count from the beginning.
fn run_unstarted(spec: ScenarioSpec, cores: u64, script: Script, acts: Vec<Act>) -> Ran {
    simulate((spec, None), cores, script, acts, false)
}

fn simulate(
    (spec, ids): (ScenarioSpec, Option<Ids>),
    cores: u64,
    script: Script,
    acts: Vec<Act>,
    starts: bool,
) -> Ran {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().unwrap();
    let local = LocalSet::new();
    local.block_on(&runtime, async move {
        let at_start = spec.load.users_at_start();
        let ids = ids.unwrap_or_else(|| Ids::from(spec.identities));
        let team = Team::with_ids(Arc::new(spec), ids, cores, 7);
        let relay = Relay::new(team.clone());
        let diary = Rc::new(Diary::default());
        let script = Rc::new(script);
        let (_, mut totals) = recorder();
        let mut shifts = Vec::new();
        for core in 0..cores {
            let recorder = Rc::new(RefCell::new(recorder().0));
            let tags = recorder.borrow_mut().intern(Tags::default());
            let factory = Rc::new(TestFactory {
                script: script.clone(),
                diary: diary.clone(),
                tags,
            });
            let relay = relay.clone();
            shifts.push(spawn_local(async move {
                let measures = (&recorder, &LagProbe::default());
                let ending = relay.run(core, measures, (&factory, tags)).await;
                (ending, recorder)
            }));
        }
        while starts && team.counters().users_built() < at_start {
            sleep(MS(1)).await;
        }
        let clock = Instant::now();
        diary.clock.set(Some(clock));
        if starts {
            team.signal(Signal::Start(clock));
        }
        let mut acting = Vec::new();
        for (after, act) in acts {
            let relay = relay.clone();
            acting.push(spawn_local(async move {
                sleep(after).await;
                act(&relay);
            }));
        }
        let mut endings = Vec::new();
        for shift in shifts {
            let (ending, recorder) = shift.await.unwrap();
            totals.merge(&recorder.borrow_mut().take());
            endings.push(ending);
        }
        for act in acting {
            // Some come after the end.
            if act.is_finished() {
                act.await.unwrap();
            }
        }
        assert_eq!(diary.doubles.get(), 0, "two users with one id");
        Ran {
            endings,
            diary,
            team: relay.present().unwrap(),
            relay,
            took: clock.elapsed(),
            panics: totals.failures(FailureClass::Host),
            dropped_metric: totals.count(lt_metrics::builtin::DROPPED_ITERATIONS),
        }
    })
}
