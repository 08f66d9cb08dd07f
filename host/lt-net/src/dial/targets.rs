//! Which targets may be reached: asked before a name is looked up, and again for every address before it is dialled.
//!
//! Whoever decides sees what is dialled, not what was written: other spellings of an address are the address by then, and so is what a name server,
//! a redirect or a record led to. Connections are made in one place ([`super::Network::dial`] and [`super::Network::dial_tcp`]), so that no protocol
//! gets round it.

use std::net::{IpAddr, SocketAddr};

use super::{Network, Target};
use crate::error::NetError;

/// Where a name may be looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// Nowhere.
    Nowhere,
    /// In what this machine knows by itself (its `hosts` file, `localhost`): no name server hears of it.
    Local,
    /// Anywhere.
    Anywhere,
}

/// Decides what may be reached. Hosts are as in a URL: lower case, names by IDNA, IPv6 addresses in brackets.
pub trait TargetFilter {
    /// Where a name may be looked up; without a port, for a service on any port.
    fn lookup(&self, name: &str, port: Option<u16>) -> Lookup;

    /// Whether an address may be dialled that the host was written as, or that the run maps the host to.
    fn allows_address(&self, host: &str, address: SocketAddr) -> bool;

    /// Whether an address may be dialled that this name was resolved to.
    fn allows_resolved(&self, name: &str, address: SocketAddr) -> bool;

    /// Whether a proxy may be asked for this name, which it resolves out of our sight.
    fn allows_unresolved(&self, name: &str, port: u16) -> bool;
}

/// Addresses of a host, and how they were found.
pub(super) struct Found {
    pub(super) addresses: Vec<SocketAddr>,
    /// Whether they are what a name was resolved to.
    pub(super) is_resolved: bool,
}

impl Network {
    /// Where the name of a target may be looked up.
    ///
    /// # Errors
    /// `target-denied`, if nowhere.
    pub(super) fn may_look_up(&self, name: &str, port: u16) -> Result<Lookup, NetError> {
        let Some(filter) = &self.options.allow else {
            return Ok(Lookup::Anywhere);
        };
        match filter.lookup(name, Some(port)) {
            Lookup::Nowhere => Err(denied(name, port, None)),
            found => Ok(found),
        }
    }

    /// Whether name servers may be asked for the services of a domain.
    pub(super) fn may_ask_for_services(&self, domain: &str) -> bool {
        let filter = self.options.allow.as_ref();
        filter.is_none_or(|filter| filter.lookup(domain, None) == Lookup::Anywhere)
    }

    /// Those of the addresses that may be dialled.
    ///
    /// # Errors
    /// `target-denied`, if that is none of them.
    pub(super) fn allowed(
        &self,
        target: Target<'_>,
        found: Found,
    ) -> Result<Vec<SocketAddr>, NetError> {
        let mut addresses = found.addresses;
        let Some(filter) = &self.options.allow else {
            return Ok(addresses);
        };
        let first = addresses.first().copied();
        addresses.retain(|address| {
            if found.is_resolved {
                filter.allows_resolved(target.host, *address)
            } else {
                filter.allows_address(target.host, *address)
            }
        });
        if addresses.is_empty() {
            let led_to = first.filter(|first| target.ip != Some(first.ip()));
            return Err(denied(target.host, target.port, led_to));
        }
        Ok(addresses)
    }

    /// Whether a proxy may be asked for a target. It is not resolved here: a name must be allowed by itself.
    ///
    /// # Errors
    /// `target-denied`, if not.
    pub(super) fn allowed_through_proxy(&self, target: Target<'_>) -> Result<(), NetError> {
        let Some(filter) = &self.options.allow else {
            return Ok(());
        };
        let Target { host, ip, port } = target;
        let allowed = match ip {
            Some(ip) => filter.allows_address(host, SocketAddr::new(ip, port)),
            None => filter.allows_unresolved(host, port),
        };
        if allowed {
            Ok(())
        } else {
            Err(denied(host, port, None))
        }
    }
}

/// The refusal of a target, and of the address that its name led to.
pub(super) fn denied(host: &str, port: u16, led_to: Option<SocketAddr>) -> NetError {
    let led_to = led_to.map_or_else(String::new, |address| match address {
        address if address.port() == port => format!(" at {}", plain(address.ip())),
        other => format!(" at {other}"),
    });
    NetError::TargetDenied(format!(
        "{host}:{port}{led_to} (the patterns of this host's --allow-target do not cover it)"
    ))
}

fn plain(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// A filter that judges hosts and addresses alike, for tests of others.
#[cfg(test)]
pub(crate) struct Only<F>(F);

#[cfg(test)]
impl<F: Fn(&str, SocketAddr) -> bool + 'static> Only<F> {
    pub(crate) fn filter(judge: F) -> Option<std::rc::Rc<dyn TargetFilter>> {
        Some(std::rc::Rc::new(Self(judge)))
    }
}

#[cfg(test)]
impl<F: Fn(&str, SocketAddr) -> bool> TargetFilter for Only<F> {
    fn lookup(&self, _: &str, _: Option<u16>) -> Lookup {
        Lookup::Anywhere
    }

    fn allows_address(&self, host: &str, address: SocketAddr) -> bool {
        self.0(host, address)
    }

    fn allows_resolved(&self, name: &str, address: SocketAddr) -> bool {
        self.0(name, address)
    }

    fn allows_unresolved(&self, name: &str, port: u16) -> bool {
        self.0(name, SocketAddr::from(([0, 0, 0, 0], port)))
    }
}

#[cfg(test)]
#[path = "targets_tests.rs"]
mod tests;
