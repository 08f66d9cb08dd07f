//! Publishes the asset `video` as a stream of its own and sleeps, for the bench: how true to time it is sent, and what that costs.

use lt_sdk::prelude::*;
use lt_sdk::rtmp::{self, Stamping};

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

    fn describe(base: Description) -> Description {
        base.asset("video", "what is published")
    }

    fn join(_user: &User, plan: Plan) -> Result<Self> {
        Ok(Self(plan))
    }

    fn iterate(&mut self) -> Result<()> {
        let plan = &self.0;
        let connection = rtmp::connect(&plan.url)?;
        let name = format!("stream-{}", user::id());
        let publisher = connection.publish(name).stamping(Stamping::None).start()?;
        publisher.publish_asset("video").start()?;
        if user::id() >= plan.announce_from {
            log::write(log::Level::Info, "asleep");
        }
        user::sleep_until(timing::now() + Duration::from_secs(3600))?;
        ensure!(publisher.closed().is_none(), "the stream ended");
        publisher.stop();
        connection.close();
        Ok(())
    }
}
