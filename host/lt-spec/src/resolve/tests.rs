//! One test a rule: each names what is typed, and what must come of it.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use lt_metrics::{Kind, Unit};

use super::*;
use crate::description::{DefaultLoad, MetricDeclaration, Role, RoleShare, Setting};
use crate::limits::{GRACEFUL_STOP, HTTP_TIMEOUT, USERS_MAX};
use crate::raw::RawHttp;
use crate::spec::{ConstantUsers, Iterations, Load, SocketAddrOrIp};

fn machine() -> Machine {
    Machine {
        memory_available_bytes: Some(42_000_000_000),
        cores: 4,
        node: "here".to_owned(),
        seed: 77,
        run_id: "2026-11-21--001".to_owned(),
    }
}

fn description() -> Description {
    Description {
        name: "shop".to_owned(),
        ..Description::default()
    }
}

fn setting(name: &str, kind: SettingKind, default: Option<&str>) -> Setting {
    Setting {
        name: name.to_owned(),
        doc: "a setting".to_owned(),
        kind,
        default: default.map(str::to_owned),
        allowed: Vec::new(),
        minimum: None,
        maximum: None,
        live: false,
    }
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn ok(raw: RawRun, description: &Description) -> RunSpec {
    resolve(&raw, description, &machine()).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// The problems, as they are shown.
fn wrong(raw: RawRun, description: &Description) -> Vec<String> {
    let problems = resolve(&raw, description, &machine()).unwrap_err();
    problems.iter().map(Problem::to_string).collect()
}

/// The only problem, which must hold all these texts.
fn check_wrong(raw: RawRun, description: &Description, parts: &[&str]) {
    let problems = wrong(raw, description);
    assert_eq!(problems.len(), 1, "{problems:#?}");
    for part in parts {
        assert!(
            problems[0].contains(part),
            "{:?} lacks {part:?}",
            problems[0]
        );
    }
}

fn constant(spec: &RunSpec) -> &ConstantUsers {
    let Load::ConstantUsers(load) = &spec.load;
    load
}

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
fn all_problems_are_reported_at_once() {
    let raw = RawRun {
        users: some("many"),
        duration: some("30"),
        seed: some("-1"),
        settings: vec!["x=1".to_owned()],
        thresholds: vec!["nothing".to_owned()],
        outputs: vec!["xml=f".to_owned()],
        http: RawHttp {
            proxy: some("squid"),
            ..RawHttp::default()
        },
        ..RawRun::default()
    };
    let problems = wrong(raw, &description());
    for field in [
        "--users",
        "--duration",
        "--seed",
        "--set",
        "--threshold",
        "--out",
        "--proxy",
    ] {
        assert!(
            problems.iter().any(|problem| problem.starts_with(field)),
            "{field}: {problems:#?}"
        );
    }
    assert_eq!(problems.len(), 7);
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
fn a_setting_comes_from_flag_then_variable_then_default() {
    let mut shop = description();
    shop.settings = vec![setting(
        "base-url",
        SettingKind::Text,
        Some("http://default"),
    )];
    let variables = || BTreeMap::from([("BASE_URL".to_owned(), "http://variable".to_owned())]);
    let value = |raw| ok(raw, &shop).settings["base-url"].clone();
    assert_eq!(value(RawRun::default()), "http://default");
    let from_variable = RawRun {
        settings_from_variables: variables(),
        ..RawRun::default()
    };
    assert_eq!(value(from_variable), "http://variable");
    let from_flag = RawRun {
        settings_from_variables: variables(),
        settings: vec![
            "base-url=http://a".to_owned(),
            "base-url=http://b".to_owned(),
        ],
        ..RawRun::default()
    };
    assert_eq!(value(from_flag), "http://b");
}

#[test]
fn unknown_settings_name_the_nearest_known_one() {
    let mut shop = description();
    shop.settings = vec![setting("base-url", SettingKind::Text, Some("x"))];
    let raw = RawRun {
        settings: vec!["base-ulr=y".to_owned()],
        ..RawRun::default()
    };
    check_wrong(
        raw,
        &shop,
        &["--set \"base-ulr\"", "no setting", "did you mean base-url?"],
    );
    let far = RawRun {
        settings: vec!["colour=y".to_owned()],
        ..RawRun::default()
    };
    check_wrong(far, &shop, &["it has base-url"]);
    let variable = RawRun {
        settings_from_variables: BTreeMap::from([("BASE_ULR".to_owned(), "y".to_owned())]),
        ..RawRun::default()
    };
    check_wrong(
        variable,
        &shop,
        &["LT_SET_BASE_ULR", "did you mean base-url?"],
    );
}

#[test]
fn a_required_setting_must_be_given() {
    let mut shop = description();
    shop.settings = vec![setting("base-url", SettingKind::Text, None)];
    check_wrong(
        RawRun::default(),
        &shop,
        &["base-url is required", "LT_SET_BASE_URL"],
    );
}

#[test]
fn settings_are_held_against_type_range_and_allowed_values() {
    let bounded = |kind, minimum: &str, maximum: &str| Setting {
        minimum: some(minimum),
        maximum: some(maximum),
        ..setting("s", kind, None)
    };
    let allowed = Setting {
        allowed: vec!["red".to_owned(), "green".to_owned()],
        ..setting("s", SettingKind::Text, None)
    };
    let cases = [
        (
            setting("s", SettingKind::Boolean, None),
            "true",
            "yes",
            "true or false",
        ),
        (
            bounded(SettingKind::Integer, "-2", "9"),
            "-2",
            "-3",
            "-2 to 9",
        ),
        (
            bounded(SettingKind::Integer, "0", "9007199254740992"),
            "9007199254740992",
            "9007199254740993",
            "above",
        ),
        (
            setting("s", SettingKind::Integer, None),
            "5",
            "5.5",
            "whole number",
        ),
        (
            bounded(SettingKind::Number, "0", "1"),
            "0.5",
            "1.01",
            "above the largest",
        ),
        (
            setting("s", SettingKind::Number, None),
            "1e3",
            "NaN",
            "not a number",
        ),
        (
            bounded(SettingKind::Duration, "1s", "1m"),
            "30s",
            "500ms",
            "below the smallest",
        ),
        (
            setting("s", SettingKind::Duration, None),
            "30s",
            "30",
            "has no unit",
        ),
        (allowed, "red", "gren", "did you mean green?"),
    ];
    for (setting, good, bad, part) in cases {
        let shop = Description {
            settings: vec![setting],
            ..description()
        };
        let raw = |value: &str| RawRun {
            settings: vec![format!("s={value}")],
            ..RawRun::default()
        };
        assert_eq!(ok(raw(good), &shop).settings["s"], good);
        check_wrong(raw(bad), &shop, &["--set", bad, part]);
    }
}

#[test]
fn a_faulty_default_is_the_scenarios_fault() {
    let mut shop = description();
    shop.settings = vec![setting("pause", SettingKind::Duration, Some("5"))];
    check_wrong(
        RawRun::default(),
        &shop,
        &["the scenario's default", "pause=5", "no unit"],
    );
}

#[test]
fn secrets_are_listed_and_never_shown() {
    let mut shop = description();
    shop.settings = vec![Setting {
        allowed: vec!["right".to_owned()],
        ..setting("token", SettingKind::Secret, None)
    }];
    let raw = |value: &str| RawRun {
        settings: vec![format!("token={value}")],
        ..RawRun::default()
    };
    assert_eq!(ok(raw("right"), &shop).secrets, ["token"]);
    let problems = wrong(raw("hunter2"), &shop);
    assert!(!problems.concat().contains("hunter2"), "{problems:?}");
    let misspelt = RawRun {
        settings: vec!["tokne=hunter2".to_owned()],
        ..RawRun::default()
    };
    assert!(!wrong(misspelt, &shop).concat().contains("hunter2"));
    let proxy = RawRun {
        http: RawHttp {
            proxy: some("https://me:hunter2@p:1"),
            ..RawHttp::default()
        },
        ..RawRun::default()
    };
    assert!(!wrong(proxy, &description()).concat().contains("hunter2"));
}

#[test]
fn thresholds_are_held_against_built_in_and_declared_metrics() {
    let raw = |text: &str| RawRun {
        thresholds: vec![text.to_owned()],
        ..RawRun::default()
    };
    let mut shop = description();
    shop.metrics = vec![MetricDeclaration {
        name: "orders".to_owned(),
        doc: "orders placed".to_owned(),
        kind: Kind::Counter,
        unit: Unit::None,
    }];
    assert_eq!(
        ok(raw("http_req_duration:p(95)<200"), &shop)
            .thresholds
            .len(),
        1
    );
    assert_eq!(ok(raw("orders:count>5"), &shop).thresholds.len(), 1);
    check_wrong(
        raw("orders:p(95)<5"),
        &shop,
        &["--threshold", "orders is a counter", "count"],
    );
    check_wrong(
        raw("http_req_duratoin:avg<1"),
        &shop,
        &["did you mean", "http_req_duration"],
    );
    check_wrong(
        raw("http_req_duration"),
        &shop,
        &["--threshold", "at character"],
    );
}

#[test]
fn a_metric_that_cannot_be_declared_is_named() {
    let mut shop = description();
    shop.metrics = vec![MetricDeclaration {
        name: "http_reqs".to_owned(),
        doc: String::new(),
        kind: Kind::Trend,
        unit: Unit::Time,
    }];
    check_wrong(
        RawRun::default(),
        &shop,
        &["the scenario's metric \"http_reqs\""],
    );
}

#[test]
fn outputs_are_json_or_csv_and_each_has_its_file() {
    let raw = |texts: &[&str]| RawRun {
        outputs: texts.iter().map(|text| (*text).to_owned()).collect(),
        ..RawRun::default()
    };
    assert_eq!(
        ok(raw(&["json=a.json", "csv=b=c.csv"]), &description()).outputs,
        [
            Output::Json(PathBuf::from("a.json")),
            Output::Csv(PathBuf::from("b=c.csv"))
        ]
    );
    check_wrong(
        raw(&["influxdb=x"]),
        &description(),
        &["no output \"influxdb\"", "json, csv"],
    );
    check_wrong(
        raw(&["json"]),
        &description(),
        &["names no file", "json=FILE"],
    );
    check_wrong(raw(&["json=a", "csv=a"]), &description(), &["same file"]);
}

#[test]
fn tags_may_not_be_those_of_the_host() {
    let raw = |text: &str| RawRun {
        tags: vec![text.to_owned()],
        ..RawRun::default()
    };
    assert_eq!(
        ok(raw("env=staging"), &description()).tags["env"],
        "staging"
    );
    check_wrong(
        raw("status=200"),
        &description(),
        &["--tag", "sets itself", "run_status"],
    );
    check_wrong(raw("a b=1"), &description(), &["other characters"]);
    check_wrong(raw("env"), &description(), &["no '='"]);
    let long = format!("env={}", "x".repeat(TAG_BYTES_MAX + 1));
    check_wrong(raw(&long), &description(), &["over 256 bytes"]);
    let many = RawRun {
        tags: (0..=RUN_TAGS_MAX)
            .map(|index| format!("t{index}=1"))
            .collect(),
        ..RawRun::default()
    };
    check_wrong(many, &description(), &["more than the 32"]);
}

#[test]
fn http_options_are_checked() {
    let http = |http| RawRun {
        http,
        ..RawRun::default()
    };
    let spec = ok(
        http(RawHttp {
            timeout: some("5s"),
            max_redirects: some("0"),
            local_addresses: some("127.0.0.2,127.0.0.3"),
            hosts: vec!["shop.test=127.0.0.1:8080".to_owned()],
            user_agent: some(""),
            no_connection_reuse: true,
            ..RawHttp::default()
        }),
        &description(),
    );
    assert_eq!(spec.http.timeout, Duration::from_secs(5));
    assert_eq!(spec.http.max_redirects, 0);
    assert_eq!(
        spec.http.local_addresses,
        ["127.0.0.2", "127.0.0.3"].map(|ip| ip.parse::<IpAddr>().unwrap())
    );
    assert!(matches!(
        spec.http.hosts["shop.test"],
        SocketAddrOrIp::Socket(_)
    ));
    assert_eq!(spec.http.user_agent, "");
    assert!(!spec.http.connection_reuse);
    let cases = [
        (
            RawHttp {
                timeout: some("0"),
                ..RawHttp::default()
            },
            "--http-timeout",
        ),
        (
            RawHttp {
                max_redirects: some("1001"),
                ..RawHttp::default()
            },
            "--max-redirects",
        ),
        (
            RawHttp {
                local_addresses: some("lo"),
                ..RawHttp::default()
            },
            "--local-ips",
        ),
        (
            RawHttp {
                hosts: vec!["x".to_owned()],
                ..RawHttp::default()
            },
            "--host-override",
        ),
        (
            RawHttp {
                user_agent: some("a\r\nb: c"),
                ..RawHttp::default()
            },
            "--user-agent",
        ),
        (
            RawHttp {
                authorities: Some(b"x".to_vec()),
                ..RawHttp::default()
            },
            "--ca-cert",
        ),
        (
            RawHttp {
                client_certificate: Some(Vec::new()),
                ..RawHttp::default()
            },
            "--client-key",
        ),
        (
            RawHttp {
                client_key: Some(Vec::new()),
                ..RawHttp::default()
            },
            "--client-cert",
        ),
    ];
    for (raw, field) in cases {
        check_wrong(http(raw), &description(), &[field]);
    }
}

#[test]
fn user_limits_have_a_range() {
    let raw = |memory: &str, cpu: &str| RawRun {
        memory_limit: some(memory),
        cpu_limit: some(cpu),
        ..RawRun::default()
    };
    let limits = ok(raw("32MiB", "2s"), &description()).user_limits;
    assert_eq!(
        (limits.memory_bytes, limits.cpu),
        (32 << 20, Duration::from_secs(2))
    );
    let problems = wrong(raw("1KiB", "1ms"), &description());
    assert_eq!(problems.len(), 2, "{problems:?}");
    check_wrong(
        RawRun {
            cores: some("0"),
            ..RawRun::default()
        },
        &description(),
        &["--cores"],
    );
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
