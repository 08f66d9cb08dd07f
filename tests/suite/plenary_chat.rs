//! The scenario `plenary-chat` against a real Django, whose own log says what is true.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lt_tests::guests::scenario;
use lt_tests::plenary::Plenary;
use lt_tests::results::{Summary, sums_by};
use lt_tests::{LtHost, TempDir};
use serde_json::Value;

/// How long a run may take: the server is Python, and tests share the machine.
const LIMIT: Duration = Duration::from_secs(180);
/// How long after a join, and before a leave, a message is surely meant for whom the log says, in seconds: the users' own word on
/// that comes some milliseconds later.
const SETTLED: f64 = 1.0;
/// For how long the server is away.
const OUTAGE: Duration = Duration::from_secs(5);

/// A run against this server, with ticks five times as fast as people are.
fn chat(server: &Plenary) -> LtHost {
    LtHost::run_file(&scenario("plenary-chat"))
        .set("url", server.url())
        .set("start-jitter", "1s")
        .set("tick", "200ms")
        .arguments("--seed 3")
        .within(LIMIT)
}

/// Lines of the log of rooms whose names start so.
fn in_rooms(lines: Vec<Value>, prefix: &str) -> Vec<Value> {
    let mut lines = lines;
    lines.retain(|line| {
        line["room"]
            .as_str()
            .is_some_and(|room| room.starts_with(prefix))
    });
    lines
}

fn at(line: &Value) -> f64 {
    line["at"].as_f64().expect("each line has its time")
}

fn users(lines: &[Value]) -> BTreeSet<&str> {
    lines
        .iter()
        .filter_map(|line| line["user"].as_str())
        .collect()
}

/// So many users are in, and know it: the log has a join before its user hears of it.
fn await_users(server: &Plenary, count: usize) {
    let _ = server.await_events("join", count);
    let _ = server.await_events("chat", server.events("chat").len() + 5);
}

/// What the run says of deliveries adds up.
#[track_caller]
fn adds_up(summary: &Summary) {
    let [sent, received, excused, lost] = [
        "delivery_sent",
        "delivery_received",
        "delivery_excused",
        "delivery_lost",
    ]
    .map(|name| summary.count(name));
    assert_eq!(
        sent,
        received + excused + lost,
        "{received} received, {excused} excused, {lost} lost"
    );
    assert_eq!(summary.count("delivery_duplicates"), 0);
}

#[test]
fn the_run_and_the_servers_log_agree() {
    let Some(server) = Plenary::start() else {
        return;
    };
    let ran = chat(&server)
        .set("chattiness", 10)
        .with_samples()
        .arguments("--users 30 --duration 15s")
        .finish()
        .expect_clean();
    let summary = ran.summary();
    let count = |name| summary.count(name) as usize;
    let joins = server.await_events("join", count("joins") + count("breakout_joins"));
    let leaves = server.await_events("leave", joins.len());

    let plenary = in_rooms(joins.clone(), "event/");
    assert_eq!(users(&plenary).len(), 30, "{ran}");
    assert_eq!(count("joins"), plenary.len(), "{ran}");
    assert!(plenary.len() > 30, "nobody left and came back\n{ran}");
    assert_eq!(
        count("leaves"),
        in_rooms(leaves.clone(), "event/").len(),
        "{ran}"
    );
    let breakouts = in_rooms(joins, "breakout/");
    assert!(!breakouts.is_empty(), "{ran}");
    assert_eq!(count("breakout_joins"), breakouts.len(), "{ran}");
    assert_eq!(
        count("breakout_leaves"),
        in_rooms(leaves, "breakout/").len(),
        "{ran}"
    );

    let chats = server.events("chat");
    assert!(chats.len() > 100, "{ran}");
    assert_eq!(count("chats_sent"), chats.len(), "{ran}");
    assert_eq!(count("delivery_lost"), 0, "{ran}");
    adds_up(&summary);
    assert!(
        count("delivery_received") <= server.events("delivery").len(),
        "more was received than the server sent\n{ran}"
    );

    let mut refused = BTreeMap::new();
    for error in server.events("error") {
        *refused
            .entry(error["code"].as_str().unwrap_or_default().to_owned())
            .or_insert(0) += 1;
    }
    assert_eq!(
        sums_by(&ran.rows(), "server_errors", "code"),
        refused,
        "{ran}"
    );
    assert!(summary.value("join_time", "med").is_some(), "{ran}");
    assert_eq!(summary.value("ws_connect_failed", "rate"), Some(0.0));
}

#[test]
fn a_message_to_people_who_stay_reaches_each_of_them() {
    let Some(server) = Plenary::start() else {
        return;
    };
    let ran = chat(&server)
        .set("chattiness", 10)
        .set("disable-event-leaving", true)
        .set("disable-breakout-joining", true)
        .arguments("--users 20 --duration 10s")
        .finish()
        .expect_clean();
    let summary = ran.summary();
    let leaves = server.await_events("leave", 20);
    let joins = server.events("join");
    assert_eq!(joins.len(), 20, "{ran}");
    assert_eq!(summary.count("breakout_joins"), 0, "{ran}");
    let last_join = joins.iter().map(at).fold(0.0, f64::max);
    let first_leave = leaves.iter().map(at).fold(f64::INFINITY, f64::min);
    let settled = server
        .events("chat")
        .iter()
        .map(at)
        .filter(|&at| at > last_join + SETTLED && at < first_leave - SETTLED)
        .count();
    assert!(settled > 10, "{ran}");
    let received = summary.count("delivery_received") as usize;
    assert!(
        received >= 20 * settled,
        "{received} received of {settled} messages\n{ran}"
    );
    assert!(received <= server.events("delivery").len(), "{ran}");
    assert_eq!(summary.count("delivery_lost"), 0, "{ran}");
    adds_up(&summary);
}

#[test]
fn what_the_server_does_not_pass_on_is_lost() {
    let Some(server) = Plenary::start_with(&[("PLENARY_DROP_EVERY", "20")]) else {
        return;
    };
    let ran = chat(&server)
        .set("chattiness", 10)
        .set("disable-event-leaving", true)
        .set("disable-breakout-joining", true)
        .arguments("--users 10 --duration 12s --delivery-timeout 2s")
        .finish()
        .expect_clean();
    let summary = ran.summary();
    let leaves = server.await_events("leave", 10);
    let joins = server.events("join");
    let dropped = server.events("dropped_on_purpose");
    let last_join = joins.iter().map(at).fold(0.0, f64::max);
    let first_leave = leaves.iter().map(at).fold(f64::INFINITY, f64::min);
    // What was dropped less than the delivery timeout before the end was excused when its user left.
    let surely_lost = dropped
        .iter()
        .map(at)
        .filter(|&at| at > last_join + SETTLED && at < first_leave - 2.0 - SETTLED)
        .count();
    assert!(surely_lost > 0, "{ran}");
    let lost = summary.count("delivery_lost") as usize;
    assert!(
        lost >= surely_lost && lost <= dropped.len(),
        "{lost} lost, of {} dropped {surely_lost} long before the end\n{ran}",
        dropped.len()
    );
    assert!(
        summary.count("delivery_received") as usize <= server.events("delivery").len(),
        "{ran}"
    );
    adds_up(&summary);
}

#[test]
fn what_a_frozen_server_still_owes_at_the_end_is_lost() {
    let Some(mut server) = Plenary::start() else {
        return;
    };
    let running = chat(&server)
        .set("chattiness", 10)
        .set("disable-event-leaving", true)
        .set("disable-breakout-joining", true)
        .arguments("--users 10 --duration 12s")
        .start();
    await_users(&server, 10);
    server.freeze();
    let ran = running.finish().expect_code(0);
    server.kill();
    let summary = ran.summary();
    let said = server.events("chat").len() as u64;
    assert!(
        summary.count("chats_sent") > said,
        "nobody said anything to the frozen server\n{ran}"
    );
    let unread = summary.count("chats_sent") - said;
    assert!(summary.count("delivery_lost") >= unread, "{ran}");
    assert_eq!(summary.count("delivery_excused"), 0, "{ran}");
    assert_eq!(summary.count("joins"), 10, "{ran}");
    assert_eq!(summary.count("leaves"), 0, "{ran}");
    assert_eq!(summary.count("cut_off"), 10, "{ran}");
    adds_up(&summary);
}

#[test]
fn who_finds_no_server_signs_in_once_it_is_there() {
    let Some(mut server) = Plenary::start() else {
        return;
    };
    server.kill();
    let running = chat(&server)
        .set("disable-event-leaving", true)
        .set("disable-breakout-joining", true)
        .arguments("--users 10 --duration 30s")
        .start();
    std::thread::sleep(OUTAGE);
    server.restart();
    let joins = server.await_events("join", 10);
    assert_eq!(users(&joins).len(), 10);
    let ran = running.finish().expect_code(0);
    let summary = ran.summary();
    let (passed, failed) = summary.check("signed in").expect("users sign in");
    assert_eq!(passed, 10, "{ran}");
    assert!(failed >= 10, "{ran}");
    assert_eq!(summary.failures("failure"), failed, "{ran}");
    assert_eq!(summary.failures_in_all(), failed, "{ran}");
}

#[test]
fn users_come_back_to_a_server_that_was_away() {
    let Some(mut server) = Plenary::start() else {
        return;
    };
    let running = chat(&server)
        .set("chattiness", 10)
        .set("disable-event-leaving", true)
        .set("disable-breakout-joining", true)
        .arguments("--users 10 --duration 40s")
        .start();
    await_users(&server, 10);
    server.kill();
    std::thread::sleep(OUTAGE);
    server.restart();
    let _ = server.await_events("join", 20);
    let ran = running.finish().expect_code(0);
    let summary = ran.summary();
    let joins = server.events("join");
    assert_eq!(users(&joins[10..]).len(), 10, "somebody is missing\n{ran}");
    assert_eq!(summary.count("joins"), 20, "{ran}");
    assert_eq!(summary.count("cut_off"), 10, "{ran}");
    assert_eq!(summary.count("reconnects"), 10, "{ran}");
    assert_eq!(
        summary
            .value("ws_connect_failed", "rate")
            .map(|rate| rate > 0.0),
        Some(true),
        "{ran}"
    );
    let texts = summary.failure_texts("failure");
    assert!(
        texts.contains("plenary: the connection ended") && texts.contains("join the plenary"),
        "{texts}\n{ran}"
    );
    assert_eq!(
        summary.failures("failure"),
        summary.failures_in_all(),
        "{ran}"
    );
    let (_, failed) = summary.check("joined the plenary").expect("users join");
    assert_eq!(summary.failures("failure"), 10 + failed, "{ran}");
    adds_up(&summary);
}

#[test]
fn sessions_are_kept_between_runs() {
    let Some(server) = Plenary::start() else {
        return;
    };
    let directory = TempDir::new();
    let run = |options: &str| {
        let ran = chat(&server)
            .arguments("--users 5 --duration 2s --state-file state.json")
            .arguments(options)
            .finish_in(directory.path())
            .expect_code(0);
        let latest = directory.path().join("results/latest/summary.json");
        assert_eq!(Summary::read(&latest).failures_in_all(), 0, "{ran}");
        ["signup", "login"].map(|event| server.events(event).len())
    };
    assert_eq!(run(""), [5, 0]);
    assert_eq!(run(""), [5, 0], "the second run registers nobody");
    assert_eq!(run("--user-range 3..7"), [7, 0], "two are new");
    let state = directory.path().join("state.json");
    let kept = std::fs::read_to_string(&state).expect("the sessions are kept");
    let broken = kept.replace("csrftoken=", "\\u0000=");
    assert_ne!(kept, broken);
    std::fs::write(&state, broken).expect("the sessions can be written");
    assert_eq!(run(""), [7, 5], "whose session is unusable logs in");
    let no_state = chat(&server)
        .arguments("--users 5 --duration 2s")
        .finish()
        .expect_clean();
    let logins = server.events("login").len();
    assert_eq!(logins, 10, "whoever has an account logs in\n{no_state}");
    assert_eq!(server.events("signup").len(), 7, "{no_state}");
}

#[test]
fn forms_are_read_in_either_quotes() {
    for quotes in ["single", "double"] {
        let Some(server) = Plenary::start_with(&[("PLENARY_QUOTES", quotes)]) else {
            return;
        };
        let ran = chat(&server)
            .arguments("--users 2 --duration 2s")
            .finish()
            .expect_clean();
        assert_eq!(server.events("signup").len(), 2, "{quotes}\n{ran}");
        assert_eq!(ran.summary().check("signed in"), Some((2, 0)), "{ran}");
    }
}

#[test]
fn users_are_dealt_out_among_plenaries() {
    let Some(server) = Plenary::start() else {
        return;
    };
    let ran = chat(&server)
        .set("plenary", "test,other")
        .set("disable-event-leaving", true)
        .set("disable-breakout-joining", true)
        .set("chattiness", 10)
        .arguments("--users 10 --duration 8s")
        .finish()
        .expect_clean();
    let joins = server.await_events("join", 10);
    for room in ["event/test", "event/other"] {
        assert_eq!(in_rooms(joins.clone(), room).len(), 5, "{room}\n{ran}");
    }
    let summary = ran.summary();
    assert!(summary.count("delivery_received") > 0, "{ran}");
    assert_eq!(summary.count("delivery_lost"), 0, "{ran}");
    adds_up(&summary);
}

#[test]
fn a_full_plenary_is_counted_by_name_and_no_failure() {
    let Some(server) = Plenary::start_with(&[("PLENARY_MAX_PARTICIPANTS", "3")]) else {
        return;
    };
    let ran = chat(&server)
        .set("disable-event-leaving", true)
        .set("disable-breakout-joining", true)
        .with_samples()
        .arguments("--users 5 --duration 5s")
        .finish()
        .expect_clean();
    let summary = ran.summary();
    assert_eq!(summary.count("joins"), 3, "{ran}");
    let refused = sums_by(&ran.rows(), "server_errors", "code");
    assert_eq!(
        refused.keys().collect::<Vec<_>>(),
        ["over-capacity"],
        "{ran}"
    );
    assert_eq!(
        refused["over-capacity"] as usize,
        server.events("error").len(),
        "{ran}"
    );
    let (passes, fails) = summary.check("joined the plenary").expect("users join");
    assert_eq!((passes, fails), (3, refused["over-capacity"]), "{ran}");
}

#[test]
fn users_who_cannot_sign_in_are_counted_with_what_the_server_said() {
    let Some(server) = Plenary::start() else {
        return;
    };
    let ran = chat(&server)
        // The word of the default is also one of the server's, and would be hidden there.
        .set("password", "s3cret-of-all")
        .arguments("--users 3 --duration 2s --percent-new 0")
        .finish();
    let summary = ran.summary();
    let (_, failed) = summary.check("signed in").expect("users try to sign in");
    assert!(failed >= 3, "{ran}");
    assert_eq!(summary.failures("failure"), failed, "{ran}");
    let texts = summary.failure_texts("failure");
    assert!(
        texts.contains("login: the server showed the form again: wrong password")
            && texts.contains("The username and/or password you specified are not correct."),
        "{texts}\n{ran}"
    );
    assert!(!texts.contains("loadtest"), "{texts}\n{ran}");
    assert_eq!(server.events("signup").len(), 0, "{ran}");

    let ran = chat(&server)
        .set("plenary", "nowhere")
        .arguments("--users 3 --duration 2s")
        .finish();
    let texts = ran.summary().failure_texts("failure");
    assert!(
        texts.contains("event nowhere: the server answered 404"),
        "{texts}\n{ran}"
    );
}

#[test]
fn what_no_user_could_work_with_is_refused_before_the_run() {
    for (setting, value, told) in [
        ("username-template", "everybody", "%s"),
        ("username-template", "%s and %s", "%s"),
        ("plenary", ",", "plenary names none"),
        ("url", "127.0.0.1:8080", "is no http or https URL"),
        (
            "url",
            "http://127.0.0.1:8080/event/test/",
            "leave out `/event/test/`",
        ),
        ("plenary", "a/b", "`a/b` is no slug"),
    ] {
        LtHost::run_file(&scenario("plenary-chat"))
            .set(setting, value)
            .arguments("--users 1 --duration 1s")
            .finish()
            .expect_code(100)
            .expect_text(told);
    }
}
