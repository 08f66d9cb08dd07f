//! Tests of the filter of targets: against a name server that changes its mind, proxies, redirects and records.

use std::cell::Cell;
use std::rc::Rc;

use tokio::io::AsyncWriteExt as _;

use super::*;
use crate::dial::proxy::Proxy;
use crate::dial::resolve::tests::{A, NXDOMAIN, resolver};
use crate::dial::{HostAddress, NetworkOptions, Route};
use crate::http::Url;
use crate::http::pool::Pool;
use crate::http::progress::Progress;
use crate::peer::{Ask, Peer, local, local_paused, read_head};
use crate::tls::TlsSettings;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// Names below `named.test` by name, as long as they lead to 127.0.0.1; 127.0.0.1 itself, and what this machine takes for it.
struct Policy;

impl Policy {
    fn names(name: &str) -> bool {
        name.ends_with(".named.test")
    }
}

impl TargetFilter for Policy {
    fn lookup(&self, name: &str, _: Option<u16>) -> Lookup {
        match name {
            "unspeakable.test" => Lookup::Nowhere,
            _ if Self::names(name) => Lookup::Anywhere,
            _ => Lookup::Local,
        }
    }

    fn allows_address(&self, _: &str, address: SocketAddr) -> bool {
        address.ip().to_string() == "127.0.0.1"
    }

    fn allows_resolved(&self, name: &str, address: SocketAddr) -> bool {
        self.allows_address(name, address)
    }

    fn allows_unresolved(&self, name: &str, _: u16) -> bool {
        Self::names(name)
    }
}

fn options() -> NetworkOptions {
    NetworkOptions {
        allow: Some(Rc::new(Policy)),
        ..NetworkOptions::default()
    }
}

/// A network that asks a name server of this process, and how often it did.
async fn network(
    ttl_s: u32,
    script: impl Fn(&str, u16) -> Result<Vec<Vec<u8>>, u8> + 'static,
) -> (Rc<Network>, Rc<Cell<usize>>) {
    let (resolver, asked) = resolver(ttl_s, script).await;
    let resolver = Rc::into_inner(resolver).unwrap();
    let options = options();
    (Rc::new(Network { options, resolver }), asked)
}

fn route(network: &Network, proxy: Option<Proxy>) -> Route {
    let profile = network.tls_profile(&TlsSettings::default()).unwrap();
    Route {
        proxy,
        ..Route::direct(profile)
    }
}

async fn dial(network: &Network, host: &str, port: u16) -> Result<SocketAddr, NetError> {
    let route = route(network, None);
    let progress = Progress::start();
    let wire = network.dial_tcp(&route, host, port, &progress).await?;
    Ok(wire.remote())
}

fn is_denied<T: std::fmt::Debug>(outcome: Result<T, NetError>, words: &str) {
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), "target-denied", "{error}");
    let text = error.to_string();
    assert!(text.contains(words), "{text}");
    assert!(text.contains("--allow-target"), "{text}");
}

#[test]
fn a_name_that_changes_its_mind_is_judged_by_what_it_says_now() {
    local_paused(async {
        let peer = Peer::answering(OK).await;
        let port = peer.address.port();
        let last = Rc::new(Cell::new(1));
        let says = last.clone();
        let script = move |_: &str, kind: u16| match kind {
            A => Ok(vec![vec![127, 0, 0, says.get()]]),
            _ => Err(NXDOMAIN),
        };
        let (network, _) = network(0, script).await;
        let allowed = dial(&network, "api.named.test", port).await;
        assert_eq!(allowed, Ok(peer.address));
        last.set(2);
        tokio::time::advance(std::time::Duration::from_secs(2)).await;
        let denied = dial(&network, "api.named.test", port).await;
        is_denied(denied, &format!("api.named.test:{port} at 127.0.0.2 ("));
    });
}

#[test]
fn of_several_addresses_only_those_are_dialled_that_are_allowed() {
    local(async {
        let peer = Peer::answering(OK).await;
        let script = |_: &str, kind: u16| match kind {
            A => Ok(vec![
                vec![127, 0, 0, 2],
                vec![127, 0, 0, 1],
                vec![10, 0, 0, 1],
            ]),
            _ => Err(NXDOMAIN),
        };
        let (network, _) = network(60, script).await;
        let dialled = dial(&network, "api.named.test", peer.address.port()).await;
        assert_eq!(dialled, Ok(peer.address));
    });
}

#[test]
fn no_name_server_hears_of_what_would_be_refused_anyway() {
    local(async {
        let peer = Peer::answering(OK).await;
        let port = peer.address.port();
        let (network, asked) = network(60, |_, _| Ok(vec![vec![127, 0, 0, 1]])).await;
        for name in ["unspeakable.test", "the-secret-is-42.evil.test"] {
            let denied = dial(&network, name, port).await;
            is_denied(denied, &format!("{name}:{port} ("));
            let services = network
                .resolve_srv(&format!("_xmpp-client._tcp.{name}"))
                .await;
            assert_eq!(services, Ok(Vec::new()));
        }
        // What this machine knows by itself needs no name server.
        assert_eq!(dial(&network, "localhost", port).await, Ok(peer.address));
        assert_eq!(asked.get(), 0);
        dial(&network, "api.named.test", port).await.unwrap();
        assert!(asked.get() > 0);
    });
}

#[test]
fn an_address_is_judged_however_it_is_written_and_an_override_as_the_address_it_is() {
    local(async {
        let peer = Peer::answering(OK).await;
        let port = peer.address.port();
        let mut options = options();
        for (name, ip) in [("mine.test", "127.0.0.1"), ("api.named.test", "127.0.0.2")] {
            let ip = HostAddress::Ip(ip.parse().unwrap());
            options.hosts.insert(name.to_owned(), ip);
        }
        let network = Network::new(options);
        for host in [
            "127.0.0.1",
            "0x7f000001",
            "017700000001",
            "2130706433",
            "mine.test",
        ] {
            assert_eq!(dial(&network, host, port).await, Ok(peer.address), "{host}");
        }
        for host in [
            "127.0.0.2",
            "0x7f.2",
            "0177.2",
            "2130706434",
            "127.0.0.2.",
            "127。0。0。2",
            "::1",
            "[::ffff:127.0.0.2]",
            "0.0.0.0",
            "api.named.test",
        ] {
            is_denied(dial(&network, host, port).await, &format!(":{port}"));
        }
        is_denied(
            dial(&network, "0x7f.2", port).await,
            &format!("127.0.0.2:{port} ("),
        );
        assert!(peer.accepted() <= 5, "what was refused was dialled");
    });
}

#[test]
fn a_proxy_is_a_target_and_is_asked_for_allowed_ones_only() {
    local(async {
        let peer = Peer::start(|_, mut stream| async move {
            while let Some(head) = read_head(&mut stream).await {
                let answer = if head.starts_with("CONNECT ") {
                    "HTTP/1.1 403 No\r\n\r\n"
                } else {
                    OK
                };
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        })
        .await;
        let port = peer.address.port();
        let ask = async |proxy: &str, url: &str| {
            let network = Network::new(options());
            let proxy = Proxy::parse(proxy).unwrap();
            let route = Rc::new(route(&network, proxy));
            let url = Url::parse(url).unwrap();
            let answer = Ask::get(&url).send(&Pool::new(network, route)).await;
            answer
                .map(|answer| answer.status)
                .map_err(|failure| failure.error)
        };
        let proxy = format!("http://127.0.0.1:{port}");
        // Name or address, in absolute form or as a tunnel.
        assert_eq!(ask(&proxy, "http://api.named.test/").await, Ok(200));
        assert_eq!(ask(&proxy, "http://127.0.0.1:9/").await, Ok(200));
        let tunnel = ask(&proxy, "https://api.named.test/").await;
        assert_eq!(tunnel, Err(NetError::Proxy(Some(403))));
        let accepted = peer.accepted();
        for url in [
            "http://evil.test/",
            "https://evil.test/",
            "http://unspeakable.test/",
            "http://127.0.0.2/",
            "https://[::ffff:127.0.0.2]/",
            "http://localhost/",
        ] {
            is_denied(ask(&proxy, url).await, "");
        }
        for elsewhere in [
            format!("http://127.0.0.2:{port}"),
            format!("http://[::ffff:127.0.0.2]:{port}"),
            "http://evil.test:1".to_owned(),
        ] {
            for url in ["http://api.named.test/", "https://api.named.test/"] {
                is_denied(ask(&elsewhere, url).await, "");
            }
        }
        assert_eq!(peer.accepted(), accepted);
    });
}

#[test]
fn tls_and_http2_are_dialled_as_everything_is() {
    local(async {
        for (url, version) in [
            (
                "https://127.0.0.2:9/",
                crate::http::VersionChoice::Automatic,
            ),
            ("https://127.0.0.2:9/", crate::http::VersionChoice::Http2),
            ("http://127.0.0.2:9/", crate::http::VersionChoice::Http2),
        ] {
            let network = Network::new(options());
            let route = Rc::new(route(&network, None));
            let url = Url::parse(url).unwrap();
            let ask = Ask {
                version,
                ..Ask::get(&url)
            };
            let outcome = ask.send(&Pool::new(network, route)).await;
            let outcome = outcome.map(|answer| answer.status);
            is_denied(outcome.map_err(|failure| failure.error), "127.0.0.2:9 (");
        }
    });
}
