//! Tests of services against a name server of this process, and of what the filter of targets makes of them.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;

use super::*;
use crate::dial::resolve::tests::{A, NXDOMAIN, SERVFAIL, resolver};
use crate::dial::targets::Only;
use crate::dial::{HostAddress, NetworkOptions, Route};
use crate::http::progress::Progress;
use crate::peer::{Peer, local, local_paused};
use crate::tls::TlsSettings;

/// Type number of a question (RFC 2782).
const SRV: u16 = 33;

/// Data of a record: priority, weight, port, target.
fn record(priority: u16, weight: u16, port: u16, target: &str) -> Vec<u8> {
    let mut data = [priority, weight, port].map(u16::to_be_bytes).concat();
    for label in target.split('.').filter(|label| !label.is_empty()) {
        data.push(u8::try_from(label.len()).unwrap());
        data.extend(label.as_bytes());
    }
    data.push(0);
    data
}

fn script(name: &str, kind: u16) -> Result<Vec<Vec<u8>>, u8> {
    match (name, kind) {
        ("_xmpp-client._tcp.chat.test", SRV) => Ok(vec![
            record(20, 0, 5222, "backup.chat.test"),
            record(10, 0, 5223, "Main.chat.test"),
        ]),
        ("_xmpp-client._tcp.none.test", SRV) => Ok(vec![record(0, 0, 0, ".")]),
        ("_xmpp-client._tcp.partly.test", SRV) => {
            Ok(vec![record(0, 0, 0, "."), record(0, 0, 1, "b.test")])
        }
        ("_xmpp-client._tcp.xn--bcher-kva.test", SRV) => Ok(vec![record(0, 0, 1, "b.test")]),
        ("_xmpp-client._tcp.broken.test", SRV) => Err(SERVFAIL),
        ("_xmpp-client._tcp.inside.test", SRV) => Ok(vec![record(0, 0, 1, "127.0.0.1")]),
        ("main.chat.test" | "secret.test", A) => Ok(vec![vec![127, 0, 0, 1]]),
        _ => Err(NXDOMAIN),
    }
}

async fn network(options: NetworkOptions) -> (Rc<Network>, Rc<Cell<usize>>) {
    let (resolver, asked) = resolver(60, script).await;
    let resolver = Rc::into_inner(resolver).unwrap();
    (Rc::new(Network { options, resolver }), asked)
}

async fn found(network: &Network, domain: &str) -> Result<Vec<(String, u16)>, NetError> {
    network
        .resolve_srv(&format!("_xmpp-client._tcp.{domain}"))
        .await
}

#[test]
fn the_hosts_of_a_service_come_in_order_and_are_asked_for_once() {
    local(async {
        let (network, asked) = network(NetworkOptions::default()).await;
        let wanted = [("Main.chat.test", 5223), ("backup.chat.test", 5222)]
            .map(|(host, port)| (host.to_owned(), port));
        assert_eq!(found(&network, "chat.test").await.unwrap(), wanted);
        assert_eq!(found(&network, "CHAT.test.").await.unwrap(), wanted);
        assert_eq!(asked.get(), 1);
        // By IDNA, as the domain of a JID may be written.
        let idn = found(&network, "bücher.test").await.unwrap();
        assert_eq!(idn, [("b.test".to_owned(), 1)]);
    });
}

#[test]
fn no_record_is_none_and_a_broken_name_server_is_an_error() {
    local(async {
        let (network, asked) = network(NetworkOptions::default()).await;
        assert_eq!(found(&network, "missing.test").await.unwrap(), []);
        let after = asked.get();
        assert_eq!(found(&network, "missing.test").await.unwrap(), []);
        assert_eq!(asked.get(), after, "that there is none is known");
        assert_eq!(
            found(&network, "broken.test").await.unwrap_err().code(),
            1100
        );
        assert_eq!(
            found(&network, "no host").await.unwrap_err().kind(),
            "invalid-request"
        );
    });
}

#[test]
fn a_service_that_is_not_to_be_had_is_no_missing_record() {
    local(async {
        let (network, _) = network(NetworkOptions::default()).await;
        let error = found(&network, "none.test").await.unwrap_err();
        assert_eq!(error.kind(), "name-not-found");
        assert!(error.to_string().contains("no such service"), "{error}");
        // Where another record names a host, it is to be had there.
        let partly = found(&network, "partly.test").await.unwrap();
        assert_eq!(partly, [("b.test".to_owned(), 1)]);
    });
}

#[test]
fn that_there_is_none_is_asked_again_after_a_while() {
    local_paused(async {
        let (network, asked) = network(NetworkOptions::default()).await;
        assert_eq!(found(&network, "missing.test").await.unwrap(), []);
        let after = asked.get();
        tokio::time::advance(std::time::Duration::from_secs(59)).await;
        assert_eq!(found(&network, "missing.test").await.unwrap(), []);
        assert_eq!(asked.get(), after);
        tokio::time::advance(std::time::Duration::from_secs(2)).await;
        assert_eq!(found(&network, "missing.test").await.unwrap(), []);
        assert!(asked.get() > after);
    });
}

#[test]
fn nothing_is_asked_where_names_say_nothing() {
    local(async {
        let mut options = NetworkOptions::default();
        let ip = HostAddress::Ip("127.0.0.1".parse().unwrap());
        options.hosts.insert("chat.test".to_owned(), ip);
        options.hosts.insert("port.test:5222".to_owned(), ip);
        let (network, asked) = network(options).await;
        for domain in [
            "chat.test",
            "Chat.Test",
            "port.test",
            "localhost",
            "a.localhost",
            "127.0.0.1",
            "[::1]",
            "::1",
        ] {
            assert_eq!(found(&network, domain).await.unwrap(), [], "{domain}");
        }
        assert_eq!(asked.get(), 0);
        // Another name with the same end has no override.
        assert_eq!(found(&network, "x.chat.test").await.unwrap(), []);
        assert!(asked.get() > 0);
    });
}

/// Dial what the service says, as whoever connects does, with a filter that allows these hosts.
async fn dialed(allowed: &'static [&'static str], domain: &str) -> Result<u16, NetError> {
    let peer = Peer::answering("").await;
    let port = peer.address.port();
    let asked = Rc::new(Cell::new(0));
    let count = asked.clone();
    let filter = move |host: &str, _: SocketAddr| {
        count.set(count.get() + 1);
        allowed.contains(&host)
    };
    let options = NetworkOptions {
        allow: Only::filter(filter),
        ..NetworkOptions::default()
    };
    let (network, _) = network(options).await;
    let route = Route::direct(network.tls_profile(&TlsSettings::default()).unwrap());
    let (host, _) = found(&network, domain).await.unwrap().remove(0);
    let wire = network
        .dial_tcp(&route, &host, port, &Progress::start())
        .await;
    assert_eq!(asked.get(), 1, "the filter is asked");
    assert_eq!(peer.accepted(), 0, "nothing was accepted yet");
    wire.map(|wire| wire.remote().port() - port)
}

#[test]
fn a_service_leads_past_no_filter() {
    local(async {
        // The domain is allowed, and its record names another host, or an address: that is what is asked for.
        let error = dialed(&["chat.test"], "chat.test").await.unwrap_err();
        assert_eq!(error.kind(), "target-denied");
        assert!(error.to_string().contains("main.chat.test"), "{error}");
        let error = dialed(&["inside.test"], "inside.test").await.unwrap_err();
        assert_eq!(error.kind(), "target-denied");
        assert_eq!(dialed(&["main.chat.test"], "chat.test").await, Ok(0));
    });
}

fn service(priority: u16, weight: u16, target: &str) -> Service {
    Service {
        priority,
        weight,
        port: 1,
        target: target.to_owned(),
    }
}

fn order(services: &[Service], random: impl FnMut() -> u64) -> String {
    in_order(services.to_vec(), random)
        .iter()
        .map(|service| service.target.as_str())
        .collect()
}

#[test]
fn the_order_is_by_priority_then_by_lot() {
    let services = [
        service(2, 0, "e"),
        service(1, 60, "a"),
        service(1, 10, "b"),
        service(1, 0, "c"),
        service(0, 0, "z"),
    ];
    assert_eq!(order(&services, || 0), "zcabe");
    // Lots of 1 to 60 of 70 are the first's.
    assert_eq!(order(&services, || 1), "zabce");
    assert_eq!(order(&services, || 60), "zabce");
    assert_eq!(order(&services, || 61), "zbcae");
    assert_eq!(order(&[], || 0), "");
    let mut lot = 0;
    let heavy = (0..71)
        .filter(|_| {
            lot += 1;
            order(&services, || lot - 1).starts_with("za")
        })
        .count();
    assert_eq!(heavy, 60, "in proportion to the weight");
}

#[test]
fn of_too_many_the_first_to_be_tried_are_kept() {
    local(async {
        let (resolver, _) = resolver(60, |_, _| {
            // As many as go into a datagram.
            let many = 0..=SERVICES_MAX;
            Ok(many
                .rev()
                .map(|number| record(number as u16, 0, 1, "a"))
                .collect())
        })
        .await;
        let services = resolver.services("_x._tcp.many.test.").await.unwrap();
        let priorities: Vec<_> = services.iter().map(|service| service.priority).collect();
        assert_eq!(priorities, Vec::from_iter(0..SERVICES_MAX as u16));
    });
}
