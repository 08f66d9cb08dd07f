use super::*;
use crate::peer::{local, local_paused};

const LONG: Duration = Duration::from_secs(3600);

#[test]
fn the_peer_closes() {
    for (payload, code, reason, answer) in [
        (close_payload(1000, "bye"), 1000, "bye", Some(1000)),
        (close_payload(1014, ""), 1014, "", Some(1014)),
        (
            close_payload(1002, "Protocol violation"),
            1002,
            "Protocol violation",
            Some(1002),
        ),
        (close_payload(4999, "ü"), 4999, "ü", Some(4999)),
        (Vec::new(), 1005, "", None),
    ] {
        local(async move {
            let client = pair(move |mut server| {
                let payload = payload.clone();
                async move {
                    server.text("last").await;
                    server.send(CLOSE, &payload).await;
                    assert_eq!(server.see_close(answer).await, "");
                }
            })
            .await;
            assert_eq!(client.text().await, "last");
            let close = client.closed().await;
            assert_eq!(close.ending, Ending::ByPeer);
            assert_eq!((close.code, &*close.reason), (code, reason));
        });
    }
}

#[test]
fn we_close_after_what_was_sent() {
    local(async {
        let client = pair(|mut server| async move {
            for number in 0..500 {
                assert_eq!(server.see().await.unwrap().text(), number.to_string());
            }
            assert_eq!(server.see_close(Some(3000)).await, "enough");
            server.send(PING, b"unanswered").await;
            server.text("still there").await;
            server.send(CLOSE, &close_payload(3001, "fine")).await;
            server.text("ignored").await;
            // The client waits for us to close first.
            server.stream.shutdown().await.unwrap();
            server.end().await;
        })
        .await;
        for number in 0..500 {
            client.socket.try_send(text(&number.to_string())).unwrap();
        }
        client.socket.close(Some(3000), "enough", LONG);
        client
            .socket
            .close(Some(1000), "a second call", Duration::ZERO);
        let going = Close {
            code: 3000,
            reason: "enough".to_owned(),
            ending: Ending::ByUs,
        };
        assert_eq!(
            client.socket.try_send(text("x")),
            Err(Unsent::Closed(going.clone()))
        );
        assert_eq!(client.socket.ping(), Err(going));
        assert_eq!(client.text().await, "still there");
        let socket = client.socket.clone();
        let close = client.closed().await;
        assert_eq!(close.ending, Ending::ByUs);
        assert_eq!((close.code, &*close.reason), (3001, "fine"));
        assert_eq!(socket.try_receive(), None);
    });
}

#[test]
fn a_close_may_have_no_code() {
    local(async {
        let client = pair(|mut server| async move {
            server.see_close(None).await;
            server.send(CLOSE, b"").await;
        })
        .await;
        client.socket.close(None, "dropped", LONG);
        let close = client.closed().await;
        assert_eq!((close.ending, close.code), (Ending::ByUs, 1005));
        assert_eq!(close.reason, "");
    });
}

#[test]
fn long_reasons_are_cut_between_characters() {
    local(async {
        let client = pair(|mut server| async move {
            assert_eq!(server.see_close(Some(1000)).await, "ü".repeat(61));
        })
        .await;
        client.socket.close(Some(1000), &"ü".repeat(100), LONG);
        // The peer agreed to nothing: what was sent is the code.
        let close = client.closed().await;
        assert_eq!((close.ending, close.code), (Ending::Disconnected, 1006));
    });
}

#[test]
fn a_peer_that_hangs_at_close_is_not_waited_for() {
    local_paused(async {
        let client = pair(|mut server| async move {
            server.see_close(Some(1000)).await;
            server.text("no answer").await;
            server.end().await;
        })
        .await;
        let start = Instant::now();
        client.socket.close(Some(1000), "", Duration::from_secs(5));
        let close = client.closed().await;
        assert_eq!((close.ending, close.code), (Ending::CloseTimeout, 1006));
        assert!(start.elapsed() >= Duration::from_secs(5));
    });
}

#[test]
fn a_peer_that_does_not_read_is_not_waited_for() {
    local_paused(async {
        let client = pair(|server| async move {
            tokio::time::sleep(LONG).await;
            drop(server);
        })
        .await;
        client.send(Content::Binary(vec![0; 64 << 20].into())).await;
        client.socket.close(Some(1000), "", Duration::from_secs(5));
        let close = client.closed().await;
        assert_eq!((close.ending, close.code), (Ending::CloseTimeout, 1006));
    });
}

#[test]
fn a_failed_connection_is_not_waited_for() {
    local_paused(async {
        let client = pair(|mut server| async move {
            server.send(0x83, b"").await;
            tokio::time::sleep(LONG).await;
            drop(server);
        })
        .await;
        let start = Instant::now();
        client.send(Content::Binary(vec![0; 64 << 20].into())).await;
        let close = poll_fn(|cx| client.socket.poll_closed(cx)).await;
        // The close frame found no room behind the message.
        assert_eq!((close.ending, close.code), (Ending::ProtocolError, 1006));
        assert!(
            start.elapsed() < Duration::from_secs(3),
            "{:?}",
            start.elapsed()
        );
        client.closed().await;
    });
}

#[test]
fn an_abandoned_socket_says_that_it_goes() {
    local(async {
        let (done, wait) = tokio::sync::oneshot::channel();
        let done = RefCell::new(Some(done));
        let client = pair(move |mut server| {
            let done = done.take().unwrap();
            async move {
                assert_eq!(server.see().await.unwrap().text(), "x");
                server.see_close(Some(1001)).await;
                done.send(()).unwrap();
                server.end().await;
            }
        })
        .await;
        client.socket.try_send(text("x")).unwrap();
        client.socket.abandon();
        let close = client.closed().await;
        assert_eq!((close.ending, close.code), (Ending::ByUs, 1001));
        wait.await.unwrap();
    });
}

#[test]
fn abandoning_waits_for_nobody() {
    local_paused(async {
        let client = pair(|server| async move {
            tokio::time::sleep(LONG).await;
            drop(server);
        })
        .await;
        client.send(Content::Binary(vec![0; 64 << 20].into())).await;
        let start = Instant::now();
        client.socket.abandon();
        poll_fn(|cx| client.socket.poll_closed(cx)).await;
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert_eq!(client.closed().await.code, 1006);
    });
}

#[test]
fn close_codes_are_those_that_a_frame_may_carry() {
    for code in [
        1000, 1001, 1002, 1003, 1007, 1011, 1012, 1014, 3000, 3999, 4000, 4999,
    ] {
        assert!(is_close_code(code), "{code}");
    }
    for code in [
        0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65535,
    ] {
        assert!(!is_close_code(code), "{code}");
    }
}
