//! SRV records (RFC 2782): which hosts serve a domain, the first to be tried first.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::net::DnsError;
use hickory_resolver::proto::rr::RData;
use tokio::time::Instant;

use super::Network;
use super::host::Host;
use super::resolve::Answer;
use crate::error::NetError;

/// Hosts that are kept of one service: more nobody tries within a minute.
const SERVICES_MAX: usize = 16;
/// How long it is kept that there is no record: as long as an address that has no other time.
const NONE_TTL: Duration = Duration::from_secs(60);

/// One SRV record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Service {
    pub(super) priority: u16,
    pub(super) weight: u16,
    pub(super) port: u16,
    /// As in DNS, without the last dot.
    pub(super) target: String,
}

impl Network {
    /// The hosts and ports of a service such as `_xmpp-client._tcp.example.org`, in the order in which to try them. Empty if there are none, or if
    /// names are not to be asked for: the domain is an address, has an override, is this host, or is none that the filter of targets lets be asked for.
    ///
    /// # Errors
    /// `NameNotFound` if the domain says that it has no such service (a target of `.`: RFC 2782): nobody is to look elsewhere then. Others say
    /// that the name server is of no use.
    ///
    /// They are names like any other: whoever dials them is asked by the filter of targets for each.
    pub(crate) async fn resolve_srv(&self, service: &str) -> Result<Vec<(String, u16)>, NetError> {
        let domain = domain_of(service);
        let host = Host::parse(domain)?;
        if host.ip.is_some()
            || is_local(&host.name)
            || self.is_overridden(&host.name)
            || !self.may_ask_for_services(&host.name)
        {
            return Ok(Vec::new());
        }
        // The last dot: what is asked for is this name, and none of a search list.
        let prefix = service.strip_suffix(domain).unwrap_or_default();
        let services = self
            .resolver
            .services(&format!("{prefix}{}.", host.name))
            .await?;
        let random = || RandomState::new().hash_one(0);
        Ok(in_order(services.to_vec(), random)
            .into_iter()
            .map(|service| (service.target, service.port))
            .collect())
    }

    /// Whether some port of a host has an override.
    fn is_overridden(&self, host: &str) -> bool {
        let hosts = &self.options.hosts;
        hosts.keys().any(|key| key == host || is_port_of(key, host))
    }
}

/// What follows the labels that begin with `_`.
fn domain_of(service: &str) -> &str {
    let mut domain = service;
    while let Some((label, rest)) = domain.split_once('.')
        && label.starts_with('_')
    {
        domain = rest;
    }
    domain
}

/// Whether a name is this host's (RFC 6761, section 6.3): no name server is to be asked for it.
fn is_local(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

/// Whether a key of the overrides is this host with a port.
fn is_port_of(key: &str, host: &str) -> bool {
    key.strip_prefix(host)
        .is_some_and(|rest| rest.starts_with(':'))
}

/// Ask for the records of a service.
pub(super) async fn query(system: &TokioResolver, service: &str) -> Answer<Service> {
    use hickory_resolver::net::NetError as Dns;
    let found = match system.srv_lookup(service).await {
        Ok(found) => found,
        Err(Dns::Dns(DnsError::NoRecordsFound(_))) => {
            return Ok(([].into(), Instant::now() + NONE_TTL));
        }
        Err(error) => return Err(NetError::NameResolution(format!("{service}: {error}"))),
    };
    let mut is_denied = false;
    let services = found
        .answers()
        .iter()
        .filter_map(|record| match &record.data {
            RData::SRV(srv) if srv.target.is_root() => {
                is_denied = true;
                None
            }
            RData::SRV(srv) => Some(Service {
                priority: srv.priority,
                weight: srv.weight,
                port: srv.port,
                target: srv.target.to_ascii().trim_end_matches('.').to_owned(),
            }),
            _ => None,
        });
    let mut services: Vec<_> = services.collect();
    if services.is_empty() && is_denied {
        let text = format!("{service}: its record says that there is no such service");
        return Err(NetError::NameNotFound(text));
    }
    services.sort_by_key(|service| service.priority);
    services.truncate(SERVICES_MAX);
    Ok((services.into(), Instant::from_std(found.valid_until())))
}

/// The order in which to try them: by priority, and within one by lot, in proportion to the weights (RFC 2782, "Usage rules").
fn in_order(mut services: Vec<Service>, mut random: impl FnMut() -> u64) -> Vec<Service> {
    // Those without a weight go first, so that they have a small chance of being drawn first.
    services.sort_by_key(|service| (service.priority, service.weight != 0));
    let mut ordered = Vec::with_capacity(services.len());
    while let Some(first) = services.first() {
        let priority = first.priority;
        let peers = || {
            services
                .iter()
                .take_while(|service| service.priority == priority)
        };
        let total: u64 = peers().map(|service| u64::from(service.weight)).sum();
        let drawn = random() % (total + 1);
        let mut sum = 0;
        let position = peers().position(|service| {
            sum += u64::from(service.weight);
            sum >= drawn
        });
        ordered.push(services.remove(position.unwrap_or(0)));
    }
    ordered
}

#[cfg(test)]
#[path = "srv_tests.rs"]
mod tests;
