//! Tests of what happens while a request is still being written.

use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::http::{Body, Reuse};
use crate::peer::{Ask, Peer, local, local_paused, pool, read_head};

/// Larger than what the kernel takes in for a peer that does not read.
const LARGE_BYTES: usize = 24 << 20;

fn large() -> Bytes {
    (0..=255)
        .cycle()
        .take(LARGE_BYTES)
        .collect::<Vec<u8>>()
        .into()
}

#[test]
fn a_large_body_arrives_whole_both_ways() {
    local(async {
        // Echoes while it reads: neither side may wait for the other to finish.
        let peer = Peer::start(|_, mut stream| async move {
            let head = read_head(&mut stream).await.unwrap();
            assert!(
                head.contains(&format!("content-length: {LARGE_BYTES}\r\n")),
                "{head}"
            );
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {LARGE_BYTES}\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            let mut block = vec![0; 1 << 16];
            let mut left = LARGE_BYTES;
            while left > 0 {
                let read = stream.read(&mut block).await.unwrap();
                assert_ne!(read, 0);
                stream.write_all(&block[..read]).await.unwrap();
                left -= read;
            }
            assert!(
                read_head(&mut stream).await.is_some(),
                "the connection is used again"
            );
            stream
                .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
                .await
                .unwrap();
        })
        .await;
        let pool = pool();
        let mut ask = Ask::post(&peer.url(), large());
        ask.body_bytes_max = LARGE_BYTES;
        let answer = ask.send(&pool).await.unwrap();
        assert!(answer.body == large());
        assert!(
            answer.bytes_sent > LARGE_BYTES as u64 && answer.bytes_received > LARGE_BYTES as u64
        );
        let next = Ask::get(&peer.url()).send(&pool).await.unwrap();
        assert!(next.reused);
    });
}

#[test]
fn an_early_answer_ends_the_upload_and_the_connection() {
    local(async {
        let peer = Peer::start(|_, mut stream| async move {
            read_head(&mut stream).await.unwrap();
            stream
                .write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno")
                .await
                .unwrap();
            // Never reads the body; holds the connection open until the client leaves.
            std::future::pending::<()>().await;
        })
        .await;
        let pool = pool();
        for body in [Body::Bytes(large()), Body::Chunked(large())] {
            let ask = Ask {
                body,
                ..Ask::post(&peer.url(), "")
            };
            let answer = ask.send(&pool).await.unwrap();
            assert_eq!(
                (answer.status, answer.body.as_slice(), answer.reused),
                (413, &b"no"[..], false)
            );
            assert!(answer.bytes_sent < LARGE_BYTES as u64);
        }
        assert_eq!(peer.accepted(), 2);
    });
}

#[test]
fn an_answer_before_a_reset_is_still_the_answer() {
    local(async {
        let peer = Peer::start(|_, mut stream| async move {
            read_head(&mut stream).await.unwrap();
            stream
                .write_all(b"HTTP/1.1 401 No\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
                .await
                .unwrap();
            stream.shutdown().await.unwrap();
            let mut sink = vec![0; 1 << 20];
            while stream.read(&mut sink).await.is_ok_and(|read| read > 0) {}
        })
        .await;
        let answer = Ask::post(&peer.url(), large()).send(&pool()).await.unwrap();
        assert_eq!(answer.status, 401);
    });
}

#[test]
fn chunks_of_a_large_body_are_those_of_the_contract() {
    local(async {
        let peer = Peer::start(|_, mut stream| async move {
            let head = read_head(&mut stream).await.unwrap();
            assert!(head.contains("transfer-encoding: chunked\r\n"), "{head}");
            let mut first = [0; 6];
            stream.read_exact(&mut first).await.unwrap();
            assert_eq!(&first, b"4000\r\n");
            let mut rest = Vec::new();
            while !rest.ends_with(b"\r\n0\r\n\r\n") {
                assert_ne!(stream.read_buf(&mut rest).await.unwrap(), 0);
            }
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                .await
                .unwrap();
        })
        .await;
        let body = Body::Chunked(large().slice(..40_000));
        let answer = Ask {
            body,
            ..Ask::post(&peer.url(), "")
        }
        .send(&pool())
        .await
        .unwrap();
        assert_eq!(answer.status, 200);
    });
}

/// A POST of five bytes that waits for `100 Continue`.
fn expecting(peer: &Peer) -> Ask {
    Ask {
        expect_continue: true,
        ..Ask::post(&peer.url(), "hello")
    }
}

#[test]
fn a_body_waits_for_the_go_ahead() {
    local_paused(async {
        let peer = Peer::start(|_, mut stream| async move {
            for _ in 0..2 {
                assert!(
                    read_head(&mut stream)
                        .await
                        .unwrap()
                        .contains("expect: 100-continue\r\n")
                );
                tokio::time::sleep(Duration::from_millis(300)).await;
                assert!(
                    stream.try_read(&mut [0; 1]).is_err(),
                    "the body is held back"
                );
                stream
                    .write_all(b"HTTP/1.1 100 Continue\r\n\r\n")
                    .await
                    .unwrap();
                let mut body = [0; 5];
                stream.read_exact(&mut body).await.unwrap();
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n")
                    .await
                    .unwrap();
                stream.write_all(&body).await.unwrap();
            }
        })
        .await;
        let pool = pool();
        for reused in [false, true] {
            let answer = expecting(&peer).send(&pool).await.unwrap();
            assert_eq!(
                (answer.status, answer.body.as_slice(), answer.reused),
                (200, &b"hello"[..], reused)
            );
            assert_eq!(answer.timings.sending.as_millis(), 300);
        }
    });
}

#[test]
fn a_refusal_saves_the_body() {
    local_paused(async {
        let peer =
            Peer::answering("HTTP/1.1 417 Expectation Failed\r\ncontent-length: 0\r\n\r\n").await;
        let pool = pool();
        for _ in 0..2 {
            let answer = expecting(&peer).send(&pool).await.unwrap();
            assert_eq!(
                (answer.status, answer.reused),
                (417, false),
                "half a request is on the connection"
            );
        }
    });
}

#[test]
fn without_a_word_the_body_goes_out_after_a_second() {
    local_paused(async {
        let peer = Peer::start(|_, mut stream| async move {
            read_head(&mut stream).await.unwrap();
            stream.read_exact(&mut [0; 5]).await.unwrap();
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                .await
                .unwrap();
        })
        .await;
        let answer = expecting(&peer).send(&pool()).await.unwrap();
        assert_eq!(
            (answer.status, answer.timings.sending),
            (200, CONTINUE_WAIT)
        );
    });
}

#[test]
fn a_deadline_ends_an_upload_to_a_peer_that_does_not_read() {
    local_paused(async {
        let peer = Peer::start(|_, mut stream| async move {
            read_head(&mut stream).await.unwrap();
            std::future::pending::<()>().await;
        })
        .await;
        let ask = Ask {
            timeout: Duration::from_secs(7),
            reuse: Reuse::Close,
            ..Ask::post(&peer.url(), large())
        };
        let failure = ask.send(&pool()).await.unwrap_err();
        assert_eq!(
            (failure.error, failure.timings.sending),
            (NetError::Timeout, Duration::from_secs(7))
        );
        assert!(failure.bytes_sent > 0);
    });
}
