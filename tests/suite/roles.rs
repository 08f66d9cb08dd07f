//! Who plays which role: as the scenario declares, as the run says, and what cannot be.

use lt_tests::peers::HttpPeer;
use lt_tests::{LtHost, Ran};

/// Teachers, readers and pupils of `user_role_every`, which declares one teacher, every fifth a reader, and pupils.
fn school(options: &str) -> ([u64; 3], Ran) {
    let ran = LtHost::run("user_role_every")
        .arguments(options)
        .finish()
        .expect_clean();
    let summary = ran.summary();
    let playing = ["teacher", "reader", "pupil"].map(|role| summary.count(role));
    (playing, ran)
}

#[test]
fn shares_are_counts_percentages_weights_and_every_nth() {
    for (options, playing) in [
        ("--users 11", [1, 2, 8]),
        ("--users 21 --cores 1", [1, 4, 16]),
        ("--users 21 --role teacher=3", [3, 3, 15]),
        ("--users 13 --role teacher=3 --role reader=30%", [3, 3, 7]),
        ("--users 107 --role reader=every:53", [1, 2, 104]),
        ("--users 9 --role reader=weight:3", [1, 6, 2]),
        (
            "--users 10 --role teacher=0 --role reader=40% --role pupil=60%",
            [0, 4, 6],
        ),
    ] {
        let (found, ran) = school(options);
        assert_eq!(found, playing, "{options}\n{ran}");
    }
}

#[test]
fn a_user_keeps_its_role_from_run_to_run() {
    let who = |options: &str| school(options).1.summary().check_names();
    let first = who("--users 12 --seed 1");
    assert_eq!(first.len(), 12, "{first:?}");
    assert!(
        first.contains(&"user 1 is a teacher".to_owned()),
        "{first:?}"
    );
    assert!(
        first.contains(&"user 6 is a reader".to_owned()),
        "{first:?}"
    );
    assert!(
        first.contains(&"user 11 is a reader".to_owned()),
        "{first:?}"
    );
    assert_eq!(first, who("--users 12 --seed 2 --cores 1"));
}

#[test]
fn metrics_carry_the_role() {
    let peer = HttpPeer::always("ok");
    let ran = LtHost::run("user_roles")
        .set("url", peer.url(""))
        .arguments("--users 9 --repeat-num 2 --role heckler=25%")
        .arguments("--threshold iterations{role:speaker}:count==2")
        .arguments("--threshold iterations{role:heckler}:count==4")
        .arguments("--threshold http_reqs{role:listener}:count==12")
        .with_samples()
        .finish()
        .expect_clean();
    let rows = ran.rows();
    for metric in ["iterations", "http_reqs"] {
        let by_role = lt_tests::results::sums_by(&rows, metric, "role");
        let found: Vec<(&str, u64)> = by_role
            .iter()
            .map(|(role, count)| (role.as_str(), *count))
            .collect();
        assert_eq!(
            found,
            [("heckler", 4), ("listener", 12), ("speaker", 2)],
            "{metric}\n{ran}"
        );
    }
}

#[test]
fn the_plan_tells_the_roles() {
    let ran = LtHost::new(&["validate"])
        .argument(lt_tests::guests::guest("user_role_every"))
        .arguments("--users 11")
        .finish()
        .expect_code(0);
    for line in ["teacher  1 users", "reader   2 users", "pupil    8 users"] {
        assert!(ran.stdout().contains(line), "no {line:?}\n{ran}");
    }
}

#[test]
fn roles_that_cannot_be_are_refused() {
    for (options, texts) in [
        ("--role techer=1", ["techer", "teacher"]),
        ("--role boss=1", ["boss", "reader"]),
        ("--role reader", ["--role", "NAME=3"]),
        ("--role reader=many", ["many", "every:53"]),
        ("--role reader=every:0", ["0", "every"]),
        ("--role reader=-1", ["-1", "remedy"]),
        ("--role reader=101%", ["101%", "remedy"]),
        ("--role reader=60% --role pupil=60%", ["100 %", "remedy"]),
        ("--role teacher=11", ["11", "remedy"]),
        ("--role pupil=2", ["--role", "remedy"]),
    ] {
        let ran = LtHost::run("user_role_every")
            .arguments("--users 10")
            .arguments(options)
            .finish()
            .expect_code(104);
        for text in texts {
            assert!(ran.stderr().contains(text), "{options}: no {text:?}\n{ran}");
        }
        assert!(!ran.has_results(), "{options}\n{ran}");
    }
    LtHost::run("user_new")
        .arguments("--role reader=1")
        .finish()
        .expect_code(104)
        .expect_text("no role reader")
        .expect_text("no roles at all");
}
