//! Several scenarios in one run: whose flags, settings, ids and metrics are whose.

use super::*;

pub(super) const TWO: &str = "[feeders]\naccounts = \"a.csv\"\n[settings]\nbase-url = \"x\"\n\
    [scenarios.chat]\nfile = \"c.wasm\"\nusers = 3\nduration = \"1m\"\n\
    [scenarios.browse]\nfile = \"b.wasm\"\nusers = 2\nduration = \"1m\"\n";

#[test]
fn flags_go_before_the_file_where_it_is_clear_what_they_mean() {
    let one = TWO.split("[scenarios.browse]").next().unwrap();
    let raw = RawRun {
        users: Some("9".to_owned()),
        seed: Some("5".to_owned()),
        settings: vec!["base-url=flag".to_owned()],
        feeders: vec!["accounts=other.csv".to_owned()],
        ..RawRun::default()
    };
    let spec = ok(one, &raw);
    assert_eq!((spec.seed, spec.users_max()), (5, 9));
    assert_eq!(
        spec.scenarios[0].load.length(),
        Some(Duration::from_secs(60))
    );
    assert_eq!(spec.scenarios[0].settings["base-url"], "flag");
    assert_eq!(spec.data.feeders.len(), 1);
    assert_eq!(spec.data.feeders[0].path, PathBuf::from("other.csv"));
    let problems = wrong(
        TWO,
        &RawRun {
            users: raw.users,
            ..RawRun::default()
        },
    );
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(
        problems[0].contains("--users") && problems[0].contains("run file"),
        "{problems:?}"
    );
}

#[test]
fn a_setting_comes_from_flag_then_variable_then_scenario_then_all() {
    let file = TWO.replace("users = 3", "users = 3\nsettings = { base-url = \"own\" }");
    let value = |file: &str, flag: &str, variable: &str| {
        let mut raw = RawRun::default();
        if !flag.is_empty() {
            raw.settings.push(flag.to_owned());
        }
        if !variable.is_empty() {
            raw.settings_from_variables
                .insert("BASE_URL".to_owned(), variable.to_owned());
        }
        ok(file, &raw).scenarios[0].settings["base-url"].clone()
    };
    assert_eq!(value(TWO, "", ""), "x");
    assert_eq!(value(&file, "", ""), "own");
    assert_eq!(value(&file, "", "variable"), "variable");
    assert_eq!(value(&file, "base-url=flag", "variable"), "flag");
    assert_eq!(value(&file, "chat.base-url=one", ""), "one");
    let raw = |text: &str| RawRun {
        settings: vec![text.to_owned()],
        ..RawRun::default()
    };
    assert!(wrong(TWO, &raw("caht.base-url=x"))[0].contains("did you mean chat?"));
    assert!(wrong(TWO, &raw("browse.base-url=x"))[0].contains("no setting base-url"));
    assert!(wrong(TWO, &raw("base-ulr=x"))[0].contains("no scenario of the run has"));
}

#[test]
fn ids_of_scenarios_may_not_overlap() {
    let with =
        |chat: &str, browse: &str| TWO.replace("users = 3", chat).replace("users = 2", browse);
    let firsts = |text: &str| -> Vec<u64> {
        let spec = ok(text, &RawRun::default());
        spec.scenarios
            .iter()
            .map(|scenario| scenario.identities.first)
            .collect()
    };
    assert_eq!(firsts(TWO), [1, 4]);
    assert_eq!(
        firsts(&with("user-range = \"11..13\"", "users = 2")),
        [11, 14]
    );
    assert_eq!(
        firsts(&format!("user-range = \"100..200\"\n{TWO}")),
        [100, 103]
    );
    // Churn has no last id, so it comes behind all others.
    let churn = "executor = \"churn\"\nusers = 3";
    assert_eq!(firsts(&with(churn, "users = 2")), [3, 1]);
    assert_eq!(firsts(&with(churn, churn)), [1, 1_000_000_001]);
    check_wrong(
        &with("users = 3", "user-range = \"2..9\""),
        &[
            "scenarios.browse.user-range \"2..9\"",
            "2..9 of browse overlap 1..3 of chat",
        ],
    );
    check_wrong(
        &with(
            "users = 3",
            "users = 2\npercent-new = 50\nexisting-offset = 3",
        ),
        &["scenarios.browse.existing-offset", "overlap"],
    );
    check_wrong(
        &format!("user-range = \"1..4\"\n{TWO}"),
        &["run.toml:1 user-range", "too few ids", "up to 5"],
    );
}

#[test]
fn too_few_users_for_all_scenarios_is_a_fault() {
    let none = TWO.replace("users = 3\n", "").replace("users = 2\n", "");
    check_wrong(
        &format!("users = 1\n{none}"),
        &[
            "run.toml:1 users",
            "leaves the scenario browse without a user",
        ],
    );
}

#[test]
fn metrics_that_contradict_each_other_name_both_scenarios() {
    let metric = |kind| MetricDeclaration {
        name: "orders".to_owned(),
        doc: String::new(),
        kind,
        unit: Unit::None,
    };
    let mut all = descriptions();
    all.get_mut("chat").unwrap().metrics = vec![metric(Kind::Counter)];
    all.get_mut("browse").unwrap().metrics = vec![metric(Kind::Trend)];
    let file = parse(TWO).unwrap();
    let problems = resolve_file(&RawRun::default(), &file, &all, &machine()).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    let text = problems[0].to_string();
    assert!(
        text.contains("scenarios chat and browse both declare it"),
        "{text}"
    );
    all.get_mut("browse").unwrap().metrics = vec![metric(Kind::Counter)];
    assert!(resolve_file(&RawRun::default(), &file, &all, &machine()).is_ok());
}

#[test]
fn once_takes_the_load_away_and_keeps_the_rest() {
    let spec = ok(
        FULL,
        &RawRun {
            once: true,
            ..RawRun::default()
        },
    );
    assert_eq!((spec.users_max(), spec.cores), (3, 1));
    assert!(spec.changes.is_empty() && spec.steady.is_none());
    assert_eq!(spec.scenarios[0].settings["pause"], "1s");
}
