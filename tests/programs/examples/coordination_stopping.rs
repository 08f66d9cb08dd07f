//! Waits for what never comes, and ends when it is asked to.

use lt_sdk::coordination::{Error as CoordinationError, Meeting, Throttle};
use lt_sdk::metrics::Counter;
use lt_sdk::prelude::*;

#[derive(Settings)]
struct Options {
    /// What to wait for
    #[setting(
        default = "message",
        allowed(
            "message",
            "turn",
            "place",
            "group",
            "everybody",
            "async-message",
            "async-group"
        )
    )]
    on: String,
}

struct Guest {
    options: Options,
    users: u32,
}

impl Guest {
    async fn wait(&self) -> Result<(), CoordinationError> {
        let everybody = || Meeting::of("couples", self.users);
        match self.options.on.as_str() {
            "message" => coordination::receive(None).map(drop),
            "turn" => {
                let turns = Throttle::interarrival("turns", Duration::from_millis(1))?;
                turns.pause();
                turns.wait()
            }
            "place" => {
                let places = Throttle::parallelism("places", 1)?;
                places.pause();
                places.permit().map(drop)
            }
            // User 1 stays away, so that the group is never complete.
            _ if user::id() == 1 => coordination::receive_async().await.map(drop),
            "group" => everybody()?.join(b"", None).map(drop),
            // Whoever has ended is not of everybody any more: those who wait are then complete.
            "everybody" => match Meeting::all("all")?.join(b"", None) {
                Ok(_) if user::should_stop() => Err(CoordinationError::Stopping),
                joined => joined.map(drop),
            },
            "async-group" => everybody()?.join_async(b"").await.map(drop),
            _ => coordination::receive_async().await.map(drop),
        }
    }
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn init(run: &RunInfo) -> Result<Vec<u8>> {
        Ok(run.users.to_string().into_bytes())
    }

    fn join(_user: &User, options: Options, state: &[u8]) -> Result<Self> {
        let users = std::str::from_utf8(state)?.parse()?;
        Ok(Self { options, users })
    }

    async fn iterate(&mut self) -> Result<()> {
        Counter::open("begun")?.add(1)?;
        match self.wait().await {
            Err(CoordinationError::Stopping) => {
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
