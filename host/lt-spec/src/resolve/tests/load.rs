//! Users, roles and when iterations start.

use super::*;

#[test]
fn nothing_typed_is_one_user_and_one_iteration() {
    let spec = ok(RawRun::default(), &description());
    assert_eq!((spec.cores, spec.seed, spec.users_max()), (4, 77, 1));
    assert_eq!(spec.title(), "shop");
    let shop = only(&spec);
    assert_eq!(
        shop.load,
        Load::PerUserIterations(PerUserIterations {
            users: 1,
            iterations: 1,
            max_duration: Some(MAX_DURATION),
            pace: Pace::default(),
        })
    );
    assert_eq!(shop.graceful_stop, GRACEFUL_STOP);
    assert_eq!(shop.identities.of(0), (1, true));
    assert!(shop.roles.is_empty() && spec.terminate);
    assert_eq!(spec.http.timeout, HTTP_TIMEOUT);
    assert!(spec.http.connection_reuse && spec.http.tls_resumption);
    assert!(spec.http.user_agent.starts_with("lt-host/"));
}

#[test]
fn iterations_alone_are_shared_and_duration_alone_is_unlimited() {
    let load = |raw| only(&ok(raw, &description())).load.clone();
    let minute = Duration::from_secs(60);
    let shared = |max_duration| {
        Load::SharedIterations(SharedIterations {
            users: 1,
            iterations: 10,
            max_duration,
            pace: Pace::default(),
        })
    };
    let ten = RawRun {
        iterations: some("10"),
        ..RawRun::default()
    };
    // k6's: iterations that never end, end then.
    assert_eq!(load(ten.clone()), shared(Some(MAX_DURATION)));
    let both = RawRun {
        duration: some("1m"),
        ..ten
    };
    assert_eq!(load(both), shared(Some(minute)));
    let constant = Load::ConstantUsers(ConstantUsers {
        users: 1,
        duration: Some(minute),
        pace: Pace::default(),
    });
    let timed = RawRun {
        duration: some("1m"),
        ..RawRun::default()
    };
    assert_eq!(load(timed), constant);
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
    let load = only(&ok(RawRun::default(), &shop)).load.clone();
    assert_eq!(
        (load.users_max(), load.length()),
        (5, Some(Duration::from_secs(10)))
    );
    let flags = RawRun {
        users: some("7"),
        iterations: some("9"),
        ..RawRun::default()
    };
    let load = only(&ok(flags, &shop)).load.clone();
    assert_eq!(
        (load.users_max(), load.length(), load.iterations()),
        (7, Some(MAX_DURATION), Some(9))
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
    let shop = only(&spec);
    let Load::PerUserIterations(load) = &shop.load else {
        panic!("{:?}", shop.load)
    };
    assert_eq!(load.pace.interarrival, Duration::from_millis(50));
    assert_eq!(load.pace.repeat_interval, Some(Duration::from_secs(60)));
    assert_eq!(shop.graceful_stop, Duration::ZERO);
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
fn what_is_empty_is_not_given() {
    let raw = typed(|raw| {
        raw.users = some("");
        raw.seed = some(" ");
        raw.on_user_failure = some("");
        raw.http.timeout = some("");
        raw.http.proxy = some("");
        raw.stages = texts(&["1s:5", ""]);
        raw.roles = texts(&[""]);
        raw.thresholds = texts(&["", "checks:rate>0"]);
        raw.tags = texts(&["a=", "", "\n"]);
        raw.assets = texts(&[""]);
        raw.feeders = texts(&[""]);
        raw.settings = texts(&[""]);
        raw.outputs = texts(&[""]);
    });
    let spec = ok(raw, &description());
    assert_eq!((spec.seed, spec.users_max()), (77, 5));
    assert_eq!(spec.tags["a"], "");
    assert_eq!((spec.tags.len(), spec.thresholds.len()), (1, 1));
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
    assert_eq!((only(&spec).identities.first, spec.users_max()), (11, 5));
    let same = RawRun {
        user_range: some("11..15"),
        users: some("5"),
        ..RawRun::default()
    };
    assert_eq!(ok(same, &description()).users_max(), 5);
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
        resolve(&raw("100"), &description(), &small)
            .unwrap()
            .users_max(),
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
    let counts = |roles, count: &str| -> Vec<u64> {
        let spec = ok(users(count), &shop(roles));
        only(&spec).roles.counts(spec.users_max())
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
