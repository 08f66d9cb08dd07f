//! Connects where it must fail, and tells in which way.

use lt_sdk::prelude::*;
use lt_sdk::websocket::{Error as SocketError, WebSocket};

#[derive(Settings)]
struct Options {
    /// What to connect to
    url: String,
    /// The case of the error, as in the contract
    #[setting(default = "refused")]
    error: String,
    /// Time for connecting
    #[setting(default = "5s")]
    timeout: Duration,
    /// Most redirects to follow
    max_redirects: Option<u32>,
}

struct Guest(Options);

/// The name of the case in the contract.
fn name(error: &SocketError) -> &'static str {
    match error {
        SocketError::InvalidRequest(_) => "invalid-request",
        SocketError::Http(_) => "http",
        SocketError::Refused(_) => "refused",
        SocketError::Handshake(_) => "handshake",
        SocketError::Closed(_) => "closed",
        SocketError::Timeout => "timeout",
        SocketError::Stopping => "stopping",
        SocketError::TooLarge(_) => "too-large",
        SocketError::TooMany(_) => "too-many",
        _ => "other",
    }
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn join(_user: &User, options: Options) -> Result<Self> {
        Ok(Self(options))
    }

    fn iterate(&mut self) -> Result<()> {
        let options = &self.0;
        let mut request = WebSocket::request(&options.url)
            .name("refused")
            .timeout(options.timeout);
        if let Some(count) = options.max_redirects {
            request = request.max_redirects(count);
        }
        let error = match request.connect() {
            Ok(socket) => bail!("connected to {}", socket.remote_address()),
            Err(error) => error,
        };
        if let Some(refusal) = error.refusal() {
            log::info!("status={}", refusal.status);
            log::info!(
                "location={}",
                refusal.header("Location").unwrap_or_default()
            );
            log::info!("bytes={}", refusal.body.len());
            log::info!("body={:.200}", refusal.text());
        }
        log::info!("error={error}");
        let name = name(&error);
        ensure!(
            name == options.error,
            "{name}, not {}: {error}",
            options.error
        );
        Ok(())
    }
}
