use super::*;
use std::pin::Pin;

#[test]
fn what_is_sent_at_an_interval_is_numbered() {
    local_paused(async {
        let client = pair(|server| async move {
            let mut server = server.begin().await;
            let start = Instant::now();
            for number in 1..=5u32 {
                server.expect(&format!("<message id='{number}'/>")).await;
                let due = SECOND * (3 + 25 * (number - 1));
                assert!(start.elapsed() >= due && start.elapsed() < due + SECOND);
            }
            server.send("<message/>").await;
            server.left().await;
        })
        .await;
        let every = client
            .session
            .send_every(SECOND * 25, "<message id='{n}'/>", SECOND * 3)
            .unwrap();
        assert_eq!(client.receive().await, "<message/>");
        every.stop();
        assert_eq!((every.sent(), client.log.of("sent message").len()), (5, 5));
        tokio::time::sleep(MINUTE).await;
        assert_eq!(every.sent(), 5);
        client.leave().await;
    });
}

#[test]
fn white_space_keeps_the_connection_alive_and_is_no_stanza() {
    local_paused(async {
        let client = pair(|server| async move {
            let mut server = server.begin().await;
            server.expect("   ").await;
            server.send(" <message/> ").await;
            server.left().await;
        })
        .await;
        let every = client.session.send_every(SECOND, " ", SECOND).unwrap();
        assert_eq!(client.receive().await, "<message/>");
        every.stop();
        assert_eq!(client.log.of("sent "), Vec::<String>::new());
        client.leave().await;
    });
}

#[test]
fn a_websocket_is_kept_alive_by_its_own_pings() {
    use futures_util::StreamExt as _;
    use tokio_tungstenite::tungstenite::Message;
    local(async {
        let (channel, mut server) = crate::xmpp::channel::connected_over_websocket().await;
        let remote = server.get_ref().local_addr().unwrap();
        let Opened { session, pump } = over(channel, remote, Settings::default());
        let pump = spawn_local(pump.run(Rc::new(Log::default())));
        let every = session
            .send_every(Duration::from_millis(10), " ", Duration::ZERO)
            .unwrap();
        for _ in 0..2 {
            let frame = server.next().await.unwrap().unwrap();
            assert_eq!(frame, Message::Ping(Vec::new().into()));
        }
        assert!(every.sent() >= 2);
        session.kill();
        pump.await.unwrap();
    });
}

#[test]
fn pings_at_an_interval_are_requests() {
    local_paused(async {
        let client = pair(|server| async move {
            let mut server = server.begin().await;
            for number in 1..=5 {
                let ping = server.see("</iq>").await;
                assert!(ping.starts_with("<iq type='get' to='example.org' id='"), "{ping}");
                let id = ping.split('\'').nth(5).unwrap();
                let error = "<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
                let answer = match number {
                    // An error is an answer.
                    5 => format!("<iq type='error' from='example.org' id='{id}'>{error}</iq>"),
                    _ => format!("<iq type='result' from='example.org' id='{id}'/>"),
                };
                server.send(&answer).await;
            }
            server.left().await;
        })
        .await;
        let replaced = client
            .session
            .ping_every(SECOND, Some(SECOND), SECOND)
            .unwrap();
        let pings = client
            .session
            .ping_every(SECOND * 25, Some(SECOND * 10), SECOND)
            .unwrap();
        while client.log.of("answered urn:xmpp:ping").len() < 5 {
            tokio::time::sleep(SECOND).await;
        }
        pings.stop();
        assert_eq!((pings.sent(), replaced.sent()), (5, 0));
        assert_eq!(client.session.closed(), None);
        assert_eq!(client.waiting(), Vec::<String>::new());
        client.leave().await;
    });
}

#[test]
fn a_server_that_does_not_answer_pings_is_given_up() {
    local_paused(async {
        let client = pair(|server| async move {
            let mut server = server.begin().await;
            server.see("</iq>").await;
            server.send("<message/>").await;
            // The connection is cut: a stream may be resumed.
            let rest = server.rest().await;
            assert!(!rest.contains(END), "{rest}");
        })
        .await;
        let start = Instant::now();
        client
            .session
            .ping_every(SECOND * 25, Some(SECOND * 10), SECOND)
            .unwrap();
        let log = client.log.clone();
        assert_eq!(client.closed().await.ending, Ending::PingTimeout);
        assert!(start.elapsed() >= SECOND * 11 && start.elapsed() < SECOND * 12);
        assert_eq!(log.of("answered "), ["urn:xmpp:ping: timeout"]);
    });
}

#[test]
fn a_ping_without_a_timeout_ends_nothing() {
    local_paused(async {
        let client = pair(|server| async move {
            let mut server = server.begin().await;
            server.see("</iq>").await;
            server.left().await;
        })
        .await;
        let pings = client
            .session
            .ping_every(MINUTE * 60, None, SECOND)
            .unwrap();
        tokio::time::sleep(MINUTE * 2).await;
        assert_eq!(pings.sent(), 1);
        assert_eq!(client.log.of("answered "), ["urn:xmpp:ping: timeout"]);
        client.leave().await;
    });
}

/// Have the pump look at everything, once.
async fn poll_once(pump: &mut (impl Future<Output = ()> + Unpin)) {
    poll_fn(|cx| {
        assert!(Pin::new(&mut *pump).poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
}

#[test]
fn an_answer_that_lies_in_the_kernel_is_in_time() {
    local_paused(async {
        let (written, wait) = oneshot::channel();
        let written = RefCell::new(Some(written));
        let script = move |server: Server| {
            let written = written.take().unwrap();
            async move {
                let mut server = server.begin().await;
                server
                    .expect("<iq id='1' type='get'><a xmlns='b'/></iq>")
                    .await;
                // More than one poll takes in.
                server.send(&"<message/>".repeat(1000)).await;
                server.send("<iq id='1' type='result'/>").await;
                written.send(()).unwrap();
                server.left().await;
            }
        };
        let (Opened { session, pump }, server) = opened(Settings::default(), script).await;
        let log = Rc::new(Log::default());
        let mut pump = Box::pin(pump.run(log.clone()));
        let xml = "<iq id='1' type='get'><a xmlns='b'/></iq>";
        let outgoing = check_element(xml).unwrap();
        let request = session.try_request(xml.into(), &outgoing, SECOND).unwrap();
        poll_once(&mut pump).await;
        wait.await.unwrap();
        // The thread is held up for longer than the answer may take.
        tokio::time::advance(SECOND * 9).await;
        let pump = spawn_local(pump);
        assert!(answer(&request).await.is_ok());
        session.abandon();
        pump.await.unwrap();
        server.await.unwrap();
        assert_eq!(log.of("received message").len(), 1000);
    });
}
