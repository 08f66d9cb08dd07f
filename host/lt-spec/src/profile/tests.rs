//! Load shapes against k6's rules, and their functions against each other.

use std::sync::Arc;

use super::*;
use crate::spec::{
    Churn, ConstantArrivalRate, ConstantUsers, Pace, PerUserIterations, RampingArrivalRate, Spacing,
};

const MS: fn(u64) -> Duration = Duration::from_millis;
const S: fn(u64) -> Duration = Duration::from_secs;

fn stages<T: Copy>(stages: &[(u64, T)]) -> Vec<Stage<T>> {
    stages
        .iter()
        .map(|(ms, target)| held(MS(*ms), *target))
        .collect()
}

fn ramping(start: u64, shape: &[(u64, u64)]) -> RampingUsers {
    RampingUsers {
        start_users: start,
        stages: stages(shape),
        graceful_ramp_down: S(30),
        repeat_interval: None,
    }
}

fn rates(start: f64, shape: &[(u64, f64)], spacing: Spacing) -> Load {
    Load::RampingArrivalRate(RampingArrivalRate {
        start_rate: start,
        stages: stages(shape),
        spacing,
        users: 10,
        users_max: 10,
    })
}

fn constant(rate: f64, duration: Option<Duration>, spacing: Spacing) -> Load {
    Load::ConstantArrivalRate(ConstantArrivalRate {
        rate,
        duration,
        spacing,
        users: 10,
        users_max: 10,
    })
}

fn steps(load: &RampingUsers) -> Vec<(u64, u64)> {
    let steps = Ramp::new(load);
    steps
        .map(|step| (u64::try_from(step.at.as_millis()).unwrap(), step.users))
        .collect()
}

fn dues(load: &Load, cores: u64) -> Vec<Duration> {
    let mut all: Vec<_> = (0..cores)
        .flat_map(|core| Arrivals::new(load, 7, core, cores).unwrap())
        .collect();
    all.sort_unstable();
    all
}

#[test]
fn a_ramp_takes_k6s_steps() {
    // Up by four in a second, a hold, down by two in a second, a jump.
    let load = ramping(0, &[(1000, 4), (500, 4), (1000, 2), (0, 5), (1000, 5)]);
    let expected = [
        (0, 0),
        (250, 1),
        (500, 2),
        (750, 3),
        (1000, 4),
        (2000, 3),
        (2500, 2),
        (2500, 5),
        (3500, 5),
    ];
    assert_eq!(steps(&load), expected);
}

#[test]
fn a_ramps_steps_round_as_k6_rounds() {
    // k6: end - duration * (target - users) / difference, in whole nanoseconds.
    let at: Vec<_> = Ramp::new(&ramping(0, &[(1000, 3)]))
        .map(|step| step.at.as_nanos())
        .collect();
    assert_eq!(
        at,
        [0, 333_333_334, 666_666_667, 1_000_000_000, 1_000_000_000]
    );
}

#[test]
fn the_users_of_a_ramp_agree_with_its_steps() {
    let load = ramping(
        3,
        &[(1000, 10), (0, 1), (333, 8), (500, 8), (777, 0), (50, 0)],
    );
    let whole = Load::RampingUsers(load.clone());
    let length = whole.length().unwrap();
    let all: Vec<_> = Ramp::new(&load).collect();
    for step in all.iter().filter(|step| step.at < length) {
        let last = all.iter().rfind(|other| other.at == step.at).unwrap();
        assert_eq!(users_at(&whole, step.at), last.users, "{:?}", step.at);
        let before = all.iter().rfind(|other| other.at < step.at);
        if let Some(before) = before {
            let just_before = step.at - Duration::from_nanos(1);
            assert_eq!(users_at(&whole, just_before), before.users, "{:?}", step.at);
        }
    }
    assert_eq!(users_at(&whole, length), 0);
}

#[test]
fn a_climb_steps_one_interarrival_apart_and_turns_in_rhythm() {
    let climb = Climb {
        at: MS(0),
        from: 0,
        to: 3,
        interarrival: MS(50),
    };
    let all: Vec<_> = (0..).map_while(|number| climb.step(number)).collect();
    let expected = [(0, 1), (50, 2), (100, 3)].map(|(at, users)| Step { at: MS(at), users });
    assert_eq!(all, expected);
    assert_eq!(
        [0, 49, 50, 100, 900].map(|at| climb.users_at(MS(at))),
        [1, 1, 2, 3, 3]
    );
    // Under way: the next user still comes at 100. Done: at once.
    let turned = climb.turn(MS(60), 5);
    assert_eq!(
        (turned.step(0), turned.step(3)),
        (
            Some(Step {
                at: MS(100),
                users: 3
            }),
            None
        )
    );
    assert_eq!(
        climb.turn(MS(500), 5).step(0),
        Some(Step {
            at: MS(500),
            users: 4
        })
    );
    // Down is one step, now.
    let down = climb.turn(MS(60), 1);
    assert_eq!(
        (down.step(0), down.step(1)),
        (
            Some(Step {
                at: MS(60),
                users: 1
            }),
            None
        )
    );
    assert_eq!(down.users_at(MS(60)), 1);
    assert_eq!(
        climb.turn(MS(60), 2).step(0),
        Some(Step {
            at: MS(60),
            users: 2
        })
    );
}

#[test]
fn a_constant_rate_starts_at_once_and_ends_before_its_end() {
    let all = dues(&constant(50.0, Some(S(1)), Spacing::Uniform), 1);
    let expected: Vec<_> = (0..50).map(|number| MS(20 * number)).collect();
    assert_eq!(all, expected);
    let endless = Arrivals::new(&constant(0.5, None, Spacing::Uniform), 7, 0, 1).unwrap();
    assert_eq!(endless.take(3).collect::<Vec<_>>(), [S(0), S(2), S(4)]);
}

#[test]
fn a_ramping_rate_starts_the_nth_where_the_area_is_n() {
    // k6's TestRampingArrivalRateCal: from 0 to 10 in 5 s, 10 for 5 s... the n-th of a ramp from zero is at sqrt(2 n / slope).
    let load = rates(0.0, &[(5000, 10.0), (5000, 10.0)], Spacing::Uniform);
    let all = dues(&load, 1);
    assert_eq!(all.len(), 75);
    for (index, due) in all.iter().enumerate() {
        let number = f64::from(u32::try_from(index).unwrap() + 1);
        let exact = if number <= 25.0 {
            number.sqrt()
        } else {
            5.0 + (number - 25.0) / 10.0
        };
        assert!(
            (due.as_secs_f64() - exact).abs() < 1e-8,
            "{number}: {due:?}"
        );
    }
    // Falling to nothing: the last is at the very end.
    let all = dues(&rates(10.0, &[(2000, 0.0)], Spacing::Uniform), 1);
    assert_eq!((all.len(), all.last()), (10, Some(&S(2))));
}

#[test]
fn stages_that_start_nothing_are_passed_over() {
    let load = rates(
        0.0,
        &[(1000, 0.0), (0, 10.0), (1000, 10.0), (0, 0.0), (1000, 0.0)],
        Spacing::Uniform,
    );
    let all = dues(&load, 1);
    assert_eq!(
        (all.len(), all.first(), all.last()),
        (10, Some(&MS(1100)), Some(&S(2)))
    );
}

#[test]
fn cores_share_arrivals_without_loss_whatever_their_number() {
    for spacing in [Spacing::Uniform, Spacing::Poisson] {
        let ramp = rates(5.0, &[(3000, 200.0), (0, 40.0), (2000, 0.0)], spacing);
        for load in [ramp, constant(333.0, Some(S(3)), spacing)] {
            let one = dues(&load, 1);
            assert!(one.len() > 300);
            for cores in [2, 3, 8] {
                assert_eq!(dues(&load, cores), one);
            }
        }
    }
}

#[test]
fn random_arrivals_keep_the_rate_and_vary_like_a_poisson_process() {
    let all = dues(&constant(1000.0, Some(S(100)), Spacing::Poisson), 1);
    // A hundred thousand expected: three standard deviations are 950.
    assert!((99_050..100_950).contains(&all.len()), "{}", all.len());
    let gaps: Vec<f64> = all
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).as_secs_f64())
        .collect();
    let count = f64::from(u32::try_from(gaps.len()).unwrap());
    let mean = gaps.iter().sum::<f64>() / count;
    let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / count;
    // An exponential's deviation is its mean.
    assert!(
        (variance.sqrt() / mean - 1.0).abs() < 0.02,
        "{mean} {variance}"
    );
    let ramp = rates(0.0, &[(100_000, 2000.0)], Spacing::Poisson);
    let half = dues(&ramp, 1).iter().filter(|due| **due < S(50)).count();
    assert!((24_500..25_500).contains(&half), "{half}");
}

#[test]
fn another_seed_gives_other_arrivals_and_the_same_seed_the_same() {
    let load = constant(100.0, Some(S(1)), Spacing::Poisson);
    let seeded = |seed| {
        Arrivals::new(&load, seed, 0, 1)
            .unwrap()
            .collect::<Vec<_>>()
    };
    assert_eq!(seeded(1), seeded(1));
    assert_ne!(seeded(1), seeded(2));
}

#[test]
fn a_changed_rate_holds_from_then_on_and_loses_no_number() {
    let load = constant(10.0, Some(S(10)), Spacing::Uniform);
    let turned = Arc::new(Curve::of(&load).unwrap().turn(S(5), 100.0));
    assert_eq!((turned.rate_at(S(4)), turned.rate_at(S(5))), (10.0, 100.0));
    assert!((turned.arrivals_by(S(10)) - 550.0).abs() < 1e-9);
    let mut all = Vec::new();
    for core in 0..3 {
        let mut share = Arrivals::new(&load, 7, core, 3).unwrap();
        while let Some(due) = share.due().filter(|due| *due < S(5)) {
            all.push(due);
            share.advance();
        }
        share.follow(turned.clone());
        all.extend(share);
    }
    all.sort_unstable();
    assert_eq!(all.len(), 550);
    assert_eq!((all[50], all[51], all[549]), (S(5), MS(5010), MS(9990)));
    // A rate of zero ends it until another comes.
    let none = Arc::new(turned.turn(S(6), 0.0));
    assert!((none.arrivals_by(S(10)) - 150.0).abs() < 1e-9);
    let again = none.turn(S(8), 10.0);
    assert!((again.arrivals_by(S(10)) - 170.0).abs() < 1e-9);
}

#[test]
fn many_changes_of_a_rate_cost_bounded_memory() {
    let mut curve = Curve::of(&constant(10.0, None, Spacing::Uniform)).unwrap();
    for change in 1..10_000 {
        curve = curve.turn(MS(change), 10.0);
    }
    assert!(format!("{curve:?}").matches("Piece").count() <= crate::limits::RATE_CHANGES_KEPT + 1);
    assert!((curve.arrivals_by(S(100)) - 1000.0).abs() < 1e-6);
}

#[test]
fn what_a_load_is_to_start_is_known_where_it_can_be() {
    let expected = |load: &Load| expected_iterations(load);
    assert_eq!(
        expected(&constant(50.0, Some(S(10)), Spacing::Uniform)),
        Some(500)
    );
    assert_eq!(expected(&constant(50.0, None, Spacing::Uniform)), None);
    assert_eq!(
        expected(&rates(0.0, &[(10_000, 100.0)], Spacing::Uniform)),
        Some(500)
    );
    let pace = Pace {
        interarrival: MS(500),
        repeat_interval: Some(S(1)),
    };
    let mut users = ConstantUsers {
        users: 3,
        duration: Some(MS(2500)),
        pace,
    };
    // At 0, 1, 2; at 0.5, 1.5; at 1, 2.
    assert_eq!(expected(&Load::ConstantUsers(users.clone())), Some(7));
    users.pace.repeat_interval = None;
    assert_eq!(expected(&Load::ConstantUsers(users)), None);
    let counted = PerUserIterations {
        users: 3,
        iterations: 5,
        max_duration: None,
        pace,
    };
    assert_eq!(expected(&Load::PerUserIterations(counted)), Some(15));
    let mut ramp = ramping(0, &[(10_000, 10)]);
    assert_eq!(expected(&Load::RampingUsers(ramp.clone())), None);
    ramp.repeat_interval = Some(S(1));
    // The k-th user starts at k seconds: 9 + 8 + … + 0.
    assert_eq!(expected(&Load::RampingUsers(ramp.clone())), Some(45));
    let ramped = |start: u64, shape: &[(u64, u64)], interval| {
        let mut ramp = ramping(start, shape);
        ramp.repeat_interval = Some(interval);
        expected(&Load::RampingUsers(ramp))
    };
    // Longer than the ramp: each user still iterates once, at its start.
    assert_eq!(ramped(4, &[(1000, 4)], S(10)), Some(4));
    // All but the first, which was there, stop in the order 3, 2, 1 at 2, 3 and 4 s.
    assert_eq!(ramped(1, &[(0, 3), (1000, 3), (3000, 0)], S(1)), Some(9));
    assert_eq!(ramped(2, &[(1000, 1), (1000, 2)], S(1)), None);
}

#[test]
fn an_even_rate_is_expected_to_start_what_it_starts() {
    let cases = [
        (3.0, 1100),
        (3.0, 1000),
        (0.5, 1000),
        (0.1, 10_000),
        (333.0, 2000),
    ];
    for (rate, length) in cases
        .into_iter()
        .chain([(7.0, 999), (0.7, 10_000), (1e5, 333)])
    {
        let load = constant(rate, Some(MS(length)), Spacing::Uniform);
        let all = dues(&load, 1).len() as u64;
        assert_eq!(expected_iterations(&load), Some(all), "{rate} {length}");
    }
    let random = constant(3.0, Some(MS(1100)), Spacing::Poisson);
    assert_eq!(expected_iterations(&random), Some(3));
}

#[test]
fn users_and_rates_at_a_time() {
    let churn = Load::Churn(Churn {
        users: 3,
        iterations: None,
        duration: Some(S(1)),
        interval: MS(100),
        repeat_interval: None,
    });
    assert_eq!(
        [0, 99, 100, 900, 1000].map(|at| users_at(&churn, MS(at))),
        [1, 1, 2, 3, 0]
    );
    assert_eq!(
        (rate_at(&churn, S(0)), arrivals_by(&churn, S(1))),
        (None, None)
    );
    let rates = rates(
        10.0,
        &[(1000, 20.0), (0, 50.0), (1000, 50.0)],
        Spacing::Uniform,
    );
    let at = [0, 500, 1000, 1999, 2000].map(|at| rate_at(&rates, MS(at)).unwrap());
    assert_eq!(at, [10.0, 15.0, 50.0, 50.0, 0.0]);
    assert_eq!(arrivals_by(&rates, S(9)), Some(65.0));
    assert_eq!(users_at(&rates, S(1)), 10);
}

#[test]
fn a_staircase_and_a_spike_are_stages() {
    let stairs = ramping(0, &[]);
    let stairs = RampingUsers {
        stages: staircase(10, 5, S(1), 3),
        ..stairs
    };
    assert_eq!(
        steps(&stairs),
        [(0, 0), (0, 10), (1000, 15), (2000, 20), (3000, 20)]
    );
    let spike = RampingUsers {
        stages: spike(1, 9, S(1), S(2), S(3)),
        ..stairs
    };
    assert_eq!(
        steps(&spike),
        [(0, 0), (0, 1), (1000, 9), (3000, 1), (6000, 1)]
    );
}
