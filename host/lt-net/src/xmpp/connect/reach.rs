//! From an account to a byte stream: where its server is, TCP, and TLS.

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use super::clock::{Clock, name_of};
use super::steps::Connecting;
use crate::dial::tcp::{Stream, Wire};
use crate::dial::{Network, Route, start_tls};
use crate::error::NetError;
use crate::http::progress::Progress;
use crate::timings::Phase;
use crate::xmpp::channel::Channel;
use crate::xmpp::{Security, XmppError};

/// Port of streams that begin without TLS (RFC 6120, section 14.7).
const PORT: u16 = 5222;
/// Port of TLS from the first byte, by custom (XEP-0368).
const DIRECT_TLS_PORT: u16 = 5223;

impl Connecting<'_> {
    /// `resolve`, `tcp`, and for TLS from the first byte `tls`.
    pub(super) async fn reach_tcp(
        &mut self,
        network: &Network,
        route: &Route,
    ) -> Result<(), XmppError> {
        let direct = self.request.security == Security::DirectTls;
        let mut search = Search {
            clock: self.clock,
            resolving: Duration::ZERO,
            connecting: Duration::ZERO,
            bytes: (0, 0),
        };
        let found = search
            .connect(
                network,
                route,
                &self.plan.domain,
                self.plan.address.as_ref(),
                direct,
            )
            .await;
        self.bytes.0 += search.bytes.0;
        self.bytes.1 += search.bytes.1;
        let wire = found?;
        self.remote = Some(wire.remote());
        self.counters = Some(wire.counters().clone());
        if direct {
            let clock = self.clock;
            return clock.step(&name_of("tls"), self.secure(wire)).await;
        }
        self.use_stream(Stream::Plain(wire));
        Ok(())
    }

    /// Make a connection TLS.
    pub(super) async fn secure(&mut self, wire: Wire) -> Result<(), XmppError> {
        let direct = self.request.security == Security::DirectTls;
        let (stream, tls, bindings) =
            start_tls(&self.tls_profile, wire, &self.plan.domain, direct).await?;
        (self.tls, self.bindings) = (Some(tls), bindings);
        self.acknowledges_at_once = self.request.quick_ack;
        self.use_stream(stream);
        Ok(())
    }

    fn use_stream(&mut self, stream: Stream) {
        self.use_channel(Channel::over(stream, self.request.stanza_bytes_max));
    }
}

/// Looking for the server: what it took so far, over all places where it may be.
struct Search<'a> {
    clock: &'a Clock,
    resolving: Duration,
    connecting: Duration,
    /// Bytes that were sent and received in vain: to a proxy.
    bytes: (u64, u64),
}

impl Search<'_> {
    /// Connect to the first place that answers. If none does, the first error is reported, as for the addresses of one host.
    async fn connect(
        &mut self,
        network: &Network,
        route: &Route,
        domain: &str,
        address: Option<&(String, Option<u16>)>,
        direct: bool,
    ) -> Result<Wire, XmppError> {
        let (resolve, tcp) = (name_of("resolve"), name_of("tcp"));
        let places = match address {
            Some((host, port)) => vec![(host.clone(), port.unwrap_or(default_port(direct)))],
            None => self.places(network, route, domain, direct).await?,
        };
        let mut first_error = None;
        for (host, port) in places {
            match self.dial(network, route, &host, port).await? {
                Ok(wire) => {
                    self.record_resolved(&resolve);
                    self.clock.record(&tcp, self.connecting);
                    return Ok(wire);
                }
                Err(failure) => {
                    first_error.get_or_insert(failure);
                }
            }
        }
        let (error, was_connecting) =
            first_error.unwrap_or((NetError::NameNotFound(domain.to_owned()), false));
        if was_connecting {
            self.record_resolved(&resolve);
            self.clock.record_failed(&tcp, self.connecting);
        } else {
            self.clock.record_failed(&resolve, self.resolving);
        }
        Err(error.into())
    }

    /// An address needs no resolving.
    fn record_resolved(&self, resolve: &Rc<str>) {
        if !self.resolving.is_zero() {
            self.clock.record(resolve, self.resolving);
        }
    }

    /// Where a domain's server may be: what SRV records say, else the domain itself (RFC 6120, section 3.2; XEP-0368). A proxy resolves the
    /// domain itself, and can do no more.
    async fn places(
        &mut self,
        network: &Network,
        route: &Route,
        domain: &str,
        direct: bool,
    ) -> Result<Vec<(String, u16)>, XmppError> {
        let mut places = Vec::new();
        if route.proxy.is_none() {
            let service = if direct {
                "_xmpps-client._tcp"
            } else {
                "_xmpp-client._tcp"
            };
            let service = format!("{service}.{domain}");
            let resolved = async {
                // A name server that fails here may still know the domain (section 3.2.1).
                Ok(network.resolve_srv(&service).await.unwrap_or_default())
            };
            places = self
                .clock
                .part(&name_of("resolve"), &mut self.resolving, resolved)
                .await?;
        }
        if places.is_empty() {
            places.push((domain.to_owned(), default_port(direct)));
        }
        Ok(places)
    }

    /// Connect to one place; beside an error, whether its address was known. The outer error ends the search: no time is left.
    async fn dial(
        &mut self,
        network: &Network,
        route: &Route,
        host: &str,
        port: u16,
    ) -> Result<Result<Wire, (NetError, bool)>, XmppError> {
        let progress = Progress::start();
        let mut dial = pin!(network.dial_tcp(route, host, port, &progress));
        // Up to the moment when its address is known.
        let resolved = poll_fn(|cx| match dial.as_mut().poll(cx) {
            Poll::Ready(dialed) => Poll::Ready(Ok(Some(dialed))),
            Poll::Pending if progress.clock.phase() == Phase::Connecting => Poll::Ready(Ok(None)),
            Poll::Pending => Poll::Pending,
        });
        let before = self.resolving;
        let mut dialed = self
            .clock
            .part(&name_of("resolve"), &mut self.resolving, resolved)
            .await?;
        // What did not have to be resolved took no time, and looking it up is no step.
        self.resolving = before + progress.clock.read().resolving;
        if dialed.is_none() {
            let connected = async { Ok(Some(dial.await)) };
            dialed = self
                .clock
                .part(&name_of("tcp"), &mut self.connecting, connected)
                .await?;
        }
        let was_connecting = progress.clock.phase() == Phase::Connecting;
        let error = match dialed {
            Some(Ok(wire)) => return Ok(Ok(wire)),
            Some(Err(error)) => error,
            None => NetError::Other("no outcome".to_owned()),
        };
        let bytes = progress.bytes();
        self.bytes = (self.bytes.0 + bytes.0, self.bytes.1 + bytes.1);
        Ok(Err((error, was_connecting)))
    }
}

fn default_port(direct: bool) -> u16 {
    if direct { DIRECT_TLS_PORT } else { PORT }
}
