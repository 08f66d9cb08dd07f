use super::*;
use crate::dial::HostAddress;
use crate::dial::targets::Only;
use crate::error::NetError;
use crate::peer::local_paused;

/// What comes of a server that answers the stream's header with this, and what this side says last.
async fn answered(answer: String, limit: usize) -> (Tried, String) {
    let last = Rc::new(RefCell::new(String::new()));
    let told = last.clone();
    let mut asked = request();
    asked.stanza_bytes_max = limit;
    let tried = attempt(asked, move |mut server| {
        let (answer, told) = (answer.clone(), told.clone());
        async move {
            server.see("version='1.0'>").await;
            // The client may have heard enough before all is said.
            let _ = server.stream.write_all(answer.as_bytes()).await;
            *told.borrow_mut() = server.rest().await;
        }
    })
    .await;
    let last = last.borrow().clone();
    (tried, last)
}

fn stream_error(condition: &str, more: &str) -> String {
    format!(
        "<stream:error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'>{more}</{condition}></stream:error></stream:stream>"
    )
}

fn stream(condition: &str, text: &str) -> XmppError {
    XmppError::Stream(Condition {
        condition: condition.to_owned(),
        text: text.to_owned(),
    })
}

/// A server's header without features.
fn header() -> String {
    let whole = opening("");
    whole.split_once("<stream:features>").unwrap().0.to_owned()
}

#[test]
fn stream_errors_are_told_with_their_condition_at_every_step() {
    local(async {
        let other = stream_error("see-other-host", "other.example:5269");
        let (tried, last) = answered(format!("{}{other}", header()), 1 << 18).await;
        assert_eq!(
            (tried.failed(), last.as_str()),
            (Some("features"), "</stream:stream>")
        );
        assert_eq!(
            tried.error(),
            stream("see-other-host", "other.example:5269")
        );
        for step in ["sasl", "restart", "bind"] {
            let tried = attempt(request(), move |mut server| async move {
                server.open(PLAIN).await;
                server.see("</auth>").await;
                if step != "sasl" {
                    server.say(SUCCESS).await;
                    if step == "restart" {
                        server.see("version='1.0'>").await;
                        server.say(&header()).await;
                    } else {
                        server.open(BIND).await;
                        server.iq().await;
                    }
                }
                server.say(&stream_error("policy-violation", "")).await;
                assert_eq!(server.rest().await, "</stream:stream>");
            })
            .await;
            assert_eq!(tried.failed(), Some(step));
            assert_eq!(tried.error(), stream("policy-violation", ""));
        }
    });
}

#[test]
fn a_domain_that_the_server_does_not_know_is_told_behind_its_header() {
    local(async {
        let text = "<text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>who?</text>";
        let error = format!(
            "<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>{text}</stream:error>"
        );
        let (tried, _) = answered(format!("{}{error}", header()), 1 << 18).await;
        assert_eq!(tried.error(), stream("host-unknown", "who?"));
        // What only the application knows stands for the text.
        let error = "<stream:error><undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><too-fast xmlns='app'/></stream:error>";
        let (tried, _) = answered(format!("{}{error}", header()), 1 << 18).await;
        assert_eq!(tried.error(), stream("undefined-condition", "too-fast"));
    });
}

#[test]
fn a_resource_that_is_taken_is_a_conflict() {
    local(async {
        let tried = attempt(request(), |mut server| async move {
            server.log_in(BIND).await;
            let id = server.iq().await;
            server
                .say(&format!(
                    "<iq type='error' id='{id}'><error type='modify'>\
                <conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
                ))
                .await;
            server.see("</stream:stream>").await;
        })
        .await;
        assert_eq!(tried.failed(), Some("bind"));
        let error = tried.error();
        assert_eq!(error.number_and_name(), (2009, "refused"));
        assert_eq!(error.condition(), Some("conflict"));
    });
}

#[test]
fn what_is_no_xmpp_ends_at_once_and_the_server_is_told_why() {
    local(async {
        let bomb = "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]>";
        for (answer, condition, step) in [
            (
                "HTTP/1.1 400 Bad Request\r\n\r\n".to_owned(),
                "not-well-formed",
                "stream",
            ),
            (
                "SSH-2.0-OpenSSH\r\n".to_owned(),
                "not-well-formed",
                "stream",
            ),
            (format!("<?xml version='1.0'?>{bomb}"), "", "stream"),
            ("<html><body/></html>".to_owned(), "", "stream"),
            (
                format!("{}<a></b>", header()),
                "not-well-formed",
                "features",
            ),
            (
                format!("{}<a>&b;</a>", header()),
                "restricted-xml",
                "features",
            ),
            (
                format!("{}<!-- x -->", header()),
                "restricted-xml",
                "features",
            ),
            (
                format!("{}<x:a/>", header()),
                "bad-namespace-prefix",
                "features",
            ),
            (format!("{}hello", header()), "", "features"),
        ] {
            let (tried, last) = answered(answer.clone(), 1 << 18).await;
            assert_eq!(tried.failed(), Some(step), "{answer}");
            let error = tried.error();
            assert!(
                matches!(error, XmppError::Protocol(_)),
                "{answer}: {error:?}"
            );
            let start = "<stream:error xmlns:stream='http://etherx.jabber.org/streams'><";
            // What is recorded is what the server was told.
            let told = last
                .strip_prefix(start)
                .and_then(|told| told.split(' ').next());
            assert_eq!(error.condition(), told, "{answer}");
            assert!(
                last.starts_with(&format!("{start}{condition}")),
                "{answer}: {last}"
            );
            assert!(
                last.ends_with("</stream:error></stream:stream>"),
                "{answer}: {last}"
            );
        }
    });
}

#[test]
fn what_is_over_a_limit_ends_at_once() {
    local(async {
        let nested = "<a>".repeat(10_000);
        let long = format!("<stream:features><x>{}", "x".repeat(300 << 10));
        let attribute = format!("<stream:features x='{}", "x".repeat(100 << 10));
        for fault in [nested, long, attribute] {
            let (tried, last) = answered(format!("{}{fault}", header()), 256 << 10).await;
            assert_eq!(tried.failed(), Some("features"));
            let error = tried.error();
            assert!(matches!(error, XmppError::TooLarge(_)), "{error:?}");
            assert_eq!(error.condition(), Some("policy-violation"));
            // A server that was still talking may not have heard it.
            assert!(
                last.is_empty() || last.contains("<policy-violation "),
                "{last}"
            );
        }
    });
}

#[test]
fn stanzas_that_nobody_waits_for_are_kept_up_to_a_limit() {
    local(async {
        let tried = attempt(request(), |mut server| async move {
            server.log_in(BIND).await;
            server.iq().await;
            server.say(&"<message/>".repeat(1001)).await;
            let last = server.rest().await;
            assert!(last.contains("<policy-violation "), "{last}");
        })
        .await;
        assert_eq!(tried.failed(), Some("bind"));
        assert_eq!(tried.attempt.received, [1000, 0, 0]);
        let error = tried.error();
        assert!(matches!(error, XmppError::TooLarge(_)), "{error:?}");
        assert_eq!(error.condition(), Some("policy-violation"));
    });
}

#[test]
fn the_end_of_the_connection_is_told_at_every_step() {
    local(async {
        let steps = ["stream", "features", "sasl", "restart", "bind"];
        for (index, step) in steps.into_iter().enumerate() {
            for says_so in [true, false] {
                let tried = attempt(request(), move |mut server| async move {
                    server.see("version='1.0'>").await;
                    if index == 1 {
                        server.say(&header()).await;
                    } else if index > 1 {
                        server.say(&opening(PLAIN)).await;
                        server.see("</auth>").await;
                    }
                    if index > 2 {
                        server.say(SUCCESS).await;
                        server.see("version='1.0'>").await;
                    }
                    if index > 3 {
                        server.say(&opening(BIND)).await;
                        server.iq().await;
                    }
                    if says_so && index > 0 {
                        server
                            .say(&format!(
                                "{}</stream:stream>",
                                if index == 3 { header() } else { String::new() }
                            ))
                            .await;
                    } else {
                        // In the middle of an element.
                        server.say("<x").await;
                    }
                })
                .await;
                assert_eq!(tried.failed(), Some(step));
                assert_eq!(tried.error(), XmppError::Net(NetError::ConnectionClosed));
            }
        }
    });
}

#[test]
fn a_reset_is_told_as_one() {
    local(async {
        let tried = attempt(request(), |mut server| async move {
            server.see("version='1.0'>").await;
            let socket = socket2::SockRef::from(&server.stream);
            socket.set_linger(Some(Duration::ZERO)).unwrap();
        })
        .await;
        assert_eq!(tried.failed(), Some("stream"));
        assert_eq!(tried.error(), XmppError::Net(NetError::ConnectionReset));
    });
}

#[test]
fn silence_is_bounded_at_every_step() {
    local_paused(async {
        for (silent, step) in [("", "stream"), (&*header(), "features")] {
            let (tried, last) = answered(silent.to_owned(), 1 << 18).await;
            assert_eq!(
                (tried.failed(), last.as_str()),
                (Some(step), "</stream:stream>")
            );
            assert_eq!(tried.took(step), Duration::from_secs(30));
            assert_eq!(tried.error(), XmppError::StepTimeout(step.to_owned()));
        }
    });
}

/// All of connecting often has as much time as each step, and its time began earlier.
#[test]
fn silence_is_told_with_the_step_also_when_all_time_is_over() {
    local_paused(async {
        for (silent, step) in [("", "stream"), (&*header(), "features")] {
            let mut asked = request();
            asked.timeout = asked.step_timeout;
            let silent = silent.to_owned();
            let tried = attempt(asked, move |mut server| {
                let silent = silent.clone();
                async move {
                    server.say(&silent).await;
                    server.rest().await;
                }
            })
            .await;
            assert_eq!(tried.failed(), Some(step));
            assert_eq!(tried.error(), XmppError::StepTimeout(step.to_owned()));
        }
    });
}

/// One that says a little now and then is as bad.
#[test]
fn drops_of_an_element_do_not_make_a_step_longer() {
    local_paused(async {
        let tried = attempt(request(), |mut server| async move {
            server.see("version='1.0'>").await;
            for byte in opening(PLAIN).bytes() {
                if server.stream.write_all(&[byte]).await.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_secs(3)).await;
            }
        })
        .await;
        assert_eq!(tried.took("stream"), Duration::from_secs(30));
        assert_eq!(tried.error(), XmppError::StepTimeout("stream".to_owned()));
    });
}

#[test]
fn a_server_that_is_not_there_is_told_by_what_is_wrong() {
    local(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dead = listener.local_addr().unwrap();
        drop(listener);
        let mut asked = request();
        asked.address = Some(dead.to_string());
        let mut attempt = Attempt::default();
        let outcome = client().establish(asked.clone(), None, &mut attempt).await;
        assert_eq!(attempt.failed.as_deref(), Some("tcp"));
        assert_eq!(
            outcome.unwrap_err(),
            XmppError::Net(NetError::ConnectionRefused)
        );
        // Whom a run may not reach it does not.
        let options = NetworkOptions {
            allow: Only::filter(|host, _| host != "127.0.0.1"),
            ..NetworkOptions::default()
        };
        let mut attempt = Attempt::default();
        let outcome = client_of(options)
            .establish(asked, None, &mut attempt)
            .await;
        assert_eq!(attempt.failed.as_deref(), Some("resolve"));
        let error = outcome.unwrap_err();
        assert_eq!(error.number_and_name(), (1110, "target-denied"));
        assert_eq!((attempt.bytes_sent, attempt.bytes_received), (0, 0));
    });
}

#[test]
fn the_domain_is_where_an_override_says() {
    local(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let options = NetworkOptions {
            hosts: [(
                "example.org:5222".to_owned(),
                HostAddress::Socket(listener.local_addr().unwrap()),
            )]
            .into(),
            ..NetworkOptions::default()
        };
        let mut attempt = Attempt::default();
        let client = client_of(options);
        let connected = client.establish(request(), None, &mut attempt);
        let server = async {
            let (stream, _) = listener.accept().await.unwrap();
            let mut server = Server::new(stream);
            server.log_in(BIND).await;
            server.bind(ORCHARD).await;
        };
        let (outcome, ()) = tokio::join!(connected, server);
        assert_eq!(outcome.unwrap().connected.jid, ORCHARD);
    });
}

#[test]
fn what_makes_no_sense_is_not_attempted() {
    local(async {
        let mut asked = request();
        asked.jid = "@".to_owned();
        asked.address = Some("127.0.0.1:1".to_owned());
        let mut attempt = Attempt::default();
        let outcome = client().establish(asked, None, &mut attempt).await;
        assert_eq!(
            outcome.unwrap_err().number_and_name(),
            (1020, "invalid-request")
        );
        assert!(attempt.steps.is_empty() && attempt.failed.is_none());
    });
}

#[test]
fn a_local_address_is_connected_from() {
    local(async {
        let mut asked = request();
        asked.local_address = Some("127.0.0.7".parse().unwrap());
        let tried = attempt(asked, |mut server| async move {
            assert_eq!(
                server.stream.peer_addr().unwrap().ip().to_string(),
                "127.0.0.7"
            );
            server.log_in(BIND).await;
            server.bind(ORCHARD).await;
        })
        .await;
        tried.established();
    });
}

#[test]
fn a_server_of_before_xmpp_has_no_features() {
    local(async {
        let old = header().replace(" version='1.0'>", ">");
        let (tried, last) = answered(old, 1 << 18).await;
        assert_eq!(tried.failed(), Some("stream"));
        assert_eq!(last, "</stream:stream>");
        assert_eq!(
            tried.error(),
            XmppError::protocol("the stream's version is none")
        );
    });
}
