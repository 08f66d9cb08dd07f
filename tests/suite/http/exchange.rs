//! What a request carries and what becomes of the answer.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use lt_tests::LtHost;
use lt_tests::nginx::{LARGE_BYTES, Nginx, PHRASE, PHRASES};
use lt_tests::peers::http::{HttpPeer, Seen, Then, respond};

use super::slow_peer;

#[test]
fn every_method_arrives_as_it_is() {
    let peer = HttpPeer::start(|request, stream| {
        let body: &[u8] = if request.method == "HEAD" { b"" } else { b"ok" };
        respond(stream, 200, &[("x-method", &request.method)], body);
        Then::Keep
    });
    LtHost::run("http_methods")
        .set("url", peer.url(""))
        .finish()
        .expect_clean();
    let methods: Vec<String> = peer
        .seen()
        .into_iter()
        .map(|request| request.method)
        .collect();
    assert_eq!(
        methods,
        [
            "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND"
        ]
    );
    assert!(
        peer.seen()
            .iter()
            .all(|request| request.target == format!("/{}", request.method))
    );
}

#[test]
fn bodies_and_headers_arrive_as_they_were_built() {
    let peer = HttpPeer::always("ok");
    LtHost::run("http_bodies")
        .set("url", peer.url(""))
        .finish()
        .expect_clean();
    let at = |path: &str| -> Seen {
        peer.seen_at(path)
            .pop()
            .unwrap_or_else(|| panic!("nothing came to {path}"))
    };
    let port = peer.port().to_string();

    assert_eq!(at("/bytes").body, [0, 1, 2, 255]);
    assert_eq!(
        at("/bytes").header("content-type"),
        Some("application/octet-stream")
    );
    assert_eq!(
        at("/bytes").header("host"),
        Some(format!("127.0.0.1:{port}").as_str())
    );
    assert!(
        at("/bytes")
            .header("user-agent")
            .is_some_and(|agent| agent.starts_with("lt-host/"))
    );
    assert_eq!(at("/empty").header("content-length"), Some("0"));
    assert_eq!(at("/form").body, b"name=a+b%26c&umlaut=%C3%BC");
    assert_eq!(
        at("/form").header("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    assert_eq!(at("/json").body, b"[1,2,3]");
    assert_eq!(at("/json").header("content-type"), Some("application/json"));
    let multipart = at("/multipart");
    assert!(
        multipart
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("multipart/form-data; boundary="))
    );
    assert!(
        String::from_utf8_lossy(&multipart.body)
            .contains("filename=\"cat.png\"\r\ncontent-type: image/png\r\n\r\n")
    );
    let chunked = at("/chunked");
    assert_eq!(
        (chunked.body.len(), chunked.header("content-length")),
        (40_000, None)
    );
    assert!(
        chunked.chunks.iter().all(|&bytes| bytes <= 16 << 10),
        "{:?}",
        chunked.chunks
    );
    assert_eq!(at("/large").body.len(), 1_000_000);
    assert_eq!(at("/expect").body, b"only if you want it");
    assert_eq!(
        at("/expect")
            .header("expect")
            .map(str::to_lowercase)
            .as_deref(),
        Some("100-continue")
    );
    let headers = at("/headers");
    let ones: Vec<&str> = headers
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("x-one"))
        .map(|(_, value)| value.as_str())
        .collect();
    assert_eq!(
        (ones, headers.header("x-two")),
        (vec!["1", "again"], Some("2"))
    );
    assert_eq!(headers.target, "/headers?q=a+b");
    assert_eq!(
        headers.header("content-length"),
        None,
        "a GET without a body has no length"
    );
    assert_eq!(
        at("/basic").header("authorization"),
        Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
    );
    assert_eq!(at("/bearer").header("authorization"), Some("Bearer token"));
    assert_eq!(at("/cookie").header("cookie"), Some("own=one"));
    assert_eq!(peer.connections(), 1, "one user, one connection");
}

#[test]
fn cookies_live_and_die_as_in_rfc_6265() {
    let Some(nginx) = Nginx::start() else { return };
    LtHost::run("http_cookies")
        .set("url", nginx.url(""))
        .arguments("--users 2 --iterations 4")
        .finish()
        .expect_clean();
}

#[test]
fn redirects_are_followed_as_in_rfc_9110() {
    let Some(nginx) = Nginx::start() else { return };
    LtHost::run("http_redirects")
        .set("url", nginx.url(""))
        .finish()
        .expect_clean();
    LtHost::run("http_redirects")
        .set("url", nginx.tls_url(""))
        .arguments("--insecure-skip-tls-verify")
        .finish()
        .expect_clean();
}

#[test]
fn redirects_may_be_bounded_from_outside() {
    let Some(nginx) = Nginx::start() else { return };
    let fetch = |limit: &str| {
        LtHost::run("http_fetch")
            .set("url", nginx.url("/redirect/chain3"))
            .argument("--max-redirects")
            .argument(limit)
    };
    fetch("0").set("status", 302).finish().expect_clean();
    fetch("3").set("body", "method=GET").finish().expect_clean();
    let ran = fetch("2").finish().expect_code(0);
    assert!(
        ran.summary()
            .failure_texts("failure")
            .contains("too many redirects"),
        "{ran}"
    );
}

#[test]
fn all_codings_are_undone() {
    let Some(nginx) = Nginx::start() else { return };
    LtHost::run("http_compression")
        .set("url", nginx.url(""))
        .finish()
        .expect_clean();
    LtHost::run("http_compression")
        .set("url", nginx.tls_url(""))
        .arguments("--insecure-skip-tls-verify")
        .finish()
        .expect_clean();
}

#[test]
fn nginx_answers_in_every_way_it_knows() {
    let Some(nginx) = Nginx::start() else { return };
    let fetch = |path: &str| {
        LtHost::run("http_fetch")
            .set("url", nginx.url(path))
            .arguments("--users 3 --iterations 30")
    };
    fetch("/small")
        .set("body", "small")
        .set("length", 6)
        .finish()
        .expect_clean();
    fetch("/facts")
        .set("body", "protocol=HTTP/1.1")
        .finish()
        .expect_clean();
    fetch("/status/404")
        .set("status", 404)
        .finish()
        .expect_code(0);
    fetch("/status/503")
        .set("status", 503)
        .finish()
        .expect_code(0);
    let text = fetch("/chunked")
        .set("body", "the slow brown fox")
        .finish()
        .expect_clean();
    let received = text.summary().count("data_received");
    assert!(
        received > 30 * (PHRASE.len() as u64 - 1) * PHRASES as u64,
        "{received} bytes were counted"
    );
}

#[test]
fn large_bodies_are_counted_whether_kept_or_not() {
    let Some(nginx) = Nginx::start() else { return };
    let fetch = || {
        LtHost::run("http_fetch")
            .set("url", nginx.url("/large"))
            .set("length", LARGE_BYTES)
            .arguments("--iterations 4")
    };
    for ran in [
        fetch().set("discard", true).finish(),
        fetch().finish(),
        fetch().arguments("--discard-response-bodies").finish(),
    ] {
        let ran = ran.expect_clean();
        let received = ran.summary().count("data_received");
        assert!(
            received >= 4 * LARGE_BYTES as u64,
            "{received} bytes were counted"
        );
        // Heads are small: nothing may be counted twice.
        assert!(
            received < 4 * LARGE_BYTES as u64 + 10_000,
            "{received} bytes were counted"
        );
    }
}

#[test]
fn pages_may_be_asked_for_conditionally_and_in_part() {
    let Some(nginx) = Nginx::start() else { return };
    let ran = LtHost::run("http_conditional")
        .set("url", nginx.url(""))
        .arguments("--tag env=test")
        .with_samples()
        .finish()
        .expect_clean();
    let rows = ran.rows();
    let requests: Vec<_> = rows
        .iter()
        .filter(|row| row["metric_name"] == "http_reqs")
        .collect();
    let statuses: Vec<&str> = requests.iter().map(|row| row["status"].as_str()).collect();
    assert_eq!(statuses, ["200", "304", "404", "204", "206", "200"]);
    assert_eq!(requests[0]["name"], "small page");
    assert!(
        requests[0]["extra_tags"].contains("part=shelf"),
        "{:?}",
        requests[0]
    );
    assert!(
        requests[0]["extra_tags"].contains("env=test"),
        "{:?}",
        requests[0]
    );
    // Both were expected, so neither failed.
    assert_eq!(
        ran.summary().value("http_req_failed", "rate"),
        Some(0.0),
        "{ran}"
    );
}

#[test]
fn a_batch_runs_at_most_six_at_a_time_to_one_host() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counting, peak) = (now.clone(), most.clone());
    let peer = HttpPeer::start(move |request, stream| {
        peak.fetch_max(
            counting.fetch_add(1, Ordering::SeqCst) + 1,
            Ordering::SeqCst,
        );
        std::thread::sleep(Duration::from_millis(20));
        let number = request.query("number").unwrap_or_default();
        counting.fetch_sub(1, Ordering::SeqCst);
        respond(stream, 200, &[], format!("item {number}").as_bytes());
        Then::Keep
    });
    let ran = LtHost::run("http_batch")
        .set("url", peer.url(""))
        .finish()
        .expect_clean();
    assert_eq!(peer.seen_at("/item").len(), 31, "{ran}");
    assert_eq!(most.load(Ordering::SeqCst), 6, "requests at a time\n{ran}");
    assert!(
        peer.connections() <= 6,
        "{} connections\n{ran}",
        peer.connections()
    );
}

#[test]
fn requests_started_early_are_finished_late() {
    let peer = slow_peer();
    LtHost::run("http_pending")
        .set("url", peer.url(""))
        .finish()
        .expect_clean();
}

#[test]
fn async_scenarios_join_and_select() {
    // Answers the long requests only in pairs: joined ones are under way at the same time, or never end.
    let pair = Arc::new(Barrier::new(2));
    let peer = HttpPeer::start(move |request, stream| {
        let ms = request.query("ms").unwrap_or("0");
        if ms == "200" {
            pair.wait();
        }
        std::thread::sleep(Duration::from_millis(ms.parse().unwrap_or(0)));
        respond(stream, 200, &[], format!("after {ms}").as_bytes());
        Then::Keep
    });
    let ran = LtHost::run("http_async")
        .set("url", peer.url(""))
        .finish()
        .expect_clean();
    let joined = ran.summary().value("joined", "max").unwrap();
    assert!(joined >= 200.0, "three answers joined after {joined} ms");
}

#[test]
fn phases_tell_the_truth() {
    let peer = slow_peer();
    let ran = LtHost::run("http_timings")
        .set("url", peer.url(""))
        .arguments("--iterations 3")
        .with_samples()
        .finish()
        .expect_clean();
    let mut sums: BTreeMap<String, f64> = BTreeMap::new();
    for row in ran.rows() {
        let value: f64 = row["metric_value"].parse().unwrap();
        *sums.entry(row["metric_name"].clone()).or_insert(0.0) += value;
    }
    assert_eq!(sums["http_reqs"], 9.0);
    assert!(
        sums["http_req_sending"] + sums["http_req_waiting"] >= 900.0,
        "nine answers after 100 ms each: {sums:?}"
    );
    let phases = sums["http_req_sending"] + sums["http_req_waiting"] + sums["http_req_receiving"];
    assert!(
        (phases - sums["http_req_duration"]).abs() < 0.01,
        "{sums:?}"
    );
}
