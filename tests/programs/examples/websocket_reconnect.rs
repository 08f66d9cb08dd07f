//! Talks to a server that goes away, and comes back to it.

use lt_sdk::metrics::Counter;
use lt_sdk::prelude::*;
use lt_sdk::timing::Backoff;
use lt_sdk::websocket::{self, WebSocket};

#[derive(Settings)]
struct Options {
    /// A server that echoes, and sometimes does not
    url: String,
    /// The longest of the first pauses
    #[setting(default = "100ms")]
    base: Duration,
    /// The longest of all pauses
    #[setting(default = "2s")]
    longest: Duration,
    /// Pause between two messages
    #[setting(default = "50ms")]
    pause: Duration,
}

struct Guest {
    options: Options,
    socket: WebSocket,
    backoff: Backoff,
}

impl Guest {
    fn talk(&self, number: u64) -> websocket::Result<()> {
        self.socket.send_text(number.to_string())?;
        self.socket.receive(Duration::from_secs(10)).map(drop)
    }
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn join(user: &User, options: Options) -> Result<Self> {
        let rng = lt_sdk::rand::Rng::new(user.seed);
        let mut backoff = Backoff::new(options.base, options.longest, rng);
        let socket = websocket::reconnect(&mut backoff, || websocket::connect(&options.url))?;
        Ok(Self {
            options,
            socket,
            backoff,
        })
    }

    /// Whoever loses its connection comes back within the iteration; each loss is counted, and none fails the user.
    fn iterate(&mut self, it: Iteration) -> Result<()> {
        match self.talk(it.number) {
            Ok(()) => Counter::open("talked")?.add(1)?,
            Err(error) if error.is_closed() => {
                Counter::open("lost")?.add(1)?;
                let url = &self.options.url;
                self.socket = websocket::reconnect(&mut self.backoff, || websocket::connect(url))?;
                Counter::open("reconnected")?.add(1)?;
            }
            Err(error) => return Err(error.into()),
        }
        timing::sleep(self.options.pause);
        Ok(())
    }
}
