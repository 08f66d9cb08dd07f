//! Guests that misbehave: what each does is counted under its class, its user begins anew, and nobody else notices. All users
//! share one core, so that a neighbour that got stuck would show.

use std::time::Duration;

use lt_tests::peers::http::{HttpPeer, Then, respond};
use lt_tests::results::Summary;
use lt_tests::{LtHost, Ran};

/// Honest iterations that each neighbour makes at least: each takes 20 ms of a run of 1.5 s.
const HONEST_MIN: usize = 5;

/// Run a guest whose user 1 misbehaves in every second iteration, beside three users who do not.
fn misbehaving(guest: &str, class: &str) -> (Ran, Summary) {
    misbehaving_within(guest, class, "100ms")
}

/// The same with another budget of CPU.
fn misbehaving_within(guest: &str, class: &str, cpu_limit: &str) -> (Ran, Summary) {
    let peer = HttpPeer::always("ok");
    let ran = LtHost::run(guest)
        .set("url", peer.url(""))
        .arguments("--users 4 --cores 1 --duration 1500ms --cpu-limit")
        .argument(cpu_limit)
        .finish()
        .expect_code(0);
    let summary = ran.summary();
    let failures = summary.failures(class);
    assert!(failures >= 1, "no failure of class {class}\n{ran}");
    assert_eq!(
        summary.failures_in_all(),
        failures,
        "there are failures of another class\n{ran}"
    );
    let honest = peer.seen_at("/honest");
    let by = |user: &str| {
        honest
            .iter()
            .filter(|request| request.query("user") == Some(user))
            .count()
    };
    assert!(by("1") >= 1, "user 1 did not go on\n{ran}");
    for neighbour in ["2", "3", "4"] {
        assert!(
            by(neighbour) >= HONEST_MIN,
            "user {neighbour} made {} iterations\n{ran}",
            by(neighbour)
        );
    }
    assert_eq!(
        summary.count("iterations"),
        honest.len() as u64 + failures,
        "iterations were lost\n{ran}"
    );
    (ran, summary)
}

#[test]
fn a_panic_hurts_only_its_user_and_its_words_are_told() {
    let (ran, summary) = misbehaving("limits_panic", "panic");
    assert!(
        summary
            .failure_texts("panic")
            .contains("the shelf is empty"),
        "{ran}"
    );
    ran.expect_text("USER FAILURES")
        .expect_text("the shelf is empty");
}

#[test]
fn an_endless_loop_is_ended_at_the_budget_of_cpu() {
    misbehaving("limits_loop", "cpu");
}

#[test]
fn endless_recursion_ends_at_the_stack() {
    misbehaving("limits_recurse", "stack");
}

#[test]
fn endless_allocation_ends_at_the_memory_limit() {
    misbehaving("limits_allocate", "memory");
}

#[test]
fn endless_handles_are_refused() {
    let peer = HttpPeer::always("ok");
    let ran = LtHost::run("limits_handles")
        .set("url", peer.url(""))
        .arguments("--users 4 --cores 1 --duration 1500ms --cpu-limit 100ms")
        .finish()
        .expect_code(0);
    let summary = ran.summary();
    assert!(
        summary.failures_in_all() >= 1,
        "handles without end were granted\n{ran}"
    );
    assert_eq!(
        summary.failures("host"),
        0,
        "a greedy guest is no fault of the host\n{ran}"
    );
    assert_eq!(
        summary.failures("cpu"),
        0,
        "handles without end were granted until the CPU ran out\n{ran}"
    );
    let honest = peer.seen_at("/honest").len() as u64;
    assert_eq!(
        summary.count("iterations"),
        honest + summary.failures_in_all(),
        "{ran}"
    );
}

#[test]
fn endless_requests_are_refused() {
    let peer = HttpPeer::start(|request, stream| {
        if request.path() == "/honest" {
            respond(stream, 200, &[], b"ok");
        }
        // The others are never answered.
        Then::Keep
    });
    let ran = LtHost::run("limits_pending")
        .set("url", peer.url(""))
        .arguments("--users 4 --cores 1 --duration 1500ms")
        .finish()
        .expect_code(0);
    let summary = ran.summary();
    assert!(
        summary
            .failure_texts("failure")
            .contains("too many requests"),
        "{ran}"
    );
    assert_eq!(
        summary.failures_in_all(),
        summary.failures("failure"),
        "{ran}"
    );
    let honest = peer.seen_at("/honest");
    for user in ["1", "2", "3", "4"] {
        let made = honest
            .iter()
            .filter(|request| request.query("user") == Some(user))
            .count();
        assert!(made >= 1, "user {user} made no honest iteration\n{ran}");
    }
}

#[test]
fn a_flood_of_log_lines_is_capped_and_counted() {
    let (ran, summary) = misbehaving_within("limits_log", "failure", "1s");
    let shown = ran
        .printed()
        .lines()
        .filter(|line| line.contains("FLOOD"))
        .count();
    assert!(shown >= 1, "nothing of the flood is shown\n{ran}");
    // Three ways to write, each capped by the second; each flood is 60 000 lines.
    assert!(shown <= 1000, "{shown} lines of the flood are shown");
    assert!(
        summary.count("log_lines_dropped") > 10_000,
        "{} lines were dropped\n{ran}",
        summary.count("log_lines_dropped")
    );
}

#[test]
fn a_list_without_measure_is_refused_or_cut() {
    let peer = HttpPeer::always("ok");
    let ran = LtHost::run("limits_list")
        .set("url", peer.url(""))
        .arguments("--users 4 --cores 1 --duration 2s")
        .start();
    let mut resident_kib = 0;
    let ran = {
        let mut ran = ran;
        while !ran.has_ended() {
            resident_kib = resident_kib.max(ran.resident_kib_max().unwrap_or(0));
            std::thread::sleep(Duration::from_millis(20));
        }
        ran.finish().expect_code(0)
    };
    let summary = ran.summary();
    assert!(
        summary.failures_in_all() >= 1,
        "user 1 did not misbehave\n{ran}"
    );
    assert_eq!(summary.failures("host"), 0, "{ran}");
    assert!(
        resident_kib < 512 << 10,
        "lt-host took {resident_kib} KiB\n{ran}"
    );
    let honest = peer.seen_at("/honest");
    for user in ["2", "3", "4"] {
        let made = honest
            .iter()
            .filter(|request| request.query("user") == Some(user))
            .count();
        assert!(
            made >= HONEST_MIN,
            "user {user} made {made} iterations\n{ran}"
        );
    }
}

#[test]
fn memory_may_be_used_up_to_its_limit_again_and_again() {
    let ran = LtHost::run("limits_memory")
        .arguments("--users 4 --iterations 40")
        .finish()
        .expect_clean();
    assert_eq!(ran.summary().count("iterations"), 40);
    let ran = LtHost::run("limits_memory")
        .arguments("--users 2 --iterations 4 --memory-limit 4MiB")
        .finish()
        .expect_code(0);
    assert_eq!(ran.summary().failures("memory"), 4, "{ran}");
}

/// A run of three users, the first of which misbehaves in this place.
fn once(place: &str, manner: &str) -> LtHost {
    LtHost::run("limits_once")
        .set("place", place)
        .set("manner", manner)
        .arguments("--users 3 --duration 500ms --cpu-limit 100ms")
}

#[test]
fn a_failed_init_starts_no_user() {
    for (manner, text) in [
        ("fail", "it will not do"),
        ("panic", "no way"),
        ("loop", "cpu"),
        ("stop", "enough for me"),
    ] {
        let ran = once("init", manner)
            .finish()
            .expect_code(100)
            .expect_text(text);
        assert_eq!(ran.summary().count("iterated"), 0, "{manner}: {ran}");
        judged_as_an_error(&ran, text);
    }
    let ran = once("init", "abort")
        .finish()
        .expect_code(108)
        .expect_text("enough for all");
    assert_eq!(ran.summary().count("iterated"), 0, "{ran}");
}

#[test]
fn a_failed_terminate_has_its_own_exit_code_and_keeps_the_numbers() {
    for (manner, text) in [
        ("fail", "it will not do"),
        ("panic", "no way"),
        ("loop", "cpu"),
    ] {
        let ran = once("terminate", manner)
            .finish()
            .expect_code(101)
            .expect_text(text);
        assert!(ran.summary().count("iterated") > 3, "{manner}: {ran}");
        assert_eq!(ran.summary().count("left"), 3, "{manner}: {ran}");
        judged_as_an_error(&ran, text);
    }
}

/// A CI system that reads junit.xml must not show a run green that failed.
fn judged_as_an_error(ran: &lt_tests::Ran, text: &str) {
    let junit = std::fs::read_to_string(ran.path("results/latest/junit.xml")).unwrap();
    let error = junit.lines().find(|line| line.contains("<error "));
    assert!(error.is_some_and(|line| line.contains(text)), "{junit}");
}

#[test]
fn a_user_that_cannot_join_ends_and_the_others_go_on() {
    for (manner, class) in [("fail", "failure"), ("panic", "panic"), ("loop", "cpu")] {
        let ran = once("join", manner).finish().expect_code(0);
        let summary = ran.summary();
        assert!(summary.failures(class) >= 1, "{manner}: {ran}");
        assert_eq!(
            summary.failures_in_all(),
            summary.failures(class),
            "{manner}: {ran}"
        );
        assert_eq!(summary.count("left"), 2, "{manner}: {ran}");
        assert!(summary.count("iterated") >= 10, "{manner}: {ran}");
    }
    let ran = once("join", "stop").finish().expect_code(0);
    assert_eq!(ran.summary().failures_in_all(), 0, "{ran}");
    let ran = once("join", "abort")
        .finish()
        .expect_code(108)
        .expect_text("enough for all");
    assert_eq!(ran.summary().failures_in_all(), 0, "{ran}");
}

#[test]
fn what_goes_wrong_in_leave_is_counted() {
    for (manner, class) in [("panic", "panic"), ("loop", "cpu")] {
        let ran = once("leave", manner).finish().expect_code(0);
        assert_eq!(ran.summary().failures(class), 1, "{manner}: {ran}");
        assert_eq!(ran.summary().failures_in_all(), 1, "{manner}: {ran}");
    }
    once("leave", "fail")
        .finish()
        .expect_clean()
        .expect_text("leave: it will not do");
}

#[test]
fn a_leave_that_never_returns_is_ended() {
    let ran = once("leave", "sleep")
        .finish()
        .expect_code(0)
        .expect_text("leave");
    let others_left = ran.summary().count("left");
    assert_eq!(others_left, 3, "{ran}");
}

#[test]
fn an_iteration_may_end_its_user_or_the_run() {
    let ran = once("iterate", "stop").finish().expect_code(0);
    assert_eq!(ran.summary().failures_in_all(), 0, "{ran}");
    once("iterate", "abort")
        .finish()
        .expect_code(108)
        .expect_text("enough for all");
}

#[test]
fn a_describe_that_misbehaves_is_bad_input() {
    for (guest, text) in [
        ("limits_describe_panic", "no words for it"),
        ("limits_describe_loop", "describe"),
        ("limits_describe_import", "describe"),
        ("limits_describe_allocate", "wanted more memory"),
        // Its own stack or the host's, whichever ends first.
        ("limits_describe_recurse", "wasm trap: "),
        (
            "limits_describe_many",
            "number of its metrics, 5000, is over",
        ),
        ("limits_describe_long", "at most 1048576 bytes"),
    ] {
        let ran = LtHost::run(guest)
            .arguments("--users 1")
            .finish()
            .expect_code(104)
            .expect_text(text);
        assert!(!ran.has_results(), "{guest} left results\n{ran}");
    }
}

#[test]
fn a_guest_reaches_nothing_but_the_contract() {
    LtHost::run("wasi_nothing")
        .variable("SECRET", "of the host")
        .arguments("--users 2")
        .finish()
        .expect_clean();
}

#[test]
fn a_guest_with_sockets_of_its_own_is_not_taken() {
    let ran = LtHost::run("wasi_sockets")
        .arguments("--users 2")
        .finish()
        .expect_code(104)
        .expect_text("imports what no scenario is granted")
        .expect_text("wasi:sockets/tcp")
        .expect_text("lt_sdk::http");
    assert!(!ran.has_results(), "it left results\n{ran}");
}
