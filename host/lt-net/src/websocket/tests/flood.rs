use super::*;
use crate::peer::{local, local_paused};

const MESSAGES: u64 = 100_000;

fn options(messages_max: usize, overflow: Overflow) -> ConnectOptions {
    ConnectOptions {
        inbox: InboxOptions {
            messages_max,
            bytes_max: 1 << 20,
            overflow,
        },
        ..ConnectOptions::default()
    }
}

/// A server that sends numbered messages as fast as it can and then closes.
async fn flooded(options: &ConnectOptions) -> Client {
    pair_with(options, |mut server| async move {
        let mut bytes = Vec::new();
        for number in 0..MESSAGES {
            bytes.extend(frame(TEXT, number.to_string().as_bytes()));
        }
        bytes.extend(frame(CLOSE, &close_payload(1000, "")));
        // The client may well have enough of it.
        let _ = server.stream.write_all(&bytes).await;
        while let Some(seen) = server.see().await
            && seen.first != CLOSE
        {}
    })
    .await
}

fn numbers(socket: &Socket) -> Vec<u64> {
    let drained = socket.drain(usize::MAX).into_iter();
    drained
        .map(|message| match message.content {
            Content::Text(text) => text.parse().unwrap(),
            Content::Binary(_) => panic!("binary"),
        })
        .collect()
}

fn check_dropping(overflow: Overflow, kept: impl Iterator<Item = u64>) {
    local(async {
        let client = flooded(&options(1000, overflow)).await;
        let (socket, log) = (client.socket.clone(), client.log.clone());
        assert_eq!(client.closed().await.ending, Ending::ByPeer);
        assert_eq!(
            (log.received.get(), log.waiting_max.get()),
            (MESSAGES, 1000)
        );
        assert_eq!(log.dropped.get(), MESSAGES - 1000);
        let statistics = socket.statistics();
        assert_eq!(
            (statistics.received, statistics.dropped),
            (MESSAGES, MESSAGES - 1000)
        );
        assert_eq!(statistics.waiting, 1000);
        assert_eq!(numbers(&socket), kept.collect::<Vec<_>>());
    });
}

#[test]
fn the_newest_are_left_when_the_oldest_are_dropped() {
    check_dropping(Overflow::DropOldest, MESSAGES - 1000..MESSAGES);
}

#[test]
fn the_oldest_are_left_when_the_newest_are_dropped() {
    check_dropping(Overflow::DropNewest, 0..1000);
}

#[test]
fn nothing_is_lost_when_reading_pauses() {
    local(async {
        let client = flooded(&options(1000, Overflow::Pause)).await;
        let mut next = 0;
        while next < MESSAGES {
            poll_fn(|cx| client.socket.poll_receive(cx)).await;
            assert!(client.socket.statistics().waiting <= 1000);
            for number in numbers(&client.socket) {
                assert_eq!(number, next);
                next += 1;
            }
        }
        assert_eq!(
            (client.log.dropped.get(), client.log.waiting_max.get()),
            (0, 1000)
        );
        assert_eq!(client.closed().await.ending, Ending::ByPeer);
    });
}

#[test]
fn a_paused_socket_tells_its_end_behind_what_came() {
    local_paused(async {
        let mut client = pair_with(&options(1, Overflow::Pause), |mut server| async move {
            for text in ["a", "b", "c"] {
                server.text(text).await;
            }
            server.send(CLOSE, &close_payload(3000, "bye")).await;
            rustix::net::sockopt::set_socket_linger(&server.stream, Some(Duration::ZERO)).unwrap();
        })
        .await;
        poll_fn(|cx| client.socket.poll_receive(cx)).await;
        let second = Duration::from_secs(1);
        client
            .socket
            .send_every(second, text("beat"), second)
            .unwrap();
        (&mut client.server).await.unwrap();
        // Writing fails, and with that the pump has nothing to do by the clock.
        client.socket.try_send(text("x")).unwrap();
        tokio::time::sleep(second * 100).await;
        assert_eq!(client.socket.closed(), None);
        for expected in ["a", "b", "c"] {
            assert_eq!(client.text().await, expected);
        }
        let close = poll_fn(|cx| client.socket.poll_closed(cx)).await;
        assert_eq!((close.ending, close.code), (Ending::ByPeer, 3000));
        client.pump.await.unwrap();
    });
}

/// A full inbox does not get in the way of a close.
fn check_closing(overflow: Overflow) {
    local(async {
        let client = pair_with(&options(1, overflow), move |mut server| async move {
            server.text("x").await;
            if overflow == Overflow::Pause {
                server.text("x").await;
            }
            server.see_close(Some(1000)).await;
            server.text("x").await;
            server.text("x").await;
            server.send(CLOSE, &close_payload(1000, "")).await;
        })
        .await;
        poll_fn(|cx| client.socket.poll_receive(cx)).await;
        client.socket.close(Some(1000), "", Duration::from_secs(60));
        let socket = client.socket.clone();
        assert_eq!(client.closed().await.ending, Ending::ByUs);
        let statistics = socket.statistics();
        assert_eq!(statistics.waiting, 1);
        assert_eq!(statistics.dropped, statistics.received - 1);
    });
}

#[test]
fn a_paused_socket_can_be_closed() {
    check_closing(Overflow::Pause);
}

#[test]
fn a_close_of_our_own_is_no_overflow() {
    check_closing(Overflow::Close);
}

#[test]
fn the_connection_is_closed_if_asked() {
    local(async {
        let client = flooded(&options(1000, Overflow::Close)).await;
        let socket = client.socket.clone();
        let close = client.closed().await;
        assert_eq!((close.ending, close.code), (Ending::InboxOverflow, 1008));
        let statistics = socket.statistics();
        assert_eq!((statistics.received, statistics.dropped), (1001, 1));
        assert_eq!(numbers(&socket), (0..1000).collect::<Vec<_>>());
    });
}

#[test]
fn an_inbox_without_room_keeps_none_and_drops_none() {
    for overflow in [Overflow::DropOldest, Overflow::Pause, Overflow::Close] {
        local(async move {
            let client = flooded(&options(0, overflow)).await;
            let (socket, log) = (client.socket.clone(), client.log.clone());
            assert_eq!(client.closed().await.ending, Ending::ByPeer);
            assert_eq!((log.received.get(), log.dropped.get()), (MESSAGES, 0));
            assert_eq!(socket.try_receive(), None);
        });
    }
}
