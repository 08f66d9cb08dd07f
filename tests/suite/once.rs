//! `run --once`: one iteration of one user, with every call it makes to the host.

use lt_tests::LtHost;
use lt_tests::peers::HttpPeer;

#[test]
fn every_call_is_shown_in_its_order() {
    let peer = HttpPeer::always("ok");
    let ran = LtHost::run("user_lifecycle")
        .set("url", peer.url(""))
        .arguments("--once")
        .finish()
        .expect_clean();
    assert_eq!(ran.summary().count("iterations"), 1, "{ran}");
    assert_eq!(ran.summary().0["state"]["users"], 1, "{ran}");
    let paths: Vec<String> = peer
        .seen()
        .iter()
        .map(|seen| seen.path().to_owned())
        .collect();
    assert_eq!(
        paths,
        ["/init", "/join", "/iterate", "/leave", "/terminate"]
    );
    // Each call is a line with its time, its arguments, how long it took and what came of it.
    let calls: Vec<&str> = ran
        .stderr()
        .lines()
        .filter(|line| line.starts_with('+') && line.contains(" -> "))
        .collect();
    let of = |part: &str| calls.iter().filter(|line| line.contains(part)).count();
    for (part, least) in [
        ("user.id(", 1),
        ("user.setting(", 1),
        ("timing.now(", 1),
        ("http.", 5),
    ] {
        assert!(
            of(part) >= least,
            "{part} is called {} times\n{ran}",
            of(part)
        );
    }
    // And those of the host to the scenario stand around them.
    let mut rest = ran.stderr().lines();
    for part in ["init", "join", "iterate", "leave", "terminate"] {
        for shown in [
            format!("--- {part}("),
            peer.url(&format!("/{part}")),
            format!("--- {part} "),
        ] {
            assert!(
                rest.any(|line| line.contains(&shown)),
                "{shown} is not shown, or not in its turn\n{ran}"
            );
        }
    }
}

#[test]
fn secrets_and_long_texts_are_not_shown() {
    let peer = HttpPeer::always("ok");
    let long = "x".repeat(5000);
    LtHost::run("user_settings")
        .set("url", peer.url(""))
        .set("password", "s3cret")
        .set("login", &long)
        .arguments("--once")
        .finish()
        .expect_clean()
        .expect_text("user.setting(")
        .expect_text("***")
        .expect_no_text("s3cret")
        .expect_no_text(&long);
    // The server got both as they are.
    let seen = peer.seen_at("/settings");
    assert_eq!(seen[0].query("password"), Some("s3cret"));
    assert_eq!(seen[0].query("login"), Some(long.as_str()));
}

#[test]
fn functions_of_the_scenario_and_waits_for_several_things_are_shown() {
    let ran = LtHost::run("timing_waits")
        .arguments("--once")
        .finish()
        .expect_clean();
    let lines: Vec<&str> = ran.stderr().lines().collect();
    let at = |part: &str| {
        let found = lines.iter().position(|line| line.contains(part));
        found.unwrap_or_else(|| panic!("{part} is not shown\n{ran}"))
    };
    // Waits for pollables are WASI's, but calls as all others are.
    let order = [
        "--- init(run: ",
        "--- join(user: ",
        "--- join  ",
        "--- iterate(",
        "timing.sleep(duration: 30000000)  ",
        "poll.pollable.block(#1)  ",
        "poll.poll(pollables: [#1, ",
        "--- iterate  ",
        "--- leave()",
        "--- terminate(",
        "--- terminate  ",
    ]
    .map(at);
    assert!(order.is_sorted(), "{order:?}\n{ran}");
    for end in ["--- join  ", "--- iterate  ", "--- terminate  "] {
        assert!(lines[at(end)].ends_with("  -> Ok(())"), "{end}\n{ran}");
    }
    assert!(lines[at("--- leave  ")].ends_with("  -> done"), "{ran}");
}

#[test]
fn other_runs_show_no_calls() {
    let peer = HttpPeer::always("ok");
    for options in ["", "--log-level debug"] {
        LtHost::run("user_lifecycle")
            .set("url", peer.url(""))
            .arguments(options)
            .finish()
            .expect_clean()
            .expect_no_text("user.id(");
    }
}

#[test]
fn a_run_file_may_be_tried_once() {
    let ran = LtHost::run_spec(
        r#"
        [scenarios.many]
        file = "@user_new"
        users = 1000
        duration = "1h"
        "#,
    )
    .arguments("--once")
    .finish()
    .expect_clean()
    .expect_text("metrics.check(");
    assert_eq!(ran.summary().count("iterations"), 1, "{ran}");
}

#[test]
fn calls_of_several_scenarios_are_told_apart() {
    let ran = LtHost::run_spec(
        r#"
        [scenarios.one]
        file = "@timing_sleep"
        users = 3
        duration = "1h"

        [scenarios.other]
        file = "@timing_sleep"
        users = 3
        duration = "1h"
        "#,
    )
    .arguments("--once")
    .finish()
    .expect_clean();
    let calls = ran.stderr().lines().filter(|line| line.starts_with('+'));
    let (mut one, mut other) = (0, 0);
    for line in calls {
        one += usize::from(line.contains(" [one"));
        other += usize::from(line.contains(" [other"));
        assert!(
            line.contains(" [one") || line.contains(" [other"),
            "{line}\n{ran}"
        );
    }
    assert!(one > 0 && one == other, "{one} and {other}\n{ran}");
    for part in [
        "[one] --- init(",
        "[one 1] --- iterate(",
        "[other 2] --- iterate(",
    ] {
        assert!(ran.stderr().contains(part), "{part} is not shown\n{ran}");
    }
}
