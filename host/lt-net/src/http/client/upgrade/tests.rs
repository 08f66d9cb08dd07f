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

/// A client whose `server.test` is this address.
fn client_to(
    address: std::net::SocketAddr,
    settings: &TlsSettings,
    proxy: Option<Proxy>,
) -> HttpClient {
    let mut options = NetworkOptions::default();
    let host = HostAddress::Socket(address);
    options.hosts.insert("server.test".to_owned(), host);
    let network = Network::new(options);
    let mut route = Route::direct(network.tls_profile(settings).unwrap());
    route.proxy = proxy;
    HttpClient::new(network, Rc::new(ClientConfig::new(Rc::new(route))))
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
fn silence_and_a_slow_refusal_run_out_of_time() {
    local_paused(async {
        for said in [
            "",
            "HTTP/1.1 101 Swi",
            "HTTP/1.1 500 No\r\ncontent-length: 5\r\n\r\nhal",
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

#[test]
fn targets_are_filtered_also_behind_a_redirect() {
    local(async {
        let (peer, _) = serve(|head| match target(head) {
            "/away" => {
                b"HTTP/1.1 302 X\r\nlocation: ws://127.0.0.2:9/\r\ncontent-length: 0\r\n\r\n"
                    .to_vec()
            }
            _ => switching(head, ""),
        })
        .await;
        let allowed = peer.address;
        let options = NetworkOptions {
            allow: Some(Rc::new(move |_, address| address == allowed)),
            ..NetworkOptions::default()
        };
        let client = HttpClient::new(Network::new(options), Rc::new(config().1));
        connect(&client, ask(ws(&peer, "/"))).await.1.unwrap();
        for url in [ws(&peer, "/away"), "ws://127.0.0.2:9/".to_owned()] {
            match error_of(&client, ask(url)).await {
                ConnectError::Net(NetError::TargetDenied(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    });
}

/// Answer one upgrade over TLS; frames right behind it.
async fn serve_tls(acceptor: tokio_rustls::TlsAcceptor) -> Peer {
    Peer::start(move |_, stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            let alpn = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let mut answer = switching(std::str::from_utf8(&head).unwrap(), "");
            answer.extend_from_slice(HI);
            answer.extend_from_slice(&alpn.unwrap_or_default());
            stream.write_all(&answer).await.unwrap();
            stream.flush().await.unwrap();
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    })
    .await
}

#[test]
fn tls_is_the_users_and_speaks_http1_only() {
    local(async {
        let authority = Authority::new();
        let identity = authority.issue("server.test", |_| {});
        let peer = serve_tls(authority.acceptor(&identity, &["h2", "http/1.1"], false)).await;
        let trusting = TlsSettings {
            authorities: Some(authority.pem.clone().into_bytes()),
            ..TlsSettings::default()
        };
        let client = client_to(peer.address, &trusting, None);
        let (attempt, connected) = connect(&client, ask("wss://server.test/x")).await;
        let mut upgraded = connected.unwrap();
        assert_eq!(upgraded.url, "wss://server.test/x");
        let mut frames = upgraded.rest;
        while frames.len() < HI.len() + 8 {
            frames.push(upgraded.stream.read_u8().await.unwrap());
        }
        assert_eq!(frames, [HI, b"http/1.1"].concat());
        assert!(!attempt.timings.tls.is_zero() && attempt.bytes_received > 500);
        let doubting = client_to(peer.address, &TlsSettings::default(), None);
        let error = error_of(&doubting, ask("wss://server.test/")).await;
        assert_eq!(error, ConnectError::Net(NetError::UnknownAuthority));
    });
}

/// A proxy that knows one way: to this address. Its heads, and whether it lets anybody through.
async fn proxy_to(goal: std::net::SocketAddr, lets_through: bool) -> (Peer, Heads) {
    let heads = Heads::default();
    let seen = heads.clone();
    let peer = Peer::start(move |_, mut stream| {
        let seen = seen.clone();
        async move {
            seen.borrow_mut()
                .push(read_head(&mut stream).await.unwrap());
            if !lets_through {
                let no = b"HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n";
                stream.write_all(no).await.unwrap();
                return;
            }
            stream.write_all(b"HTTP/1.1 200 Go\r\n\r\n").await.unwrap();
            let mut onward = TcpStream::connect(goal).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut stream, &mut onward).await;
        }
    })
    .await;
    (peer, heads)
}

#[test]
fn a_proxy_is_tunnelled_also_without_tls() {
    local(async {
        let (goal, goal_heads) = serve(|head| switching(head, "")).await;
        let (proxy, heads) = proxy_to(goal.address, true).await;
        let proxy_url = format!("http://u:p@{}", proxy.address);
        let settings = TlsSettings::default();
        let through = Proxy::parse(&proxy_url).unwrap();
        let client = client_to(proxy.address, &settings, through);
        let upgraded = connect(&client, ask("ws://goal.example/x"))
            .await
            .1
            .unwrap();
        assert_eq!(upgraded.remote, proxy.address);
        let head = heads.borrow()[0].clone();
        assert!(
            head.starts_with("CONNECT goal.example:80 HTTP/1.1\r\n"),
            "{head}"
        );
        assert_eq!(field(&head, "proxy-authorization"), Some("Basic dTpw"));
        let inner = goal_heads.borrow()[0].clone();
        assert!(
            inner.starts_with("GET /x HTTP/1.1\r\nhost: goal.example\r\n"),
            "{inner}"
        );
        assert_eq!(field(&inner, "proxy-authorization"), None);

        let (closed, _) = proxy_to(goal.address, false).await;
        let through = Proxy::parse(&format!("http://{}", closed.address)).unwrap();
        let client = client_to(proxy.address, &settings, through);
        let error = error_of(&client, ask("ws://goal.example/x")).await;
        assert_eq!(error, ConnectError::Net(NetError::Proxy(Some(407))));
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
