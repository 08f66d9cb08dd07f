//! Users' lives in virtual time: no test here waits for a real clock.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::sync::Arc;

use lt_metrics::{Recorder, Registry, SubmetricPlan, Tags, TagsId, Totals};
use lt_spec::spec::{ConstantUsers, Iterations};
use tokio::sync::watch;
use tokio::task::LocalSet;
use tokio::time::sleep;

use super::*;
use crate::budget::Budget;
use crate::phase::Signal;
use crate::shift::{Counters, Ending, ShiftPlan};
use crate::vu::BuildError;

const MS: fn(u64) -> Duration = Duration::from_millis;

/// What a test user does in each iteration.
#[derive(Clone, Copy, Default)]
struct Script {
    takes: Duration,
    outcome: Option<fn() -> Outcome>,
    join: Option<fn() -> Outcome>,
    hangs: bool,
}

/// What the users of a test did.
#[derive(Default)]
struct Diary {
    starts: RefCell<Vec<(u64, Duration, Duration)>>,
    left: Cell<u64>,
}

struct TestUser {
    id: VuId,
    script: Script,
    diary: Rc<Diary>,
    tags: TagsId,
    clock: Instant,
}

impl Vu for TestUser {
    async fn join(&mut self) -> Outcome {
        self.script.join.map_or(Outcome::Passed, |join| join())
    }
    async fn mend(&mut self) -> Outcome {
        Outcome::Passed
    }
    async fn iterate(&mut self, iteration: Iteration) -> Outcome {
        let since = |when: Instant| when - self.clock;
        let entry = (
            self.id.0,
            since(iteration.intended),
            since(iteration.actual),
        );
        self.diary.starts.borrow_mut().push(entry);
        if self.script.hangs {
            pending::<()>().await;
        }
        sleep(self.script.takes).await;
        self.script
            .outcome
            .map_or(Outcome::Passed, |outcome| outcome())
    }
    async fn leave(&mut self) {
        self.diary.left.set(self.diary.left.get() + 1);
    }
    fn tags(&self) -> TagsId {
        self.tags
    }
}

struct TestFactory {
    script: Script,
    diary: Rc<Diary>,
    tags: TagsId,
    clock: Instant,
}

impl VuFactory for TestFactory {
    type Vu = TestUser;
    async fn build(&self, id: VuId) -> Result<TestUser, BuildError> {
        let (script, diary) = (self.script, self.diary.clone());
        Ok(TestUser {
            id,
            script,
            diary,
            tags: self.tags,
            clock: self.clock,
        })
    }
}

/// A finished run: how it ended, what users did, how long it took.
struct Ran {
    ending: Ending,
    diary: Rc<Diary>,
    counters: Arc<Counters>,
    took: Duration,
    failures: u64,
}

/// Run users on one core in virtual time; `signal` is sent at its time.
fn run(
    users: u64,
    shape: ConstantUsers,
    script: Script,
    signal: Option<(Duration, Signal)>,
) -> Ran {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().unwrap();
    let local = LocalSet::new();
    local.block_on(&runtime, async move {
        let registry = Arc::new(Registry::new());
        let plan = Arc::new(SubmetricPlan::new(&registry, &[]).unwrap());
        let mut totals = Totals::new(registry.clone(), plan.clone());
        let recorder = Rc::new(RefCell::new(Recorder::new(registry, plan, false)));
        let tags = recorder.borrow_mut().intern(Tags::default());
        let counters = Arc::new(Counters::default());
        let signals = Arc::new(watch::Sender::new(Signal::Prepare));
        let budget = Arc::new(Budget::new(shape.iterations));
        let shift_plan = ShiftPlan {
            load: Load::ConstantUsers(shape),
            users,
            first_user: 1,
            core: 0,
            cores: 1,
        };
        let shift = Shift::new(
            shift_plan,
            recorder.clone(),
            counters.clone(),
            budget,
            signals.clone(),
        );
        let clock = Instant::now();
        let diary = Rc::new(Diary::default());
        let factory = Rc::new(TestFactory {
            script,
            diary: diary.clone(),
            tags,
            clock,
        });
        signals.send_replace(Signal::Start(clock));
        if let Some((after, signal)) = signal {
            tokio::task::spawn_local(async move {
                sleep(after).await;
                signals.send_replace(signal);
            });
        }
        let ending = shift.run(factory, tags).await;
        totals.merge(&recorder.borrow_mut().take());
        Ran {
            ending,
            diary,
            counters,
            took: clock.elapsed(),
            failures: totals.failures(FailureClass::Host),
        }
    })
}

fn shape(iterations: Iterations) -> ConstantUsers {
    ConstantUsers {
        duration: None,
        iterations,
        interarrival: Duration::ZERO,
        repeat_interval: None,
        graceful_stop: MS(30_000),
    }
}

#[test]
fn users_do_their_iterations_and_leave() {
    let script = Script {
        takes: MS(10),
        ..Script::default()
    };
    let ran = run(3, shape(Iterations::PerUser(2)), script, None);
    assert_eq!(ran.ending, Ending::Finished);
    assert_eq!(ran.diary.starts.borrow().len(), 6);
    assert_eq!(ran.diary.left.get(), 3);
    assert_eq!(ran.took, MS(20));
    assert_eq!(
        (
            ran.counters.users_active(),
            ran.counters.iterations_completed()
        ),
        (0, 6)
    );
}

#[test]
fn a_shared_budget_is_used_up_exactly() {
    let script = Script {
        takes: MS(10),
        ..Script::default()
    };
    let ran = run(3, shape(Iterations::Shared(7)), script, None);
    assert_eq!(
        (ran.ending, ran.diary.starts.borrow().len()),
        (Ending::Finished, 7)
    );
}

#[test]
fn users_start_one_interarrival_apart() {
    let shape = ConstantUsers {
        interarrival: MS(50),
        ..shape(Iterations::PerUser(1))
    };
    let ran = run(3, shape, Script::default(), None);
    let starts: Vec<_> = ran
        .diary
        .starts
        .borrow()
        .iter()
        .map(|(id, _, at)| (*id, *at))
        .collect();
    assert_eq!(starts, [(1, MS(0)), (2, MS(50)), (3, MS(100))]);
}

#[test]
fn a_repeat_interval_keeps_its_grid_when_an_iteration_overruns() {
    let shape = ConstantUsers {
        repeat_interval: Some(MS(20)),
        ..shape(Iterations::PerUser(4))
    };
    let ran = run(
        1,
        shape,
        Script {
            takes: MS(25),
            ..Script::default()
        },
        None,
    );
    let starts: Vec<_> = ran
        .diary
        .starts
        .borrow()
        .iter()
        .map(|(_, due, at)| (*due, *at))
        .collect();
    let expected = [(0, 0), (20, 25), (40, 50), (60, 75)].map(|(due, at)| (MS(due), MS(at)));
    assert_eq!(starts, expected);
}

#[test]
fn the_duration_ends_a_run_and_iterations_under_way_end_well() {
    let shape = ConstantUsers {
        duration: Some(MS(100)),
        ..shape(Iterations::Unlimited)
    };
    let ran = run(
        2,
        shape,
        Script {
            takes: MS(30),
            ..Script::default()
        },
        None,
    );
    assert_eq!((ran.ending, ran.took), (Ending::Finished, MS(120)));
    assert_eq!(
        (ran.diary.starts.borrow().len(), ran.diary.left.get()),
        (8, 2)
    );
}

#[test]
fn the_graceful_stop_has_an_end() {
    let shape = ConstantUsers {
        duration: Some(MS(100)),
        graceful_stop: MS(50),
        ..shape(Iterations::Unlimited)
    };
    let ran = run(
        2,
        shape,
        Script {
            hangs: true,
            ..Script::default()
        },
        None,
    );
    assert_eq!((ran.ending, ran.took), (Ending::Halted, MS(150)));
    assert_eq!(
        (ran.diary.left.get(), ran.counters.iterations_open()),
        (0, 2)
    );
    assert_eq!(ran.counters.users_active(), 0);
}

#[test]
fn stop_wakes_users_that_wait_for_their_next_iteration() {
    let shape = ConstantUsers {
        repeat_interval: Some(MS(60_000)),
        ..shape(Iterations::Unlimited)
    };
    let ran = run(2, shape, Script::default(), Some((MS(500), Signal::Stop)));
    assert_eq!(
        (ran.ending, ran.took, ran.diary.left.get()),
        (Ending::Finished, MS(500), 2)
    );
}

#[test]
fn stop_wakes_users_that_wait_for_their_first_start() {
    let shape = ConstantUsers {
        interarrival: MS(60_000),
        ..shape(Iterations::PerUser(1))
    };
    let ran = run(5, shape, Script::default(), Some((MS(500), Signal::Stop)));
    assert_eq!((ran.ending, ran.took), (Ending::Finished, MS(500)));
    assert_eq!(ran.diary.starts.borrow().len(), 1);
}

#[test]
fn halt_ends_at_once() {
    let script = Script {
        hangs: true,
        ..Script::default()
    };
    let ran = run(
        2,
        shape(Iterations::Unlimited),
        script,
        Some((MS(500), Signal::Halt)),
    );
    assert_eq!((ran.ending, ran.took), (Ending::Halted, MS(500)));
}

#[test]
fn a_user_may_end_itself_or_the_run() {
    let stops = Script {
        outcome: Some(|| Outcome::StopUser),
        ..Script::default()
    };
    let ran = run(2, shape(Iterations::Unlimited), stops, None);
    assert_eq!(
        (ran.ending, ran.diary.starts.borrow().len()),
        (Ending::Finished, 2)
    );

    let aborts = Script {
        takes: MS(10),
        outcome: Some(|| Outcome::AbortRun("no stock".into())),
        ..Script::default()
    };
    let ran = run(2, shape(Iterations::Unlimited), aborts, None);
    assert_eq!(ran.ending, Ending::Aborted("no stock".into()));
}

#[test]
fn a_user_that_cannot_join_does_not_iterate() {
    let script = Script {
        join: Some(|| Outcome::Failed),
        ..Script::default()
    };
    let ran = run(2, shape(Iterations::Unlimited), script, None);
    assert_eq!(
        (ran.ending, ran.diary.starts.borrow().len()),
        (Ending::Finished, 0)
    );
}

#[test]
fn iterations_that_never_wait_do_not_starve_the_clock() {
    // Without a yield in the loop this test would never end.
    let shape = ConstantUsers {
        duration: Some(MS(1)),
        ..shape(Iterations::Shared(10_000))
    };
    let ran = run(2, shape, Script::default(), None);
    assert!(ran.diary.starts.borrow().len() <= 10_000);
    assert_eq!(ran.ending, Ending::Finished);
}

#[test]
fn a_user_whose_task_panics_ends_alone() {
    let script = Script {
        outcome: Some(|| panic!("a fault of the host")),
        ..Script::default()
    };
    let ran = run(2, shape(Iterations::PerUser(1)), script, None);
    assert_eq!(ran.ending, Ending::Finished);
    assert_eq!(ran.counters.users_active(), 0);
    assert_eq!(ran.failures, 2);
}

#[test]
fn the_reason_of_an_abort_is_known_before_its_core_has_ended() {
    let aborts = Script {
        takes: MS(10),
        outcome: Some(|| Outcome::AbortRun("no stock".into())),
        ..Script::default()
    };
    let ran = run(1, shape(Iterations::Unlimited), aborts, None);
    assert_eq!(ran.counters.aborted(), Some("no stock"));
}
