//! Users that are lost or fail, and what becomes of their load.

use lt_spec::spec::{Churn, FailureLimit, OnLoss, Pace, PerUserIterations, SharedIterations};

use super::lives::load;
use super::open::constant as rate;
use super::*;

#[test]
fn a_user_that_cannot_join_does_not_iterate_and_has_failed() {
    let mut script = Script::takes(MS(10));
    script.join = Box::new(|_| Outcome::Failed);
    let ran = run(load(2, None, 0, None), 2, script);
    assert_eq!((ran.finished(), ran.starts().len()), (true, 0));
    assert_eq!(ran.team.counters().users_failed(), 2);
}

#[test]
fn a_load_that_nobody_is_left_for_says_so() {
    let joins = |passes: fn(u64) -> bool| {
        let mut script = Script::takes(MS(10));
        script.join = Box::new(move |position| match passes(position) {
            true => Outcome::Passed,
            false => Outcome::Failed,
        });
        script
    };
    let per_user = |iterations| {
        Load::PerUserIterations(PerUserIterations {
            users: 4,
            iterations,
            max_duration: None,
            pace: Pace::default(),
        })
    };
    let shared = Load::SharedIterations(SharedIterations {
        users: 4,
        iterations: 3,
        max_duration: None,
        pace: Pace::default(),
    });
    let own = || {
        Script::does(|_, number| match number {
            1 => (MS(10), Outcome::StopUser),
            _ => (MS(10), Outcome::Passed),
        })
    };
    for cores in [1, 2] {
        let ends = |load: &Load, script| {
            let ran = run(load.clone(), cores, script);
            assert!(ran.finished());
            ran.team.counters().ended_without_users()
        };
        for load in [load(4, Some(60_000), 0, None), per_user(1), shared.clone()] {
            assert_eq!(ends(&load, joins(|_| false)), Some(4), "{}", load.name());
        }
        // Some have failed, but the load had its time or its iterations.
        for load in [load(4, Some(100), 0, None), per_user(1), shared.clone()] {
            let some = joins(|position| position > 1);
            assert_eq!(ends(&load, some), None, "{}", load.name());
        }
        // They ended themselves: before their last iteration, or in it.
        assert_eq!(ends(&load(4, None, 0, None), own()), Some(0));
        assert_eq!(ends(&per_user(3), own()), Some(0));
        assert_eq!(ends(&per_user(2), own()), None);
        assert_eq!(
            ends(&load(4, Some(20), 0, None), Script::takes(MS(10))),
            None
        );
    }
}

#[test]
fn a_lost_user_is_built_anew_or_retired_and_counted_once() {
    let loses = || {
        Script::does(|_, number| {
            (
                MS(10),
                if number < 2 {
                    Outcome::Lost
                } else {
                    Outcome::Passed
                },
            )
        })
    };
    // Two are lost, with a pause after each; eight more pass.
    let mut spec = scenario(load(2, Some(300), 0, None));
    let ran = run_with(spec.clone(), 1, loses(), Vec::new());
    assert_eq!(
        (ran.starts().len(), ran.team.counters().users_failed()),
        (20, 2)
    );
    spec.on_failure.on_loss = OnLoss::Retire;
    let ran = run_with(spec, 1, loses(), Vec::new());
    assert_eq!(
        (ran.starts().len(), ran.finished(), ran.took),
        (2, true, MS(10))
    );
    assert_eq!(ran.team.counters().users_failed(), 2);
}

#[test]
fn a_user_that_is_lost_in_its_last_iteration_is_not_built_anew() {
    let loses = || Script::does(|_, _| (MS(10), Outcome::Lost));
    let pace = Pace {
        interarrival: MS(0),
        repeat_interval: Some(S(60)),
    };
    let once = Load::PerUserIterations(PerUserIterations {
        users: 2,
        iterations: 1,
        max_duration: None,
        pace,
    });
    let shared = Load::SharedIterations(SharedIterations {
        users: 2,
        iterations: 2,
        max_duration: None,
        pace,
    });
    let churned = Load::Churn(Churn {
        users: 2,
        iterations: Some(1),
        duration: Some(MS(15)),
        interval: MS(0),
        repeat_interval: None,
    });
    for load in [
        once,
        shared,
        churned,
        load(2, Some(10), 0, None),
        rate(200.0, 10, 2, 2),
    ] {
        let name = load.name();
        let ran = run(load, 1, loses());
        assert_eq!(ran.mended(), [], "{name}");
        assert!(ran.starts().len() >= 2 && ran.took <= MS(25), "{name}");
        assert!(ran.finished() && ran.dropped().is_empty(), "{name}");
    }
    // With another to come, it is.
    let twice = Load::PerUserIterations(PerUserIterations {
        users: 1,
        iterations: 2,
        max_duration: None,
        pace: Pace::default(),
    });
    let ran = run(twice, 1, loses());
    assert_eq!((ran.mended(), ran.took), (vec![(0, MS(110))], MS(120)));
}

#[test]
fn too_many_failures_end_the_run() {
    let loses = || Script::does(|position, _| (MS(10 * (position + 1)), Outcome::Lost));
    for limit in [FailureLimit::Users(3), FailureLimit::Percent(30.0)] {
        let mut spec = scenario(load(10, None, 0, None));
        spec.on_failure.abort_after = Some(limit);
        let ran = run_with(spec, 1, loses(), Vec::new());
        let [Ending::TooManyFailures(reason)] = ran.endings.as_slice() else {
            panic!("{:?}", ran.endings);
        };
        assert!(reason.starts_with("3 "), "{reason}");
        assert_eq!(
            ran.team.counters().too_many_failures(),
            Some(reason.as_str())
        );
        assert_eq!(ran.team.signal_now(), Signal::Stop);
    }
}

#[test]
fn a_share_of_failures_is_one_of_all_users_that_have_begun() {
    let churn = Load::Churn(Churn {
        users: 2,
        iterations: Some(1),
        duration: Some(S(1)),
        interval: MS(0),
        repeat_interval: None,
    });
    // One in five of a hundred, two at a time; then from position 40 on all.
    let fails = |position: u64, from: u64| position % 5 == 4 || position >= from;
    let loses = |from| {
        Script::does(move |position, _| {
            let passed = !fails(position, from);
            let outcome = if passed {
                Outcome::Passed
            } else {
                Outcome::Lost
            };
            (MS(20), outcome)
        })
    };
    let mut spec = scenario(churn);
    spec.on_failure.abort_after = Some(FailureLimit::Percent(50.1));
    let ran = run_with(spec.clone(), 1, loses(1000), Vec::new());
    let counters = ran.team.counters();
    assert_eq!((counters.users_begun(), counters.users_failed()), (100, 20));
    assert!(ran.finished() && counters.too_many_failures().is_none());
    let ran = run_with(spec, 1, loses(40), Vec::new());
    let reason = ran.team.counters().too_many_failures().unwrap();
    // Of 66 that have begun, 32 passed, and 34 is the first count that is over the limit.
    assert!(reason.starts_with("34 of 66 "), "{reason}");
}
