//! Tests of where connections lead: proxies, overrides, the filter.

use tokio::io::AsyncWriteExt as _;

use crate::dial::proxy::Proxy;
use crate::dial::targets::Only;
use crate::dial::{HostAddress, NetworkOptions};
use crate::error::NetError;
use crate::http::Url;
use crate::peer::{Ask, Peer, local, pool_with, read_head};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

#[test]
fn proxies_are_asked_with_the_whole_url() {
    local(async {
        let peer = Peer::start(|_, mut stream| async move {
            let head = read_head(&mut stream).await.unwrap();
            let wanted = "GET http://nowhere.invalid/x HTTP/1.1\r\nhost: nowhere.invalid\r\nproxy-authorization: Basic dTpw\r\n\r\n";
            assert_eq!(head, wanted);
            stream.write_all(OK.as_bytes()).await.unwrap();
        })
        .await;
        let proxy = Proxy::parse(&format!("http://u:p@{}", peer.address)).unwrap();
        let pool = pool_with(NetworkOptions::default(), |route| route.proxy = proxy);
        let url = Url::parse("http://nowhere.invalid/x").unwrap();
        let answer = Ask::get(&url).send(&pool).await.unwrap();
        assert_eq!((answer.status, answer.remote), (200, peer.address));
    });
}

#[test]
fn a_proxy_that_refuses_a_tunnel_is_named_with_its_status() {
    local(async {
        for (answer, wanted) in [
            (
                "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n",
                Some(407),
            ),
            ("garbage\r\n\r\n", None),
        ] {
            let peer = Peer::answering(answer).await;
            let proxy = Proxy::parse(&format!("http://{}", peer.address)).unwrap();
            let pool = pool_with(NetworkOptions::default(), |route| route.proxy = proxy);
            let failure = Ask::get(&Url::parse("https://nowhere.invalid/").unwrap())
                .send(&pool)
                .await
                .unwrap_err();
            assert_eq!(failure.error, NetError::Proxy(wanted));
        }
    });
}

#[test]
fn host_overrides_go_before_names_and_the_filter_after_them() {
    local(async {
        let peer = Peer::answering(OK).await;
        let (ip, port) = (peer.address.ip(), peer.address.port());
        let mut options = NetworkOptions::default();
        options
            .hosts
            .insert("by-ip.invalid".to_owned(), HostAddress::Ip(ip));
        options.hosts.insert(
            "by-socket.invalid:9".to_owned(),
            HostAddress::Socket(peer.address),
        );
        options.allow =
            Only::filter(|host, address| host != "denied.invalid" && address.ip().is_loopback());
        options.hosts.insert(
            "denied.invalid".to_owned(),
            HostAddress::Socket(peer.address),
        );
        let pool = pool_with(options, |_| {});
        for url in [
            format!("http://by-ip.invalid:{port}/"),
            "http://by-socket.invalid:9/".to_owned(),
        ] {
            assert_eq!(
                Ask::get(&Url::parse(&url).unwrap())
                    .send(&pool)
                    .await
                    .unwrap()
                    .status,
                200,
                "{url}"
            );
        }
        for url in ["http://denied.invalid/", "http://192.0.2.1/"] {
            let failure = Ask::get(&Url::parse(url).unwrap())
                .send(&pool)
                .await
                .unwrap_err();
            assert_eq!(failure.error.code(), 1110, "{url}: {}", failure.error);
        }
    });
}

#[test]
fn http2_without_tls_does_not_pass_a_proxy() {
    local(async {
        let proxy = Proxy::parse("http://127.0.0.1:1").unwrap();
        let pool = pool_with(NetworkOptions::default(), |route| route.proxy = proxy);
        let version = crate::http::VersionChoice::Http2;
        let url = Url::parse("http://nowhere.invalid/").unwrap();
        let failure = Ask {
            version,
            ..Ask::get(&url)
        }
        .send(&pool)
        .await
        .unwrap_err();
        assert_eq!(failure.error.code(), 1020, "{}", failure.error);
    });
}
