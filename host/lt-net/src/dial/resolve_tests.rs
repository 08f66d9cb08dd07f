//! Tests of [`super::Resolver`] against a name server of this process.

use std::cell::Cell;

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use tokio::net::UdpSocket;
use tokio::task::spawn_local;

use super::*;
use crate::peer::{local, local_paused};

/// Type numbers of a question (RFC 1035, section 3.2.2, and RFC 3596).
pub(in crate::dial) const A: u16 = 1;
const AAAA: u16 = 28;
/// Response code for a name that does not exist.
pub(in crate::dial) const NXDOMAIN: u8 = 3;
/// Response code for a server that cannot answer.
pub(in crate::dial) const SERVFAIL: u8 = 2;

/// A resolver whose server answers by the script: question type → response code, or addresses as bytes. Counts questions.
pub(in crate::dial) async fn resolver(
    ttl_s: u32,
    script: impl Fn(&str, u16) -> Result<Vec<Vec<u8>>, u8> + 'static,
) -> (Rc<Resolver>, Rc<Cell<usize>>) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut connection = ConnectionConfig::udp();
    connection.port = socket.local_addr().unwrap().port();
    let asked = Rc::new(Cell::new(0));
    let count = asked.clone();
    spawn_local(async move {
        let mut query = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut query).await {
            count.set(count.get() + 1);
            socket
                .send_to(&reply(&query[..length], ttl_s, &script), from)
                .await
                .unwrap();
        }
    });
    let mut server = NameServerConfig::udp("127.0.0.1".parse().unwrap());
    server.connections = vec![connection];
    server.trust_negative_responses = true;
    let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
    let mut options = ResolverOpts::default();
    options.attempts = 1;
    options.edns0 = false;
    let system = build(
        TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            .with_options(options),
    )
    .unwrap();
    let resolver = Resolver::default();
    resolver.system.set(system).ok().unwrap();
    (Rc::new(resolver), asked)
}

fn reply(
    query: &[u8],
    ttl_s: u32,
    script: &impl Fn(&str, u16) -> Result<Vec<Vec<u8>>, u8>,
) -> Vec<u8> {
    let mut labels = Vec::new();
    let mut at = 12;
    while query[at] != 0 {
        let length = usize::from(query[at]);
        labels.push(String::from_utf8(query[at + 1..=at + length].to_vec()).unwrap());
        at += length + 1;
    }
    let question = &query[12..at + 5];
    let kind = u16::from_be_bytes([query[at + 1], query[at + 2]]);
    let outcome = script(&labels.join("."), kind);
    let code = outcome.as_ref().err().copied().unwrap_or(0);
    let answers = outcome.unwrap_or_default();
    let mut reply = query[..2].to_vec();
    reply.extend([
        0x81,
        0x80 | code,
        0,
        1,
        0,
        u8::try_from(answers.len()).unwrap(),
        0,
        0,
        0,
        0,
    ]);
    reply.extend(question);
    for address in answers {
        reply.extend([0xc0, 12]);
        reply.extend(kind.to_be_bytes());
        reply.extend([0, 1]);
        reply.extend(ttl_s.to_be_bytes());
        reply.extend(u16::try_from(address.len()).unwrap().to_be_bytes());
        reply.extend(address);
    }
    reply
}

fn both(name: &str, kind: u16) -> Result<Vec<Vec<u8>>, u8> {
    match (name, kind) {
        ("both.test", A) => Ok(vec![vec![192, 0, 2, 1], vec![192, 0, 2, 2]]),
        ("both.test", AAAA) => Ok(vec![[[0x20; 1].as_slice(), &[1; 15]].concat()]),
        ("broken.test", _) => Err(SERVFAIL),
        _ => Err(NXDOMAIN),
    }
}

#[test]
fn addresses_come_ipv4_first_and_are_asked_for_once() {
    local(async {
        let (resolver, asked) = resolver(60, both).await;
        let many: Vec<_> = (0..20)
            .map(|_| {
                let resolver = resolver.clone();
                spawn_local(async move { resolver.resolve("both.test").await })
            })
            .collect();
        for one in many {
            let addresses = one.await.unwrap().unwrap();
            let text: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            assert_eq!(text[..2], ["192.0.2.1", "192.0.2.2"]);
            assert!(text[2].starts_with("2001:101:"), "{text:?}");
        }
        assert_eq!(asked.get(), 2, "one question for each family");
    });
}

#[test]
fn one_that_is_cancelled_leaves_the_question_to_the_next() {
    local(async {
        let (resolver, _) = resolver(60, both).await;
        let first = resolver.clone();
        let first = spawn_local(async move { first.resolve("both.test").await.map(|_| ()) });
        let second =
            spawn_local(
                async move { resolver.resolve("both.test").await.map(|found| found.len()) },
            );
        tokio::task::yield_now().await;
        first.abort();
        assert_eq!(second.await.unwrap(), Ok(3));
    });
}

#[test]
fn failures_are_told_apart_and_kept_for_a_second() {
    local_paused(async {
        let (resolver, asked) = resolver(60, both).await;
        assert_eq!(
            resolver.resolve("missing.test").await.unwrap_err().code(),
            1101
        );
        let after_first = asked.get();
        assert_eq!(
            resolver.resolve("missing.test").await.unwrap_err().code(),
            1101
        );
        assert_eq!(asked.get(), after_first);
        tokio::time::advance(FAILURE_TTL).await;
        assert_eq!(
            resolver.resolve("missing.test").await.unwrap_err().code(),
            1101
        );
        assert!(asked.get() > after_first);
        assert_eq!(
            resolver.resolve("broken.test").await.unwrap_err().code(),
            1100
        );
    });
}

#[test]
fn names_are_kept_within_bounds() {
    let names = Names::<IpAddr>::default();
    let later = Instant::now() + TTL_MAX;
    for number in 0..NAMES_MAX + 10 {
        let lookup = names.lookup(&format!("host-{number}.test"));
        lookup.answer.set((Err(NetError::Timeout), later)).unwrap();
    }
    assert_eq!(names.0.borrow().len(), NAMES_MAX);
    assert!(names.lookup("host-0.test").answer.initialized());
    assert!(
        !names
            .lookup(&format!("host-{}.test", NAMES_MAX + 5))
            .answer
            .initialized()
    );
}
