//! One user's connections: the exchanges over them, and what happens when one fails.

mod lease;

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;

use tokio::sync::Notify;

use self::lease::{Lease, Origin, Slot};
use super::progress::Progress;
use super::{Answer, Exchange, Failure, Reuse, Version, h1, h2};
use crate::deadline::Alarm;
use crate::dial::{Network, Route, Through};
use crate::error::NetError;

/// One user's connections, by origin. Idle ones cost their socket and some hundred bytes; nothing is allocated before the
/// first exchange. Dropping the pool closes them all.
pub struct Pool {
    network: Rc<Network>,
    route: RefCell<Rc<Route>>,
    origins: RefCell<Vec<Origin>>,
    /// Raised when connections made before are not to be used again.
    generation: Cell<u32>,
    /// A connection or a place on one came free, or a dial ended.
    released: Notify,
    alarm: Alarm,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let idle: usize = self
            .origins
            .borrow()
            .iter()
            .map(|origin| origin.idle.len())
            .sum();
        formatter
            .debug_struct("Pool")
            .field("idle", &idle)
            .finish_non_exhaustive()
    }
}

impl Pool {
    /// An empty pool.
    #[must_use]
    pub fn new(network: Rc<Network>, route: Rc<Route>) -> Self {
        Self {
            network,
            route: RefCell::new(route),
            origins: RefCell::default(),
            generation: Cell::new(0),
            released: Notify::new(),
            alarm: Alarm::default(),
        }
    }

    /// The route in use.
    #[must_use]
    pub fn route(&self) -> Rc<Route> {
        self.route.borrow().clone()
    }

    /// What the pool shares with its neighbours.
    #[must_use]
    pub fn network(&self) -> &Rc<Network> {
        &self.network
    }

    /// Connect differently from now on. Idle connections are closed; those in use end with their exchange.
    pub fn set_route(&self, route: Rc<Route>) {
        *self.route.borrow_mut() = route;
        self.close_idle();
    }

    /// Close idle connections, and those in use when their exchange has ended: the next exchange connects anew.
    pub fn close_idle(&self) {
        self.generation.set(self.generation.get().wrapping_add(1));
        for origin in self.origins.borrow_mut().iter_mut() {
            origin.idle = Vec::new();
            origin.shared = None;
            origin.each_for_itself = false;
        }
    }

    /// Do one exchange. Several may be under way at a time. Dropping the future cancels it: its HTTP/1.1 connection is
    /// closed, its HTTP/2 stream reset.
    ///
    /// # Errors
    /// Why there is no complete response, with what was measured so far.
    pub async fn exchange(&self, request: &Exchange<'_>) -> Result<Answer, Failure> {
        let progress = Progress::start();
        let attempts = pin!(self.attempts(request, &progress));
        match self.alarm.within(request.deadline, attempts).await {
            Some(Ok(answer)) => Ok(answer),
            Some(Err(error)) => Err(progress.failure(error)),
            None => Err(progress.failure(NetError::Timeout)),
        }
    }

    /// One attempt; a second, on a new connection, if the first used an old one that turned out dead. To the caller both
    /// are one request.
    async fn attempts(
        &self,
        request: &Exchange<'_>,
        progress: &Progress,
    ) -> Result<Answer, NetError> {
        let broken = match self
            .attempt(request, request.reuse != Reuse::Keep, progress)
            .await
        {
            Ok(answer) => return Ok(answer),
            Err(broken) => broken,
        };
        // The server cannot have acted on the request, or may act on it twice (RFC 9110, section 9.2.2).
        let harmless = broken.unsent || request.method.is_idempotent();
        if !(broken.on_old && broken.unanswered && harmless) {
            return Err(broken.error);
        }
        progress.start_over();
        Box::pin(self.attempt(request, true, progress))
            .await
            .map_err(|broken| broken.error)
    }

    async fn attempt(
        &self,
        request: &Exchange<'_>,
        fresh: bool,
        progress: &Progress,
    ) -> Result<Answer, Broken> {
        match self.lease(request, fresh) {
            Some(Lease::Idle(connection, slot)) => {
                self.on_http1(connection, true, slot, self.route(), request, progress)
                    .await
            }
            other => Box::pin(self.attempt_slowly(other, request, fresh, progress)).await,
        }
    }

    /// What is rare: waiting for a place, connecting, HTTP/2. Boxed, so that it weighs nothing in the future of every request.
    async fn attempt_slowly(
        &self,
        lease: Option<Lease<'_>>,
        request: &Exchange<'_>,
        fresh: bool,
        progress: &Progress,
    ) -> Result<Answer, Broken> {
        let mut lease = lease;
        let lease = loop {
            if let Some(lease) = lease {
                break lease;
            }
            let released = self.released.notified();
            lease = self.lease(request, fresh);
            if lease.is_none() {
                released.await;
            }
        };
        let (slot, dialing) = match lease {
            Lease::Idle(connection, slot) => {
                return self
                    .on_http1(connection, true, slot, self.route(), request, progress)
                    .await;
            }
            Lease::Shared(connection) => return on_http2(&connection, request, progress).await,
            Lease::Dial(slot, dialing) => (slot, dialing),
        };
        let route = self.route();
        let dialed = self
            .network
            .dial(
                &route,
                request.url,
                request.version,
                Through::Forwarding,
                progress,
            )
            .await?;
        if !dialed.http2 {
            drop(dialing);
            let connection = h1::Connection {
                stream: dialed.stream,
                tls: dialed.tls,
            };
            return self
                .on_http1(connection, false, slot, route, request, progress)
                .await;
        }
        let connection = h2::connect(dialed).await?;
        if request.reuse != Reuse::Close && slot.is_current() {
            self.with_origin(request.url, |origin| {
                origin.shared = Some(connection.clone());
            });
            if let Some(dialing) = dialing {
                dialing.ended_in_http2();
            }
        }
        // A place on an HTTP/2 connection is no HTTP/1.1 connection in use.
        drop(slot);
        on_http2(&connection, request, progress).await
    }

    async fn on_http1(
        &self,
        mut connection: h1::Connection,
        reused: bool,
        slot: Slot<'_>,
        route: Rc<Route>,
        request: &Exchange<'_>,
        progress: &Progress,
    ) -> Result<Answer, Broken> {
        let wire = connection.stream.wire();
        let remote = wire.remote();
        progress.on(remote, connection.tls, wire.counters());
        let outcome = h1::exchange(&mut connection, request, route.proxy.as_ref(), progress).await;
        let h1::Received {
            mut receiver,
            reusable,
        } = outcome.map_err(|broken| Broken::on(reused, broken))?;
        let timings = progress.clock.read();
        let (bytes_sent, bytes_received) = progress.bytes();
        let tls = connection.tls;
        if reusable && slot.is_current() {
            slot.keep(connection);
        }
        let Some(start) = receiver.take_start() else {
            return Err(NetError::Other("a response ended before it began".to_owned()).into());
        };
        let body = receiver.body;
        Ok(Answer {
            status: start.status,
            version: start.version,
            head: start.head,
            body_length: body.length,
            body_kept: body.is_whole(),
            body_overflow: body.overflow,
            body: body.bytes,
            timings,
            bytes_sent,
            bytes_received,
            remote,
            tls,
            reused,
        })
    }
}

async fn on_http2(
    connection: &h2::Connection,
    request: &Exchange<'_>,
    progress: &Progress,
) -> Result<Answer, Broken> {
    let reused = connection.used.get();
    progress.on(connection.remote, connection.tls, &connection.counters);
    let received = h2::exchange(connection, request, progress).await;
    let received = received.map_err(|broken| Broken::on(reused || broken.unsent, broken))?;
    let timings = progress.clock.read();
    let (bytes_sent, bytes_received) = progress.bytes();
    let body = received.body;
    Ok(Answer {
        status: received.status,
        version: Version::Http2,
        head: received.head,
        body_length: body.length,
        body_kept: body.is_whole(),
        body_overflow: body.overflow,
        body: body.bytes,
        timings,
        bytes_sent,
        bytes_received,
        remote: connection.remote,
        tls: connection.tls,
        reused,
    })
}

/// A failed attempt.
struct Broken {
    error: NetError,
    /// On a connection that had been used before: a new one may do better.
    on_old: bool,
    unanswered: bool,
    unsent: bool,
}

impl Broken {
    fn on(old: bool, broken: h1::Broken) -> Self {
        Self {
            error: broken.error,
            on_old: old,
            unanswered: broken.unanswered,
            unsent: broken.unsent,
        }
    }
}

impl From<NetError> for Broken {
    fn from(error: NetError) -> Self {
        Self {
            error,
            on_old: false,
            unanswered: false,
            unsent: false,
        }
    }
}

#[cfg(test)]
mod broken_tests;
#[cfg(test)]
mod route_tests;
#[cfg(test)]
mod tests;
