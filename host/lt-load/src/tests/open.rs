//! Achieved against intended starts of the executors that keep a rate.

use lt_spec::profile::Arrivals;
use lt_spec::spec::{ConstantArrivalRate, RampingArrivalRate, Spacing, Stage};

use super::*;

pub(super) fn constant(rate: f64, length: u64, users: u64, users_max: u64) -> Load {
    Load::ConstantArrivalRate(ConstantArrivalRate {
        rate,
        duration: Some(MS(length)),
        spacing: Spacing::Uniform,
        users,
        users_max,
    })
}

fn ramping(stages: &[(u64, f64)], spacing: Spacing, users: u64) -> Load {
    let stage = |(time, target): &(u64, f64)| Stage {
        duration: MS(*time),
        target: *target,
    };
    Load::RampingArrivalRate(RampingArrivalRate {
        start_rate: 0.0,
        stages: stages.iter().map(stage).collect(),
        spacing,
        users,
        users_max: users,
    })
}

fn intended(ran: &Ran) -> Vec<Duration> {
    let mut all: Vec<_> = ran.starts().iter().map(|start| start.intended).collect();
    all.sort_unstable();
    all
}

/// Every arrival is started, as intended, and within the timer's millisecond.
fn keeps_its_schedule(load: &Load, cores: u64) {
    let ran = run(load.clone(), cores, Script::takes(MS(20)));
    let seed = ran.team.seed;
    let schedule: Vec<_> = Arrivals::new(load, seed, 0, 1).unwrap().collect();
    assert!(schedule.len() > 100);
    assert_eq!(intended(&ran), schedule, "on {cores} cores");
    for start in ran.starts() {
        let lag = start.actual.checked_sub(start.intended).unwrap();
        assert!(lag < MS(2), "{start:?}");
    }
    assert_eq!(ran.team.counters().dropped(), 0);
    assert!(ran.finished());
}

#[test]
fn a_constant_rate_starts_every_iteration_as_intended() {
    for cores in [1, 3, 8] {
        keeps_its_schedule(&constant(333.0, 2000, 20, 20), cores);
    }
}

#[test]
fn a_ramping_rate_starts_every_iteration_as_intended_up_to_the_last() {
    for cores in [1, 3, 8] {
        for spacing in [Spacing::Uniform, Spacing::Poisson] {
            let stages = [(1000, 200.0), (0, 50.0), (1000, 50.0), (500, 0.0)];
            keeps_its_schedule(&ramping(&stages, spacing, 60), cores);
        }
    }
}

#[test]
fn users_are_ready_before_the_clock_starts() {
    let ran = run(constant(100.0, 100, 3, 3), 2, Script::takes(MS(1)));
    assert_eq!(ran.joined(), [0, 1, 2].map(|position| (position, MS(0))));
    assert_eq!(ran.left().len(), 3);
    assert_eq!(ran.team.counters().users_built(), 3);
}

#[test]
fn the_user_that_is_idle_longest_comes_next() {
    let ran = run(constant(100.0, 60, 3, 3), 1, Script::takes(MS(1)));
    let order: Vec<_> = ran.starts().iter().map(|start| start.position).collect();
    assert_eq!(order, [0, 1, 2, 0, 1, 2]);
}

#[test]
fn a_core_without_an_idle_user_hands_its_arrival_over() {
    // Position 0, on core 0, never ends its iteration; the arrivals of core 0 go on with core 1's user.
    let script = Script::does(|position, _| match position {
        0 => (Duration::MAX, Outcome::Passed),
        _ => (MS(5), Outcome::Passed),
    });
    let mut spec = scenario(constant(100.0, 200, 2, 2));
    spec.graceful_stop = MS(0);
    let ran = run_with(spec, 2, script, Vec::new());
    assert_eq!(intended(&ran).len(), 20);
    assert_eq!((ran.starts_of(0).len(), ran.starts_of(1).len()), (1, 19));
    assert_eq!(ran.team.counters().dropped(), 0);
}

#[test]
fn what_finds_no_idle_user_is_dropped_and_counted() {
    for cores in [1, 2, 4] {
        let mut spec = scenario(constant(10.0, 1000, 2, 2));
        spec.graceful_stop = S(0);
        let ran = run_with(spec, cores, Script::hangs(), Vec::new());
        assert_eq!((ran.starts().len(), ran.team.counters().dropped()), (2, 8));
        assert_eq!(ran.dropped_metric, 8.0);
    }
}

#[test]
fn more_users_are_made_up_to_the_most_there_may_be() {
    for cores in [1, 2] {
        let mut spec = scenario(constant(10.0, 1000, 1, 3));
        spec.graceful_stop = S(0);
        let ran = run_with(spec, cores, Script::hangs(), Vec::new());
        // The first user takes the first; the second and the fourth are dropped for a user to be made each.
        assert_eq!(ran.joined().len(), 3);
        assert_eq!(ran.actual(), [0, 200, 400].map(MS));
        assert_eq!(ran.team.counters().dropped(), 7);
    }
}

#[test]
fn a_user_that_ends_itself_is_replaced() {
    let script = Script::does(|_, _| (MS(5), Outcome::StopUser));
    let ran = run(constant(100.0, 100, 2, 2), 1, script);
    let starts = ran.starts();
    let positions: Vec<_> = starts.iter().map(|start| start.position).collect();
    // By itself anew: there are only as many ids as users.
    assert_eq!(positions, [0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
    assert!(starts.iter().all(|start| start.number == 0));
    assert_eq!(ran.joined().len(), 12);
    assert_eq!(ran.team.counters().dropped(), 0);
}

#[test]
fn no_user_has_an_id_beyond_those_reserved() {
    // Nor one that another has: no test here may have that.
    // Every third life cannot join, every other iteration ends its user.
    for cores in [1, 3] {
        let lives = Cell::new(0);
        let mut script = Script::does(|_, number| match number {
            0 => (MS(25), Outcome::Passed),
            _ => (MS(25), Outcome::StopUser),
        });
        script.join = Box::new(move |_| {
            lives.set(lives.get() + 1);
            if lives.get() % 3 == 0 {
                Outcome::Failed
            } else {
                Outcome::Passed
            }
        });
        let acts = vec![
            act(MS(300), |team| team.set_users(2).unwrap()),
            act(MS(600), |team| team.set_users(6).unwrap()),
            act(MS(700), |team| {
                let _there = team.steer(&super::steering::without(&[1], true));
            }),
        ];
        let ran = run_with(scenario(constant(400.0, 1500, 2, 5)), cores, script, acts);
        assert!(ran.joined().len() > 50);
        assert!(ran.joined().iter().all(|(position, _)| *position < 6));
    }
}

#[test]
fn users_that_cannot_join_are_made_anew_when_they_are_missed() {
    let lives = Cell::new(0);
    let mut script = Script::takes(MS(1));
    script.join = Box::new(move |_| match lives.replace(lives.get() + 1) {
        0..2 => Outcome::Failed,
        _ => Outcome::Passed,
    });
    let ran = run(constant(10.0, 1000, 2, 2), 1, script);
    assert_eq!((ran.starts().len(), ran.team.counters().dropped()), (9, 1));
    assert_eq!(ran.team.counters().users_failed(), 2);
}

#[test]
fn users_that_can_never_join_are_not_made_for_every_arrival() {
    for cores in [1, 2] {
        let mut script = Script::takes(MS(1));
        script.join = Box::new(|_| Outcome::Failed);
        let ran = run(constant(500.0, 3000, 5, 10), cores, script);
        // The first, and on each core one in each pause.
        let made = ran.joined().len() as u64;
        assert!((5 + 25..=5 + 30 * cores).contains(&made), "{made}");
        assert!(
            ran.joined()
                .iter()
                .all(|(position, _)| *position < 5 + cores)
        );
        assert_eq!(
            (ran.starts().len(), ran.team.counters().dropped()),
            (0, 1500)
        );
        assert!(ran.finished());
    }
}

#[test]
fn a_late_core_catches_up_and_forgets_nothing() {
    // Time jumps by 50 ms, as it does for a generator that was stalled.
    let stall = act(MS(50), |_| {
        spawn_local(tokio::time::advance(MS(50)));
    });
    let spec = scenario(constant(1000.0, 200, 100, 100));
    let ran = run_with(spec, 1, Script::takes(MS(0)), vec![stall]);
    assert_eq!(intended(&ran), (0..200).map(MS).collect::<Vec<_>>());
    let lag = |start: &Start| start.actual - start.intended;
    assert!(ran.starts().iter().map(lag).max() >= Some(MS(40)));
    assert_eq!(ran.team.counters().dropped(), 0);
}

#[test]
fn what_a_late_core_had_not_begun_at_the_end_is_dropped_and_counted() {
    for (cores, graceful) in [(1, 0), (2, 0), (1, 1), (2, 1)] {
        // Time jumps from 100 ms beyond the end: 9000 are due at once, and the end has come after the first 1000.
        let stall = act(MS(100), |_| {
            spawn_local(tokio::time::advance(MS(1000)));
        });
        let mut spec = scenario(constant(10_000.0, 1000, 100, 100));
        spec.graceful_stop = S(graceful);
        let ran = run_with(spec, cores, Script::takes(MS(0)), vec![stall]);
        let (started, dropped) = (ran.starts().len() as u64, ran.team.counters().dropped());
        assert_eq!(started + dropped, 10_000, "{started} on {cores}");
        assert!(started >= 1000 && dropped >= 6000, "{started} on {cores}");
        assert_eq!(ran.dropped_metric, dropped as f64);
    }
}

#[test]
fn what_is_not_due_yet_at_the_end_is_not_dropped() {
    let stop = act(MS(500), |team| team.signal(Signal::Stop));
    // Users are still at their iterations for a while.
    let load = constant(100.0, 60_000, 40, 40);
    let ran = run_with(scenario(load), 2, Script::takes(MS(300)), vec![stop]);
    assert!((50..=51).contains(&ran.starts().len()) && ran.took >= MS(790));
    assert_eq!(ran.team.counters().dropped(), 0);
}

#[test]
fn a_hundred_thousand_arrivals_a_second_are_all_started() {
    for cores in [1, 4] {
        let ran = run(
            constant(100_000.0, 500, 1000, 1000),
            cores,
            Script::takes(MS(1)),
        );
        assert_eq!(
            (ran.starts().len(), ran.team.counters().dropped()),
            (50_000, 0)
        );
    }
}
