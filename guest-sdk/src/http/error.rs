//! Why there is no response, or none that can be used.

use crate::text::write_explained;
use std::fmt;

/// Why the host has no response, or no body: one case a cause. The comments give the number of the `error_code` tag.
///
/// ```no_run
/// use lt_sdk::http::{self, ErrorCode};
///
/// # fn iterate() -> lt_sdk::Result<()> {
/// match http::get("http://127.0.0.1:8080/").send() {
///     Err(error) if matches!(error.code(), Some(ErrorCode::ConnectionRefused)) => {}
///     other => drop(other?),
/// }
/// # Ok(())
/// # }
/// ```
pub use crate::bindings::lt::scenario::http::ErrorCode;

/// Why a request has no response, or none that can be used.
///
/// ```no_run
/// # fn iterate() -> lt_sdk::Result<()> {
/// if let Err(error) = lt_sdk::http::get("http://127.0.0.1:8080/").send() {
///     lt_sdk::log::warn!("{error}");
/// }
/// # Ok(())
/// # }
/// ```
#[non_exhaustive]
pub enum Error {
    /// The exchange failed.
    Exchange(ErrorCode),
    /// The status says that the request failed; from [`Response::error_for_status`](super::Response::error_for_status).
    Status {
        /// Status code.
        status: u16,
        /// URL of the last request.
        url: String,
    },
    /// The body is no JSON, or not of this form; or a value cannot be written as JSON. With the reason.
    Json(String),
}

impl Error {
    /// Why the exchange failed, if it did.
    ///
    /// ```
    /// use lt_sdk::http::{Error, ErrorCode};
    ///
    /// let error = Error::Exchange(ErrorCode::Timeout);
    /// assert!(matches!(error.code(), Some(ErrorCode::Timeout)));
    /// ```
    #[must_use]
    pub const fn code(&self) -> Option<&ErrorCode> {
        match self {
            Self::Exchange(code) => Some(code),
            Self::Status { .. } | Self::Json(_) => None,
        }
    }

    /// Whether the time ran out, for connecting or for the whole exchange.
    ///
    /// ```
    /// use lt_sdk::http::{Error, ErrorCode};
    ///
    /// assert!(Error::Exchange(ErrorCode::ConnectTimeout).is_timeout());
    /// ```
    #[must_use]
    pub const fn is_timeout(&self) -> bool {
        matches!(
            self,
            Self::Exchange(ErrorCode::Timeout | ErrorCode::ConnectTimeout)
        )
    }
}

impl From<ErrorCode> for Error {
    fn from(code: ErrorCode) -> Self {
        Self::Exchange(code)
    }
}

impl Error {
    /// Whether another attempt would end the same way, as nothing was attempted.
    pub(crate) const fn is_lasting(&self) -> bool {
        matches!(
            self,
            Self::Exchange(ErrorCode::InvalidRequest(_) | ErrorCode::TargetDenied(_))
        )
    }
}

/// Whether a status refuses for good: another attempt would end the same way.
pub(crate) const fn is_lasting_status(status: u16) -> bool {
    matches!(status, 400..=499) && !matches!(status, 408 | 425 | 429)
}

/// What helps against every fault of a certificate.
const SKIP_TLS_VERIFY: &str = "--insecure-skip-tls-verify accepts any certificate";

/// The text of an error code, and what it carries.
///
/// Texts and not formats, and one place that joins them: this stands in the path of every scenario.
fn explain(code: &ErrorCode) -> (&'static str, Option<&str>) {
    match code {
        ErrorCode::InvalidRequest(detail) => ("the request cannot be sent", Some(detail)),
        ErrorCode::Timeout => ("no answer in time", None),
        ErrorCode::NameNotFound(name) => ("there is no such host", Some(name)),
        ErrorCode::NameResolution(detail) => ("the name cannot be resolved", Some(detail)),
        ErrorCode::TargetDenied(target) => ("the run may not reach this target", Some(target)),
        ErrorCode::ConnectTimeout => ("no connection in time", None),
        ErrorCode::ConnectionRefused => ("connection refused", None),
        ErrorCode::Unreachable(detail) => ("unreachable", Some(detail)),
        ErrorCode::ConnectionReset => ("connection reset by the peer", None),
        ErrorCode::ConnectionClosed => ("the peer closed the connection too early", None),
        ErrorCode::Proxy(_) => ("the proxy refused or failed", None),
        ErrorCode::Tls(detail) => ("TLS handshake failed", Some(detail)),
        ErrorCode::UnknownAuthority => (
            "certificate signed by an unknown authority, which --ca-cert makes known",
            Some(SKIP_TLS_VERIFY),
        ),
        ErrorCode::CertificateName => ("certificate for another name", Some(SKIP_TLS_VERIFY)),
        ErrorCode::CertificateExpired => (
            "certificate expired or not valid yet",
            Some(SKIP_TLS_VERIFY),
        ),
        ErrorCode::Certificate(detail) => ("bad certificate", Some(detail)),
        ErrorCode::Protocol(detail) => ("the response is not HTTP", Some(detail)),
        ErrorCode::HeadTooLarge => ("the response's head is too large", None),
        ErrorCode::BodyTooLarge(_) => ("the response's body is too large to keep", None),
        ErrorCode::TooManyRedirects => ("too many redirects", None),
        ErrorCode::Http2(_) => ("HTTP/2 error", None),
        ErrorCode::Decompression(detail) => ("the body cannot be decompressed", Some(detail)),
        ErrorCode::BodyDiscarded => ("the body was discarded, as the request asked", None),
        ErrorCode::AlreadyFinished => ("the result was already taken", None),
        ErrorCode::TooManyRequests => ("too many requests or responses at a time", None),
        ErrorCode::Other(detail) => ("request failed", Some(detail)),
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, detail) = match self {
            Self::Exchange(code) => explain(code),
            Self::Status { status, url } => return write!(f, "status {status} from {url}"),
            Self::Json(reason) => ("JSON", Some(reason.as_str())),
        };
        write_explained(f, text, detail)?;
        let number = match self {
            Self::Exchange(ErrorCode::Proxy(Some(status))) => u64::from(*status),
            Self::Exchange(ErrorCode::Http2(number)) => u64::from(*number),
            Self::Exchange(ErrorCode::BodyTooLarge(length)) => *length,
            Self::Exchange(ErrorCode::Certificate(_)) => return write!(f, "; {SKIP_TLS_VERIFY}"),
            _ => return Ok(()),
        };
        write!(f, " ({number})")
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_name_the_cause_and_what_it_carries() {
        let text = |code: ErrorCode| Error::from(code).to_string();
        assert_eq!(text(ErrorCode::ConnectionRefused), "connection refused");
        assert_eq!(
            text(ErrorCode::NameNotFound("nowhere.test".into())),
            "there is no such host: nowhere.test"
        );
        assert_eq!(
            text(ErrorCode::Proxy(Some(407))),
            "the proxy refused or failed (407)"
        );
        assert_eq!(text(ErrorCode::Proxy(None)), "the proxy refused or failed");
        assert_eq!(
            text(ErrorCode::UnknownAuthority),
            "certificate signed by an unknown authority, which --ca-cert makes known: \
             --insecure-skip-tls-verify accepts any certificate"
        );
        assert_eq!(
            text(ErrorCode::Certificate("it was revoked".into())),
            "bad certificate: it was revoked; --insecure-skip-tls-verify accepts any certificate"
        );
        let status = Error::Status {
            status: 503,
            url: "http://a/".into(),
        };
        assert_eq!(status.to_string(), "status 503 from http://a/");
    }
}
