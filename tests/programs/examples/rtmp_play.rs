//! Watches a stream for a while, over RTMP or HTTP, and tells all that happens. No server's answer fails it.

use lt_sdk::metrics::Counter;
use lt_sdk::prelude::*;
use lt_sdk::rtmp::{Error, Player};
use lt_test_programs::rtmp::{Server, tell_close, tell_error, tell_events, tell_playback};

#[derive(Settings)]
struct Options {
    #[setting(flatten)]
    server: Server,
    /// Watch this URL over HTTP instead
    http: Option<String>,
    /// How long to watch
    #[setting(default = "3s")]
    time: Duration,
    /// Only what is live
    #[setting(default = false)]
    live: bool,
    /// Only so much of it
    length: Option<Duration>,
    /// When it counts as stalled
    stall_after: Option<Duration>,
    /// When it counts as lagged
    lag_after: Option<Duration>,
    /// When silence ends it
    silence_max: Option<Duration>,
    /// Tell of events
    #[setting(default = true)]
    tell: bool,
}

struct Guest(Options);

/// What both ways of playing can be told.
macro_rules! choices {
    ($play:expr, $options:expr) => {{
        let mut play = $play.timeout($options.server.timeout).name("watch");
        if let Some(after) = $options.stall_after {
            play = play.stall_after(after);
        }
        if let Some(after) = $options.lag_after {
            play = play.lag_after(after);
        }
        if let Some(most) = $options.silence_max {
            play = play.silence_max(most);
        }
        play
    }};
}

impl Options {
    fn watch(&self) -> Result<(), Error> {
        if let Some(url) = &self.http {
            let player = choices!(Player::http(url), self)
                .header("x-guest", "1")
                .start()?;
            return self.follow(&player);
        }
        let connection = self.server.connect()?;
        let mut play = choices!(connection.play(&self.server.stream), self);
        if self.live {
            play = play.live();
        }
        if let Some(length) = self.length {
            play = play.length(length);
        }
        let player = play.start()?;
        self.follow(&player)?;
        connection.close();
        Ok(())
    }

    fn follow(&self, player: &Player) -> Result<(), Error> {
        let end = if self.tell {
            tell_events(player, self.time)?
        } else {
            timing::sleep(self.time);
            player.closed()
        };
        let playback = player.statistics();
        tell_playback(&playback);
        log::info!("healthy={}", player.is_healthy());
        match end {
            Some(close) => tell_close(&close),
            None => tell_close(&player.stop()),
        }
        Ok(())
    }
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn join(_user: &User, options: Options) -> Result<Self> {
        Ok(Self(options))
    }

    fn iterate(&mut self) -> Result<()> {
        match self.0.watch() {
            Ok(()) => Counter::open("watched")?.add(1)?,
            Err(Error::Stopping) => return Err(Error::Stopping.into()),
            Err(error) => {
                tell_error(&error);
                Counter::open("not_watched")?.add(1)?;
            }
        }
        Ok(())
    }
}
