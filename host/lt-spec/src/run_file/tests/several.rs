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

/// One scenario with this load in the file, under these flags.
fn over(file: &str, change: impl FnOnce(&mut RawRun)) -> Load {
    let text = format!("[scenarios.browse]\nfile = \"b.wasm\"\n{file}\n");
    let mut raw = RawRun::default();
    change(&mut raw);
    ok(&text, &raw).scenarios[0].load.clone()
}

#[test]
fn a_shape_that_flags_choose_takes_the_place_of_the_files() {
    let some = |text: &str| Some(text.to_owned());
    let ramp = "stages = [\"10s:5\"]\nstart-users = 2\ngraceful-ramp-down = \"1s\"";
    let one = over(ramp, |raw| {
        raw.users = some("1");
        raw.iterations = some("1");
    });
    assert_eq!(
        (one.name(), one.iterations()),
        ("shared-iterations", Some(1))
    );
    assert_eq!(
        over(ramp, |raw| raw.duration = some("3s")).length(),
        Some(Duration::from_secs(3))
    );
    let named = format!("executor = \"ramping-users\"\n{ramp}");
    let rate = over(&named, |raw| {
        raw.rate = some("5/s");
        raw.duration = some("1s");
    });
    assert_eq!(rate.name(), "constant-arrival-rate");
    let arrivals =
        "executor = \"ramping-arrival-rate\"\nspike = \"1/s:9/s:1s:1s:1s\"\nmax-users = 40";
    let stage = |text: &str| {
        let text = text.to_owned();
        move |raw: &mut RawRun| raw.stages = vec![text]
    };
    // The executor that the file names takes stages, of rates.
    let stages = over(arrivals, stage("2s:5"));
    assert_eq!(
        (stages.name(), stages.users_max()),
        ("ramping-arrival-rate", 40)
    );
    assert_eq!(stages.length(), Some(Duration::from_secs(2)));
    let unnamed = arrivals.split_once('\n').unwrap().1;
    assert_eq!(over(unnamed, stage("2s:5")).name(), "ramping-users");
    let churn = "executor = \"churn\"\nduration = \"5s\"\nusers = 3";
    let churn = over(churn, |raw| raw.repeat_num = some("7"));
    assert!(matches!(churn, Load::Churn(load) if load.iterations == Some(7)));
    let counted = over("iterations = 9\nusers = 3", |raw| raw.duration = some("5s"));
    assert_eq!((counted.iterations(), counted.users_max()), (Some(9), 3));
    // What the two say of counted iterations is the same, so that of the flags counts.
    let bounded = over("repeat-num = 2\nmax-duration = \"1m\"", |raw| {
        raw.duration = some("5s");
    });
    assert_eq!(bounded.length(), Some(Duration::from_secs(5)));
    let bounded = over("repeat-num = 2\nduration = \"1m\"", |raw| {
        raw.max_duration = some("5s");
    });
    assert_eq!(bounded.length(), Some(Duration::from_secs(5)));
    assert_eq!(
        over(ramp, |raw| raw.executor = some("per-user-iterations")).name(),
        "per-user-iterations"
    );
}

#[test]
fn flags_that_mean_all_scenarios_are_for_all() {
    let text = format!(
        "users = 6\n{}",
        TWO.replace(
            "users = 3",
            "graceful-stop = \"9s\"\ntags = { a = \"2\", b = \"2\" }"
        )
        .replace("users = 2\n", "")
    );
    let raw = RawRun {
        tags: vec!["a=3".to_owned()],
        users: Some("10".to_owned()),
        user_range: Some("101..110".to_owned()),
        graceful_stop: Some("1s".to_owned()),
        on_user_failure: Some("retire".to_owned()),
        ..RawRun::default()
    };
    let spec = ok(&text, &raw);
    assert_eq!(spec.users_max(), 10);
    for scenario in &spec.scenarios {
        assert_eq!(scenario.tags["a"], "3");
        assert_eq!(scenario.graceful_stop, Duration::from_secs(1));
        assert_eq!(scenario.on_failure.on_loss, OnLoss::Retire);
    }
    assert_eq!(spec.scenarios[0].tags["b"], "2");
    assert_eq!(spec.scenarios[1].identities.first, 106);
}

#[test]
fn users_that_changes_lead_to_count() {
    let text = format!("{TWO}[[changes]]\nat = \"5s\"\nscenario = \"chat\"\nusers = 100\n");
    let spec = ok(&text, &RawRun::default());
    assert_eq!((spec.users_max_of(0), spec.users_max_of(1)), (100, 2));
    assert_eq!((spec.users_max(), spec.users_max_of(2)), (102, 0));
}

#[test]
fn users_of_a_change_need_roles_too() {
    let text = "[settings]\nbase-url = \"x\"\n[scenarios.watch]\nfile = \"w.wasm\"\nusers = 4\nduration = \"1m\"\n\
        roles = { sender = 1, reader = 1, mod = 2, rest = 0 }\n";
    ok(text, &RawRun::default());
    check_wrong(
        &format!("{text}[[changes]]\nat = \"5s\"\nusers = 9\n"),
        &["scenarios.watch.roles", "the other 5 would have none"],
    );
}

#[test]
fn a_change_comes_before_its_scenarios_end() {
    let short = TWO.replacen("1m", "10s", 1);
    let change = |at: &str, scenario: &str, what: &str| {
        let scenario = if scenario.is_empty() {
            String::new()
        } else {
            format!("scenario = \"{scenario}\"\n")
        };
        format!("[[changes]]\nat = \"{at}\"\n{scenario}{what}\n")
    };
    let late = change("10s", "chat", "users = 1");
    check_wrong(
        &format!("{short}{late}"),
        &["changes.at \"10s\"", "the scenario chat has ended by then"],
    );
    for changes in [
        change("9s", "chat", "users = 1"),
        change("10s", "browse", "users = 1"),
        // For all: those that go on take it.
        change("10s", "", "pause = true"),
        // A pause puts the end off.
        change("5s", "chat", "pause = true") + &change("15s", "chat", "resume = true"),
        change("50s", "", "pause = true") + &change("2m", "", "resume = true"),
    ] {
        ok(&format!("{short}{changes}"), &RawRun::default());
    }
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
    // A range for all holds its first ids, not those without end.
    for range in ["101..200", "101.."] {
        let text = format!("user-range = \"{range}\"\n{}", with(churn, "users = 10"));
        assert_eq!(firsts(&text), [111, 101]);
    }
    check_wrong(
        &format!("user-range = \"101..110\"\n{}", with(churn, "users = 10")),
        &["too few ids", "chat needs them up to 111"],
    );
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
    assert!(spec.thresholds.is_empty(), "nothing is judged");
    // The file's roles need more users than one: the first is played.
    assert_eq!(
        spec.scenarios[0].roles.name(spec.scenarios[0].roles.of(0)),
        "sender"
    );
    let role = RawRun {
        once: true,
        roles: vec!["sender=5".to_owned()],
        ..RawRun::default()
    };
    let told = wrong(FULL, &role);
    assert!(
        told[0].contains("--role \"sender=5\": does not say which"),
        "{told:?}"
    );
    assert_eq!(told.len(), 1);
}
