use aws_lc_rs::{digest, hmac, pbkdf2};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::*;
use crate::peer::local_paused;

#[test]
fn all_steps_are_done_in_order_and_timed() {
    local(async {
        let mut asked = request();
        asked.jid = ORCHARD.to_owned();
        let tried = attempt(asked, |mut server| async move {
            let header = server.open(PLAIN).await;
            assert_eq!(attribute_of(&header, "to"), "example.org");
            assert!(header.starts_with("<?xml version='1.0'?><stream:stream xmlns='jabber:client'"));
            // Whoever reads along does not learn who this is before it must be said.
            assert!(!header.contains("from="), "{header}");
            let auth = server.see("</auth>").await;
            assert_eq!(
                auth,
                "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHJvbWVvAHNlY3JldA==</auth>"
            );
            server.say(SUCCESS).await;
            let session = "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>";
            server.open(&format!("{BIND}{session}")).await;
            let bind = server.see("</iq>").await;
            assert!(bind.contains("<resource>orchard</resource>"), "{bind}");
            server.say(&bound(attribute_of(&bind, "id"), "romeo@example.org/given")).await;
            let session = server.see("</iq>").await;
            assert!(session.contains("xmpp-session"));
            let id = attribute_of(&session, "id");
            server.say(&format!("<iq type='result' id='{id}' from='example.org'/>")).await;
        })
        .await;
        assert_eq!(
            tried.steps(),
            [
                "tcp", "stream", "features", "sasl", "restart", "bind", "session"
            ]
        );
        assert_eq!(tried.failed(), None);
        assert_eq!(tried.attempt.sent, [0, 0, 2]);
        assert_eq!(tried.attempt.received, [0, 0, 2]);
        let sum: Duration = tried.attempt.steps.iter().map(|(_, took)| *took).sum();
        assert!(sum <= tried.attempt.total);
        assert!(tried.attempt.bytes_sent > 300 && tried.attempt.bytes_received > 500);
        let established = tried.established();
        let connected = established.connected;
        assert_eq!(connected.jid, "romeo@example.org/given");
        assert_eq!((connected.mechanism, connected.tls_version), ("PLAIN", ""));
        assert_eq!(connected.steps.len(), 7);
        assert!(!connected.resumed && connected.remote.ip().is_loopback());
        assert_eq!(
            connected.features,
            [
                "urn:ietf:params:xml:ns:xmpp-bind",
                "urn:ietf:params:xml:ns:xmpp-session"
            ]
        );
        assert!(established.early.is_empty() && established.sm.is_none());
    });
}

#[test]
fn a_session_that_is_optional_is_left_out_and_so_is_tls_that_nobody_wants() {
    local(async {
        let tried = attempt(request(), |mut server| async move {
            let optional =
                "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session>";
            server.log_in(&format!("{BIND}{optional}")).await;
            server.bind(ORCHARD).await;
        })
        .await;
        assert_eq!(
            tried.steps(),
            ["tcp", "stream", "features", "sasl", "restart", "bind"]
        );
        tried.established();
    });
}

#[test]
fn what_comes_in_many_pieces_or_all_at_once_is_the_same() {
    local(async {
        let tried = attempt(request(), |mut server| async move {
            server.see("version='1.0'>").await;
            for piece in opening(PLAIN).as_bytes().chunks(1) {
                server.stream.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
            server.see("</auth>").await;
            // Nothing may follow that was not asked for, but white space does.
            server.say(&format!("{SUCCESS}\n")).await;
            server.open(BIND).await;
            let id = server.iq().await;
            let early = "<message from='a@b'><body>1</body></message><presence from='c@d'/>";
            server
                .say(&format!(
                    "{early}<x xmlns='y'/>{}<message id='last'/>",
                    bound(&id, ORCHARD)
                ))
                .await;
        })
        .await;
        // What stands behind the answer is still in the channel, and nobody has looked at it.
        assert_eq!(tried.attempt.received, [1, 1, 1]);
        let mut established = tried.established();
        let early: Vec<_> = established.early.iter().map(Stanza::xml).collect();
        assert_eq!(
            early,
            [
                "<message from='a@b'><body>1</body></message>",
                "<presence from='c@d'/>"
            ]
        );
        let event = established.channel.next().await.unwrap();
        let super::super::super::framer::Event::Element(last) = event else {
            panic!("{event:?}");
        };
        assert_eq!(
            (last.id(), last.sender()),
            (Some("last"), Some("romeo@example.org"))
        );
    });
}

#[test]
fn an_answer_from_somebody_else_is_no_answer() {
    local(async {
        let tried = attempt(request(), |mut server| async move {
            server.log_in(BIND).await;
            let id = server.iq().await;
            let forged = bound(&id, "mallory@example.org/x")
                .replace("<iq ", "<iq from='mallory@example.org' ");
            server.say(&forged).await;
            server.say(&bound("another", "mallory@example.org/x")).await;
            server
                .say(&format!(
                    "<iq type='get' id='{id}'><ping xmlns='urn:xmpp:ping'/></iq>"
                ))
                .await;
            server.say(&bound(&id, ORCHARD)).await;
        })
        .await;
        let established = tried.established();
        assert_eq!(established.connected.jid, ORCHARD);
        assert_eq!(established.early.len(), 3);
    });
}

#[test]
fn a_wrong_password_is_told_with_its_condition() {
    local(async {
        let tried = attempt(request(), |mut server| async move {
            server.open(PLAIN).await;
            server.see("</auth>").await;
            let failure = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/><text xml:lang='en'>no &lt;you&gt;</text></failure>";
            server.say(failure).await;
            // It is this side that ends the stream then, and waits for nothing.
            assert_eq!(server.rest().await, "</stream:stream>");
        })
        .await;
        assert_eq!(tried.failed(), Some("sasl"));
        assert_eq!(tried.steps(), ["tcp", "stream", "features", "sasl"]);
        let condition = Condition {
            condition: "not-authorized".to_owned(),
            text: "no <you>".to_owned(),
        };
        assert_eq!(tried.error(), XmppError::Sasl(condition));
    });
}

#[test]
fn no_mechanism_in_common_names_those_of_the_server() {
    local(async {
        let mut asked = request();
        asked.mechanisms = None;
        let tried = attempt(asked, |mut server| async move {
            let offered = PLAIN.replace(
                "</mechanisms>",
                "<mechanism>DIGEST-MD5</mechanism></mechanisms>",
            );
            server.open(&offered).await;
            // PLAIN goes over no plain connection unless it is named.
            assert_eq!(server.rest().await, "</stream:stream>");
        })
        .await;
        assert_eq!(tried.failed(), Some("sasl"));
        let offered = vec!["PLAIN".to_owned(), "DIGEST-MD5".to_owned()];
        assert_eq!(tried.error(), XmppError::NoMechanism(offered));
    });
}

/// What a server says to SCRAM-SHA-256, as RFC 5802 has it: the challenge, and the proof that it knows the password.
struct Scram {
    challenge: String,
    signature: String,
}

impl Scram {
    fn new(auth: &str, password: &str, rounds: u32) -> Self {
        let (_, first) = auth.split_once("'>").unwrap();
        let first = BASE64
            .decode(first.strip_suffix("</auth>").unwrap())
            .unwrap();
        let first = String::from_utf8(first).unwrap();
        let bare = first.split_once("n=").unwrap().1;
        let nonce = bare.split_once(",r=").unwrap().1;
        let salt = b"salt";
        let challenge = format!("r={nonce}server,s={},i={rounds}", BASE64.encode(salt));
        let mut salted = [0; digest::SHA256_OUTPUT_LEN];
        pbkdf2::derive(
            pbkdf2::PBKDF2_HMAC_SHA256,
            rounds.try_into().unwrap(),
            salt,
            password.as_bytes(),
            &mut salted,
        );
        let sign = |key: &[u8], data: &str| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, key);
            hmac::sign(&key, data.as_bytes()).as_ref().to_vec()
        };
        let said = format!("n={bare},{challenge},c=biws,r={nonce}server");
        let signature = sign(&sign(&salted, "Server Key"), &said);
        Self {
            challenge: format!(
                "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{}</challenge>",
                BASE64.encode(challenge)
            ),
            signature: BASE64.encode(signature),
        }
    }

    fn success(signature: &str) -> String {
        let data = BASE64.encode(format!("v={signature}"));
        format!("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{data}</success>")
    }
}

const SCRAM: &str = "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism><mechanism>SCRAM-SHA-256</mechanism></mechanisms>";

fn with_scram() -> ConnectRequest {
    ConnectRequest {
        mechanisms: None,
        ..request()
    }
}

#[test]
fn deriving_keys_is_a_step_of_its_own() {
    local(async {
        let tried = attempt(with_scram(), |mut server| async move {
            server.open(SCRAM).await;
            let auth = server.see("</auth>").await;
            assert_eq!(attribute_of(&auth, "mechanism"), "SCRAM-SHA-256");
            let scram = Scram::new(&auth, "secret", 4096);
            server.say(&scram.challenge).await;
            server.see("</response>").await;
            server.say(&Scram::success(&scram.signature)).await;
            server.open(BIND).await;
            server.bind(ORCHARD).await;
        })
        .await;
        assert_eq!(
            tried.steps(),
            [
                "tcp",
                "stream",
                "features",
                "sasl-compute",
                "sasl",
                "restart",
                "bind"
            ]
        );
        assert_eq!(tried.established().connected.mechanism, "SCRAM-SHA-256");
    });
}

#[test]
fn a_server_that_does_not_know_the_password_is_not_trusted() {
    local(async {
        for forged in [true, false] {
            let tried = attempt(with_scram(), move |mut server| async move {
                server.open(SCRAM).await;
                let auth = server.see("</auth>").await;
                let scram = Scram::new(&auth, "another password", 100);
                server.say(&scram.challenge).await;
                server.see("</response>").await;
                let success = if forged {
                    Scram::success(&scram.signature)
                } else {
                    SUCCESS.to_owned()
                };
                server.say(&success).await;
                assert_eq!(server.rest().await, "</stream:stream>");
            })
            .await;
            assert_eq!(tried.failed(), Some("sasl"));
            let error = tried.error();
            assert!(matches!(error, XmppError::ServerNotTrusted(_)), "{error:?}");
        }
    });
}

#[test]
fn a_server_that_asks_for_too_many_rounds_is_not_trusted_and_costs_nothing() {
    local(async {
        let tried = attempt(with_scram(), |mut server| async move {
            server.open(SCRAM).await;
            let auth = server.see("</auth>").await;
            let scram = Scram::new(&auth, "secret", 1);
            let (_, data) = scram.challenge.split_once('>').unwrap();
            let data = BASE64
                .decode(data.strip_suffix("</challenge>").unwrap())
                .unwrap();
            let data = String::from_utf8(data)
                .unwrap()
                .replace(",i=1", ",i=4000000000");
            let challenge = format!(
                "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{}</challenge>",
                BASE64.encode(data)
            );
            server.say(&challenge).await;
            assert_eq!(server.rest().await, "</stream:stream>");
        })
        .await;
        assert_eq!(tried.steps(), ["tcp", "stream", "features", "sasl"]);
        let error = tried.error();
        assert!(matches!(error, XmppError::ServerNotTrusted(_)), "{error:?}");
    });
}

#[test]
fn what_is_no_answer_of_sasl_is_no_xmpp() {
    local(async {
        for (answer, why) in [
            ("<message/>", "`message` came instead"),
            (
                "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>!</challenge>",
                "not base64",
            ),
            (
                "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
                "`proceed` came instead",
            ),
        ] {
            let tried = attempt(request(), move |mut server| async move {
                server.open(PLAIN).await;
                server.see("</auth>").await;
                server.say(answer).await;
                server.see("</stream:stream>").await;
            })
            .await;
            assert_eq!(tried.failed(), Some("sasl"));
            match tried.error() {
                XmppError::Protocol(fault) => assert!(fault.text.contains(why), "{fault:?}"),
                other => panic!("{other:?}"),
            }
        }
    });
}

#[test]
fn a_step_of_the_scenarios_own_sends_awaits_and_restarts() {
    local(async {
        let filter = Filter {
            name: Some("yes".to_owned()),
            ..Filter::default()
        };
        let filters = Rc::new(Filters::new(vec![filter]).unwrap());
        let custom = |name: &str, send: &str, r#await, restart| {
            Step::Custom(Rc::new(CustomStep {
                name: name.to_owned(),
                send: send.to_owned(),
                r#await,
                restart,
            }))
        };
        let mut asked = request();
        asked.steps = vec![
            custom("before", " ", None, false),
            Step::Stream,
            custom("own-login", "<let-me xmlns='x'/>", Some(filters), true),
            custom("hello", "<presence/>", None, false),
        ];
        let tried = attempt(asked, |mut server| async move {
            let header = server.open("").await;
            assert!(header.starts_with(" <?xml"), "{header}");
            server.see("<let-me xmlns='x'/>").await;
            server
                .say("<no xmlns='x'/><message/><yes xmlns='x'/>")
                .await;
            server.open(BIND).await;
            server.see("<presence/>").await;
        })
        .await;
        assert_eq!(
            tried.steps(),
            [
                "tcp",
                "before",
                "stream",
                "features",
                "own-login",
                "restart",
                "hello"
            ]
        );
        assert_eq!(
            (tried.attempt.sent, tried.attempt.received),
            ([0, 1, 0], [1, 0, 0])
        );
        let established = tried.established();
        assert_eq!(
            established.connected.features,
            ["urn:ietf:params:xml:ns:xmpp-bind"]
        );
        assert_eq!(established.connected.jid, "romeo@example.org");
        assert_eq!(established.early.len(), 1);
    });
}

#[test]
fn time_runs_out_for_a_step_and_for_all_of_them() {
    local_paused(async {
        let mut asked = request();
        asked.step_timeout = Duration::from_secs(7);
        let silent = |mut server: Server| async move {
            server.log_in(BIND).await;
            server.iq().await;
            assert_eq!(server.rest().await, "</stream:stream>");
        };
        let tried = attempt(asked.clone(), silent).await;
        assert_eq!(tried.failed(), Some("bind"));
        assert_eq!(tried.took("bind"), Duration::from_secs(7));
        assert_eq!(tried.error(), XmppError::StepTimeout("bind".to_owned()));
        asked.timeout = Duration::from_secs(5);
        let tried = attempt(asked, silent).await;
        assert_eq!(
            (tried.failed(), tried.took("bind")),
            (Some("bind"), Duration::from_secs(5))
        );
        assert_eq!(tried.attempt.total, Duration::from_secs(5));
        // Not that time is over, but where it went.
        assert_eq!(tried.error(), XmppError::StepTimeout("bind".to_owned()));
    });
}

#[test]
fn anonymous_users_are_who_the_server_says() {
    local(async {
        let mut asked = request();
        asked.jid = "example.org".to_owned();
        asked.mechanisms = Some(vec![Mechanism::Anonymous]);
        let tried = attempt(asked, |mut server| async move {
            server.open(&PLAIN.replace("PLAIN", "ANONYMOUS")).await;
            let auth = server.see("</auth>").await;
            assert!(auth.ends_with("mechanism='ANONYMOUS'></auth>"), "{auth}");
            server.say(SUCCESS).await;
            server.open(BIND).await;
            server.bind("x7@example.org/y").await;
        })
        .await;
        assert_eq!(tried.established().connected.jid, "x7@example.org/y");
    });
}
