//! Tests of [`super::Pool`] over HTTP/1.1, against peers that do exactly what a script says.

use std::time::Duration;

use ::http::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::lease::{IDLE_PER_ORIGIN_MAX, ORIGINS_MAX};
use super::*;
use crate::dial::{HostAddress, NetworkOptions};
use crate::http::Url;
use crate::peer::{Ask, Peer, local, local_paused, pool, pool_with, read_head};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

#[test]
fn a_connection_is_used_again_and_bytes_are_counted() {
    local(async {
        let peer = Peer::answering(OK).await;
        let pool = pool();
        let ask = Ask::get(&peer.url());
        let sent = format!("GET / HTTP/1.1\r\nhost: {}\r\n\r\n", peer.address).len() as u64;
        for reused in [false, true, true] {
            let answer = ask.send(&pool).await.unwrap();
            assert_eq!(
                (answer.status, answer.version, answer.body.as_slice()),
                (200, Version::Http11, &b"hello"[..])
            );
            assert_eq!(
                (answer.reused, answer.timings.connecting.is_zero()),
                (reused, reused)
            );
            assert_eq!(
                (answer.bytes_sent, answer.bytes_received),
                (sent, OK.len() as u64)
            );
            assert_eq!((answer.remote, answer.tls), (peer.address, None));
            assert!(answer.timings.resolving.is_zero() && answer.timings.tls.is_zero());
        }
        assert_eq!(peer.accepted(), 1);
    });
}

#[test]
fn reuse_is_a_choice_of_the_request() {
    local(async {
        let peer = Peer::answering(OK).await;
        let pool = pool();
        let mut ask = Ask::get(&peer.url());
        for (reuse, wanted) in [
            (Reuse::Keep, 1),
            (Reuse::Fresh, 2),
            (Reuse::Keep, 2),
            (Reuse::Close, 3),
            (Reuse::Keep, 3),
        ] {
            ask.reuse = reuse;
            ask.send(&pool).await.unwrap();
            assert_eq!(peer.accepted(), wanted, "{reuse:?}");
        }
        pool.close_idle();
        ask.send(&pool).await.unwrap();
        assert_eq!(peer.accepted(), 4);
        assert_eq!(format!("{pool:?}"), "Pool { idle: 1, .. }");
    });
}

#[test]
fn connections_that_may_not_be_kept_are_not() {
    local(async {
        for answer in [
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello",
            "HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello and more",
        ] {
            let peer = Peer::answering(answer).await;
            let pool = pool();
            for wanted in 1..=2 {
                let got = Ask::get(&peer.url()).send(&pool).await.unwrap();
                assert_eq!(
                    (got.body.as_slice(), peer.accepted()),
                    (&b"hello"[..], wanted),
                    "{answer}"
                );
            }
        }
    });
}

#[test]
fn waiting_and_receiving_are_told_apart() {
    local_paused(async {
        let peer = Peer::start(|_, mut stream| async move {
            read_head(&mut stream).await.unwrap();
            tokio::time::sleep(Duration::from_millis(300)).await;
            stream
                .write_all(b"HTTP/1.1 103 Hints\r\n\r\n")
                .await
                .unwrap();
            tokio::time::sleep(Duration::from_millis(200)).await;
            for byte in OK.as_bytes() {
                stream.write_all(&[*byte]).await.unwrap();
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
        let answer = Ask::get(&peer.url()).send(&pool()).await.unwrap();
        assert_eq!(
            answer.timings.waiting.as_millis(),
            500,
            "an interim response is not the response"
        );
        assert_eq!(answer.timings.receiving.as_millis(), OK.len() as u128 - 1);
    });
}

#[test]
fn exchanges_run_side_by_side_up_to_the_limit() {
    local_paused(async {
        let peer = Peer::start(|_, mut stream| async move {
            while read_head(&mut stream).await.is_some() {
                tokio::time::sleep(Duration::from_secs(1)).await;
                stream.write_all(OK.as_bytes()).await.unwrap();
            }
        })
        .await;
        let ask = Ask::get(&peer.url());
        let wide = pool();
        let (one, two) = tokio::join!(ask.send(&wide), ask.send(&wide));
        assert_eq!(
            (one.unwrap().timings.blocked, two.unwrap().timings.blocked),
            (Duration::ZERO, Duration::ZERO)
        );
        assert_eq!(peer.accepted(), 2);
        let narrow = pool_with(NetworkOptions::default(), |route| {
            route.connections_per_origin_max = 1
        });
        let (one, two) = tokio::join!(ask.send(&narrow), ask.send(&narrow));
        assert_eq!(one.unwrap().timings.blocked, Duration::ZERO);
        let two = two.unwrap();
        assert_eq!(
            (two.timings.blocked, two.timings.waiting),
            (Duration::from_secs(1), Duration::from_secs(1))
        );
        assert!(two.reused);
        assert_eq!(peer.accepted(), 3);
    });
}

#[test]
fn many_origins_do_not_collect_connections() {
    local(async {
        let peer = Peer::answering(OK).await;
        let mut options = NetworkOptions::default();
        let names: Vec<String> = (0..ORIGINS_MAX + 5)
            .map(|number| format!("host-{number}.invalid"))
            .collect();
        for name in &names {
            options
                .hosts
                .insert(name.clone(), HostAddress::Socket(peer.address));
        }
        let pool = pool_with(options, |_| {});
        for name in &names {
            Ask::get(&Url::parse(&format!("http://{name}/")).unwrap())
                .send(&pool)
                .await
                .unwrap();
        }
        assert_eq!(pool.origins.borrow().len(), ORIGINS_MAX);
    });
}

#[test]
fn idle_connections_of_an_origin_do_not_pile_up() {
    const ENDED: usize = 3;
    local(async {
        let peer = Peer::start(|number, mut stream| async move {
            read_head(&mut stream).await.unwrap();
            stream.write_all(OK.as_bytes()).await.unwrap();
            if number != ENDED {
                read_head(&mut stream).await;
            }
        })
        .await;
        let pool = pool();
        let mut ask = Ask::get(&peer.url());
        ask.reuse = Reuse::Fresh;
        let mut made = Vec::new();
        for number in 0..IDLE_PER_ORIGIN_MAX + 2 {
            ask.send(&pool).await.unwrap();
            let mut connection = pool.origins.borrow_mut()[0].idle.pop().unwrap();
            while number == ENDED && connection.stream.is_quiet() {
                tokio::task::yield_now().await; // until the reactor has seen the end
            }
            made.push(connection.stream.wire().counters().clone());
            pool.origins.borrow_mut()[0].idle.push(connection);
        }
        let origins = pool.origins.borrow();
        let idle = &origins[0].idle;
        assert_eq!(idle.len(), IDLE_PER_ORIGIN_MAX);
        // The one that had ended made room first, then the oldest.
        made.remove(ENDED);
        for (connection, made) in idle.iter().zip(&made[1..]) {
            assert!(Rc::ptr_eq(connection.stream.wire().counters(), made));
        }
    });
}

#[test]
fn the_pool_of_an_idle_user_is_small() {
    local(async {
        assert!(size_of::<Pool>() <= 256, "{}", size_of::<Pool>());
        assert!(size_of::<Origin>() + size_of::<h1::Connection>() <= 320);
        let peer = Peer::answering(OK).await;
        let pool = pool();
        let ask = Ask::get(&peer.url());
        ask.send(&pool).await.unwrap();
        let origins = pool.origins.borrow();
        assert_eq!((origins.capacity(), origins[0].idle.capacity()), (1, 1));
        drop(origins);
        let future = ask.send(&pool);
        assert!(size_of_val(&future) <= 1400, "{}", size_of_val(&future));
    });
}

#[test]
fn a_head_request_has_no_body() {
    local(async {
        let peer = Peer::answering("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n").await;
        let pool = pool();
        let mut ask = Ask::get(&peer.url());
        ask.method = Method::HEAD;
        for _ in 0..2 {
            let answer = ask.send(&pool).await.unwrap();
            assert_eq!(
                (answer.body_length, answer.head.get("Content-Length")),
                (0, Some(&b"5"[..]))
            );
        }
        assert_eq!(peer.accepted(), 1);
    });
}

#[test]
fn a_large_body_is_counted_without_being_kept() {
    local(async {
        const LENGTH: u64 = 64 << 20;
        let peer = Peer::start(|_, mut stream| async move {
            read_head(&mut stream).await.unwrap();
            stream
                .write_all(
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {LENGTH}\r\n\r\n").as_bytes(),
                )
                .await
                .unwrap();
            let block = vec![b'x'; 1 << 20];
            for _ in 0..LENGTH >> 20 {
                stream.write_all(&block).await.unwrap();
            }
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.unwrap();
        })
        .await;
        let mut ask = Ask::get(&peer.url());
        ask.keep_body = false;
        let answer = ask.send(&pool()).await.unwrap();
        assert_eq!(
            (answer.body_length, answer.body.capacity(), answer.body_kept),
            (LENGTH, 0, false)
        );
        ask.keep_body = true;
        let answer = ask.send(&pool()).await.unwrap();
        assert_eq!(
            (
                answer.body_length,
                answer.body.capacity(),
                answer.body_overflow
            ),
            (LENGTH, 0, true)
        );
    });
}
