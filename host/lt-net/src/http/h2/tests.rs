//! Tests of HTTP/2 against the `h2` crate's server, which does what a script says.

use std::cell::RefCell;

use ::h2::RecvStream;
use ::h2::server::SendResponse;
use tokio::net::TcpStream;
use tokio::task::spawn_local;

use ::http::{HeaderName, HeaderValue, Request};

use super::*;
use crate::http::{Version, VersionChoice};
use crate::peer::{Ask, Peer, local, local_paused, pool, read_head};

type Streams = ::h2::server::Builder;

/// A server without TLS that runs the script for each request, with the numbers of its connection and request.
async fn serve<F: Future<Output = ()> + 'static>(
    settings: Streams,
    script: impl Fn((usize, usize), Request<RecvStream>, SendResponse<Bytes>) -> F + 'static,
) -> Peer {
    let script = Rc::new(script);
    Peer::start(move |connection_number, stream| {
        let (settings, script) = (settings.clone(), script.clone());
        async move {
            let mut connection = settings
                .handshake::<TcpStream, Bytes>(stream)
                .await
                .unwrap();
            let mut request_number = 0;
            while let Some(Ok((request, respond))) = connection.accept().await {
                spawn_local(script(
                    (connection_number, request_number),
                    request,
                    respond,
                ));
                request_number += 1;
            }
        }
    })
    .await
}

fn ask(peer: &Peer) -> Ask {
    Ask {
        version: VersionChoice::Http2,
        ..Ask::get(&peer.url())
    }
}

fn answer(respond: &mut SendResponse<Bytes>, body: &'static [u8]) {
    let head = Response::builder()
        .status(201)
        .header("x-one", "1")
        .body(())
        .unwrap();
    let mut stream = respond.send_response(head, body.is_empty()).unwrap();
    if !body.is_empty() {
        stream.send_data(Bytes::from_static(body), true).unwrap();
    }
}

#[test]
fn requests_share_a_connection() {
    local(async {
        let peer = serve(Streams::new(), |_, request, mut respond| async move {
            assert_eq!(request.uri().path_and_query().unwrap(), "/");
            assert_eq!(request.headers().get("x-mine").unwrap(), "2");
            assert!(request.headers().get("connection").is_none());
            answer(&mut respond, b"hello");
        })
        .await;
        let pool = pool();
        let mut ask = ask(&peer);
        ask.headers = vec![
            ("X-Mine", b"2"),
            ("Connection", b"keep-alive"),
            ("Host", b"h.test"),
        ];
        for reused in [false, true, true] {
            let answer = ask.send(&pool).await.unwrap();
            assert_eq!(
                (answer.status, answer.version, answer.reused),
                (201, Version::Http2, reused)
            );
            assert_eq!(
                (answer.body.as_slice(), answer.head.get("X-One")),
                (&b"hello"[..], Some(&b"1"[..]))
            );
            assert!(answer.bytes_sent > 0 && answer.bytes_received > 0);
        }
        let (one, two) = tokio::join!(ask.send(&pool), ask.send(&pool));
        assert!(one.unwrap().reused && two.unwrap().reused);
        assert_eq!(peer.accepted(), 1);
        pool.close_idle();
        ask.send(&pool).await.unwrap();
        assert_eq!(peer.accepted(), 2);
    });
}

#[test]
fn the_first_of_several_connects_for_all() {
    local(async {
        let peer = serve(Streams::new(), |_, _, mut respond| async move {
            answer(&mut respond, b"")
        })
        .await;
        let (pool, ask) = (pool(), ask(&peer));
        let (one, two, three) = tokio::join!(ask.send(&pool), ask.send(&pool), ask.send(&pool));
        assert!(!one.unwrap().reused && two.is_ok() && three.is_ok());
        assert_eq!(peer.accepted(), 1);
    });
}

#[test]
fn large_bodies_flow_both_ways() {
    const LENGTH: usize = 9 << 20;
    local(async {
        let peer = serve(Streams::new(), |_, request, mut respond| async move {
            let mut out = respond.send_response(Response::new(()), false).unwrap();
            let mut body = request.into_body();
            while let Some(data) = body.data().await {
                let mut data = data.unwrap();
                body.flow_control().release_capacity(data.len()).unwrap();
                while !data.is_empty() {
                    out.reserve_capacity(data.len());
                    let granted = poll_fn(|cx| out.poll_capacity(cx)).await.unwrap().unwrap();
                    out.send_data(data.split_to(granted.min(data.len())), false)
                        .unwrap();
                }
            }
            out.send_data(Bytes::new(), true).unwrap();
        })
        .await;
        let data: Vec<u8> = (0..=255).cycle().take(LENGTH).collect();
        for body in [
            Body::Bytes(data.clone().into()),
            Body::Chunked(data.clone().into()),
        ] {
            let ask = Ask {
                body,
                body_bytes_max: LENGTH,
                method: ::http::Method::POST,
                ..ask(&peer)
            };
            let answer = ask.send(&pool()).await.unwrap();
            assert!(answer.body == data);
            assert!(answer.bytes_sent > LENGTH as u64 && answer.bytes_received > LENGTH as u64);
        }
    });
}

#[test]
fn an_early_answer_ends_the_upload_but_not_the_connection() {
    local(async {
        let peer = serve(Streams::new(), |_, _, mut respond| async move {
            answer(&mut respond, b"enough")
        })
        .await;
        let pool = pool();
        let upload = Ask {
            body: Body::Bytes(vec![0; 8 << 20].into()),
            method: ::http::Method::POST,
            ..ask(&peer)
        };
        assert_eq!(upload.send(&pool).await.unwrap().body, b"enough");
        assert!(ask(&peer).send(&pool).await.unwrap().reused);
    });
}

#[test]
fn waiting_for_a_place_is_blocked_time() {
    local_paused(async {
        let mut settings = Streams::new();
        settings.max_concurrent_streams(1);
        let peer = serve(settings, |_, _, mut respond| async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            answer(&mut respond, b"");
        })
        .await;
        let (pool, ask) = (pool(), ask(&peer));
        ask.send(&pool).await.unwrap(); // the server's settings are known from here on
        let (one, two) = tokio::join!(ask.send(&pool), ask.send(&pool));
        let (one, two) = (one.unwrap().timings, two.unwrap().timings);
        assert_eq!((one.blocked.as_secs(), one.waiting.as_secs()), (0, 1));
        assert_eq!((two.blocked.as_secs(), two.waiting.as_secs()), (1, 1));
        assert_eq!(peer.accepted(), 1);
    });
}

#[test]
fn refused_streams_and_goodbyes_are_tried_again_elsewhere() {
    local(async {
        let refusing = serve(Streams::new(), |number, _, mut respond| async move {
            match number {
                (0, 1) => respond.send_reset(Reason::REFUSED_STREAM),
                _ => answer(&mut respond, b""),
            }
        })
        .await;
        let leaving = Peer::start(|_, stream| async move {
            let mut connection = ::h2::server::handshake(stream).await.unwrap();
            let (_, mut respond) = connection.accept().await.unwrap().unwrap();
            answer(&mut respond, b"");
            connection.graceful_shutdown();
            while connection.accept().await.is_some() {}
        })
        .await;
        for peer in [refusing, leaving] {
            let pool = pool();
            let ask = Ask {
                method: ::http::Method::POST,
                ..ask(&peer)
            };
            ask.send(&pool).await.unwrap();
            assert_eq!(ask.send(&pool).await.unwrap().status, 201);
            assert_eq!(peer.accepted(), 2);
        }
    });
}

#[test]
fn errors_carry_their_number() {
    local(async {
        let peer = serve(Streams::new(), |_, _, mut respond| async move {
            respond.send_reset(Reason::ENHANCE_YOUR_CALM);
        })
        .await;
        let failure = ask(&peer).send(&pool()).await.unwrap_err();
        assert_eq!(failure.error, NetError::Http2(11));
        assert_eq!(failure.error.code(), 1600);
        let closing = Peer::start(|_, stream| async move {
            let mut connection = ::h2::server::handshake::<TcpStream>(stream).await.unwrap();
            let _ = connection.accept().await;
        })
        .await;
        let failure = ask(&closing).send(&pool()).await.unwrap_err();
        assert!(
            matches!(failure.error.code(), 1220 | 1221),
            "{}",
            failure.error
        );
        let http1 = Peer::answering("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
        let failure = ask(&http1).send(&pool()).await.unwrap_err();
        assert_eq!(failure.error.code(), 1600, "{}", failure.error);
    });
}

#[test]
fn a_body_cut_short_is_no_answer() {
    local(async {
        let peer = serve(Streams::new(), |_, _, mut respond| async move {
            let mut stream = respond.send_response(Response::new(()), false).unwrap();
            stream
                .send_data(Bytes::from_static(b"half"), false)
                .unwrap();
            // The reset would overtake data that was not written yet.
            tokio::time::sleep(Duration::from_millis(50)).await;
            stream.send_reset(Reason::NO_ERROR);
        })
        .await;
        let failure = ask(&peer).send(&pool()).await.unwrap_err();
        assert_eq!(failure.error, NetError::Http2(0));
        assert_eq!(failure.error.code(), 1600);
        assert!(failure.bytes_received > 0);
    });
}

#[test]
fn a_head_over_the_limit_is_refused() {
    local(async {
        let peer = serve(Streams::new(), |_, _, mut respond| async move {
            let mut head = Response::new(());
            for number in 0..HEAD_BYTES_MAX / 1000 + 2 {
                let name = HeaderName::from_bytes(format!("x-{number}").as_bytes()).unwrap();
                head.headers_mut()
                    .insert(name, HeaderValue::from_bytes(&[b'y'; 1000]).unwrap());
            }
            respond.send_response(head, true).unwrap();
        })
        .await;
        let failure = ask(&peer).send(&pool()).await.unwrap_err();
        assert_eq!(failure.error, NetError::HeadTooLarge);
    });
}

#[test]
fn a_deadline_resets_the_stream_and_keeps_the_connection() {
    local_paused(async {
        let reset = Rc::new(RefCell::new(None));
        let seen = reset.clone();
        let peer = serve(Streams::new(), move |number, _, mut respond| {
            let seen = seen.clone();
            async move {
                if number == (0, 0) {
                    *seen.borrow_mut() = Some(poll_fn(|cx| respond.poll_reset(cx)).await.unwrap());
                } else {
                    answer(&mut respond, b"");
                }
            }
        })
        .await;
        let pool = pool();
        let slow = Ask {
            timeout: Duration::from_secs(2),
            ..ask(&peer)
        };
        let failure = slow.send(&pool).await.unwrap_err();
        assert_eq!(
            (failure.error, failure.timings.waiting),
            (NetError::Timeout, Duration::from_secs(2))
        );
        assert!(ask(&peer).send(&pool).await.unwrap().reused);
        assert_eq!(*reset.borrow(), Some(Reason::CANCEL));
    });
}

#[test]
fn a_connection_that_fell_silent_is_left() {
    local_paused(async {
        let peer = serve(Streams::new(), |number, _, mut respond| async move {
            match number {
                (0, 1 | 3) => std::future::pending().await,
                (0, 2) => tokio::time::sleep(SILENCE_MAX / 2).await,
                _ => {}
            }
            answer(&mut respond, b"");
        })
        .await;
        let (pool, ask) = (pool(), ask(&peer));
        let patient = Ask {
            timeout: SILENCE_MAX,
            ..ask.clone()
        };
        ask.send(&pool).await.unwrap();
        let (unanswered, answered) = tokio::join!(patient.send(&pool), ask.send(&pool));
        assert_eq!(unanswered.unwrap_err().error, NetError::Timeout);
        assert!(answered.unwrap().reused, "others were answered meanwhile");
        let failure = patient.send(&pool).await.unwrap_err();
        assert_eq!((failure.error, failure.opened), (NetError::Timeout, false));
        assert!(!ask.send(&pool).await.unwrap().reused);
        assert_eq!(peer.accepted(), 2);
    });
}

#[test]
fn a_body_waits_for_the_go_ahead() {
    local_paused(async {
        let peer = serve(Streams::new(), |_, request, mut respond| async move {
            assert_eq!(request.headers().get("expect").unwrap(), "100-continue");
            let mut body = request.into_body();
            let data = body.data().await.unwrap().unwrap();
            assert_eq!(data, "hello");
            answer(&mut respond, b"");
        })
        .await;
        let body = Body::Bytes(Bytes::from_static(b"hello"));
        let ask = Ask {
            body,
            expect_continue: true,
            method: ::http::Method::POST,
            ..ask(&peer)
        };
        let answer = ask.send(&pool()).await.unwrap();
        assert_eq!(
            (answer.status, answer.timings.sending),
            (201, CONTINUE_WAIT)
        );
    });
}

#[test]
fn without_tls_automatic_means_http1() {
    local(async {
        let peer = Peer::start(|_, mut stream| async move {
            assert!(
                read_head(&mut stream)
                    .await
                    .unwrap()
                    .starts_with("GET / HTTP/1.1\r\n")
            );
            tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 204 No\r\n\r\n")
                .await
                .unwrap();
        })
        .await;
        assert_eq!(
            Ask::get(&peer.url()).send(&pool()).await.unwrap().version,
            Version::Http11
        );
    });
}
