//! Users, roles and when iterations start.

use super::*;

#[test]
fn nothing_typed_is_one_user_and_one_iteration() {
    let spec = ok(RawRun::default(), &description());
    assert_eq!(
        (spec.users, spec.first_user, spec.cores, spec.seed),
        (1, 1, 4, 77)
    );
    assert_eq!(spec.scenario, "shop");
    let load = constant(&spec);
    assert_eq!(load.iterations, Iterations::PerUser(1));
    assert_eq!(load.duration, None);
    assert_eq!(load.graceful_stop, GRACEFUL_STOP);
    assert_eq!(spec.http.timeout, HTTP_TIMEOUT);
    assert!(spec.http.connection_reuse && spec.http.tls_resumption);
    assert!(spec.http.user_agent.starts_with("lt-host/"));
}

#[test]
fn iterations_alone_are_shared_and_duration_alone_is_unlimited() {
    let iterations = |raw| {
        let spec = ok(raw, &description());
        (constant(&spec).iterations, constant(&spec).duration)
    };
    let ten = || some("10");
    let minute = Duration::from_secs(60);
    assert_eq!(
        iterations(RawRun {
            iterations: ten(),
            ..RawRun::default()
        }),
        (Iterations::Shared(10), None)
    );
    assert_eq!(
        iterations(RawRun {
            duration: some("1m"),
            ..RawRun::default()
        }),
        (Iterations::Unlimited, Some(minute))
    );
    assert_eq!(
        iterations(RawRun {
            iterations: ten(),
            duration: some("1m"),
            ..RawRun::default()
        }),
        (Iterations::Shared(10), Some(minute))
    );
}

#[test]
fn fewer_iterations_than_users_is_an_error() {
    let raw = RawRun {
        users: some("20"),
        iterations: some("10"),
        ..RawRun::default()
    };
    check_wrong(
        raw,
        &description(),
        &["--iterations", "fewer than the 20 users", "--users 10"],
    );
    let none = RawRun {
        iterations: some("0"),
        ..RawRun::default()
    };
    check_wrong(none, &description(), &["--iterations", "zero"]);
}

#[test]
fn the_scenario_suggests_a_load_and_flags_go_before_it() {
    let mut shop = description();
    shop.load = DefaultLoad {
        users: Some(5),
        duration: Some(Duration::from_secs(10)),
        iterations: None,
    };
    let spec = ok(RawRun::default(), &shop);
    assert_eq!(spec.users, 5);
    assert_eq!(constant(&spec).duration, Some(Duration::from_secs(10)));
    let spec = ok(
        RawRun {
            users: some("7"),
            iterations: some("9"),
            ..RawRun::default()
        },
        &shop,
    );
    assert_eq!(spec.users, 7);
    assert_eq!(
        (constant(&spec).duration, constant(&spec).iterations),
        (None, Iterations::Shared(9))
    );
    shop.load = DefaultLoad {
        users: Some(0),
        duration: Some(Duration::ZERO),
        iterations: Some(0),
    };
    assert_eq!(wrong(RawRun::default(), &shop).len(), 3);
}

#[test]
fn intervals_are_taken_and_zero_is_refused_where_it_would_spin() {
    let raw = RawRun {
        interarrival: some("50ms"),
        repeat_interval: some("1m"),
        graceful_stop: some("0"),
        ..RawRun::default()
    };
    let spec = ok(raw, &description());
    let load = constant(&spec);
    assert_eq!(load.interarrival, Duration::from_millis(50));
    assert_eq!(load.repeat_interval, Some(Duration::from_secs(60)));
    assert_eq!(load.graceful_stop, Duration::ZERO);
    let zero = RawRun {
        repeat_interval: some("0s"),
        ..RawRun::default()
    };
    check_wrong(zero, &description(), &["--repeat-interval", "zero"]);
    let zero = RawRun {
        duration: some("0s"),
        ..RawRun::default()
    };
    check_wrong(zero, &description(), &["--duration", "zero"]);
}

#[test]
fn a_user_range_gives_ids_and_number() {
    let spec = ok(
        RawRun {
            user_range: some("11..15"),
            ..RawRun::default()
        },
        &description(),
    );
    assert_eq!((spec.first_user, spec.users), (11, 5));
    let same = RawRun {
        user_range: some("11..15"),
        users: some("5"),
        ..RawRun::default()
    };
    assert_eq!(ok(same, &description()).users, 5);
    let other = RawRun {
        user_range: some("11..15"),
        users: some("6"),
        ..RawRun::default()
    };
    check_wrong(
        other,
        &description(),
        &["--user-range", "holds 5 users", "asks for 6"],
    );
}

#[test]
fn users_beyond_memory_are_told_how_many_fit() {
    let small = Machine {
        memory_available_bytes: Some(4_200_000),
        ..machine()
    };
    let raw = |users: &str| RawRun {
        users: some(users),
        ..RawRun::default()
    };
    assert_eq!(
        resolve(&raw("100"), &description(), &small).unwrap().users,
        100
    );
    let problems = resolve(&raw("101"), &description(), &small).unwrap_err();
    assert!(
        problems[0].message.contains("100 users fit"),
        "{problems:?}"
    );
    let unknown = Machine {
        memory_available_bytes: None,
        ..machine()
    };
    assert!(resolve(&raw("1000000"), &description(), &unknown).is_ok());
    let beyond = (USERS_MAX + 1).to_string();
    assert!(resolve(&raw(&beyond), &description(), &unknown).is_err());
    let fat = RawRun {
        memory_limit: some("4GiB"),
        ..raw("100000")
    };
    let problems = resolve(&fat, &description(), &unknown).unwrap_err();
    assert!(problems[0].message.contains("16384 users"), "{problems:?}");
}

#[test]
fn roles_divide_the_users_exactly() {
    let role = |name: &str, share| Role {
        name: name.to_owned(),
        doc: String::new(),
        share,
    };
    let shop = |roles| Description {
        roles,
        ..description()
    };
    let users = |count: &str| RawRun {
        users: some(count),
        ..RawRun::default()
    };
    let counts = |roles, count| -> Vec<u64> {
        ok(users(count), &shop(roles))
            .roles
            .iter()
            .map(|role| role.users)
            .collect()
    };
    let weighted = || {
        vec![
            role("a", RoleShare::Weight(1)),
            role("b", RoleShare::Weight(1)),
            role("c", RoleShare::Weight(1)),
        ]
    };
    assert_eq!(counts(weighted(), "10"), [4, 3, 3]);
    assert_eq!(counts(weighted(), "2"), [1, 1, 0]);
    let mixed = || {
        vec![
            role("star", RoleShare::Count(1)),
            role("fan", RoleShare::Weight(3)),
            role("idle", RoleShare::Weight(1)),
        ]
    };
    assert_eq!(counts(mixed(), "9"), [1, 6, 2]);
    assert_eq!(counts(mixed(), "1"), [1, 0, 0]);
    let pair = || {
        vec![
            role("a", RoleShare::Count(2)),
            role("b", RoleShare::Count(3)),
        ]
    };
    assert_eq!(counts(pair(), "5"), [2, 3]);
    check_wrong(
        users("4"),
        &shop(pair()),
        &["fewer than the 5", "--users 5"],
    );
    check_wrong(users("6"), &shop(pair()), &["other 1 would have none"]);
}
