//! Whole run files: what comes of them, and how their faults are told.

mod several;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use self::several::TWO;
use super::RawFile;
use crate::description::{
    DataDeclaration, DataKind, Description, MetricDeclaration, Role, RoleShare, Setting,
    SettingKind, SteadyCondition,
};
use crate::spec::{Action, FailureLimit, FeederOrder, Load, OnLoss, RunSpec, ThrottleChange};
use crate::{Machine, Problem, RawRun, resolve_file};
use lt_metrics::{Kind, Unit};

const FULL: &str = r#"
seed = 7
cores = 2
users = 90
tags = { env = "staging", build = 12 }
thresholds = ["http_req_duration:p(95)<200", { threshold = "http_req_failed:rate<0.01", abort = true, delay = "10s" }]
out = ["json=samples.json"]
steady = "20s"
deadline = "5m"
terminate = false
memory-limit = "32MiB"
state-file = "state.json"
delivery-timeout = "30s"
on-user-failure = "abort:10"

[http]
timeout = "5s"
insecure-skip-tls-verify = true
ca-cert = "ca.pem"
host-overrides = { "shop.test" = "127.0.0.1:8080" }

[assets]
video = "v.flv"

[feeders]
accounts = { file = "accounts.csv", order = "unique" }
words = "/data/words.csv"

[settings]
base-url = "http://x"

[scenarios.watch]
file = "watch.wasm"
start = "10s"
weight = 2
duration = "1m"
settings = { pause = "1s", loud = true, level = 3 }
roles = { sender = 1, reader = "30%", mod = "every:53", rest = "weight:1" }
thresholds = ["http_req_duration{status:200}:p(95)<100", "checks:rate>0.9"]
tags = { team = "blue" }
on-user-failure = "retire,abort:5%"

[scenarios.chat]
file = "sub/chat.wasm"
duration = "2m"

[scenarios.browse]
file = "/abs/browse.wasm"
stages = ["30s:5/s", { duration = "60s", target = "20/s" }]
max-users = 40

[[changes]]
at = "50s"
scenario = "watch"
set = { pause = "2s" }

[[changes]]
at = "30s"
scenario = "browse"
rate = "50/s"

[[changes]]
at = "40s"
throttle = { name = "login", rate = "50/s", over = "10s" }

[[changes]]
at = "45s"
scenario = "chat"
users = 100
"#;

fn setting(name: &str, kind: SettingKind, default: Option<&str>) -> Setting {
    Setting {
        name: name.to_owned(),
        doc: "a setting".to_owned(),
        kind,
        default: default.map(str::to_owned),
        allowed: Vec::new(),
        minimum: None,
        maximum: None,
        live: name == "pause",
    }
}

/// Scenarios of the names that the files here use.
fn descriptions() -> BTreeMap<String, Description> {
    let base_url = || setting("base-url", SettingKind::Text, None);
    let role = |name: &str| Role {
        name: name.to_owned(),
        doc: String::new(),
        share: RoleShare::Weight(1),
    };
    let watch = Description {
        name: "watcher".to_owned(),
        settings: vec![
            base_url(),
            setting("pause", SettingKind::Duration, Some("5s")),
            setting("loud", SettingKind::Boolean, Some("false")),
            setting("level", SettingKind::Integer, Some("1")),
        ],
        roles: ["sender", "reader", "mod", "rest"].map(role).to_vec(),
        steady: Some(SteadyCondition::Check("up".to_owned())),
        ..Description::default()
    };
    let chat = Description {
        name: "chat".to_owned(),
        settings: vec![base_url()],
        data: vec![DataDeclaration {
            name: "accounts".to_owned(),
            doc: "who logs in".to_owned(),
            kind: DataKind::Feeder(Vec::new()),
            required: true,
        }],
        ..Description::default()
    };
    let browse = Description {
        name: "browse".to_owned(),
        ..Description::default()
    };
    [("watch", watch), ("chat", chat), ("browse", browse)]
        .map(|(name, description)| (name.to_owned(), description))
        .into()
}

fn machine() -> Machine {
    Machine {
        memory_available_bytes: None,
        cores: 4,
        node: "here".to_owned(),
        seed: 77,
        run_id: "2026-11-21--001".to_owned(),
    }
}

fn parse(text: &str) -> Result<RawFile, Vec<Problem>> {
    RawFile::parse(text, "run.toml", Path::new("/runs"))
}

fn resolved(text: &str, raw: &RawRun) -> Result<RunSpec, Vec<Problem>> {
    resolve_file(raw, &parse(text)?, &descriptions(), &machine())
}

fn ok(text: &str, raw: &RawRun) -> RunSpec {
    resolved(text, raw).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn wrong(text: &str, raw: &RawRun) -> Vec<String> {
    let problems = resolved(text, raw).unwrap_err();
    problems.iter().map(Problem::to_string).collect()
}

/// The only problem must hold these texts.
fn check_wrong(text: &str, parts: &[&str]) {
    let problems = wrong(text, &RawRun::default());
    assert_eq!(problems.len(), 1, "{text}: {problems:#?}");
    for part in parts {
        assert!(
            problems[0].contains(part),
            "{:?} lacks {part:?}",
            problems[0]
        );
    }
}

#[test]
fn a_full_run_file_says_all_of_a_run() {
    let mut file = parse(FULL).unwrap();
    let files: Vec<_> = file
        .scenarios()
        .map(|scenario| scenario.file.to_owned())
        .collect();
    let expected = [
        "/runs/watch.wasm",
        "/runs/sub/chat.wasm",
        "/abs/browse.wasm",
    ];
    assert_eq!(files, expected.map(PathBuf::from));
    let [pem] = file.pem_files() else {
        panic!("one PEM file")
    };
    assert_eq!(pem.path, PathBuf::from("/runs/ca.pem"));
    pem.contents = Some(b"-----BEGIN CERTIFICATE-----".to_vec());
    let spec = resolve_file(&RawRun::default(), &file, &descriptions(), &machine()).unwrap();

    assert_eq!((spec.seed, spec.cores, spec.terminate), (7, 2, false));
    assert_eq!(spec.tags["build"], "12");
    assert_eq!(spec.user_limits.memory_bytes, 32 << 20);
    assert_eq!(spec.outputs.len(), 1);
    assert!(spec.http.insecure && spec.http.authorities.is_some());
    assert_eq!(spec.http.timeout, Duration::from_secs(5));
    assert!(spec.http.hosts.contains_key("shop.test"));
    assert_eq!(spec.steady.unwrap().hold, Duration::from_secs(20));
    assert_eq!(spec.title(), "watch, chat, browse");
    let thresholds: Vec<_> = spec
        .thresholds
        .iter()
        .map(|threshold| threshold.source().to_owned())
        .collect();
    assert_eq!(
        thresholds,
        [
            "http_req_duration:p(95)<200",
            "http_req_failed:rate<0.01;abort=10s",
            "http_req_duration{scenario:watch,status:200}:p(95)<100",
            "checks{scenario:watch}:rate>0.9",
        ]
    );
    assert_eq!(spec.data.assets[0].1, PathBuf::from("/runs/v.flv"));
    assert_eq!(
        spec.data.feeders[0].path,
        PathBuf::from("/runs/accounts.csv")
    );
    assert_eq!(spec.data.feeders[0].order, Some(FeederOrder::Unique));
    assert_eq!(spec.data.feeders[1].path, PathBuf::from("/data/words.csv"));
    assert_eq!(
        spec.data.state_file,
        Some(PathBuf::from("/runs/state.json"))
    );
    assert_eq!(spec.data.delivery_timeout, Duration::from_secs(30));
}

#[test]
fn scenarios_share_users_by_weight_and_have_their_own_ids() {
    let spec = ok(FULL, &RawRun::default());
    let [watch, chat, browse] = spec.scenarios.as_slice() else {
        panic!("three scenarios")
    };
    assert_eq!(watch.load.users_max(), 60);
    assert_eq!(watch.start, Duration::from_secs(10));
    assert_eq!(chat.load.users_max(), 30);
    assert!(
        matches!(&browse.load, Load::RampingArrivalRate(load) if (load.users, load.users_max) == (20, 40))
    );
    // A change leads chat to 100 users, so it has as many ids.
    let firsts = [watch, chat, browse].map(|scenario| scenario.identities.first);
    assert_eq!(firsts, [1, 61, 161]);
    assert_eq!(watch.settings["pause"], "1s");
    assert_eq!(watch.settings["loud"], "true");
    assert_eq!(watch.settings["level"], "3");
    assert_eq!(chat.settings["base-url"], "http://x");
    assert_eq!(watch.tags.len(), 3);
    assert_eq!(chat.tags.len(), 2);
    assert_eq!(watch.on_failure.on_loss, OnLoss::Retire);
    assert_eq!(
        watch.on_failure.abort_after,
        Some(FailureLimit::Percent(5.0))
    );
    assert_eq!(chat.on_failure.abort_after, Some(FailureLimit::Users(10)));
    assert_eq!(watch.roles.counts(60)[0], 1);
}

#[test]
fn changes_are_in_order_of_time() {
    let changes = ok(FULL, &RawRun::default()).changes;
    let at: Vec<u64> = changes.iter().map(|change| change.at.as_secs()).collect();
    assert_eq!(at, [30, 40, 45, 50]);
    assert_eq!(
        (changes[0].scenario, &changes[0].action),
        (Some(2), &Action::Rate(50.0))
    );
    let change = ThrottleChange::Rate {
        count: 50,
        interval: Duration::from_secs(1),
        over: Some(Duration::from_secs(10)),
    };
    let name = "login".to_owned();
    assert_eq!(
        (changes[1].scenario, &changes[1].action),
        (None, &Action::Throttle { name, change })
    );
    assert_eq!(changes[2].action, Action::Users(100));
    assert!(matches!(&changes[3].action, Action::Set { value, .. } if value == "2s"));
}

#[test]
fn eleven_faults_are_eleven_problems_in_the_order_of_their_lines() {
    let text = r#"
sede = 7
cores = true
deadline = "soon"
[http]
timeot = "5s"
[scenarios.chat]
file = "chat.wasm"
users = 0
duration = "30"
executr = "churn"
[scenarios.browse]
stages = ["30s:5", "x"]
[[changes]]
at = "-1s"
pause = 3
"#;
    let problems = wrong(text, &RawRun::default());
    let expected = [
        "run.toml:2 sede: there is no such key (remedy: did you mean seed?)",
        "run.toml:3 cores: is true or false",
        "run.toml:4 deadline \"soon\": is when the run must be steady",
        "run.toml:6 http.timeot: there is no such key (remedy: did you mean timeout?)",
        "run.toml:9 scenarios.chat.users \"0\": is zero",
        "run.toml:10 scenarios.chat.duration \"30\": has no unit",
        "run.toml:11 scenarios.chat.executr: there is no such key (remedy: did you mean executor?)",
        "run.toml:12 scenarios.browse: names no component",
        "run.toml:13 scenarios.browse.stages \"x\": has no ':'",
        "run.toml:15 changes.at \"-1s\": is negative",
        "run.toml:16 changes.pause: is a whole number",
    ];
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    for (problem, expected) in problems.iter().zip(expected) {
        assert!(
            problem.starts_with(expected),
            "{problem:?} is not {expected:?}"
        );
    }
}

#[test]
fn faulty_values_beside_the_scenarios_own_load_are_told_with_the_others() {
    let text =
        "cores = true\n[scenarios.chat]\nfile = \"c.wasm\"\nusers = \"x\"\nrepeat-interval = 0\n";
    let problems = wrong(text, &RawRun::default());
    assert_eq!(problems.len(), 3, "{problems:#?}");
    assert!(problems[1].starts_with("run.toml:4 scenarios.chat.users"));
    assert!(problems[2].starts_with("run.toml:5 scenarios.chat.repeat-interval"));
}

#[test]
fn unknown_keys_are_told_with_what_the_scenarios_say() {
    let text = TWO.replace(
        "users = 3",
        "users = 3\nuzers = 4\nsettings = { base-ulr = \"y\" }",
    );
    let file = parse(&text).unwrap();
    assert_eq!(file.problems().len(), 1);
    let flags = RawRun {
        seed: Some("x".to_owned()),
        ..RawRun::default()
    };
    let problems = wrong(&text, &flags);
    let expected = [
        "--seed \"x\": is not a whole number",
        "run.toml:8 scenarios.chat.uzers: there is no such key (remedy: did you mean users?)",
        "run.toml:9 scenarios.chat.settings.base-ulr",
    ];
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    for (problem, expected) in problems.iter().zip(expected) {
        assert!(problem.starts_with(expected), "{problem:?}");
    }
    // Faults that lose what was meant are told without the scenarios.
    assert!(parse(&text.replace("users = 2", "users = true")).is_err());
}

#[test]
fn a_scenarios_threshold_is_told_by_its_own_characters() {
    let text = TWO.replace("users = 3", "users = 3\nthresholds = [\"checks:rate=0.9\"]");
    check_wrong(&text, &["at character 12"]);
}

#[test]
fn a_file_of_another_kind_is_not_told_line_by_line_for_ever() {
    let keys: String = (0..5000).map(|key| format!("k{key} = 1\n")).collect();
    let problems = wrong(&keys, &RawRun::default());
    assert_eq!(problems.len(), crate::limits::PROBLEMS_MAX);
    assert!(
        problems[9].starts_with("run.toml:10 k9: there is no such key"),
        "{}",
        problems[9]
    );
    let assets: String = (0..2000).map(|key| format!("a{key} = \"x\"\n")).collect();
    check_wrong(&format!("{TWO}[assets]\n{assets}"), &["more than the 1000"]);
}

#[test]
fn faults_of_syntax_say_where() {
    check_wrong("seed = 7\nusers = = 3\n", &["run.toml:2 column 9"]);
    check_wrong(
        "[scenarios.chat]\nfile = \"c\"\nusers = 1\nusers = 2\n",
        &["run.toml:4", "duplicate key", "once"],
    );
    check_wrong("", &["run.toml:1 scenarios", "nothing would run"]);
    check_wrong(
        "[scenarios]",
        &["run.toml:1 scenarios", "holds no scenario"],
    );
    check_wrong(
        "scenarios = 3",
        &["is a whole number, where a table belongs"],
    );
}

/// A line of the scenario chat, or of the file, and what the only problem says.
#[test]
fn faults_of_meaning_say_line_and_key() {
    let file = |line: &str, rest: &str| {
        format!(
            "{line}\n[feeders]\naccounts = \"a.csv\"\n[settings]\nbase-url = \"x\"\n\
             [scenarios.chat]\nfile = \"c.wasm\"\nduration = \"1m\"\n{rest}\n"
        )
    };
    let lines: [(&str, &str, &[&str]); 29] = [
        (
            "",
            "rate = \"5/s\"\nusers = \"x\"",
            &["run.toml:10 scenarios.chat.users", "whole number"],
        ),
        ("", "iterations = 5", &["shared-iterations"]),
        (
            "",
            "weight = 2",
            &["run.toml:9 scenarios.chat.weight", "no effect"],
        ),
        (
            "",
            "settings = { base-ulr = \"y\" }",
            &[
                "run.toml:9 scenarios.chat.settings.base-ulr",
                "did you mean base-url?",
            ],
        ),
        (
            "",
            "roles = { boss = 1 }",
            &["run.toml:9 scenarios.chat.roles.boss", "no role boss"],
        ),
        (
            "",
            "thresholds = [\"nothing:count<1\"]",
            &["run.toml:9 scenarios.chat.thresholds", "no metric nothing"],
        ),
        (
            "",
            "tags = { status = 1 }",
            &["run.toml:9 scenarios.chat.tags.status", "sets itself"],
        ),
        (
            "",
            "start = 5",
            &["run.toml:9 scenarios.chat.start", "no unit"],
        ),
        (
            "",
            "stages = [{ duration = \"1s\" }]",
            &[
                "run.toml:9 scenarios.chat.stages",
                "a duration and a target",
            ],
        ),
        (
            "",
            "thresholds = [{ threshold = \"checks:rate>0\", delay = \"1s\" }]",
            &["run.toml:9", "abort = true"],
        ),
        (
            "",
            "stages = []",
            &["run.toml:9 scenarios.chat.stages", "holds no stage"],
        ),
        (
            "",
            "stages = [\"5s:5\", \"5s:0\", \"5s:5/s\"]",
            &[
                "run.toml:9 scenarios.chat.stages \"5s:5\"",
                "but the stage \"5s:5/s\" to a rate",
            ],
        ),
        (
            "",
            "thresholds = [\"checks{scenario:x}:rate>0\"]",
            &[
                "run.toml:9 scenarios.chat.thresholds",
                "names the tag scenario",
            ],
        ),
        (
            "",
            "[[changes]]\nat = \"30s\"",
            &["run.toml:10 changes", "changes nothing"],
        ),
        (
            "",
            "[[changes]]\npause = true",
            &["run.toml:10 changes.at", "is missing"],
        ),
        (
            "",
            "[[changes]]\nat = \"1m\"\npause = true",
            &["run.toml:10 changes.at", "has ended by then"],
        ),
        (
            "",
            "[[changes]]\nat = \"1s\"\nrate = \"5/s\"",
            &["run.toml:11 changes.rate", "constant-users has no rate"],
        ),
        (
            "",
            "[[changes]]\nat = \"1s\"\nscenario = \"chta\"\npause = true",
            &["changes.scenario", "did you mean chat?"],
        ),
        (
            "",
            "[[changes]]\nat = \"1s\"\nset = { base-url = \"z\" }",
            &["run.toml:11 changes.set.base-url", "read-only"],
        ),
        (
            "",
            "[[changes]]\nat = \"1s\"\nresume = false",
            &["changes.resume", "does nothing"],
        ),
        (
            "",
            "[[changes]]\nat = \"1s\"\nthrottle = { rate = \"1/s\" }",
            &["changes.throttle.name", "is missing"],
        ),
        (
            "",
            "[[changes]]\nat = \"1s\"\nthrottle = { name = \"a\", rate = \"0/s\" }",
            &["changes.throttle.rate", "zero"],
        ),
        (
            "",
            "[[changes]]\nat = \"1s\"\nthrottle = { name = \"a\", pause = true, unlock = true }",
            &["2 ways at once"],
        ),
        (
            "",
            "[[changes]]\nat = \"1s\"\nthrottle = { name = \"a\", pause = true, over = \"1s\" }",
            &["changes.throttle.over"],
        ),
        (
            "",
            "[[changes]]\nat = \"1s\"\nscenario = \"chat\"\nthrottle = { name = \"a\", pause = true }",
            &["changes.scenario", "whole run"],
        ),
        ("seed = -1", "", &["run.toml:1 seed", "whole number"]),
        (
            "http = { max-redirects = 5000 }",
            "",
            &["run.toml:1 http.max-redirects"],
        ),
        (
            "users = 5",
            "users = 5",
            &["run.toml:1 users", "is for no scenario"],
        ),
        (
            "steady = \"9s\"\ndeadline = \"1m\"",
            "",
            &["run.toml:1 steady", "no scenario says"],
        ),
    ];
    for (line, rest, parts) in lines {
        let mut text = file(line, rest);
        if parts == ["shared-iterations"] {
            text = text.replace(
                "[scenarios.chat]",
                "[scenarios.chat]\nexecutor = \"constant-users\"",
            );
        } else if rest.starts_with("rate") || rest.starts_with("stages") {
            // These make a load of their own; the duration would be a second fault.
            text = text.replace("duration = \"1m\"\nstages", "\nstages");
        }
        check_wrong(&text, parts);
    }
}
