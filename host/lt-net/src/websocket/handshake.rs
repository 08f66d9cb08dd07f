//! The opening handshake (RFC 6455, section 4.1) as rules without I/O: what the request says beside what every request says,
//! and whether the answer is an upgrade. Who sends it is `HttpClient::connect_websocket`.

use std::net::SocketAddr;
use std::time::Duration;

use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::dial::tcp::Stream;
use crate::error::NetError;
use crate::http::request::is_token;
use crate::http::{Head, Url, Version, url_cache};
use crate::timings::Timings;
use crate::websocket::ConnectRequest;

/// Fields that are ours: those of the handshake, and those that would announce a body where the frames begin.
const RESERVED_FIELDS: [&str; 8] = [
    "connection",
    "content-length",
    "sec-websocket-extensions",
    "sec-websocket-key",
    "sec-websocket-protocol",
    "sec-websocket-version",
    "transfer-encoding",
    "upgrade",
];

/// Most bytes of a server's field that an error repeats.
const SHOWN_BYTES_MAX: usize = 100;

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

/// The subprotocols that a client offers.
#[derive(Debug)]
pub(crate) struct Offer {
    subprotocols: Vec<String>,
    /// Value of the field; empty offers none.
    list: String,
}

impl Offer {
    /// Offer these, the most wanted first.
    ///
    /// # Errors
    /// `invalid-request`: one is no token, or is there twice (RFC 6455, section 4.1, item 10 of the request).
    pub(crate) fn new(subprotocols: Vec<String>) -> Result<Self, NetError> {
        for (index, subprotocol) in subprotocols.iter().enumerate() {
            let wrong = if !is_token(subprotocol) {
                "is not a token"
            } else if subprotocols
                .iter()
                .take(index)
                .any(|other| other == subprotocol)
            {
                "is there twice"
            } else {
                continue;
            };
            let why = format!("subprotocols: {subprotocol:?} {wrong}");
            return Err(NetError::InvalidRequest(why));
        }
        Ok(Self {
            list: subprotocols.join(", "),
            subprotocols,
        })
    }

    /// The fields of the handshake, behind those of every request. `key` is of this attempt alone: [`new_key`].
    pub(crate) fn add_fields<'a>(&'a self, key: &'a str, fields: &mut Vec<(&'a str, &'a [u8])>) {
        fields.extend([
            ("upgrade", &b"websocket"[..]),
            ("connection", b"Upgrade"),
            ("sec-websocket-version", b"13"),
            ("sec-websocket-key", key.as_bytes()),
        ]);
        if !self.list.is_empty() {
            fields.push(("sec-websocket-protocol", self.list.as_bytes()));
        }
    }

    /// Check an answer of status 101 to a request with this key. Returns the subprotocol that the server chose; empty if none.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub(crate) fn accepted(
        &self,
        version: Version,
        head: &Head,
        key: &str,
    ) -> Result<String, String> {
        if version != Version::Http11 {
            return Err(format!("the answer is {}", version.as_str()));
        }
        let upgrade = only(head, "upgrade")?.ok_or("no `upgrade` field")?;
        if !upgrade.eq_ignore_ascii_case(b"websocket") {
            return Err(format!("the server upgrades to {}", shown(upgrade)));
        }
        let mut options = head
            .get_all("connection")
            .flat_map(|value| value.split(|&byte| byte == b','));
        if !options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"upgrade")) {
            return Err("no `upgrade` in `connection`".to_owned());
        }
        let accept =
            only(head, "sec-websocket-accept")?.ok_or("no `sec-websocket-accept` field")?;
        if accept != derive_accept_key(key.as_bytes()).as_bytes() {
            return Err(format!(
                "`sec-websocket-accept` {} does not answer our key",
                shown(accept)
            ));
        }
        let mut extensions = head.get_all("sec-websocket-extensions");
        if let Some(extension) = extensions.find(|value| !value.is_empty()) {
            return Err(format!(
                "the server uses extensions that were not offered: {}",
                shown(extension)
            ));
        }
        let Some(chosen) = only(head, "sec-websocket-protocol")? else {
            return Ok(String::new());
        };
        let mut offered = self.subprotocols.iter();
        let known = offered.find(|offered| offered.as_bytes() == chosen);
        known.cloned().ok_or_else(|| {
            format!(
                "the server chose the subprotocol {}, which was not offered",
                shown(chosen)
            )
        })
    }
}

impl ConnectRequest {
    /// The URL as it may stand in results: without user, password and fragment. Empty if it makes no sense.
    #[must_use]
    pub fn public_url(&self) -> String {
        url_cache::parse(&http_url(&self.url))
            .map(|url| websocket_url(&url))
            .unwrap_or_default()
    }
}

/// Check the fields that the guest gave: some are ours alone. The rest is checked as for every request.
///
/// # Errors
/// `invalid-request`, naming the field.
pub(crate) fn check_fields(headers: &[(String, Vec<u8>)]) -> Result<(), NetError> {
    let reserved = |name: &str| {
        let mut all = RESERVED_FIELDS.iter();
        all.any(|reserved| name.eq_ignore_ascii_case(reserved))
    };
    match headers.iter().find(|(name, _)| reserved(name)) {
        None => Ok(()),
        Some((name, _)) => Err(NetError::InvalidRequest(format!(
            "header {name:?} belongs to the handshake"
        ))),
    }
}

/// A nonce for one handshake: 16 random bytes in base64.
pub(crate) fn new_key() -> String {
    generate_key()
}

/// The URL under which HTTP reaches a `ws` or `wss` URL: both have the same default ports, and an upgrade begins as HTTP.
/// Anything else is left as it is.
pub(crate) fn http_url(url: &str) -> String {
    match http_scheme(url.as_bytes()) {
        Some((scheme, from)) => [scheme, url.get(from..).unwrap_or_default()].concat(),
        None => url.to_owned(),
    }
}

/// The same for the value of `location`, which may have any bytes.
pub(crate) fn http_location(location: &[u8]) -> Vec<u8> {
    match http_scheme(location) {
        Some((scheme, from)) => {
            [scheme.as_bytes(), location.get(from..).unwrap_or_default()].concat()
        }
        None => location.to_vec(),
    }
}

/// What stands for the scheme of a WebSocket URL, and where the rest begins.
fn http_scheme(url: &[u8]) -> Option<(&'static str, usize)> {
    let blank = url.len() - url.trim_ascii_start().len();
    [("ws:", "http:"), ("wss:", "https:")]
        .into_iter()
        .find_map(|(from, to)| {
            let end = blank + from.len();
            let scheme = url.get(blank..end)?;
            scheme
                .eq_ignore_ascii_case(from.as_bytes())
                .then_some((to, end))
        })
}

/// The URL as WebSocket clients write it.
pub(crate) fn websocket_url(url: &Url) -> String {
    let url = url.as_str();
    match url.strip_prefix("http") {
        Some(rest) => format!("ws{rest}"),
        None => url.to_owned(),
    }
}

/// The value of a field that may be there once at most.
fn only<'a>(head: &'a Head, name: &str) -> Result<Option<&'a [u8]>, String> {
    let mut values = head.get_all(name);
    let first = values.next();
    if values.next().is_some() {
        return Err(format!("several `{name}` fields"));
    }
    Ok(first)
}

/// A server's text as an error shows it: bounded and printable.
fn shown(value: &[u8]) -> String {
    let (value, dots) = match value.get(..SHOWN_BYTES_MAX) {
        Some(beginning) if beginning.len() < value.len() => (beginning, "…"),
        _ => (value, ""),
    };
    format!("`{}{dots}`", value.escape_ascii())
}

#[cfg(test)]
#[path = "handshake_tests.rs"]
mod tests;
