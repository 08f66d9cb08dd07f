//! The scenarios for XMPP servers against a real prosody, whose own counts say what is true.

use std::collections::BTreeMap;
use std::time::Duration;

use lt_tests::guests::scenario;
use lt_tests::prosody::{Counts, Options, Prosody, host};
use lt_tests::results::{Summary, sums_by};
use lt_tests::{LtHost, Ran, Target};
use rustix::process::Signal;

/// How long a run may take: tests share the machine.
const LIMIT: Duration = Duration::from_secs(180);

/// Exit code of a run whose users have all failed to join.
const NOBODY_LEFT: i32 = 110;

/// A run of this scenario against this server.
fn run(name: &str, server: &Prosody) -> LtHost {
    LtHost::run_file(&scenario(name))
        .set("host", server.address())
        .arguments("--seed 5")
        .within(LIMIT)
}

/// Start a prosody without an archive, which would make it slow.
fn start() -> Option<Prosody> {
    Prosody::start_with(&Options {
        archive: false,
        ..Options::default()
    })
}

/// What the run says of deliveries adds up, nothing came twice, and nothing was lost.
#[track_caller]
fn nothing_was_lost(ran: &Ran) {
    let summary = ran.summary();
    let [sent, received, excused, lost, twice] = [
        "delivery_sent",
        "delivery_received",
        "delivery_excused",
        "delivery_lost",
        "delivery_duplicates",
    ]
    .map(|name| summary.count(name));
    assert_eq!((lost, twice), (0, 0), "{ran}");
    assert_eq!(sent, received + excused, "{ran}");
    assert!(received > 0, "{ran}");
    assert!(summary.value("delivery_time", "p(95)").is_some(), "{ran}");
}

/// Every session was opened, and none ended but as it should.
#[track_caller]
fn sessions_went_well(summary: &Summary, count: u64) {
    assert_eq!(summary.count("xmpp_sessions"), count);
    assert_eq!(summary.value("xmpp_connect_failed", "rate"), Some(0.0));
    assert_eq!(summary.value("xmpp_session_failed", "rate"), Some(0.0));
}

/// The stanzas of this kind that lt-host says it sent and received are those that the server says it got and sent.
#[track_caller]
fn agrees(ran: &Ran, server: &Prosody, kind: &str) {
    let of = |metric: &str| -> u64 {
        let sums: BTreeMap<String, u64> = sums_by(&ran.rows(), metric, "kind");
        sums.get(kind).copied().unwrap_or(0)
    };
    let (sent, received) = (of("xmpp_stanzas_sent"), of("xmpp_stanzas_received"));
    let in_and_out = |counts: &Counts| {
        let of = |direction: &str| counts.of(&[kind, "_", direction].concat());
        (of("in"), of("out"))
    };
    let counts = server.await_counts("prosody to have seen all users off", |counts| {
        counts.of("unbound") == counts.of("bound")
    });
    assert_eq!(
        (sent, received),
        in_and_out(&counts),
        "{kind}: {counts:?}\n{ran}"
    );
    assert!(sent > 0, "{kind}\n{ran}");
}

#[test]
fn neighbours_who_chat_lose_nothing_over_tls_with_scram_sha_256() {
    let Some(server) = start() else {
        return;
    };
    let ran = run("xmpp-one-to-one", &server)
        .set("domain", host::SHA256)
        .set("message-interval", "300ms")
        .set("bucket-size", 5)
        .with_samples()
        .arguments("--users 20 --duration 8s --threshold xmpp_connecting{step:tls}:max>0 --threshold xmpp_connecting{step:sasl}:max>0")
        .finish()
        .expect_clean();
    let summary = ran.summary();
    sessions_went_well(&summary, 20);
    nothing_was_lost(&ran);
    assert!(summary.count("delivery_sent") >= 200, "{ran}");
    assert_eq!(summary.count("xmpp_unexpected"), 0, "{ran}");
    agrees(&ran, &server, "message");
    assert_eq!(server.counts().of("authenticated"), 20);
    assert_eq!(summary.failures_in_all(), 0, "{ran}");
}

#[test]
fn mechanism_certificates_and_transport_are_settings() {
    let Some(server) = start() else {
        return;
    };
    let ca = format!("--asset xmpp-ca={}", server.authority_file().display());
    let chat = || {
        run("xmpp-one-to-one", &server)
            .set("message-interval", "200ms")
            .set("bucket-size", 2)
            .arguments("--users 2 --duration 3s")
    };
    for run in [
        chat().set("mechanism", "scram-sha-1").arguments(&ca),
        chat()
            .set("host", server.direct_tls_address())
            .set("security", "direct-tls"),
        chat().set("websocket-url", server.websocket_url()),
        chat()
            .set("domain", host::PLAIN)
            .set("security", "none")
            .set("mechanism", "plain"),
    ] {
        let ran = run.finish().expect_clean();
        sessions_went_well(&ran.summary(), 2);
        nothing_was_lost(&ran);
    }
    // An authority that is given is the only one that is trusted.
    let wrong = chat()
        .set("domain", host::WRONG_NAME)
        .arguments(&ca)
        .finish()
        .expect_code(NOBODY_LEFT);
    assert_eq!(
        wrong.summary().value("xmpp_connect_failed", "rate"),
        Some(1.0),
        "{wrong}"
    );
}

#[test]
fn a_user_logs_out_after_as_many_messages_as_it_was_told() {
    let Some(server) = start() else {
        return;
    };
    let ran = run("xmpp-one-to-one", &server)
        .set("message-interval", "100ms")
        .set("message-count", 5)
        .set("messages", 2)
        .set("bucket-size", 4)
        .arguments("--users 4 --duration 60s")
        .finish()
        .expect_clean();
    let summary = ran.summary();
    nothing_was_lost(&ran);
    // Those who came first, or stay last, may find nobody there.
    let written = summary.count("delivery_sent") + summary.count("nobody_there");
    assert_eq!(written, 4 * 5 * 2, "{ran}");
}

#[test]
fn what_no_server_is_asked_for_is_refused_before_the_run() {
    for (name, value, told) in [
        ("host", "xmpp://127.0.0.1", "no server"),
        ("host", "127.0.0.1:port", "`port` is no port"),
        ("domain", "a@b", "domain"),
        ("websocket-url", "http://a", "no ws or wss URL"),
    ] {
        LtHost::run_file(&scenario("xmpp-one-to-one"))
            .set(name, value)
            .finish()
            .expect_code(100)
            .expect_text(told);
    }
    // A file that is there, and has no certificate.
    let file = scenario("xmpp-one-to-one");
    LtHost::run_file(&file)
        .arguments(&format!("--asset xmpp-ca={}", file.display()))
        .finish()
        .expect_code(100)
        .expect_text("asset xmpp-ca: no PEM certificate");
}

#[test]
fn who_finds_a_room_locked_asks_again() {
    let Some(server) = start() else {
        return;
    };
    // All come to the same rooms at once: whoever is second finds them made, and not ready.
    let ran = run("xmpp-muc", &server)
        .set("rooms-per-user", 10)
        .set("users-per-room", 20)
        .set("room-entry-interval", "1ms")
        .set("room-message-interval", "2s")
        .arguments("--users 20 --duration 6s")
        .finish()
        .expect_clean();
    let summary = ran.summary();
    nothing_was_lost(&ran);
    assert_eq!(summary.count("rooms_entered"), 200, "{ran}");
    assert_eq!(summary.count("rooms_created"), 10, "{ran}");
    assert_eq!(summary.failures_in_all(), 0, "{ran}");
    assert_eq!(summary.failed_checks(), [], "{ran}");
}

#[test]
fn everybody_in_a_room_gets_what_is_said_there() {
    let Some(server) = start() else {
        return;
    };
    let ran = run("xmpp-muc", &server)
        .set("rooms-per-user", 4)
        .set("users-per-room", 5)
        .set("room-entry-interval", "100ms")
        .set("room-message-interval", "300ms")
        .with_samples()
        .arguments("--users 10 --duration 8s")
        .finish()
        .expect_clean();
    let summary = ran.summary();
    sessions_went_well(&summary, 10);
    nothing_was_lost(&ran);
    assert_eq!(summary.count("rooms_entered"), 40, "{ran}");
    assert_eq!(summary.count("rooms_created"), 8, "{ran}");
    assert!(summary.count("delivery_sent") >= 500, "{ran}");
    agrees(&ran, &server, "message");
    assert_eq!(summary.failed_checks(), [], "{ran}");
}

#[test]
fn readers_find_in_the_archive_what_was_written() {
    let Some(server) = Prosody::start() else {
        return;
    };
    let ran = run("xmpp-mam", &server)
        .set("message-interval", "400ms")
        .set("lookup-interval", "300ms")
        .set("bucket-size", 4)
        .arguments("--users 8 --duration 10s --role reader=every:4")
        .finish()
        .expect_clean();
    let summary = ran.summary();
    sessions_went_well(&summary, 8);
    nothing_was_lost(&ran);
    let (lookups, found) = (summary.count("mam_lookups"), summary.count("mam_messages"));
    assert!(lookups >= 20, "{ran}");
    assert!(found > 20 && found <= 5 * lookups, "{ran}");
    assert_eq!(summary.failed_checks(), [], "{ran}");
    assert_eq!(
        summary.value("xmpp_request_failed", "rate"),
        Some(0.0),
        "{ran}"
    );
}

#[test]
fn subscribers_get_every_item_of_their_group() {
    let Some(server) = start() else {
        return;
    };
    let ran = run("xmpp-pubsub", &server)
        .set("n-of-subscribers", 5)
        .set("node-creation-rate", 6000)
        .set("publication-rate", 2400)
        .arguments("--users 10 --duration 8s")
        .finish()
        .expect_clean();
    let summary = ran.summary();
    sessions_went_well(&summary, 10);
    nothing_was_lost(&ran);
    assert_eq!(summary.count("nodes_created"), 10, "{ran}");
    assert_eq!(summary.count("subscriptions"), 50, "{ran}");
    let published = summary.count("items_published");
    assert!(published >= 50, "{ran}");
    // At the end some leave before others have published their last.
    let sent = summary.count("delivery_sent");
    assert!(sent <= 5 * published && sent + 50 >= 5 * published, "{ran}");
    assert_eq!(summary.failed_checks(), [], "{ran}");
    // Nobody is left alone.
    run("xmpp-pubsub", &server)
        .set("n-of-subscribers", 5)
        .arguments("--users 7")
        .finish()
        .expect_code(100)
        .expect_text("a multiple of n-of-subscribers");
}

#[test]
fn accounts_are_made_used_and_removed() {
    let Some(server) = start() else {
        return;
    };
    let ran = run("xmpp-register", &server)
        .set("messages", 2)
        .set("message-interval", "300ms")
        .set("bucket-size", 5)
        .arguments("--users 5 --duration 6s")
        .finish()
        .expect_clean();
    let summary = ran.summary();
    let made = summary.count("accounts_made");
    assert!(made >= 10, "{ran}");
    // The server ends the stream of an account that is gone with an error, which is none.
    sessions_went_well(&summary, made);
    assert_eq!(summary.count("accounts_removed"), made, "{ran}");
    assert_eq!(summary.count("delivery_lost"), 0, "{ran}");
    assert!(summary.count("delivery_received") > 0, "{ran}");
    assert_eq!(summary.failed_checks(), [], "{ran}");
    let counts = server.await_counts("prosody to have removed all", |counts| {
        counts.of("removed") == made
    });
    assert_eq!(counts.of("registered"), made, "{ran}");
}

#[test]
fn accounts_that_a_run_did_not_make_are_not_removed() {
    let Some(server) = start() else {
        return;
    };
    // A run that is killed leaves its account behind; another with the same seed would make it again.
    let killed = run("xmpp-register", &server)
        .set("message-interval", "60s")
        .arguments("--users 1")
        .start();
    let _made = server.await_counts("an account", |counts| counts.of("bound") == 1);
    killed.signal(Signal::KILL);
    drop(killed);
    let refused = run("xmpp-register", &server)
        .set("message-interval", "100ms")
        .arguments("--users 1 --iterations 1")
        .finish()
        .expect_code(0);
    let summary = refused.summary();
    assert_eq!(summary.count("accounts_made"), 0, "{refused}");
    assert_eq!(
        summary.failed_checks(),
        [("the account was made".to_owned(), 1)],
        "{refused}"
    );
    assert_eq!(server.counts().of("removed"), 0);
}

#[test]
fn one_user_speaks_both_http_and_xmpp() {
    let Some(server) = start() else {
        return;
    };
    let target = Target::start();
    let ran = run("xmpp-http", &server)
        .set("base-url", target.url(""))
        .set("message-interval", "300ms")
        .set("bucket-size", 5)
        .arguments("--users 10 --duration 6s")
        .finish()
        .expect_clean();
    let summary = ran.summary();
    sessions_went_well(&summary, 10);
    nothing_was_lost(&ran);
    assert_eq!(summary.value("http_req_failed", "rate"), Some(0.0), "{ran}");
    assert!(
        summary.count("http_reqs") > summary.count("delivery_sent"),
        "{ran}"
    );
    assert_eq!(summary.failed_checks(), [], "{ran}");
}
