use super::*;

fn plain_end(ending: Ending) -> (Ending, String, String) {
    (ending, String::new(), String::new())
}

fn parts(close: Close) -> (Ending, String, String) {
    (close.ending, close.condition, close.text)
}

#[test]
fn a_stream_is_ended_behind_what_was_sent() {
    local(async {
        let client = pair(|server| async move {
            let mut server = server.begin().await;
            server.expect("<message to='b'/></stream:stream>").await;
            server.send("<message id='last'/></stream:stream>").await;
            assert_eq!(server.rest().await, "");
        })
        .await;
        client.send("<message to='b'/>");
        client.session.close(MINUTE);
        let session = client.session.clone();
        assert!(matches!(
            session.try_send(item("<a/>")),
            Err(Unsent::Closed(_))
        ));
        let log = client.log.clone();
        assert_eq!(parts(client.closed().await), plain_end(Ending::ByUs));
        assert_eq!(session.try_receive(None).unwrap().id(), Some("last"));
        assert_eq!(log.of("sent "), ["message"]);
        let (sent, received) = log.bytes.get();
        assert!(sent > 30 && received > 30, "{sent} {received}");
    });
}

#[test]
fn a_server_that_does_not_end_the_stream_is_given_up() {
    local_paused(async {
        let client = pair(|server| async move {
            let mut server = server.begin().await;
            server.expect(END).await;
            assert_eq!(server.rest().await, "");
        })
        .await;
        let start = Instant::now();
        client.session.close(SECOND * 2);
        let close = client.closed().await;
        assert_eq!(close.ending, Ending::CloseTimeout);
        assert!(start.elapsed() >= SECOND * 2 && start.elapsed() < SECOND * 3);
    });
}

#[test]
fn a_session_that_nobody_holds_ends_at_once() {
    local(async {
        let client = pair(|server| async move {
            let mut server = server.begin().await;
            server.expect("<presence/>").await;
            server.left().await;
        })
        .await;
        client.send("<presence/>");
        client.leave().await;
    });
}

#[test]
fn a_killed_session_says_nothing() {
    local(async {
        let client = pair(|server| async move {
            assert_eq!(server.begin().await.rest().await, "");
        })
        .await;
        client.send("<message/>");
        let request = client.request("<iq type='get'><a xmlns='b'/></iq>");
        let close = client.session.kill();
        assert_eq!(parts(close.clone()), plain_end(Ending::Killed));
        assert_eq!(client.session.kill(), close);
        assert_eq!(
            answer(&request).await,
            Err(XmppError::Closed(close.clone()))
        );
        let log = client.log.clone();
        assert_eq!(client.closed().await, close);
        assert_eq!(log.of("sent "), Vec::<String>::new());
        assert_eq!(log.of("answered "), Vec::<String>::new());
    });
}

#[test]
fn a_server_may_end_the_stream() {
    local(async {
        let client = pair(|server| async move {
            let mut server = server.begin().await;
            server.send("<message/></stream:stream>").await;
            server.expect(END).await;
        })
        .await;
        assert_eq!(client.receive().await, "<message/>");
        assert_eq!(parts(client.closed().await), plain_end(Ending::ByPeer));
    });
}

#[test]
fn a_stream_error_is_told_with_its_condition() {
    local(async {
        let client = pair(|server| async move {
            let mut server = server.begin().await;
            server
                .send(
                    "<stream:error><system-shutdown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>\
                     <text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>back soon</text></stream:error></stream:stream>",
                )
                .await;
            server.expect(END).await;
        })
        .await;
        let request = client.request("<iq type='get'><a xmlns='b'/></iq>");
        let log = client.log.clone();
        let close = client.closed().await;
        let text = "back soon".to_owned();
        let wanted = (Ending::StreamError, "system-shutdown".to_owned(), text);
        assert_eq!(parts(close.clone()), wanted);
        assert_eq!(log.of("error "), ["system-shutdown"]);
        assert_eq!(answer(&request).await, Err(XmppError::Closed(close)));
        assert_eq!(log.of("answered b: ").len(), 1);
    });
}

/// What comes when the server says this.
async fn said(text: &'static str) -> (Close, Rc<Log>) {
    let client = pair(move |server| async move {
        let mut server = server.begin().await;
        server.send(text).await;
        server.see(END).await;
        let seen = server.rest().await;
        assert_eq!(seen, "");
    })
    .await;
    let log = client.log.clone();
    (client.closed().await, log)
}

#[test]
fn what_is_no_xmpp_ends_the_stream() {
    local(async {
        let (close, log) = said("<message><a></b></message>").await;
        assert_eq!(close.ending, Ending::ProtocolError);
        assert_eq!(close.condition, "not-well-formed");
        assert_eq!(log.of("error "), ["not-well-formed"]);
        let (close, _) = said("<!-- a --><message/>").await;
        assert_eq!(close.ending, Ending::ProtocolError);
        assert_eq!(close.condition, "restricted-xml");
    });
}

#[test]
fn the_server_is_told_why_a_stanza_is_too_large() {
    local(async {
        let client = pair(|server| async move {
            let mut server = server.begin().await;
            server.send("<message/>").await;
            let body = "x".repeat(10_000);
            server
                .send(&format!("<message><body>{body}</body></message>"))
                .await;
            let error = server.see("</stream:error>").await;
            assert!(
                error.contains("<policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"),
                "{error}"
            );
            server.expect(END).await;
        })
        .await;
        assert_eq!(client.receive().await, "<message/>");
        let close = client.closed().await;
        assert_eq!(close.ending, Ending::StanzaTooLarge);
        assert_eq!(close.condition, "policy-violation");
    });
}

#[test]
fn ten_thousand_levels_are_too_many() {
    local(async {
        let client = pair(|server| async move {
            let mut server = server.begin().await;
            // The client leaves in the middle of it.
            let _ = server
                .stream
                .write_all("<a>".repeat(3_000).as_bytes())
                .await;
            server.see(END).await;
        })
        .await;
        assert_eq!(client.closed().await.ending, Ending::StanzaTooLarge);
    });
}

#[test]
fn a_connection_may_end_without_the_stream() {
    local(async {
        for half in ["", "<message", "<message><body>x"] {
            let client = pair(move |server| async move {
                server.begin().await.send(half).await;
            })
            .await;
            assert_eq!(client.closed().await.ending, Ending::Disconnected);
        }
    });
}

#[test]
fn a_reset_is_told_as_one() {
    local(async {
        let client = pair(|server| async move {
            let mut server = server.begin().await;
            server.see("<message/>").await;
            socket2::SockRef::from(&server.stream)
                .set_linger(Some(Duration::ZERO))
                .unwrap();
        })
        .await;
        client.send("<message/>");
        assert_eq!(client.closed().await.ending, Ending::Reset);
    });
}

#[test]
fn a_pump_that_is_dropped_leaves_nobody_waiting() {
    local(async {
        let client = pair(|server| async move {
            server.begin().await.rest().await;
        })
        .await;
        let request = client.request("<iq type='get'><a xmlns='b'/></iq>");
        client.pump.abort();
        let Err(XmppError::Closed(close)) = answer(&request).await else {
            panic!("not closed");
        };
        assert_eq!(close.ending, Ending::Failed);
        assert_eq!(client.session.closed(), Some(close));
    });
}
