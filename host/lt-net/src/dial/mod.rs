//! From a URL to a byte stream: name, address, TCP, proxy, TLS, each timed apart.

pub(crate) mod arrival;
pub(crate) mod host;
pub mod proxy;
pub(crate) mod resolve;
mod secure;
mod srv;
pub(crate) mod targets;
pub(crate) mod tcp;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;

use self::host::Host;
use self::proxy::Proxy;
use self::resolve::Resolver;
pub(crate) use self::secure::{start_tls, start_tls_without_alpn};
use self::targets::Found;
pub use self::targets::{Lookup, TargetFilter};
use self::tcp::{Stream, Wire};
use crate::error::NetError;
use crate::http::{Scheme, Url, VersionChoice};
use crate::rtmp::Stamps;
use crate::timings::{Phase, Stopwatch};
use crate::tls::{TlsInfo, TlsProfile, TlsProfiles, TlsSettings};

/// Most connections one user opens to one origin. As many as requests a user may have under way (`USER_REQUESTS_MAX` of the
/// runtime), so that the pool never queues what the guest was allowed to start; k6 does not queue either.
pub const CONNECTIONS_PER_ORIGIN_MAX: usize = 100;

/// Address of a host override: with or without a port of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostAddress {
    /// Address and port.
    Socket(SocketAddr),
    /// Address; the URL's port is kept.
    Ip(IpAddr),
}

/// What the users of one core share, as given.
#[derive(Clone, Default)]
pub struct NetworkOptions {
    /// `host` or `host:port` in lower case → address to use instead of resolving. The entry with the port goes first.
    pub hosts: HashMap<String, HostAddress>,
    /// Which targets may be reached; none allows all. Asked for a target and for the proxy on the way to it.
    pub allow: Option<Rc<dyn TargetFilter>>,
    /// TLS profiles of the process.
    pub tls: Arc<TlsProfiles>,
    /// What the process publishes over RTMP, for its players to know again.
    pub stamps: Arc<Stamps>,
}

/// What the users of one core share: resolved names, TLS profiles, the target filter.
pub struct Network {
    options: NetworkOptions,
    resolver: Resolver,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Network")
            .field("hosts", &self.options.hosts)
            .finish_non_exhaustive()
    }
}

/// How one user's connections are made. Users with the same settings share one.
#[derive(Clone, Debug)]
pub struct Route {
    /// TLS profile, from [`Network::tls_profile`].
    pub tls: Arc<TlsProfile>,
    /// Proxy for every request.
    pub proxy: Option<Proxy>,
    /// Local address to connect from. Targets of the other family are then unreachable.
    pub local_address: Option<IpAddr>,
    /// Most connections to one origin: [`CONNECTIONS_PER_ORIGIN_MAX`] unless a test wants fewer.
    pub connections_per_origin_max: usize,
}

impl Route {
    /// Straight from any local address, with this profile.
    #[must_use]
    pub fn direct(tls: Arc<TlsProfile>) -> Self {
        Self {
            tls,
            proxy: None,
            local_address: None,
            connections_per_origin_max: CONNECTIONS_PER_ORIGIN_MAX,
        }
    }
}

/// A connection that was just made.
pub(crate) struct Dialed {
    pub(crate) stream: Stream,
    pub(crate) tls: Option<TlsInfo>,
    /// Whether to speak HTTP/2 on it.
    pub(crate) http2: bool,
}

/// What a proxy is asked for on behalf of a URL without TLS; with TLS it is always a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Through {
    /// To pass on each request, which then names its whole URL.
    Forwarding,
    /// A connection of our own (CONNECT).
    Tunnel,
}

/// Where a connection is to lead.
#[derive(Clone, Copy)]
struct Target<'a> {
    /// Name or address, as in a URL.
    host: &'a str,
    /// The address, if the host is one.
    ip: Option<IpAddr>,
    port: u16,
}

impl<'a> Target<'a> {
    fn of(url: &'a Url) -> Self {
        Self {
            host: url.host(),
            ip: url.ip(),
            port: url.port(),
        }
    }
}

/// What is known of a connection under way, for those who time and report it.
pub(crate) trait Watch {
    /// The clock.
    fn stopwatch(&self) -> &Stopwatch;
    /// TCP is connected: its address and byte counters.
    fn connected(&self, wire: &Wire);
    /// TLS is established.
    fn secured(&self, tls: TlsInfo);
}

impl Network {
    /// A network for the current thread. Nothing is read or opened yet.
    #[must_use]
    pub fn new(options: NetworkOptions) -> Rc<Self> {
        Rc::new(Self {
            options,
            resolver: Resolver::default(),
        })
    }

    /// The shared TLS profile for these settings.
    ///
    /// # Errors
    /// `invalid-request`, naming the setting whose PEM cannot be read.
    pub fn tls_profile(&self, settings: &TlsSettings) -> Result<Arc<TlsProfile>, NetError> {
        self.options.tls.profile(settings)
    }

    /// What the process publishes.
    pub(crate) fn stamps(&self) -> &Arc<Stamps> {
        &self.options.stamps
    }

    /// Connect to a URL's origin.
    pub(crate) async fn dial(
        &self,
        route: &Route,
        url: &Url,
        choice: VersionChoice,
        through: Through,
        watch: &dyn Watch,
    ) -> Result<Dialed, NetError> {
        let clock = watch.stopwatch();
        if route.proxy.is_some() && url.scheme() == Scheme::Http && choice == VersionChoice::Http2 {
            let why = "HTTP/2 without TLS does not pass a proxy; use https, or version http1";
            return Err(NetError::InvalidRequest(why.to_owned()));
        }
        let target = Target::of(url);
        let tunnel = url.scheme() == Scheme::Https || through == Through::Tunnel;
        let wire = self.wire(route, target, tunnel, watch).await?;
        if url.scheme() == Scheme::Http {
            clock.enter(Phase::Blocked);
            return Ok(Dialed {
                stream: Stream::Plain(wire),
                tls: None,
                http2: choice == VersionChoice::Http2,
            });
        }
        clock.enter(Phase::Tls);
        let dialed = secure::secure(&route.tls, wire, target, choice).await?;
        if let Some(tls) = dialed.tls {
            watch.secured(tls);
        }
        clock.enter(Phase::Blocked);
        Ok(dialed)
    }

    /// Connect to a host for a protocol of its own: TCP, through a tunnel if there is a proxy. Overrides, the filter of targets and the
    /// local address hold as they do for URLs.
    pub(crate) async fn dial_tcp(
        &self,
        route: &Route,
        host: &str,
        port: u16,
        watch: &dyn Watch,
    ) -> Result<Wire, NetError> {
        let host = Host::parse(host)?;
        let target = Target {
            host: &host.name,
            ip: host.ip,
            port,
        };
        let wire = self.wire(route, target, true, watch).await?;
        watch.stopwatch().enter(Phase::Blocked);
        Ok(wire)
    }

    /// TCP to the target, or to the proxy on the way to it, and then through it if it is to be a tunnel.
    async fn wire(
        &self,
        route: &Route,
        target: Target<'_>,
        tunnel: bool,
        watch: &dyn Watch,
    ) -> Result<Wire, NetError> {
        let Some(proxy) = &route.proxy else {
            let clock = watch.stopwatch();
            let addresses = self.addresses(target, clock).await?;
            clock.enter(Phase::Connecting);
            let wire = tcp::connect(&addresses, route.local_address).await?;
            watch.connected(&wire);
            return Ok(wire);
        };
        let mut wire = self.dial_proxy(route, proxy, target, watch).await?;
        watch.connected(&wire);
        if tunnel {
            proxy.tunnel(&mut wire, target.host, target.port).await?;
        }
        Ok(wire)
    }

    async fn dial_proxy(
        &self,
        route: &Route,
        proxy: &Proxy,
        target: Target<'_>,
        watch: &dyn Watch,
    ) -> Result<Wire, NetError> {
        self.allowed_through_proxy(target)?;
        let clock = watch.stopwatch();
        let failed = |error: NetError| match error {
            own @ (NetError::Unreachable(_) | NetError::Other(_) | NetError::TargetDenied(_)) => {
                own
            }
            _ => NetError::Proxy(None),
        };
        let addresses = self
            .addresses(proxy.target(), clock)
            .await
            .map_err(failed)?;
        clock.enter(Phase::Connecting);
        tcp::connect(&addresses, route.local_address)
            .await
            .map_err(failed)
    }

    /// Those addresses of a host that may be dialled: by override, as written, or by name; never empty.
    async fn addresses(
        &self,
        target: Target<'_>,
        clock: &Stopwatch,
    ) -> Result<Vec<SocketAddr>, NetError> {
        let Target { host, ip, port } = target;
        let known = self
            .overridden(host, port)
            .or_else(|| ip.map(|ip| SocketAddr::new(ip, port)));
        if let Some(address) = known {
            let addresses = vec![address];
            let is_resolved = false;
            return self.allowed(
                target,
                Found {
                    addresses,
                    is_resolved,
                },
            );
        }
        let lookup = self.may_look_up(host, port)?;
        clock.enter(Phase::Resolving);
        let resolved = match lookup {
            Lookup::Anywhere => self.resolver.resolve(host).await?,
            // What only a name server may know is refused, not unknown.
            _ => match self.resolver.resolve_locally(host).await {
                Ok(resolved) => resolved,
                Err(_) => return Err(targets::denied(host, port, None)),
            },
        };
        let addresses = resolved.iter().map(|ip| SocketAddr::new(*ip, port));
        let found = Found {
            addresses: addresses.collect(),
            is_resolved: true,
        };
        self.allowed(target, found)
    }

    /// Where the run maps a host to.
    fn overridden(&self, host: &str, port: u16) -> Option<SocketAddr> {
        let hosts = &self.options.hosts;
        if hosts.is_empty() {
            return None;
        }
        let entry = hosts
            .get(&format!("{host}:{port}"))
            .or_else(|| hosts.get(host))?;
        Some(match entry {
            HostAddress::Socket(address) => *address,
            HostAddress::Ip(ip) => SocketAddr::new(*ip, port),
        })
    }
}

#[cfg(test)]
mod tests;
