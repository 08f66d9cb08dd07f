//! What is measured of a request, hop by hop.

use std::net::SocketAddr;

use ::http::Method;

use super::journey::Journey;
use super::request::RequestOptions;
use super::{Answer, Failure, Url, Version};
use crate::error::NetError;
use crate::timings::Timings;
use crate::tls::TlsInfo;

/// What happened on one hop of a request: handed to the observer as it happens, so that redirects are measured one by one.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// Method of this hop.
    pub method: &'a Method,
    /// URL of this hop, without user, password and fragment.
    pub url: &'a Url,
    /// The request's choices: `name` and `tags` for its samples.
    pub options: &'a RequestOptions,
    /// How many redirects came before.
    pub redirects: u32,
    /// The status; none without a complete response.
    pub status: Option<u16>,
    /// What went wrong. Beside a status: one redirect too many, or a body over the cap for kept bodies.
    pub error: Option<&'a NetError>,
    /// Whether there was a response, its status is one that the request counts on, and it is not one redirect too many.
    pub expected: bool,
    /// The version spoken; none without a response.
    pub version: Option<Version>,
    /// Where the time went.
    pub timings: Timings,
    /// Bytes written to the socket for this hop.
    pub bytes_sent: u64,
    /// Bytes read from the socket for this hop.
    pub bytes_received: u64,
    /// The address that was connected to, if it came that far.
    pub remote: Option<SocketAddr>,
    /// The TLS session; none without TLS.
    pub tls: Option<TlsInfo>,
    /// Whether no new connection was opened: the one used had been used before, or there was none.
    pub reused: bool,
}

impl<'a> Observation<'a> {
    /// Value of the `name` tag: as the request says, else the URL.
    #[must_use]
    pub fn name(&self) -> &str {
        self.options
            .name
            .as_deref()
            .unwrap_or_else(|| self.url.as_str())
    }

    /// A hop that brought a response.
    pub(super) fn answered(
        journey: &'a Journey,
        answer: &Answer,
        error: Option<&'a NetError>,
    ) -> Self {
        Self {
            method: &journey.method,
            url: &journey.url,
            options: &journey.options,
            redirects: journey.redirects,
            status: Some(answer.status),
            error,
            expected: journey.options.expects(answer.status)
                && !matches!(error, Some(NetError::TooManyRedirects)),
            version: Some(answer.version),
            timings: answer.timings,
            bytes_sent: answer.bytes_sent,
            bytes_received: answer.bytes_received,
            remote: Some(answer.remote),
            tls: answer.tls,
            reused: answer.reused,
        }
    }

    /// A hop that brought none.
    pub(super) fn failed(journey: &'a Journey, failure: &'a Failure) -> Self {
        Self {
            method: &journey.method,
            url: &journey.url,
            options: &journey.options,
            redirects: journey.redirects,
            status: None,
            error: Some(&failure.error),
            expected: false,
            version: None,
            timings: failure.timings,
            bytes_sent: failure.bytes_sent,
            bytes_received: failure.bytes_received,
            remote: failure.remote,
            tls: failure.tls,
            reused: !failure.opened,
        }
    }
}
