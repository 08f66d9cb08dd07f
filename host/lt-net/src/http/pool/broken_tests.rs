//! Tests of connections that end, fail or keep silent.

use std::cell::RefCell;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::spawn_local;

use crate::error::NetError;
use crate::http::{Body, Url};
use crate::peer::{Ask, Peer, ends_orderly, local, local_paused, pool, read_head};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

#[test]
fn a_connection_that_closed_while_idle_is_noticed_before_it_is_used() {
    local(async {
        let peer = Peer::start(|_, mut stream| async move {
            read_head(&mut stream).await.unwrap();
            stream.write_all(OK.as_bytes()).await.unwrap();
        })
        .await;
        let pool = pool();
        Ask::get(&peer.url()).send(&pool).await.unwrap();
        while pool.origins.borrow_mut()[0].idle[0].stream.is_quiet() {
            tokio::task::yield_now().await; // until the reactor has seen the end
        }
        let mut post = Ask::post(&peer.url(), "x");
        post.body = Body::None;
        let answer = post.send(&pool).await.unwrap();
        assert!(!answer.reused);
        assert_eq!(peer.accepted(), 2);
    });
}

/// A peer that answers once on each connection and then closes it in answer to the next request.
async fn half_dead() -> Peer {
    Peer::start(|_, mut stream| async move {
        read_head(&mut stream).await.unwrap();
        stream.write_all(OK.as_bytes()).await.unwrap();
        read_head(&mut stream).await;
    })
    .await
}

#[test]
fn a_half_dead_connection_costs_an_idempotent_request_nothing_but_time() {
    local(async {
        let peer = half_dead().await;
        let pool = pool();
        let ask = Ask::get(&peer.url());
        let first = ask.send(&pool).await.unwrap();
        let second = ask.send(&pool).await.unwrap();
        assert!(!second.reused && !second.timings.blocked.is_zero());
        assert_eq!(
            second.bytes_sent,
            2 * first.bytes_sent,
            "both attempts count"
        );
        assert_eq!(peer.accepted(), 2);
    });
}

#[test]
fn a_half_dead_connection_fails_a_request_that_may_not_be_repeated() {
    local(async {
        let peer = half_dead().await;
        let pool = pool();
        Ask::get(&peer.url()).send(&pool).await.unwrap();
        let failure = Ask::post(&peer.url(), "").send(&pool).await.unwrap_err();
        assert_eq!(failure.error, NetError::ConnectionClosed);
        assert_eq!(peer.accepted(), 1);
    });
}

#[test]
fn an_answer_that_makes_no_sense_is_an_answer() {
    for nonsense in ["nonsense\r\n\r\n", "HTTP/1.1 103 Hints\r\n\r\n"] {
        local(async move {
            let peer = Peer::start(move |_, mut stream| async move {
                for answer in [OK, nonsense] {
                    read_head(&mut stream).await.unwrap();
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            })
            .await;
            let pool = pool();
            let ask = Ask::get(&peer.url());
            ask.send(&pool).await.unwrap();
            assert!(ask.send(&pool).await.is_err(), "{nonsense}");
            assert_eq!(peer.accepted(), 1, "{nonsense}");
        });
    }
}

#[test]
fn a_new_connection_is_not_tried_twice() {
    local(async {
        let peer = Peer::start(|_, mut stream| async move {
            read_head(&mut stream).await.unwrap();
        })
        .await;
        let failure = Ask::get(&peer.url()).send(&pool()).await.unwrap_err();
        assert_eq!(
            (failure.error, failure.remote),
            (NetError::ConnectionClosed, Some(peer.address))
        );
        assert!(failure.bytes_sent > 0 && failure.bytes_received == 0);
        assert_eq!(peer.accepted(), 1);
    });
}

#[test]
fn a_cut_body_is_an_error_and_a_reset_is_another() {
    local(async {
        let closing = Peer::start(|_, mut stream| async move {
            read_head(&mut stream).await.unwrap();
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel")
                .await
                .unwrap();
        })
        .await;
        let failure = Ask::get(&closing.url()).send(&pool()).await.unwrap_err();
        assert_eq!(failure.error, NetError::ConnectionClosed);
        assert!(failure.bytes_received > 0 && !failure.timings.receiving.is_zero());
        let resetting = Peer::start(|_, mut stream| async move {
            read_head(&mut stream).await.unwrap();
            socket2::SockRef::from(&stream)
                .set_linger(Some(Duration::ZERO))
                .unwrap();
        })
        .await;
        let failure = Ask::get(&resetting.url()).send(&pool()).await.unwrap_err();
        assert_eq!(failure.error, NetError::ConnectionReset);
    });
}

#[test]
fn nothing_listens() {
    local(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        drop(listener);
        let failure = Ask::get(&url).send(&pool()).await.unwrap_err();
        assert_eq!(
            (failure.error, failure.remote),
            (NetError::ConnectionRefused, None)
        );
    });
}

#[test]
fn an_http2_connection_that_ended_while_idle_is_not_used() {
    local_paused(async {
        let peer = Peer::start(|_, stream| async move {
            let mut connection = ::h2::server::handshake(stream).await.unwrap();
            let (_, mut respond) = connection.accept().await.unwrap().unwrap();
            respond
                .send_response(::http::Response::new(()), true)
                .unwrap();
            // Time to write the answer; then the connection is dropped without a goodbye.
            let _ = tokio::time::timeout(Duration::from_millis(10), connection.accept()).await;
        })
        .await;
        let pool = pool();
        let version = crate::http::VersionChoice::Http2;
        let ask = Ask {
            version,
            ..Ask::post(&peer.url(), "")
        };
        ask.send(&pool).await.unwrap();
        while pool.origins.borrow()[0].shared.as_ref().unwrap().is_open() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(!ask.send(&pool).await.unwrap().reused);
        assert_eq!(peer.accepted(), 2);
    });
}

#[test]
fn a_peer_that_never_answers_runs_into_the_deadline() {
    local_paused(async {
        let (ended, saw_end) = oneshot::channel();
        let ended = RefCell::new(Some(ended));
        let peer = Peer::start(move |_, mut stream| {
            let ended = ended.borrow_mut().take();
            async move {
                read_head(&mut stream).await.unwrap();
                ended
                    .unwrap()
                    .send(ends_orderly(&mut stream).await)
                    .unwrap();
            }
        })
        .await;
        let pool = pool();
        let mut ask = Ask::get(&peer.url());
        ask.timeout = Duration::from_millis(1500);
        let failure = ask.send(&pool).await.unwrap_err();
        assert_eq!(failure.error, NetError::Timeout);
        assert_eq!(failure.timings.waiting, Duration::from_millis(1500));
        assert!(saw_end.await.unwrap(), "the connection is closed");
    });
}

#[test]
fn dropping_an_exchange_closes_its_connection() {
    local(async {
        let (ended, saw_end) = oneshot::channel();
        let ended = RefCell::new(Some(ended));
        let peer = Peer::start(move |_, mut stream| {
            let ended = ended.borrow_mut().take();
            async move {
                read_head(&mut stream).await.unwrap();
                ended
                    .unwrap()
                    .send(ends_orderly(&mut stream).await)
                    .unwrap();
            }
        })
        .await;
        let (pool, ask) = (pool(), Ask::get(&peer.url()));
        let aborted = spawn_local(async move { ask.send(&pool).await.map(|_| ()) });
        while peer.accepted() == 0 {
            tokio::task::yield_now().await;
        }
        aborted.abort();
        assert!(saw_end.await.unwrap());
    });
}

#[test]
fn requests_to_a_host_that_fails_do_not_queue_up_behind_each_other() {
    local_paused(async {
        let peer = Peer::start(|_, stream| async move {
            tokio::time::sleep(Duration::from_secs(5)).await;
            drop(stream);
        })
        .await;
        let pool = pool();
        let ask = Ask::get(&Url::parse(&format!("https://{}/", peer.address)).unwrap());
        let start = tokio::time::Instant::now();
        let all = tokio::join!(ask.send(&pool), ask.send(&pool), ask.send(&pool));
        for outcome in [all.0, all.1, all.2] {
            let code = outcome.unwrap_err().error.code();
            assert!(matches!(code, 1220 | 1300), "{code}");
        }
        assert_eq!(
            start.elapsed().as_secs(),
            10,
            "the first alone, the others together"
        );
        assert_eq!(peer.accepted(), 3);
    });
}
