//! The steady-state rule: a run that ends well once its condition has held for everybody, and badly at its deadline.

use std::time::Duration;

use lt_tests::{LtHost, Ran};

fn steady(guest: &str, options: &str) -> LtHost {
    LtHost::run(guest).arguments(options)
}

/// The run ended because it was steady.
#[track_caller]
fn reached(ran: Ran) -> Ran {
    let ran = ran.expect_code(0);
    assert_eq!(ran.summary().0["state"]["exit_code"], 0, "{ran}");
    assert!(ran.took() >= Duration::from_secs(1), "{ran}");
    ran
}

/// It did not get steady: this many users of those asked for were.
#[track_caller]
fn missed(ran: Ran, held: &str) {
    let ran = ran.expect_code(111).expect_text(held);
    let state = &ran.summary().0["state"];
    assert_eq!(state["exit_code"], 111, "{ran}");
    assert!(
        state["ended_early"]
            .as_str()
            .is_some_and(|why| why.contains(held)),
        "{ran}"
    );
}

#[test]
fn a_run_ends_well_once_its_state_has_held() {
    for guest in ["user_steady", "user_steady_gauge"] {
        let ran = steady(guest, "--users 5 --steady 1s --deadline 50s").finish();
        let ran = reached(ran);
        let steady_users = ran.summary().value("steady_users", "max");
        assert_eq!(steady_users, Some(5.0), "{guest}\n{ran}");
        let ran = ran.expect_text("the steady state was reached");
        // It was told while it went on: the run takes more than a second.
        assert!(ran.stderr().contains(" steady="), "{guest}\n{ran}");
    }
    // A run with an end of its own ends earlier if it may.
    let ran = steady(
        "user_steady",
        "--users 5 --duration 50s --steady 1s --deadline 40s",
    )
    .finish();
    reached(ran);
}

#[test]
fn one_user_that_is_not_there_is_one_too_many() {
    for guest in ["user_steady", "user_steady_gauge"] {
        let ran = steady(guest, "--users 5 --steady 500ms --deadline 1500ms")
            .set("down", 1)
            .finish();
        missed(ran, "4 of 5 users");
    }
}

#[test]
fn failed_users_are_still_asked_for() {
    for policy in ["rebuild", "retire"] {
        let ran = steady("user_steady", "--users 5 --steady 500ms --deadline 1500ms")
            .set("panics", 2)
            .argument("--on-user-failure")
            .argument(policy)
            .finish();
        missed(ran, "3 of 5 users");
    }
}

#[test]
fn a_gap_begins_the_wait_anew() {
    // Down in its fourth iteration of 400 ms: what held until then was too short.
    let ran = steady("user_steady", "--users 2 --steady 1500ms --deadline 50s")
        .set("after", 0)
        .set("relapse", 3)
        .set("pause", "400ms")
        .finish()
        .expect_code(0);
    assert!(ran.took() >= Duration::from_millis(3100), "{ran}");
}

#[test]
fn a_run_that_ends_before_it_was_steady_has_failed() {
    let ran = steady(
        "user_steady",
        "--users 3 --duration 1s --steady 900ms --deadline 50s",
    )
    .set("after", 1000)
    .finish();
    missed(ran, "0 of 3 users");
}

#[test]
fn thresholds_are_judged_all_the_same() {
    steady(
        "user_steady",
        "--users 2 --steady 500ms --deadline 50s --threshold iterations:count<1",
    )
    .finish()
    .expect_code(99);
}

#[test]
fn rules_that_make_no_sense_are_refused() {
    for (guest, options, texts) in [
        ("user_steady", "--steady 1s", ["--deadline", "missing"]),
        ("user_steady", "--deadline 1s", ["--deadline", "--steady"]),
        (
            "user_steady",
            "--steady 2s --deadline 1s",
            ["--deadline", "2s"],
        ),
        (
            "user_steady",
            "--steady 0s --deadline 1s",
            ["--steady", "zero"],
        ),
        (
            "user_steady",
            "--steady 5s --deadline 9s --duration 3s",
            ["--steady", "3s"],
        ),
        (
            "user_new",
            "--steady 1s --deadline 9s",
            ["--steady", "no steady condition"],
        ),
        (
            "user_steady",
            "--once --steady 1s --deadline 9s",
            ["--steady", "--once"],
        ),
    ] {
        let ran = LtHost::run(guest)
            .arguments(options)
            .finish()
            .expect_code(104);
        for text in texts {
            assert!(ran.stderr().contains(text), "{options}: no {text:?}\n{ran}");
        }
        assert!(!ran.has_results(), "{options}\n{ran}");
    }
}
