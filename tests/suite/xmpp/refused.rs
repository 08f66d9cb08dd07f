//! How connects fail: each way is an error of its kind, is counted by its number, its step and its condition, and the user goes on.

use std::time::Duration;

use lt_tests::peers::xmpp::{mechanisms, ns};
use lt_tests::peers::{HttpPeer, TcpPeer, WebSocketPeer, XmppPeer, closed_port};
use lt_tests::prosody::{Options, Prosody, host};
use lt_tests::{LtHost, Ran};

use super::{at, count_by, failures, scripted, told};

/// How it is told and counted.
pub(super) struct Outcome {
    case: &'static str,
    condition: &'static str,
    step: &'static str,
    code: &'static str,
}

pub(super) const fn outcome(
    case: &'static str,
    condition: &'static str,
    step: &'static str,
    code: &'static str,
) -> Outcome {
    Outcome {
        case,
        condition,
        step,
        code,
    }
}

/// Connect twice where it fails in this way.
#[track_caller]
pub(super) fn fails_with(command: LtHost, what: &str, outcome: &Outcome) -> Ran {
    let Outcome {
        case,
        condition,
        step,
        code,
    } = *outcome;
    // What this side found wrong has its condition in the tags alone.
    let told = match case {
        "protocol" | "too-large-received" => "",
        _ => condition,
    };
    let ran = command
        .set("error", case)
        .set("condition", told)
        .arguments("--iterations 2")
        .with_samples()
        .finish()
        .expect_clean();
    let expected = [step, condition, code].map(str::to_owned);
    let failed = failures(&ran);
    assert_eq!(failed.get(&expected), Some(&2), "{what}: {failed:?}\n{ran}");
    let summary = ran.summary();
    assert_eq!(summary.count("iterations"), 2, "{what}\n{ran}");
    let rate = summary.value("xmpp_connect_failed", "rate");
    assert_eq!(rate, Some(1.0), "{what}\n{ran}");
    assert_eq!(summary.count("xmpp_sessions"), 0, "{what}\n{ran}");
    let connects = summary.value("xmpp_connecting", "count");
    assert_eq!(connects, Some(2.0), "{what}\n{ran}");
    ran
}

#[test]
fn a_real_server_says_no() {
    let Some(server) = Prosody::start() else {
        return;
    };
    let refused = || at(&server, "xmpp_refused");
    let not_authorized = outcome("sasl", "not-authorized", "sasl", "2004");
    for mechanism in ["", "PLAIN"] {
        let wrong = refused()
            .set("password", "wrong")
            .set("mechanisms", mechanism);
        fails_with(wrong, "a wrong password", &not_authorized);
        let nobody = refused()
            .set("account", "nobody")
            .set("mechanisms", mechanism);
        fails_with(nobody, "no such account", &not_authorized);
    }
    let none = refused().set("mechanisms", "SCRAM-SHA-512,ANONYMOUS");
    let ran = fails_with(
        none,
        "no mechanism",
        &outcome("no-mechanism", "", "sasl", "2003"),
    );
    let offered = told(&ran, "offered");
    assert!(offered[0].contains("SCRAM-SHA-1"), "{offered:?}\n{ran}");
    let unknown = refused().set("domain", "unknown.test");
    fails_with(
        unknown,
        "an unknown host",
        &outcome("stream", "host-unknown", "features", "2006"),
    );
    let taken = refused().set("register", true);
    fails_with(
        taken,
        "an account that is there",
        &outcome("refused", "conflict", "register", "2009"),
    );
    let plain = refused().set("domain", host::PLAIN);
    fails_with(
        plain,
        "no StartTLS",
        &outcome("starttls-refused", "", "starttls", "2002"),
    );
    let counts = server.counts();
    assert_eq!(counts.of("refused"), 8, "{counts:?}");
    assert_eq!(counts.of("authenticated"), 0, "{counts:?}");
}

#[test]
fn nobody_sends_a_password_that_could_be_read() {
    let Some(server) = Prosody::start_with(&Options {
        require_encryption: true,
        ..Options::default()
    }) else {
        return;
    };
    let command = at(&server, "xmpp_refused").set("security", "none");
    fails_with(
        command,
        "no TLS where it is required",
        &outcome("no-mechanism", "", "sasl", "2003"),
    );
    let peer = XmppPeer::start(|wire| {
        wire.open(&mechanisms(&["PLAIN"]));
        wire.read_to_end();
    });
    let command = LtHost::run("xmpp_refused")
        .set("address", peer.address())
        .set("security", "none");
    fails_with(
        command,
        "PLAIN alone",
        &outcome("no-mechanism", "", "sasl", "2003"),
    );
    for said in peer.await_ended(2) {
        assert!(!said.contains("<auth"), "{said}");
    }
}

#[test]
fn certificates_that_nobody_should_trust() {
    let Some(server) = Prosody::start() else {
        return;
    };
    for (domain, text) in [
        (host::EXPIRED, "expired"),
        (host::WRONG_NAME, "not valid for"),
    ] {
        let command = at(&server, "xmpp_refused").set("domain", domain);
        let ran = command
            .set("error", "network")
            .arguments("--iterations 2")
            .with_samples()
            .finish()
            .expect_clean();
        let failed = failures(&ran);
        assert!(
            failed.len() == 1 && failed.keys().all(|[step, ..]| step == "tls"),
            "{domain} {text}: {failed:?}\n{ran}"
        );
        // To whom that is all the same gets in.
        let insecure = at(&server, "xmpp_login").set("domain", domain);
        super::expect_checked(insecure.set("insecure", true).finish());
    }
    let stranger = LtHost::run("xmpp_refused").set("address", server.address());
    let ran = stranger
        .set("error", "network")
        .with_samples()
        .finish()
        .expect_clean();
    assert!(
        failures(&ran).keys().all(|[step, ..]| step == "tls"),
        "{ran}"
    );
}

#[test]
fn servers_that_cannot_be_reached() {
    let nobody = format!("127.0.0.1:{}", closed_port());
    fails_with(
        scripted(&nobody, "xmpp_refused"),
        "nobody is there",
        &outcome("network", "", "tcp", "1212"),
    );
    fails_with(
        scripted("no-such-host.invalid:5222", "xmpp_refused"),
        "no such host",
        &outcome("network", "", "resolve", "1101"),
    );
    let peer = TcpPeer::start(|stream, _| drop(stream));
    let command = scripted(&format!("127.0.0.1:{}", peer.port()), "xmpp_refused");
    let ran = command
        .set("error", "network")
        .with_samples()
        .finish()
        .expect_clean();
    assert!(
        failures(&ran).keys().all(|[step, ..]| step == "stream"),
        "{ran}"
    );
}

#[test]
fn starttls_that_is_refused_or_tampered_with() {
    let offering = format!("<starttls xmlns='{}'><required/></starttls>", ns::TLS);
    for (what, answer, expected) in [
        (
            "failure",
            format!("<failure xmlns='{}'/></stream:stream>", ns::TLS),
            outcome("starttls-refused", "", "starttls", "2002"),
        ),
        (
            "something said before TLS",
            format!(
                "<proceed xmlns='{}'/><message><body>trust me</body></message>",
                ns::TLS
            ),
            outcome("protocol", "", "starttls", "2007"),
        ),
    ] {
        let (offering, answer) = (offering.clone(), answer.clone());
        let peer = XmppPeer::start(move |wire| {
            wire.open(&offering);
            wire.read_until("<starttls");
            wire.read_until(">");
            wire.say(&answer);
            wire.read_to_end();
        });
        let command = scripted(&peer.address(), "xmpp_refused").set("security", "starttls");
        fails_with(command, what, &expected);
    }
    // No TLS at all behind `proceed`.
    let peer = XmppPeer::start(move |wire| {
        wire.open(&offering);
        wire.read_until("<starttls");
        wire.say(format!("<proceed xmlns='{}'/>", ns::TLS));
        std::thread::sleep(Duration::from_millis(100));
        wire.say("<message/>");
        wire.read_to_end();
    });
    let command = scripted(&peer.address(), "xmpp_refused").set("security", "starttls");
    let ran = command
        .set("error", "network")
        .with_samples()
        .finish()
        .expect_clean();
    let failed = failures(&ran);
    assert!(
        failed.keys().all(|[step, ..]| step == "tls"),
        "{failed:?}\n{ran}"
    );
}

#[test]
fn websockets_that_are_none() {
    let refused = |url: &str| {
        LtHost::run("xmpp_refused")
            .set("websocket-url", url)
            .set("mechanisms", "PLAIN")
    };
    let peer = HttpPeer::always("a page");
    let url = format!("ws://127.0.0.1:{}/", peer.port());
    fails_with(
        refused(&url),
        "a page",
        &outcome("upgrade-refused", "", "websocket", "2001"),
    );
    // An upgrade without the subprotocol `xmpp`.
    let peer = WebSocketPeer::echo();
    let command = refused(&peer.url("/"));
    let ran = command
        .set("error", "protocol")
        .with_samples()
        .finish()
        .expect_clean();
    let failed = failures(&ran);
    assert!(
        failed.keys().all(|[step, ..]| step == "websocket"),
        "{failed:?}\n{ran}"
    );
}

#[test]
fn who_is_asked_to_end_while_connecting_has_failed() {
    let peer = XmppPeer::start(|wire| wire.read_to_end());
    let ran = scripted(&peer.address(), "xmpp_fuzzy")
        .set("timeout", "10m")
        .arguments("--users 3 --duration 500ms --graceful-stop 0s")
        .arguments("--threshold xmpp_connect_failed:rate<0.5")
        .with_samples()
        .finish()
        .expect_code(99);
    let codes = count_by(&ran.rows(), "xmpp_connect_failed", ["error_code"]);
    assert_eq!(
        codes.get(&["2020".to_owned()]),
        Some(&3),
        "{codes:?}\n{ran}"
    );
}
