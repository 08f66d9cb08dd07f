use super::*;
use crate::peer::local;

/// What an idle connection costs beside its TLS session and the kernel's buffers: nothing else is allocated while nothing waits
/// (the read and write buffers are the thread's).
#[test]
fn an_idle_socket_is_small() {
    let bytes = size_of::<Socket>() + size_of::<Pump>();
    assert!(bytes < 1000, "{bytes} bytes");
}

#[test]
fn texts_and_bytes_go_both_ways_and_are_whole() {
    local(async {
        let client = pair(Server::echo).await;
        for length in [0, 1, 3, 125, 126, 65_535, 65_536, 1 << 20] {
            let sent = Content::Binary((0..length).map(|index| (index * 7 % 251) as u8).collect());
            client.send(sent.clone()).await;
            assert_eq!(client.receive().await.unwrap().content, sent);
            let sent = text(&"ü".repeat(length / 2));
            client.send(sent.clone()).await;
            assert_eq!(client.receive().await.unwrap().content, sent);
        }
        let statistics = client.socket.statistics();
        assert_eq!((statistics.sent, statistics.received), (16, 16));
        assert_eq!((statistics.unsent_bytes, statistics.waiting_bytes), (0, 0));
        assert_eq!((client.log.sent.get(), client.log.received.get()), (16, 16));
        let (sent, received) = client.log.bytes.get();
        assert!(sent > received && received > 2 << 20, "{sent} {received}");
        assert_eq!(
            (client.socket.subprotocol(), client.socket.url()),
            ("chat", "ws://x/")
        );
        assert_eq!(client.socket.headers()[0].0, "x");
        client.leave().await;
    });
}

#[test]
fn ten_thousand_echoes_keep_their_order() {
    local(async {
        let client = pair(Server::echo).await;
        let send = async {
            for number in 0..10_000 {
                client.send(text(&number.to_string())).await;
            }
        };
        let receive = async {
            for number in 0..10_000 {
                poll_fn(|cx| client.socket.poll_arrival(number, cx)).await;
                assert_eq!(client.text().await, number.to_string());
            }
        };
        // One task, one waker.
        tokio::join!(send, receive);
        assert_eq!(client.socket.statistics().sent, 10_000);
        client.leave().await;
    });
}

#[test]
fn fragments_with_pings_between_them_are_one_message() {
    local(async {
        let client = pair(|mut server| async move {
            // A character in two fragments, an empty fragment, and one byte at a time.
            let bytes = [
                frame(0x01, b"gr\xc3"),
                frame(PING, b"1"),
                frame(0x00, b"\xbc"),
                frame(0x00, b""),
                frame(PONG, b"unasked"),
                frame(0x80, b"n"),
                frame(0x02, b"\xff"),
                frame(0x80, b"\x00"),
            ]
            .concat();
            for byte in bytes {
                server.write(&[byte]).await;
                tokio::task::yield_now().await;
            }
            assert_eq!(
                server.see().await.unwrap(),
                Seen {
                    first: PONG,
                    payload: b"1".to_vec()
                }
            );
        })
        .await;
        assert_eq!(client.text().await, "grün");
        let second = client.receive().await.unwrap();
        assert_eq!(second.content, Content::Binary([0xff, 0].into()));
        assert_eq!(client.socket.statistics().pings_received, 1);
        assert_eq!(client.log.received.get(), 2);
        assert_eq!(client.closed().await.ending, Ending::Disconnected);
    });
}

#[test]
fn long_messages_are_sent_in_fragments_if_asked() {
    local(async {
        let options = ConnectOptions {
            fragment_bytes: Some(3),
            ..ConnectOptions::default()
        };
        let client = pair_with(&options, |mut server| async move {
            let mut seen = Vec::new();
            for _ in 0..6 {
                let frame = server.see().await.unwrap();
                seen.push((frame.first, frame.payload));
            }
            let expected: [(u8, &[u8]); 6] = [
                (TEXT, b"abc"),
                (0x01, b"abc"),
                (0x00, b"d\xc3\xbc"),
                (0x80, b"f"),
                (0x02, &[1, 2, 3]),
                (0x80, &[4]),
            ];
            assert_eq!(
                seen,
                expected.map(|(first, payload)| (first, payload.to_vec()))
            );
            server.text("done").await;
            server.left().await;
        })
        .await;
        client.send(text("abc")).await;
        client.send(text("abcdüf")).await;
        client.send(Content::Binary([1, 2, 3, 4].into())).await;
        assert_eq!(client.text().await, "done");
        assert_eq!(client.socket.statistics().sent, 3);
        client.leave().await;
    });
}

#[test]
fn pings_are_answered_while_nobody_looks() {
    local(async {
        let client = pair(|mut server| async move {
            for number in 0..100u8 {
                server.send(PING, &[number]).await;
                assert_eq!(
                    server.see().await.unwrap(),
                    Seen {
                        first: PONG,
                        payload: vec![number]
                    }
                );
            }
            server.text("done").await;
            server.left().await;
        })
        .await;
        assert_eq!(client.text().await, "done");
        assert_eq!(client.socket.statistics().pings_received, 100);
        client.leave().await;
    });
}

#[test]
fn own_pings_and_pongs_are_sent() {
    local(async {
        let client = pair(|mut server| async move {
            assert_eq!(
                server.see().await.unwrap(),
                Seen {
                    first: PING,
                    payload: b"a".to_vec()
                }
            );
            assert_eq!(
                server.see().await.unwrap(),
                Seen {
                    first: PONG,
                    payload: vec![0; 125]
                }
            );
            server.send(PONG, b"a").await;
            server.text("done").await;
            server.left().await;
        })
        .await;
        client.socket.send_ping(b"a".to_vec()).unwrap();
        client.socket.send_pong(vec![0; 200]).unwrap();
        assert_eq!(client.text().await, "done");
        assert!(client.log.pongs.borrow().is_empty());
        client.leave().await;
    });
}

#[test]
fn frames_behind_the_head_are_the_first() {
    local(async {
        let rest = [frame(TEXT, b"hello"), b"\x81\x05wo".to_vec()].concat();
        let options = ConnectOptions::default();
        let client = pair_from(&options, rest, Log::default(), |mut server| async move {
            server.write(b"rld").await;
            server.text("next").await;
            server.left().await;
        })
        .await;
        for expected in ["hello", "world", "next"] {
            assert_eq!(client.text().await, expected);
        }
        client.leave().await;
    });
}

#[test]
fn what_the_observer_does_not_want_is_not_kept() {
    local(async {
        let script = |mut server: Server| async move {
            for text in ["no", "yes", "no", "maybe"] {
                server.text(text).await;
            }
            server.left().await;
        };
        let log = Log {
            unwanted: Some("no"),
            ..Log::default()
        };
        let client = pair_from(&ConnectOptions::default(), Vec::new(), log, script).await;
        assert_eq!(poll_fn(|cx| client.socket.poll_arrival(1, cx)).await, 2);
        let maybe = client
            .socket
            .try_receive_matching(usize::MAX, &|content| content == Borrowed::Text("maybe"));
        assert_eq!(maybe.unwrap().content, text("maybe"));
        assert_eq!(client.socket.drain(10).len(), 1);
        let statistics = client.socket.statistics();
        assert_eq!((statistics.received, statistics.dropped), (4, 0));
        client.leave().await;
    });
}

#[test]
fn what_a_peer_does_not_read_is_bounded() {
    local(async {
        let (go, wait) = tokio::sync::oneshot::channel::<()>();
        let wait = RefCell::new(Some(wait));
        let client = pair(move |mut server| {
            let wait = wait.take().unwrap();
            async move {
                wait.await.unwrap();
                let mut bytes = 0;
                while let Some(seen) = server.see().await
                    && seen.first == BINARY
                {
                    bytes += seen.payload.len();
                }
                assert_eq!(bytes % 100_000, 0);
                server.send(CLOSE, &close_payload(1000, "")).await;
            }
        })
        .await;
        let message = Content::Binary(vec![7; 100_000].into());
        // As much as the kernel takes, and then as much as may be unsent.
        let mut taken = 0;
        loop {
            match client.socket.try_send(message.clone()) {
                Ok(()) => taken += 1,
                Err(full) => {
                    assert_eq!(full, Unsent::Full(message.clone()));
                    let before = client.socket.statistics().sent;
                    for _ in 0..100 {
                        tokio::task::yield_now().await;
                    }
                    if client.socket.statistics().sent == before {
                        break;
                    }
                }
            }
        }
        let unsent = client.socket.statistics().unsent_bytes;
        assert!((900_000..=UNSENT_BYTES_MAX).contains(&unsent), "{unsent}");
        go.send(()).unwrap();
        client.send(message).await;
        client.socket.close(Some(1000), "", Duration::from_secs(60));
        let socket = client.socket.clone();
        assert_eq!(client.closed().await.ending, Ending::ByUs);
        assert_eq!(socket.statistics().sent, taken + 1);
    });
}

#[test]
fn a_message_over_the_bound_is_taken_alone() {
    local(async {
        let client = pair(|mut server| async move {
            assert_eq!(server.see().await.unwrap().payload.len(), 3 << 20);
            assert_eq!(server.see().await.unwrap().text(), "x");
            server.text("done").await;
            server.left().await;
        })
        .await;
        let large = Content::Binary(vec![1; 3 << 20].into());
        client.send(large).await;
        assert_eq!(
            client.socket.try_send(text("x")),
            Err(Unsent::Full(text("x")))
        );
        client.send(text("x")).await;
        assert_eq!(client.text().await, "done");
        client.leave().await;
    });
}
