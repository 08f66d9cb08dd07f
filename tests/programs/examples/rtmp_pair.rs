//! Publishes the asset `video` and plays it, so that the host knows how long it took from one to the other.

use lt_sdk::prelude::*;
use lt_sdk::rtmp::{Happening, Stamping};
use lt_test_programs::rtmp::{Server, tell_playback};

#[derive(Settings)]
struct Options {
    #[setting(flatten)]
    server: Server,
    /// Where to play, if elsewhere
    play_url: Option<String>,
    /// How long to watch
    #[setting(default = "4s")]
    time: Duration,
    /// data-message, metadata, none
    #[setting(default = "data-message")]
    stamping: String,
}

struct Guest(Options);

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
        let server = &self.0.server;
        let name = format!("{}-{}", server.stream, user::id());
        let ingest = server.connect()?;
        let publisher = ingest
            .publish(&name)
            .stamping(match self.0.stamping.as_str() {
                "data-message" => Stamping::DataMessage,
                "metadata" => Stamping::Metadata,
                _ => Stamping::None,
            })
            .start()?;
        let play_url = self.0.play_url.as_deref().unwrap_or(&server.url);
        let edge = server.request_to(play_url).connect()?;
        let player = edge.play(&name).start()?;
        publisher.publish_asset("video").start()?;
        timing::sleep(self.0.time);
        let mut metadata = 0;
        while let Some(event) = player.try_event()? {
            if let Happening::Metadata(fields) = event.what {
                metadata += 1;
                let width = fields.iter().find(|(name, _)| name == "width");
                check!(
                    "the width is the asset's",
                    width.and_then(|(_, value)| value.as_f64()) == Some(160.0)
                );
            }
        }
        let playback = player.statistics();
        tell_playback(&playback);
        let lag = playback.end_to_end.map(|lag| lag.as_millis().to_string());
        log::info!(
            "metadata={metadata} end_to_end_ms={}",
            lag.as_deref().unwrap_or("none")
        );
        check!("media came", playback.video_frames > 0);
        publisher.stop();
        player.stop();
        Ok(())
    }
}
