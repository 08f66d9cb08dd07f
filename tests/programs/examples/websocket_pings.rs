//! Pings, itself and by its host, and tells what came of it.

use lt_sdk::prelude::*;
use lt_sdk::websocket;
use lt_test_programs::tell_end;

#[derive(Settings)]
struct Options {
    /// What to connect to
    url: String,
    /// Interval of the host's pings
    #[setting(default = "50ms")]
    interval: Duration,
    /// Time for a pong
    #[setting(default = "1s")]
    timeout: Duration,
    /// How long to sleep
    #[setting(default = "300ms")]
    sleep: Duration,
    /// Whether the server answers pings
    #[setting(default = true)]
    answers: bool,
    /// Whether a ping that is not answered ends the connection
    #[setting(default = true)]
    strict: bool,
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
        let pinged = socket.ping(options.timeout);
        if options.answers {
            let took = pinged?;
            check!("it took some time", !took.is_zero());
            check!(
                "it is remembered",
                socket.statistics().last_ping == Some(took)
            );
        } else {
            check!(
                "no pong came",
                pinged.is_err_and(|error| error.is_timeout())
            );
        }
        socket.send_ping(b"on our own")?;
        socket.send_pong(b"nobody asked")?;
        let strict = options.strict.then_some(options.timeout);
        let pings = socket.ping_every(options.interval, strict)?;
        timing::sleep(options.sleep);
        log::info!("pings={}", pings.sent());
        log::info!("asked={}", socket.statistics().pings_received);
        match socket.closed() {
            Some(close) => tell_end(&close),
            None => drop(socket.close()?),
        }
        Ok(())
    }
}
