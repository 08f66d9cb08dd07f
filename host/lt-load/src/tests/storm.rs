//! Changes of every kind at random times: when the dust has settled there are as many users as were planned, and never were there
//! two of one id.

use lt_spec::spec::{Churn, ConstantUsers, Pace, RampingUsers, Stage};

use super::open::constant as rate;
use super::*;
use crate::Steer;

/// When the last change is made, and how long after it is counted.
const STORM_MS: u64 = 2_000;
const CALM_MS: u64 = 1_000;

/// Numbers that look random, the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

fn loads(users: u64) -> Vec<Load> {
    let pace = |interarrival| Pace {
        interarrival: MS(interarrival),
        repeat_interval: None,
    };
    let constant = |pace| {
        Load::ConstantUsers(ConstantUsers {
            users,
            duration: Some(S(60)),
            pace,
        })
    };
    vec![
        constant(pace(0)),
        constant(pace(7)),
        Load::RampingUsers(RampingUsers {
            start_users: users,
            stages: vec![Stage {
                duration: S(60),
                target: users,
            }],
            graceful_ramp_down: S(1),
            repeat_interval: None,
        }),
        Load::Churn(Churn {
            users,
            iterations: Some(50),
            duration: Some(S(60)),
            interval: MS(2),
            repeat_interval: None,
        }),
        rate(300.0, 60_000, users, users),
    ]
}

/// A change of any kind; often several at one time.
fn steer(dice: &mut Dice) -> Steer {
    let force = dice.below(2) == 0;
    match dice.below(8) {
        0 => Steer::Users(1 + dice.below(12)),
        1 | 2 => Steer::AddUsers(1 + dice.below(5)),
        3 | 4 => Steer::RemoveUsers {
            count: dice.below(4),
            force,
        },
        5 => Steer::Pause,
        6 => Steer::Resume,
        _ => Steer::RemoveIds {
            ids: (0..1 + dice.below(3)).map(|_| 1 + dice.below(15)).collect(),
            force,
        },
    }
}

fn storm(load: Load, cores: u64, seed: u64, replaces: bool) {
    let what = format!("{} on {cores}, seed {seed}", load.name());
    let mut dice = Dice(seed);
    let mut at = 0;
    let mut acts: Vec<Act> = Vec::new();
    while at < STORM_MS {
        at += [0, 0, 1, 13, 60][usize::try_from(dice.below(5)).unwrap()];
        let steer = steer(&mut dice);
        // What cannot be is refused, and changes nothing.
        acts.push(act(MS(at), move |team| drop(team.steer(&steer))));
        if replaces && dice.below(20) == 0 {
            let mut others = loads(1 + dice.below(6));
            let other = others.swap_remove(usize::try_from(dice.below(5)).unwrap());
            acts.push((
                MS(at),
                Box::new(move |relay| {
                    let present = relay.present().unwrap();
                    let scenario = ScenarioSpec {
                        load: other.clone(),
                        ..ScenarioSpec::clone(present.scenario())
                    };
                    let next = present.successor(Arc::new(scenario)).unwrap();
                    // Too many may not have ended yet.
                    let _refused = relay.pass_on(next);
                }),
            ));
        }
    }
    acts.push(act(MS(STORM_MS + 100), |team| team.resume()));
    // Users that are replaced are between two lives now and then: looked at often enough, all are seen at once.
    let most = Rc::new(Cell::new(0));
    let from = STORM_MS + 100 + CALM_MS;
    for at in 0..200 {
        let (what, most) = (what.clone(), most.clone());
        let look = move |relay: &Relay| {
            let tally = relay.tally();
            assert!(tally.active <= tally.planned, "{what}: {tally:?}");
            most.set(most.get().max(tally.active));
        };
        acts.push((MS(from + at), Box::new(look)));
    }
    let (named, seen) = (what.clone(), most.clone());
    let counted = move |relay: &Relay| {
        let planned = relay.tally().planned;
        if relay.present().unwrap().keeps_rate() {
            // They are made when they are missed.
            assert!((1..=planned).contains(&seen.get()), "{named}: {planned}");
        } else {
            assert_eq!(seen.get(), planned, "{named}");
        }
        relay.signal(Signal::Halt);
    };
    acts.push((MS(from + 201), Box::new(counted)));
    let ran = run_with(scenario(load), cores, Script::takes(MS(9)), acts);
    assert_eq!(ran.relay.tally().active, 0, "{what}");
    assert_eq!(ran.panics, 0, "{what}");
}

#[test]
fn whatever_was_changed_there_are_as_many_users_as_planned() {
    for seed in 20..32 {
        for load in loads(5) {
            for cores in [1, 3] {
                storm(load.clone(), cores, seed, false);
            }
        }
    }
}

#[test]
fn loads_that_are_replaced_in_a_storm_leave_no_user_behind() {
    for seed in 105..115 {
        for load in loads(5) {
            storm(load, 2, seed, true);
        }
    }
}
