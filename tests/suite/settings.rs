//! What changes while a run goes on: live settings, users, rates, pauses, throttles.

use std::time::Duration;

use lt_tests::{LtHost, Ran};

/// Three users of `user_live` for two seconds, with these changes.
fn live(changes: &str) -> LtHost {
    LtHost::run_spec(&format!(
        r#"
        [scenarios.live]
        file = "@user_live"
        users = 3
        duration = "2s"
        {changes}
        "#
    ))
}

/// The actions that were told as changes, and whether each was refused.
fn changed(ran: &Ran) -> Vec<(String, bool)> {
    let events = ran.events("changed");
    let told = |event: &serde_json::Value| {
        let action = event["action"].as_str().unwrap_or_default().to_owned();
        (action, !event["refused"].is_null())
    };
    events.iter().map(told).collect()
}

#[test]
fn a_live_setting_reaches_every_running_user() {
    let ran = live(
        r#"
        [[changes]]
        at = "1s"
        scenario = "live"
        set = { pace = 7 }
        "#,
    )
    .finish()
    .expect_clean()
    .expect_text("pace");
    let summary = ran.summary();
    let pace = |value| summary.value("pace", value);
    assert_eq!(
        (pace("min"), pace("max"), pace("value")),
        (Some(1.0), Some(7.0), Some(7.0)),
        "{ran}"
    );
    // Each user saw it, and saw it once.
    assert_eq!(summary.count("changes"), 3, "{ran}");
    assert_eq!(summary.failed_checks(), [], "{ran}");
    assert_eq!(changed(&ran), [("pace = \"7\"".to_owned(), false)], "{ran}");
}

#[test]
fn several_settings_change_several_times() {
    // Without a scenario it is for every one that declares the setting.
    let ran = live(
        r#"
        [[changes]]
        at = "1s"
        set = { pace = 9, mood = "busy" }
        [[changes]]
        at = "500ms"
        set = { pace = 5 }
        [[changes]]
        at = "1500ms"
        set = { mood = "calm" }
        "#,
    )
    .finish()
    .expect_clean();
    let summary = ran.summary();
    assert_eq!(summary.value("pace", "max"), Some(9.0), "{ran}");
    assert_eq!(summary.value("pace", "value"), Some(9.0), "{ran}");
    assert!(
        summary.count("busy") > 3 && summary.count("calm") > 3,
        "{ran}"
    );
    // Two settings at one time are seen as one change or as two.
    let changes = summary.count("changes");
    assert!((9..=12).contains(&changes), "{changes} changes\n{ran}");
    assert_eq!(changed(&ran).len(), 4, "{ran}");
}

#[test]
fn changes_that_cannot_be_are_refused_before_the_start() {
    for (change, texts) in [
        ("set = { pause = \"1ms\" }", ["pause", "read-only"]),
        ("set = { pace = 5000 }", ["pace", "1000"]),
        ("set = { pace = \"quick\" }", ["pace", "quick"]),
        ("set = { mood = \"wild\" }", ["mood", "busy"]),
        ("set = { moood = \"calm\" }", ["moood", "mood"]),
        ("users = -1", ["users", "-1"]),
        ("rate = \"10/s\"", ["rate", "constant-users"]),
        ("pause = false", ["pause", "remedy"]),
        (
            "throttle = { name = \"turns\" }",
            ["throttle", "exactly one"],
        ),
        (
            "throttle = { name = \"turns\", rate = \"0/s\" }",
            ["throttle", "rate"],
        ),
        ("throttle = { rate = \"1/s\" }", ["throttle", "name"]),
        (
            "throttel = { name = \"turns\", pause = true }",
            ["throttel", "throttle"],
        ),
        ("", ["changes", "nothing"]),
    ] {
        let scenario = if change.starts_with("throttle") {
            ""
        } else {
            "scenario = \"live\""
        };
        let ran = live(&format!(
            "\n[[changes]]\nat = \"1s\"\n{scenario}\n{change}\n"
        ))
        .finish()
        .expect_code(104);
        for text in texts {
            assert!(ran.stderr().contains(text), "{change}: no {text:?}\n{ran}");
        }
        assert!(ran.stderr().contains("run.toml:"), "{change}\n{ran}");
        assert!(!ran.has_results(), "{change}\n{ran}");
    }
    let late = live("\n[[changes]]\nat = \"2s\"\npause = true\n");
    late.finish().expect_code(104).expect_text("ended by then");
    let timeless = live("\n[[changes]]\npause = true\n");
    timeless.finish().expect_code(104).expect_text("at");
}

#[test]
fn users_are_added_and_taken_away() {
    let run = |users: u64, to: u64| {
        LtHost::run_spec(&format!(
            r#"
            [scenarios.slow]
            file = "@user_slow"
            users = {users}
            duration = "1500ms"
            [[changes]]
            at = "300ms"
            scenario = "slow"
            users = {to}
            "#
        ))
        .finish()
        .expect_clean()
    };
    let lives = |ran: &Ran| {
        let summary = ran.summary();
        ["joined", "begun", "ended", "left"].map(|name| summary.count(name))
    };
    let ran = run(2, 5);
    assert_eq!(lives(&ran), [5; 4], "{ran}");
    assert_eq!(ran.summary().value("vus", "value"), Some(5.0), "{ran}");
    let ran = run(5, 2);
    assert_eq!(lives(&ran), [5; 4], "{ran}");
    assert_eq!(ran.summary().value("vus", "value"), Some(2.0), "{ran}");
}

#[test]
fn a_rate_changes() {
    let ran = LtHost::run_spec(
        r#"
        [scenarios.arrivals]
        file = "@user_new"
        rate = "10/s"
        duration = "2s"
        users = 20
        max-users = 50
        [[changes]]
        at = "1s"
        scenario = "arrivals"
        rate = "100/s"
        "#,
    )
    .finish()
    .expect_clean();
    let summary = ran.summary();
    let asked = summary.count("iterations") + summary.count("dropped_iterations");
    // Ten and a hundred; the change is made when the run looks, a moment after its time.
    assert!((60..=111).contains(&asked), "{asked} arrivals\n{ran}");
}

#[test]
fn a_pause_stops_the_loads_clock() {
    let ran = LtHost::run_spec(
        r#"
        [scenarios.steps]
        file = "@user_live"
        users = 1
        duration = "1500ms"
        repeat-interval = "100ms"
        settings = { pause = "1ms" }
        [[changes]]
        at = "500ms"
        scenario = "steps"
        pause = true
        [[changes]]
        at = "1300ms"
        scenario = "steps"
        resume = true
        "#,
    )
    .finish()
    .expect_clean();
    assert!(ran.took() >= Duration::from_millis(2300), "{ran}");
    // At 0, 100, … 1400 ms of the load's own time; the last may fall behind its end.
    let iterations = ran.summary().count("iterations");
    assert!((13..=16).contains(&iterations), "{iterations}\n{ran}");
    // No time is lost by the pause: what was intended moved with it.
    let lag = ran.summary().value("start_lag", "max").unwrap();
    assert!(lag < 500.0, "{lag} ms late\n{ran}");
    let told = changed(&ran);
    assert_eq!(
        told,
        [("pause".to_owned(), false), ("resume".to_owned(), false)],
        "{ran}"
    );
}

#[test]
fn a_throttle_changes_from_outside() {
    let run = |change: &str| {
        LtHost::run_spec(&format!(
            r#"
            [scenarios.turns]
            file = "@coordination_throttle"
            users = 4
            duration = "2s"
            settings = {{ count = 5 }}
            {change}
            "#
        ))
        .finish()
        .expect_clean()
    };
    // Five a second, and never more than one is saved up.
    let slow = run("");
    assert!(slow.summary().count("turns") <= 11, "{slow}");
    let fast =
        run("\n[[changes]]\nat = \"1s\"\nthrottle = { name = \"turns\", rate = \"500/s\" }\n");
    assert!(fast.summary().count("turns") >= 50, "{fast}");
    let paused =
        run("\n[[changes]]\nat = \"300ms\"\nthrottle = { name = \"turns\", pause = true }\n");
    assert!(paused.summary().count("turns") <= 3, "{paused}");
    // A throttle that no user has opened cannot be known before: it is told, and the run goes on.
    let unknown =
        run("\n[[changes]]\nat = \"1s\"\nthrottle = { name = \"tuns\", unlock = true }\n")
            .expect_text("tuns")
            .expect_text("there are turns");
    assert_eq!(changed(&unknown).len(), 1, "{unknown}");
    assert!(changed(&unknown)[0].1, "{unknown}");
}
