//! Requests with a connection of their own, which the pool knows nothing of: what WebSockets and responses without an end share.

use ::http::Method;
use tokio::time::timeout_at;

use super::HttpClient;
use crate::dial::Through;
use crate::dial::tcp::Stream;
use crate::error::NetError;
use crate::http::h1::receive::Start;
use crate::http::h1::upgrade::{Reply, upgrade};
use crate::http::journey::Journey;
use crate::http::progress::Progress;
use crate::http::{Body, Request, RequestOptions, Reuse, VersionChoice};
use crate::rtmp::{FlvAttempt, FlvRequest, RtmpError};

/// What a server answered with 200.
pub(crate) struct Answered {
    pub(crate) stream: Stream,
    pub(crate) reply: Reply,
}

impl HttpClient {
    /// One hop, up to the head of the answer.
    pub(super) async fn ask_alone(
        &self,
        journey: &Journey,
        more_fields: &[(&str, &[u8])],
        progress: &Progress,
    ) -> Result<(Stream, Reply), NetError> {
        let route = self.pool.route();
        let tunnel = Through::Tunnel;
        let mut stream = self
            .network
            .dial(&route, &journey.url, VersionChoice::Http1, tunnel, progress)
            .await?
            .stream;
        // Before the answer, because what is stamped may come right behind it. A refusal cost one system call too many.
        stream.wire().stamp_arrivals();
        let cookie = self.cookie_header(journey);
        let mut fields = journey.fields(cookie.as_deref());
        fields.extend_from_slice(more_fields);
        let reply = upgrade(&mut stream, &journey.exchange(&fields), progress).await?;
        Ok((stream, reply))
    }

    /// Ask for what comes as a body without an end, hop after hop up to the head of a 200: over HTTP/1.1, as media servers speak it.
    ///
    /// # Errors
    /// `Net`; `HttpStatus`, if the answer is neither 200 nor a redirect that may be followed.
    pub(crate) async fn ask_for_flow(
        &self,
        request: FlvRequest,
        attempt: &mut FlvAttempt,
    ) -> Result<Answered, RtmpError> {
        let get = Request {
            method: Method::GET,
            url: request.url,
            headers: request.headers,
            body: Body::None,
            options: RequestOptions {
                timeout: Some(request.options.timeout),
                version: Some(VersionChoice::Http1),
                reuse: Some(Reuse::Close),
                ..RequestOptions::default()
            },
        };
        let mut journey = Journey::start(get, self.config.borrow().clone())?;
        loop {
            let progress = Progress::start();
            let hop = self.ask_alone(&journey, &[], &progress);
            let answered = timeout_at(journey.deadline(), hop).await;
            let answered = answered.unwrap_or(Err(NetError::Timeout));
            attempt.add(&progress);
            let (stream, reply) = match answered {
                Ok(answered) => answered,
                // It was a server that led to what cannot be asked for.
                Err(NetError::InvalidRequest(why)) if attempt.status.is_some() => {
                    let text = format!("redirected to {}: {why}", journey.url);
                    return Err(NetError::Other(text).into());
                }
                Err(error) => return Err(error.into()),
            };
            let start = &reply.start;
            attempt.status = Some(start.status);
            self.take_cookies(&journey.url, &start.head);
            if start.status == 200 {
                return Ok(Answered { stream, reply });
            }
            if !follow(start, &mut journey, <[u8]>::to_vec)? {
                return Err(RtmpError::HttpStatus(start.status));
            }
        }
    }
}

/// Go where an answer leads. Redirects are left with their body unread. Returns whether it leads anywhere.
pub(super) fn follow(
    start: &Start,
    journey: &mut Journey,
    location: impl FnOnce(&[u8]) -> Vec<u8>,
) -> Result<bool, NetError> {
    match journey.hop_to(start.status, || start.head.get("location").map(location)) {
        None => Ok(false),
        Some(_) if journey.may_not_follow() => Err(NetError::TooManyRedirects),
        Some(next) => {
            journey.follow(next);
            Ok(true)
        }
    }
}
