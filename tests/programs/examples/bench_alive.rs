//! Gives signs of life, for the bench: an outsider sees from its samples alone when each user came and when it went, also if it
//! went by force.

use lt_sdk::metrics::Gauge;
use lt_sdk::prelude::*;

#[derive(Settings)]
struct Plan {
    /// Length of an iteration
    #[setting(default = "500ms")]
    pause: Duration,
    /// Time between two signs of life
    #[setting(default = "10ms")]
    interval: Duration,
}

struct Guest(Plan);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Plan;

    fn join(_user: &User, plan: Plan) -> Result<Self> {
        Ok(Self(plan))
    }

    /// Sleeps for its pause, as k6's examples do, in short steps of a grid that lateness does not shift.
    #[expect(clippy::cast_precision_loss, reason = "ids stay far below 2^53")]
    fn iterate(&mut self, it: Iteration) -> Result<()> {
        let alive = Gauge::open("alive")?;
        let id = user::id() as f64;
        alive.add(id)?;
        let end = it.actual_start + self.0.pause;
        let mut next = it.actual_start + self.0.interval;
        while next <= end {
            timing::sleep_until(next);
            alive.add(id)?;
            next += self.0.interval;
        }
        Ok(())
    }
}
