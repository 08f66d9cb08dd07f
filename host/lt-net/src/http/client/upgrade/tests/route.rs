//! The way to the server: target filter, TLS, proxy.

use super::*;
use crate::dial::targets::Only;

/// A name that can be looked up in a table, but that no certificate can have: its only label is over 63 bytes.
fn too_long_for_tls() -> String {
    "x".repeat(64)
}

/// A client whose `server.test` is this address, and [`too_long_for_tls`] as well.
fn client_to(
    address: std::net::SocketAddr,
    settings: &TlsSettings,
    proxy: Option<Proxy>,
) -> HttpClient {
    let mut options = NetworkOptions::default();
    let host = HostAddress::Socket(address);
    for name in ["server.test", &too_long_for_tls()] {
        options.hosts.insert(name.to_owned(), host);
    }
    let network = Network::new(options);
    let mut route = Route::direct(network.tls_profile(settings).unwrap());
    route.proxy = proxy;
    HttpClient::new(network, Rc::new(ClientConfig::new(Rc::new(route))))
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
            allow: Only::filter(move |_, address| address == allowed),
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

#[test]
fn what_a_redirect_asks_for_was_attempted_even_if_it_makes_no_sense() {
    local(async {
        let senseless = format!("wss://{}/", too_long_for_tls());
        let away = senseless.clone();
        let (peer, _) = serve(move |_| {
            format!("HTTP/1.1 302 X\r\nlocation: {away}\r\ncontent-length: 0\r\n\r\n").into_bytes()
        })
        .await;
        let client = client_to(peer.address, &TlsSettings::default(), None);
        let (attempt, connected) = connect(&client, ask(&senseless)).await;
        let error = connected.unwrap_err();
        assert!(
            matches!(error, ConnectError::Net(NetError::InvalidRequest(_))),
            "{error:?}"
        );
        assert_eq!(attempt.status, None);
        let (attempt, connected) = connect(&client, ask(ws(&peer, "/"))).await;
        match connected.unwrap_err() {
            ConnectError::Net(NetError::Other(why)) => {
                assert!(why.contains(&too_long_for_tls()), "{why}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(attempt.status, Some(302));
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
            let head = read_head(&mut stream).await.unwrap();
            seen.borrow_mut().push(head);
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
