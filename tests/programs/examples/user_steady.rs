//! Comes up after a while, and may go down again or never come up.
#![allow(clippy::panic, reason = "one of the ways not to be steady")]

use lt_sdk::metrics::Counter;
use lt_sdk::prelude::*;

#[derive(Settings)]
struct Options {
    /// Iterations before it is up
    #[setting(default = 3)]
    after: u64,
    /// Users up to this id never come up
    #[setting(default = 0)]
    down: u64,
    /// Users up to this id panic instead
    #[setting(default = 0)]
    panics: u64,
    /// The iteration in which it is down once more; 0 is never
    #[setting(default = 0)]
    relapse: u64,
    /// Length of an iteration
    #[setting(default = "20ms")]
    pause: Duration,
}

struct Guest(Options);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn describe(base: Description) -> Description {
        base.steady_check("stream is up")
    }

    fn join(_user: &User, options: Options) -> Result<Self> {
        Ok(Self(options))
    }

    fn iterate(&mut self, it: Iteration) -> Result<()> {
        let options = &self.0;
        if user::id() <= options.panics {
            panic!("it never was up");
        }
        let relapses = options.relapse > 0 && it.number == options.relapse;
        let up = it.number >= options.after && user::id() > options.down && !relapses;
        if check!("stream is up", up) {
            Counter::open("up")?.add(1)?;
        }
        timing::sleep(options.pause);
        Ok(())
    }
}
