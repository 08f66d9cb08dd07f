//! Makes one request and sleeps, for the bench: what a user costs with an idle connection.

use lt_sdk::prelude::*;

#[derive(Settings)]
struct Plan {
    /// What to ask for
    url: String,
    /// How long
    #[setting(default = "1h")]
    sleep: Duration,
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
        let status = http::get(&self.0.url).send()?.status();
        ensure!(status == 200, "status {status}");
        if user::id() >= self.0.announce_from {
            log::write(log::Level::Info, "asleep");
        }
        timing::sleep(self.0.sleep);
        Ok(())
    }
}
