//! On the way to the server: TLS, proxies, overrides and the filter.

use tokio::net::TcpListener;

use super::*;
use crate::dial::HostAddress;
use crate::dial::proxy::Proxy;
use crate::dial::targets::Only;
use crate::peer::{Authority, local, read_head};
use crate::tls::TlsProfiles;

#[test]
fn rtmps_is_rtmp_over_tls() {
    local(async {
        let authority = Authority::new();
        let identity = authority.issue("media.test", |_| {});
        let protocol = Rc::new(RefCell::new(None));
        let log = protocol.clone();
        let acceptor = authority.acceptor(&identity, &["h2"], false);
        let peer = Peer::start(move |_, stream| {
            let (acceptor, log) = (acceptor.clone(), log.clone());
            async move {
                let Ok(stream) = acceptor.accept(stream).await else {
                    return;
                };
                let alpn = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
                *log.borrow_mut() = Some(alpn);
                Server::shake(stream).await.accept().await;
            }
        })
        .await;
        let settings = TlsSettings {
            authorities: Some(authority.pem.clone().into_bytes()),
            ..TlsSettings::default()
        };
        let profile = TlsProfiles::default().profile(&settings).unwrap();
        let at = HostAddress::Socket(peer.address);
        let options = || NetworkOptions {
            hosts: [("media.test".to_owned(), at), ("other.test".to_owned(), at)].into(),
            ..NetworkOptions::default()
        };
        let client = client_with(options(), |route| route.tls = profile.clone());
        let tried = try_with(&client, request("rtmps://media.test/live")).await;
        let established = tried.outcome.unwrap();
        assert_eq!(established.connected.tls_version, "tls1.3");
        assert_eq!(established.connected.remote, peer.address);
        assert_eq!(established.tc_url, "rtmps://media.test:443/live");
        assert!(!tried.attempt.timings.tls.is_zero());
        assert_eq!(*protocol.borrow(), Some(None));
        let tried = try_with(&client, request("rtmps://other.test/live")).await;
        tried.check_error("certificate-name", "");
        // The request's own TLS goes first.
        let insecure = TlsSettings {
            insecure: true,
            ..TlsSettings::default()
        };
        let ask = ConnectRequest {
            tls: Some(TlsProfiles::default().profile(&insecure).unwrap()),
            ..request("rtmps://other.test/live")
        };
        try_with(&client, ask).await.outcome.unwrap();
        let strangers = client_with(options(), |_| {});
        let tried = try_with(&strangers, request("rtmps://media.test/live")).await;
        let attempt = tried.check_error("unknown-authority", "");
        assert!(attempt.timings.handshaking.is_zero());
    });
}

#[test]
fn a_proxy_is_a_tunnel() {
    local(async {
        let asked = Rc::new(RefCell::new(None));
        let log = asked.clone();
        let proxy = Peer::start(move |_, mut stream| {
            let log = log.clone();
            async move {
                *log.borrow_mut() = read_head(&mut stream).await;
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                Server::shake(stream).await.accept().await;
            }
        })
        .await;
        let proxy = Proxy::parse(&format!("http://{}", proxy.address)).unwrap();
        let client = client_with(NetworkOptions::default(), |route| route.proxy = proxy);
        let tried = try_with(&client, request("rtmp://media.test/live")).await;
        tried.outcome.unwrap();
        let head = asked.borrow().clone().unwrap();
        assert!(head.starts_with("CONNECT media.test:1935 HTTP/1.1\r\n"));
    });
}

#[test]
fn the_filter_and_the_local_address_hold() {
    local(async {
        let peer = serve(|_, server| server.accept()).await;
        let options = NetworkOptions {
            allow: Only::filter(|host, _| host != "127.0.0.1"),
            ..NetworkOptions::default()
        };
        let client = client_with(options, |_| {});
        let tried = try_with(&client, live(&peer)).await;
        tried.check_error("target-denied", "127.0.0.1");
        // Not by another spelling either.
        let port = peer.address.port();
        let url = format!("rtmp://0x7f.1:{port}/live");
        let tried = try_with(&client, request(&url)).await;
        tried.check_error("target-denied", "127.0.0.1");
        assert_eq!(peer.accepted(), 0);
        let from = "127.0.0.9".parse().unwrap();
        let client = client_with(NetworkOptions::default(), |route| {
            route.local_address = Some(from);
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("rtmp://{}/live", listener.local_addr().unwrap());
        let (tried, accepted) = tokio::join!(try_with(&client, request(&url)), async {
            let (_, address) = listener.accept().await.unwrap();
            address
        });
        assert_eq!(accepted.ip(), from);
        let error = tried.error();
        assert!(
            matches!(error.kind(), "connection-closed" | "connection-reset"),
            "{error}"
        );
    });
}

#[test]
fn nobody_there_is_told() {
    local(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("rtmp://{}/live", listener.local_addr().unwrap());
        drop(listener);
        let tried = try_with(&client(), request(&url)).await;
        let attempt = tried.check_error("connection-refused", "");
        assert!(!attempt.timings.total.is_zero());
        assert_eq!(attempt.bytes_sent, 0);
    });
}
