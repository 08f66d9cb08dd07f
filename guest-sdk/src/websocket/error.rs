//! Why a call failed.

use std::fmt;

use super::Close;
use crate::bindings::lt::scenario::websocket as host;
use crate::ending::failures;
use crate::http;
use crate::text::write_explained;

/// An answer that is not an upgrade.
///
/// ```no_run
/// # fn look(refusal: &lt_sdk::websocket::Refusal) {
/// lt_sdk::log::warn!("status {}: {}", refusal.status, refusal.text());
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// Status code.
    pub status: u16,
    /// Header fields in order, names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body: at most 64 KiB of it, and what came within a second.
    pub body: Vec<u8>,
}

impl Refusal {
    /// The first header field of this name, in any case; bytes that are no UTF-8 are replaced.
    ///
    /// ```no_run
    /// # fn look(refusal: &lt_sdk::websocket::Refusal) {
    /// let seconds = refusal.header("retry-after");
    /// # }
    /// ```
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        field(&self.headers, name)
    }

    /// The body as text; bytes that are no UTF-8 are replaced.
    ///
    /// ```no_run
    /// # fn look(refusal: &lt_sdk::websocket::Refusal) {
    /// lt_sdk::check!("says why", refusal.text().contains("log in first"));
    /// # }
    /// ```
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// What the server says of it in a few words: the start of its body, or else how it wants users to identify themselves.
    fn write_why(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = String::from_utf8_lossy(self.body.get(..WHY_BYTES_MAX).unwrap_or(&self.body));
        let wanted = || field(&self.headers, "www-authenticate").unwrap_or_default();
        match first_line(&body) {
            Some(line) => write!(f, ": {line}"),
            None => match first_line(&wanted()) {
                Some(line) => write!(f, ": www-authenticate: {line}"),
                None => Ok(()),
            },
        }
    }
}

/// Most characters of a server's explanation that are part of an error's text.
const WHY_CHARS_MAX: usize = 100;
/// Most bytes of a body that are looked at for them.
const WHY_BYTES_MAX: usize = 1024;

/// The first line that is not empty, without control characters and cut to a length for people.
fn first_line(text: &str) -> Option<String> {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    let line: String = line
        .chars()
        .filter(|char| !char.is_control())
        .take(WHY_CHARS_MAX)
        .collect();
    (!line.is_empty()).then_some(line)
}

/// The first header field of this name, in any case.
pub(super) fn field(headers: &[(String, Vec<u8>)], name: &str) -> Option<String> {
    let found = headers
        .iter()
        .find(|(other, _)| other.eq_ignore_ascii_case(name));
    found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
}

/// Why a call failed. The user goes on, whatever it is.
///
/// ```no_run
/// use lt_sdk::timing::Duration;
/// use lt_sdk::websocket::Error;
///
/// # fn iterate(socket: &lt_sdk::websocket::WebSocket) -> lt_sdk::Result<()> {
/// match socket.receive(Duration::from_secs(5)) {
///     Ok(message) => lt_sdk::log::info!("{:?}", message.text()),
///     Err(Error::Timeout) => lt_sdk::log::info!("silence"),
///     Err(Error::Closed(close)) => lt_sdk::log::info!("ended {close}"),
///     Err(error) => return Err(error.into()),
/// }
/// # Ok(())
/// # }
/// ```
#[non_exhaustive]
pub enum Error {
    /// Something in the call makes no sense. The text names the field. Nothing was attempted.
    InvalidRequest(String),
    /// The server could not be reached, or did not answer in HTTP.
    Http(http::Error),
    /// The server answered, but did not upgrade.
    Refused(Refusal),
    /// The server said that it upgrades, but not as RFC 6455, section 4.1 wants it. The text says what was wrong.
    Handshake(String),
    /// The connection has ended.
    Closed(Close),
    /// The time given for the call is over.
    Timeout,
    /// This user is asked to end ([`user::should_stop`](crate::user::should_stop)): nobody waits any more. Passed on with `?` it
    /// ends the user, and is no failure.
    Stopping,
    /// The message is larger than the bytes that may be sent at once.
    TooLarge(u64),
    /// The user has as many sockets, watches or heartbeats as it may. The text says which.
    TooMany(String),
    /// The message is no JSON, or not of this form; or a value cannot be written as JSON. With the reason.
    Json(String),
    /// Anything else, as text for people.
    Other(String),
}

impl Error {
    /// Whether the time given is over, for a call or for connecting.
    ///
    /// ```
    /// assert!(lt_sdk::websocket::Error::Timeout.is_timeout());
    /// ```
    #[must_use]
    pub const fn is_timeout(&self) -> bool {
        match self {
            Self::Timeout => true,
            Self::Http(error) => error.is_timeout(),
            _ => false,
        }
    }

    /// Whether the connection has ended.
    ///
    /// ```no_run
    /// # fn iterate(socket: &lt_sdk::websocket::WebSocket) -> lt_sdk::Result<()> {
    /// match socket.send_text("hello") {
    ///     Err(error) if error.is_closed() => lt_sdk::log::info!("come back later"),
    ///     sent => sent?,
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self, Self::Closed(_))
    }

    /// What the server answered instead of upgrading, if it did.
    ///
    /// ```no_run
    /// # fn iterate() -> lt_sdk::Result<()> {
    /// match lt_sdk::websocket::connect("ws://127.0.0.1:8080/room/7") {
    ///     Err(error) if error.refusal().is_some_and(|refusal| refusal.status == 403) => lt_sdk::log::info!("log in first"),
    ///     connected => drop(connected?),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// The text, and what it carries: texts and not formats, since this stands in the path of every scenario that connects.
    fn explain(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::InvalidRequest(detail) => ("invalid request", Some(detail)),
            Self::Http(_) => ("cannot connect", None),
            Self::Refused(_) => ("the server did not upgrade", None),
            Self::Handshake(detail) => ("the upgrade is not as it should be", Some(detail)),
            Self::Closed(_) => ("the connection has ended", None),
            Self::Timeout => ("the time is over", None),
            Self::Stopping => ("this user is asked to end", None),
            Self::TooLarge(_) => ("larger than the bytes that are allowed", None),
            Self::TooMany(detail) => ("the user has as many as it may", Some(detail)),
            Self::Json(reason) => ("JSON", Some(reason)),
            Self::Other(detail) => ("WebSocket failed", Some(detail)),
        }
    }
}

impl From<host::ErrorCode> for Error {
    fn from(code: host::ErrorCode) -> Self {
        match code {
            host::ErrorCode::InvalidRequest(text) => Self::InvalidRequest(text),
            host::ErrorCode::Http(code) => Self::Http(code.into()),
            host::ErrorCode::Refused(refusal) => Self::Refused(Refusal {
                status: refusal.status,
                headers: refusal.headers,
                body: refusal.body,
            }),
            host::ErrorCode::Handshake(text) => Self::Handshake(text),
            host::ErrorCode::Closed(close) => Self::Closed(Close::from_host(close)),
            host::ErrorCode::Timeout => Self::Timeout,
            host::ErrorCode::Stopping => Self::Stopping,
            host::ErrorCode::TooLarge(bytes) => Self::TooLarge(bytes),
            host::ErrorCode::TooMany(text) => Self::TooMany(text),
            host::ErrorCode::Other(text) => Self::Other(text),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, detail) = self.explain();
        write_explained(f, text, detail)?;
        match self {
            Self::Http(error) => write!(f, ": {error}"),
            Self::Refused(refusal) => {
                write!(f, ": status {}", refusal.status)?;
                refusal.write_why(f)
            }
            Self::Closed(close) => write!(f, ": {close}"),
            Self::TooLarge(bytes) => write!(f, " ({bytes})"),
            _ => Ok(()),
        }
    }
}

failures!("websocket");

#[cfg(test)]
mod tests {
    use super::super::Ending;
    use super::*;

    #[test]
    fn texts_name_the_cause_and_what_it_carries() {
        let text = |code: host::ErrorCode| Error::from(code).to_string();
        let close = |reason: &str| host::Close {
            code: 1001,
            reason: reason.to_owned(),
            ending: host::Ending::ByPeer,
        };
        assert_eq!(
            text(host::ErrorCode::Closed(close("bye"))),
            "the connection has ended: by-peer, code 1001: bye"
        );
        assert_eq!(
            text(host::ErrorCode::Closed(close(""))),
            "the connection has ended: by-peer, code 1001"
        );
        assert_eq!(
            text(host::ErrorCode::Http(http::ErrorCode::ConnectionRefused)),
            "cannot connect: connection refused"
        );
        assert_eq!(
            text(host::ErrorCode::Refused(host::Refusal {
                status: 403,
                headers: Vec::new(),
                body: Vec::new(),
            })),
            "the server did not upgrade: status 403"
        );
        assert_eq!(
            text(host::ErrorCode::TooLarge(9)),
            "larger than the bytes that are allowed (9)"
        );
    }

    #[test]
    fn refusals_say_why_in_one_short_line() {
        let text = |headers: &[(&str, &str)], body: &[u8]| {
            let headers = headers.iter();
            let headers =
                headers.map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
            Error::Refused(Refusal {
                status: 401,
                headers: headers.collect(),
                body: body.to_vec(),
            })
            .to_string()
        };
        let challenge = [("www-authenticate", "Bearer realm=\"chat\"")];
        let start = "the server did not upgrade: status 401";
        assert_eq!(text(&[], b"  \r\n\n"), start);
        assert_eq!(
            text(&challenge, b"\r\nlog\x1b[31m in first\r\nsecond"),
            format!("{start}: log[31m in first")
        );
        assert_eq!(
            text(&challenge, b""),
            format!("{start}: www-authenticate: Bearer realm=\"chat\"")
        );
        let long = "ä".repeat(70_000);
        assert_eq!(
            text(&[], long.as_bytes()),
            format!("{start}: {}", "ä".repeat(WHY_CHARS_MAX))
        );
    }

    #[test]
    fn refusals_are_read_as_texts() {
        let refusal = Refusal {
            status: 503,
            headers: vec![("retry-after".to_owned(), b"7".to_vec())],
            body: b"busy \xff".to_vec(),
        };
        assert_eq!(refusal.header("Retry-After").as_deref(), Some("7"));
        assert_eq!(refusal.header("retry"), None);
        assert_eq!(refusal.text(), "busy \u{fffd}");
    }

    #[test]
    fn errors_know_their_kind() {
        assert!(Error::Http(http::ErrorCode::ConnectTimeout.into()).is_timeout());
        assert!(!Error::Stopping.is_timeout() && Error::Stopping.is_stopping());
        let close = Close {
            code: 1006,
            reason: String::new(),
            ending: Ending::Reset,
        };
        assert!(!close.is_orderly());
        let error = Error::Closed(close.clone());
        assert!(error.is_closed());
        assert_eq!(error.close(), Some(&close));
        assert_eq!(error.refusal(), None);
    }
}
