//! Tests of the words for loads.

use lt_spec::spec::{FailurePolicy, Identities, PerUserIterations, SharedIterations};

use super::*;

const S: fn(u64) -> Duration = Duration::from_secs;

fn spec(load: Load) -> ScenarioSpec {
    ScenarioSpec {
        name: "chat".to_owned(),
        start: Duration::ZERO,
        load,
        graceful_stop: S(30),
        identities: Identities {
            first: 1,
            existing: None,
        },
        last_id: None,
        roles: lt_spec::roles::Roles::default(),
        settings: std::collections::BTreeMap::new(),
        secrets: Vec::new(),
        tags: std::collections::BTreeMap::new(),
        on_failure: FailurePolicy::default(),
    }
}

fn line(load: Load) -> String {
    load_line(&spec(load))
}

fn stage<T>(seconds: u64, target: T) -> Stage<T> {
    Stage {
        duration: S(seconds),
        target,
    }
}

fn constant(users: u64, duration: Option<Duration>, pace: Pace) -> Load {
    Load::ConstantUsers(ConstantUsers {
        users,
        duration,
        pace,
    })
}

fn ramping() -> Load {
    Load::RampingUsers(RampingUsers {
        start_users: 0,
        stages: vec![stage(30, 100), stage(0, 500), stage(10, 0)],
        graceful_ramp_down: S(30),
        repeat_interval: None,
    })
}

#[test]
fn closed_loads_are_told_in_a_line() {
    let pace = Pace {
        interarrival: Duration::from_millis(50),
        repeat_interval: Some(S(60)),
    };
    assert_eq!(
        line(constant(5, Some(S(90)), pace)),
        "5 users for 1m30s, 50ms between starts, an iteration every 1m"
    );
    assert_eq!(
        line(constant(1, None, Pace::default())),
        "1 user until stopped"
    );
    let each = |iterations, max_duration| {
        line(Load::PerUserIterations(PerUserIterations {
            users: 2,
            iterations,
            max_duration,
            pace: Pace::default(),
        }))
    };
    assert_eq!(each(1, None), "2 users, 1 iteration each");
    assert_eq!(
        each(3, Some(S(600))),
        "2 users, 3 iterations each, for 10m at most"
    );
    let shared = Load::SharedIterations(SharedIterations {
        users: 2,
        iterations: 9,
        max_duration: None,
        pace: Pace::default(),
    });
    assert_eq!(line(shared), "2 users, 9 iterations in all");
    assert_eq!(
        line(ramping()),
        "ramping-users: 0 -> 100 in 30s -> 500 at once -> 0 in 10s"
    );
    let churn = Load::Churn(Churn {
        users: 3,
        iterations: Some(1),
        duration: Some(S(60)),
        interval: Duration::from_millis(50),
        repeat_interval: None,
    });
    assert_eq!(
        line(churn),
        "churn: 3 users at a time, each replaced after 1 iteration, for 1m, 50ms between starts"
    );
}

#[test]
fn rates_are_told_in_a_line() {
    let constant = Load::ConstantArrivalRate(ConstantArrivalRate {
        rate: 100.0,
        duration: Some(S(10)),
        spacing: Spacing::Uniform,
        users: 50,
        users_max: 200,
    });
    assert_eq!(
        line(constant),
        "100/s for 10s (uniform), 50 users, at most 200"
    );
    let many = Load::RampingArrivalRate(RampingArrivalRate {
        start_rate: 0.0,
        stages: (1..=8).map(|step| stage(60, f64::from(step))).collect(),
        spacing: Spacing::Poisson,
        users: 1,
        users_max: 1,
    });
    assert_eq!(
        line(many),
        "ramping-arrival-rate: 0/s -> 1/s in 1m -> 2/s in 1m -> 3/s in 1m -> 4/s in 1m -> 5/s in 1m -> 6/s in 1m \
         -> 2 more stages (poisson), 1 user"
    );
}

#[test]
fn a_rate_is_told_in_a_unit_that_suits_it() {
    assert_eq!(rate(100.0), "100/s");
    assert_eq!(rate(0.0), "0/s");
    assert_eq!(rate(1.0 / 60.0), "1/m");
    assert_eq!(rate(100.0 / 60.0), "100/m");
    assert_eq!(rate(1.0 / 3600.0), "1/h");
    assert_eq!(rate(0.000_1), "0.0001/s");
}

#[test]
fn a_load_over_time_has_a_row_for_each_turn() {
    let rows = |spec: &ScenarioSpec| {
        let rows = over_time(spec).into_iter();
        rows.map(|(at, text)| format!("{} {text}", at.as_secs()))
            .collect::<Vec<_>>()
    };
    let mut late = spec(ramping());
    late.start = S(5);
    assert_eq!(
        rows(&late),
        ["5 0 users", "35 100 users -> 500 users", "45 0 users, end"]
    );
    assert!(load_line(&late).ends_with(", starts after 5s"));
    let pace = |seconds| Pace {
        interarrival: S(seconds),
        repeat_interval: None,
    };
    assert_eq!(
        rows(&spec(constant(11, Some(S(60)), pace(1)))),
        ["0 1 user", "10 11 users", "60 end"]
    );
    // The last users would start behind the end, and so never do.
    assert_eq!(
        rows(&spec(constant(11, Some(S(60)), pace(10)))),
        ["0 1 user", "50 6 users", "60 end"]
    );
    assert_eq!(rows(&spec(constant(2, None, pace(0)))), ["0 2 users"]);
}

#[test]
fn changes_are_told_without_secrets() {
    let set = |name: &str| Action::Set {
        name: name.to_owned(),
        value: "x".to_owned(),
    };
    assert_eq!(action_line(&set("pause"), &["token"]), "pause = \"x\"");
    assert_eq!(action_line(&set("token"), &["token"]), "token = ***");
    let throttle = Action::Throttle {
        name: "login".to_owned(),
        change: ThrottleChange::Rate {
            count: 50,
            interval: S(1),
            over: Some(S(10)),
        },
    };
    assert_eq!(
        action_line(&throttle, &[]),
        "throttle \"login\": 50 every 1s, reached over 10s"
    );
    assert_eq!(action_line(&Action::Rate(5.0), &[]), "a rate of 5/s");
}
