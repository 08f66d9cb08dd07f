//! Achieved against intended starts of the executors whose users iterate by themselves.

use lt_spec::profile::{Ramp, users_at};
use lt_spec::spec::{
    Churn, ConstantUsers, Pace, PerUserIterations, RampingUsers, SharedIterations, Stage,
};

use super::*;

fn constant(users: u64, length: u64, interarrival: u64, repeat: Option<u64>) -> Load {
    Load::ConstantUsers(ConstantUsers {
        users,
        duration: Some(MS(length)),
        pace: Pace {
            interarrival: MS(interarrival),
            repeat_interval: repeat.map(MS),
        },
    })
}

fn ramp(start: u64, stages: &[(u64, u64)], graceful: u64) -> RampingUsers {
    let stage = |(time, target): &(u64, u64)| Stage {
        duration: MS(*time),
        target: *target,
    };
    RampingUsers {
        start_users: start,
        stages: stages.iter().map(stage).collect(),
        graceful_ramp_down: MS(graceful),
        repeat_interval: None,
    }
}

#[test]
fn constant_users_start_one_interarrival_apart_and_keep_their_grids() {
    for cores in [1, 3] {
        let ran = run(
            constant(5, 1000, 50, Some(200)),
            cores,
            Script::takes(MS(30)),
        );
        let mut expected: Vec<_> = (0..5)
            .flat_map(|user| (0..5).map(move |number| MS(50 * user + 200 * number)))
            .collect();
        expected.retain(|at| *at < MS(1000));
        expected.sort_unstable();
        assert_eq!(ran.actual(), expected);
        assert!(ran.finished() && ran.left().len() == 5);
        assert_eq!(ran.took, MS(1000));
    }
}

#[test]
fn a_grid_is_kept_when_an_iteration_overruns() {
    let load = Load::PerUserIterations(PerUserIterations {
        users: 1,
        iterations: 4,
        max_duration: None,
        pace: Pace {
            interarrival: MS(0),
            repeat_interval: Some(MS(20)),
        },
    });
    let ran = run(load, 1, Script::takes(MS(25)));
    let starts = ran.starts();
    let pairs: Vec<_> = starts
        .iter()
        .map(|start| (start.intended, start.actual))
        .collect();
    let expected = [(0, 0), (20, 25), (40, 50), (60, 75)].map(|(due, at)| (MS(due), MS(at)));
    assert_eq!(pairs, expected);
}

#[test]
fn each_user_has_its_own_iterations() {
    for cores in [1, 2, 4] {
        let load = Load::PerUserIterations(PerUserIterations {
            users: 3,
            iterations: 2,
            max_duration: None,
            pace: Pace::default(),
        });
        let ran = run(load, cores, Script::takes(MS(10)));
        assert_eq!(ran.actual(), [0, 0, 0, 10, 10, 10].map(MS));
        let numbers: Vec<_> = ran.starts().iter().map(|start| start.number).collect();
        assert_eq!(numbers, [0, 0, 0, 1, 1, 1]);
        assert!(ran.finished());
        assert_eq!((ran.took, ran.left().len()), (MS(20), 3));
        let counters = ran.team.counters();
        assert_eq!(
            (counters.users_active(), counters.iterations_completed()),
            (0, 6)
        );
    }
}

#[test]
fn shared_iterations_are_used_up_exactly() {
    for cores in [1, 2] {
        let load = Load::SharedIterations(SharedIterations {
            users: 3,
            iterations: 7,
            max_duration: None,
            pace: Pace {
                interarrival: MS(5),
                repeat_interval: None,
            },
        });
        let ran = run(load, cores, Script::takes(MS(10)));
        assert_eq!(ran.actual(), [0, 5, 10, 10, 15, 20, 20].map(MS));
        assert!(ran.finished());
    }
}

#[test]
fn ramping_users_start_and_stop_at_k6s_times() {
    let shape = ramp(2, &[(1000, 6), (500, 6), (1000, 1), (0, 4), (300, 4)], 1000);
    for cores in [1, 3] {
        let load = Load::RampingUsers(shape.clone());
        let mut script = Script::hangs();
        script.heeds = true;
        let ran = run(load.clone(), cores, script);
        // Users beat nothing here: how many there are after each step is what was intended.
        let (joined, left) = (ran.joined(), ran.left());
        for step in Ramp::new(&shape).filter(|step| step.at < MS(2800)) {
            let begun = joined.iter().filter(|(_, at)| *at <= step.at).count();
            let ended = left.iter().filter(|(_, at)| *at <= step.at).count();
            let there = u64::try_from(begun - ended).unwrap();
            assert_eq!(there, users_at(&load, step.at), "{:?} on {cores}", step.at);
        }
        assert_eq!(left.iter().filter(|(_, at)| *at == MS(2800)).count(), 4);
        assert!(ran.finished() && ran.took == MS(2800));
        assert_eq!(ran.team.counters().users_active(), 0);
    }
}

#[test]
fn the_users_of_a_ramp_iterate_as_long_as_they_are_wanted() {
    let shape = ramp(0, &[(1000, 10), (1000, 0)], 1000);
    let load = Load::RampingUsers(shape);
    let ran = run(load, 2, Script::takes(MS(10)));
    // The user at position i is there from 100 (i + 1) to 2000 - 100 i.
    let mut intended = 0;
    for position in 0..10 {
        let starts = ran.starts_of(position);
        let wanted = 1900 - 200 * position;
        intended += wanted / 10;
        assert_eq!(starts.first(), Some(&MS(100 * (position + 1))));
        assert_eq!(starts.len() as u64, wanted / 10, "{position}");
    }
    assert_eq!(ran.starts().len() as u64, intended);
    assert!(ran.finished() && ran.dropped().is_empty());
}

#[test]
fn a_ramped_down_user_may_end_its_iteration_but_not_for_ever() {
    let load = Load::RampingUsers(ramp(2, &[(0, 1), (1000, 1)], 300));
    // The user that is ramped down at once takes 200 ms, then 400.
    let ran = run(load.clone(), 1, Script::takes(MS(200)));
    assert_eq!((ran.left()[1], ran.dropped().len()), ((1, MS(200)), 0));
    let ran = run(load, 1, Script::takes(MS(400)));
    assert_eq!(ran.dropped(), [(1, MS(300))]);
    assert_eq!(ran.team.counters().iterations_open(), 1);
}

#[test]
fn a_user_that_is_wanted_again_goes_on_or_begins_anew() {
    // Down at 100, up again at 200: still in its iteration, so it goes on.
    let shape = [(100, 1), (0, 0), (100, 0), (0, 1), (300, 1)];
    let load = Load::RampingUsers(ramp(1, &shape, 10_000));
    let ran = run(load.clone(), 1, Script::takes(MS(250)));
    assert_eq!(ran.joined(), [(0, MS(0))]);
    assert_eq!(ran.starts_of(0), [MS(0), MS(250)]);
    // It has ended by then: the same identity begins anew.
    let ran = run(load, 1, Script::takes(MS(150)));
    assert_eq!(ran.joined(), [(0, MS(0)), (0, MS(200))]);
    assert_eq!(ran.starts_of(0), [0, 200, 350].map(MS));
    assert!(ran.starts().iter().all(|start| start.id == 1));
}

#[test]
fn an_old_deadline_does_not_end_a_user_that_was_wanted_in_between() {
    // Down at 0, up at 100, down again at 200 with 150 to go: the first deadline, 150, must not count.
    let shape = [(0, 0), (100, 0), (0, 1), (100, 1), (0, 0), (500, 0)];
    let load = Load::RampingUsers(ramp(1, &shape, 150));
    let ran = run(load, 1, Script::takes(MS(330)));
    assert_eq!((ran.dropped().len(), ran.left()), (0, vec![(0, MS(330))]));
}

#[test]
fn churn_replaces_each_user_by_a_new_identity_after_the_interval() {
    for cores in [1, 2] {
        let load = Load::Churn(Churn {
            users: 2,
            iterations: Some(2),
            duration: Some(MS(100)),
            interval: MS(10),
            repeat_interval: None,
        });
        let ran = run(load, cores, Script::takes(MS(15)));
        // Slot 0: 0-30, 40-70, 80-; slot 1: 10-40, 50-80, 90-.
        let joined = ran.joined();
        let mut at: Vec<_> = joined.iter().map(|(_, at)| *at).collect();
        at.sort_unstable();
        assert_eq!(at, [0, 10, 40, 50, 80, 90].map(MS));
        let positions: Vec<_> = joined.iter().map(|(position, _)| *position).collect();
        assert_eq!(positions, [0, 1, 2, 3, 4, 5]);
        let mut ids: Vec<_> = ran.starts().iter().map(|start| start.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids, [1, 2, 3, 4, 5, 6]);
        assert!(ran.finished());
    }
}

#[test]
fn churn_replaces_users_that_end_themselves_or_cannot_join() {
    let load = |interval| {
        Load::Churn(Churn {
            users: 1,
            iterations: None,
            duration: Some(S(1)),
            interval,
            repeat_interval: None,
        })
    };
    let stops = Script::does(|_, _| (MS(90), Outcome::StopUser));
    let ran = run(load(MS(10)), 1, stops);
    assert_eq!(ran.joined().len(), 10);
    let mut fails = Script::takes(MS(10));
    fails.join = Box::new(|_| Outcome::Failed);
    let ran = run(load(MS(0)), 1, fails);
    // Not more than one in the pause after a loss, even without an interval.
    assert_eq!((ran.joined().len(), ran.starts().len()), (10, 0));
    assert_eq!(ran.team.counters().users_failed(), 10);
}

#[test]
fn a_jump_of_a_hundred_thousand_users_is_taken() {
    let load = Load::RampingUsers(ramp(
        0,
        &[(0, 100_000), (1000, 100_000), (0, 0), (10, 0)],
        1000,
    ));
    let ran = run(load, 4, Script::takes(S(5)));
    assert_eq!(
        (ran.starts().len(), ran.dropped().len()),
        (100_000, 100_000)
    );
}
