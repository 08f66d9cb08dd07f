use super::*;
use crate::websocket::Overflow;
use crate::xmpp::{UNSENT_BYTES_MAX, UNSENT_STANZAS_MAX};

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
                let mut server = server.begin().await;
                wait.await.unwrap();
                let mut bytes = Vec::new();
                while !bytes.ends_with(END.as_bytes()) {
                    assert!(server.stream.read_buf(&mut bytes).await.unwrap() > 0);
                }
                let last = format!("<message id='last'/>{END}");
                assert!(bytes.ends_with(last.as_bytes()), "{}", bytes.len());
                server.send(END).await;
                assert_eq!(server.rest().await, "");
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
    const PINGS: u64 = 100_000;
    local(async {
        let (read, wait) = oneshot::channel::<()>();
        let wait = RefCell::new(Some(wait));
        let client = pair(move |server| {
            let wait = wait.take().unwrap();
            async move {
                let server = server.begin().await;
                let from = "x".repeat(100);
                let ping = format!(
                    "<iq type='get' id='1' from='{from}'><ping xmlns='urn:xmpp:ping'/></iq>"
                );
                let (mut reading, mut writing) = server.stream.into_split();
                let write = async {
                    for _ in 0..PINGS / 100 {
                        writing
                            .write_all(ping.repeat(100).as_bytes())
                            .await
                            .unwrap();
                    }
                    writing
                };
                let read = async {
                    wait.await.unwrap();
                    let mut bytes = vec![0; 1 << 16];
                    let mut answers = 0;
                    while answers < PINGS {
                        let length = reading.read(&mut bytes).await.unwrap();
                        assert!(length > 0);
                        let begun = bytes[..length].iter().filter(|byte| **byte == b'<');
                        answers += begun.count() as u64;
                    }
                    reading
                };
                let (_writing, mut reading) = tokio::join!(write, read);
                let mut end = Vec::new();
                reading.read_to_end(&mut end).await.unwrap();
            }
        })
        .await;
        let own = || client.session.outbox.borrow().own_len();
        while own() < UNSENT_STANZAS_MAX {
            assert!(
                client.session.statistics().received < PINGS,
                "all was taken"
            );
            tokio::task::yield_now().await;
        }
        // Nothing more is read before something is written.
        for _ in 0..1000 {
            tokio::task::yield_now().await;
            assert_eq!(own(), UNSENT_STANZAS_MAX);
        }
        read.send(()).unwrap();
        while client.session.statistics().sent < PINGS {
            assert!(own() <= UNSENT_STANZAS_MAX);
            tokio::task::yield_now().await;
        }
        client.leave().await;
    });
}
