//! Connecting a WebSocket as this user: with its cookies, proxy, TLS and settings, but on a connection of its own.

use std::time::Duration;

use ::http::Method;
use tokio::time::{Instant, timeout_at};

use super::HttpClient;
use super::alone::follow;
use crate::error::NetError;
use crate::http::h1::upgrade::Reply;
use crate::http::journey::Journey;
use crate::http::progress::Progress;
use crate::http::{Body, Request, RequestOptions, Reuse, VersionChoice};
use crate::timings::Timings;
use crate::websocket::handshake::{self, Offer, Upgraded};
use crate::websocket::{
    Attempt, ConnectError, ConnectOptions, ConnectRequest, Opened, Refusal, Socket,
};

impl HttpClient {
    /// Connect a WebSocket (RFC 6455, section 4.1): redirects, cookies, proxy, TLS, settings and deadline as [`HttpClient::send`]
    /// has them, but always on a new HTTP/1.1 connection, which the pool knows nothing of. Time runs from the call.
    ///
    /// Beside the result comes what is known of the attempt, whatever came of it. Dropping the future gives up.
    ///
    /// # Errors
    /// [`ConnectError`]; `InvalidRequest` before anything was attempted.
    pub fn connect_websocket(
        &self,
        request: ConnectRequest,
    ) -> impl Future<Output = (Attempt, Result<Opened, ConnectError>)> + '_ {
        let started = Instant::now();
        // Boxed: whoever holds it is most of the time not connecting, and the future of a user is as large as its largest part.
        Box::pin(async move {
            let mut attempt = Attempt::none();
            let connected = self.connect(request, &mut attempt).await;
            attempt.total = started.elapsed();
            let opened = connected.map(|(mut upgraded, options)| {
                (upgraded.timings, upgraded.total) = (attempt.timings, attempt.total);
                Socket::open(upgraded, &options)
            });
            (attempt, opened)
        })
    }

    /// Hop after hop up to the upgrade, whose times are still to be filled in.
    async fn connect(
        &self,
        request: ConnectRequest,
        attempt: &mut Attempt,
    ) -> Result<(Upgraded, ConnectOptions), ConnectError> {
        handshake::check_fields(&request.headers)?;
        let offer = Offer::new(request.subprotocols)?;
        let options = request.options;
        let get = Request {
            method: Method::GET,
            url: handshake::http_url(&request.url),
            headers: request.headers,
            body: Body::None,
            options: RequestOptions {
                timeout: options.timeout,
                max_redirects: options.max_redirects,
                version: Some(VersionChoice::Http1),
                // Never `connection: close`, also where connections are not used again.
                reuse: Some(Reuse::Fresh),
                ..RequestOptions::default()
            },
        };
        let mut journey = Journey::start(get, self.config.borrow().clone())?;
        loop {
            let progress = Progress::start();
            let hop = self.upgrade(&journey, &offer, &progress);
            let answered = timeout_at(journey.deadline(), hop).await;
            let hop = answered.unwrap_or(Err(NetError::Timeout));
            let outcome = match hop {
                Ok(hop) => {
                    attempt.status = Some(hop.reply.start.status);
                    self.next(hop, &mut journey, &offer, &progress).await
                }
                // It was a server that led to what cannot be asked for.
                Err(NetError::InvalidRequest(why)) if attempt.status.is_some() => {
                    Err(NetError::Other(format!("redirected to {}: {why}", journey.url)).into())
                }
                Err(error) => Err(error.into()),
            };
            attempt.add(&progress);
            if let Some(upgraded) = outcome? {
                return Ok((upgraded, options));
            }
        }
    }

    /// What follows from an answer: a connection, the end, or, if nothing, one more hop. Redirects are left with their body unread.
    async fn next(
        &self,
        hop: Hop,
        journey: &mut Journey,
        offer: &Offer,
        progress: &Progress,
    ) -> Result<Option<Upgraded>, ConnectError> {
        let start = &hop.reply.start;
        self.take_cookies(&journey.url, &start.head);
        if start.status == 101 {
            return hop.finish(journey, offer).map(Some);
        }
        if follow(start, journey, handshake::http_location)? {
            return Ok(None);
        }
        Err(hop.refusal(journey.deadline(), progress).await)
    }

    /// One hop, up to the head of the answer.
    async fn upgrade(
        &self,
        journey: &Journey,
        offer: &Offer,
        progress: &Progress,
    ) -> Result<Hop, NetError> {
        let key = handshake::new_key();
        let mut fields = Vec::new();
        offer.add_fields(&key, &mut fields);
        let (stream, reply) = self.ask_alone(journey, &fields, progress).await?;
        Ok(Hop { stream, key, reply })
    }
}

/// A hop that was answered.
struct Hop {
    stream: crate::dial::tcp::Stream,
    /// The `sec-websocket-key` that was sent.
    key: String,
    reply: Reply,
}

impl Hop {
    /// The answer was 101: check it.
    fn finish(self, journey: &Journey, offer: &Offer) -> Result<Upgraded, ConnectError> {
        let start = &self.reply.start;
        let subprotocol = offer
            .accepted(start.version, &start.head, &self.key)
            .map_err(ConnectError::Handshake)?;
        Ok(Upgraded {
            rest: self.reply.rest,
            subprotocol,
            headers: start.head.to_vec(),
            url: handshake::websocket_url(&journey.url),
            remote: self.stream.wire().remote(),
            timings: Timings::default(),
            total: Duration::ZERO,
            stream: self.stream,
        })
    }

    /// The answer was no: read why.
    async fn refusal(mut self, deadline: Instant, progress: &Progress) -> ConnectError {
        let start = &self.reply.start;
        let (status, headers) = (start.status, start.head.to_vec());
        let body = self.reply.body(&mut self.stream, deadline, progress).await;
        ConnectError::Refused(Box::new(Refusal {
            status,
            headers,
            body,
        }))
    }
}

impl Attempt {
    /// Nothing done yet.
    pub(crate) fn none() -> Self {
        Self {
            timings: Timings::default(),
            total: Duration::ZERO,
            status: None,
            bytes_sent: 0,
            bytes_received: 0,
        }
    }

    /// One more hop.
    pub(super) fn add(&mut self, progress: &Progress) {
        self.timings += progress.clock.read();
        let (sent, received) = progress.bytes();
        self.bytes_sent += sent;
        self.bytes_received += received;
    }
}

#[cfg(test)]
mod tests;
