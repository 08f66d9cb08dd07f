//! One HTTP exchange: what goes in ([`Exchange`]), what comes out ([`Answer`] or [`Failure`]).

pub mod client;
pub mod config;
pub mod cookies;
pub mod decode;
pub(crate) mod h1;
pub(crate) mod h2;
pub mod head;
mod journey;
pub mod observation;
pub mod pool;
pub(crate) mod progress;
mod redirect;
pub mod request;
pub mod response;
pub mod url;
pub(crate) mod url_cache;

use std::net::SocketAddr;

pub use ::http::Method;
use bytes::Bytes;
use tokio::time::Instant;

pub use client::HttpClient;
pub use config::{ClientChanges, ClientConfig};
pub use head::Head;
pub use observation::Observation;
pub use request::{BodyMode, Request, RequestOptions, parse_method};
pub use response::Response;
pub use url::{Scheme, Url};

use crate::error::NetError;
use crate::timings::Timings;
use crate::tls::TlsInfo;

/// Most bytes of a body that are kept for the guest. A response is at most copied twice (host, guest), and a guest has
/// 16 MiB of memory by default: more could not be taken over anyway. The rest is read and counted.
pub const BODY_KEPT_BYTES_MAX: usize = 16 << 20;
/// Most bytes of a response's head, trailers included each for themselves: four times what nginx and Apache accept, and
/// what one read of the shared buffer holds.
pub const HEAD_BYTES_MAX: usize = 64 << 10;

/// The version of HTTP that was spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
    /// HTTP/2
    Http2,
}

impl Version {
    /// As in k6's `proto` tag.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2.0",
        }
    }
}

/// Which version of HTTP to speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VersionChoice {
    /// HTTP/2 if the server chooses it by ALPN, else HTTP/1.1. Without TLS, HTTP/1.1.
    #[default]
    Automatic,
    /// HTTP/1.1 only.
    Http1,
    /// HTTP/2 only; without TLS, with prior knowledge (RFC 9113, section 3.3).
    Http2,
}

/// How a request uses connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reuse {
    /// Take an idle connection if there is one, keep it afterwards.
    #[default]
    Keep,
    /// Open a new connection, keep it afterwards.
    Fresh,
    /// Open a new connection and close it afterwards (`connection: close`).
    Close,
}

/// What a request carries. Cloning is cheap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Body {
    /// Nothing.
    #[default]
    None,
    /// These bytes, with a `content-length`.
    Bytes(Bytes),
    /// These bytes, in chunks (RFC 9112, section 7.1; in HTTP/2 as DATA frames without a length).
    Chunked(Bytes),
}

impl Body {
    /// The bytes, however they travel.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::None => &[],
            Self::Bytes(bytes) | Self::Chunked(bytes) => bytes,
        }
    }
}

/// One request for [`Pool::exchange`](pool::Pool::exchange): one hop, no redirects, no cookies. It borrows, so that the
/// layer above assembles headers from several places without copying them.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// Method.
    pub method: &'a Method,
    /// Where to.
    pub url: &'a Url,
    /// Header fields in order: valid names and values are the caller's duty. The transport adds `host` (first), `content-length`
    /// or `transfer-encoding`, `expect`, `connection: close` and `authorization` (of a URL with a user) where they are not given.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// Body.
    pub body: &'a Body,
    /// Version to speak.
    pub version: VersionChoice,
    /// Connection use.
    pub reuse: Reuse,
    /// Wait for `100 Continue`, at most 1 s, before the body.
    pub expect_continue: bool,
    /// Keep the response's body, up to `body_bytes_max`.
    pub keep_body: bool,
    /// Most bytes kept: [`BODY_KEPT_BYTES_MAX`], except in tests.
    pub body_bytes_max: usize,
    /// When the exchange is given up, however far it got.
    pub deadline: Instant,
}

/// A complete response.
#[derive(Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Version spoken.
    pub version: Version,
    /// Header fields, parsed when asked for.
    pub head: Head,
    /// The body as it came over the wire, after undoing chunks, before undoing compression; empty if not kept.
    pub body: Vec<u8>,
    /// Length of the body, kept or not.
    pub body_length: u64,
    /// Whether `body` is the whole body: false if it was not to be kept, or was over the cap.
    pub body_kept: bool,
    /// Whether it was to be kept but was over the cap.
    pub body_overflow: bool,
    /// Where the time went.
    pub timings: Timings,
    /// Bytes written to the socket for this exchange, TLS included.
    pub bytes_sent: u64,
    /// Bytes read from the socket for this exchange, TLS included.
    pub bytes_received: u64,
    /// The address that answered (the proxy's, if there is one).
    pub remote: SocketAddr,
    /// The TLS session; none without TLS.
    pub tls: Option<TlsInfo>,
    /// Whether the connection had been used before.
    pub reused: bool,
}

/// An exchange without a complete response.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Why.
    pub error: NetError,
    /// Where the time went, up to the failure.
    pub timings: Timings,
    /// Bytes written to the socket for this exchange.
    pub bytes_sent: u64,
    /// Bytes read from the socket for this exchange.
    pub bytes_received: u64,
    /// The address that was connected to, if it came that far.
    pub remote: Option<SocketAddr>,
    /// The TLS session, if it came that far.
    pub tls: Option<TlsInfo>,
    /// Whether a TCP connection was made for this exchange.
    pub opened: bool,
}
