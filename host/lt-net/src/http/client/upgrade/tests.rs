use std::cell::RefCell;
use std::rc::Rc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::*;
use crate::dial::proxy::Proxy;
use crate::dial::{HostAddress, Network, NetworkOptions, Route};
use crate::http::client::tests::{client_with, config};
use crate::http::{ClientConfig, Url};
use crate::peer::{Authority, Peer, local, local_paused, read_head};
use crate::tls::TlsSettings;

/// A text frame that says `hi`, as servers send it: not masked.
const HI: &[u8] = b"\x81\x02hi";

/// Request heads as they came, all connections together.
type Heads = Rc<RefCell<Vec<String>>>;

fn client() -> HttpClient {
    client_with(|_| {})
}

fn ask(url: impl Into<String>) -> ConnectRequest {
    ConnectRequest {
        url: url.into(),
        ..ConnectRequest::default()
    }
}

fn with_header(mut request: ConnectRequest, name: &str, value: &str) -> ConnectRequest {
    request.headers.push((name.to_owned(), value.into()));
    request
}

/// Connect without making a socket of it.
async fn connect(
    client: &HttpClient,
    request: ConnectRequest,
) -> (Attempt, Result<Upgraded, ConnectError>) {
    let mut attempt = Attempt::none();
    let connected = client.connect(request, &mut attempt).await;
    (attempt, connected.map(|(upgraded, _)| upgraded))
}

async fn error_of(client: &HttpClient, request: ConnectRequest) -> ConnectError {
    connect(client, request).await.1.unwrap_err()
}

/// The value of a field of a head that was read.
fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(": ")?;
        found.eq_ignore_ascii_case(name).then_some(value)
    })
}

fn target(head: &str) -> &str {
    head.split(' ').nth(1).unwrap()
}

/// The answer that a request asks for, with these lines more.
fn switching(head: &str, lines: &str) -> Vec<u8> {
    let accept = derive_accept_key(field(head, "sec-websocket-key").unwrap().as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{lines}\r\n"
    )
    .into_bytes()
}

/// A server that answers each connection's first head, and stays until the client leaves.
async fn serve(answer: impl Fn(&str) -> Vec<u8> + 'static) -> (Peer, Heads) {
    let heads = Heads::default();
    let (answer, seen) = (Rc::new(answer), heads.clone());
    let peer = Peer::start(move |_, mut stream| {
        let (answer, seen) = (answer.clone(), seen.clone());
        async move {
            let Some(head) = read_head(&mut stream).await else {
                return;
            };
            let bytes = answer(&head);
            seen.borrow_mut().push(head);
            stream.write_all(&bytes).await.unwrap();
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    })
    .await;
    (peer, heads)
}

fn ws(peer: &Peer, path: &str) -> String {
    format!("ws://{}{path}", peer.address)
}

/// Every user's task is as large as its largest future.
#[test]
fn connecting_weighs_a_pointer_in_the_future_of_a_user() {
    let client = client();
    let size = size_of_val(&client.connect_websocket(ask("ws://h/")));
    assert_eq!(size, size_of::<usize>());
}

#[test]
fn the_request_is_that_of_the_rfc() {
    local(async {
        let (peer, heads) = serve(|head| switching(head, "")).await;
        let request = with_header(ask(ws(&peer, "/a?b#c")), "Origin", "http://o.example");
        let (attempt, connected) = connect(&client(), request).await;
        let upgraded = connected.unwrap();
        let head = heads.borrow()[0].clone();
        assert!(head.starts_with("GET /a?b HTTP/1.1\r\nhost: "), "{head}");
        for (name, value) in [
            ("host", peer.address.to_string().as_str()),
            ("upgrade", "websocket"),
            ("connection", "Upgrade"),
            ("sec-websocket-version", "13"),
            ("origin", "http://o.example"),
            ("user-agent", crate::http::config::USER_AGENT_DEFAULT),
        ] {
            assert_eq!(field(&head, name), Some(value), "{name}");
        }
        assert_eq!(field(&head, "sec-websocket-protocol"), None);
        assert_eq!(field(&head, "accept-encoding"), None);
        assert_eq!(field(&head, "sec-websocket-key").unwrap().len(), 24);
        assert_eq!(upgraded.url, ws(&peer, "/a?b"));
        assert_eq!(upgraded.remote, peer.address);
        assert_eq!(
            (upgraded.subprotocol.as_str(), upgraded.rest.len()),
            ("", 0)
        );
        assert_eq!(
            upgraded.headers[0],
            ("upgrade".to_owned(), b"websocket".to_vec())
        );
        assert_eq!(attempt.status, Some(101));
        assert_eq!(attempt.bytes_sent, head.len() as u64);
        assert_eq!(attempt.bytes_received, switching(&head, "").len() as u64);
        assert!(!attempt.timings.connecting.is_zero());
        assert!(!attempt.timings.duration().is_zero());
    });
}

#[test]
fn frames_right_behind_the_answer_are_handed_on() {
    local(async {
        let early = |head: &str| {
            // An interim answer first, and everything in one segment.
            let interim = b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n";
            [&interim[..], &switching(head, ""), HI, HI].concat()
        };
        let (peer, _) = serve(early).await;
        let upgraded = connect(&client(), ask(ws(&peer, "/"))).await.1.unwrap();
        assert_eq!(upgraded.rest, [HI, HI].concat());
        // The counters go on from here: what came so far was the attempt's.
        let counters = upgraded.stream.wire().counters();
        assert_eq!(counters.take(), (0, 0));
        assert!(counters.arrived() <= Instant::now());
    });
}

#[test]
fn an_answer_in_pieces_is_the_same() {
    local(async {
        let peer = Peer::start(|_, mut stream| async move {
            let head = read_head(&mut stream).await.unwrap();
            for byte in [&switching(&head, "x-last: 1\r\n")[..], HI].concat() {
                stream.write_all(&[byte]).await.unwrap();
                tokio::task::yield_now().await;
            }
            let _ = stream.read_to_end(&mut Vec::new()).await;
        })
        .await;
        let mut upgraded = connect(&client(), ask(ws(&peer, "/"))).await.1.unwrap();
        let mut frames = upgraded.rest;
        while frames.len() < HI.len() {
            frames.push(upgraded.stream.read_u8().await.unwrap());
        }
        assert_eq!(frames, HI);
        assert_eq!(upgraded.headers.last().unwrap().0, "x-last");
    });
}

#[test]
fn cookies_go_both_ways() {
    local(async {
        let (peer, heads) = serve(|head| match target(head) {
            "/no" => {
                b"HTTP/1.1 403 No\r\nset-cookie: b=refused\r\ncontent-length: 0\r\n\r\n".to_vec()
            }
            _ => switching(head, "Set-Cookie: c=upgraded\r\n"),
        })
        .await;
        let client = client();
        let http = peer.url();
        client.set_cookie(http.as_str(), "a=given").unwrap();
        connect(&client, ask(ws(&peer, "/"))).await.1.unwrap();
        error_of(&client, ask(ws(&peer, "/no"))).await;
        let own = with_header(ask(ws(&peer, "/")), "Cookie", "mine=1");
        connect(&client, own).await.1.unwrap();
        let heads = heads.borrow();
        assert_eq!(field(&heads[0], "cookie"), Some("a=given"));
        assert!(field(&heads[1], "cookie").unwrap().contains("c=upgraded"));
        assert_eq!(field(&heads[2], "cookie"), Some("mine=1"));
        let mut kept = client.cookies(http.as_str()).unwrap();
        kept.sort();
        let names: Vec<_> = kept.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
    });
}

#[test]
fn redirects_lead_from_http_to_websockets_and_on() {
    local(async {
        let (goal, goal_heads) = serve(|head| switching(head, "")).await;
        let far = ws(&goal, "/end");
        let (peer, heads) = serve(move |head| {
            let (status, location) = match target(head) {
                "/1" => (301, "/2"),
                "/2" => (302, "/3"),
                "/3" => (303, "/4"),
                "/4" => (307, "/5"),
                _ => (308, far.as_str()),
            };
            format!("HTTP/1.1 {status} X\r\nlocation: {location}\r\nset-cookie: r{status}=1\r\ncontent-length: 3\r\n\r\nbye")
                .into_bytes()
        })
        .await;
        let client = client();
        let request = with_header(
            ask(format!("http://u:p@{}/1", peer.address)),
            "Authorization-Like",
            "kept",
        );
        let (attempt, connected) = connect(&client, request).await;
        let upgraded = connected.unwrap();
        assert_eq!(
            (upgraded.url, attempt.status),
            (ws(&goal, "/end"), Some(101))
        );
        let (heads, goal_heads) = (heads.borrow(), goal_heads.borrow());
        assert_eq!((heads.len(), peer.accepted(), goal_heads.len()), (5, 5, 1));
        let mut keys: Vec<_> = heads
            .iter()
            .chain(goal_heads.iter())
            .map(|head| field(head, "sec-websocket-key").unwrap())
            .collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 6, "a key of its own for each attempt");
        for head in heads.iter() {
            assert!(head.starts_with("GET "));
            assert_eq!(field(head, "authorization"), Some("Basic dTpw"));
        }
        assert!(field(&heads[4], "cookie").unwrap().contains("r307=1"));
        assert_eq!(field(&goal_heads[0], "authorization"), None);
        assert_eq!(field(&goal_heads[0], "authorization-like"), Some("kept"));
        let bytes: usize = heads.iter().chain(goal_heads.iter()).map(String::len).sum();
        assert_eq!(attempt.bytes_sent, bytes as u64, "of all hops");
    });
}

#[test]
fn redirects_end_at_their_limit() {
    local(async {
        let (peer, heads) = serve(|head| {
            let location = format!("{}x", target(head));
            format!("HTTP/1.1 302 X\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n")
                .into_bytes()
        })
        .await;
        for (limit, hops) in [(Some(1), 2), (None, 11)] {
            heads.borrow_mut().clear();
            let mut request = ask(ws(&peer, "/"));
            request.options.max_redirects = limit;
            let error = error_of(&client(), request).await;
            assert_eq!(error, ConnectError::Net(NetError::TooManyRedirects));
            assert_eq!(heads.borrow().len(), hops);
        }
        let mut request = ask(ws(&peer, "/"));
        request.options.max_redirects = Some(0);
        let ConnectError::Refused(refusal) = error_of(&client(), request).await else {
            panic!("not a refusal");
        };
        assert_eq!(refusal.status, 302);
        assert_eq!(refusal.headers[0], ("location".to_owned(), b"/x".to_vec()));
    });
}

#[test]
fn a_user_and_a_password_are_sent_and_not_shown() {
    local(async {
        let (peer, heads) = serve(|head| switching(head, "")).await;
        for slashes in ["//", "/", ""] {
            let request = ask(format!("ws:{slashes}u:s3cret@{}/#top", peer.address));
            let upgraded = connect(&client(), request).await.1.unwrap();
            assert_eq!(upgraded.url, ws(&peer, "/"));
            let head = heads.borrow_mut().pop().unwrap();
            assert_eq!(field(&head, "authorization"), Some("Basic dTpzM2NyZXQ="));
        }
    });
}

#[test]
fn a_subprotocol_is_agreed_on() {
    local(async {
        let (peer, heads) = serve(|head| switching(head, "Sec-WebSocket-Protocol: b\r\n")).await;
        let mut request = ask(ws(&peer, "/"));
        request.subprotocols = vec!["a".to_owned(), "b".to_owned()];
        let upgraded = connect(&client(), request).await.1.unwrap();
        assert_eq!(upgraded.subprotocol, "b");
        assert_eq!(
            field(&heads.borrow()[0], "sec-websocket-protocol"),
            Some("a, b")
        );
    });
}

#[test]
fn what_makes_no_sense_is_not_attempted() {
    local(async {
        let url = "ws://127.0.0.1:1/";
        let mut twice = ask(url);
        twice.subprotocols = vec!["a".to_owned(), "a".to_owned()];
        for (request, named) in [
            (
                with_header(ask(url), "Sec-WebSocket-Key", "x"),
                "Sec-WebSocket-Key",
            ),
            (with_header(ask(url), "upgrade", "h2c"), "upgrade"),
            (with_header(ask(url), "x", "a\r\nb: c"), "\"x\""),
            (twice, "subprotocols"),
            (ask("ftp://h/"), "ftp"),
            (ask("/relative"), "/relative"),
        ] {
            let (attempt, opened) = client().connect_websocket(request).await;
            match opened.map(|_| ()) {
                Err(ConnectError::Net(NetError::InvalidRequest(why))) => {
                    assert!(why.contains(named), "{why}");
                }
                other => panic!("{named}: {other:?}"),
            }
            assert_eq!((attempt.status, attempt.bytes_sent), (None, 0));
        }
    });
}

#[test]
fn the_pool_is_neither_used_nor_filled() {
    local(async {
        let (peer, _) = serve(|head| {
            if field(head, "upgrade").is_some() {
                switching(head, "")
            } else {
                b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec()
            }
        })
        .await;
        let client = client_with(|config| config.connection_reuse = false);
        let url = Url::parse(&ws(&peer, "/").replace("ws:", "http:")).unwrap();
        let (_, opened) = client.connect_websocket(ask(ws(&peer, "/"))).await;
        let opened = opened.unwrap();
        assert_eq!(opened.socket.url(), ws(&peer, "/"));
        assert_eq!(opened.socket.remote(), peer.address);
        assert!(opened.socket.total() >= opened.socket.timings().duration());
        client.close_connections();
        let answer = client.send(Request::get(url.as_str()), |_| {}).await;
        assert_eq!((answer.unwrap().status(), peer.accepted()), (200, 2));
        assert_eq!(opened.socket.closed(), None);
    });
}

mod route;
mod weather;
