//! How much load, for how long, and how it ends.

use std::collections::BTreeMap;
use std::time::Duration;

use lt_tests::LtHost;
use lt_tests::peers::HttpPeer;
use rustix::process::Signal;

#[test]
fn iterations_are_counted_exactly() {
    for (options, iterations) in [
        ("--users 7", 7),
        ("--users 1 --iterations 1", 1),
        ("--users 10 --iterations 137", 137),
        ("--users 50 --iterations 5000", 5000),
        ("--users 3 --iterations 9 --duration 30s", 9),
    ] {
        let ran = LtHost::run("timing_sleep")
            .set("sleep", "1ms")
            .arguments(options)
            .finish()
            .expect_clean();
        assert_eq!(
            ran.summary().count("iterations"),
            iterations,
            "{options}\n{ran}"
        );
        assert_eq!(
            ran.summary().0["state"]["interrupted_iterations"].as_u64(),
            Some(0),
            "{options}\n{ran}"
        );
    }
}

#[test]
fn a_duration_ends_the_run_and_lets_iterations_end() {
    let ran = LtHost::run("user_slow")
        .set("time", "300ms")
        .set("listens", false)
        .arguments("--users 5 --duration 1s")
        .finish()
        .expect_clean();
    let summary = ran.summary();
    assert!(ran.took() >= Duration::from_secs(1), "{ran}");
    assert_eq!(
        summary.count("begun"),
        summary.count("ended"),
        "iterations were cut off\n{ran}"
    );
    assert!(summary.count("ended") >= 15, "{ran}");
    assert_eq!(summary.count("left"), 5, "{ran}");
    let measured_ms = summary.0["state"]["duration_ms"].as_f64().unwrap();
    assert!(measured_ms >= 1000.0, "{measured_ms} ms");
}

#[test]
fn users_that_listen_end_early() {
    let ran = LtHost::run("user_slow")
        .arguments("--users 5 --duration 500ms")
        .finish()
        .expect_clean();
    assert_eq!(
        (ran.summary().count("ended"), ran.summary().count("left")),
        (5, 5),
        "{ran}"
    );
}

#[test]
fn the_graceful_stop_has_an_end() {
    let ran = LtHost::run("user_slow")
        .set("listens", false)
        .arguments("--users 5 --duration 300ms --graceful-stop 200ms")
        .finish()
        .expect_code(0);
    let summary = ran.summary();
    assert_eq!(
        (
            summary.count("begun"),
            summary.count("ended"),
            summary.count("left")
        ),
        (5, 0, 0),
        "{ran}"
    );
    assert_eq!(
        summary.0["state"]["interrupted_iterations"].as_u64(),
        Some(5),
        "{ran}"
    );
}

#[test]
fn users_start_one_after_the_other() {
    let peer = HttpPeer::always("ok");
    let ran = LtHost::run("user_lifecycle")
        .set("url", peer.url(""))
        .arguments("--users 5 --interarrival 100ms")
        .finish()
        .expect_clean();
    // The fifth starts 400 ms after the first.
    assert!(ran.took() >= Duration::from_millis(400), "{ran}");
    let joined: Vec<String> = peer
        .seen_at("/join")
        .iter()
        .filter_map(|request| request.query("user").map(str::to_owned))
        .collect();
    assert_eq!(joined, ["1", "2", "3", "4", "5"]);
}

#[test]
fn iterations_keep_their_interval() {
    let ran = LtHost::run("timing_sleep")
        .set("sleep", "10ms")
        .arguments("--users 2 --duration 1s --repeat-interval 200ms")
        .finish()
        .expect_clean();
    // At 0, 200, 400, 600 and 800 ms; one that is due at the end may or may not begin.
    let iterations = ran.summary().count("iterations");
    assert!(
        (8..=12).contains(&iterations),
        "{iterations} iterations\n{ran}"
    );
    let intended = ran
        .summary()
        .value("iteration_duration_intended", "min")
        .unwrap();
    assert!(intended >= 10.0, "{intended} ms");
}

#[test]
fn time_lost_by_a_slow_iteration_is_counted_from_the_intended_start() {
    let ran = LtHost::run("timing_sleep")
        .set("sleep", "100ms")
        .arguments("--users 1 --iterations 5 --repeat-interval 50ms")
        .finish()
        .expect_clean();
    let summary = ran.summary();
    // The n-th iteration is due at n × 50 ms and starts at n × 100 ms: the fifth waits 200 ms and takes 100 ms.
    let service = summary.value("iteration_duration", "min").unwrap();
    let intended = summary.value("iteration_duration_intended", "max").unwrap();
    assert!(
        service >= 100.0 && intended >= 300.0,
        "service {service} ms, from the intended start {intended} ms\n{ran}"
    );
    assert!(summary.value("start_lag", "max").unwrap() >= 200.0, "{ran}");
}

#[test]
fn one_ctrl_c_lets_iterations_end() {
    let mut running = LtHost::run("user_slow")
        .arguments("--users 10 --duration 60s")
        .start();
    running.wait_for_text("running");
    running.interrupt();
    let ran = running
        .finish()
        .expect_code(105)
        .expect_text("TOTAL RESULTS");
    let summary = ran.summary();
    assert_eq!(
        (
            summary.count("begun"),
            summary.count("ended"),
            summary.count("left")
        ),
        (10, 10, 10),
        "{ran}"
    );
    assert_eq!(summary.0["state"]["exit_code"].as_i64(), Some(105), "{ran}");
}

#[test]
fn a_term_signal_is_a_ctrl_c() {
    let mut running = LtHost::run("user_slow")
        .arguments("--users 10 --duration 60s")
        .start();
    running.wait_for_text("running");
    running.signal(Signal::TERM);
    let ran = running.finish().expect_code(105);
    assert_eq!(ran.summary().count("left"), 10, "{ran}");
}

#[test]
fn a_second_ctrl_c_ends_at_once_and_keeps_the_numbers() {
    let mut running = LtHost::run("user_slow")
        .set("listens", false)
        .arguments("--users 10 --duration 60s")
        .with_samples()
        .start();
    running.wait_for_text("running");
    running.interrupt();
    running.wait_for_text("stopping");
    running.interrupt();
    let ran = running
        .finish()
        .expect_code(105)
        .expect_text("TOTAL RESULTS");
    let summary = ran.summary();
    assert_eq!(
        (
            summary.count("begun"),
            summary.count("ended"),
            summary.count("left")
        ),
        (10, 0, 0),
        "{ran}"
    );
    assert_eq!(
        summary.0["state"]["interrupted_iterations"].as_u64(),
        Some(10),
        "{ran}"
    );
    assert!(
        ran.rows().iter().any(|row| row["metric_name"] == "begun"),
        "samples were lost\n{ran}"
    );
}

#[test]
fn a_run_without_a_terminal_tells_its_progress_a_line_a_second() {
    let ran = LtHost::run("timing_sleep")
        .arguments("--users 3 --duration 2500ms")
        .finish()
        .expect_clean();
    let lines: Vec<&str> = ran
        .stderr()
        .lines()
        .filter(|line| line.starts_with("running"))
        .collect();
    assert!(
        lines.len() >= 2 && lines.len() as u64 <= ran.took().as_secs() + 2,
        "{lines:?}\n{ran}"
    );
    let quiet = LtHost::run("timing_sleep")
        .arguments("--users 3 --duration 1500ms --quiet")
        .finish()
        .expect_clean();
    assert!(!quiet.stderr().contains("running"), "{quiet}");
    assert!(quiet.stdout().contains("TOTAL RESULTS"), "{quiet}");
}

#[test]
fn options_come_from_variables_too_and_flags_go_first() {
    let run = || {
        LtHost::run("timing_sleep")
            .set("sleep", "1ms")
            .variable("LT_USERS", "2")
            .variable("LT_ITERATIONS", "6")
    };
    let ran = run().finish().expect_clean();
    assert_eq!(
        (
            ran.summary().count("iterations"),
            ran.summary().0["state"]["users"].as_u64()
        ),
        (6, Some(2)),
        "{ran}"
    );
    let ran = run().arguments("--iterations 4").finish().expect_clean();
    assert_eq!(ran.summary().count("iterations"), 4, "{ran}");
}

#[test]
fn each_of_many_users_does_its_share() {
    let peer = HttpPeer::always("ok");
    let ran = LtHost::run("user_numbers")
        .set("url", peer.url(""))
        .arguments("--users 500 --quiet")
        .finish()
        .expect_clean();
    let mut by_user: BTreeMap<String, usize> = BTreeMap::new();
    for request in peer.seen() {
        *by_user
            .entry(request.query("user").unwrap_or_default().to_owned())
            .or_insert(0) += 1;
    }
    assert_eq!(by_user.len(), 500, "{ran}");
    assert!(by_user.values().all(|&count| count == 1), "{ran}");
}
