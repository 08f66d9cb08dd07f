//! Why there is no response: one case for each of `error-code` in `wit/http.wit`, each with k6's number.

use std::io;

/// A failed exchange, one to one with `variant error-code` of `wit/http.wit`. Sources are kept as text, because the value
/// is copied to several users and crosses threads; nothing may be parsed out of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetError {
    /// The request cannot be sent as written.
    #[error("invalid request: {0}")]
    InvalidRequest(String),
    /// The time for the whole exchange ran out.
    #[error("the request ran out of time")]
    Timeout,
    /// The name does not exist, or has no address.
    #[error("no address for {0}")]
    NameNotFound(String),
    /// The name could not be resolved for another reason.
    #[error("cannot resolve: {0}")]
    NameResolution(String),
    /// The run may not reach this target.
    #[error("not an allowed target: {0}")]
    TargetDenied(String),
    /// No TCP connection in time.
    #[error("no connection in time")]
    ConnectTimeout,
    /// Nothing listens there.
    #[error("connection refused")]
    ConnectionRefused,
    /// No route to the host or network, or no local address or port left.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// The peer reset the connection.
    #[error("connection reset by the peer")]
    ConnectionReset,
    /// The peer closed the connection before the response, or what else was to come, was complete.
    #[error("the peer closed the connection too early")]
    ConnectionClosed,
    /// The proxy refused or failed; with its status if it gave one.
    #[error("proxy failed{}", .0.map(|status| format!(" with status {status}")).unwrap_or_default())]
    Proxy(Option<u16>),
    /// TLS handshake failed: alert or protocol.
    #[error("TLS: {0}")]
    Tls(String),
    /// The certificate was not signed by a known authority.
    #[error("certificate of an unknown authority")]
    UnknownAuthority,
    /// The certificate is for another name.
    #[error("certificate for another name")]
    CertificateName,
    /// The certificate has expired, or is not valid yet.
    #[error("certificate expired or not valid yet")]
    CertificateExpired,
    /// Another fault in the certificate.
    #[error("certificate: {0}")]
    Certificate(String),
    /// The response is not HTTP.
    #[error("not a valid response: {0}")]
    Protocol(String),
    /// The response's head is over the limit.
    #[error("response head too large")]
    HeadTooLarge,
    /// The body is over the cap for kept bodies; its length.
    #[error("body of {0} bytes is over the cap for kept bodies")]
    BodyTooLarge(u64),
    /// More redirects than allowed.
    #[error("too many redirects")]
    TooManyRedirects,
    /// An HTTP/2 stream or connection error, by its number (RFC 9113, section 7).
    #[error("HTTP/2 error {0}")]
    Http2(u32),
    /// The body cannot be decompressed.
    #[error("cannot decompress: {0}")]
    Decompression(String),
    /// The body was discarded, as the request asked.
    #[error("the body was discarded as asked")]
    BodyDiscarded,
    /// The result was already taken.
    #[error("the result was already taken")]
    AlreadyFinished,
    /// More requests at a time, or more handles, than one user may have.
    #[error("more requests at a time than one user may have")]
    TooManyRequests,
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl NetError {
    /// Number for the `error_code` tag (k6's bands, as written in `wit/http.wit`). Cases without a number of their own
    /// are mistakes of the guest that no sample is recorded for; they share 1000.
    #[must_use]
    pub fn code(&self) -> u16 {
        self.number_and_name().0
    }

    /// Stable name of the case, as in `wit/http.wit`: for counting and for logs.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.number_and_name().1
    }

    fn number_and_name(&self) -> (u16, &'static str) {
        match self {
            Self::InvalidRequest(_) => (1020, "invalid-request"),
            Self::Timeout => (1050, "timeout"),
            Self::NameNotFound(_) => (1101, "name-not-found"),
            Self::NameResolution(_) => (1100, "name-resolution"),
            Self::TargetDenied(_) => (1110, "target-denied"),
            Self::ConnectTimeout => (1211, "connect-timeout"),
            Self::ConnectionRefused => (1212, "connection-refused"),
            Self::Unreachable(_) => (1213, "unreachable"),
            Self::ConnectionReset => (1220, "connection-reset"),
            Self::ConnectionClosed => (1221, "connection-closed"),
            Self::Proxy(_) => (1230, "proxy"),
            Self::Tls(_) => (1300, "tls"),
            Self::UnknownAuthority => (1310, "unknown-authority"),
            Self::CertificateName => (1311, "certificate-name"),
            Self::CertificateExpired => (1312, "certificate-expired"),
            Self::Certificate(_) => (1313, "certificate"),
            Self::Protocol(_) => (1500, "protocol"),
            Self::HeadTooLarge => (1501, "head-too-large"),
            Self::BodyTooLarge(_) => (1502, "body-too-large"),
            Self::TooManyRedirects => (1503, "too-many-redirects"),
            Self::Http2(_) => (1600, "http2"),
            Self::Decompression(_) => (1701, "decompression"),
            Self::BodyDiscarded => (1000, "body-discarded"),
            Self::AlreadyFinished => (1000, "already-finished"),
            Self::TooManyRequests => (1000, "too-many-requests"),
            Self::Other(_) => (1000, "other"),
        }
    }

    /// What an I/O error on a connection means. TLS errors travel inside I/O errors and are unpacked.
    pub(crate) fn from_io(error: &io::Error) -> Self {
        use io::ErrorKind;
        if let Some(tls) = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>())
        {
            return crate::tls::error_of(tls);
        }
        match error.kind() {
            ErrorKind::ConnectionRefused => Self::ConnectionRefused,
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::NotConnected
            | ErrorKind::TimedOut => Self::ConnectionReset,
            ErrorKind::UnexpectedEof => Self::ConnectionClosed,
            ErrorKind::AddrNotAvailable => Self::Unreachable(
                "no local address or port left; add local addresses (--local-ips) or widen net.ipv4.ip_local_port_range".to_owned(),
            ),
            ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown | ErrorKind::PermissionDenied => {
                Self::Unreachable(error.to_string())
            }
            _ if matches!(error.raw_os_error(), Some(EMFILE | ENFILE)) => {
                Self::Other("no file descriptor left for a connection; raise `ulimit -n`".to_owned())
            }
            _ => Self::Other(error.to_string()),
        }
    }
}

/// Too many open files in this process; std gives it no kind of its own. The same number on every Linux and on macOS.
const EMFILE: i32 = 24;
/// Too many open files in the system.
const ENFILE: i32 = 23;

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers are read out of the contract itself, so that neither can drift.
    #[test]
    fn numbers_and_names_are_those_of_the_contract() {
        let contract = include_str!("../../../wit/http.wit");
        let variant = contract
            .split("variant error-code {")
            .nth(1)
            .and_then(|rest| rest.split("\n    }").next())
            .unwrap();
        let mut wanted = Vec::new();
        let mut number = 1000;
        for line in variant.lines().map(str::trim) {
            if let Some(doc) = line.strip_prefix("///") {
                if let Some(found) = doc
                    .split('(')
                    .skip(1)
                    .find_map(|part| part.get(..4)?.parse::<u16>().ok())
                {
                    number = found;
                }
            } else if let Some(case) = line.strip_suffix(',') {
                let name = case.split('(').next().unwrap();
                wanted.push((number, name));
                number = 1000;
            }
        }
        let text = String::new;
        let cases = [
            NetError::InvalidRequest(text()),
            NetError::Timeout,
            NetError::NameNotFound(text()),
            NetError::NameResolution(text()),
            NetError::TargetDenied(text()),
            NetError::ConnectTimeout,
            NetError::ConnectionRefused,
            NetError::Unreachable(text()),
            NetError::ConnectionReset,
            NetError::ConnectionClosed,
            NetError::Proxy(None),
            NetError::Tls(text()),
            NetError::UnknownAuthority,
            NetError::CertificateName,
            NetError::CertificateExpired,
            NetError::Certificate(text()),
            NetError::Protocol(text()),
            NetError::HeadTooLarge,
            NetError::BodyTooLarge(0),
            NetError::TooManyRedirects,
            NetError::Http2(0),
            NetError::Decompression(text()),
            NetError::BodyDiscarded,
            NetError::AlreadyFinished,
            NetError::TooManyRequests,
            NetError::Other(text()),
        ];
        let got: Vec<_> = cases
            .iter()
            .map(|case| (case.code(), case.kind()))
            .collect();
        assert_eq!(got, wanted);
    }

    #[test]
    fn io_errors_keep_their_meaning() {
        let of = |kind: io::ErrorKind| NetError::from_io(&kind.into()).code();
        assert_eq!(of(io::ErrorKind::ConnectionRefused), 1212);
        assert_eq!(of(io::ErrorKind::ConnectionReset), 1220);
        assert_eq!(of(io::ErrorKind::BrokenPipe), 1220);
        assert_eq!(of(io::ErrorKind::AddrNotAvailable), 1213);
        assert_eq!(of(io::ErrorKind::NetworkUnreachable), 1213);
        assert_eq!(of(io::ErrorKind::HostUnreachable), 1213);
        assert_eq!(of(io::ErrorKind::UnexpectedEof), 1221);
        let descriptors = NetError::from_io(&io::Error::from_raw_os_error(EMFILE));
        assert!(
            descriptors.to_string().contains("ulimit -n"),
            "{descriptors}"
        );
    }
}
