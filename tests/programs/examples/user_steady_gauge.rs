//! Comes up after a while, and says so by a gauge.

use lt_sdk::metrics::{Gauge, Kind, Unit};
use lt_sdk::prelude::*;

#[derive(Settings)]
struct Options {
    /// Iterations before it is up
    #[setting(default = 3)]
    after: u64,
    /// Users up to this id never come up
    #[setting(default = 0)]
    down: u64,
}

struct Guest(Options);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn describe(base: Description) -> Description {
        base.metric("established", "1 while it is up", Kind::Gauge, Unit::None)
            .steady_gauge("established")
    }

    fn join(_user: &User, options: Options) -> Result<Self> {
        Ok(Self(options))
    }

    fn iterate(&mut self, it: Iteration) -> Result<()> {
        let up = it.number >= self.0.after && user::id() > self.0.down;
        Gauge::open("established")?.add(f64::from(u8::from(up)))?;
        timing::sleep(Duration::from_millis(20));
        Ok(())
    }
}
