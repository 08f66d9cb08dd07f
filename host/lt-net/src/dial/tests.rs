//! Tests of connections for protocols of their own: they go where URLs would lead.

use std::cell::RefCell;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::targets::Only;
use super::*;
use crate::http::progress::Progress;
use crate::peer::{Peer, local, read_head};

async fn echo() -> Peer {
    Peer::start(|_, mut stream| async move {
        while let Ok(byte) = stream.read_u8().await {
            stream.write_all(&[byte]).await.unwrap();
        }
    })
    .await
}

async fn dial(
    options: NetworkOptions,
    host: &str,
    port: u16,
    change: impl FnOnce(&mut Route),
) -> Result<Wire, NetError> {
    let network = Network::new(options);
    let mut route = Route::direct(network.tls_profile(&TlsSettings::default()).unwrap());
    change(&mut route);
    let progress = Progress::start();
    let dialed = network.dial_tcp(&route, host, port, &progress).await;
    if dialed.is_ok() {
        assert_eq!(progress.clock.phase(), Phase::Blocked);
        assert!(!progress.clock.read().connecting.is_zero());
    }
    dialed
}

#[test]
fn a_connection_carries_bytes_and_counts_them() {
    local(async {
        let peer = echo().await;
        let port = peer.address.port();
        for host in ["127.0.0.1", "localhost", "LOCALHOST.", "0x7f.1"] {
            let mut wire = dial(NetworkOptions::default(), host, port, |_| {})
                .await
                .unwrap();
            wire.write_all(b"ab").await.unwrap();
            wire.read_exact(&mut [0; 2]).await.unwrap();
            assert_eq!(wire.counters().take(), (2, 2));
        }
        let error = dial(NetworkOptions::default(), "a b", port, |_| {}).await;
        assert_eq!(error.unwrap_err().kind(), "invalid-request");
    });
}

#[test]
fn overrides_the_filter_and_the_local_address_hold() {
    local(async {
        let peer = echo().await;
        let asked = Rc::new(RefCell::new(Vec::new()));
        let log = asked.clone();
        let mut options = NetworkOptions {
            allow: Only::filter(move |host, address| {
                log.borrow_mut().push((host.to_owned(), address));
                host != "forbidden.test"
            }),
            ..NetworkOptions::default()
        };
        for host in ["chat.test:5222", "forbidden.test"] {
            let to = HostAddress::Socket(peer.address);
            options.hosts.insert(host.to_owned(), to);
        }
        let local = |route: &mut Route| route.local_address = Some([127, 0, 0, 7].into());
        let wire = dial(options.clone(), "Chat.test", 5222, local)
            .await
            .unwrap();
        assert_eq!(wire.remote(), peer.address);
        assert_eq!(
            wire.tcp().local_addr().unwrap().ip().to_string(),
            "127.0.0.7"
        );
        for spelling in ["forbidden.test", "FORBIDDEN.test.", "forbidden%2Etest"] {
            let denied = dial(options.clone(), spelling, 5222, |_| {}).await;
            assert_eq!(denied.unwrap_err().kind(), "target-denied", "{spelling}");
        }
        let wanted = [
            "chat.test",
            "forbidden.test",
            "forbidden.test",
            "forbidden.test",
        ];
        let wanted = wanted.map(|host| (host.to_owned(), peer.address));
        assert_eq!(*asked.borrow(), wanted);
    });
}

#[test]
fn a_proxy_is_asked_for_a_tunnel_and_the_filter_before_it() {
    local(async {
        let peer = Peer::start(|_, mut stream| async move {
            let head = read_head(&mut stream).await.unwrap();
            let answer = match head.lines().next().unwrap() {
                "CONNECT chat.test:5222 HTTP/1.1" | "CONNECT [::1]:5222 HTTP/1.1" => {
                    "HTTP/1.1 200 OK\r\n\r\n"
                }
                _ => "HTTP/1.1 403 No\r\n\r\n",
            };
            stream.write_all(answer.as_bytes()).await.unwrap();
            let byte = stream.read_u8().await.unwrap_or_default();
            stream.write_all(&[byte]).await.unwrap();
        })
        .await;
        let proxy = Proxy::parse(&format!("http://{}", peer.address)).unwrap();
        let through = |route: &mut Route| route.proxy = proxy.clone();
        let options = NetworkOptions {
            allow: Only::filter(|host, _| host != "forbidden.test"),
            ..NetworkOptions::default()
        };
        for host in ["chat.test", "::1"] {
            let mut wire = dial(options.clone(), host, 5222, through).await.unwrap();
            wire.write_all(b"x").await.unwrap();
            assert_eq!(wire.read_u8().await.unwrap(), b'x', "{host}");
        }
        let refused = dial(options.clone(), "other.test", 5222, through).await;
        assert_eq!(refused.unwrap_err(), NetError::Proxy(Some(403)));
        let accepted = peer.accepted();
        let denied = dial(options, "forbidden.test", 5222, through).await;
        assert_eq!(denied.unwrap_err().kind(), "target-denied");
        assert_eq!(peer.accepted(), accepted);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn the_kernel_is_told_to_acknowledge_at_once() {
    local(async {
        let peer = echo().await;
        let wire = dial(
            NetworkOptions::default(),
            "127.0.0.1",
            peer.address.port(),
            |_| {},
        )
        .await
        .unwrap();
        wire.tcp().set_quickack(false).unwrap();
        assert!(!wire.tcp().quickack().unwrap());
        wire.quick_ack();
        assert!(wire.tcp().quickack().unwrap());
        wire.tcp().set_quickack(false).unwrap();
        let stream = Stream::Plain(wire);
        stream.quick_ack();
        assert!(stream.wire().tcp().quickack().unwrap());
    });
}
