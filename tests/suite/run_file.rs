//! A whole run as a file: what it says is done, what is wrong with it is told with file, line and field.

use std::collections::BTreeMap;

use lt_tests::peers::HttpPeer;
use lt_tests::results::{sums_by, tag};
use lt_tests::{LtHost, Ran, TempDir};

/// Two scenarios with everything of their own.
const TWO: &str = r#"
seed = 7
tags = { env = "staging" }
thresholds = ["iterations:count==22", { threshold = "vus:value<=100", abort = true, delay = "10s" }]
out = ["csv=all.csv"]

[settings]
sleep = "1ms"

[scenarios.roles]
file = "@user_role_every"
users = 11
repeat-num = 1
roles = { teacher = 3, reader = "every:4" }
thresholds = ["iterations:count==11"]
tags = { team = "blue" }

[scenarios.sleepers]
file = "@timing_sleep"
users = 2
iterations = 11
thresholds = ["iterations:count==11", "iteration_duration:min>=1"]
"#;

#[test]
fn a_run_file_says_it_all() {
    let ran = LtHost::run_spec(TWO).finish().expect_clean();
    let summary = ran.summary();
    assert_eq!(summary.0["state"]["scenario"], "roles, sleepers", "{ran}");
    assert_eq!(summary.0["state"]["seed"], 7, "{ran}");
    assert_eq!(summary.0["state"]["users"], 13, "{ran}");
    assert_eq!(summary.held("iterations", "count==22"), Some(true), "{ran}");
    for scenario in ["roles", "sleepers"] {
        let metric = format!("iterations{{scenario:{scenario}}}");
        assert_eq!(summary.held(&metric, "count==11"), Some(true), "{ran}");
    }
    // Three teachers, and of the eight others every fourth reads.
    let playing = ["teacher", "reader", "pupil"].map(|role| summary.count(role));
    assert_eq!(playing, [3, 2, 6], "{ran}");
    // The output lies beside the run file.
    let rows = lt_tests::results::csv(&ran.path("all.csv"));
    assert!(rows.len() > 22, "{} rows\n{ran}", rows.len());
    for row in rows.iter().filter(|row| row["metric_name"] == "iterations") {
        assert_eq!(tag(row, "env"), Some("staging"), "{row:?}");
        let team = (row["scenario"] == "roles").then_some("blue");
        assert_eq!(tag(row, "team"), team, "{row:?}");
    }
    let by_scenario: BTreeMap<String, u64> = sums_by(&rows, "iterations", "scenario");
    assert_eq!(by_scenario.into_values().collect::<Vec<_>>(), [11, 11]);
}

#[test]
fn a_threshold_of_one_scenario_fails_the_run() {
    let text = TWO.replace("count==11\", \"", "count==12\", \"");
    let ran = LtHost::run_spec(&text)
        .finish()
        .expect_code(99)
        .expect_text("iterations{scenario:sleepers}");
    let held = |scenario: &str, expression: &str| {
        let metric = format!("iterations{{scenario:{scenario}}}");
        ran.summary().held(&metric, expression)
    };
    assert_eq!(held("roles", "count==11"), Some(true), "{ran}");
    assert_eq!(held("sleepers", "count==12"), Some(false), "{ran}");
}

#[test]
fn ids_are_unique_over_scenarios_and_users_shared_by_weight() {
    let ran = LtHost::run_spec(
        r#"
        users = 10
        out = ["csv=all.csv"]
        [scenarios.first]
        file = "@user_new"
        weight = 3
        [scenarios.second]
        file = "@user_new"
        weight = 2
        "#,
    )
    .finish()
    .expect_clean();
    let rows = lt_tests::results::csv(&ran.path("all.csv"));
    let joins = |scenario: &str| {
        let own = rows.iter().filter(|row| row["scenario"] == scenario);
        let own: Vec<_> = own.cloned().collect();
        let ids = sums_by(&own, "new_users", "user").into_keys();
        let mut ids: Vec<u64> = ids.map(|id| id.parse().unwrap()).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(joins("first"), [1, 2, 3, 4, 5, 6], "{ran}");
    assert_eq!(joins("second"), [7, 8, 9, 10], "{ran}");
}

#[test]
fn a_scenario_may_start_later() {
    let peer = HttpPeer::always("ok");
    LtHost::run_spec(&format!(
        r#"
        [scenarios.late]
        file = "@user_lifecycle"
        start = "700ms"
        users = 2
        settings = {{ url = "{0}/late" }}
        [scenarios.early]
        file = "@user_lifecycle"
        users = 2
        settings = {{ url = "{0}/early" }}
        "#,
        peer.url("")
    ))
    .finish()
    .expect_clean();
    let seen = peer.seen();
    let paths: Vec<&str> = seen.iter().map(|request| request.path()).collect();
    let at = |path: &str| paths.iter().position(|seen| *seen == path).unwrap();
    let last = |path: &str| paths.iter().rposition(|seen| *seen == path).unwrap();
    assert!(last("/early/leave") < at("/late/iterate"), "{paths:?}");
    // Both are made ready before any starts, and both come to an end.
    assert!(last("/late/init") < at("/early/join"), "{paths:?}");
    assert!(last("/late/leave") < at("/early/terminate"), "{paths:?}");
    assert!(last("/late/leave") < at("/late/terminate"), "{paths:?}");
    assert_eq!(paths.len(), 2 * (1 + 2 + 2 + 2 + 1), "{paths:?}");
}

#[test]
fn flags_go_before_the_file_and_variables_between() {
    let text = r#"
        seed = 1
        [settings]
        pace = 2
        [scenarios.only]
        file = "@user_live"
        users = 3
        repeat-num = 1
        settings = { pace = 3, pause = "1ms" }
    "#;
    let pace = |command: LtHost| {
        let ran = command.finish().expect_clean();
        let summary = ran.summary();
        let pace = summary.value("pace", "value");
        (
            pace,
            summary.count("iterations"),
            summary.0["state"]["seed"].as_u64(),
        )
    };
    assert_eq!(pace(LtHost::run_spec(text)), (Some(3.0), 3, Some(1)));
    let from_variable = LtHost::run_spec(text).variable("LT_SET_PACE", "5");
    assert_eq!(pace(from_variable), (Some(5.0), 3, Some(1)));
    let from_flag = LtHost::run_spec(text)
        .variable("LT_SET_PACE", "5")
        .set("pace", 7)
        .arguments("--seed 9 --users 2");
    assert_eq!(pace(from_flag), (Some(7.0), 2, Some(9)));
    let of_one = LtHost::run_spec(text).set("only.pace", 8);
    assert_eq!(pace(of_one), (Some(8.0), 3, Some(1)));
    let for_all = text.replace("pace = 3, ", "");
    assert_eq!(pace(LtHost::run_spec(&for_all)), (Some(2.0), 3, Some(1)));
}

#[test]
fn paths_are_relative_to_the_file() {
    let directory = TempDir::new();
    let guest = std::fs::read(lt_tests::guests::guest("data_asset")).unwrap();
    directory.write("plans/parts/guest.wasm", guest);
    directory.write("plans/parts/picture.bin", [7_u8; 10]);
    directory.write(
        "plans/run.toml",
        r#"
        out = ["csv=rows.csv"]
        [assets]
        picture = "parts/picture.bin"
        [scenarios.only]
        file = "parts/guest.wasm"
        "#,
    );
    let ran = LtHost::new(&["run", "--spec", "plans/run.toml"])
        .finish_in(directory.path())
        .expect_code(0);
    assert!(directory.path().join("plans/rows.csv").is_file(), "{ran}");
    // Results are the caller's: they lie where it is.
    assert!(directory.path().join("results/latest").exists(), "{ran}");
}

/// Require that a run file is refused, with each of these texts on one line of the complaint.
#[track_caller]
fn refused(text: &str, problems: &[&[&str]]) -> Ran {
    let ran = LtHost::run_spec(text).finish().expect_code(104);
    assert!(!ran.has_results(), "it made a results directory\n{ran}");
    for parts in problems {
        let told = |line: &str| parts.iter().all(|part| line.contains(part));
        assert!(
            ran.stderr().lines().any(told),
            "nowhere is {parts:?}\n{ran}"
        );
    }
    ran
}

#[test]
fn every_fault_is_told_with_its_line_and_field() {
    let ran = refused(
        r#"
seed = -3
thresholds = ["http_req_duration:p(95)<200", "no_such_metric:count>1"]

[scenarios.chat]
file = "@user_live"
users = 0
duration = "10"
rate = "fast"
settings = { pace = 5000, moood = "calm", pause = "20ms" }
roles = { boss = 1 }

[scenarios.read]
file = "@user_role_every"
users = 10
repeat-num = 1
roles = { reader = "80%", pupil = "30%" }

[[changes]]
at = "1s"
scenario = "chat"
set = { pause = "1s" }

[[changes]]
at = "1s"
scenario = "talk"
users = 5
"#,
        &[
            &["run.toml:2", "seed", "-3"],
            &["run.toml:3", "thresholds", "no_such_metric"],
            &["run.toml:8", "scenarios.chat.duration", "unit"],
            &["run.toml:9", "scenarios.chat.rate", "fast"],
            &["run.toml:10", "scenarios.chat.settings", "pace", "1000"],
            &["run.toml:10", "scenarios.chat.settings", "moood", "mood"],
            &["run.toml:11", "scenarios.chat.roles", "boss"],
            &["run.toml:17", "scenarios.read.roles", "100 %"],
            &["run.toml:22", "pause"],
            &["run.toml:26", "talk"],
        ],
    );
    let told = ran.stderr().matches("remedy").count();
    assert!(told >= 10, "{told} faults\n{ran}");
}

#[test]
fn unknown_keys_are_refused_with_the_nearest() {
    refused(
        r#"
usres = 5
[http]
timeot = "1s"
[scenarios.only]
file = "@user_new"
duraton = "1s"
[[changes]]
at = "1s"
user = 3
"#,
        &[
            &["run.toml:2", "usres", "users"],
            &["run.toml:4", "http.timeot", "timeout"],
            &["run.toml:7", "scenarios.only.duraton", "duration"],
            &["run.toml:10", "user", "users"],
        ],
    );
}

#[test]
fn what_is_no_run_file_is_told() {
    refused("[scenarios.only\nfile = 1", &[&["run.toml:1", "column"]]);
    refused("seed = 1", &[&["run.toml", "scenarios", "missing"]]);
    refused(
        "[scenarios.only]\nfile = \"no_such.wasm\"",
        &[&["no_such.wasm"]],
    );
    refused(
        "[scenarios.only]\nusers = 3",
        &[&["run.toml:1", "scenarios.only", "file"]],
    );
    refused(
        "[scenarios.Only]\nfile = \"@user_new\"",
        &[&["run.toml:1", "Only"]],
    );
    refused(
        "[scenarios.only]\nfile = \"@user_new\"\nusers = [1]",
        &[&["run.toml:3", "scenarios.only.users"]],
    );
    refused(
        "[scenarios.a]\nfile = \"@user_new\"\nuser-range = \"1..5\"\n[scenarios.b]\nfile = \"@user_new\"\nuser-range = \"5..9\"",
        &[&["run.toml:6", "scenarios.b.user-range", "overlap"]],
    );
    LtHost::new(&["run", "--spec", "no_such.toml"])
        .finish()
        .expect_code(104)
        .expect_text("no_such.toml");
    // One says what runs: the file or the command line.
    LtHost::run_spec(TWO)
        .argument(lt_tests::guests::guest("user_new"))
        .finish()
        .expect_code(104)
        .expect_text("--spec");
    LtHost::new(&["run"]).finish().expect_code(104);
    LtHost::run_spec(TWO)
        .arguments("--users 5")
        .finish()
        .expect_code(104)
        .expect_text("--users")
        .expect_text("run file");
}

#[test]
fn validate_prints_the_plan_and_starts_nothing() {
    let peer = HttpPeer::always("ok");
    let text = format!(
        r#"
        steady = "1m"
        deadline = "5m"
        [scenarios.ramp]
        file = "@user_steady"
        start = "10s"
        stages = ["30s:100", {{ duration = "5m", target = 100 }}]
        start-users = 0
        [scenarios.life]
        file = "@user_lifecycle"
        users = 5
        repeat-num = 3
        settings = {{ url = "{}" }}
        thresholds = ["iterations:count==15"]
        [[changes]]
        at = "20s"
        scenario = "ramp"
        users = 50
        "#,
        peer.url("")
    );
    let ran = LtHost::spec("validate", &text).finish().expect_code(0);
    for part in [
        "105 at most",
        "executor       ramping-users",
        "ramping-users: 0 -> 100 in 30s -> 100 in 5m, starts after 10s",
        "40s",
        "100 users",
        "5 users, 3 iterations each",
        "15 expected",
        "1..100",
        "101..105",
        "iterations{scenario:life}:count==15",
        "ramp: 50 users",
        "for 1m, before 5m have passed",
        "after 5m at the latest",
        "that are free",
        "valid: it would run here",
    ] {
        assert!(ran.stdout().contains(part), "no {part:?}\n{ran}");
    }
    assert!(!ran.has_results(), "{ran}");
    assert_eq!(peer.connections(), 0, "the peer heard of it");
}
