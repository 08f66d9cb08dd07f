//! Thresholds: what holds, what does not, and what ends the run.

use std::time::Duration;

use lt_tests::LtHost;
use lt_tests::peers::HttpPeer;

#[test]
fn a_failed_threshold_is_shown_as_k6_shows_it() {
    let peer = HttpPeer::always("ok");
    let ran = LtHost::run("http_fetch")
        .set("url", peer.url("/"))
        .arguments("--users 10 --duration 1s --threshold http_req_duration:p(95)<0.001 --threshold http_reqs:count>0")
        .finish()
        .expect_code(99)
        .expect_text("THRESHOLDS")
        .expect_text("✗ 'p(95)<0.001' p(95)=")
        .expect_text("✓ 'count>0' count=")
        .expect_text("thresholds on metrics 'http_req_duration' have been crossed");
    let thresholds = ran.summary().0["thresholds"].clone();
    assert_eq!(thresholds[0]["ok"].as_bool(), Some(false), "{thresholds}");
    assert_eq!(thresholds[1]["ok"].as_bool(), Some(true), "{thresholds}");
    let junit = std::fs::read_to_string(ran.path("results/latest/junit.xml")).unwrap();
    assert!(
        junit.contains("<failure") && junit.contains("p(95)&lt;0.001"),
        "{junit}"
    );
}

#[test]
fn all_kinds_of_metrics_can_be_judged() {
    let peer = HttpPeer::always("ok");
    LtHost::run("http_fetch")
        .set("url", peer.url("/"))
        .arguments("--users 2 --iterations 20")
        .arguments("--threshold http_req_failed:rate==0 --threshold iterations:count==20 --threshold http_reqs:rate>1")
        .arguments("--threshold http_req_duration{status:200}:max<60000 --threshold vus:value<=2")
        .arguments("--threshold http_req_duration{name:fetch}:med>=0 --threshold http_reqs{status:500}:count<1")
        .finish()
        .expect_clean();
}

#[test]
fn a_threshold_may_end_the_run() {
    let peer = HttpPeer::always("ok");
    let ran = LtHost::run("http_fetch")
        .set("url", peer.url("/"))
        .arguments("--users 2 --duration 60s --threshold http_req_duration:max<0.001;abort")
        .finish()
        .expect_code(99)
        .expect_text("ended early");
    assert!(ran.summary().0["state"]["ended_early"].is_string(), "{ran}");
}

#[test]
fn a_threshold_may_wait_before_it_ends_the_run() {
    let peer = HttpPeer::always("ok");
    let ran = LtHost::run("http_fetch")
        .set("url", peer.url("/"))
        .arguments("--users 2 --duration 60s --threshold http_req_duration:max<0.001;abort=2s")
        .finish()
        .expect_code(99);
    assert!(ran.took() >= Duration::from_secs(2), "{ran}");
}

#[test]
fn failed_requests_fail_no_run_unless_a_threshold_says_so() {
    let url = format!("http://127.0.0.1:{}/", lt_tests::peers::closed_port());
    let run = || {
        LtHost::run("http_fetch")
            .set("url", &url)
            .arguments("--users 2 --iterations 4")
    };
    let ran = run().finish().expect_code(0);
    assert_eq!(ran.summary().failures("failure"), 4, "{ran}");
    run()
        .arguments("--threshold http_req_failed:rate<0.01")
        .finish()
        .expect_code(99);
    run()
        .arguments("--threshold user_failures:count<1")
        .finish()
        .expect_code(99);
}
