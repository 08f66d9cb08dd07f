//! Sends a request that must fail, and wants to know in which way.

use lt_sdk::http::ErrorCode;
use lt_sdk::prelude::*;

#[derive(Settings)]
struct Expected {
    /// What to get
    url: String,
    /// The case of the error, as in the contract
    error: String,
    /// Time for the whole exchange
    #[setting(default = "5s")]
    timeout: Duration,
}

struct Guest(Expected);

/// The name of the case in the contract.
fn name(code: &ErrorCode) -> &'static str {
    match code {
        ErrorCode::InvalidRequest(_) => "invalid-request",
        ErrorCode::Timeout => "timeout",
        ErrorCode::NameNotFound(_) => "name-not-found",
        ErrorCode::NameResolution(_) => "name-resolution",
        ErrorCode::TargetDenied(_) => "target-denied",
        ErrorCode::ConnectTimeout => "connect-timeout",
        ErrorCode::ConnectionRefused => "connection-refused",
        ErrorCode::Unreachable(_) => "unreachable",
        ErrorCode::ConnectionReset => "connection-reset",
        ErrorCode::ConnectionClosed => "connection-closed",
        ErrorCode::Proxy(_) => "proxy",
        ErrorCode::Tls(_) => "tls",
        ErrorCode::UnknownAuthority => "unknown-authority",
        ErrorCode::CertificateName => "certificate-name",
        ErrorCode::CertificateExpired => "certificate-expired",
        ErrorCode::Certificate(_) => "certificate",
        ErrorCode::Protocol(_) => "protocol",
        ErrorCode::HeadTooLarge => "head-too-large",
        ErrorCode::BodyTooLarge(_) => "body-too-large",
        ErrorCode::TooManyRedirects => "too-many-redirects",
        ErrorCode::Http2(_) => "http2",
        ErrorCode::Decompression(_) => "decompression",
        ErrorCode::BodyDiscarded => "body-discarded",
        ErrorCode::AlreadyFinished => "already-finished",
        ErrorCode::TooManyRequests => "too-many-requests",
        ErrorCode::Other(_) => "other",
    }
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Expected;

    fn join(_user: &User, expected: Expected) -> Result<Self> {
        Ok(Self(expected))
    }

    fn iterate(&mut self) -> Result<()> {
        let Expected {
            url,
            error,
            timeout,
        } = &self.0;
        let sent = http::get(url.as_str())
            .decompress()
            .timeout(*timeout)
            .send();
        // Some faults only show in the body.
        let found = match sent.and_then(|response| response.bytes()) {
            Ok(body) => bail!("no error, but {} bytes", body.len()),
            Err(found) => found,
        };
        let name = found.code().map_or("none", name);
        ensure!(name == error.as_str(), "{name}, not {error}: {found}");
        Ok(())
    }
}
