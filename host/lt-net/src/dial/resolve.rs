//! Names to addresses: one query at a time for each name, kept for its TTL.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use hickory_resolver::config::{LookupIpStrategy, ResolverConfig};
use hickory_resolver::net::DnsError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::{ResolverBuilder, TokioResolver};
use tokio::time::Instant;

use super::srv::{self, Service};
use crate::error::NetError;

/// Shortest time an answer is kept, whatever its TTL: a name with TTL 0 would otherwise be asked for by every new connection
/// of 100 000 users.
const TTL_MIN: Duration = Duration::from_secs(1);
/// Longest time an answer is kept: a day-long test should notice a changed name within minutes.
const TTL_MAX: Duration = Duration::from_secs(300);
/// How long a failure is kept: users that fail together ask once a second, and a repaired name is noticed at once.
const FAILURE_TTL: Duration = Duration::from_secs(1);
/// Names kept. A scenario names a handful; one that makes up names must not grow the host.
const NAMES_MAX: usize = 1024;

/// What a name was resolved to: items of one kind, or why there are none.
pub(super) type Outcome<T> = Result<Rc<[T]>, NetError>;
/// The same, and until when it may be kept.
pub(super) type Answer<T> = Result<(Rc<[T]>, Instant), NetError>;

/// One name: asked for by whoever comes first, awaited by the others. If the first is cancelled, the next asks.
struct Lookup<T> {
    answer: tokio::sync::OnceCell<(Outcome<T>, Instant)>,
}

impl<T> Lookup<T> {
    fn is_stale(&self, now: Instant) -> bool {
        self.answer.get().is_some_and(|(_, until)| *until <= now)
    }
}

/// What names were resolved to, within bounds of time and number.
struct Names<T>(RefCell<HashMap<String, Rc<Lookup<T>>>>);

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<T> Names<T> {
    /// What is kept of a name; if nothing is, what is answered now.
    async fn get(&self, name: &str, ask: impl AsyncFnOnce() -> Answer<T>) -> Outcome<T> {
        let lookup = self.lookup(name);
        let answered = lookup.answer.get_or_init(async || {
            let asked = ask().await;
            let now = Instant::now();
            match asked {
                Ok((items, until)) => (Ok(items), until.clamp(now + TTL_MIN, now + TTL_MAX)),
                Err(error) => (Err(error), now + FAILURE_TTL),
            }
        });
        answered.await.0.clone()
    }

    fn lookup(&self, name: &str) -> Rc<Lookup<T>> {
        let now = Instant::now();
        let mut names = self.0.borrow_mut();
        if let Some(lookup) = names.get(name)
            && !lookup.is_stale(now)
        {
            return lookup.clone();
        }
        if names.len() >= NAMES_MAX {
            names.retain(|_, lookup| !lookup.is_stale(now));
        }
        let lookup = Rc::new(Lookup {
            answer: tokio::sync::OnceCell::new(),
        });
        if names.len() < NAMES_MAX {
            names.insert(name.to_owned(), lookup.clone());
        }
        lookup
    }
}

/// Resolver of one core.
#[derive(Default)]
pub(crate) struct Resolver {
    addresses: Names<IpAddr>,
    services: Names<Service>,
    local_addresses: Names<IpAddr>,
    /// Made when the first name is asked for: many runs name only addresses.
    system: OnceCell<TokioResolver>,
    /// The same without name servers: it knows this machine's `hosts` file, and `localhost`.
    local: OnceCell<TokioResolver>,
}

impl Resolver {
    /// The addresses of a name, IPv4 first; never empty.
    pub(crate) async fn resolve(&self, host: &str) -> Outcome<IpAddr> {
        let ask = async || {
            let system = self.system()?;
            query(system, host).await
        };
        self.addresses.get(host, ask).await
    }

    /// The addresses that this machine itself has for a name, IPv4 first; never empty. No name server is asked.
    pub(super) async fn resolve_locally(&self, host: &str) -> Outcome<IpAddr> {
        let ask = async || {
            let local = self.local()?;
            query(local, host).await
        };
        self.local_addresses.get(host, ask).await
    }

    /// The SRV records of a service (RFC 2782); none if it has none, or if this system has no name server.
    pub(super) async fn services(&self, service: &str) -> Outcome<Service> {
        let Ok(system) = self.system() else {
            return Ok(Rc::default());
        };
        let ask = async || srv::query(system, service).await;
        self.services.get(service, ask).await
    }

    fn system(&self) -> Result<&TokioResolver, NetError> {
        if let Some(system) = self.system.get() {
            return Ok(system);
        }
        let system = build(TokioResolver::builder_tokio().map_err(|error| unusable(&error))?)?;
        Ok(self.system.get_or_init(|| system))
    }

    fn local(&self) -> Result<&TokioResolver, NetError> {
        if let Some(local) = self.local.get() {
            return Ok(local);
        }
        let nobody = ResolverConfig::from_parts(None, Vec::new(), Vec::new());
        let local = build(TokioResolver::builder_with_config(
            nobody,
            TokioRuntimeProvider::default(),
        ))?;
        Ok(self.local.get_or_init(|| local))
    }
}

fn unusable(error: &dyn std::fmt::Display) -> NetError {
    NetError::NameResolution(format!("system resolver: {error}"))
}

fn build(mut builder: ResolverBuilder<TokioRuntimeProvider>) -> Result<TokioResolver, NetError> {
    let options = builder.options_mut();
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    options.cache_size = 0; // kept here instead, with one query for each name
    builder.build().map_err(|error| unusable(&error))
}

async fn query(system: &TokioResolver, host: &str) -> Answer<IpAddr> {
    use hickory_resolver::net::NetError as Dns;
    let found = system.lookup_ip(host).await.map_err(|error| match error {
        Dns::Dns(DnsError::NoRecordsFound(_)) => NetError::NameNotFound(host.to_owned()),
        other => NetError::NameResolution(format!("{host}: {other}")),
    })?;
    let mut addresses: Vec<IpAddr> = found.iter().collect();
    addresses.sort_by_key(IpAddr::is_ipv6); // stable: the server's order within a family stays
    if addresses.is_empty() {
        return Err(NetError::NameNotFound(host.to_owned()));
    }
    Ok((addresses.into(), Instant::from_std(found.valid_until())))
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
pub(super) mod tests;
