//! Sleeps for a while in each iteration.

use lt_sdk::prelude::*;

#[derive(Settings)]
struct Pace {
    /// How long
    #[setting(default = "10ms")]
    sleep: Duration,
}

struct Guest(Pace);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Pace;

    fn join(_user: &User, pace: Pace) -> Result<Self> {
        Ok(Self(pace))
    }

    fn iterate(&mut self) {
        timing::sleep(self.0.sleep);
    }
}
