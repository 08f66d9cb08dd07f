use super::*;
use crate::websocket::Overflow;
use crate::xmpp::UNSENT_BYTES_MAX;

fn room(messages_max: usize, overflow: Overflow) -> Settings {
    Settings {
        inbox: InboxOptions {
            messages_max,
            bytes_max: 1 << 20,
            overflow,
        },
        ..Settings::default()
    }
}

/// Four messages, and what the client says when it has seen them.
async fn four(server: Server) {
    let mut server = server.begin().await;
    for id in 1..=4 {
        server.send(&format!("<message id='{id}'/>")).await;
    }
    server
        .send("<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>")
        .await;
    server.expect("<iq type='result' id='p'/>").await;
    server.send("<message id='5'/>").await;
    server.left().await;
}

#[test]
fn the_oldest_make_room() {
    local(async {
        let client = pair_with(room(2, Overflow::DropOldest), four).await;
        poll_fn(|cx| client.session.poll_arrival(4, cx)).await;
        assert_eq!(client.waiting(), ["<message id='4'/>", "<message id='5'/>"]);
        assert_eq!(client.session.statistics().dropped, 3);
        assert_eq!(client.log.of("dropped ").len(), 3);
        client.leave().await;
    });
}

#[test]
fn the_newest_are_dropped() {
    local(async {
        let client = pair_with(room(2, Overflow::DropNewest), four).await;
        while client.session.statistics().received < 6 {
            tokio::task::yield_now().await;
        }
        assert_eq!(client.waiting(), ["<message id='1'/>", "<message id='2'/>"]);
        assert_eq!(client.session.statistics().dropped, 3);
        client.leave().await;
    });
}

#[test]
fn nothing_is_read_while_there_is_no_room() {
    local_paused(async {
        let client = pair_with(room(2, Overflow::Pause), four).await;
        // No ping is given up while its answer could not be seen.
        let pings = client
            .session
            .ping_every(SECOND, Some(SECOND), MINUTE)
            .unwrap();
        tokio::time::sleep(MINUTE * 2).await;
        assert_eq!(client.session.statistics().received, 3);
        assert_eq!(client.session.closed(), None);
        assert_eq!(pings.sent(), 0);
        pings.stop();
        for id in 1..=5 {
            assert_eq!(client.receive().await, format!("<message id='{id}'/>"));
        }
        assert_eq!(client.session.statistics().dropped, 0);
        client.leave().await;
    });
}

#[test]
fn a_full_inbox_may_end_the_session() {
    local(async {
        let client = pair_with(room(2, Overflow::Close), |server| async move {
            let mut server = server.begin().await;
            server.send("<message/><message/><message/>").await;
            let error = server.see("</stream:error>").await;
            assert!(error.contains("<resource-constraint"), "{error}");
            server.left().await;
        })
        .await;
        let session = client.session.clone();
        let close = client.closed().await;
        assert_eq!(
            (close.ending, close.condition.as_str()),
            (Ending::InboxOverflow, "resource-constraint")
        );
        assert_eq!(session.drain(9).len(), 2);
    });
}

#[test]
fn whoever_sends_to_a_peer_that_does_not_read_waits() {
    local(async {
        let (read, wait) = oneshot::channel::<()>();
        let wait = RefCell::new(Some(wait));
        let client = pair(move |server| {
            let wait = wait.take().unwrap();
            async move {
                let server = server.begin().await;
                wait.await.unwrap();
                let rest = server.rest().await;
                assert!(
                    rest.ends_with("<message id='last'/></stream:stream>"),
                    "{}",
                    rest.len()
                );
            }
        })
        .await;
        let large = format!("<message><body>{}</body></message>", "x".repeat(100_000));
        let mut taken = 0;
        let full = loop {
            match client.session.try_send(item(&large)) {
                Ok(()) => taken += 1,
                Err(unsent) => {
                    // What the kernel takes makes room.
                    tokio::task::yield_now().await;
                    if client.session.statistics().unsent_bytes + large.len() > UNSENT_BYTES_MAX {
                        break unsent;
                    }
                }
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(full, Unsent::Full(item(&large)));
        assert!(client.session.statistics().unsent_bytes <= UNSENT_BYTES_MAX);
        let xml = "<iq type='get'><a xmlns='b'/></iq>";
        let outgoing = check_element(xml).unwrap();
        assert!(client.session.statistics().sent < taken);
        read.send(()).unwrap();
        poll_fn(|cx| client.session.poll_room(cx)).await;
        assert!(
            client
                .session
                .try_request(xml.into(), &outgoing, MINUTE)
                .is_ok()
        );
        client.send("<message id='last'/>");
        // Abandoned, it would be cut off within what the kernel did not take.
        client.session.close(MINUTE);
        let log = client.log.clone();
        client.closed().await;
        assert_eq!(log.of("sent message").len() as u64, taken + 1);
    });
}

#[test]
fn a_flood_of_pings_from_a_peer_that_does_not_read_is_bounded() {
    local(async {
        let client = pair(|server| async move {
            let server = server.begin().await;
            let ping = "<iq type='get' id='0123456789' from='example.org'><ping xmlns='urn:xmpp:ping'/></iq>";
            let pings = ping.repeat(100_000);
            // It reads only when it has sent half of them, or cannot.
            let (mut reading, mut writing) = server.stream.into_split();
            let write = async {
                writing.write_all(pings.as_bytes()).await.unwrap();
                writing
            };
            let read = async {
                tokio::time::sleep(Duration::from_millis(300)).await;
                let mut bytes = vec![0; 1 << 16];
                let mut answers = 0;
                while answers < 100_000 {
                    let length = reading.read(&mut bytes).await.unwrap();
                    assert!(length > 0);
                    answers += bytes[..length].iter().filter(|byte| **byte == b'<').count();
                }
                reading
            };
            let (_writing, mut reading) = tokio::join!(write, read);
            let mut end = Vec::new();
            reading.read_to_end(&mut end).await.unwrap();
        })
        .await;
        let mut most = 0;
        while client.session.statistics().received < 100_000 {
            most = most.max(client.session.outbox.borrow().own_len());
            tokio::task::yield_now().await;
        }
        assert!(most <= crate::xmpp::UNSENT_STANZAS_MAX, "{most}");
        while client.session.statistics().sent < 100_000 {
            tokio::task::yield_now().await;
        }
        client.leave().await;
    });
}
