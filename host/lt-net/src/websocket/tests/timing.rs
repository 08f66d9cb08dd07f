use super::*;
use crate::peer::{local, local_paused};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn heartbeats_go_out_while_nobody_looks() {
    local_paused(async {
        let client = pair(|mut server| async move {
            let start = Instant::now();
            for number in 0..10u32 {
                assert_eq!(server.see().await.unwrap().text(), "beat");
                let due = SECOND * 3 + SECOND * 25 * number;
                assert!(start.elapsed() >= due && start.elapsed() < due + SECOND);
            }
            server.text("done").await;
            server.left().await;
        })
        .await;
        let beat = client
            .socket
            .send_every(SECOND * 25, text("beat"), SECOND * 3)
            .unwrap();
        assert_eq!(client.text().await, "done");
        assert_eq!((beat.sent(), client.log.sent.get()), (10, 10));
        beat.stop();
        tokio::time::sleep(SECOND * 100).await;
        assert_eq!(beat.sent(), 10);
        client.leave().await;
    });
}

#[test]
fn timed_pings_are_timed() {
    local(async {
        let client = pair(|mut server| async move {
            server.send(PONG, b"unasked").await;
            for _ in 0..2 {
                let ping = server.see().await.unwrap();
                assert_eq!((ping.first, ping.payload.len()), (PING, 8));
                server.send(PONG, &7u64.to_be_bytes()).await;
                server.send(PONG, &ping.payload).await;
                server.send(PONG, &ping.payload).await;
            }
            server.left().await;
        })
        .await;
        for count in 1..=2 {
            let number = client.socket.ping().unwrap();
            let took = poll_fn(|cx| client.socket.poll_pong(number, cx))
                .await
                .unwrap();
            assert_eq!(client.log.pongs.borrow().len(), count);
            assert_eq!(client.log.pongs.borrow().last(), Some(&took));
            assert_eq!(client.socket.statistics().last_ping, Some(took));
        }
        client.leave().await;
    });
}

#[test]
fn a_ping_of_a_connection_that_ends_is_not_waited_for() {
    local(async {
        let client = pair(|mut server| async move {
            server.see().await.unwrap();
        })
        .await;
        let number = client.socket.ping().unwrap();
        let close = poll_fn(|cx| client.socket.poll_pong(number, cx))
            .await
            .unwrap_err();
        assert_eq!(close.ending, Ending::Disconnected);
        client.closed().await;
    });
}

#[test]
fn pings_at_an_interval_feed_the_observer() {
    local_paused(async {
        let client = pair(|mut server| async move {
            loop {
                let seen = server.see().await.unwrap();
                if seen.first == CLOSE {
                    return;
                }
                server.send(PONG, &seen.payload).await;
            }
        })
        .await;
        let pings = client
            .socket
            .ping_every(SECOND * 25, Some(SECOND * 10), SECOND)
            .unwrap();
        while client.log.pongs.borrow().len() < 10 {
            tokio::time::sleep(SECOND).await;
        }
        assert_eq!(pings.sent(), 10);
        assert_eq!(client.socket.closed(), None);
        // A second takes the place of the first.
        let others = client.socket.ping_every(SECOND, None, SECOND).unwrap();
        while client.log.pongs.borrow().len() < 50 {
            tokio::time::sleep(SECOND).await;
        }
        assert_eq!((pings.sent(), others.sent()), (10, 40));
        client.leave().await;
    });
}

#[test]
fn a_peer_that_never_answers_pings_is_given_up() {
    local_paused(async {
        let (done, wait) = tokio::sync::oneshot::channel();
        let done = RefCell::new(Some(done));
        let client = pair(move |mut server| {
            let done = done.take().unwrap();
            async move {
                assert_eq!(server.see().await.unwrap().first, PING);
                server.text("alive, but no pong").await;
                assert_eq!(server.see().await.unwrap().first, PING);
                server.see_close(Some(1001)).await;
                done.send(()).unwrap();
            }
        })
        .await;
        let start = Instant::now();
        client
            .socket
            .ping_every(SECOND, Some(SECOND * 3 / 2), SECOND)
            .unwrap();
        let close = client.closed().await;
        assert_eq!((close.ending, close.code), (Ending::PingTimeout, 1001));
        let took = start.elapsed();
        assert!(took >= SECOND * 5 / 2 && took < SECOND * 3, "{took:?}");
        wait.await.unwrap();
    });
}

#[test]
fn without_a_timeout_nothing_happens() {
    local_paused(async {
        let client = pair(|server| server.end_after(1000)).await;
        let pings = client.socket.ping_every(SECOND, None, SECOND).unwrap();
        let socket = client.socket.clone();
        assert_eq!(client.closed().await.ending, Ending::Disconnected);
        assert!(pings.sent() >= 1000);
        assert_eq!(socket.statistics().last_ping, None);
    });
}

#[test]
fn no_ping_times_out_while_reading_pauses() {
    local_paused(async {
        let options = ConnectOptions {
            inbox: InboxOptions {
                messages_max: 1,
                overflow: Overflow::Pause,
                ..InboxOptions::default()
            },
            ..ConnectOptions::default()
        };
        let client = pair_with(&options, |mut server| async move {
            let ping = server.see().await.unwrap();
            server.text("a").await;
            server.text("b").await;
            server.send(PONG, &ping.payload).await;
            server.left().await;
        })
        .await;
        let pings = client
            .socket
            .ping_every(SECOND * 40, Some(SECOND * 2), SECOND)
            .unwrap();
        tokio::time::sleep(SECOND * 100).await;
        assert_eq!(client.socket.closed(), None);
        assert_eq!(pings.sent(), 1, "none is sent whose pong would not be read");
        assert_eq!(client.text().await, "a");
        assert_eq!(client.text().await, "b");
        while client.log.pongs.borrow().is_empty() {
            tokio::task::yield_now().await;
        }
        client.leave().await;
    });
}

#[test]
fn pings_time_out_however_many_are_sent_meanwhile() {
    local_paused(async {
        let client = pair(|mut server| async move {
            let mut pings = 0;
            while server.see().await.unwrap().first == PING {
                pings += 1;
            }
            assert!((100..=110).contains(&pings), "{pings}");
        })
        .await;
        let start = Instant::now();
        let interval = Duration::from_millis(10);
        client
            .socket
            .ping_every(interval, Some(SECOND), interval)
            .unwrap();
        assert_eq!(client.closed().await.ending, Ending::PingTimeout);
        let took = start.elapsed();
        assert!(took > SECOND && took < SECOND * 11 / 10, "{took:?}");
    });
}

#[test]
fn a_ping_without_any_time_for_its_pong_is_sent() {
    local_paused(async {
        let client = pair(|mut server| async move {
            assert_eq!(server.see().await.unwrap().first, PING);
            server.see_close(Some(1001)).await;
        })
        .await;
        client
            .socket
            .ping_every(SECOND, Some(Duration::ZERO), SECOND)
            .unwrap();
        assert_eq!(client.closed().await.ending, Ending::PingTimeout);
    });
}

#[test]
fn pings_that_are_stopped_end_nothing() {
    local_paused(async {
        let client = pair(|mut server| async move {
            for _ in 0..2 {
                assert_eq!(server.see().await.unwrap().first, PING);
            }
            server.left().await;
        })
        .await;
        let socket = &client.socket;
        let first = socket
            .ping_every(SECOND * 60, Some(SECOND), SECOND)
            .unwrap();
        tokio::time::sleep(SECOND * 3 / 2).await;
        // It is replaced while its pong is waited for, and then the one in its place is stopped.
        let second = socket
            .ping_every(SECOND * 60, Some(SECOND * 10), SECOND)
            .unwrap();
        tokio::time::sleep(SECOND * 5).await;
        assert_eq!(socket.closed(), None);
        second.stop();
        tokio::time::sleep(SECOND * 100).await;
        assert_eq!(socket.closed(), None);
        assert_eq!((first.sent(), second.sent()), (1, 1));
        client.leave().await;
    });
}

#[test]
fn pongs_have_the_time_that_reading_paused() {
    local_paused(async {
        let options = ConnectOptions {
            inbox: InboxOptions {
                messages_max: 1,
                overflow: Overflow::Pause,
                ..InboxOptions::default()
            },
            ..ConnectOptions::default()
        };
        let client = pair_with(&options, |mut server| async move {
            let ping = server.see().await.unwrap();
            server.text("a").await;
            server.text("b").await;
            // Reading goes on a second before.
            tokio::time::sleep(SECOND * 50).await;
            server.send(PONG, &ping.payload).await;
            server.left().await;
        })
        .await;
        client
            .socket
            .ping_every(SECOND * 1000, Some(SECOND * 3), Duration::ZERO)
            .unwrap();
        tokio::time::sleep(SECOND * 49).await;
        assert_eq!(client.text().await, "a");
        assert_eq!(client.text().await, "b");
        tokio::time::sleep(SECOND * 10).await;
        assert_eq!(client.socket.closed(), None);
        assert_eq!(client.log.pongs.borrow().len(), 1);
        client.leave().await;
    });
}

impl Server {
    /// See so many frames and go.
    async fn end_after(mut self, frames: usize) {
        for _ in 0..frames {
            self.see().await.unwrap();
        }
    }
}
