//! Connecting, step by step: one attempt, each step with its time, its deadline and its error.

pub(crate) mod ask;
mod clock;
pub(crate) mod faults;
mod features;
mod login;
mod plan;
mod reach;
mod register;
mod steps;
mod websocket;

use std::cell::RefCell;
use std::rc::Rc;

use tokio::time::{Instant, timeout_at};

use self::clock::Clock;
use self::plan::Plan;
use self::steps::Connecting;
use super::channel::Channel;
use super::session::{Opened, Session, Setup};
use super::sm::{Resumption, SmState};
use super::{Attempt, ConnectRequest, Connected, Stanza, XmppError};
use crate::error::NetError;
use crate::http::HttpClient;

/// A stream on which all steps were done.
#[derive(Debug)]
pub(crate) struct Established {
    pub(crate) channel: Channel,
    pub(crate) connected: Connected,
    pub(crate) sm: Option<SmState>,
    /// What came while connecting and is for later, in its order: stanzas, and what stream management says among them.
    pub(crate) early: Vec<Stanza>,
    /// The server.
    pub(crate) domain: String,
}

impl HttpClient {
    /// Connect an XMPP stream and do the steps of the request, each within its time: one attempt, over a connection of its own. The user's
    /// TLS, proxy and local address hold unless the request says otherwise. Time runs from when the future is first polled.
    ///
    /// `resume` is what the step of that name takes up. It stays the caller's, and is as it was unless the server has answered: it is spent once
    /// that was `resumed`, and knows better what was handled if that was `failed`.
    ///
    /// Beside the result comes what is known of the attempt, whatever came of it. Dropping the future gives up.
    ///
    /// # Errors
    /// Any of `session.connect` in `wit/xmpp.wit`; `InvalidRequest` that names a field before anything was attempted.
    pub fn connect_xmpp(
        &self,
        request: ConnectRequest,
        resume: Option<Rc<RefCell<Resumption>>>,
    ) -> impl Future<Output = (Attempt, Result<Opened, XmppError>)> + '_ {
        // Boxed: whoever holds it is most of the time not connecting, and the future of a user is as large as its largest part.
        Box::pin(async move {
            let mut attempt = Attempt::default();
            let (handlers, inbox) = (request.handlers, request.inbox);
            let intake = request.intake.clone();
            let established = self.establish(request, resume, &mut attempt).await;
            let opened = established.map(|established| {
                let setup = Setup {
                    handlers,
                    intake,
                    inbox,
                    sm: established.sm,
                    early: established.early,
                    domain: established.domain,
                };
                Session::open(established.channel, established.connected, setup)
            });
            (attempt, opened)
        })
    }

    /// Connect, and do the steps of the request, each within its time.
    async fn establish(
        &self,
        request: ConnectRequest,
        resume: Option<Rc<RefCell<Resumption>>>,
        attempt: &mut Attempt,
    ) -> Result<Established, XmppError> {
        let started = Instant::now();
        let plan = Plan::of(&request)?;
        let own = self.differing(&request);
        let client = own.as_ref().unwrap_or(self);
        let route = client.config().route.clone();
        let clock = Clock::new(request.step_timeout);
        let deadline = started + request.timeout;
        let mut connecting = Connecting::new(request, plan, route.tls.clone(), &clock, resume);
        let outcome = timeout_at(deadline, connecting.run(client, &route)).await;
        let outcome = outcome.unwrap_or_else(|_| Err(clock.out_of_time()));
        clock.stop();
        attempt.total = started.elapsed();
        if outcome.is_err() {
            connecting.give_up();
        }
        (attempt.steps, attempt.failed) = clock.read();
        (attempt.bytes_sent, attempt.bytes_received) = connecting.take_bytes();
        (attempt.sent, attempt.received) = (connecting.sent, connecting.received);
        attempt.add_early(&connecting.early);
        outcome.and_then(|()| connecting.finish(attempt))
    }

    /// A client for a request whose TLS or local address is not this user's.
    fn differing(&self, request: &ConnectRequest) -> Option<HttpClient> {
        if request.tls.is_none() && request.local_address.is_none() {
            return None;
        }
        let mut config = (*self.config()).clone();
        let mut route = (*config.route).clone();
        if let Some(tls) = &request.tls {
            route.tls = tls.clone();
        }
        route.local_address = request.local_address.or(route.local_address);
        config.route = Rc::new(route);
        Some(HttpClient::new(self.network().clone(), Rc::new(config)))
    }
}

impl Connecting<'_> {
    fn finish(&mut self, attempt: &Attempt) -> Result<Established, XmppError> {
        let closed = || XmppError::Net(NetError::ConnectionClosed);
        let connected = Connected {
            jid: std::mem::take(&mut self.jid),
            mechanism: self.mechanism,
            tls_version: self.tls.map_or("", |tls| tls.version),
            remote: self.remote.ok_or_else(closed)?,
            resumed: self.is_resumed,
            features: std::mem::take(&mut self.features.namespaces),
            steps: attempt.steps.clone(),
            total: attempt.total,
        };
        Ok(Established {
            channel: self.take_channel().ok_or_else(closed)?,
            connected,
            sm: self.sm.take(),
            early: std::mem::take(&mut self.early),
            domain: std::mem::take(&mut self.plan.domain),
        })
    }
}

impl Attempt {
    /// Stanzas that are for later came while connecting all the same.
    fn add_early(&mut self, early: &[Stanza]) {
        for kind in early.iter().filter_map(Stanza::stanza_kind) {
            if let Some(count) = self.received.get_mut(kind.index()) {
                *count += 1;
            }
        }
    }
}

#[cfg(test)]
pub(super) use self::tests::client as test_client;
#[cfg(test)]
mod tests;
