//! What was answered.

use super::{Error, Result};
use crate::bindings::lt::scenario::http as host;
use crate::timing::Duration;

/// The version of HTTP that was spoken.
///
/// ```no_run
/// # fn main() -> lt_sdk::Result<()> {
/// use lt_sdk::http::{self, Version};
///
/// let response = http::get("https://127.0.0.1:8443/").send()?;
/// lt_sdk::check!("speaks HTTP/2", response.version() == Version::Http2);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
    /// HTTP/2
    Http2,
}

/// Phases of the last exchange, as in k6. A phase that did not happen, such as connecting on a reused connection, is zero.
///
/// ```no_run
/// # fn main() -> lt_sdk::Result<()> {
/// let timings = lt_sdk::http::get("http://127.0.0.1:8080/").send()?.timings();
/// lt_sdk::check!("first byte within 100 ms", timings.waiting.as_millis() < 100);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// Waiting for a free connection or a place on one, before anything was done.
    pub blocked: Duration,
    /// Resolving the name.
    pub resolving: Duration,
    /// TCP handshake, and the proxy's CONNECT if any.
    pub connecting: Duration,
    /// TLS handshake.
    pub tls_handshaking: Duration,
    /// Writing the request.
    pub sending: Duration,
    /// From the request's last byte to the response's first.
    pub waiting: Duration,
    /// From the response's first byte to its last.
    pub receiving: Duration,
    /// Sending, waiting and receiving together.
    pub duration: Duration,
}

/// A response. Its body stays in the host until it is asked for, or until the response is dropped; memory of a user never
/// shrinks again, so ask only for bodies that you look into.
///
/// ```no_run
/// # fn main() -> lt_sdk::Result<()> {
/// let response = lt_sdk::http::get("http://127.0.0.1:8080/items").send()?;
/// if response.is_success() {
///     let page = response.text()?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Response(host::Response);

impl Response {
    pub(super) fn from_host(response: host::Response) -> Self {
        Self(response)
    }

    /// Status code.
    ///
    /// ```no_run
    /// # fn look(response: &lt_sdk::http::Response) {
    /// lt_sdk::check!("is there", response.status() == 200);
    /// # }
    /// ```
    #[must_use]
    pub fn status(&self) -> u16 {
        self.0.status()
    }

    /// Whether the status is 200 to 299.
    ///
    /// ```no_run
    /// # fn look(response: &lt_sdk::http::Response) {
    /// lt_sdk::check!("worked", response.is_success());
    /// # }
    /// ```
    #[must_use]
    pub fn is_success(&self) -> bool {
        matches!(self.status(), 200..=299)
    }

    /// The response itself, unless its status is 400 or more.
    ///
    /// # Errors
    /// [`Error::Status`] if it is.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// let page = lt_sdk::http::get("http://127.0.0.1:8080/").send()?.error_for_status()?.text()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn error_for_status(self) -> Result<Self> {
        match self.status() {
            status @ 400.. => Err(Error::Status {
                status,
                url: self.url(),
            }),
            _ => Ok(self),
        }
    }

    /// Version spoken.
    ///
    /// ```no_run
    /// # fn look(response: &lt_sdk::http::Response) {
    /// let modern = response.version() == lt_sdk::http::Version::Http2;
    /// # }
    /// ```
    #[must_use]
    pub fn version(&self) -> Version {
        match self.0.version() {
            host::Version::Http10 => Version::Http10,
            host::Version::Http11 => Version::Http11,
            host::Version::Http2 => Version::Http2,
        }
    }

    /// URL of the last request: differs from the first after redirects.
    ///
    /// ```no_run
    /// # fn look(response: &lt_sdk::http::Response) {
    /// lt_sdk::check!("landed on the account page", response.url().ends_with("/account"));
    /// # }
    /// ```
    #[must_use]
    pub fn url(&self) -> String {
        self.0.url()
    }

    /// How many redirects were followed.
    ///
    /// ```no_run
    /// # fn look(response: &lt_sdk::http::Response) {
    /// lt_sdk::check!("was not sent away", response.redirects() == 0);
    /// # }
    /// ```
    #[must_use]
    pub fn redirects(&self) -> u32 {
        self.0.redirects()
    }

    /// The first header field of this name, in any case; bytes that are no UTF-8 are replaced.
    ///
    /// ```no_run
    /// # fn look(response: &lt_sdk::http::Response) {
    /// let json = response.header("content-type").is_some_and(|value| value.starts_with("application/json"));
    /// # }
    /// ```
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        self.0.header(name).map(lossy)
    }

    /// All header fields in order, names in lower case.
    ///
    /// ```no_run
    /// # fn look(response: &lt_sdk::http::Response) {
    /// for (name, value) in response.headers() {
    ///     lt_sdk::log::debug!("{name}: {value}");
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn headers(&self) -> Vec<(String, String)> {
        self.0
            .headers()
            .into_iter()
            .map(|(name, value)| (name, lossy(value)))
            .collect()
    }

    /// Bytes of the body as they came over the wire, without asking for it: after undoing chunks, before undoing compression.
    ///
    /// ```no_run
    /// # fn look(response: &lt_sdk::http::Response) {
    /// lt_sdk::check!("is not empty", response.body_length() > 0);
    /// # }
    /// ```
    #[must_use]
    pub fn body_length(&self) -> u64 {
        self.0.body_length()
    }

    /// The body. Each call copies it from the host.
    ///
    /// # Errors
    /// If it was discarded, was over the host's cap, or cannot be decompressed.
    ///
    /// ```no_run
    /// # fn look(response: &lt_sdk::http::Response) -> lt_sdk::Result<()> {
    /// let png = response.bytes()?.starts_with(b"\x89PNG");
    /// # Ok(())
    /// # }
    /// ```
    pub fn bytes(&self) -> Result<Vec<u8>> {
        Ok(self.0.body()?)
    }

    /// The body as text; bytes that are no UTF-8 are replaced. Each call copies it from the host.
    ///
    /// # Errors
    /// Those of [`bytes`](Self::bytes).
    ///
    /// ```no_run
    /// # fn look(response: &lt_sdk::http::Response) -> lt_sdk::Result<()> {
    /// lt_sdk::check!("greets", response.text()?.contains("Hello"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn text(&self) -> Result<String> {
        Ok(lossy(self.bytes()?))
    }

    /// Phases of the last exchange.
    ///
    /// ```no_run
    /// # fn look(response: &lt_sdk::http::Response) {
    /// let reused = response.timings().connecting.is_zero();
    /// # }
    /// ```
    #[must_use]
    pub fn timings(&self) -> Timings {
        let timings = self.0.timings();
        Timings {
            blocked: Duration::from_nanos(timings.blocked),
            resolving: Duration::from_nanos(timings.resolving),
            connecting: Duration::from_nanos(timings.connecting),
            tls_handshaking: Duration::from_nanos(timings.tls_handshaking),
            sending: Duration::from_nanos(timings.sending),
            waiting: Duration::from_nanos(timings.waiting),
            receiving: Duration::from_nanos(timings.receiving),
            duration: Duration::from_nanos(timings.duration),
        }
    }

    /// The address and port that answered.
    ///
    /// ```no_run
    /// # fn look(response: &lt_sdk::http::Response) {
    /// lt_sdk::log::info!("answered by {:?}", response.remote_address());
    /// # }
    /// ```
    #[must_use]
    pub fn remote_address(&self) -> Option<String> {
        self.0.remote_address()
    }
}

/// Text of bytes; those that are UTF-8, nearly all, are not copied.
fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_keeps_what_is_utf8_and_replaces_the_rest() {
        assert_eq!(lossy("grüß".into()), "grüß");
        assert_eq!(lossy(vec![b'a', 0xff, b'b']), "a\u{fffd}b");
    }
}
