//! What servers say while a client connects that no server should say: words of the RFC that refuse, words that are none, too many of them,
//! and silence.

use std::time::Duration;

use lt_tests::Ran;
use lt_tests::peers::xmpp::{attribute, base64, mechanisms, ns, stream_error};
use lt_tests::peers::{XmppPeer, XmppWire};

use super::refused::{Outcome, fails_with, outcome};
use super::{count_by, failures, scripted};

/// Connect twice to a server that does this, and gives no user an hour.
#[track_caller]
fn meets(
    what: &str,
    script: impl Fn(&mut XmppWire) + Send + Sync + 'static,
    outcome: &Outcome,
) -> (Ran, XmppPeer) {
    let peer = XmppPeer::start(script);
    let command = scripted(&peer.address(), "xmpp_refused");
    (fails_with(command, what, outcome), peer)
}

#[test]
fn stream_errors_of_every_kind() {
    // RFC 6120, section 4.9.3.
    for condition in [
        "bad-format",
        "bad-namespace-prefix",
        "conflict",
        "connection-timeout",
        "host-gone",
        "host-unknown",
        "improper-addressing",
        "internal-server-error",
        "invalid-from",
        "invalid-namespace",
        "invalid-xml",
        "not-authorized",
        "not-well-formed",
        "policy-violation",
        "remote-connection-failed",
        "reset",
        "resource-constraint",
        "restricted-xml",
        "system-shutdown",
        "undefined-condition",
        "unsupported-encoding",
        "unsupported-feature",
        "unsupported-stanza-type",
        "unsupported-version",
    ] {
        let (ran, _) = meets(
            condition,
            move |wire| {
                wire.await_header();
                wire.say_header();
                wire.say(stream_error(condition, "because of this"));
            },
            &outcome("stream", condition, "features", "2006"),
        );
        drop(ran.expect_text("because of this"));
    }
    let (ran, _) = meets(
        "see-other-host",
        |wire| {
            wire.await_header();
            wire.say_header();
            wire.say(format!(
                "<stream:error><see-other-host xmlns='{}'>other.test:5222</see-other-host></stream:error></stream:stream>",
                ns::STREAM_ERRORS
            ));
        },
        &outcome("stream", "see-other-host", "features", "2006"),
    );
    drop(ran.expect_text("other.test:5222"));
}

#[test]
fn authentication_that_is_refused_in_every_way() {
    // RFC 6120, section 6.5.
    for condition in [
        "aborted",
        "account-disabled",
        "credentials-expired",
        "encryption-required",
        "incorrect-encoding",
        "invalid-authzid",
        "invalid-mechanism",
        "malformed-request",
        "mechanism-too-weak",
        "not-authorized",
        "temporary-auth-failure",
    ] {
        meets(
            condition,
            move |wire| {
                wire.open(&mechanisms(&["PLAIN"]));
                wire.read_until("</auth>");
                wire.say(format!(
                    "<failure xmlns='{}'><{condition}/></failure>",
                    ns::SASL
                ));
                wire.read_to_end();
            },
            &outcome("sasl", condition, "sasl", "2004"),
        );
    }
}

/// Offer SCRAM-SHA-1, and answer the client's first message with what this makes of its nonce; then what else there is to say.
fn scram(
    challenge: impl Fn(&str) -> String + Send + Sync + 'static,
    then: &'static str,
) -> impl Fn(&mut XmppWire) + Send + Sync + 'static {
    move |wire| {
        wire.open(&mechanisms(&["SCRAM-SHA-1"]));
        let Some(auth) = wire.read_until("</auth>") else {
            return;
        };
        let first = auth.trim_end_matches("</auth>").rsplit('>').next();
        let first = base64::decode(first.unwrap_or_default());
        let nonce = first.split(",r=").nth(1).unwrap_or_default();
        let sasl = ns::SASL;
        let challenge = base64::encode(challenge(nonce));
        wire.say(format!("<challenge xmlns='{sasl}'>{challenge}</challenge>"));
        if !then.is_empty() && wire.read_until("</response>").is_some() {
            let data = base64::encode(then);
            wire.say(format!("<success xmlns='{sasl}'>{data}</success>"));
        }
        wire.read_to_end();
    }
}

type Script = Box<dyn Fn(&mut XmppWire) + Send + Sync>;

/// Connect with SCRAM to servers that do this.
#[track_caller]
fn all_fail_with<const N: usize>(scripts: [(&str, Script); N], outcome: &Outcome) {
    for (what, script) in scripts {
        let peer = XmppPeer::start(script);
        let command = scripted(&peer.address(), "xmpp_refused").set("mechanisms", "SCRAM-SHA-1");
        fails_with(command, what, outcome);
        for said in peer.await_ended(2) {
            assert!(!said.contains("<bind"), "{what}: {said}");
        }
    }
}

fn honest(nonce: &str) -> String {
    format!("r={nonce}more,s={},i=4096", base64::encode("salt"))
}

#[test]
fn servers_that_do_not_know_the_password() {
    let challenge = |of: fn(&str) -> String| -> Script { Box::new(scram(of, "")) };
    all_fail_with(
        [
            (
                "a wrong signature",
                Box::new(scram(honest, "v=AAAAAAAAAAAAAAAAAAAAAAAAAAA=")),
            ),
            (
                "another nonce",
                challenge(|_| "r=other,s=c2FsdA==,i=4096".to_owned()),
            ),
            (
                "the nonce alone",
                challenge(|nonce| format!("r={nonce},s=c2FsdA==,i=4096")),
            ),
            (
                "more rounds than an honest server asks for",
                challenge(|nonce| format!("r={nonce}x,s=c2FsdA==,i=4000000000")),
            ),
            (
                "no rounds",
                challenge(|nonce| format!("r={nonce}x,s=c2FsdA==,i=0")),
            ),
        ],
        &outcome("server-not-trusted", "", "sasl", "2005"),
    );
}

#[test]
fn challenges_that_are_none() {
    let challenge = |of: fn(&str) -> String| -> Script { Box::new(scram(of, "")) };
    all_fail_with(
        [
            (
                "an extension that must be understood",
                challenge(|nonce| format!("m=x,r={nonce}x,s=c2FsdA==,i=4096")),
            ),
            ("nothing of it", challenge(|_| "hello".to_owned())),
            (
                "another end than the one due",
                Box::new(scram(honest, "x=nothing")),
            ),
        ],
        &outcome("protocol", "", "sasl", "2007"),
    );
}

#[test]
fn whoever_is_let_in_without_a_proof_does_not_go_in() {
    let unproven: Script = Box::new(|wire| {
        wire.open(&mechanisms(&["SCRAM-SHA-1"]));
        wire.read_until("</auth>");
        wire.say(format!("<success xmlns='{}'/>", ns::SASL));
        wire.read_to_end();
    });
    all_fail_with(
        [("success at once", unproven)],
        &outcome("server-not-trusted", "", "sasl", "2005"),
    );
}

#[test]
fn features_that_are_missing() {
    meets(
        "no mechanisms",
        |wire| {
            wire.open("");
            wire.read_to_end();
        },
        &outcome("no-mechanism", "", "sasl", "2003"),
    );
    meets(
        "no bind",
        |wire| {
            wire.open(&mechanisms(&["PLAIN"]));
            wire.read_until("</auth>");
            wire.say(format!("<success xmlns='{}'/>", ns::SASL));
            wire.open("");
            wire.read_to_end();
        },
        &outcome("not-offered", "", "bind", "2016"),
    );
}

#[test]
fn binding_that_is_refused() {
    for (kind, condition) in [
        ("modify", "bad-request"),
        ("cancel", "conflict"),
        ("wait", "resource-constraint"),
    ] {
        let (ran, _) = meets(
            condition,
            move |wire| {
                wire.authenticate();
                let request = wire.read_until("</iq>").unwrap_or_default();
                let id = attribute(&request, "id").unwrap_or_default();
                wire.say(format!(
                    "<iq type='error' id='{id}'><error type='{kind}'><{condition} xmlns='{}'/></error></iq>",
                    ns::STANZA_ERRORS
                ));
                wire.answer_end();
            },
            &outcome("refused", condition, "bind", "2009"),
        );
        let errors = count_by(&ran.rows(), "xmpp_errors", ["condition"]);
        assert_eq!(
            errors.get(&[condition.to_owned()]),
            Some(&2),
            "{errors:?}\n{ran}"
        );
    }
}

#[test]
fn what_is_no_xmpp() {
    for (what, said) in [
        ("HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n"),
        ("SSH", "SSH-2.0-OpenSSH_9.2\r\n"),
        ("no bytes of text", "\0\0\0\0"),
        ("another element", "<html><body>hello</body></html>"),
        ("another namespace", "<stream xmlns='urn:test'>"),
        (
            "a wrong end",
            "<stream:stream xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:client' version='1.0'></a>",
        ),
    ] {
        let peer = XmppPeer::start(move |wire| {
            wire.await_header();
            wire.say(said);
            wire.read_to_end();
        });
        let command = scripted(&peer.address(), "xmpp_refused");
        let ran = command
            .set("error", "protocol")
            .arguments("--iterations 2")
            .with_samples()
            .finish()
            .expect_clean();
        let failed = failures(&ran);
        let codes: Vec<&str> = failed.keys().map(|[.., code]| code.as_str()).collect();
        assert_eq!(codes, ["2007"], "{what}: {failed:?}\n{ran}");
    }
    for (what, said, condition) in [
        (
            "an entity bomb",
            "<!DOCTYPE a [<!ENTITY b 'bbbbbbbb'><!ENTITY c '&b;&b;&b;&b;'>]><a>&c;</a>",
            "restricted-xml",
        ),
        (
            "an entity",
            "<stream:features>&bomb;</stream:features>",
            "restricted-xml",
        ),
        ("a comment", "<!-- hello -->", "restricted-xml"),
        ("an instruction", "<?php hello ?>", "restricted-xml"),
        ("text", "hello", "bad-format"),
    ] {
        meets(
            what,
            move |wire| {
                wire.await_header();
                wire.say_header();
                wire.say(said);
                wire.read_to_end();
            },
            &outcome("protocol", condition, "features", "2007"),
        );
    }
}

#[test]
fn what_is_too_large() {
    let too_large = outcome("too-large-received", "policy-violation", "features", "2008");
    for (what, said) in [
        ("ten thousand levels", "<a>".repeat(10_000)),
        (
            "a long text",
            format!("<stream:features>{}", "x".repeat(300_000)),
        ),
        ("a long name", format!("<{}", "x".repeat(300_000))),
        ("a long attribute", format!("<a b='{}", "x".repeat(300_000))),
    ] {
        let (_, peer) = meets(
            what,
            move |wire| {
                wire.await_header();
                wire.say_header();
                wire.say(&said);
                wire.read_to_end();
            },
            &too_large,
        );
        for said in peer.await_ended(2) {
            assert!(said.contains("policy-violation"), "{what}: {said}");
        }
    }
}

#[test]
fn silence() {
    for (step, script) in [
        (
            "stream",
            Box::new(|wire: &mut XmppWire| wire.read_to_end())
                as Box<dyn Fn(&mut XmppWire) + Send + Sync>,
        ),
        (
            "features",
            Box::new(|wire: &mut XmppWire| {
                wire.await_header();
                wire.say_header();
                wire.read_to_end();
            }),
        ),
        (
            "sasl",
            Box::new(|wire: &mut XmppWire| {
                wire.open(&mechanisms(&["PLAIN"]));
                wire.read_to_end();
            }),
        ),
        (
            "bind",
            Box::new(|wire: &mut XmppWire| {
                wire.authenticate();
                wire.read_to_end();
            }),
        ),
    ] {
        let peer = XmppPeer::start(script);
        let command = scripted(&peer.address(), "xmpp_refused").set("step-timeout", "1s");
        let ran = fails_with(command, step, &outcome("step-timeout", "", step, "1050"));
        drop(ran.expect_text(step));
    }
    // The whole has a time of its own.
    let peer = XmppPeer::start(|wire| {
        wire.await_header();
        wire.say_header();
        while wire.say(" ") {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let command = scripted(&peer.address(), "xmpp_refused")
        .set("timeout", "300ms")
        .set("step-timeout", "10s");
    let ran = command
        .set("error", "step-timeout")
        .with_samples()
        .finish()
        .expect_clean();
    let codes: Vec<[String; 3]> = failures(&ran).into_keys().collect();
    assert!(
        codes.iter().all(|[.., code]| code == "1050"),
        "{codes:?}\n{ran}"
    );
}

#[test]
fn connections_that_end_while_connecting() {
    for (what, code, resets) in [("an end", "1221", false), ("a reset", "1220", true)] {
        meets(
            what,
            move |wire| {
                wire.authenticate();
                wire.read_until("</iq>");
                wire.say("<iq type='result' id='");
                if resets {
                    wire.reset();
                }
            },
            &outcome("network", "", "bind", code),
        );
    }
    // An orderly end is one of the protocol, not of the connection.
    let peer = XmppPeer::start(|wire| {
        wire.open(&mechanisms(&["PLAIN"]));
        wire.say("</stream:stream>");
    });
    let ran = scripted(&peer.address(), "xmpp_refused")
        .set("error", "network")
        .with_samples()
        .finish();
    assert!(failures(&ran).len() == 1, "{ran}");
}
