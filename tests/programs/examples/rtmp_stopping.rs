//! Waits until it is asked to end: for an event, a frame, media, the end of an asset, a server that does not answer.

use lt_sdk::prelude::*;
use lt_sdk::rtmp::{Error, Inbox};
use lt_test_programs::rtmp::{Server, case};

#[derive(Settings)]
struct Options {
    #[setting(flatten)]
    server: Server,
    /// What to wait for: event, frame, media, asset, start
    #[setting(default = "event")]
    what: String,
}

struct Guest(Options);

impl Options {
    fn wait(&self) -> Result<(), Error> {
        let connection = self.server.connect()?;
        let stream = format!("{}-{}", self.server.stream, user::id());
        if self.what == "asset" {
            let publisher = connection.publish(stream).start()?;
            publisher.publish_asset("video").start()?;
            return publisher.wait();
        }
        let player = connection.play(stream).frames(Inbox::new()).start()?;
        loop {
            match self.what.as_str() {
                "event" => drop(player.next_event(None)?),
                "frame" => drop(player.receive(None)?),
                _ => player.watch(Duration::from_secs(1000))?,
            }
        }
    }
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn describe(base: Description) -> Description {
        base.optional_asset("video", "what is published")
    }

    fn join(_user: &User, options: Options) -> Result<Self> {
        Ok(Self(options))
    }

    fn iterate(&mut self) -> Result<()> {
        match self.0.wait() {
            Ok(()) => bail!("it came"),
            Err(error) => log::info!("case={}", case(&error)),
        }
        Ok(())
    }
}
