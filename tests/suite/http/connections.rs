//! How connections are used, given up, and made.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lt_tests::nginx::Nginx;
use lt_tests::peers::http::{HttpPeer, Then, respond};
use lt_tests::process::wait_until;
use lt_tests::{LtHost, Ran};

/// Ten iterations of two requests each, by one user.
fn twenty_requests(url: &str) -> LtHost {
    LtHost::run("http_fetch")
        .set("url", url)
        .set("requests", 2)
        .arguments("--users 1 --iterations 10")
}

/// Connections that nginx saw for these requests.
fn connections(nginx: &Nginx, requests: usize) -> usize {
    let log = nginx.access_log(requests);
    let numbers: BTreeSet<&str> = log
        .iter()
        .filter_map(|line| line.split(' ').next())
        .collect();
    numbers.len()
}

fn opened(ran: &Ran) -> u64 {
    ran.summary().count("http_connections")
}

#[test]
fn a_user_keeps_its_connection() {
    let Some(nginx) = Nginx::start() else { return };
    let ran = twenty_requests(&nginx.url("/small"))
        .finish()
        .expect_clean();
    assert_eq!((connections(&nginx, 20), opened(&ran)), (1, 1), "{ran}");
}

#[test]
fn users_do_not_share_connections() {
    let Some(nginx) = Nginx::start() else { return };
    // Each of ten users iterates once.
    let ran = LtHost::run("http_fetch")
        .set("url", nginx.url("/small"))
        .arguments("--users 10")
        .finish()
        .expect_clean();
    assert_eq!((connections(&nginx, 10), opened(&ran)), (10, 10), "{ran}");
}

#[test]
fn connections_may_be_closed_after_each_iteration() {
    let Some(nginx) = Nginx::start() else { return };
    let ran = twenty_requests(&nginx.url("/small"))
        .arguments("--no-vu-connection-reuse")
        .finish()
        .expect_clean();
    assert_eq!((connections(&nginx, 20), opened(&ran)), (10, 10), "{ran}");
}

#[test]
fn connections_may_be_closed_after_each_request() {
    let Some(nginx) = Nginx::start() else { return };
    let ran = twenty_requests(&nginx.url("/small"))
        .arguments("--no-connection-reuse")
        .finish()
        .expect_clean();
    assert_eq!((connections(&nginx, 20), opened(&ran)), (20, 20), "{ran}");
}

#[test]
fn a_request_may_close_its_connection_or_want_a_new_one() {
    let Some(nginx) = Nginx::start() else { return };
    let ran = twenty_requests(&nginx.url("/small"))
        .set("reuse", "close")
        .finish()
        .expect_clean();
    assert_eq!((connections(&nginx, 20), opened(&ran)), (20, 20), "{ran}");
    let ran = twenty_requests(&nginx.url("/small"))
        .set("reuse", "fresh")
        .finish()
        .expect_clean();
    assert_eq!(opened(&ran), 20, "{ran}");
}

#[test]
fn a_connection_that_the_server_closes_is_made_anew() {
    let Some(nginx) = Nginx::start() else { return };
    let ran = twenty_requests(&nginx.url("/close"))
        .finish()
        .expect_clean();
    assert_eq!((connections(&nginx, 20), opened(&ran)), (20, 20), "{ran}");
}

#[test]
fn a_connection_that_went_stale_is_replaced_without_a_failure() {
    // Announces nothing, and closes after each answer: the client finds out when it sends the next request.
    let peer = HttpPeer::start(|_, stream| {
        respond(stream, 200, &[], b"ok");
        Then::Close
    });
    let ran = LtHost::run("http_fetch")
        .set("url", peer.url("/"))
        .arguments("--iterations 5 --repeat-interval 50ms")
        .finish()
        .expect_clean();
    assert_eq!(peer.connections(), 5, "{ran}");
}

#[test]
fn http2_is_spoken_where_alpn_says_so() {
    let Some(nginx) = Nginx::start() else { return };
    let fetch =
        || twenty_requests(&nginx.tls_url("/facts")).arguments("--insecure-skip-tls-verify");
    let ran = fetch()
        .set("spoken", "2")
        .set("body", "protocol=HTTP/2.0")
        .finish()
        .expect_clean();
    assert_eq!(opened(&ran), 1, "{ran}");
    fetch()
        .set("version", "http1")
        .set("spoken", "1.1")
        .set("body", "protocol=HTTP/1.1")
        .finish()
        .expect_clean();
    fetch()
        .set("version", "http2")
        .set("spoken", "2")
        .finish()
        .expect_clean();
}

#[test]
fn http2_is_spoken_without_tls_if_asked_for() {
    let Some(nginx) = Nginx::start() else { return };
    let ran = twenty_requests(&nginx.h2c_url("/facts"))
        .set("version", "http2")
        .set("spoken", "2")
        .set("body", "protocol=HTTP/2.0")
        .finish()
        .expect_clean();
    assert_eq!(opened(&ran), 1, "{ran}");
}

#[test]
fn a_cancelled_request_closes_its_connection_and_nothing_else() {
    let closed = Arc::new(AtomicBool::new(false));
    let noticed = closed.clone();
    let peer = HttpPeer::start(move |request, stream| {
        if request.path() == "/fast" {
            respond(stream, 200, &[], b"ok");
            return Then::Keep;
        }
        // Answers nothing; the end of the stream or a reset is the client's doing.
        let ended = stream.read(&mut [0; 1]).map_or(true, |bytes| bytes == 0);
        noticed.store(ended, Ordering::SeqCst);
        Then::Close
    });
    let ran = LtHost::run("http_cancel")
        .set("url", peer.url(""))
        .finish()
        .expect_clean();
    wait_until("the peer to see the end", Duration::from_secs(5), || {
        closed.load(Ordering::SeqCst)
    });
    assert_eq!(peer.connections(), 2, "{ran}");
}

#[test]
fn names_may_be_given_an_address() {
    let Some(nginx) = Nginx::start() else { return };
    let port = nginx.plain_port();
    let fetch = |url: &str, hosts: &str| {
        LtHost::run("http_fetch")
            .set("url", url)
            .argument("--host-override")
            .argument(hosts)
            .finish()
    };
    let ran = fetch(
        &format!("http://shop.test:{port}/facts"),
        "shop.test=127.0.0.1",
    )
    .expect_clean();
    drop(ran);
    let ran = LtHost::run("http_fetch")
        .set("url", "http://shop.test/facts")
        .set("body", "host=shop.test ")
        .argument("--host-override")
        .argument(format!("shop.test=127.0.0.1:{port}"))
        .finish();
    ran.expect_clean();
    // An override of another name changes nothing.
    let ran = fetch("http://nowhere.invalid/", "shop.test=127.0.0.1").expect_code(0);
    assert_eq!(ran.summary().failures("failure"), 1, "{ran}");
}

#[test]
fn users_take_local_addresses_in_turn() {
    let Some(nginx) = Nginx::start() else { return };
    let peer = HttpPeer::always("ok");
    LtHost::run("http_fetch")
        .set("url", peer.url("/"))
        .arguments("--users 4 --local-ips 127.0.0.2,127.0.0.3")
        .finish()
        .expect_clean();
    let mut from: Vec<String> = peer
        .seen()
        .iter()
        .map(|request| request.from.ip().to_string())
        .collect();
    from.sort();
    assert_eq!(from, ["127.0.0.2", "127.0.0.2", "127.0.0.3", "127.0.0.3"]);
    LtHost::run("http_fetch")
        .set("url", nginx.url("/facts"))
        .set("body", "from=127.0.0.2")
        .arguments("--local-ips 127.0.0.2")
        .finish()
        .expect_clean();
}

#[test]
fn clients_call_themselves_what_they_are_told() {
    let peer = HttpPeer::always("ok");
    LtHost::run("http_fetch")
        .set("url", peer.url("/"))
        .argument("--user-agent")
        .argument("browser/7")
        .finish()
        .expect_clean();
    LtHost::run("http_fetch")
        .set("url", peer.url("/"))
        .argument("--user-agent")
        .argument("")
        .finish()
        .expect_clean();
    let seen = peer.seen();
    assert_eq!(seen[0].header("user-agent"), Some("browser/7"));
    assert_eq!(seen[1].header("user-agent"), None);
}
