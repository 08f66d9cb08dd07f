//! One test a rule: each names what is typed, and what must come of it.

mod load;
mod settings;
mod shapes;
mod users;

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use lt_metrics::{Kind, Unit};

use super::*;
use crate::description::{DefaultLoad, MetricDeclaration, Role, RoleShare, Setting};
use crate::limits::{
    GRACEFUL_STOP, HTTP_TIMEOUT, MAX_DURATION, RUN_TAGS_MAX, TAG_BYTES_MAX, USERS_MAX,
};
use crate::raw::RawHttp;
use crate::spec::Output;
use crate::spec::{ConstantUsers, Load, Pace, PerUserIterations, SharedIterations, SocketAddrOrIp};

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

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn typed(change: impl FnOnce(&mut RawRun)) -> RawRun {
    let mut raw = RawRun::default();
    change(&mut raw);
    raw
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

fn only(spec: &RunSpec) -> &ScenarioSpec {
    assert_eq!(spec.scenarios.len(), 1);
    &spec.scenarios[0]
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
fn outputs_are_of_a_known_kind_and_each_has_its_file() {
    let raw = |texts: &[&str]| RawRun {
        outputs: texts.iter().map(|text| (*text).to_owned()).collect(),
        ..RawRun::default()
    };
    assert_eq!(
        ok(
            raw(&["json=a.json", "csv=b=c.csv", "stream-csv=s.csv"]),
            &description()
        )
        .outputs,
        [
            Output::Json(PathBuf::from("a.json")),
            Output::Csv(PathBuf::from("b=c.csv")),
            Output::StreamCsv(PathBuf::from("s.csv"))
        ]
    );
    check_wrong(
        raw(&["influxdb=x"]),
        &description(),
        &["no output \"influxdb\"", "json, csv, stream-csv"],
    );
    check_wrong(
        raw(&["json"]),
        &description(),
        &["names no file", "json=FILE"],
    );
    check_wrong(raw(&["json=a", "csv=a"]), &description(), &["same file"]);
    check_wrong(raw(&["stream-csv"]), &description(), &["stream-csv=FILE"]);
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
