//! Plays a stream and sleeps, for the bench: what a player costs. It has no more settings than it needs: what a user reads is its memory.

use lt_sdk::prelude::*;
use lt_sdk::rtmp;

#[derive(Settings)]
struct Plan {
    /// The application
    url: String,
    /// Users from this id on say when they begin to sleep: the last ones tell that all are there
    #[setting(default = 1)]
    announce_from: u64,
}

struct Guest(Plan);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Plan;

    fn join(_user: &User, plan: Plan) -> Result<Self> {
        Ok(Self(plan))
    }

    fn iterate(&mut self) -> Result<()> {
        let plan = &self.0;
        let connection = rtmp::connect(&plan.url)?;
        let player = connection.play("stream").live().start()?;
        // The first media are there: what follows is the same again and again.
        player.watch_timeout(Duration::from_millis(1), Duration::from_secs(60))?;
        if user::id() >= plan.announce_from {
            log::write(log::Level::Info, "asleep");
        }
        user::sleep_until(timing::now() + Duration::from_secs(3600))?;
        ensure!(player.closed().is_none(), "the stream ended");
        player.stop();
        connection.close();
        Ok(())
    }
}
