//! Tests of the choice of mechanisms and of those that say all at once; SCRAM has its own.

use super::*;

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn binding(kind: &'static str) -> ChannelBinding {
    ChannelBinding {
        kind,
        data: vec![1, 2, 3],
    }
}

const CREDENTIALS: Credentials<'_> = Credentials {
    authcid: "juliet",
    password: "r0m30myr0m30",
    authzid: None,
};

fn begin(
    mechanism: Mechanism,
    credentials: &Credentials<'_>,
) -> Result<(Exchange, Option<Vec<u8>>), XmppError> {
    Exchange::begin(mechanism, credentials, None, &[], new_nonce())
}

#[track_caller]
fn check(
    wanted: Option<&[Mechanism]>,
    offered: &[&str],
    tls: bool,
    bound: bool,
    chosen: Option<Mechanism>,
) {
    let offered = names(offered);
    let bindings: Vec<_> = bound.then(|| binding("tls-exporter")).into_iter().collect();
    let got = choose(wanted, &offered, tls, &bindings);
    match chosen {
        Some(chosen) => assert_eq!(got, Ok(chosen)),
        None => assert_eq!(got, Err(XmppError::NoMechanism(offered))),
    }
}

#[test]
fn the_strongest_that_can_be_done_is_chosen() {
    use Mechanism::*;
    let all = Mechanism::ALL.map(Mechanism::as_str);
    check(None, &all, true, true, Some(ScramSha512Plus));
    check(None, &all, true, false, Some(ScramSha512));
    check(
        None,
        &["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256"],
        true,
        true,
        Some(ScramSha256),
    );
    check(
        None,
        &["SCRAM-SHA-1-PLUS", "SCRAM-SHA-512"],
        true,
        true,
        Some(ScramSha1Plus),
    );
    check(None, &["PLAIN", "ANONYMOUS"], true, true, Some(Plain));
}

#[test]
fn what_was_not_asked_for_is_not_done() {
    use Mechanism::*;
    // PLAIN that anybody could read, a login as nobody, a certificate that may not be there, a password that is no token.
    check(
        None,
        &["PLAIN", "ANONYMOUS", "EXTERNAL", "X-OAUTH2"],
        false,
        false,
        None,
    );
    check(
        None,
        &["ANONYMOUS", "EXTERNAL", "X-OAUTH2"],
        true,
        true,
        None,
    );
    check(None, &["SCRAM-SHA-1-PLUS"], true, false, None);
    check(None, &[], true, true, None);
    check(None, &["scram-sha-1", "SCRAM-SHA-1 "], true, true, None);
    // Named, it is done.
    check(Some(&[Plain]), &["PLAIN"], false, false, Some(Plain));
    check(
        Some(&[XOauth2, Anonymous]),
        &["ANONYMOUS"],
        false,
        false,
        Some(Anonymous),
    );
    // No other than those named, and they in their order.
    let all = Mechanism::ALL.map(Mechanism::as_str);
    check(
        Some(&[ScramSha1, ScramSha256]),
        &all,
        true,
        true,
        Some(ScramSha1),
    );
    check(Some(&[ScramSha512]), &["PLAIN"], true, true, None);
    check(Some(&[ScramSha1Plus]), &all, true, false, None);
    check(Some(&[]), &all, true, true, None);
}

#[test]
fn the_binding_is_the_first_of_ours_that_the_server_knows() {
    let ours = [binding("tls-exporter"), binding("tls-server-end-point")];
    let chosen = |ours: &[ChannelBinding], known: &[&str], is_named| {
        choose_binding(ours, &names(known), is_named).map(|binding| binding.kind)
    };
    for is_named in [false, true] {
        let chosen = |known: &[&str]| chosen(&ours, known, is_named);
        assert_eq!(chosen(&[]), Some("tls-exporter"));
        assert_eq!(
            chosen(&["tls-server-end-point", "tls-exporter"]),
            Some("tls-exporter")
        );
        assert_eq!(
            chosen(&["tls-unique", "tls-server-end-point"]),
            Some("tls-server-end-point")
        );
        assert_eq!(chosen(&["tls-unique"]), None);
        assert_eq!(choose_binding(&[], &[], is_named), None);
    }
    // A server of TLS 1.2 that says nothing may know only `tls-unique`.
    assert_eq!(chosen(&ours[1..], &[], false), None);
    assert_eq!(chosen(&ours[1..], &[], true), Some("tls-server-end-point"));
}

#[test]
fn some_say_all_at_once() {
    let with_authzid = Credentials {
        authzid: Some("romeo@example.net"),
        ..CREDENTIALS
    };
    let first = |mechanism, credentials: &Credentials<'_>| begin(mechanism, credentials).unwrap().1;
    assert_eq!(
        first(Mechanism::Plain, &CREDENTIALS).unwrap(),
        b"\0juliet\0r0m30myr0m30"
    );
    assert_eq!(
        first(Mechanism::Plain, &with_authzid).unwrap(),
        b"romeo@example.net\0juliet\0r0m30myr0m30"
    );
    assert_eq!(
        first(Mechanism::XOauth2, &CREDENTIALS).unwrap(),
        b"\0juliet\0r0m30myr0m30"
    );
    assert_eq!(first(Mechanism::External, &CREDENTIALS).unwrap(), b"");
    assert_eq!(
        first(Mechanism::External, &with_authzid).unwrap(),
        b"romeo@example.net"
    );
    assert_eq!(first(Mechanism::Anonymous, &CREDENTIALS), None);
    for mechanism in [
        Mechanism::Plain,
        Mechanism::XOauth2,
        Mechanism::External,
        Mechanism::Anonymous,
    ] {
        let (mut exchange, _) = begin(mechanism, &CREDENTIALS).unwrap();
        assert_eq!(exchange.success(b"anything"), Ok(()), "{mechanism:?}");
    }
}

#[test]
fn what_cannot_be_sent_is_refused_by_name() {
    let nul = Credentials {
        password: "a\0b",
        ..CREDENTIALS
    };
    let mechanisms = [
        Mechanism::Plain,
        Mechanism::XOauth2,
        Mechanism::ScramSha1,
        Mechanism::ScramSha256,
    ];
    for mechanism in mechanisms {
        let error = begin(mechanism, &nul).err().unwrap();
        assert_eq!(error.number_and_name(), (1020, "invalid-request"));
        assert!(error.to_string().contains("password: "), "{error}");
    }
    let error = begin(Mechanism::ScramSha1Plus, &CREDENTIALS).err().unwrap();
    assert!(error.to_string().contains("mechanisms: "), "{error}");
}

#[test]
fn a_challenge_where_none_is_due_is_an_error() {
    for mechanism in [Mechanism::Plain, Mechanism::External, Mechanism::XOauth2] {
        let (mut exchange, _) = begin(mechanism, &CREDENTIALS).unwrap();
        let error = exchange.challenge(b"").unwrap_err();
        assert_eq!(error.number_and_name().1, "protocol", "{mechanism:?}");
    }
    let (mut anonymous, _) = begin(Mechanism::Anonymous, &CREDENTIALS).unwrap();
    assert!(anonymous.challenge(b"r=x").is_err());
    // The trace that was left out is asked for once.
    assert!(
        matches!(anonymous.challenge(b"").unwrap(), Reply::Respond(answer) if answer.is_empty())
    );
    assert!(anonymous.challenge(b"").is_err());
}

#[test]
fn nonces_are_long_and_differ() {
    let one = new_nonce();
    assert_eq!(one.len(), 24);
    assert!(!one.contains(['=', ',']));
    assert_ne!(one, new_nonce());
}

#[test]
fn what_servers_say_is_quoted_in_short() {
    assert_eq!(quoted("short"), "short");
    assert_eq!(quoted(&"ü".repeat(1000)).len(), QUOTED_BYTES_MAX);
    assert_eq!(
        quoted(&format!("a{}", "ü".repeat(1000))).len(),
        QUOTED_BYTES_MAX - 1
    );
}
