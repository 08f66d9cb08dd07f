//! Sleeps in its one iteration, for the bench: what a user costs that only waits. It imports no HTTP, so it has no I/O task.

use lt_sdk::prelude::*;

#[derive(Settings)]
struct Plan {
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

    fn iterate(&mut self) {
        if user::id() >= self.0.announce_from {
            log::write(log::Level::Info, "asleep");
        }
        timing::sleep(self.0.sleep);
    }
}
