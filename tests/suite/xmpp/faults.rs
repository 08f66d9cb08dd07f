//! What goes wrong on a session that is open: each kind ends it in its own way, is counted by its number and its condition, and the user
//! goes on.

use std::time::Duration;

use lt_tests::Ran;
use lt_tests::peers::xmpp::{ns, stream_error};
use lt_tests::peers::{XmppPeer, XmppWire};

use super::{all_ended, count_by, endings, expect_checked, scripted, sums, told};

/// What comes of a server's fault.
struct Outcome {
    ending: &'static str,
    /// Condition of the stream error.
    condition: &'static str,
    /// Number in the samples.
    code: &'static str,
    /// Whether the server is told, with that condition.
    told: bool,
}

const NOT_WELL_FORMED: Outcome = Outcome {
    ending: "protocol-error",
    condition: "not-well-formed",
    code: "2011",
    told: true,
};
const RESTRICTED: Outcome = Outcome {
    ending: "protocol-error",
    condition: "restricted-xml",
    code: "2011",
    told: true,
};
const TOO_LARGE: Outcome = Outcome {
    ending: "stanza-too-large",
    condition: "policy-violation",
    code: "2012",
    told: true,
};
const DISCONNECTED: Outcome = Outcome {
    ending: "disconnected",
    condition: "",
    code: "1221",
    told: false,
};

/// Two iterations with a server that lets everybody in, sends an honest message, and does this.
#[track_caller]
fn meets(
    what: &str,
    script: impl Fn(&mut XmppWire) + Send + Sync + 'static,
    outcome: &Outcome,
) -> Ran {
    let peer = XmppPeer::start(move |wire| {
        if wire.log_in().is_some() {
            wire.say("<message id='honest'><body>an honest one</body></message>");
            script(wire);
        }
    });
    let ran = scripted(&peer.address(), "xmpp_fuzzy")
        .set("stanza-bytes-max", 20_000)
        .arguments("--iterations 2")
        .with_samples()
        .finish();
    let ran = expect_checked(ran);
    let Outcome {
        ending,
        condition,
        code,
        told: is_told,
    } = *outcome;
    let expected = all_ended(2, ending, condition, code);
    assert_eq!(endings(&ran), expected, "{what}\n{ran}");
    assert_eq!(told(&ran, "received"), ["1"; 2], "{what}\n{ran}");
    assert_eq!(told(&ran, "ending"), [ending; 2], "{what}\n{ran}");
    assert_eq!(told(&ran, "condition"), [condition; 2], "{what}\n{ran}");
    let summary = ran.summary();
    for (metric, count) in [("iterations", 2), ("ended", 2), ("xmpp_sessions", 2)] {
        assert_eq!(summary.count(metric), count, "{what}\n{ran}");
    }
    let failed = f64::from(!code.is_empty());
    let rate = summary.value("xmpp_session_failed", "rate");
    assert_eq!(rate, Some(failed), "{what}\n{ran}");
    if !condition.is_empty() {
        let errors = count_by(&ran.rows(), "xmpp_errors", ["condition"]);
        let of = errors.get(&[condition.to_owned()]);
        assert_eq!(of, Some(&2), "{what}: {errors:?}\n{ran}");
    }
    for said in peer.await_ended(2) {
        let says = said.contains("<stream:error") && said.contains(condition);
        assert_eq!(says, is_told, "{what}: {said}\n{ran}");
    }
    ran
}

/// A server that says this, and waits for the answer.
#[track_caller]
fn says(what: &str, text: impl AsRef<[u8]> + Send + Sync + 'static, outcome: &Outcome) -> Ran {
    meets(
        what,
        move |wire| {
            wire.say(&text);
            wire.read_to_end();
        },
        outcome,
    )
}

#[test]
fn malformed_xml() {
    for (what, text) in [
        ("a wrong end", &b"<message></presence>"[..]),
        ("bytes that are no text", b"<message>\xff\xfe</message>"),
        ("a character that there is not", b"<message>&#0;</message>"),
        ("an attribute twice", b"<message a='1' a='2'/>"),
        ("an attribute without quotes", b"<message a=1/>"),
    ] {
        says(what, text, &NOT_WELL_FORMED);
    }
}

#[test]
fn xml_that_a_stream_may_not_have() {
    for (what, text) in [
        ("a comment", "<!-- hello -->"),
        ("an instruction", "<?php hello ?>"),
        ("an entity that there is not", "<message>&bomb;</message>"),
    ] {
        says(what, text, &RESTRICTED);
    }
}

#[test]
fn entities_are_not_expanded() {
    // A billion laughs: refused at the declaration, in the middle of a stream as at its beginning.
    let bomb = "<!DOCTYPE a [<!ENTITY b 'bbbb'><!ENTITY c '&b;&b;&b;&b;&b;&b;'>]><message>&c;&c;</message>";
    let peer = XmppPeer::start(move |wire| {
        if wire.log_in().is_some() {
            wire.say(bomb);
            wire.read_to_end();
        }
    });
    let ran = scripted(&peer.address(), "xmpp_fuzzy")
        .with_samples()
        .finish();
    let ran = expect_checked(ran);
    let ended = endings(&ran);
    assert!(
        ended.len() == 1 && ended.keys().all(|[ending, ..]| ending == "protocol-error"),
        "{ended:?}\n{ran}"
    );
}

#[test]
fn stanzas_over_the_limit() {
    let text = format!("<message><body>{}</body></message>", "x".repeat(20_000));
    says("a long text", text, &TOO_LARGE);
    let many = format!("<message>{}</message>", "<a/>".repeat(10_000));
    says("many elements", many, &TOO_LARGE);
    let deep = format!("<message>{}", "<a>".repeat(4_000));
    says("many levels", deep, &TOO_LARGE);
    let long = format!("<message a='{}'/>", "x".repeat(20_000));
    says("a long attribute", long, &TOO_LARGE);
}

#[test]
fn a_server_that_never_stops_sending_one_stanza() {
    meets(
        "32 MB",
        |wire| {
            let piece = "x".repeat(64 << 10);
            wire.say("<message><body>");
            for _ in 0..512 {
                if !wire.say(&piece) {
                    break;
                }
            }
            wire.read_to_end();
        },
        &TOO_LARGE,
    );
}

#[test]
fn ten_thousand_levels() {
    let deep = format!("{}{}", "<a>".repeat(10_000), "</a>".repeat(10_000));
    let peer = XmppPeer::start(move |wire| {
        if wire.log_in().is_some() {
            wire.say(&deep);
            wire.read_to_end();
        }
    });
    let ran = scripted(&peer.address(), "xmpp_fuzzy")
        .arguments("--users 4 --iterations 8")
        .with_samples()
        .finish();
    let ran = expect_checked(ran);
    let expected = all_ended(8, "stanza-too-large", "policy-violation", "2012");
    assert_eq!(endings(&ran), expected, "{ran}");
}

#[test]
fn streams_that_the_server_ends() {
    for condition in [
        "conflict",
        "policy-violation",
        "system-shutdown",
        "undefined-condition",
    ] {
        let outcome = Outcome {
            ending: "stream-error",
            condition,
            code: "2010",
            told: false,
        };
        let ran = says(condition, stream_error(condition, "go away"), &outcome);
        drop(ran.expect_text("go away"));
    }
    let by_peer = Outcome {
        ending: "by-peer",
        condition: "",
        code: "",
        told: false,
    };
    says("an orderly end", "</stream:stream>", &by_peer);
}

#[test]
fn connections_that_end() {
    meets("an end", |_| (), &DISCONNECTED);
    meets(
        "an end within a stanza",
        |wire| {
            wire.say("<message><body>hal");
        },
        &DISCONNECTED,
    );
    let reset = Outcome {
        ending: "reset",
        condition: "",
        code: "1220",
        told: false,
    };
    meets(
        "a reset",
        |wire| {
            // What was said before it has its way to go.
            std::thread::sleep(Duration::from_millis(200));
            wire.reset();
        },
        &reset,
    );
}

#[test]
fn a_server_that_answers_no_ping() {
    let peer = XmppPeer::start(|wire| {
        wire.log_in();
        wire.read_to_end();
    });
    let ran = scripted(&peer.address(), "xmpp_fuzzy")
        .set("ping", "100ms")
        .with_samples()
        .finish();
    let ran = expect_checked(ran);
    let ended = endings(&ran);
    assert!(
        ended.len() == 1
            && ended
                .keys()
                .all(|[ending, _, code]| ending == "ping-timeout" && code == "2014"),
        "{ended:?}\n{ran}"
    );
}

#[test]
fn a_server_that_does_not_end_its_side() {
    let peer = XmppPeer::start(|wire| {
        wire.log_in();
        wire.read_to_end();
    });
    let ran = scripted(&peer.address(), "xmpp_fuzzy")
        .set("patience", "100ms")
        .with_samples()
        .finish();
    let ran = ran.expect_clean();
    let expected = all_ended(1, "close-timeout", "", "2015");
    assert_eq!(endings(&ran), expected, "{ran}");
    let said = peer.await_ended(1).concat();
    assert!(said.contains("</stream:stream>"), "{said}");
}

#[test]
fn a_server_that_reads_nothing() {
    let peer = XmppPeer::start(|wire| {
        wire.log_in();
        std::thread::sleep(Duration::from_secs(2));
    });
    let ran = scripted(&peer.address(), "xmpp_fuzzy")
        .set("say", "x".repeat(100_000))
        .set("patience", "100ms")
        .with_samples()
        .finish();
    let ran = ran.expect_clean();
    assert_eq!(ran.summary().count("ended"), 1, "{ran}");
}

#[test]
fn inboxes_that_are_full() {
    let flood = || {
        XmppPeer::start(|wire| {
            wire.log_in();
            for number in 0..100 {
                wire.say(format!("<message id='m{number}'/>"));
            }
            wire.answer_end();
        })
    };
    let full = |overflow: &str| {
        let peer = flood();
        let ran = scripted(&peer.address(), "xmpp_fuzzy")
            .set("stanzas-max", 10)
            .set("overflow", overflow)
            .set("sleep", "500ms")
            .set("patience", "300ms")
            .with_samples()
            .finish();
        ran.expect_clean()
    };
    let ran = full("close");
    let ended = endings(&ran);
    assert!(
        ended
            .keys()
            .all(|[ending, _, code]| ending == "inbox-overflow" && code == "2013"),
        "{ended:?}\n{ran}"
    );
    for overflow in ["drop-oldest", "drop-newest"] {
        let ran = full(overflow);
        assert_eq!(told(&ran, "received"), ["10"], "{overflow}\n{ran}");
        assert_eq!(told(&ran, "dropped"), ["90"], "{overflow}\n{ran}");
        let dropped = ran.summary().count("xmpp_stanzas_dropped");
        assert_eq!(dropped, 90, "{overflow}\n{ran}");
    }
    let ran = full("pause");
    assert_eq!(told(&ran, "received"), ["100"], "{ran}");
    assert_eq!(told(&ran, "dropped"), ["0"], "{ran}");
}

#[test]
fn answers_of_somebody_else_are_no_answers() {
    // The right id from the wrong sender (RFC 6120, section 8.1.2.1), and the right one after it.
    let peer = XmppPeer::start(|wire| {
        wire.log_in();
        let request = wire.read_until("</iq>").unwrap_or_default();
        let id = lt_tests::peers::xmpp::attribute(&request, "id").unwrap_or_default();
        wire.say(format!(
            "<iq type='result' id='{id}' from='mallory@evil.test/x'/>"
        ));
        wire.say(format!(
            "<iq type='error' id='{id}' from='evil.test'><error type='cancel'><forbidden xmlns='{}'/></error></iq>",
            ns::STANZA_ERRORS
        ));
        wire.say(format!("<iq type='result' id='{id}' from='localhost'/>"));
        wire.answer_end();
    });
    let ran = scripted(&peer.address(), "xmpp_login")
        .with_samples()
        .finish();
    let ran = expect_checked(ran);
    // Beside the one to binding. Theirs are stanzas like others: they wait in the inbox.
    let came = sums(&ran, "xmpp_stanzas_received", "kind");
    assert_eq!(came.get("iq"), Some(&4), "{came:?}\n{ran}");
    assert_eq!(ran.summary().count("xmpp_unexpected"), 0, "{ran}");
    let asked = count_by(&ran.rows(), "xmpp_request_failed", ["namespace"]);
    assert_eq!(asked.len(), 1, "{asked:?}\n{ran}");
    assert_eq!(
        ran.summary().value("xmpp_request_failed", "rate"),
        Some(0.0),
        "{ran}"
    );
}

#[test]
fn faults_of_some_do_not_disturb_others() {
    let peer = XmppPeer::start(|wire| {
        if wire.log_in().is_none() {
            return;
        }
        match wire.connection % 3 {
            0 => {
                wire.say("<a></b>");
                wire.read_to_end();
            }
            1 => {
                wire.say(stream_error("conflict", ""));
                wire.read_to_end();
            }
            _ => {
                wire.say("</stream:stream>");
                wire.read_to_end();
            }
        }
    });
    let ran = scripted(&peer.address(), "xmpp_fuzzy")
        .set("sessions", 3)
        .arguments("--users 10 --iterations 50 --cores 2")
        .with_samples()
        .finish();
    let ran = expect_checked(ran);
    assert_eq!(ran.summary().count("ended"), 150, "{ran}");
    let mut expected = all_ended(50, "protocol-error", "not-well-formed", "2011");
    expected.extend(all_ended(50, "stream-error", "conflict", "2010"));
    expected.extend(all_ended(50, "by-peer", "", ""));
    assert_eq!(endings(&ran), expected, "{ran}");
}
