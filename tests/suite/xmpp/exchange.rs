//! What goes over a session, at a real server: stanzas, requests, what the host does for users who sleep, and the server's own counts.

use lt_tests::Ran;
use lt_tests::prosody::{Counts, Prosody};

use super::{at, count_by, expect_checked, sums, told};

/// The stanzas that lt-host counted are those that the server counted.
#[track_caller]
fn agrees(ran: &Ran, server: &Prosody) {
    let what = "all sessions to have ended at the server";
    let counts = server.await_counts(what, |counts: &Counts| {
        counts.of("bound") > 0 && counts.of("bound") == counts.of("unbound")
    });
    let (sent, received) = (
        sums(ran, "xmpp_stanzas_sent", "kind"),
        sums(ran, "xmpp_stanzas_received", "kind"),
    );
    for kind in ["message", "presence", "iq"] {
        let of = |sums: &std::collections::BTreeMap<String, u64>| sums.get(kind).copied();
        let ours = (of(&sent).unwrap_or(0), of(&received).unwrap_or(0));
        let theirs = (
            counts.of(&format!("{kind}_in")),
            counts.of(&format!("{kind}_out")),
        );
        assert_eq!(ours, theirs, "{kind}: {counts:?}\n{ran}");
    }
}

#[test]
fn stanzas_are_picked_out_of_the_inbox() {
    let Some(server) = Prosody::start() else {
        return;
    };
    let ran = at(&server, "xmpp_receiving")
        .arguments("--users 2")
        .with_samples()
        .finish();
    let ran = expect_checked(ran);
    // Two sessions each; to themselves there goes nothing.
    agrees(&ran, &server);
    assert_eq!(
        ran.summary().value("xmpp_session_failed", "rate"),
        Some(0.0),
        "{ran}"
    );
}

#[test]
fn requests_are_answered_refused_and_given_up() {
    let Some(server) = Prosody::start() else {
        return;
    };
    let ran = at(&server, "xmpp_requests")
        .arguments("--users 2")
        .with_samples()
        .finish();
    let ran = expect_checked(ran).expect_text("refused=service-unavailable kind=cancel");
    let asked = count_by(&ran.rows(), "xmpp_request_duration", ["namespace"]);
    let of = |namespace: &str| asked.get(&[namespace.to_owned()]).copied().unwrap_or(0);
    // Fifty at a time and one more; the one that was given up may have been answered.
    assert_eq!(of("urn:xmpp:ping") / 2, 51, "{asked:?}\n{ran}");
    assert_eq!(of("jabber:iq:roster"), 6, "{asked:?}\n{ran}");
    assert_eq!(of("vcard-temp"), 4, "{asked:?}\n{ran}");
    let errors = count_by(&ran.rows(), "xmpp_errors", ["condition"]);
    assert_eq!(
        errors.get(&["service-unavailable".to_owned()]),
        Some(&2),
        "{errors:?}\n{ran}"
    );
    // An answer that was too late, and one that nobody waited for any more.
    let unexpected = sums(&ran, "xmpp_unexpected", "kind");
    assert_eq!(
        unexpected.get("late-answer"),
        Some(&4),
        "{unexpected:?}\n{ran}"
    );
}

#[test]
fn the_host_answers_for_users_who_sleep() {
    let Some(server) = Prosody::start() else {
        return;
    };
    let ran = at(&server, "xmpp_handlers").arguments("--users 2").finish();
    let ran = expect_checked(ran);
    assert!(told(&ran, "version")[0].starts_with("lt-host"), "{ran}");
}

#[test]
fn what_nobody_wants_is_counted_or_let_go() {
    let Some(server) = Prosody::start() else {
        return;
    };
    let ran = at(&server, "xmpp_intake").with_samples().finish();
    let ran = expect_checked(ran);
    // Headlines, as long as they were to be reported.
    let unexpected = sums(&ran, "xmpp_unexpected", "kind");
    let all: u64 = unexpected.values().sum();
    assert_eq!(all, 5, "{unexpected:?}\n{ran}");
    agrees(&ran, &server);
}

#[test]
fn deliveries_are_timed_while_the_user_sleeps() {
    let Some(server) = Prosody::start() else {
        return;
    };
    let ran = at(&server, "xmpp_sleeper")
        .arguments("--users 2")
        .with_samples()
        .finish();
    let ran = expect_checked(ran);
    let summary = ran.summary();
    let matched = sums(&ran, "xmpp_stanzas_matched", "watch");
    assert_eq!(matched.get("chat"), Some(&20), "{matched:?}\n{ran}");
    assert_eq!(matched.get("news"), Some(&20), "{matched:?}\n{ran}");
    assert_eq!(matched.len(), 2, "{matched:?}\n{ran}");
    let deliveries = ["sent", "received", "lost", "duplicates", "unmatched"]
        .map(|what| summary.count(&format!("delivery_{what}")));
    assert_eq!(deliveries, [20, 20, 0, 0, 0], "{ran}");
    assert_eq!(summary.value("delivery_time", "count"), Some(20.0), "{ran}");
    // By id, by the stamp in microseconds, and by that of its own, which is of 2023: years ago.
    let timed = summary.value("xmpp_message_delivery", "count");
    assert_eq!(timed, Some(42.0), "{ran}");
    let longest = summary.value("xmpp_message_delivery", "max").unwrap();
    assert!(longest > 3e10, "{longest}\n{ran}");
    agrees(&ran, &server);
}

#[test]
fn everything_that_a_server_does_beyond_messages() {
    let Some(server) = Prosody::start() else {
        return;
    };
    let ran = at(&server, "xmpp_extensions")
        .arguments("--users 2")
        .with_samples()
        .finish();
    let ran = expect_checked(ran);
    agrees(&ran, &server);
}

#[test]
fn steps_of_ones_own() {
    let Some(server) = Prosody::start() else {
        return;
    };
    let ran = at(&server, "xmpp_steps")
        .arguments("--threshold xmpp_connecting{step:own-session}:max>0")
        .with_samples()
        .finish();
    let ran = expect_checked(ran);
    assert!(
        told(&ran, "steps")[0].ends_with("bind,own-session,silent"),
        "{ran}"
    );
}

#[test]
fn several_things_at_a_time() {
    let Some(server) = Prosody::start() else {
        return;
    };
    let ran = at(&server, "xmpp_async").arguments("--users 4").finish();
    drop(expect_checked(ran));
}

#[test]
fn every_limit_holds() {
    let Some(server) = Prosody::start() else {
        return;
    };
    let ran = at(&server, "xmpp_limits")
        .arguments("--memory-limit 64MiB")
        .finish();
    drop(expect_checked(ran));
}

#[test]
fn accounts_are_made_used_and_removed() {
    let Some(server) = Prosody::start() else {
        return;
    };
    let ran = at(&server, "xmpp_accounts")
        .set("prefix", "newcomer_")
        .arguments("--users 2 --iterations 4")
        .with_samples()
        .finish();
    let ran = expect_checked(ran);
    let counts = server.counts();
    assert_eq!(
        (counts.of("registered"), counts.of("removed")),
        (4, 4),
        "{counts:?}\n{ran}"
    );
    let steps = count_by(&ran.rows(), "xmpp_connecting", ["step"]);
    let register = steps.get(&["register".to_owned()]).copied();
    assert!(register >= Some(4), "{steps:?}\n{ran}");
    // Over a WebSocket too.
    let ran = lt_tests::LtHost::run("xmpp_accounts")
        .set("websocket-url", server.websocket_url())
        .set("prefix", "other_")
        .finish();
    drop(expect_checked(ran));
}
