//! Every shape of load through the real program: how many users, how many iterations, who they are, how they end. When each
//! iteration starts is held over virtual time in `lt-load`; here nothing is timed but by counting.

use std::collections::BTreeSet;

use lt_tests::peers::HttpPeer;
use lt_tests::results::sums_by;
use lt_tests::{LtHost, Ran};

/// Users whose iteration lasts until they are asked to end.
fn patient(options: &str) -> LtHost {
    LtHost::run("user_slow").arguments(options)
}

/// Users whose iteration ends at once, with every sample.
fn quick(options: &str) -> LtHost {
    LtHost::run("user_new").arguments(options).with_samples()
}

/// Joins, begun and ended iterations, and leaves, of `user_slow`.
fn lives(ran: &Ran) -> (u64, u64, u64, u64) {
    let summary = ran.summary();
    let count = |name| summary.count(name);
    (
        count("joined"),
        count("begun"),
        count("ended"),
        count("left"),
    )
}

/// Iterations that started, and those that found nobody free.
fn arrivals(ran: &Ran) -> (u64, u64) {
    let summary = ran.summary();
    (
        summary.count("iterations"),
        summary.count("dropped_iterations"),
    )
}

/// Ids of the users that joined, of `user_new`: each exactly once.
fn ids(ran: &Ran) -> BTreeSet<u64> {
    let mut ids = BTreeSet::new();
    for counter in ["new_users", "known_users"] {
        for (id, joins) in sums_by(&ran.rows(), counter, "user") {
            assert_eq!(joins, 1, "user {id} joined {joins} times\n{ran}");
            assert!(
                ids.insert(id.parse().unwrap()),
                "id {id} was given twice\n{ran}"
            );
        }
    }
    ids
}

#[test]
fn each_user_has_as_many_iterations() {
    for options in [
        "--users 4 --repeat-num 5",
        "--users 4 --repeat-num 5 --executor per-user-iterations",
        "--users 4 --repeat-num 5 --interarrival 20ms --cores 1",
    ] {
        let ran = quick(options).finish().expect_clean();
        let by_user = sums_by(&ran.rows(), "new_users", "user");
        assert_eq!(by_user.len(), 4, "{ran}");
        assert_eq!(ran.summary().count("iterations"), 20, "{ran}");
    }
}

#[test]
fn an_iteration_count_has_a_longest_time() {
    let ran = patient("--users 3 --repeat-num 100 --max-duration 500ms")
        .finish()
        .expect_clean();
    assert_eq!(lives(&ran), (3, 3, 3, 3), "{ran}");
    let ran = patient("--users 3 --iterations 100 --max-duration 500ms")
        .finish()
        .expect_clean();
    assert_eq!(lives(&ran), (3, 3, 3, 3), "{ran}");
}

#[test]
fn ramping_users_come_and_go() {
    let ran = patient("--start-users 0 --stage 400ms:6 --stage 1200ms:6 --stage 400ms:0")
        .finish()
        .expect_clean();
    assert_eq!(lives(&ran), (6, 6, 6, 6), "{ran}");
    assert_eq!(ran.summary().value("vus", "max"), Some(6.0), "{ran}");
    assert_eq!(ran.summary().0["state"]["users"].as_u64(), Some(6), "{ran}");
    assert_eq!(
        ran.summary().0["state"]["interrupted_iterations"].as_u64(),
        Some(0),
        "{ran}"
    );
}

#[test]
fn users_that_come_back_keep_their_ids() {
    let peer = HttpPeer::always("ok");
    LtHost::run("user_lifecycle")
        .set("url", peer.url(""))
        .arguments("--start-users 3 --stage 300ms:3 --stage 0s:1 --stage 700ms:1 --stage 0s:3 --stage 300ms:3")
        .arguments("--repeat-interval 100ms")
        .finish()
        .expect_clean();
    let joins = |user: &str| {
        let joins = peer.seen_at("/join");
        let own = joins.iter().filter(|join| join.query("user") == Some(user));
        own.count()
    };
    assert_eq!((joins("1"), joins("2"), joins("3")), (1, 2, 2));
    assert_eq!(peer.seen_at("/join").len(), 5);
    assert_eq!(peer.seen_at("/leave").len(), 5);
}

#[test]
fn a_ramp_down_has_an_end() {
    let ran = patient("--start-users 4 --stage 300ms:4 --stage 0s:0 --stage 800ms:0")
        .arguments("--graceful-ramp-down 100ms")
        .set("listens", false)
        .finish()
        .expect_code(0);
    assert_eq!(lives(&ran), (4, 4, 0, 0), "{ran}");
    assert_eq!(
        ran.summary().0["state"]["interrupted_iterations"].as_u64(),
        Some(4),
        "{ran}"
    );
}

#[test]
fn staircases_and_spikes_are_stages() {
    let ran = patient("--staircase 2:2:500ms:3").finish().expect_clean();
    assert_eq!(lives(&ran), (6, 6, 6, 6), "{ran}");
    let ran = patient("--spike 1:5:300ms:300ms:300ms")
        .finish()
        .expect_clean();
    assert_eq!(lives(&ran), (5, 5, 5, 5), "{ran}");
    // 20 a second for half a second, then 40 for as long: ten and twenty.
    let ran = quick("--staircase 20/s:20/s:500ms:2 --users 20")
        .finish()
        .expect_clean();
    let (started, dropped) = arrivals(&ran);
    assert_eq!(dropped, 0, "{ran}");
    assert!((29..=31).contains(&started), "{started} started\n{ran}");
}

#[test]
fn arrivals_are_the_rate_times_the_time() {
    for (options, started) in [
        ("--rate 50/s --duration 2s --users 20", 100),
        ("--rate 1200/m --duration 1s --users 20 --cores 1", 20),
        ("--rate 20 --duration 1s --users 20 --max-users 40", 20),
        // From nothing to 25 a second, and then held: 12.5 and 25.
        ("--stage 1s:25/s --stage 1s:25/s --users 20", 37),
        ("--start-rate 25/s --stage 1s:0/s --users 20", 12),
    ] {
        let ran = quick(options).finish().expect_clean();
        assert_eq!(arrivals(&ran), (started, 0), "{options}\n{ran}");
        assert!(
            ran.summary().value("start_lag", "max").is_some(),
            "{options}\n{ran}"
        );
    }
}

#[test]
fn arrivals_at_random_repeat_with_their_seed() {
    let run = |options: &str| {
        let ran = quick("--rate 100/s --spacing poisson --duration 1s --users 100")
            .arguments(options)
            .finish()
            .expect_clean();
        let (started, dropped) = arrivals(&ran);
        started + dropped
    };
    let first = run("--seed 7");
    // Ten standard deviations either way.
    assert!((1..=200).contains(&first), "{first} arrivals");
    assert_eq!(first, run("--seed 7 --cores 1"));
    let others: BTreeSet<u64> = [8, 9, 10]
        .into_iter()
        .map(|seed| run(&format!("--seed {seed}")))
        .collect();
    assert!(
        others.into_iter().any(|other| other != first),
        "four seeds give {first} arrivals each"
    );
}

#[test]
fn an_arrival_that_finds_nobody_free_is_dropped() {
    let ran = patient("--rate 20/s --duration 2s --users 2")
        .finish()
        .expect_clean()
        .expect_text("dropped_iterations");
    assert_eq!(arrivals(&ran), (2, 38), "{ran}");
    assert_eq!(lives(&ran), (2, 2, 2, 2), "{ran}");
    assert!(
        ran.summary()
            .warnings()
            .contains("38 iterations were not started"),
        "{ran}"
    );
}

#[test]
fn more_users_are_made_when_nobody_is_free() {
    let ran = patient("--rate 20/s --duration 2s --users 1 --max-users 5")
        .finish()
        .expect_clean();
    let (joined, begun, ended, left) = lives(&ran);
    assert_eq!((joined, ended, left), (5, begun, 5), "{ran}");
    let (started, dropped) = arrivals(&ran);
    assert_eq!((started, started + dropped), (begun, 40), "{ran}");
    assert!((2..=5).contains(&begun), "{ran}");
}

#[test]
fn a_user_that_ends_is_replaced_by_a_new_one() {
    // Three at a time, two iterations each: ten iterations are five users and more.
    let ran = quick("--executor churn --users 3 --repeat-num 2 --interarrival 50ms --duration 1s")
        .finish()
        .expect_clean();
    let ids = ids(&ran);
    assert!(ids.len() > 6, "only {ids:?}\n{ran}");
    let expected: BTreeSet<u64> = (1..=ids.len() as u64).collect();
    assert_eq!(ids, expected, "ids have gaps\n{ran}");
    let iterations = ran.summary().count("iterations");
    assert!(
        iterations <= 2 * ids.len() as u64 && iterations + 6 >= 2 * ids.len() as u64,
        "{iterations} iterations of {} users\n{ran}",
        ids.len()
    );
}

#[test]
fn a_user_that_stops_itself_is_replaced_under_churn() {
    let ran = LtHost::run("user_retire")
        .set("lost", 1_000_000)
        .set("how", "stop")
        .arguments("--executor churn --users 2 --interarrival 20ms --duration 1s")
        .with_samples()
        .finish()
        .expect_code(0);
    let summary = ran.summary();
    let joined = summary.count("joined");
    assert!(joined > 6, "{ran}");
    assert_eq!(summary.failures_in_all(), 0, "{ran}");
    let begun = sums_by(&ran.rows(), "begun", "user");
    assert!(begun.values().all(|&count| count == 1), "{begun:?}");
}

#[test]
fn ids_follow_the_range_and_the_mix() {
    let ran = quick("--user-range 501..510").finish().expect_clean();
    assert_eq!(ids(&ran), (501..=510).collect(), "{ran}");
    let ran = quick("--users 10 --user-range 1..10 --percent-new 30 --existing-offset 1001")
        .finish()
        .expect_clean();
    let of = |counter| {
        let rows = ran.rows();
        let ids = sums_by(&rows, counter, "user").into_keys();
        ids.map(|id| id.parse().unwrap()).collect::<BTreeSet<u64>>()
    };
    assert_eq!(of("new_users"), (1..=3).collect(), "{ran}");
    assert_eq!(of("known_users"), (1001..=1007).collect(), "{ran}");
    let summary = ran.summary();
    assert_eq!(
        (summary.count("registered"), summary.count("logged_in")),
        (3, 7),
        "{ran}"
    );
    let ran = quick("--users 4 --percent-new 0").finish().expect_clean();
    assert_eq!(ran.summary().count("known_users"), 4, "{ran}");
}

#[test]
fn amocs_defaults_are_a_profile() {
    let plan = |options: &str| {
        LtHost::new(&["validate"])
            .argument(lt_tests::guests::guest("user_new"))
            .arguments("--profile amoc")
            .arguments(options)
            .finish()
            .expect_code(0)
    };
    plan("--users 3")
        .expect_text("3 users until stopped, 50ms between starts, an iteration every 1m")
        .expect_text("when it is stopped");
    plan("--users 3 --duration 10s --interarrival 1ms --repeat-interval 2s")
        .expect_text("3 users for 10s, 1ms between starts, an iteration every 2s");
}

#[test]
fn shapes_come_from_variables_too() {
    let ran = patient("")
        .variable("LT_START_USERS", "0")
        .variable("LT_STAGE", "0s:3\n400ms:3\n0s:0")
        .finish()
        .expect_clean();
    assert_eq!(lives(&ran), (3, 3, 3, 3), "{ran}");
    let ran = quick("--rate 10/s")
        .variable("LT_DURATION", "1s")
        .variable("LT_RATE", "9999/s")
        .variable("LT_USERS", "5")
        .finish()
        .expect_clean();
    assert_eq!(arrivals(&ran), (10, 0), "{ran}");
}

#[test]
fn what_an_executor_does_not_take_is_refused() {
    for (options, texts) in [
        (
            "--executor churn --duration 1s --iterations 9",
            ["--iterations", "shared-iterations"],
        ),
        (
            "--executor constant-user --duration 1s",
            ["--executor", "constant-users"],
        ),
        ("--rate 0/s --duration 1s", ["--rate", "remedy"]),
        ("--rate=-1/s --duration 1s", ["--rate", "remedy"]),
        ("--rate 99999999/s --duration 1s", ["--rate", "remedy"]),
        ("--rate 10/s", ["--duration", "missing"]),
        (
            "--rate 10/s --duration 1s --users 5 --max-users 4",
            ["--max-users", "5"],
        ),
        (
            "--rate 10/s --duration 1s --spacing even",
            ["--spacing", "poisson"],
        ),
        ("--stage 1s", ["--stage", "TIME:TARGET"]),
        ("--stage 0s:5", ["--stage", "no time at all"]),
        (
            "--stage 1s:5 --spike 1:5:1s:1s:1s",
            ["--spike", "second shape"],
        ),
        ("--spike 5:1:1s:1s:1s", ["--spike", "peak"]),
        (
            "--executor ramping-users --stage 1s:5/s",
            ["--stage", "rate"],
        ),
        ("--users 5 --user-range 1..4", ["--user-range", "4 users"]),
        ("--users 5 --percent-new 101", ["--percent-new", "100"]),
        (
            "--users 5 --percent-new 50 --existing-offset 1 --user-range 1..5",
            ["overlap", "remedy"],
        ),
        ("--once --users 5", ["--users", "--once"]),
        ("--profile rush", ["--profile", "amoc"]),
    ] {
        let ran = LtHost::run("user_new")
            .arguments(options)
            .finish()
            .expect_code(104);
        for text in texts {
            assert!(ran.stderr().contains(text), "{options}: no {text:?}\n{ran}");
        }
        assert!(!ran.has_results(), "{options}\n{ran}");
    }
}
