//! Waits for messages that never come, and ends when it is asked to.

use lt_sdk::metrics::Counter;
use lt_sdk::prelude::*;
use lt_sdk::timing::Backoff;
use lt_sdk::websocket::{self, Pattern};

#[derive(Settings)]
struct Options {
    /// A server that says nothing; for `reconnect` one that refuses
    url: String,
    /// How to wait
    #[setting(
        default = "receive",
        allowed("receive", "matching", "async", "async-matching", "reconnect")
    )]
    on: String,
}

struct Guest(Options);

impl Guest {
    async fn wait(&self, it: &Iteration) -> websocket::Result<()> {
        let url = &self.0.url;
        if self.0.on == "reconnect" {
            let second = Duration::from_secs(1);
            let mut backoff = Backoff::new(second, 100 * second, it.rng());
            return websocket::reconnect(&mut backoff, || websocket::connect(url)).map(drop);
        }
        let socket = websocket::connect(url)?;
        let wanted = Pattern::contains("never said");
        match self.0.on.as_str() {
            "receive" => socket.receive(None),
            "matching" => socket.receive_matching(&wanted, None),
            "async" => socket.receive_async().await,
            _ => socket.receive_matching_async(&wanted).await,
        }
        .map(drop)
    }
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn join(_user: &User, options: Options) -> Result<Self> {
        Ok(Self(options))
    }

    async fn iterate(&mut self, it: Iteration) -> Result<()> {
        Counter::open("begun")?.add(1)?;
        match self.wait(&it).await {
            Err(error) if error.is_stopping() => {
                check!("it was asked to end", user::should_stop());
                Ok(Counter::open("stopped")?.add(1)?)
            }
            Err(error) => Err(error.into()),
            Ok(()) => Err(Error::msg("what never comes came")),
        }
    }

    fn leave(self) -> Result<()> {
        Ok(Counter::open("left")?.add(1)?)
    }
}
