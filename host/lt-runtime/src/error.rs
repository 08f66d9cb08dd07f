//! From the clients' errors to the contract's: one file, so that a new case is one line in one place.

use lt_net::NetError;

use crate::bindings::http::ErrorCode;

impl From<NetError> for ErrorCode {
    fn from(error: NetError) -> Self {
        match error {
            NetError::InvalidRequest(text) => Self::InvalidRequest(text),
            NetError::Timeout => Self::Timeout,
            NetError::NameNotFound(name) => Self::NameNotFound(name),
            NetError::NameResolution(text) => Self::NameResolution(text),
            NetError::TargetDenied(target) => Self::TargetDenied(target),
            NetError::ConnectTimeout => Self::ConnectTimeout,
            NetError::ConnectionRefused => Self::ConnectionRefused,
            NetError::Unreachable(text) => Self::Unreachable(text),
            NetError::ConnectionReset => Self::ConnectionReset,
            NetError::ConnectionClosed => Self::ConnectionClosed,
            NetError::Proxy(status) => Self::Proxy(status),
            NetError::Tls(text) => Self::Tls(text),
            NetError::UnknownAuthority => Self::UnknownAuthority,
            NetError::CertificateName => Self::CertificateName,
            NetError::CertificateExpired => Self::CertificateExpired,
            NetError::Certificate(text) => Self::Certificate(text),
            NetError::Protocol(text) => Self::Protocol(text),
            NetError::HeadTooLarge => Self::HeadTooLarge,
            NetError::BodyTooLarge(length) => Self::BodyTooLarge(length),
            NetError::TooManyRedirects => Self::TooManyRedirects,
            NetError::Http2(number) => Self::Http2(number),
            NetError::Decompression(text) => Self::Decompression(text),
            NetError::BodyDiscarded => Self::BodyDiscarded,
            NetError::AlreadyFinished => Self::AlreadyFinished,
            NetError::TooManyRequests => Self::TooManyRequests,
            NetError::Other(text) => Self::Other(text),
        }
    }
}
