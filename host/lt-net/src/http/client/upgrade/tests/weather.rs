//! Servers that refuse, spoil the upgrade, are silent or not there.

use super::*;
use crate::http::h1::upgrade::REFUSAL_BODY_WAIT;

async fn refused(answer: Vec<u8>) -> (Attempt, Refusal) {
    let (peer, _) = serve(move |_| answer.clone()).await;
    let (attempt, connected) = connect(&client(), ask(ws(&peer, "/"))).await;
    match connected {
        Err(ConnectError::Refused(refusal)) => (attempt, *refusal),
        other => panic!("not a refusal: {other:?}"),
    }
}

#[test]
fn a_refusal_says_why() {
    local(async {
        let plain = b"HTTP/1.1 403 No\r\nX-Why: full\r\nContent-Length: 9\r\n\r\nno places";
        let (attempt, refusal) = refused(plain.to_vec()).await;
        assert_eq!(
            (refusal.status, &refusal.body[..]),
            (403, &b"no places"[..])
        );
        assert_eq!(refusal.headers[0], ("x-why".to_owned(), b"full".to_vec()));
        assert_eq!(attempt.status, Some(403));
        assert_eq!(attempt.bytes_received, plain.len() as u64);
        let chunked = b"HTTP/1.1 503 No\r\ntransfer-encoding: chunked\r\n\r\n3\r\nno \r\n6\r\nplaces\r\n0\r\n\r\n";
        assert_eq!(refused(chunked.to_vec()).await.1.body, b"no places");
        // An answer that is fine but no upgrade, and a redirect to nowhere.
        let page = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
        assert_eq!(refused(page.to_vec()).await.1.status, 200);
        let nowhere =
            b"HTTP/1.1 302 X\r\nlocation: mailto:a@b.example\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(refused(nowhere.to_vec()).await.1.status, 302);
    });
}

#[test]
fn of_a_long_refusal_the_beginning_is_kept() {
    local(async {
        // Nothing of what is declared beyond is waited for, and the peer keeps the connection open.
        let mut long = b"HTTP/1.1 500 No\r\ncontent-length: 9000000\r\n\r\n".to_vec();
        long.resize(long.len() + 200_000, b'x');
        let (_, refusal) = refused(long).await;
        assert_eq!(refusal.body, vec![b'x'; 64 << 10]);
    });
}

#[test]
fn a_refusal_that_breaks_off_is_still_one() {
    local(async {
        let peer = Peer::start(|_, mut stream| async move {
            read_head(&mut stream).await.unwrap();
            let cut = b"HTTP/1.1 503 No\r\ncontent-length: 100\r\n\r\nover";
            stream.write_all(cut).await.unwrap();
        })
        .await;
        let error = error_of(&client(), ask(ws(&peer, "/"))).await;
        let ConnectError::Refused(refusal) = error else {
            panic!("{error:?}");
        };
        assert_eq!((refusal.status, &refusal.body[..]), (503, &b"over"[..]));
    });
}

#[test]
fn an_upgrade_that_is_none_is_named() {
    local(async {
        type Spoil = fn(String) -> String;
        let faults: [(Spoil, &str); 6] = [
            (
                |good| good.replace("Accept: ", "Accept: x"),
                "sec-websocket-accept",
            ),
            (
                |good| good.replace("Upgrade: websocket\r\n", ""),
                "`upgrade`",
            ),
            (
                |good| good.replace("Connection: Upgrade", "Connection: close"),
                "`connection`",
            ),
            (
                |good| good.replace("\r\n\r\n", "\r\nsec-websocket-protocol: b\r\n\r\n"),
                "`b`",
            ),
            (
                |good| good.replace("\r\n\r\n", "\r\nsec-websocket-extensions: x\r\n\r\n"),
                "extensions",
            ),
            (|good| good.replace("HTTP/1.1", "HTTP/1.0"), "HTTP/1.0"),
        ];
        for (spoil, named) in faults {
            let answer = move |head: &str| {
                spoil(String::from_utf8(switching(head, "")).unwrap()).into_bytes()
            };
            let (peer, _) = serve(answer).await;
            let mut request = ask(ws(&peer, "/"));
            request.subprotocols = vec!["a".to_owned()];
            let (attempt, connected) = connect(&client(), request).await;
            match connected {
                Err(ConnectError::Handshake(why)) => assert!(why.contains(named), "{why}"),
                other => panic!("{named}: {other:?}"),
            }
            assert_eq!(attempt.status, Some(101));
        }
    });
}

#[test]
fn silence_runs_out_of_time() {
    local_paused(async {
        for said in [
            "",
            "HTTP/1.1 101 Swi",
            "HTTP/1.1 500 No\r\ncontent-length: 5\r\n",
        ] {
            let (peer, _) = serve(move |_| said.into()).await;
            for (given, waited) in [(None, 60), (Some(Duration::from_secs(3)), 3)] {
                let started = Instant::now();
                let mut request = ask(ws(&peer, "/"));
                request.options.timeout = given;
                let (attempt, connected) = connect(&client(), request).await;
                assert_eq!(connected.unwrap_err(), ConnectError::Net(NetError::Timeout));
                assert_eq!(started.elapsed().as_secs(), waited);
                let timings = attempt.timings;
                assert_eq!(timings.duration().as_secs(), waited, "{said:?} {timings:?}");
                assert_eq!(attempt.bytes_received, said.len() as u64, "{said:?}");
            }
        }
    });
}

#[test]
fn a_refusal_whose_body_stalls_is_one_all_the_same() {
    local_paused(async {
        for said in [
            "HTTP/1.1 403 No\r\n\r\n",
            "HTTP/1.1 403 No\r\n\r\nhal",
            "HTTP/1.1 403 No\r\ncontent-length: 5\r\n\r\nhal",
            "HTTP/1.1 403 No\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhal\r\n2\r\nf",
        ] {
            let (peer, _) = serve(move |_| said.into()).await;
            let started = Instant::now();
            let (attempt, connected) = connect(&client(), ask(ws(&peer, "/"))).await;
            let ConnectError::Refused(refusal) = connected.unwrap_err() else {
                panic!("{said:?}: not a refusal");
            };
            assert_eq!(started.elapsed().as_secs(), REFUSAL_BODY_WAIT.as_secs());
            let body = String::from_utf8(refusal.body).unwrap();
            assert!(body.is_empty() || body.starts_with("hal"), "{body}");
            assert_eq!((refusal.status, body.is_empty()), (403, said.len() < 20));
            assert_eq!(attempt.bytes_received, said.len() as u64, "{said:?}");
            assert_eq!(
                attempt.timings.duration().as_secs(),
                started.elapsed().as_secs()
            );
        }
        // Nor is it waited for beyond the deadline.
        let (peer, _) = serve(|_| b"HTTP/1.1 403 No\r\n\r\n".to_vec()).await;
        let started = Instant::now();
        let mut request = ask(ws(&peer, "/"));
        request.options.timeout = Some(REFUSAL_BODY_WAIT / 2);
        let error = error_of(&client(), request).await;
        assert!(matches!(error, ConnectError::Refused(_)), "{error:?}");
        assert!(started.elapsed() < REFUSAL_BODY_WAIT);
    });
}

#[test]
fn of_a_redirect_the_body_is_not_waited_for() {
    local_paused(async {
        let (goal, _) = serve(|head| switching(head, "")).await;
        let far = ws(&goal, "/");
        let (peer, _) = serve(move |_| {
            format!("HTTP/1.1 302 X\r\nlocation: {far}\r\ncontent-length: 9\r\n\r\nsome")
                .into_bytes()
        })
        .await;
        let started = Instant::now();
        connect(&client(), ask(ws(&peer, "/"))).await.1.unwrap();
        assert_eq!(started.elapsed(), Duration::ZERO);
    });
}

#[test]
fn redirects_share_one_deadline() {
    local_paused(async {
        let (peer, _) = serve(|head| match target(head) {
            "/" => b"HTTP/1.1 302 X\r\nlocation: /silent\r\ncontent-length: 0\r\n\r\n".to_vec(),
            _ => Vec::new(),
        })
        .await;
        let started = Instant::now();
        let mut request = ask(ws(&peer, "/"));
        request.options.timeout = Some(Duration::from_secs(2));
        let (attempt, opened) = client().connect_websocket(request).await;
        assert!(matches!(opened, Err(ConnectError::Net(NetError::Timeout))));
        assert_eq!(started.elapsed().as_secs(), 2);
        assert_eq!((attempt.total.as_secs(), attempt.status), (2, Some(302)));
    });
}

#[test]
fn a_server_that_is_not_there_or_hangs_up_is_a_network_error() {
    local(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        drop(listener);
        let error = error_of(&client(), ask(url)).await;
        assert_eq!(error, ConnectError::Net(NetError::ConnectionRefused));
        for (said, wanted) in [
            ("", 1221),
            ("HTTP/1.1 101 X\r\nupg", 1221),
            ("SSH-2.0-x\r\n", 1500),
        ] {
            let peer = Peer::start(move |_, mut stream| async move {
                read_head(&mut stream).await.unwrap();
                stream.write_all(said.as_bytes()).await.unwrap();
            })
            .await;
            match error_of(&client(), ask(ws(&peer, "/"))).await {
                ConnectError::Net(error) => assert_eq!(error.code(), wanted, "{said:?} {error}"),
                other => panic!("{said:?}: {other:?}"),
            }
        }
    });
}
