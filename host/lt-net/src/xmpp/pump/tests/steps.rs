use super::*;
use crate::error::NetError;
use crate::xmpp::{CustomStep, Filter, Filters, Performing, Step, StreamManagement};

const MANAGEMENT: Step = Step::StreamManagement(StreamManagement {
    resume: true,
    max: None,
    ask_every: 1,
});

async fn outcome(performing: Rc<Performing>) -> Result<Duration, XmppError> {
    poll_fn(|cx| performing.poll(cx)).await
}

async fn perform(client: &Client, step: &Step) -> Result<Duration, XmppError> {
    outcome(client.session.perform(step, SECOND * 5)?).await
}

fn custom(send: &str, wait_for: Option<&str>) -> Step {
    let filter = wait_for.map(|name| {
        let filter = Filter {
            name: Some(name.to_owned()),
            ..Filter::default()
        };
        Rc::new(Filters::new(vec![filter]).unwrap())
    });
    Step::Custom(Rc::new(CustomStep {
        name: "mine".to_owned(),
        send: send.to_owned(),
        r#await: filter,
        restart: false,
    }))
}

#[test]
fn stream_management_counts_from_where_it_was_enabled() {
    local(async {
        let client = pair(|server| async move {
            let mut server = server.begin().await;
            server.expect("<message id='before'/><enable xmlns='urn:xmpp:sm:3' resume='true'/><message id='behind'/>").await;
            server
                .send("<message id='uncounted'/><enabled xmlns='urn:xmpp:sm:3' id='x' resume='true'/><message/>")
                .await;
            server.expect("<message/><r xmlns='urn:xmpp:sm:3'/>").await;
            server.send("<a xmlns='urn:xmpp:sm:3' h='2'/>").await;
            server.rest().await;
        })
        .await;
        client.send("<message id='before'/>");
        let performing = client.session.perform(&MANAGEMENT, SECOND).unwrap();
        client.send("<message id='behind'/>");
        assert!(outcome(performing).await.is_ok());
        client.receive().await;
        client.receive().await;
        let statistics = client.session.statistics();
        assert_eq!((statistics.unacknowledged, statistics.handled), (1, 1));
        client.send("<message/>");
        while client.session.statistics().unacknowledged > 0 {
            tokio::task::yield_now().await;
        }
        let again = client.session.perform(&MANAGEMENT, SECOND);
        assert!(matches!(
            again,
            Err(XmppError::Net(NetError::InvalidRequest(_)))
        ));
        client.session.kill();
        assert_eq!(client.session.take_resumption().unwrap().id(), "x");
        client.closed().await;
    });
}

#[test]
fn stream_management_that_nobody_waits_for_is_granted_all_the_same() {
    local_paused(async {
        let client = pair(|server| async move {
            let mut server = server.begin().await;
            server
                .see("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
                .await;
            server.expect("<message/>").await;
            server
                .send("<enabled xmlns='urn:xmpp:sm:3' id='x' resume='true'/><message/>")
                .await;
            server.rest().await;
        })
        .await;
        let late = client.session.perform(&MANAGEMENT, SECOND).unwrap();
        let again = client.session.perform(&MANAGEMENT, SECOND);
        assert!(again.is_err());
        assert!(outcome(late).await.is_err());
        let again = client.session.perform(&MANAGEMENT, SECOND);
        assert!(again.is_err(), "it is asked for");
        assert!(perform(&client, &custom("<message/>", None)).await.is_ok());
        assert_eq!(client.receive().await, "<message/>");
        assert_eq!(client.session.statistics().handled, 1);
        client.session.kill();
        assert_eq!(client.session.take_resumption().unwrap().id(), "x");
        client.closed().await;
    });
}

#[test]
fn a_step_waits_for_room() {
    local_paused(async {
        let (read, wait) = oneshot::channel::<()>();
        let wait = RefCell::new(Some(wait));
        let client = pair(move |server| {
            let wait = wait.take().unwrap();
            async move {
                let mut server = server.begin().await;
                wait.await.unwrap();
                let all = server.see("<presence id='last'/>").await;
                assert!(!all.contains("<message id='late'/>"));
                server.left().await;
            }
        })
        .await;
        let large = format!("<message><body>{}</body></message>", "x".repeat(900_000));
        let flood = custom(&large, None);
        let late = loop {
            let performing = client.session.perform(&flood, SECOND).unwrap();
            let outcome = outcome(performing).await;
            assert!(client.session.statistics().unsent_bytes <= crate::xmpp::UNSENT_BYTES_MAX);
            if let Err(error) = outcome {
                break error;
            }
        };
        assert_eq!(late, XmppError::StepTimeout("mine".to_owned()));
        // One that is given up before there was room is never sent.
        let given_up = "x".repeat(900_000);
        let given_up = format!("<message id='late'/><x>{given_up}</x>");
        drop(client.session.perform(&custom(&given_up, None), SECOND));
        read.send(()).unwrap();
        assert!(perform(&client, &flood).await.is_ok());
        client.send("<presence id='last'/>");
        while client.session.statistics().unsent_bytes > 0 {
            tokio::time::sleep(SECOND).await;
        }
        client.leave().await;
    });
}

#[test]
fn stream_management_may_be_refused_or_not_offered() {
    local(async {
        let client = pair(|server| async move {
            let mut server = server.begin().await;
            for _ in 0..2 {
                server.see("/>").await;
                server
                    .send("<failed xmlns='urn:xmpp:sm:3'><unexpected-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>")
                    .await;
            }
            server.left().await;
        })
        .await;
        for _ in 0..2 {
            let error = perform(&client, &MANAGEMENT).await.unwrap_err();
            assert_eq!(error.condition(), Some("unexpected-request"));
        }
        client.leave().await;

        let settings = Settings {
            features: Vec::new(),
            ..Settings::default()
        };
        let client = pair_with(settings, |server| async move {
            server.begin().await.left().await
        })
        .await;
        let error = perform(&client, &MANAGEMENT).await.unwrap_err();
        assert!(matches!(error, XmppError::NotOffered(_)), "{error}");
        client.leave().await;
    });
}

#[test]
fn what_comes_meanwhile_is_received_as_always() {
    local(async {
        let client = pair(|server| async move {
            let mut server = server.begin().await;
            let carbons = server.see("</iq>").await;
            assert!(
                carbons.contains("<enable xmlns='urn:xmpp:carbons:2'/>"),
                "{carbons}"
            );
            let id = carbons
                .split(" id='")
                .nth(1)
                .unwrap()
                .split('\'')
                .next()
                .unwrap()
                .to_owned();
            server
                .send(&format!("<message/><iq type='result' id='{id}'/>"))
                .await;
            let presence = server.see("/>").await;
            assert!(presence.starts_with("<presence"), "{presence}");
            server
                .send(&format!(
                    "<presence from='bob@example.org/x'/><presence from='{OWN}' to='{OWN}'/>"
                ))
                .await;
            server.expect("any text").await;
            server.send("<other xmlns='o'/><presence/>").await;
            server.left().await;
        })
        .await;
        for step in [
            Step::Carbons,
            Step::Presence,
            custom("any text", Some("other")),
            custom("", None),
        ] {
            assert!(perform(&client, &step).await.is_ok(), "{step:?}");
        }
        assert_eq!(client.receive().await, "<message/>");
        assert_eq!(
            client.receive().await,
            "<presence from='bob@example.org/x'/>"
        );
        assert_eq!(client.receive().await, "<presence/>");
        client.leave().await;
    });
}

#[test]
fn a_step_has_its_time() {
    local_paused(async {
        let client = pair(|server| async move {
            let mut server = server.begin().await;
            server.expect("<message/>").await;
            server.expect("<presence/>").await;
            server.send("<other xmlns='o'/>").await;
            server.left().await;
        })
        .await;
        let start = Instant::now();
        let error = perform(&client, &custom("<message/>", Some("other")))
            .await
            .unwrap_err();
        assert_eq!(error, XmppError::StepTimeout("mine".to_owned()));
        assert!(start.elapsed() >= SECOND * 5 && start.elapsed() < SECOND * 6);
        // One that is dropped is given up, and what it waited for is received.
        let step = custom("<presence/>", Some("other"));
        let performing = client.session.perform(&step, SECOND).unwrap();
        let second = client.session.perform(&step, SECOND);
        assert!(matches!(
            second,
            Err(XmppError::Net(NetError::InvalidRequest(_)))
        ));
        drop(performing);
        assert_eq!(client.receive().await, "<other xmlns='o'/>");
        assert_eq!(client.log.of("sent "), ["message", "presence"]);
        client.leave().await;
    });
}

#[test]
fn some_steps_are_for_connecting_only() {
    local(async {
        let client = pair(|server| async move { server.begin().await.left().await }).await;
        let restart = Step::Custom(Rc::new(CustomStep {
            name: "mine".to_owned(),
            send: String::new(),
            r#await: None,
            restart: true,
        }));
        for step in [Step::Bind, Step::Tls, Step::Resume, restart] {
            let error = perform(&client, &step).await.unwrap_err();
            assert!(
                matches!(error, XmppError::Net(NetError::InvalidRequest(_))),
                "{error}"
            );
        }
        client.leave().await;
    });
}

#[test]
fn a_step_ends_with_the_session() {
    local(async {
        let client = pair(|server| async move {
            let mut server = server.begin().await;
            server.see("/>").await;
        })
        .await;
        let error = perform(&client, &Step::Presence).await.unwrap_err();
        assert!(matches!(error, XmppError::Closed(_)), "{error}");
        client.closed().await;
    });
}
