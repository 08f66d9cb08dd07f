//! Settings: where they come from, and what they are held against.

use super::*;

#[test]
fn a_setting_comes_from_flag_then_variable_then_default() {
    let mut shop = description();
    shop.settings = vec![setting(
        "base-url",
        SettingKind::Text,
        Some("http://default"),
    )];
    let variables = || BTreeMap::from([("BASE_URL".to_owned(), "http://variable".to_owned())]);
    let value = |raw| ok(raw, &shop).scenarios[0].settings["base-url"].clone();
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
        assert_eq!(ok(raw(good), &shop).scenarios[0].settings["s"], good);
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
    assert_eq!(ok(raw("right"), &shop).scenarios[0].secrets, ["token"]);
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
