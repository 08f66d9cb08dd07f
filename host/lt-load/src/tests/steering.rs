//! Scenarios that are changed while they run.

use lt_spec::spec::{Churn, ConstantUsers, Pace, PerUserIterations, RampingUsers, Stage};

use super::open::constant as rate;
use super::*;
use crate::Steer;

fn users(users: u64, length: u64, interarrival: u64, repeat: Option<u64>) -> Load {
    Load::ConstantUsers(ConstantUsers {
        users,
        duration: Some(MS(length)),
        pace: Pace {
            interarrival: MS(interarrival),
            repeat_interval: repeat.map(MS),
        },
    })
}

pub(super) fn without(ids: &[u64], force: bool) -> Steer {
    Steer::RemoveIds {
        ids: ids.to_vec(),
        force,
    }
}

fn set_users(after: u64, users: u64) -> Act {
    act(MS(after), move |team| team.set_users(users).unwrap())
}

#[test]
fn a_pause_stops_the_clock_of_every_load() {
    let pause = || {
        vec![
            act(MS(35), |team| team.pause()),
            act(MS(535), |team| team.resume()),
        ]
    };
    let shift = |at: u64| MS(if at > 35 { at + 500 } else { at });
    for load in [users(1, 100, 0, Some(10)), rate(100.0, 100, 3, 3)] {
        let ran = run_with(scenario(load), 1, Script::takes(MS(1)), pause());
        let expected: Vec<_> = (0..10).map(|number| shift(number * 10)).collect();
        assert_eq!(ran.actual(), expected);
        assert!(
            ran.starts()
                .iter()
                .all(|start| start.intended == start.actual)
        );
        assert_eq!((ran.finished(), ran.took), (true, MS(600)));
        assert_eq!(ran.team.paused_for(Instant::now()), MS(500));
    }
    // Users that are not paced, and their starts.
    let ran = run_with(
        scenario(users(3, 100, 30, None)),
        2,
        Script::takes(MS(20)),
        pause(),
    );
    assert_eq!(ran.joined(), [(0, MS(0)), (1, MS(30)), (2, MS(560))]);
    assert_eq!(ran.starts_of(0), [0, 20, 535, 555, 575, 595].map(MS));
    assert_eq!(ran.took, MS(615));
}

#[test]
fn stop_ends_a_paused_scenario() {
    let acts = vec![
        act(MS(35), |team| team.pause()),
        act(MS(100), |team| team.signal(Signal::Stop)),
    ];
    let ran = run_with(
        scenario(users(2, 1000, 0, None)),
        2,
        Script::takes(MS(10)),
        acts,
    );
    assert_eq!(
        (ran.finished(), ran.took, ran.left().len()),
        (true, MS(100), 2)
    );
}

#[test]
fn a_pause_before_the_start_delays_it() {
    let mut spec = scenario(users(1, 100, 0, None));
    spec.start = MS(100);
    let acts = vec![
        act(MS(50), |team| team.pause()),
        act(MS(250), |team| team.resume()),
    ];
    let ran = run_with(spec, 1, Script::takes(MS(50)), acts);
    assert_eq!((ran.actual(), ran.took), (vec![MS(300), MS(350)], MS(400)));
}

#[test]
fn more_users_start_one_interarrival_apart_and_fewer_end_from_the_last() {
    for cores in [1, 3] {
        let acts = vec![set_users(200, 5), set_users(400, 1), set_users(600, 2)];
        let ran = run_with(
            scenario(users(2, 1000, 20, None)),
            cores,
            Script::takes(MS(10)),
            acts,
        );
        let joined = [(0, 0), (1, 20), (1, 600), (2, 200), (3, 220), (4, 240)];
        assert_eq!(
            ran.joined(),
            joined.map(|(position, at)| (position, MS(at)))
        );
        let left = [(0, 1000), (1, 400), (1, 1000), (2, 400), (3, 400), (4, 400)];
        assert_eq!(ran.left(), left.map(|(position, at)| (position, MS(at))));
        assert_eq!(ran.team.counters().users_planned(), 2);
        assert!(ran.finished());
    }
}

#[test]
fn no_users_at_all_is_not_the_end() {
    for cores in [1, 2] {
        let acts = vec![set_users(95, 0), set_users(305, 1)];
        let ran = run_with(
            scenario(users(2, 500, 0, None)),
            cores,
            Script::takes(MS(10)),
            acts,
        );
        assert_eq!(ran.starts_of(0).len(), 30, "on {cores}");
        assert_eq!(ran.took, MS(505));
    }
}

#[test]
fn a_ramp_keeps_the_users_it_was_told_until_its_end() {
    let stage = |time, target| Stage {
        duration: MS(time),
        target,
    };
    let load = Load::RampingUsers(RampingUsers {
        start_users: 0,
        stages: vec![stage(1000, 10), stage(1000, 0)],
        graceful_ramp_down: S(1),
        repeat_interval: None,
    });
    let ran = run_with(
        scenario(load),
        2,
        Script::takes(MS(10)),
        vec![set_users(550, 2), set_users(1500, 3)],
    );
    let joined: Vec<_> = ran.joined().iter().map(|(_, at)| *at).collect();
    assert_eq!(joined, [100, 200, 300, 1500, 400, 500].map(MS));
    assert_eq!((ran.took, ran.left().len()), (MS(2000), 6));
}

#[test]
fn churn_may_have_more_or_fewer_places() {
    let load = Load::Churn(Churn {
        users: 1,
        iterations: None,
        duration: Some(MS(1000)),
        interval: MS(10),
        repeat_interval: None,
    });
    let acts = vec![set_users(200, 3), set_users(500, 1)];
    let ran = run_with(scenario(load), 1, Script::takes(MS(10)), acts);
    assert_eq!(ran.joined(), [(0, MS(0)), (1, MS(200)), (2, MS(210))]);
    assert_eq!(ran.left(), [(0, MS(1000)), (1, MS(500)), (2, MS(500))]);
}

#[test]
fn churn_forgets_the_renewal_of_a_place_that_was_dropped() {
    let load = Load::Churn(Churn {
        users: 2,
        iterations: Some(1),
        duration: Some(S(20)),
        interval: S(2),
        repeat_interval: None,
    });
    for cores in [1, 2] {
        // Place 1: 2 s to 5 s, its renewal due at 7 s; dropped before that, and wanted again at 6 s.
        let acts = vec![set_users(5500, 1), set_users(6000, 2)];
        let ran = run_with(scenario(load.clone()), cores, Script::takes(S(3)), acts);
        let mut at: Vec<_> = ran.joined().iter().map(|(_, at)| *at).collect();
        at.sort_unstable();
        assert_eq!(at, [0, 2, 5, 6, 10, 11, 15, 16].map(S), "on {cores}");
        assert_eq!(ran.team.counters().users_active(), 0);
    }
}

#[test]
fn a_user_that_is_wanted_again_just_as_it_ends_counts_as_there() {
    // User 2 is dropped at 100 and ends at 141, when it is wanted again; the others end themselves at 200 and 171.
    let lives = Cell::new(0);
    let script = Script::does(move |position, number| match (position, number) {
        (0, 3) => (MS(50), Outcome::StopUser),
        (1, 0) if lives.replace(lives.get() + 1) == 1 => (MS(50), Outcome::StopUser),
        (2, 1) => (MS(51), Outcome::Passed),
        _ => (MS(50), Outcome::Passed),
    });
    let acts = vec![set_users(100, 1), set_users(121, 3)];
    let ran = run_with(scenario(users(3, 1000, 20, None)), 1, script, acts);
    let left = [(0, 200), (1, 120), (1, 171), (2, 141), (2, 1042)];
    assert_eq!(ran.left(), left.map(|(position, at)| (position, MS(at))));
}

#[test]
fn a_rate_may_change() {
    for cores in [1, 3] {
        let acts = vec![
            act(MS(500), |team| team.set_rate(100.0).unwrap()),
            act(MS(700), |team| team.set_rate(0.0).unwrap()),
            act(MS(900), |team| team.set_rate(20.0).unwrap()),
        ];
        let ran = run_with(
            scenario(rate(10.0, 1000, 3, 3)),
            cores,
            Script::takes(MS(1)),
            acts,
        );
        let at = ran.actual();
        let between = |from, to| {
            at.iter()
                .filter(|at| (MS(from)..MS(to)).contains(*at))
                .count()
        };
        let counts = [
            between(0, 500),
            between(500, 700),
            between(701, 900),
            between(900, 1000),
        ];
        assert_eq!(
            (counts, at.len()),
            ([5, 20, 0, 1], 27),
            "on {cores}: {at:?}"
        );
    }
}

#[test]
fn an_arrival_rate_may_have_more_users_or_fewer() {
    let mut spec = scenario(rate(100.0, 1000, 1, 1));
    spec.graceful_stop = S(0);
    // Three are needed for 25 ms at 100 a second.
    let acts = vec![set_users(300, 3), set_users(600, 1)];
    let ran = run_with(spec, 1, Script::takes(MS(25)), acts);
    let at = ran.actual();
    let between = |from, to| {
        at.iter()
            .filter(|at| (MS(from)..MS(to)).contains(*at))
            .count()
    };
    assert_eq!(
        (between(0, 300), between(400, 600), between(700, 1000)),
        (10, 20, 10)
    );
    assert_eq!(ran.joined().len(), 3);
    // Idle ones end as well.
    let ran = run_with(
        scenario(rate(10.0, 1000, 5, 5)),
        2,
        Script::takes(MS(1)),
        vec![set_users(500, 2)],
    );
    let early = ran.left().iter().filter(|(_, at)| *at < MS(600)).count();
    assert_eq!((early, ran.left().len()), (3, 5));
    assert_eq!(ran.team.counters().dropped(), 0);
}

#[test]
fn what_cannot_be_changed_is_refused_with_a_reason() {
    let counted = Load::PerUserIterations(PerUserIterations {
        users: 1,
        iterations: 1,
        max_duration: None,
        pace: Pace::default(),
    });
    let team = |load| Team::new(Arc::new(scenario(load)), 1, 7);
    let refused = [
        team(counted.clone()).set_users(2).unwrap_err().to_string(),
        team(counted).set_rate(2.0).unwrap_err().to_string(),
        team(users(1, 1, 0, None))
            .set_users(u64::MAX)
            .unwrap_err()
            .to_string(),
        team(rate(1.0, 1, 1, 1))
            .set_users(0)
            .unwrap_err()
            .to_string(),
        team(rate(1.0, 1, 1, 1))
            .set_rate(f64::NAN)
            .unwrap_err()
            .to_string(),
        team(rate(1.0, 1, 1, 1))
            .set_rate(-1.0)
            .unwrap_err()
            .to_string(),
    ];
    for (text, word) in
        refused
            .iter()
            .zip(["fixed", "no rate", "1000000", "at least one", "NaN", "-1"])
    {
        assert!(text.contains(word), "{text}");
    }
}
