//! Users who meet, through real guests: throttles, meetings, mailboxes, deliveries, and how waits end.

mod audience;

use std::collections::BTreeMap;

use lt_tests::results::sums_by;
use lt_tests::{LtHost, Ran};

/// No user failed, no check failed, and there were checks.
#[track_caller]
fn expect_checked(ran: Ran) -> Ran {
    let ran = ran.expect_clean();
    let summary = ran.summary();
    assert_eq!(summary.failed_checks(), [], "{ran}");
    assert!(
        !summary.check_names().is_empty(),
        "nothing was checked\n{ran}"
    );
    ran
}

/// Eight users who take turns for a second and a half.
fn turns(settings: &[(&str, &str)]) -> Ran {
    let mut command = LtHost::run("coordination_throttle").arguments("--users 8 --duration 1s");
    for (name, value) in settings {
        command = command.set(name, value);
    }
    command.finish().expect_clean()
}

/// Most turns of a rate in a run: those of its time, measured by the run itself, and the first.
fn most_turns(ran: &Ran, per_second: f64) -> f64 {
    let ran_ms = ran.summary().0["state"]["duration_ms"].as_f64().unwrap();
    (ran_ms / 1000.0).mul_add(per_second, 1.0)
}

#[test]
fn a_rate_is_never_exceeded_however_turns_are_taken() {
    for via in ["wait", "timeout", "run", "permit", "queue", "try", "async"] {
        let ran = turns(&[("count", "20"), ("via", via)]);
        let summary = ran.summary();
        let taken = summary.count("turns");
        let most = most_turns(&ran, 20.0);
        assert!(taken as f64 <= most, "{via}: {taken} turns\n{ran}");
        // Half of what is allowed comes on any machine.
        assert!(taken >= 10, "{via}: {taken} turns\n{ran}");
        let refused = summary.count("refused");
        assert_eq!(
            refused > 0,
            matches!(via, "try" | "timeout"),
            "{via}\n{ran}"
        );
        assert!(
            summary
                .value("throttle_wait", "count")
                .is_some_and(|count| count as u64 >= taken)
                || via == "try",
            "{via}\n{ran}"
        );
    }
}

#[test]
fn an_interarrival_is_a_rate() {
    let ran = turns(&[("mode", "interarrival"), ("interval", "50ms")]);
    let taken = ran.summary().count("turns");
    assert!(taken as f64 <= most_turns(&ran, 20.0), "{taken}\n{ran}");
    assert!(taken >= 10, "{taken}\n{ran}");
    // Without a limit they would be thousands.
    let ran = turns(&[("mode", "unlimited")]);
    assert!(ran.summary().count("turns") > 500, "{ran}");
}

#[test]
fn a_throttle_changes_at_once_gradually_and_not_at_all() {
    let taken = |first: &str| {
        let ran = turns(&[("count", "10"), ("first", first)]);
        (ran.summary().count("turns"), ran)
    };
    let (unchanged, ran) = taken("nothing");
    assert!(unchanged <= 12, "{ran}");
    // A hundred times as fast, at once or after half a second.
    for first in ["change", "over", "steps", "unlock"] {
        let (faster, ran) = taken(first);
        assert!(faster > 100, "{first}: {faster}\n{ran}");
    }
    let (paused, ran) = taken("pause");
    assert!(paused <= 2, "{paused}\n{ran}");
    let (resumed, ran) = taken("resume");
    assert!((2..=12).contains(&resumed), "{resumed}\n{ran}");
}

#[test]
fn no_more_hold_a_place_than_there_are() {
    for how in ["permit", "release", "drop", "leave", "panic"] {
        let ran = LtHost::run("coordination_parallelism")
            .set("how", how)
            .arguments("--users 10 --duration 1s")
            .finish()
            .expect_code(0);
        let summary = ran.summary();
        assert_eq!(summary.value("holders", "max"), Some(3.0), "{how}\n{ran}");
        assert!(summary.value("holders", "min") >= Some(0.0), "{how}\n{ran}");
        // Places that were lost with their users were given to others.
        assert!(summary.count("held") >= 9, "{how}\n{ran}");
        let lost = summary.failures("panic");
        assert_eq!(lost > 0, how == "panic", "{how}\n{ran}");
        assert_eq!(summary.failures_in_all(), lost, "{how}\n{ran}");
    }
}

#[test]
fn pairs_meet_and_talk() {
    let ran = LtHost::run("coordination_pairs")
        .arguments("--users 40 --cores 2 --threshold meeting_wait{meeting:couples}:max<60000")
        .finish();
    let ran = expect_checked(ran);
    let summary = ran.summary();
    assert_eq!(summary.count("met"), 40, "{ran}");
    assert_eq!(summary.count("messages"), 400, "{ran}");
    assert_eq!(summary.value("meeting_wait", "count"), Some(40.0), "{ran}");
    assert_eq!(summary.check("two meet"), Some((40, 0)), "{ran}");
}

#[test]
fn who_is_left_over_goes_on_after_a_while() {
    let ran = LtHost::run("coordination_groups")
        .set("mode", "of")
        .set("least", 4)
        .arguments("--users 10")
        .finish();
    let ran = expect_checked(ran);
    let summary = ran.summary();
    assert_eq!(
        (
            summary.count("met"),
            summary.count("groups"),
            summary.count("timed_out")
        ),
        (8, 2, 2),
        "{ran}"
    );
}

#[test]
fn groups_have_sizes_of_a_range_and_repeat_with_the_seed() {
    let sizes = |seed: u64| {
        let ran = LtHost::run("coordination_groups")
            .set("mode", "between")
            .set("least", 2)
            .set("most", 5)
            .arguments("--users 60 --seed")
            .argument(seed.to_string())
            .with_samples()
            .finish();
        let ran = expect_checked(ran);
        let summary = ran.summary();
        assert_eq!(
            summary.count("met") + summary.count("timed_out"),
            60,
            "{ran}"
        );
        let min = summary.value("group_size", "min").unwrap();
        let max = summary.value("group_size", "max").unwrap();
        assert!(
            min >= 2.0 && max <= 5.0 && min < max,
            "{min} to {max}\n{ran}"
        );
        sums_by(&ran.rows(), "groups", "size")
    };
    let first = sizes(1);
    assert_eq!(first, sizes(1));
    let others: Vec<BTreeMap<String, u64>> = [2, 3, 4].into_iter().map(sizes).collect();
    assert!(others.iter().any(|other| *other != first), "{first:?}");
}

#[test]
fn groups_are_made_of_roles() {
    // Two buyers for each seller, as many as there are: nobody is left over.
    let ran = LtHost::run("coordination_groups")
        .set("mode", "roles")
        .set("timeout", "10s")
        .arguments("--users 9 --threshold iterations{role:seller}:count==3")
        .finish();
    let ran = expect_checked(ran);
    let summary = ran.summary();
    assert_eq!(
        (summary.count("met"), summary.count("groups")),
        (9, 3),
        "{ran}"
    );
}

#[test]
fn a_reset_sends_everybody_away() {
    let ran = LtHost::run("coordination_groups")
        .set("least", 5)
        .set("resets", 5)
        .set("timeout", "2s")
        .arguments("--users 5")
        .finish()
        .expect_clean();
    let summary = ran.summary();
    assert_eq!(
        (summary.count("were_reset"), summary.count("met")),
        (4, 0),
        "{ran}"
    );
}

#[test]
fn everybody_is_whoever_comes() {
    let ran = LtHost::run("coordination_all")
        .arguments("--users 12")
        .finish();
    let ran = expect_checked(ran);
    assert_eq!(ran.summary().count("met"), 12, "{ran}");
    assert_eq!(
        ran.summary().value("group_size", "min"),
        Some(12.0),
        "{ran}"
    );
    // Three stay away: the others meet when they have waited long enough, or when those have ended.
    for (timeout, absence) in [("300ms", "2s"), ("10s", "500ms")] {
        let ran = LtHost::run("coordination_all")
            .set("absent", 3)
            .set("absence", absence)
            .set("timeout", timeout)
            .arguments("--users 12")
            .finish()
            .expect_clean();
        let summary = ran.summary();
        assert_eq!(summary.count("met"), 9, "{timeout}\n{ran}");
        assert_eq!(
            summary.value("group_size", "max"),
            Some(9.0),
            "{timeout}\n{ran}"
        );
        assert_eq!(
            summary.check("whoever stays away is not"),
            Some((9, 0)),
            "{timeout}\n{ran}"
        );
    }
}

#[test]
fn nobody_waits_for_users_of_a_scenario_that_starts_later() {
    let ran = LtHost::run_spec(
        r#"
        [scenarios.early]
        file = "@coordination_all"
        users = 4
        repeat-num = 1
        [scenarios.late]
        file = "@coordination_all"
        start = "1s"
        users = 6
        repeat-num = 1
        "#,
    )
    .arguments("--cores 2")
    .finish();
    // Each check asks for the users of its own scenario: those who come later see each other all at once.
    let summary = expect_checked(ran).summary();
    assert_eq!(summary.check("everybody is here"), Some((10, 0)));
}

#[test]
fn what_cannot_be_is_an_error_of_its_kind() {
    expect_checked(LtHost::run("coordination_impossible").finish());
}

#[test]
fn several_things_are_waited_for_at_a_time() {
    expect_checked(
        LtHost::run("coordination_async")
            .arguments("--users 2")
            .finish(),
    );
}

/// Users who write to each other.
fn mail(to: &str, users: u64) -> Ran {
    let ran = LtHost::run("coordination_mail")
        .set("to", to)
        .arguments("--users")
        .argument(users.to_string())
        .with_samples()
        .finish();
    expect_checked(ran)
}

#[test]
fn messages_reach_whom_they_are_for() {
    let ran = mail("id", 10);
    assert_eq!(ran.summary().count("received"), 100, "{ran}");
    // One boss, four workers, ten jobs: each job is done once, in turn, or by all.
    let ran = mail("any", 5);
    let by_user = sums_by(&ran.rows(), "received", "user");
    assert_eq!(by_user.values().sum::<u64>(), 10, "{by_user:?}\n{ran}");
    assert!(
        by_user.values().all(|&jobs| jobs == 2 || jobs == 3),
        "{by_user:?}\n{ran}"
    );
    let ran = mail("all", 5);
    let by_user = sums_by(&ran.rows(), "received", "user");
    assert_eq!(by_user.into_values().collect::<Vec<_>>(), [10; 4], "{ran}");
}

#[test]
fn a_mailbox_has_an_end() {
    let ran = mail("full", 2);
    assert_eq!(ran.summary().count("accepted"), 2000, "{ran}");
}

/// Sent, received, lost, twice, and unmatched, of ten messages with this fate.
fn delivered(fate: &str) -> ([u64; 5], Ran) {
    let ran = LtHost::run("coordination_delivery")
        .set("fate", fate)
        .arguments("--users 2 --repeat-num 5 --delivery-timeout 300ms")
        .finish()
        .expect_clean();
    let summary = ran.summary();
    assert_eq!(summary.failed_checks(), [], "{ran}");
    let counted = ["sent", "received", "lost", "duplicates", "unmatched"]
        .map(|what| summary.count(&format!("delivery_{what}")));
    (counted, ran)
}

#[test]
fn deliveries_are_counted_and_timed() {
    let (counted, ran) = delivered("received");
    assert_eq!(counted, [10, 10, 0, 0, 0], "{ran}");
    let time = |ran: &Ran, value| ran.summary().value("delivery_time", value).unwrap();
    assert!(time(&ran, "min") >= 5.0, "{ran}");
    assert_eq!(time(&ran, "count"), 10.0, "{ran}");
    let (counted, ran) = delivered("timed");
    assert_eq!(counted, [10, 10, 0, 0, 0], "{ran}");
    assert_eq!(
        (time(&ran, "min"), time(&ran, "max")),
        (250.0, 250.0),
        "{ran}"
    );
    for (fate, expected) in [
        ("duplicate", [10, 10, 0, 20, 0]),
        ("lost", [10, 0, 10, 0, 0]),
        ("partly", [30, 10, 20, 0, 0]),
        ("early", [10, 10, 0, 0, 0]),
        ("unsent", [0, 0, 0, 0, 10]),
    ] {
        let (counted, ran) = delivered(fate);
        assert_eq!(counted, expected, "{fate}\n{ran}");
    }
}

#[test]
fn waits_end_when_the_run_does() {
    for on in [
        "message",
        "turn",
        "place",
        "group",
        "everybody",
        "async-message",
        "async-group",
    ] {
        // The graceful stop is far longer than a run of the suite may take. On one core all are asked to end at once: on two, one
        // might be gone, and no longer everybody, before another is asked.
        let ran = LtHost::run("coordination_stopping")
            .set("on", on)
            .arguments("--users 6 --duration 300ms --graceful-stop 10m --cores")
            .argument(if on == "everybody" { "1" } else { "2" })
            .finish();
        let ran = expect_checked(ran);
        let summary = ran.summary();
        let counts = ["begun", "stopped", "left"].map(|name| summary.count(name));
        assert_eq!(counts, [6; 3], "{on}\n{ran}");
    }
}
