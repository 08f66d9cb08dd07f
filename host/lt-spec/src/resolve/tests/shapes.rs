//! Which executor options choose, and what each is given.

use super::*;
use crate::limits::{AMOC_INTERARRIVAL, AMOC_REPEAT_INTERVAL, GRACEFUL_RAMP_DOWN};
use crate::spec::{Churn, ConstantArrivalRate, RampingArrivalRate, RampingUsers, Spacing, Stage};

fn load(raw: RawRun) -> Load {
    only(&ok(raw, &description())).load.clone()
}

fn stage<T>(seconds: u64, target: T) -> Stage<T> {
    Stage {
        duration: Duration::from_secs(seconds),
        target,
    }
}

#[test]
fn stages_of_users_ramp_and_stages_of_rates_arrive() {
    let ramp = typed(|raw| raw.stages = texts(&["30s:100", "0:50", "1m:0"]));
    assert_eq!(
        load(ramp),
        Load::RampingUsers(RampingUsers {
            start_users: 0,
            stages: vec![stage(30, 100), stage(0, 50), stage(60, 0)],
            graceful_ramp_down: GRACEFUL_RAMP_DOWN,
            repeat_interval: None,
        })
    );
    let arrivals = typed(|raw| {
        raw.stages = texts(&["30s:120/m", "10s: 0"]);
        raw.start_rate = some("0.5/s");
        raw.spacing = some("poisson");
    });
    assert_eq!(
        load(arrivals),
        Load::RampingArrivalRate(RampingArrivalRate {
            start_rate: 0.5,
            stages: vec![stage(30, 2.0), stage(10, 0.0)],
            spacing: Spacing::Poisson,
            users: 2,
            users_max: 2,
        })
    );
}

#[test]
fn a_staircase_climbs_and_a_spike_jumps() {
    let Load::RampingUsers(stairs) = load(typed(|raw| raw.staircase = some("10:5:30s:3"))) else {
        panic!("no ramp")
    };
    assert_eq!(stairs.start_users, 10);
    assert_eq!(
        stairs.stages,
        [
            stage(0, 10),
            stage(30, 10),
            stage(0, 15),
            stage(30, 15),
            stage(0, 20),
            stage(30, 20)
        ]
    );
    let spike = typed(|raw| raw.spike = some("10/s:500/s:30s:10s:1m"));
    let Load::RampingArrivalRate(spike) = load(spike) else {
        panic!("no rates")
    };
    assert_eq!((spike.start_rate, spike.users), (10.0, 500));
    assert_eq!(spike.stages[3], stage(10, 500.0));
    assert_eq!(spike.stages[5], stage(60, 10.0));
}

#[test]
fn a_rate_takes_users_for_one_second_of_it_unless_told() {
    let rate = |users: Option<&str>, most: Option<&str>| {
        load(typed(|raw| {
            raw.rate = some("90/m");
            raw.duration = some("10s");
            raw.users = users.map(str::to_owned);
            raw.max_users = most.map(str::to_owned);
        }))
    };
    let made = |users, users_max| {
        Load::ConstantArrivalRate(ConstantArrivalRate {
            rate: 1.5,
            duration: Some(Duration::from_secs(10)),
            spacing: Spacing::Uniform,
            users,
            users_max,
        })
    };
    assert_eq!(rate(None, None), made(2, 2));
    assert_eq!(rate(Some("7"), None), made(7, 7));
    assert_eq!(rate(Some("7"), Some("9")), made(7, 9));
    assert_eq!(rate(None, Some("1")), made(1, 1));
}

#[test]
fn amocs_profile_is_overridden_by_what_is_typed() {
    let pace = Pace {
        interarrival: AMOC_INTERARRIVAL,
        repeat_interval: Some(AMOC_REPEAT_INTERVAL),
    };
    let amoc = |change: fn(&mut RawRun)| {
        load(typed(|raw| {
            raw.profile = some("amoc");
            raw.users = some("3");
            change(raw);
        }))
    };
    let constant = |duration, pace| {
        Load::ConstantUsers(ConstantUsers {
            users: 3,
            duration,
            pace,
        })
    };
    assert_eq!(amoc(|_| {}), constant(None, pace));
    let typed = amoc(|raw| {
        raw.duration = some("5s");
        raw.interarrival = some("0");
    });
    let all_at_once = Pace {
        interarrival: Duration::ZERO,
        ..pace
    };
    assert_eq!(typed, constant(Some(Duration::from_secs(5)), all_at_once));
    let counted = amoc(|raw| raw.repeat_num = some("4"));
    assert_eq!(
        counted,
        Load::PerUserIterations(PerUserIterations {
            users: 3,
            iterations: 4,
            max_duration: None,
            pace,
        })
    );
}

#[test]
fn churn_is_asked_for_by_name() {
    let churn = typed(|raw| {
        raw.executor = some("churn");
        raw.users = some("20");
        raw.duration = some("1m");
        raw.repeat_num = some("3");
        raw.interarrival = some("500ms");
    });
    assert_eq!(
        load(churn),
        Load::Churn(Churn {
            users: 20,
            iterations: Some(3),
            duration: Some(Duration::from_secs(60)),
            interval: Duration::from_millis(500),
            repeat_interval: None,
        })
    );
}

#[test]
fn a_run_that_waits_for_its_steady_state_needs_no_duration() {
    let mut shop = description();
    shop.steady = Some(crate::description::SteadyCondition::Check("up".to_owned()));
    shop.load.duration = Some(Duration::from_secs(30));
    let raw = typed(|raw| {
        raw.users = some("2");
        raw.steady = some("60s");
        raw.deadline = some("5m");
    });
    let spec = ok(raw, &shop);
    assert_eq!(only(&spec).load.length(), None);
    assert_eq!(only(&spec).load.name(), "constant-users");
    assert_eq!(spec.steady.unwrap().deadline, Duration::from_secs(300));
}

#[test]
fn once_is_one_iteration_of_one_user_on_one_core() {
    let mut shop = description();
    shop.load.users = Some(50);
    let spec = ok(typed(|raw| raw.once = true), &shop);
    assert_eq!((spec.cores, spec.users_max()), (1, 1));
    assert_eq!(only(&spec).load.iterations(), Some(1));
    let contradicting = typed(|raw| {
        raw.once = true;
        raw.users = some("2");
        raw.stages = texts(&["1s:1"]);
        raw.cores = some("2");
    });
    assert_eq!(wrong(contradicting, &shop).len(), 3);
}

#[test]
fn once_takes_one_id_and_one_role() {
    let mut shop = description();
    let role = |name: &str, share| Role {
        name: name.to_owned(),
        doc: String::new(),
        share,
    };
    shop.roles = vec![
        role("sender", RoleShare::Count(2)),
        role("reader", RoleShare::Count(3)),
    ];
    let once = |change: fn(&mut RawRun)| {
        let mut raw = typed(change);
        raw.once = true;
        raw
    };
    let spec = ok(
        once(|raw| {
            raw.user_range = some("57..57");
            raw.users = some("1");
            raw.iterations = some("1");
            raw.repeat_num = some("1");
        }),
        &shop,
    );
    assert_eq!(only(&spec).identities.first, 57);
    assert_eq!(
        (spec.users_max(), only(&spec).load.iterations()),
        (1, Some(1))
    );
    let played = |spec: &RunSpec| {
        let roles = only(spec).roles.clone();
        roles.name(roles.of(0)).to_owned()
    };
    assert_eq!(played(&spec), "sender");
    let reader = once(|raw| raw.roles = texts(&["sender=0"]));
    assert_eq!(played(&ok(reader, &shop)), "reader");
    for change in [
        |raw: &mut RawRun| raw.user_range = some("57..58"),
        |raw: &mut RawRun| raw.iterations = some("2"),
        |raw: &mut RawRun| raw.repeat_num = some("2"),
    ] {
        check_wrong(once(change), &shop, &["contradicts --once"]);
    }
    let judged = once(|raw| raw.thresholds = texts(&["checks:rate>0.9"]));
    assert!(ok(judged, &shop).thresholds.is_empty());
    let faulty = once(|raw| raw.thresholds = texts(&["checks"]));
    check_wrong(faulty, &shop, &["--threshold"]);
}

/// What is typed, and what the only problem must say.
#[test]
fn faults_of_shapes_are_told() {
    type Change = fn(&mut RawRun);
    let cases: [(Change, &[&str]); 31] = [
        (
            |raw| raw.staircase = some("9e6:9e6:1s:2"),
            &["no number of users"],
        ),
        (
            |raw| raw.executor = some("ramping-user"),
            &["--executor", "did you mean ramping-users?"],
        ),
        (
            |raw| raw.executor = some("constant-users"),
            &["--duration", "is missing", "--profile amoc"],
        ),
        (
            |raw| raw.executor = some("shared-iterations"),
            &["--iterations", "is missing"],
        ),
        (
            |raw| raw.executor = some("ramping-users"),
            &["--stage", "no shape"],
        ),
        (|raw| raw.rate = some("0"), &["--rate", "zero"]),
        (|raw| raw.rate = some("-5/s"), &["--rate", "negative"]),
        (
            |raw| raw.rate = some("1e12"),
            &["--rate", "more than any machine"],
        ),
        (
            |raw| raw.rate = some("many/s"),
            &["--rate", "is not a rate"],
        ),
        (
            |raw| raw.rate = some("5/fortnight"),
            &["--rate", "no unit of time"],
        ),
        (|raw| raw.rate = some("NaN"), &["--rate", "is not a rate"]),
        (|raw| raw.stages = texts(&["30s"]), &["--stage", "no ':'"]),
        (|raw| raw.stages = texts(&["30:5"]), &["--stage", "no unit"]),
        (
            |raw| raw.stages = texts(&["30s:-5"]),
            &["--stage", "no number of users"],
        ),
        (|raw| raw.stages = texts(&["0:5"]), &["take no time"]),
        (|raw| raw.stages = texts(&["5s:0"]), &["never has a user"]),
        (
            |raw| raw.stages = texts(&["5s:0/s"]),
            &["never starts anything"],
        ),
        (
            |raw| raw.stages = texts(&["10s:5", "10s:5/s", "1s:0"]),
            &["--stage \"10s:5\"", "to a rate"],
        ),
        (|raw| raw.staircase = some("1:1:1s"), &["four parts"]),
        (
            |raw| raw.staircase = some("1:1:1s:100000"),
            &["more than 720 steps"],
        ),
        (
            |raw| raw.spike = some("9:9:1s:1s:1s"),
            &["not above its base"],
        ),
        (
            |raw| {
                raw.spike = some("1:9:1s:1s:1s");
                raw.start_users = some("2");
            },
            &["--start-users", "contradicts"],
        ),
        (
            |raw| {
                raw.spike = some("1:9:1s:1s:1s");
                raw.stages = texts(&["1s:1"]);
            },
            &["--spike", "second shape"],
        ),
        (
            |raw| {
                raw.stages = texts(&["1s:1"]);
                raw.users = some("5");
            },
            &["--users", "ramping-users, which --stage asks for"],
        ),
        (
            |raw| {
                raw.executor = some("ramping-users");
                raw.stages = texts(&["1s:5/s"]);
            },
            &["--stage", "is a rate"],
        ),
        (
            |raw| {
                raw.iterations = some("5");
                raw.repeat_num = some("2");
            },
            &["--iterations", "does not take it", "shared-iterations"],
        ),
        (
            |raw| {
                raw.iterations = some("5");
                raw.duration = some("1m");
                raw.max_duration = some("2m");
            },
            &["--duration", "same as --max-duration"],
        ),
        (|raw| raw.repeat_num = some("0"), &["--repeat-num", "zero"]),
        (
            |raw| {
                raw.profile = some("k6");
                raw.duration = some("1s");
            },
            &["--profile", "amoc"],
        ),
        (
            |raw| {
                raw.stages = texts(&["1s:1/s"]);
                raw.spacing = some("even");
            },
            &["--spacing", "uniform or poisson"],
        ),
        (
            |raw| {
                raw.stages = texts(&["1s:9/s"]);
                raw.users = some("5");
                raw.max_users = some("4");
            },
            &["--max-users", "below the 5"],
        ),
    ];
    for (change, parts) in cases {
        let mut raw = typed(change);
        if raw.rate.is_some() {
            raw.duration = some("1s");
        }
        check_wrong(raw, &description(), parts);
    }
}

#[test]
fn a_bound_of_users_does_not_turn_stages_into_rates() {
    let raw = typed(|raw| {
        raw.stages = texts(&["1s:9"]);
        raw.max_users = some("5");
    });
    let belongs = "belongs to constant-arrival-rate, ramping-arrival-rate";
    check_wrong(raw, &description(), &["--max-users", belongs]);
}

#[test]
fn a_rate_without_an_end_is_refused() {
    check_wrong(
        typed(|raw| raw.rate = some("5")),
        &description(),
        &["--duration", "is missing"],
    );
}

#[test]
fn a_staircase_may_not_climb_beyond_all_rates() {
    check_wrong(
        typed(|raw| raw.staircase = some("9000000/s:9000000/s:1s:2")),
        &description(),
        &["--staircase", "more than any machine"],
    );
}

#[test]
fn huge_ramps_are_held_against_the_machine() {
    check_wrong(
        typed(|raw| raw.stages = texts(&["1s:2000000"])),
        &description(),
        &["--stage", "is too many", "1000000 users"],
    );
}
