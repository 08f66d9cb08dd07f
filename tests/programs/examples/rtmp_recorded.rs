//! Plays a recorded file: pauses, goes on, seeks, and sees it end.

use lt_sdk::prelude::*;
use lt_sdk::rtmp::Ending;
use lt_test_programs::rtmp::{Server, tell_close, tell_events, tell_playback};

#[derive(Settings)]
struct Options {
    #[setting(flatten)]
    server: Server,
    /// How long to pause
    #[setting(default = "2s")]
    pause: Duration,
    /// Where to seek to
    #[setting(default = "6s")]
    position: Duration,
    /// How long to watch before each
    #[setting(default = "1s")]
    part: Duration,
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
        let connection = options.server.connect()?;
        let player = connection.play(&options.server.stream).start()?;
        player.watch_timeout(options.part, Duration::from_secs(20))?;
        player.pause()?;
        let before = player.statistics();
        timing::sleep(options.pause);
        let after = player.statistics();
        log::info!(
            "paused_media_ms={} paused_lag_ms={} paused_stalls={}",
            (after.media_time - before.media_time).as_millis(),
            after.lag.as_millis(),
            after.stalls
        );
        check!(
            "what is paused is not stalled",
            after.stalls == 0 && !after.stalled
        );
        check!("what is paused does not lag", !after.lagged);
        player.unpause()?;
        player.watch_timeout(before.media_time + options.part, Duration::from_secs(20))?;
        // nginx-rtmp begins anew where it was paused: a jump that is the server's.
        let jumps = player.statistics().discontinuities;
        player.seek(options.position)?;
        player.watch_timeout(options.part, Duration::from_secs(20))?;
        let sought = player.statistics();
        check!("a seek is no jump", sought.discontinuities <= jumps);
        check!("media begins anew", sought.media_time < options.position);
        let end = tell_events(&player, Duration::from_secs(20))?;
        tell_playback(&player.statistics());
        match end {
            Some(close) => {
                check!("the server said so", close.ending == Ending::ByPeer);
                tell_close(&close);
            }
            None => bail!("it did not end"),
        }
        Ok(())
    }
}
