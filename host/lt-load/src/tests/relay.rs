//! Scenarios that are given another load while they run.

use std::collections::BTreeSet;

use lt_spec::spec::{
    Churn, ConstantArrivalRate, ConstantUsers, Pace, PerUserIterations, RampingArrivalRate,
    RampingUsers, SharedIterations, Spacing, Stage,
};

use super::*;
use crate::Steer;

/// One load of each executor, with so many users, this long.
fn loads(users: u64, length: u64) -> Vec<Load> {
    let pace = Pace::default();
    let stage = |target| Stage {
        duration: MS(length),
        target,
    };
    vec![
        Load::ConstantUsers(ConstantUsers {
            users,
            duration: Some(MS(length)),
            pace,
        }),
        Load::RampingUsers(RampingUsers {
            start_users: users,
            stages: vec![stage(users)],
            graceful_ramp_down: S(1),
            repeat_interval: None,
        }),
        Load::PerUserIterations(PerUserIterations {
            users,
            iterations: 1000,
            max_duration: Some(MS(length)),
            pace,
        }),
        Load::SharedIterations(SharedIterations {
            users,
            iterations: 10_000,
            max_duration: Some(MS(length)),
            pace,
        }),
        Load::ConstantArrivalRate(ConstantArrivalRate {
            rate: 100.0,
            duration: Some(MS(length)),
            spacing: Spacing::Uniform,
            users,
            users_max: users,
        }),
        Load::RampingArrivalRate(RampingArrivalRate {
            start_rate: 100.0,
            stages: vec![Stage {
                duration: MS(length),
                target: 100.0,
            }],
            spacing: Spacing::Uniform,
            users,
            users_max: users,
        }),
        Load::Churn(Churn {
            users,
            iterations: Some(5),
            duration: Some(MS(length)),
            interval: MS(0),
            repeat_interval: None,
        }),
    ]
}

fn ids(ran: &Ran, from: Duration, to: Duration) -> BTreeSet<u64> {
    let starts = ran.starts().into_iter();
    let within = starts.filter(|start| (from..to).contains(&start.actual));
    within.map(|start| start.id).collect()
}

#[test]
fn any_load_may_take_the_place_of_any_other() {
    for first in loads(3, 10_000) {
        for second in loads(4, 300) {
            for cores in [1, 3] {
                let text = format!("{} to {} on {cores}", first.name(), second.name());
                let acts = vec![replace(MS(205), second.clone())];
                let ran = run_with(scenario(first.clone()), cores, Script::takes(MS(20)), acts);
                assert!(ran.finished(), "{text}: {:?}", ran.endings);
                // Its length is counted from its own beginning, a moment after the change.
                assert!(
                    ran.took >= MS(505) && ran.took <= MS(530),
                    "{text}: {:?}",
                    ran.took
                );
                let (before, after) = (ids(&ran, MS(0), MS(205)), ids(&ran, MS(205), S(10)));
                assert!(before.is_disjoint(&after), "{text}: {before:?} {after:?}");
                assert!(after.len() >= 4, "{text}: {after:?}");
                assert_eq!(
                    after.first().copied(),
                    before.last().map(|last| last + 1),
                    "{text}: ids go on"
                );
                assert!(ran.dropped().is_empty(), "{text}: nobody is cut off");
                let tally = ran.relay.tally();
                assert_eq!(tally.iterations, ran.starts().len() as u64, "{text}");
                assert_eq!((tally.active, tally.open), (0, 0), "{text}");
                assert_eq!(tally.planned, 4, "{text}");
                assert!(
                    !ran.starts()
                        .iter()
                        .any(|start| { before.contains(&start.id) && start.actual > MS(206) }),
                    "{text}: none of the old ones iterates again"
                );
            }
        }
    }
}

#[test]
fn a_rate_begins_with_its_users_ready() {
    let load = |rate: f64| {
        Load::ConstantArrivalRate(ConstantArrivalRate {
            rate,
            duration: Some(MS(500)),
            spacing: Spacing::Uniform,
            users: 2,
            users_max: 2,
        })
    };
    let acts = vec![replace(MS(205), load(100.0))];
    let ran = run_with(scenario(load(10.0)), 2, Script::takes(MS(1)), acts);
    let tally = ran.relay.tally();
    // Due at 0, 100 and 200 ms, and then every 10 ms.
    assert_eq!((tally.dropped, tally.iterations), (0, 3 + 50));
}

#[test]
fn loads_may_be_replaced_again_and_again_within_a_bound() {
    let load = |users: u64| loads(users, 100_000).remove(0);
    let mut acts: Vec<Act> = (1..100).map(|at| replace(MS(at * 50), load(2))).collect();
    acts.push(act(MS(5000), |team| team.signal(Signal::Stop)));
    let ran = run_with(scenario(load(2)), 2, Script::takes(MS(10)), acts);
    assert_eq!(ran.joined().len(), 200);
    assert_eq!(ran.relay.teams().len(), 1, "what has ended is forgotten");
    assert_eq!(ran.relay.tally().iterations, ran.starts().len() as u64);
    assert_eq!(ran.relay.tally().built, 200);
    // Users that hang keep their loads.
    let hang = (MS(300), {
        let load = load(1);
        let refused: Box<dyn Fn(&Relay)> = Box::new(move |relay| {
            let present = relay.present().unwrap();
            let next = ScenarioSpec {
                load: load.clone(),
                ..ScenarioSpec::clone(present.scenario())
            };
            let next = present.successor(Arc::new(next)).unwrap();
            let reason = relay.pass_on(next).unwrap_err().to_string();
            assert!(reason.contains("8 earlier loads"), "{reason}");
            relay.signal(Signal::Halt);
        });
        refused
    });
    let mut acts: Vec<Act> = (1..9).map(|at| replace(MS(at * 10), load(1))).collect();
    acts.push(hang);
    let ran = run_with(scenario(load(1)), 2, Script::hangs(), acts);
    assert_eq!((ran.dropped().len(), ran.took), (9, MS(300)));
}

#[test]
fn a_load_that_has_ended_is_not_replaced() {
    let load = loads(2, 300).remove(0);
    let late = (MS(310), {
        let refused: Box<dyn Fn(&Relay)> = Box::new(|relay| {
            let reason = relay.may_pass_on().unwrap_err().to_string();
            assert!(reason.contains("come to its end"), "{reason}");
        });
        refused
    });
    let ran = run_with(scenario(load), 2, Script::takes(MS(70)), vec![late]);
    assert_eq!(ran.took, MS(350));
}

#[test]
fn a_pause_goes_on_under_another_load_and_its_users_may_change() {
    let loads = loads(2, 300);
    for second in loads.iter().filter(|load| load.iterations().is_none()) {
        let acts = vec![
            act(MS(105), |team| team.pause()),
            replace(MS(205), second.clone()),
            act(MS(305), |team| {
                assert!(team.is_paused());
                assert_eq!(team.steer(&Steer::AddUsers(1)).unwrap().added, 1);
            }),
            act(MS(405), |team| team.resume()),
        ];
        let ran = run_with(scenario(loads[0].clone()), 2, Script::takes(MS(10)), acts);
        let text = second.name();
        assert!(ids(&ran, MS(110), MS(405)).is_empty(), "{text}");
        assert!(ids(&ran, MS(405), S(9)).len() >= 2, "{text}");
        assert_eq!(ran.relay.tally().planned, 3, "{text}");
        assert!(
            ran.took >= MS(705) && ran.took <= MS(730),
            "{text}: {:?}",
            ran.took
        );
    }
}

#[test]
fn a_load_that_has_not_started_is_replaced_by_one_that_starts_when_it_was_to() {
    let loads = loads(2, 300);
    for second in &loads {
        let mut spec = scenario(loads[0].clone());
        spec.start = MS(400);
        let ran = run_with(
            spec,
            2,
            Script::takes(MS(10)),
            vec![replace(MS(150), second.clone())],
        );
        let first = ran.starts().iter().map(|start| start.actual).min();
        let first = first.unwrap();
        assert!(
            first >= MS(400) && first <= MS(412),
            "{}: {first:?}",
            second.name()
        );
    }
}

#[test]
fn who_failed_under_a_load_before_counts_towards_the_limit() {
    use lt_spec::spec::{FailureLimit, OnLoss};
    let load = |users: u64| loads(users, 10_000).remove(0);
    let mut spec = scenario(load(2));
    spec.on_failure = FailurePolicy {
        on_loss: OnLoss::Rebuild,
        abort_after: Some(FailureLimit::Users(3)),
    };
    let script = Script::does(|_, number| match number {
        0 => (MS(10), Outcome::Lost),
        _ => (MS(10), Outcome::Passed),
    });
    let ran = run_with(spec, 2, script, vec![replace(MS(205), load(2))]);
    assert!(ran.relay.too_many_failures().is_some());
    assert!(
        ran.endings
            .iter()
            .any(|ending| matches!(ending, Ending::TooManyFailures(_)))
    );
}

#[test]
fn a_range_that_is_used_up_refuses_another_load() {
    let load = |users: u64| loads(users, 500).remove(0);
    let team = Team::new(Arc::new(scenario(load(2))), 1, 7);
    let mut spec = ScenarioSpec::clone(team.scenario());
    spec.load = load(lt_spec::limits::USERS_MAX + 1);
    let refused = team.successor(Arc::new(spec)).unwrap_err().to_string();
    assert!(refused.contains("more than the 1000000"), "{refused}");
}
