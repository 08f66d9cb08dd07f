//! Runs of a real guest that are changed while they go on: `make test` builds the guests first.

use std::path::PathBuf;
use std::sync::{Condvar, LazyLock, Mutex};
use std::thread::JoinHandle;

use lt_data::{DataSet, LocalShared};
use lt_metrics::builtin;
use lt_runtime::{Engine, EngineOptions, Scenario};
use lt_spec::spec::{ConstantArrivalRate, ConstantUsers, Pace, Spacing};
use lt_spec::{Machine, RawRun, registry, resolve};

use super::*;
use crate::{
    ChangeSeen, Control, Ended, Exit, GeneratorLoad, PartSeen, RunOutcome, RunPlan, Tick, run,
};

/// How long a test waits for what must come: only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(120);

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    Engine::new(&EngineOptions {
        users_max: 1000,
        ..EngineOptions::default()
    })
    .unwrap()
});

/// A guest of `tests/programs`.
fn guest(name: &str) -> Scenario {
    let program = std::env::current_exe().unwrap();
    let target = program
        .ancestors()
        .find(|directory| directory.join("CACHEDIR.TAG").is_file());
    let file: PathBuf = target
        .unwrap()
        .join("wasm32-wasip2/release/examples")
        .join(format!("{name}.wasm"));
    let wasm = std::fs::read(&file);
    let wasm = wasm.unwrap_or_else(|error| panic!("{}: {error}: run `make test`", file.display()));
    ENGINE.load(&wasm).unwrap()
}

fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}

/// What a test sees of a run.
#[derive(Clone, Default)]
struct Seen {
    parts: Vec<PartSeen>,
    changes: Vec<ChangeSeen>,
    /// Samples of the thresholds' metrics, as they were last judged.
    judged: Vec<(String, u64)>,
    iterations: u64,
}

impl Seen {
    fn part(&self) -> &PartSeen {
        &self.parts[0]
    }

    fn refused(&self) -> Vec<Option<&str>> {
        let changes = self.changes.iter();
        changes.map(|change| change.refused.as_deref()).collect()
    }
}

/// A run of `user_live`, whose iterations take 20 ms, that goes on until a test stops it.
struct Going {
    control: Control,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    thread: JoinHandle<RunOutcome>,
}

impl Going {
    fn start(raw: RawRun) -> Self {
        Self::watched(raw, |_| {})
    }

    /// The same, with an observer beside the test's own.
    fn watched(raw: RawRun, watch: impl Fn(&Tick<'_>) + Send + 'static) -> Self {
        let scenario = guest("user_live");
        let raw = RawRun {
            duration: text("1h"),
            graceful_stop: text("60s"),
            cores: text("2"),
            ..raw
        };
        let machine = Machine {
            memory_available_bytes: None,
            cores: 2,
            node: "here".to_owned(),
            seed: 7,
            run_id: "changed".to_owned(),
        };
        let spec = resolve(&raw, scenario.description(), &machine).unwrap();
        let registry = Arc::new(registry(scenario.description()).unwrap());
        let control = Control::default();
        let seen: Arc<(Mutex<Seen>, Condvar)> = Arc::default();
        let (asked, shown) = (control.clone(), seen.clone());
        let thread = std::thread::spawn(move || {
            // A probe may stay on its thread.
            let plan = RunPlan {
                spec,
                registry,
                scenarios: vec![scenario],
                writers: Vec::new(),
                journals: Vec::new(),
                data: DataSet::default(),
                shared: LocalShared::open(None).unwrap(),
                probe: Box::new(GeneratorLoad::default),
                tracer: None,
                targets: None,
            };
            run(plan, &asked, &mut |tick| {
                show(&shown, tick);
                watch(tick);
            })
            .unwrap()
        });
        Self {
            control,
            seen,
            thread,
        }
    }

    /// So many users, at work.
    fn users(users: u64) -> Self {
        let going = Self::start(RawRun {
            users: Some(users.to_string()),
            ..RawRun::default()
        });
        going.until("at work", |seen| seen.part().users_active == users);
        going
    }

    /// Wait until this is so.
    fn until(&self, what: &str, is_so: impl Fn(&Seen) -> bool) -> Seen {
        let (seen, changed) = &*self.seen;
        let guard = seen.lock().unwrap();
        let is_so = |seen: &Seen| !seen.parts.is_empty() && is_so(seen);
        let wait = changed.wait_timeout_while(guard, PATIENCE, |seen| !is_so(seen));
        let (seen, timeout) = wait.unwrap();
        assert!(!timeout.timed_out(), "never {what}: {:#?}", seen.parts);
        seen.clone()
    }

    /// Wait until so many more iterations are done.
    fn go_on(&self, iterations: u64) {
        let so_far = self.seen.0.lock().unwrap().iterations;
        let enough = so_far + iterations;
        self.until("more iterations", |seen| seen.iterations >= enough);
    }

    fn change(&self, action: Action) -> Changed {
        let done = self.control.change(None, action).blocking_recv();
        done.unwrap().unwrap()
    }

    fn change_all(&self, actions: Vec<Action>) -> Result<Vec<Changed>, Vec<Refused>> {
        let changes = actions.into_iter().map(|action| (None, action)).collect();
        self.control.change_all(changes).blocking_recv().unwrap()
    }

    fn end(self) -> (RunOutcome, Seen) {
        self.control.stop_by_api(false);
        let outcome = self.thread.join().unwrap();
        let seen = self.seen.0.lock().unwrap().clone();
        (outcome, seen)
    }
}

fn show((seen, changed): &(Mutex<Seen>, Condvar), tick: &Tick<'_>) {
    let mut seen = seen.lock().unwrap();
    seen.parts = tick.parts.to_vec();
    seen.changes.extend_from_slice(tick.changes);
    let judged = tick.thresholds.iter();
    seen.judged = judged
        .map(|result| (result.metric.clone(), result.samples))
        .collect();
    seen.iterations = tick.iterations;
    changed.notify_all();
}

fn thresholds(texts: &[&str]) -> Action {
    Action::Thresholds(texts.iter().map(|text| text.parse().unwrap()).collect())
}

fn tags(pairs: &[(&str, &str)]) -> Action {
    let pairs = pairs.iter();
    Action::Tags(
        pairs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    )
}

fn constant(users: u64) -> Action {
    Action::Executor(Box::new(Load::ConstantUsers(ConstantUsers {
        users,
        duration: Some(Duration::from_secs(3600)),
        pace: Pace::default(),
    })))
}

fn rate(per_second: f64, users: u64) -> Action {
    Action::Executor(Box::new(Load::ConstantArrivalRate(ConstantArrivalRate {
        rate: per_second,
        duration: Some(Duration::from_secs(3600)),
        spacing: Spacing::Uniform,
        users,
        users_max: users,
    })))
}

#[test]
fn users_come_and_go_and_the_answer_says_how_many() {
    let going = Going::users(4);
    assert_eq!(going.change(Action::AddUsers(3)).users_added, 3);
    going.until("seven", |seen| {
        (seen.part().users_active, seen.part().users_planned) == (7, 7)
    });
    let (count, force) = (2, false);
    let gone = going.change(Action::RemoveUsers { count, force });
    assert_eq!(gone.users_removed, 2);
    let (ids, force) = (vec![1, 77], true);
    let named = going.change(Action::RemoveIds { ids, force });
    assert_eq!((named.users_removed, named.not_found), (1, vec![77]));
    let seen = going.until("four", |seen| seen.part().users_active == 4);
    assert_eq!(seen.part().users_planned, 4);
    going.go_on(20);
    let (outcome, seen) = going.end();
    assert_eq!(outcome.ended, Ended::StoppedByApi);
    assert_eq!(crate::ending::exit_of(&outcome), Exit::StoppedByApi);
    assert_eq!(seen.changes.len(), 3);
}

#[test]
fn all_that_is_asked_for_together_is_made_or_nothing() {
    let going = Going::users(3);
    let refused = going
        .change_all(vec![
            Action::Users(8),
            Action::Rate(5.0),
            thresholds(&["iterations:count>0"]),
            thresholds(&["no_such_metric:count>0"]),
            Action::Pause,
            Action::Set {
                name: "pace".to_owned(),
                value: "5000".to_owned(),
            },
        ])
        .unwrap_err();
    let told: Vec<(usize, bool)> = refused
        .iter()
        .map(|refused| (refused.position, !refused.reason.is_empty()))
        .collect();
    assert_eq!(told, [(1, true), (3, true), (5, true)], "all that is wrong");
    assert!(refused[2].reason.contains("pace"), "{refused:?}");
    going.go_on(10);
    let seen = going.until("three", |seen| {
        !seen.part().paused && seen.changes.len() == 6
    });
    assert_eq!(
        (seen.part().users_planned, seen.part().users_active),
        (3, 3)
    );
    assert!(seen.refused().iter().all(Option::is_some));
    assert!(seen.judged.is_empty());
    let made = going.change_all(vec![
        Action::Users(5),
        thresholds(&["iterations:count>0"]),
        Action::Set {
            name: "pace".to_owned(),
            value: "500".to_owned(),
        },
        Action::Annotate {
            text: "five at work".to_owned(),
            tags: Vec::new(),
        },
    ]);
    assert_eq!(made.unwrap().len(), 4);
    going.until("five", |seen| seen.part().users_active == 5);
    let (outcome, seen) = going.end();
    assert!(outcome.totals.count(builtin::ITERATIONS) > 0.0);
    assert_eq!(outcome.summary.thresholds.len(), 1);
    assert_eq!(seen.refused()[6..], [None; 4]);
}

#[test]
fn one_load_after_another_takes_over() {
    let going = Going::start(RawRun {
        users: text("3"),
        ..RawRun::default()
    });
    // At once: a load that is asked for before the run has begun waits for that.
    let changed = going.change(constant(2));
    assert_eq!((changed.users_added, changed.users_removed), (0, 1));
    going.until("two", |seen| seen.part().users_active == 2);
    going.go_on(10);
    going
        .change_all(vec![rate(50.0, 4), Action::AddUsers(1)])
        .unwrap();
    let seen = going.until("a rate", |seen| {
        seen.part().executor == "constant-arrival-rate" && seen.part().users_active == 4
    });
    assert_eq!(seen.part().users_planned, 5);
    assert!(seen.part().load.contains("50/s"), "{}", seen.part().load);
    going.go_on(30);
    let two = going
        .change_all(vec![constant(1), constant(2)])
        .unwrap_err();
    assert!(two[0].reason.contains("two loads at once"), "{two:?}");
    let (outcome, seen) = going.end();
    assert_eq!(outcome.ended, Ended::StoppedByApi);
    let summed = seen.iterations as f64;
    assert!(
        outcome.totals.count(builtin::ITERATIONS) >= summed,
        "counted over all loads"
    );
    assert_eq!(outcome.summary.state.interrupted_iterations, 0);
}

#[test]
fn a_run_is_judged_by_what_it_is_told_last() {
    let going = Going::start(RawRun {
        users: text("2"),
        thresholds: vec!["iterations:count<0".to_owned()],
        ..RawRun::default()
    });
    going.until("judged", |seen| seen.judged.len() == 1);
    // What nobody counted until now.
    let selected = "iterations{group:}:count>0";
    going.change(thresholds(&[selected, "checks:rate>0.5"]));
    going.until("judged anew", |seen| {
        seen.judged.len() == 2 && seen.judged.iter().all(|(_, samples)| *samples > 0)
    });
    let (outcome, _) = going.end();
    assert!(outcome.thresholds_passed);
    let sources: Vec<&str> = outcome
        .summary
        .thresholds
        .iter()
        .map(|result| result.metric.as_str())
        .collect();
    assert_eq!(sources, ["iterations{group:}", "checks"]);
}

#[test]
fn a_threshold_that_is_given_late_may_end_the_run() {
    let going = Going::users(2);
    going.change(thresholds(&["iterations:count<1;abort"]));
    let outcome = going.thread.join().unwrap();
    assert!(
        matches!(outcome.ended, Ended::ThresholdAbort(_)),
        "{:?}",
        outcome.ended
    );
}

#[test]
fn samples_carry_the_tags_that_the_run_has_then() {
    let going = Going::start(RawRun {
        users: text("2"),
        tags: vec!["phase=one".to_owned()],
        thresholds: vec![
            "iterations{phase:one}:count>0".to_owned(),
            "iterations{phase:two}:count>0".to_owned(),
        ],
        ..RawRun::default()
    });
    let of = |seen: &Seen, position: usize| seen.judged.get(position).map_or(0, |judged| judged.1);
    going.until("phase one", |seen| of(seen, 0) > 0);
    going.change(tags(&[("phase", "two")]));
    let seen = going.until("phase two", |seen| of(seen, 1) > 0);
    // What was recorded before the change may come in this second; nothing does after it.
    let first = going.until("another second", |later| of(later, 1) > of(&seen, 1));
    let later = going.until("one more", |later| of(later, 1) > of(&first, 1));
    assert_eq!(of(&first, 0), of(&later, 0));
    let (outcome, _) = going.end();
    assert!(outcome.thresholds_passed);
}

#[test]
fn a_paused_run_may_be_changed_and_goes_on_as_it_is_then() {
    let going = Going::users(3);
    going.change(Action::Pause);
    let seen = going.until("paused", |seen| {
        seen.part().paused && seen.part().iterations_open == 0
    });
    let (count, force) = (1, false);
    going.change(Action::RemoveUsers { count, force });
    going.until("two", |seen| seen.part().users_active == 2);
    going.change(Action::AddUsers(2));
    let now = going.until("planned", |seen| seen.part().users_planned == 4);
    assert_eq!(
        (now.iterations, now.part().users_active),
        (seen.iterations, 2)
    );
    going.change(Action::Resume);
    going.until("four", |seen| {
        !seen.part().paused && seen.part().users_active == 4
    });
    going.go_on(10);
    let _ended = going.end();
}

#[test]
fn what_a_run_cannot_do_is_refused_with_the_remedy() {
    let going = Going::users(1);
    let ask = |scenario: Option<&str>, action: Action| {
        let done = going.control.change(scenario, action).blocking_recv();
        done.unwrap().unwrap_err().reason
    };
    assert!(ask(Some("nobody"), Action::Pause).contains("\"nobody\""));
    assert!(ask(None, Action::Rate(1.0)).contains("constant-arrival-rate"));
    assert!(ask(None, Action::AddUsers(u64::MAX)).contains("1000000"));
    let gone = Action::Throttle {
        name: "gate".to_owned(),
        change: ThrottleChange::Pause,
    };
    assert!(ask(None, gone).contains("\"gate\""));
    let (_, seen) = going.end();
    assert_eq!(seen.changes.len(), 4);
}

#[test]
fn two_runs_of_one_engine_do_not_hurt_each_other() {
    let steady = Going::users(3);
    // One whose observer panics, one that is halted: each takes its own threads along and nobody else's.
    let panics = Going::watched(
        RawRun {
            users: text("3"),
            ..RawRun::default()
        },
        |tick| assert!(tick.iterations < 20, "as the test wants it"),
    );
    let halted = Going::users(3);
    steady.go_on(20);
    let waiting = panics.control.change(None, Action::Pause);
    assert!(panics.thread.join().is_err());
    // Made before the end or never: who asks is not left waiting.
    let _answered = waiting.blocking_recv();
    let late = panics.control.change(None, Action::Pause);
    assert!(late.blocking_recv().is_err());
    halted.control.stop_now();
    assert_eq!(halted.thread.join().unwrap().ended, Ended::Interrupted);
    steady.go_on(50);
    let (outcome, _) = steady.end();
    assert_eq!(outcome.ended, Ended::StoppedByApi);
    assert_eq!(outcome.summary.failures.len(), 0);
}
