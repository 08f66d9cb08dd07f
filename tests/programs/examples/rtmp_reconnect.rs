//! Watches or publishes to a server that goes away, and comes back to it.

use lt_sdk::metrics::Counter;
use lt_sdk::prelude::*;
use lt_sdk::rtmp::{self, Connection, Error};
use lt_sdk::timing::Backoff;
use lt_test_programs::rtmp::{Server, tell_close};

#[derive(Settings)]
struct Options {
    #[setting(flatten)]
    server: Server,
    /// play, publish
    #[setting(default = "play")]
    what: String,
    /// How long a stream may be silent
    #[setting(default = "5s")]
    silence_max: Duration,
}

struct Guest {
    options: Options,
    backoff: Backoff,
}

impl Options {
    /// Until it is over.
    fn stream(&self, connection: &Connection) -> Result<(), Error> {
        if self.what == "publish" {
            let publisher = connection
                .publish(format!("{}-{}", self.server.stream, user::id()))
                .start()?;
            Counter::open("streaming")
                .map_or(Ok(()), |counter| counter.add(1))
                .ok();
            publisher.publish_asset("video").start()?;
            return publisher.wait();
        }
        let player = connection
            .play(&self.server.stream)
            .silence_max(self.silence_max)
            .start()?;
        Counter::open("streaming")
            .map_or(Ok(()), |counter| counter.add(1))
            .ok();
        player.watch(Duration::from_secs(3600))
    }
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn describe(base: Description) -> Description {
        base.optional_asset("video", "what is published")
    }

    fn join(user: &User, options: Options) -> Result<Self> {
        let rng = lt_sdk::rand::Rng::new(user.seed);
        let (base, longest) = (Duration::from_millis(100), Duration::from_millis(500));
        Ok(Self {
            options,
            backoff: Backoff::new(base, longest, rng),
        })
    }

    /// Each iteration is one connection; none fails the user.
    fn iterate(&mut self) -> Result<()> {
        let options = &self.options;
        let connection = rtmp::reconnect(&mut self.backoff, || options.server.connect())?;
        Counter::open("connected")?.add(1)?;
        match options.stream(&connection) {
            Ok(()) => bail!("it was too short"),
            Err(Error::Closed(close)) => {
                tell_close(&close);
                Counter::open("lost")?.add(1)?;
            }
            Err(Error::Refused(status)) => {
                log::info!("refused={}", status.code);
                Counter::open("refused")?.add(1)?;
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}
