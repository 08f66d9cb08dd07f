use super::*;

const PING: &str = "<iq type='get'><ping xmlns='urn:xmpp:ping'/></iq>";

/// The value of the attribute `id` in a text.
fn id_of(text: &str) -> String {
    let rest = text.split_once(" id='").unwrap().1;
    rest.split_once('\'').unwrap().0.to_owned()
}

#[test]
fn answers_are_told_by_id_and_sender() {
    local(async {
        let client = pair(|server| async move {
            let mut server = server.begin().await;
            let id = id_of(&server.see("</iq>").await);
            server
                .send(&format!(
                    "<iq type='result' id='{id}' from='mallory@example.org'/><iq type='result' id='else'/>\
                     <iq type='get' id='{id}'><x xmlns='y'/></iq><iq type='result' id='{id}' from='bob@example.org/x'/>"
                ))
                .await;
            server.left().await;
        })
        .await;
        let request =
            client.request("<iq type='get' to='Bob@example.org/x'><a xmlns='urn:a'/></iq>");
        let answered = answer(&request).await.unwrap();
        assert!(answered.contains("bob@example.org/x"), "{answered}");
        let rest = client.waiting();
        assert_eq!(rest.len(), 3, "{rest:?}");
        assert!(rest[0].contains("mallory"));
        assert_eq!(client.log.of("answered "), ["urn:a"]);
        client.leave().await;
    });
}

#[test]
fn the_account_s_server_answers_for_it() {
    local(async {
        let client = pair(|server| async move {
            let mut server = server.begin().await;
            for from in ["", " from='alice@example.org'", " from='example.org'"] {
                server
                    .expect("<iq id='mine' type='set'><a xmlns='b'/></iq>")
                    .await;
                server
                    .send(&format!("<iq type='result' id='mine'{from}/>"))
                    .await;
            }
            server.left().await;
        })
        .await;
        for _ in 0..3 {
            let request = client.request("<iq id='mine' type='set'><a xmlns='b'/></iq>");
            assert!(answer(&request).await.is_ok());
        }
        client.leave().await;
    });
}

#[test]
fn an_error_is_an_answer() {
    local(async {
        let client = pair(|server| async move {
            let mut server = server.begin().await;
            let id = id_of(&server.see("</iq>").await);
            server
                .send(&format!("<iq type='error' id='{id}'><error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"))
                .await;
            server.left().await;
        })
        .await;
        let Err(XmppError::Refused(error)) = answer(&client.request(PING)).await else {
            panic!("not refused");
        };
        assert_eq!(
            (error.condition.as_str(), error.kind.as_str()),
            ("item-not-found", "cancel")
        );
        assert_eq!(client.log.of("error "), ["item-not-found"]);
        assert!(client.log.of("answered urn:xmpp:ping: refused").len() == 1);
        client.leave().await;
    });
}

#[test]
fn a_late_answer_is_unexpected() {
    local_paused(async {
        let settings = || Settings {
            intake: Intake {
                wanted: None,
                report_others: true,
            },
            ..Settings::default()
        };
        let script = |server: Server| async move {
            let mut server = server.begin().await;
            let id = id_of(&server.see("</iq>").await);
            server.expect("<message/>").await;
            let late = format!("<iq type='result' id='{id}'/>");
            server.send(&late.repeat(2)).await;
            server.send("<message/>").await;
            server.left().await;
        };
        for dropped in [false, true] {
            let client = pair_with(settings(), script).await;
            let start = Instant::now();
            let request = client.request(PING);
            if dropped {
                drop(request);
            } else {
                assert_eq!(answer(&request).await, Err(XmppError::Timeout));
                assert!(start.elapsed() >= MINUTE && start.elapsed() < MINUTE + SECOND);
                assert_eq!(client.log.of("answered "), ["urn:xmpp:ping: timeout"]);
            }
            client.send("<message/>");
            // The second of the two is no answer to anything.
            assert!(client.receive().await.starts_with("<iq type='result'"));
            assert_eq!(client.receive().await, "<message/>");
            assert_eq!(client.log.of("unexpected "), ["late-answer iq"]);
            client.leave().await;
        }
    });
}

#[test]
fn requests_that_are_dropped_leave_little_behind() {
    local(async {
        let client = pair(|server| async move {
            let mut server = server.begin().await;
            server.see("</stream:stream>").await;
            server.rest().await;
        })
        .await;
        for _ in 0..900 {
            drop(client.request(PING));
        }
        let (open, forgotten) = client.session.requests.borrow().counts();
        assert!(open <= 1, "{open}");
        assert_eq!(forgotten, crate::xmpp::FORGOTTEN_REQUESTS_MAX);
        client.leave().await;
    });
}

#[test]
fn the_error_that_follows_the_removal_of_the_account_is_no_failure() {
    const REMOVE: &str =
        "<iq id='1' type='set'><query xmlns='jabber:iq:register'><remove/></query></iq>";
    const PASSWORD: &str = "<iq id='1' type='set'><query xmlns='jabber:iq:register'><password>a</password></query></iq>";
    const ELSEWHERE: &str = "<iq id='1' to='irc.example.org' type='set'><query xmlns='jabber:iq:register'><remove/></query></iq>";
    const DONE: &str =
        "<iq type='result' id='1' from='irc.example.org'/><iq type='result' id='1'/>";
    const REFUSED: &str = "<iq type='error' id='1'><error type='cancel'><not-allowed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>";
    local(async {
        for (asked, answered, condition, ending) in [
            (REMOVE, DONE, "not-authorized", Ending::ByPeer),
            (REMOVE, DONE, "conflict", Ending::ByPeer),
            (REMOVE, DONE, "system-shutdown", Ending::StreamError),
            (REMOVE, REFUSED, "not-authorized", Ending::StreamError),
            (PASSWORD, DONE, "not-authorized", Ending::StreamError),
            (ELSEWHERE, DONE, "not-authorized", Ending::StreamError),
        ] {
            let client = pair(move |server| async move {
                let mut server = server.begin().await;
                server.expect(asked).await;
                let error = format!(
                    "{answered}<stream:error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>"
                );
                server.send(&error).await;
                server.left().await;
            })
            .await;
            let request = client.request(asked);
            assert_eq!(answer(&request).await.is_ok(), answered == DONE);
            let log = client.log.clone();
            let close = client.closed().await;
            assert_eq!(
                (close.ending, close.condition.as_str()),
                (ending, condition),
                "{asked}"
            );
            let counted = log.of("error ").contains(&condition.to_owned());
            assert_eq!(
                counted,
                ending == Ending::StreamError,
                "{asked} {condition}"
            );
        }
    });
}
