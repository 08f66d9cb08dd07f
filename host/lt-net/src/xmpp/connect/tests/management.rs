use super::*;
use crate::dial::HostAddress;
use crate::xmpp::connect::ask::{Enabled, NS_SM};
use crate::xmpp::sm::SmState;

const SM: &str = "<sm xmlns='urn:xmpp:sm:3'/>";

fn managed() -> ConnectRequest {
    let mut request = request();
    request.steps.extend([
        Step::StreamManagement(StreamManagement {
            resume: true,
            max: Some(Duration::from_secs(90)),
            ask_every: 5,
        }),
        Step::Carbons,
        Step::Presence,
    ]);
    request
}

/// What is left of a session in which so many stanzas were handled, and one was sent that was not acknowledged.
fn resumption(handled: u32) -> Rc<RefCell<Resumption>> {
    resumption_at(None, handled)
}

/// The same of a server that wants it to be resumed there.
fn resumption_at(location: Option<String>, handled: u32) -> Rc<RefCell<Resumption>> {
    let mut state = SmState::enabled(Enabled {
        id: Some("some-'id'".to_owned()),
        max: None,
        location,
        ask_every: 5,
    });
    for _ in 0..handled {
        state.note_handled();
    }
    state.note_sent(StanzaKind::Message, "<message id='lost'/>");
    Rc::new(RefCell::new(Resumption::of(state, ORCHARD).unwrap()))
}

#[test]
fn a_stream_is_managed_and_what_later_steps_send_and_take_counts() {
    local(async {
        let tried = attempt(managed(), |mut server| async move {
            server.log_in(&format!("{BIND}{SM}")).await;
            server.bind(ORCHARD).await;
            let enable = server.see("/>").await;
            assert_eq!(
                enable,
                "<enable xmlns='urn:xmpp:sm:3' resume='true' max='90'/>"
            );
            server
                .say("<enabled xmlns='urn:xmpp:sm:3' id='x1' resume='1' max='60'/>")
                .await;
            let carbons = server.see("</iq>").await;
            assert!(
                carbons.contains("<enable xmlns='urn:xmpp:carbons:2'/>"),
                "{carbons}"
            );
            let id = attribute_of(&carbons, "id");
            let asks = "<r xmlns='urn:xmpp:sm:3'/>";
            server
                .say(&format!("<message/>{asks}<iq type='result' id='{id}'/>"))
                .await;
            let presence = server.see("/>").await;
            let id = attribute_of(&presence, "id");
            server
                .say("<presence from='romeo@example.org/other'/>")
                .await;
            server
                .say(&format!("<presence from='{ORCHARD}' id='{id}'/>"))
                .await;
        })
        .await;
        assert_eq!(
            tried.steps()[5..],
            ["bind", "stream-management", "carbons", "presence"]
        );
        assert_eq!(
            (tried.attempt.sent, tried.attempt.received),
            ([0, 1, 2], [1, 2, 2])
        );
        let established = tried.established();
        let early: Vec<_> = established.early.iter().map(Stanza::name).collect();
        // In their order: the answer to `r` says what was handled up to there.
        assert_eq!(early, ["message", "r", "presence"]);
        let left = Resumption::of(established.sm.unwrap(), ORCHARD).unwrap();
        assert_eq!((left.id(), left.handled()), ("x1", 4));
        assert_eq!(left.unacknowledged().len(), 2);
    });
}

#[test]
fn what_came_before_a_stream_was_managed_does_not_count() {
    local(async {
        let mut asked = managed();
        asked.steps.truncate(asked.steps.len() - 2);
        asked.steps.insert(6, Step::Presence);
        let tried = attempt(asked, |mut server| async move {
            server.log_in(&format!("{BIND}{SM}")).await;
            server.bind(ORCHARD).await;
            server.see("/>").await;
            server
                .say(&format!(
                    "<message id='offline'/><presence from='{ORCHARD}'/><message/>"
                ))
                .await;
            server.see("/>").await;
            server
                .say("<message/><enabled xmlns='urn:xmpp:sm:3' id='x1' resume='1'/>")
                .await;
        })
        .await;
        let established = tried.established();
        assert_eq!(established.early.len(), 3);
        assert_eq!(established.sm.unwrap().handled(), 0);
    });
}

#[test]
fn what_a_custom_step_sends_without_being_looked_at_may_be_several_stanzas() {
    local(async {
        let mut asked = managed();
        asked.steps.truncate(asked.steps.len() - 2);
        asked.steps.push(Step::Custom(Rc::new(CustomStep {
            name: "two".to_owned(),
            send: "<message/><message/>".to_owned(),
            r#await: None,
            restart: false,
        })));
        let tried = attempt(asked, |mut server| async move {
            server.log_in(&format!("{BIND}{SM}")).await;
            server.bind(ORCHARD).await;
            server.see("/>").await;
            server
                .say("<enabled xmlns='urn:xmpp:sm:3' id='x1' resume='1'/>")
                .await;
            server.see("<message/><message/>").await;
        })
        .await;
        let left = Resumption::of(tried.established().sm.unwrap(), ORCHARD).unwrap();
        assert!(SmState::resumed(left, 2).is_ok());
    });
}

#[test]
fn management_that_is_not_offered_is_left_out_and_one_that_is_refused_fails() {
    local(async {
        let tried = attempt(managed(), |mut server| async move {
            server.log_in(BIND).await;
            server.bind(ORCHARD).await;
            let id = server.iq().await;
            server
                .say(&format!(
                    "<iq type='error' id='{id}'><error type='cancel'>\
                <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
                ))
                .await;
        })
        .await;
        assert_eq!(tried.failed(), Some("carbons"));
        assert_eq!(tried.error().condition(), Some("service-unavailable"));
        let tried = attempt(managed(), |mut server| async move {
            server.log_in(&format!("{BIND}{SM}")).await;
            server.bind(ORCHARD).await;
            server.see("/>").await;
            server
                .say(
                    "<failed xmlns='urn:xmpp:sm:3'>\
                <unexpected-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>",
                )
                .await;
            server.see("</stream:stream>").await;
        })
        .await;
        assert_eq!(tried.failed(), Some("stream-management"));
        assert_eq!(tried.error().condition(), Some("unexpected-request"));
    });
}

#[test]
fn a_presence_that_is_refused_fails_its_step() {
    local(async {
        let mut asked = request();
        asked.steps.push(Step::Presence);
        let tried = attempt(asked, |mut server| async move {
            server.log_in(BIND).await;
            server.bind(ORCHARD).await;
            let presence = server.see("/>").await;
            let id = attribute_of(&presence, "id");
            server.say(&format!("<presence type='error' id='{id}'><error type='wait'>\
                <resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>")).await;
            server.see("</stream:stream>").await;
        })
        .await;
        assert_eq!(tried.failed(), Some("presence"));
        assert_eq!(tried.error().condition(), Some("resource-constraint"));
    });
}

#[test]
fn a_stream_is_taken_up_and_nothing_is_bound_then() {
    local(async {
        let given = resumption(7);
        let tried = attempt_as(
            &client(),
            managed(),
            Some(given.clone()),
            |mut server| async move {
                server.log_in(&format!("{BIND}{SM}")).await;
                let resume = server.see("/>").await;
                assert_eq!(
                    resume,
                    "<resume xmlns='urn:xmpp:sm:3' h='7' previd='some-&apos;id&apos;'/>"
                );
                server
                    .say("<resumed xmlns='urn:xmpp:sm:3' h='0' previd='some-&apos;id&apos;'/>")
                    .await;
                server.say("<message id='missed'/>").await;
            },
        )
        .await;
        assert_eq!(tried.steps()[3..], ["sasl", "restart", "resume"]);
        let established = tried.established();
        assert!(established.connected.resumed);
        assert_eq!(established.connected.jid, ORCHARD);
        let left = Resumption::of(established.sm.unwrap(), ORCHARD).unwrap();
        assert_eq!(left.handled(), 7);
        assert_eq!(left.unacknowledged(), ["<message id='lost'/>"]);
        let given = given.borrow();
        assert!(given.is_spent() && given.unacknowledged().is_empty());
        assert_eq!(given.handled(), 7);
    });
}

#[test]
fn a_stream_is_looked_for_where_its_server_wants_that() {
    local(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = listener.local_addr().unwrap().to_string();
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let nobody = closed.local_addr().unwrap();
        drop(closed);
        // Nothing is there but what the server has named; a name that is none is not looked for.
        for (location, found) in [(place, true), ("no place".to_owned(), false)] {
            let mut asked = managed();
            asked.steps.truncate(1);
            let left = resumption_at(Some(location), 1);
            let options = NetworkOptions {
                hosts: [("example.org:5222".to_owned(), HostAddress::Socket(nobody))].into(),
                ..NetworkOptions::default()
            };
            let (client, mut attempt) = (client_of(options), Attempt::default());
            let connecting = client.establish(asked, Some(left), &mut attempt);
            let accepted = async {
                let (stream, _) = listener.accept().await.unwrap();
                Server::new(stream).see("to='example.org'").await
            };
            let went = tokio::select! {
                _ = accepted => true,
                _ = connecting => false,
            };
            assert_eq!(went, found);
        }
    });
}

#[test]
fn a_spent_resumption_is_none() {
    local(async {
        let given = resumption(7);
        let _taken_up = given.borrow_mut().take();
        let tried = attempt_as(
            &client(),
            managed_to(Step::Bind),
            Some(given),
            |mut server| async move {
                server.log_in(&format!("{BIND}{SM}")).await;
                server.bind(ORCHARD).await;
            },
        )
        .await;
        assert!(!tried.established().connected.resumed);
    });
}

#[test]
fn an_attempt_that_fails_costs_no_resumption() {
    local(async {
        let given = resumption(1);
        let tried = attempt_as(
            &client(),
            managed(),
            Some(given.clone()),
            |mut server| async move {
                server.log_in(&format!("{BIND}{SM}")).await;
                server.see("/>").await;
            },
        )
        .await;
        assert_eq!(tried.failed(), Some("resume"));
        assert!(!given.borrow().is_spent());
        assert_eq!(given.borrow().unacknowledged(), ["<message id='lost'/>"]);
        // What makes no sense was not attempted.
        let mut asked = managed();
        asked.jid = "@".to_owned();
        let (client, mut attempt) = (client(), Attempt::default());
        let tried = client.establish(asked, Some(given.clone()), &mut attempt);
        assert!(tried.await.is_err() && !given.borrow().is_spent());
    });
}

#[test]
fn a_refusal_says_what_was_handled() {
    local(async {
        // Without a count nothing is known; one that cannot be says nothing.
        for (h, left) in [("", 1), (" h='1'", 0), (" h='5'", 1), (" h='0'", 1)] {
            let given = resumption(1);
            let tried = attempt_as(
                &client(),
                managed_to(Step::Bind),
                Some(given.clone()),
                move |mut server| async move {
                    server.log_in(&format!("{BIND}{SM}")).await;
                    server.see("/>").await;
                    server.say(&format!("<failed xmlns='{NS_SM}'{h}/>")).await;
                    server.bind(ORCHARD).await;
                },
            )
            .await;
            assert!(!tried.established().connected.resumed);
            assert_eq!(given.borrow().unacknowledged().len(), left, "{h}");
        }
    });
}

#[test]
fn a_stream_that_is_not_known_any_more_is_bound_anew() {
    local(async {
        for offers in [true, false] {
            let tried = attempt_as(
                &client(),
                managed_to(Step::Bind),
                Some(resumption(1)),
                move |mut server| async move {
                    server
                        .log_in(&format!("{BIND}{}", if offers { SM } else { "" }))
                        .await;
                    if offers {
                        server.see("<resume ").await;
                        server.see("/>").await;
                        server
                            .say(&format!(
                                "<failed xmlns='{NS_SM}' h='0'>\
                        <item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>"
                            ))
                            .await;
                    }
                    server.bind("romeo@example.org/new").await;
                },
            )
            .await;
            assert_eq!(tried.steps().contains(&"resume"), offers);
            let connected = tried.established().connected;
            assert_eq!(
                (connected.resumed, connected.jid.as_str()),
                (false, "romeo@example.org/new")
            );
        }
    });
}

/// The usual steps, up to this one.
fn managed_to(last: Step) -> ConnectRequest {
    let mut request = request();
    request.steps.truncate(4);
    request.steps.push(last);
    request
}

#[test]
fn a_server_cannot_have_handled_more_than_it_was_sent() {
    local(async {
        for h in ["2", "x", "-1"] {
            let tried = attempt_as(
                &client(),
                managed(),
                Some(resumption(0)),
                move |mut server| async move {
                    server.log_in(&format!("{BIND}{SM}")).await;
                    server.see("/>").await;
                    server
                        .say(&format!(
                            "<resumed xmlns='urn:xmpp:sm:3' h='{h}' previd='x'/>"
                        ))
                        .await;
                    server.see("</stream:stream>").await;
                },
            )
            .await;
            assert_eq!(tried.failed(), Some("resume"));
            let error = tried.error();
            assert!(
                matches!(error, XmppError::Stream(_) | XmppError::Protocol(_)),
                "{error:?}"
            );
        }
    });
}
