//! The life of users: who they are, what the host calls when, how they end.

use std::collections::BTreeSet;

use lt_tests::LtHost;
use lt_tests::peers::http::{HttpPeer, Seen};

fn values(requests: &[Seen], name: &str) -> BTreeSet<String> {
    requests
        .iter()
        .filter_map(|request| request.query(name).map(str::to_owned))
        .collect()
}

#[test]
fn every_export_is_called_when_it_should_be() {
    let peer = HttpPeer::always("ok");
    LtHost::run("user_lifecycle")
        .set("url", peer.url(""))
        .arguments("--users 3 --iterations 12 --seed 7")
        .finish()
        .expect_clean();
    let seen = peer.seen();
    let order: Vec<&str> = seen.iter().map(Seen::path).collect();
    assert_eq!(
        (order.first(), order.last()),
        (Some(&"/init"), Some(&"/terminate")),
        "{order:?}"
    );
    assert_eq!(seen[0].target, "/init?users=3&seed=7");
    assert_eq!(seen[seen.len() - 1].target, "/terminate?state=12");
    for (path, count) in [
        ("/init", 1),
        ("/join", 3),
        ("/iterate", 12),
        ("/leave", 3),
        ("/terminate", 1),
    ] {
        assert_eq!(peer.seen_at(path).len(), count, "{path} in {order:?}");
    }
    assert_eq!(
        values(&peer.seen_at("/join"), "user"),
        values(&peer.seen_at("/leave"), "user")
    );
    for user in ["1", "2", "3"] {
        let own: Vec<&Seen> = seen
            .iter()
            .filter(|request| request.query("user") == Some(user))
            .collect();
        assert_eq!(
            own.first().map(|request| request.path()),
            Some("/join"),
            "user {user}"
        );
        assert_eq!(
            own.last().map(|request| request.path()),
            Some("/leave"),
            "user {user}"
        );
        let numbers: Vec<&str> = own
            .iter()
            .filter_map(|request| request.query("number"))
            .collect();
        let expected: Vec<String> = (0..numbers.len())
            .map(|number| number.to_string())
            .collect();
        assert_eq!(numbers, expected, "user {user}");
    }
}

#[test]
fn ids_are_those_asked_for() {
    let peer = HttpPeer::always("ok");
    LtHost::run("user_lifecycle")
        .set("url", peer.url(""))
        .arguments("--user-range 101..104")
        .finish()
        .expect_clean();
    let ids: Vec<String> = values(&peer.seen_at("/join"), "user").into_iter().collect();
    assert_eq!(ids, ["101", "102", "103", "104"]);
}

/// All numbers that users drew in a run with these options, as `user/number: seed drawn hashed`.
fn numbers(options: &str) -> BTreeSet<String> {
    let peer = HttpPeer::always("ok");
    LtHost::run("user_numbers")
        .set("url", peer.url(""))
        .arguments(options)
        .finish()
        .expect_clean();
    let seen = peer.seen_at("/numbers");
    let drawn = values(&seen, "drawn");
    assert_eq!(drawn.len(), seen.len(), "numbers repeat within a run");
    seen.into_iter().map(|request| request.target).collect()
}

#[test]
fn a_run_with_the_same_seed_draws_the_same_numbers() {
    let first = numbers("--users 3 --seed 42");
    assert_eq!(first.len(), 3);
    assert_eq!(first, numbers("--users 3 --seed 42"));
    assert_eq!(
        first,
        numbers("--users 3 --seed 42 --cores 1"),
        "the number of cores must not matter"
    );
    assert!(first.is_disjoint(&numbers("--users 3 --seed 43")));
    let one_more = numbers("--users 4 --seed 42");
    assert!(
        first.is_subset(&one_more),
        "a user's numbers do not depend on how many others there are"
    );
}

#[test]
fn a_run_without_a_seed_tells_the_one_it_took() {
    let peer = HttpPeer::always("ok");
    let run = || {
        LtHost::run("user_numbers")
            .set("url", peer.url(""))
            .finish()
            .expect_clean()
    };
    let seed = |ran: &lt_tests::Ran| ran.summary().0["state"]["seed"].as_u64();
    let (first, second) = (run(), run());
    assert!(seed(&first).is_some());
    assert_ne!(seed(&first), seed(&second));
}

#[test]
fn roles_are_shared_out_as_declared() {
    let peer = HttpPeer::always("ok");
    LtHost::run("user_roles")
        .set("url", peer.url(""))
        // One each: of shared iterations a quick user may take another's.
        .arguments("--users 9 --executor per-user-iterations --repeat-num 1")
        .finish()
        .expect_clean();
    let seen = peer.seen_at("/role");
    let playing = |role: &str| {
        seen.iter()
            .filter(|request| request.query("role") == Some(role))
            .count()
    };
    assert_eq!(
        (playing("speaker"), playing("listener"), playing("heckler")),
        (1, 6, 2)
    );
}

#[test]
fn a_scenario_may_suggest_its_load() {
    let peer = HttpPeer::always("ok");
    let ran = LtHost::run("user_roles")
        .set("url", peer.url(""))
        .finish()
        .expect_clean();
    assert_eq!(ran.summary().0["state"]["users"].as_u64(), Some(5), "{ran}");
    assert_eq!(ran.summary().count("iterations"), 5, "{ran}");
}

#[test]
fn settings_come_from_flags_variables_and_defaults_in_this_order() {
    let peer = HttpPeer::always("ok");
    LtHost::run("user_settings")
        .set("url", peer.url(""))
        .set("size", 9)
        .set("login", "ann")
        .variable("LT_SET_SIZE", "5")
        .variable("LT_SET_PAYMENT", "invoice")
        .variable("LT_SET_PASSWORD", "s3cret")
        .finish()
        .expect_clean()
        .expect_no_text("s3cret")
        .expect_no_text("hunter2");
    let seen = peer.seen_at("/settings");
    assert_eq!(
        seen[0].target,
        "/settings?size=9&share=0.5&pause=10ms&payment=invoice&review=false&password=s3cret&login=ann"
    );
}

#[test]
fn secrets_stay_out_of_everything_that_is_written() {
    let peer = HttpPeer::always("ok");
    let ran = LtHost::run("user_settings")
        .set("url", peer.url(""))
        .set("password", "s3cret")
        .arguments("--summary-export export.json")
        .finish()
        .expect_clean();
    for name in [
        "results/latest/summary.json",
        "results/latest/events.jsonl",
        "results/latest/junit.xml",
        "export.json",
    ] {
        let text = std::fs::read_to_string(ran.path(name)).unwrap();
        assert!(!text.contains("s3cret"), "{name} tells the secret");
    }
}

#[test]
fn users_may_end_themselves_or_the_run() {
    let run = |how: &str| {
        LtHost::run("user_stop")
            .set("how", how)
            .arguments("--users 3 --duration 500ms")
            .finish()
    };
    for how in ["stop-self", "stop-user"] {
        let ran = run(how).expect_clean();
        let summary = ran.summary();
        assert_eq!(
            summary.count("third_iterations"),
            1,
            "{how}: user 1 went on\n{ran}"
        );
        assert!(
            summary.count("iterations") > 23,
            "{how}: the others did not go on\n{ran}"
        );
        assert_eq!(summary.count("left"), 3, "{how}\n{ran}");
    }
    let ran = run("abort-run").expect_code(108).expect_text("we are done");
    assert_eq!(ran.summary().count("third_iterations"), 1, "{ran}");
    assert_eq!(
        ran.summary().0["state"]["exit_code"].as_i64(),
        Some(108),
        "{ran}"
    );
}
