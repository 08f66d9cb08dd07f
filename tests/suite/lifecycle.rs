//! From `init` to `terminate`: what is called whatever happens between, and what becomes of users that fail.

use std::time::Duration;

use lt_tests::peers::HttpPeer;
use lt_tests::peers::http::{Then, respond};
use lt_tests::process::wait_until;
use lt_tests::results::sums_by;
use lt_tests::{LtHost, Ran};

fn life(peer: &HttpPeer) -> LtHost {
    LtHost::run("lifecycle_end").set("url", peer.url(""))
}

/// How often the peer was told of each.
fn told(peer: &HttpPeer) -> [usize; 4] {
    ["/init", "/iterate", "/leave", "/terminate"].map(|path| peer.seen_at(path).len())
}

/// What the last request told `terminate` was handed.
#[track_caller]
fn terminated(peer: &HttpPeer, ran: &Ran) -> String {
    let seen = peer.seen();
    let last = seen.last().expect("somebody was told");
    assert_eq!(last.path(), "/terminate", "{ran}");
    last.target.clone()
}

const WHOLE: &str = "/terminate?bytes=256&whole=true";
const NOTHING: &str = "/terminate?bytes=0&whole=false";

#[test]
fn init_runs_once_and_everybody_gets_its_bytes() {
    let peer = HttpPeer::always("ok");
    let ran = life(&peer)
        .arguments("--users 20 --duration 500ms --cores 2")
        .finish()
        .expect_clean();
    assert_eq!(ran.summary().count("joined"), 20, "{ran}");
    assert_eq!(told(&peer), [1, 20, 20, 1], "{ran}");
    assert_eq!(terminated(&peer, &ran), WHOLE);
}

#[test]
fn each_scenario_has_its_own_beginning_and_end() {
    let peers = [HttpPeer::always("ok"), HttpPeer::always("ok")];
    let scenario = |name: &str, peer: &HttpPeer| {
        format!(
            "[scenarios.{name}]\nfile = \"@lifecycle_end\"\nusers = 3\nduration = \"300ms\"\nsettings = {{ url = \"{}\" }}\n",
            peer.url("")
        )
    };
    let text = scenario("one", &peers[0]) + &scenario("two", &peers[1]);
    let ran = LtHost::run_spec(&text).finish().expect_clean();
    for peer in &peers {
        assert_eq!(told(peer), [1, 3, 3, 1], "{ran}");
    }
}

#[test]
fn terminate_follows_an_init_that_failed() {
    for (init, code) in [("fail", 100), ("panic", 100), ("abort", 108)] {
        let peer = HttpPeer::always("ok");
        let ran = life(&peer)
            .set("init", init)
            .arguments("--users 3 --duration 10s")
            .finish()
            .expect_code(code)
            .expect_text("it does not begin");
        assert_eq!(told(&peer), [1, 0, 0, 1], "{init}\n{ran}");
        assert_eq!(terminated(&peer, &ran), NOTHING, "{init}");
        assert_eq!(ran.summary().count("joined"), 0, "{init}\n{ran}");
    }
}

#[test]
fn terminate_follows_the_end_of_a_run_that_was_cut_short() {
    let peer = HttpPeer::always("ok");
    let mut running = life(&peer).arguments("--users 3 --duration 60s").start();
    running.wait_for_text("running");
    running.interrupt();
    let ran = running.finish().expect_code(105);
    assert_eq!(told(&peer), [1, 3, 3, 1], "{ran}");
    assert_eq!(terminated(&peer, &ran), WHOLE);

    let peer = HttpPeer::always("ok");
    let ran = life(&peer)
        .set("iterate", "abort")
        .arguments("--users 3 --duration 60s")
        .finish()
        .expect_code(108)
        .expect_text("it is enough");
    assert_eq!(terminated(&peer, &ran), WHOLE);

    let peer = HttpPeer::always("ok");
    let ran = life(&peer)
        .arguments("--users 3 --duration 60s --threshold vus:value<1;abort")
        .finish()
        .expect_code(99);
    assert_eq!(terminated(&peer, &ran), WHOLE);
}

#[test]
fn terminate_follows_an_init_that_was_interrupted() {
    // The peer never answers `init`; it answers `terminate`.
    let peer = HttpPeer::start(|seen, stream| {
        if seen.path() != "/init" {
            respond(stream, 200, &[], b"ok");
        }
        Then::Keep
    });
    let running = life(&peer).arguments("--users 3 --duration 60s").start();
    wait_until("init", Duration::from_secs(30), || {
        !peer.seen_at("/init").is_empty()
    });
    running.interrupt();
    let ran = running.finish().expect_code(105);
    assert_eq!(told(&peer), [1, 0, 0, 1], "{ran}");
    assert_eq!(terminated(&peer, &ran), NOTHING);
}

#[test]
fn terminate_may_be_left_out() {
    for (init, code) in [("pass", 0), ("fail", 100)] {
        let peer = HttpPeer::always("ok");
        let ran = life(&peer)
            .set("init", init)
            .arguments("--users 2 --duration 300ms --no-terminate")
            .finish()
            .expect_code(code);
        let [inits, .., terminates] = told(&peer);
        assert_eq!((inits, terminates), (1, 0), "{init}\n{ran}");
    }
    let peer = HttpPeer::always("ok");
    let text = format!(
        "terminate = false\n[scenarios.one]\nfile = \"@lifecycle_end\"\nduration = \"300ms\"\nsettings = {{ url = \"{}\" }}\n",
        peer.url("")
    );
    let ran = LtHost::run_spec(&text).finish().expect_clean();
    assert_eq!(told(&peer), [1, 1, 1, 0], "{ran}");
}

/// Five users, of which two are lost in their second iteration.
fn losing(how: &str, duration: &str, options: &str) -> LtHost {
    LtHost::run("user_retire")
        .set("lost", 2)
        .set("how", how)
        .set("iteration", 1)
        .arguments("--users 5 --duration")
        .argument(duration)
        .arguments(options)
        .with_samples()
}

#[test]
fn a_lost_user_is_rebuilt_or_retired() {
    for (policy, is_rebuilt) in [
        ("", true),
        ("--on-user-failure rebuild", true),
        ("--on-user-failure retire", false),
    ] {
        let ran = losing("panic", "1s", policy).finish().expect_code(0);
        let summary = ran.summary();
        let begun = sums_by(&ran.rows(), "begun", "user");
        let of = |user: &str| begun.get(user).copied().unwrap_or(0);
        assert!(summary.failures("panic") >= 2, "{policy}\n{ran}");
        if is_rebuilt {
            assert!(summary.count("joined") >= 7, "{policy}\n{ran}");
            assert!(of("1") > 2 && of("2") > 2, "{policy}: {begun:?}\n{ran}");
            assert_eq!(summary.count("left"), 5, "{policy}\n{ran}");
        } else {
            assert_eq!(summary.failures("panic"), 2, "{policy}\n{ran}");
            assert_eq!(summary.count("joined"), 5, "{policy}\n{ran}");
            assert_eq!((of("1"), of("2")), (2, 2), "{policy}\n{ran}");
            assert_eq!(summary.count("left"), 3, "{policy}\n{ran}");
        }
        assert!(of("3") > 10, "the others did not go on\n{ran}");
    }
}

#[test]
fn too_many_failures_end_the_run() {
    for (how, options) in [
        ("panic", "--on-user-failure abort:1"),
        ("panic", "--on-user-failure retire,abort:30%"),
        ("join", "--on-user-failure abort:1"),
    ] {
        let ran = losing(how, "30s", options).finish().expect_code(107);
        assert!(
            ran.summary().0["state"]["ended_early"].is_string(),
            "{options}\n{ran}"
        );
        assert_eq!(ran.summary().0["state"]["exit_code"], 107, "{ran}");
    }
}

#[test]
fn what_stays_under_the_limit_ends_nothing() {
    for (how, options) in [
        ("panic", "--on-user-failure abort:3"),
        ("panic", "--on-user-failure retire,abort:60%"),
        ("join", "--on-user-failure abort:3"),
        // A failed iteration is no failed user, and a user that stops has not failed.
        ("fail", "--on-user-failure abort:1"),
        ("stop", "--on-user-failure abort:1"),
    ] {
        let ran = losing(how, "1s", options).finish().expect_code(0);
        assert!(ran.summary().count("ended") > 20, "{how} {options}\n{ran}");
    }
}

#[test]
fn policies_that_make_no_sense_are_refused() {
    for (policy, text) in [
        ("forget", "forget"),
        ("abort:none", "none"),
        ("abort:-1", "-1"),
        ("abort:101%", "101%"),
        ("retire,rebuild", "contradicts"),
    ] {
        LtHost::run("user_new")
            .argument(format!("--on-user-failure={policy}"))
            .finish()
            .expect_code(104)
            .expect_text("--on-user-failure")
            .expect_text(text);
    }
}
