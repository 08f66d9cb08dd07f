//! Sends to a server that does not read, until the host takes no more.

use lt_sdk::prelude::*;
use lt_sdk::websocket::{self, Error as SocketError};

#[derive(Settings)]
struct Options {
    /// A server that does not read
    url: String,
    /// Bytes of a message
    #[setting(default = 65536)]
    bytes: usize,
    /// How long to wait for room
    #[setting(default = "200ms")]
    timeout: Duration,
    /// Messages after which it is clear that nothing holds the user back
    #[setting(default = 1000)]
    messages_max: u32,
}

struct Guest(Options);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn join(_user: &User, options: Options) -> Result<Self> {
        Ok(Self(options))
    }

    fn iterate(&mut self) -> Result<()> {
        let options = &self.0;
        let socket = websocket::connect(&options.url)?;
        let text = "x".repeat(options.bytes);
        for accepted in 0..options.messages_max {
            match socket.send(text.as_str(), options.timeout) {
                Ok(()) => {}
                Err(SocketError::Timeout) => {
                    let unsent = socket.statistics().unsent_bytes;
                    log::info!("accepted={accepted} unsent={unsent}");
                    check!("what waits is counted", unsent > 0);
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
        bail!(
            "{} messages were taken that nobody reads",
            options.messages_max
        )
    }
}
