//! What a scenario may reach: patterns over names, addresses and ports, and what they make of one target.
//!
//! Two kinds of pattern, and they are not mixed up. An *address pattern* (`any`, `loopback`, an address, a network) speaks of what is
//! dialled. A *name pattern* speaks of a name: whatever it resolves to may be dialled, except the addresses of [`is_special`], which a
//! name server could point at to get into this machine or to a cloud's metadata ("DNS rebinding"); those need an address pattern too.
//! Only what a name pattern or `any` covers is asked of a name server: a question to one is already a message to somebody.

mod address;
mod pattern;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

pub use address::is_special;
use address::{canonical, faces};
pub use pattern::TargetPattern;
use pattern::What;

use crate::Problem;
use crate::limits::TARGET_PATTERNS_MAX;

/// The pattern that `serve` begins with: this machine.
pub const LOOPBACK: &str = "loopback";

/// Where a name may be looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// Nowhere: whatever it resolved to, it would be refused.
    Nowhere,
    /// In what this machine knows by itself, such as its `hosts` file: only an address pattern may cover it, and no name server is asked.
    Local,
    /// Anywhere.
    Anywhere,
}

/// The patterns of one host: a target is allowed if one of them covers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedTargets {
    patterns: Vec<TargetPattern>,
}

impl AllowedTargets {
    /// Read patterns as typed; `field` is what they were given as, such as `--allow-target`.
    ///
    /// # Errors
    /// Every pattern that cannot be read, with what is wrong with it; or that there are more than [`TARGET_PATTERNS_MAX`].
    pub fn parse<T: AsRef<str>>(field: &str, texts: &[T]) -> Result<Self, Vec<Problem>> {
        if texts.len() > TARGET_PATTERNS_MAX {
            return Err(vec![Problem::new(
                field,
                texts.len().to_string(),
                format!("are more patterns than {TARGET_PATTERNS_MAX}"),
                "name networks or *.DOMAIN instead of single hosts",
            )]);
        }
        let mut problems = Vec::new();
        let mut patterns = Vec::with_capacity(texts.len());
        for text in texts {
            match TargetPattern::parse(field, text.as_ref()) {
                Ok(pattern) => patterns.push(pattern),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() {
            Ok(Self { patterns })
        } else {
            Err(problems)
        }
    }

    /// This machine only: what `serve` allows unless it is told otherwise.
    #[must_use]
    pub fn loopback() -> Self {
        Self {
            patterns: vec![TargetPattern::loopback()],
        }
    }

    /// The patterns as typed, for people to see what holds.
    pub fn patterns(&self) -> impl Iterator<Item = &str> {
        self.patterns.iter().map(TargetPattern::as_str)
    }

    /// Where a name (as in a URL) may be looked up, before anybody is asked; without a port, for a service on any port.
    #[must_use]
    pub fn lookup(&self, name: &str, port: Option<u16>) -> Lookup {
        let mut found = Lookup::Nowhere;
        let name = name.strip_suffix('.').unwrap_or(name);
        let open = |pattern: &&TargetPattern| port.is_none_or(|port| pattern.has_port(port));
        for pattern in self.patterns.iter().filter(open) {
            match pattern.what() {
                What::Any => return Lookup::Anywhere,
                _ if pattern.covers_name(name) => return Lookup::Anywhere,
                What::Loopback | What::Network(_) => found = Lookup::Local,
                What::Name(_) | What::Below(_) => {}
            }
        }
        found
    }

    /// Whether an address may be dialled for its own sake: it was written as one, or somebody other than a name server chose it.
    #[must_use]
    pub fn allows_address(&self, address: SocketAddr) -> bool {
        faces(address.ip()).all(|face| self.covers(face, address.port()))
    }

    /// Whether an address may be dialled that this name (as in a URL) was resolved to.
    #[must_use]
    pub fn allows_resolved(&self, name: &str, address: SocketAddr) -> bool {
        let port = address.port();
        let is_named = self.names(name, port);
        faces(address.ip()).all(|face| self.covers(face, port) || (is_named && !is_special(face)))
    }

    /// Whether a proxy may be asked for this name, which it resolves out of our sight: only if a name pattern or `any` covers it. `localhost`
    /// goes as the addresses that it stands for.
    #[must_use]
    pub fn allows_unresolved(&self, name: &str, port: u16) -> bool {
        let local = [
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::LOCALHOST),
        ];
        let bare = name.strip_suffix('.').unwrap_or(name);
        let is_any =
            |pattern: &TargetPattern| matches!(pattern.what(), What::Any) && pattern.has_port(port);
        if bare == "localhost" {
            return local.into_iter().all(|ip| self.covers(ip, port));
        }
        self.names(name, port) || self.patterns.iter().any(is_any)
    }

    /// Whether a name pattern covers this name on this port.
    fn names(&self, name: &str, port: u16) -> bool {
        let name = name.strip_suffix('.').unwrap_or(name);
        let mut patterns = self.patterns.iter();
        patterns.any(|pattern| pattern.has_port(port) && pattern.covers_name(name))
    }

    /// Whether an address pattern covers this address on this port.
    fn covers(&self, ip: IpAddr, port: u16) -> bool {
        let ip = canonical(ip);
        let mut patterns = self.patterns.iter();
        patterns.any(|pattern| pattern.has_port(port) && pattern.covers_address(ip))
    }
}

#[cfg(test)]
#[path = "target/tests.rs"]
mod tests;
