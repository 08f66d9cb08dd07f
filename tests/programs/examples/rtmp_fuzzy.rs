//! Connects to a server that may do anything, plays or publishes, and tells how it ended. Nothing that the server does fails it.

use lt_sdk::metrics::Counter;
use lt_sdk::prelude::*;
use lt_sdk::rtmp::{Error, Happening, Inbox};
use lt_test_programs::rtmp::{Server, tell_close, tell_error, tell_event, tell_playback};

#[derive(Settings)]
struct Options {
    #[setting(flatten)]
    server: Server,
    /// What to do: connect, play, publish
    #[setting(default = "play")]
    what: String,
    /// Sessions in one iteration
    #[setting(default = 1)]
    sessions: u32,
    /// How long to wait for an event
    #[setting(default = "10s")]
    patience: Duration,
    /// When it counts as stalled
    #[setting(default = "500ms")]
    stall_after: Duration,
    /// When silence ends it
    silence_max: Option<Duration>,
    /// How long the peer may take nothing
    #[setting(default = "30s")]
    unsent_max: Duration,
    /// Room for frames, if any
    frames: Option<u32>,
}

struct Guest(Options);

impl Options {
    fn session(&self) -> Result<(), Error> {
        let connection = self.server.connect()?;
        log::info!("version={}", connection.connected().server_version);
        match self.what.as_str() {
            "play" => self.play(&connection)?,
            "publish" => self.publish(&connection)?,
            _ => timing::sleep(self.patience),
        }
        match connection.closed() {
            Some(close) => log::info!("connection={}", close.ending),
            None => log::info!("connection={} by_hand=1", connection.close().ending),
        }
        Ok(())
    }

    fn play(&self, connection: &lt_sdk::rtmp::Connection) -> Result<(), Error> {
        let mut play = connection
            .play(&self.server.stream)
            .timeout(self.server.timeout)
            .stall_after(self.stall_after);
        if let Some(most) = self.silence_max {
            play = play.silence_max(most);
        }
        if let Some(frames) = self.frames {
            play = play.frames(
                Inbox::new()
                    .messages(frames)
                    .overflow(lt_sdk::rtmp::Overflow::Close),
            );
        }
        let player = play.start()?;
        loop {
            match player.next_event(self.patience) {
                Ok(event) => {
                    if !matches!(event.what, Happening::Ended(_)) {
                        tell_event(&event.what);
                    }
                }
                Err(Error::Closed(close)) => {
                    tell_playback(&player.statistics());
                    tell_close(&close);
                    return Ok(());
                }
                Err(Error::Timeout) => {
                    tell_playback(&player.statistics());
                    tell_close(&player.stop());
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn publish(&self, connection: &lt_sdk::rtmp::Connection) -> Result<(), Error> {
        let publisher = connection
            .publish(&self.server.stream)
            .timeout(self.server.timeout)
            .unsent_max(self.unsent_max)
            .start()?;
        publisher.publish_asset("video").start()?;
        match publisher.wait_for(self.patience) {
            Err(Error::Closed(close)) => tell_close(&close),
            Ok(()) | Err(Error::Timeout) => tell_close(&publisher.stop()),
            Err(error) => return Err(error),
        }
        Ok(())
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
        for _ in 0..self.0.sessions {
            match self.0.session() {
                Ok(()) => Counter::open("ended")?.add(1)?,
                Err(Error::Stopping) => return Err(Error::Stopping.into()),
                Err(error) => {
                    tell_error(&error);
                    Counter::open("refused")?.add(1)?;
                }
            }
        }
        Ok(())
    }
}
