//! Keeps its core busy for a part of each iteration, and asks for the time meanwhile.

use lt_sdk::prelude::*;

#[derive(Settings)]
struct Options {
    /// How long it keeps its core busy
    #[setting(default = "20ms")]
    busy: Duration,
}

struct Guest(Options);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn join(_user: &User, options: Options) -> Result<Self> {
        Ok(Self(options))
    }

    fn iterate(&mut self) -> Result<()> {
        let end = timing::now() + self.0.busy;
        let mut rounds = 0_u64;
        while timing::now() < end {
            for round in 0..1000_u64 {
                rounds = std::hint::black_box(rounds + round);
            }
        }
        Ok(())
    }
}
