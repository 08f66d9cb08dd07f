//! The opening handshake (RFC 6455, section 4.1): an HTTP exchange that ends in a connection which is no longer HTTP.

use std::net::SocketAddr;
use std::time::Duration;

use crate::dial::tcp::Stream;
use crate::timings::Timings;

/// A connection that was just upgraded, with all that is known of how it came about: what a socket is made from.
#[derive(Debug)]
pub(crate) struct Upgraded {
    /// The connection. Its wire stamps what arrives.
    pub(crate) stream: Stream,
    /// Bytes that came behind the head of the answer: the first frames may share its segment.
    pub(crate) rest: Vec<u8>,
    /// The subprotocol that the server chose; empty if none.
    pub(crate) subprotocol: String,
    /// Header fields of the answer, names in lower case.
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    /// The URL after redirects, `ws` or `wss`.
    pub(crate) url: String,
    /// The address that answered (the proxy's, if there is one).
    pub(crate) remote: SocketAddr,
    /// Where the time went, over all redirects.
    pub(crate) timings: Timings,
    /// From the call to the open connection.
    pub(crate) total: Duration,
}
