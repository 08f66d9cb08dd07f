//! Connects to a server that may do anything, receives until the end, and tells which it was. Nothing that the server does fails it.

use lt_sdk::metrics::Counter;
use lt_sdk::prelude::*;
use lt_sdk::websocket::WebSocket;
use lt_test_programs::tell_end;

#[derive(Settings)]
struct Options {
    /// What to connect to
    url: String,
    /// Connections in one iteration
    #[setting(default = 1)]
    connections: u32,
    /// Time for connecting, and for each message
    #[setting(default = "5s")]
    timeout: Duration,
    /// Longest message to take in
    message_bytes_max: Option<u32>,
    /// A text to send first
    #[setting(default = "")]
    say: String,
}

struct Guest(Options);

impl Options {
    fn once(&self) -> Result<()> {
        let mut request = WebSocket::request(&self.url)
            .name("fuzzy")
            .timeout(self.timeout);
        if let Some(bytes) = self.message_bytes_max {
            request = request.message_bytes_max(bytes);
        }
        let socket = match request.connect() {
            Ok(socket) => socket,
            Err(error) => {
                log::info!("error={error}");
                return Ok(Counter::open("not_connected")?.add(1)?);
            }
        };
        Counter::open("connected")?.add(1)?;
        let mut received = 0_u32;
        // What came before an end that was too fast for this is still there.
        if !self.say.is_empty()
            && let Err(error) = socket.send_text(&self.say)
        {
            log::info!("unsaid={error}");
        }
        let error = loop {
            match socket.receive(self.timeout) {
                Ok(_) => received += 1,
                Err(error) => break error,
            }
        };
        log::info!("received={received}");
        match error.close() {
            Some(close) => {
                check!(
                    "it says the same again",
                    socket.closed().as_ref() == Some(close)
                );
                tell_end(close);
            }
            None => {
                log::info!("error={error}");
                tell_end(&socket.close()?);
            }
        }
        Ok(Counter::open("ended")?.add(1)?)
    }
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn join(_user: &User, options: Options) -> Result<Self> {
        Ok(Self(options))
    }

    fn iterate(&mut self) -> Result<()> {
        (0..self.0.connections).try_for_each(|_| self.0.once())
    }
}
