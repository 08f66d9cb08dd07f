//! Every way of getting in, at a real server: mechanisms, transports, TLS.

use lt_tests::prosody::{Options, Prosody, host};
use lt_tests::{LtHost, Ran};

use super::{all_ended, at, count_by, endings, expect_checked, failures, told};

/// Two users get in, and the samples tell by which steps.
#[track_caller]
fn gets_in(command: LtHost, mechanism: &str, tls: &str, steps: &str) -> Ran {
    let ran = command.arguments("--users 2").with_samples().finish();
    let ran = expect_checked(ran);
    assert_eq!(told(&ran, "mechanism"), [mechanism; 2], "{ran}");
    assert_eq!(told(&ran, "tls"), [tls; 2], "{ran}");
    assert_eq!(told(&ran, "steps"), [steps; 2], "{ran}");
    assert_eq!(endings(&ran), all_ended(2, "by-us", "", ""), "{ran}");
    let empty = ["", "", ""].map(str::to_owned);
    assert_eq!(failures(&ran).get(&empty), Some(&2), "{ran}");
    let counted = count_by(&ran.rows(), "xmpp_connecting", ["step"]);
    let whole = counted.get(&[String::new()]);
    assert_eq!(whole, Some(&2), "{counted:?}\n{ran}");
    for step in steps.split(',') {
        let of_step = counted.get(&[step.to_owned()]).copied().unwrap_or(0);
        let times = steps.split(',').filter(|other| *other == step).count();
        assert_eq!(of_step, 2 * times, "{step}: {counted:?}\n{ran}");
    }
    let summary = ran.summary();
    assert_eq!(
        summary.value("xmpp_connecting", "count"),
        Some(2.0),
        "{ran}"
    );
    assert_eq!(
        summary.value("xmpp_connect_failed", "rate"),
        Some(0.0),
        "{ran}"
    );
    assert_eq!(
        summary.value("xmpp_session_failed", "rate"),
        Some(0.0),
        "{ran}"
    );
    assert_eq!(summary.count("xmpp_sessions"), 2, "{ran}");
    ran
}

/// Steps over TCP with StartTLS, as their times are named.
const STARTTLS: &str = "tcp,stream,features,starttls,tls,restart,sasl-compute,sasl,restart,bind";
/// Without TLS.
const PLAIN_TCP: &str = "tcp,stream,features,sasl-compute,sasl,restart,bind";

#[test]
fn mechanisms_over_starttls() {
    let Some(server) = Prosody::start() else {
        return;
    };
    // Without a wish it is the strongest that the host offers.
    for (domain, wanted, mechanism) in [
        (host::SHA1, "", "SCRAM-SHA-1"),
        (host::SHA256, "", "SCRAM-SHA-256"),
        (host::BINDING, "", "SCRAM-SHA-256-PLUS"),
        (host::BINDING, "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256-PLUS"),
        (host::BINDING, "SCRAM-SHA-256", "SCRAM-SHA-256"),
        (host::SHA256, "SCRAM-SHA-1,SCRAM-SHA-256", "SCRAM-SHA-256"),
    ] {
        let command = at(&server, "xmpp_login")
            .set("domain", domain)
            .set("mechanisms", wanted);
        gets_in(command, mechanism, "tls1.3", STARTTLS);
    }
    // No key is derived for these.
    let steps = STARTTLS.replace("sasl-compute,", "");
    let plain = at(&server, "xmpp_login").set("mechanisms", "PLAIN");
    gets_in(plain, "PLAIN", "tls1.3", &steps);
    let nobody = at(&server, "xmpp_login")
        .set("domain", host::ANONYMOUS)
        .set("account", "")
        .set("mechanisms", "ANONYMOUS");
    let ran = gets_in(nobody, "ANONYMOUS", "tls1.3", &steps);
    assert!(
        told(&ran, "jid")
            .iter()
            .all(|jid| jid.contains("@anonymous.test/")),
        "{ran}"
    );
    let counts = server.counts();
    assert_eq!(counts.of("authenticated"), 16, "{counts:?}");
    assert_eq!(counts.of("refused"), 0, "{counts:?}");
}

#[test]
fn a_certificate_says_who_one_is() {
    let Some(server) = Prosody::start() else {
        return;
    };
    let leaf = server.authority.client("user_7");
    let command = at(&server, "xmpp_login")
        .set("domain", host::CERTIFICATES)
        .set("account", "user_7")
        .set("mechanisms", "EXTERNAL");
    let certificate = command.file("client.pem", leaf.certificate);
    let key = command.file("client.key", leaf.key);
    let command = command
        .argument("--client-cert")
        .argument(certificate)
        .argument("--client-key")
        .argument(key);
    let steps = STARTTLS.replace("sasl-compute,", "");
    let ran = gets_in(command, "EXTERNAL", "tls1.3", &steps);
    assert!(
        told(&ran, "jid")
            .iter()
            .all(|jid| jid.starts_with("user_7@certificates.test/")),
        "{ran}"
    );
}

#[test]
fn transports() {
    let Some(server) = Prosody::start() else {
        return;
    };
    let direct = at(&server, "xmpp_login")
        .set("address", server.direct_tls_address())
        .set("security", "direct-tls");
    let steps = "tcp,tls,stream,features,sasl-compute,sasl,restart,bind";
    gets_in(direct, "SCRAM-SHA-1", "tls1.3", steps);
    let plain = at(&server, "xmpp_login").set("security", "none");
    gets_in(plain, "SCRAM-SHA-1", "", PLAIN_TCP);
    let if_offered = || at(&server, "xmpp_login").set("security", "starttls-if-offered");
    gets_in(if_offered(), "SCRAM-SHA-1", "tls1.3", STARTTLS);
    let without = if_offered().set("domain", host::PLAIN);
    gets_in(without, "SCRAM-SHA-1", "", PLAIN_TCP);
    // PLAIN without TLS: only by name.
    let named = at(&server, "xmpp_login")
        .set("security", "none")
        .set("domain", host::PLAIN)
        .set("mechanisms", "PLAIN");
    gets_in(named, "PLAIN", "", &PLAIN_TCP.replace("sasl-compute,", ""));
}

#[test]
fn websockets() {
    let Some(server) = Prosody::start() else {
        return;
    };
    let steps = "websocket,stream,features,sasl-compute,sasl,restart,bind";
    for (url, tls) in [
        (server.websocket_url(), ""),
        (server.secure_websocket_url(), "tls1.3"),
    ] {
        let command = LtHost::run("xmpp_login")
            .set("websocket-url", url)
            .argument("--ca-cert")
            .argument(server.authority_file());
        let ran = command.arguments("--users 2").with_samples().finish();
        let ran = expect_checked(ran);
        let told_steps = told(&ran, "steps");
        assert!(
            told_steps.iter().all(|told| told.ends_with(steps)),
            "{told_steps:?}\n{ran}"
        );
        assert_eq!(told(&ran, "tls"), [tls; 2], "{ran}");
        assert_eq!(endings(&ran), all_ended(2, "by-us", "", ""), "{ran}");
        // Its connection is the session's: no WebSocket of the user's own.
        assert_eq!(ran.summary().count("ws_sessions"), 0, "{ran}");
    }
}

#[test]
fn everything_that_a_client_does_after_binding() {
    let Some(server) = Prosody::start() else {
        return;
    };
    let command = at(&server, "xmpp_login")
        .set("everything", true)
        .set("quick-ack", true)
        .set("resource", "phone")
        .set("source-address", "127.0.0.2");
    let steps = format!("{STARTTLS},stream-management,carbons,presence");
    let ran = gets_in(command, "SCRAM-SHA-1", "tls1.3", &steps);
    let mut jids = told(&ran, "jid");
    jids.sort();
    assert_eq!(
        jids,
        ["user_1@localhost/phone", "user_2@localhost/phone"],
        "{ran}"
    );
    // That it comes, and that it goes.
    assert_eq!(server.counts().of("presence_in"), 4, "{ran}");
}

#[test]
fn older_tls_and_keys_of_many_rounds() {
    let Some(server) = Prosody::start_with(&Options {
        rounds: 50_000,
        ..Options::default()
    }) else {
        return;
    };
    // The keys of an account are derived once: those who come again find them.
    let ran = at(&server, "xmpp_login")
        .arguments("--users 2 --iterations 6")
        .with_samples()
        .finish();
    let ran = expect_checked(ran);
    assert_eq!(server.counts().of("authenticated"), 6, "{ran}");
}
