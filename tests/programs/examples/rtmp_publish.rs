//! Publishes the asset `video`, and tells what became of it. No server's answer fails it.

use lt_sdk::metrics::Counter;
use lt_sdk::prelude::*;
use lt_sdk::rtmp::{Error, PublishKind, Stamping};
use lt_test_programs::rtmp::{Server, tell_close, tell_error};

#[derive(Settings)]
struct Options {
    #[setting(flatten)]
    server: Server,
    /// How often; without it, until the time is over, or the run
    rounds: Option<u32>,
    /// How long
    time: Option<Duration>,
    /// How much is sent at once
    #[setting(default = "0s")]
    ahead: Duration,
    /// data-message, metadata, none
    #[setting(default = "none")]
    stamping: String,
    /// live, record, append
    #[setting(default = "live")]
    kind: String,
    /// Put the user's id behind the stream's name
    #[setting(default = false)]
    own_stream: bool,
}

struct Guest(Options);

impl Options {
    fn publish(&self) -> Result<(), Error> {
        let connection = self.server.connect()?;
        let mut name = self.server.stream.clone();
        if self.own_stream {
            name = format!("{name}-{}", user::id());
        }
        let publisher = connection
            .publish(name)
            .timeout(self.server.timeout)
            .stamping(match self.stamping.as_str() {
                "data-message" => Stamping::DataMessage,
                "metadata" => Stamping::Metadata,
                _ => Stamping::None,
            })
            .kind(match self.kind.as_str() {
                "record" => PublishKind::Record,
                "append" => PublishKind::Append,
                _ => PublishKind::Live,
            })
            .start()?;
        let mut asset = publisher.publish_asset("video").ahead(self.ahead);
        if let Some(rounds) = self.rounds {
            asset = asset.rounds(rounds);
        }
        asset.start()?;
        let waited = match self.time {
            Some(time) => publisher.wait_for(time),
            None => publisher.wait(),
        };
        let statistics = publisher.statistics();
        log::info!(
            "frames={} bytes={} rounds={} media_ms={} elapsed_ms={}",
            statistics.frames,
            statistics.bytes,
            statistics.rounds,
            statistics.media_time.as_millis(),
            statistics.elapsed.as_millis(),
        );
        if let Err(error) = waited
            && !error.is_timeout()
        {
            return Err(error);
        }
        tell_close(&publisher.stop());
        connection.close();
        Ok(())
    }
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn describe(base: Description) -> Description {
        base.asset("video", "what is published")
    }

    fn join(_user: &User, options: Options) -> Result<Self> {
        Ok(Self(options))
    }

    fn iterate(&mut self) -> Result<()> {
        match self.0.publish() {
            Ok(()) => Counter::open("published")?.add(1)?,
            Err(Error::Stopping) => return Err(Error::Stopping.into()),
            Err(error) => {
                tell_error(&error);
                Counter::open("not_published")?.add(1)?;
            }
        }
        Ok(())
    }
}
