//! From an account to a byte stream: where its server is, TCP, and TLS.

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::timeout;

use super::clock::{Clock, name_of};
use super::plan::parse_address;
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
        let preferred = self.preferred();
        let mut search = Search {
            clock: self.clock,
            time: self.request.timeout.min(self.clock.step_timeout()),
            resolving: Duration::ZERO,
            connecting: Duration::ZERO,
            bytes: (0, 0),
        };
        let domain = &self.plan.domain;
        let port = default_port(direct);
        let places = match (&self.plan.address, preferred) {
            (Some((host, given)), _) => Ok(vec![(host.clone(), given.unwrap_or(port))]),
            (None, preferred) => {
                let places = search.places(network, route, domain, direct).await;
                let preferred = preferred.map(|(host, given)| (host, given.unwrap_or(port)));
                places.map(|places| preferred.into_iter().chain(places).collect())
            }
        };
        let found = match places {
            Ok(places) => search.connect(network, route, domain, places).await,
            Err(error) => Err(error),
        };
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

    /// Where the server wants a stream to be taken up that it keeps (XEP-0198, section 5): what is no place is none.
    fn preferred(&self) -> Option<(String, Option<u16>)> {
        let left = self.resume.as_ref()?.borrow();
        parse_address(left.location()?).ok()
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
    /// Time for connecting, to all of them.
    time: Duration,
    resolving: Duration,
    connecting: Duration,
    /// Bytes that were sent and received in vain: to a proxy.
    bytes: (u64, u64),
}

impl Search<'_> {
    /// Connect to the first place that answers. Each gets an equal share of the time left, so that a silent one does not use up that of the
    /// others. If none does, the first error is reported, as for the addresses of one host.
    async fn connect(
        &mut self,
        network: &Network,
        route: &Route,
        domain: &str,
        places: Vec<(String, u16)>,
    ) -> Result<Wire, XmppError> {
        let (resolve, tcp) = (name_of("resolve"), name_of("tcp"));
        let mut first_error = None;
        for (index, (host, port)) in places.iter().enumerate() {
            let left = u32::try_from(places.len() - index).unwrap_or(u32::MAX);
            match self.dial(network, route, (host, *port), left).await? {
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
                match network.resolve_srv(&service).await {
                    Ok(places) => Ok(places),
                    // The domain says so, which is more than having no record (RFC 2782).
                    Err(error @ NetError::NameNotFound(_)) => Err(error.into()),
                    // A name server that fails here may still know the domain (section 3.2.1).
                    Err(_) => Ok(Vec::new()),
                }
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

    /// Connect to one of the places that are left; beside an error, whether its address was known. The outer error ends the search: no time is left.
    async fn dial(
        &mut self,
        network: &Network,
        route: &Route,
        (host, port): (&str, u16),
        places_left: u32,
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
            let share = self.time.saturating_sub(self.connecting) / places_left.max(1);
            let connected = async {
                // The last has all that is left, which the clock ends.
                if places_left <= 1 {
                    return Ok(Some(dial.await));
                }
                let connected = timeout(share, dial).await;
                Ok(Some(connected.unwrap_or(Err(NetError::ConnectTimeout))))
            };
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

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use tokio::net::{TcpSocket, TcpStream};

    use super::*;
    use crate::peer::{Peer, local_paused};
    use crate::xmpp::connect::tests::client;

    #[test]
    fn a_silent_place_leaves_time_for_the_next() {
        local_paused(async {
            // Its queue is full: nobody is let in, and nobody is refused.
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
            let silent = socket.listen(0).unwrap();
            let port = silent.local_addr().unwrap().port();
            let waiting = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let peer = Peer::answering("").await;
            let clock = Clock::new(Duration::from_secs(30));
            let mut search = Search {
                clock: &clock,
                time: Duration::from_secs(20),
                resolving: Duration::ZERO,
                connecting: Duration::ZERO,
                bytes: (0, 0),
            };
            let client = client();
            let route = Rc::clone(&client.config().route);
            let host = || "127.0.0.1".to_owned();
            let places = vec![(host(), port), (host(), peer.address.port())];
            let found = search.connect(client.network(), &route, "a.test", places);
            assert_eq!(found.await.unwrap().remote(), peer.address);
            let (steps, failed) = clock.read();
            assert_eq!(failed, None);
            let took = steps.iter().find(|(name, _)| **name == *"tcp").unwrap().1;
            let share = Duration::from_secs(10);
            assert!(
                (share..share + Duration::from_secs(1)).contains(&took),
                "{took:?}"
            );
            drop(waiting);
        });
    }
}
