//! One long iteration, which ends early if the host asks and the user is in the mood.

use lt_sdk::prelude::*;

#[derive(Settings)]
struct Mood {
    /// How long an iteration takes if nobody asks
    #[setting(default = "60s")]
    time: Duration,
    /// Whether it listens
    #[setting(default = true)]
    listens: bool,
}

struct Guest(Mood);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Mood;

    fn join(_user: &User, mood: Mood) -> Result<Self> {
        metrics::Counter::open("joined")?.add(1)?;
        Ok(Self(mood))
    }

    fn iterate(&mut self) -> Result<()> {
        metrics::Counter::open("begun")?.add(1)?;
        let end = timing::now() + self.0.time;
        while timing::now() < end && !(self.0.listens && user::should_stop()) {
            timing::sleep(Duration::from_millis(20));
        }
        metrics::Counter::open("ended")?.add(1)?;
        Ok(())
    }

    fn leave(self) -> Result<()> {
        metrics::Counter::open("left")?.add(1)?;
        Ok(())
    }
}
