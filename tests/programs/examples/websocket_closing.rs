//! Ends a connection, or sees it end, and tells how.

use lt_sdk::prelude::*;
use lt_sdk::websocket::{self, Error as SocketError, WebSocket};
use lt_test_programs::tell_end;

#[derive(Settings)]
struct Options {
    /// What to connect to
    url: String,
    /// Who is to end it
    #[setting(default = "us", allowed("us", "peer", "drop"))]
    by: String,
    /// With this code
    code: Option<u16>,
    /// With this reason
    #[setting(default = "")]
    reason: String,
    /// How long to wait for the peer
    #[setting(default = "5s")]
    timeout: Duration,
    /// Messages to send before
    #[setting(default = 0)]
    messages: u32,
}

struct Guest(Options);

/// What holds of every connection that has ended.
fn is_over(socket: &WebSocket) -> Result<()> {
    let close = socket.closed().context("it has not ended")?;
    // What came before is still there.
    let mut left = 0_u32;
    let error = loop {
        match socket.receive(None) {
            Ok(_) => left += 1,
            Err(error) => break error,
        }
    };
    check!("receiving says how it ended", error.close() == Some(&close));
    let sent = socket.send_text("too late");
    check!(
        "nothing can be sent",
        sent.is_err_and(|error| error.is_closed())
    );
    let pinged = socket.ping(None);
    check!(
        "nothing can be pinged",
        pinged.is_err_and(|error| error.is_closed())
    );
    let beat = socket.send_text_every(Duration::from_secs(1), "too late");
    check!("nothing beats", beat.is_err_and(|error| error.is_closed()));
    check!("it is ready at once", socket.subscribe().is_ready());
    check!("closing again changes nothing", socket.close()? == close);
    log::info!("left={left}");
    tell_end(&close);
    Ok(())
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn join(_user: &User, options: Options) -> Result<Self> {
        Ok(Self(options))
    }

    fn iterate(&mut self) -> Result<()> {
        let options = &self.0;
        let socket = websocket::connect(&options.url)?;
        for number in 0..options.messages {
            socket.send_text(number.to_string())?;
        }
        match options.by.as_str() {
            "drop" => return Ok(()),
            "us" => {
                let (reason, limit) = (options.reason.as_str(), options.timeout);
                match socket.close_within(options.code, reason, limit) {
                    Ok(close) => check!("it says the same", socket.closed() == Some(close)),
                    Err(SocketError::InvalidRequest(text)) => {
                        log::info!("invalid={text}");
                        return Ok(socket.close().map(drop)?);
                    }
                    Err(error) => return Err(error.into()),
                };
            }
            _ => {
                let end = timing::now() + options.timeout;
                while socket.closed().is_none() && timing::now() < end {
                    timing::sleep(Duration::from_millis(5));
                }
            }
        }
        is_over(&socket)
    }
}
