//! The second version of a scenario whose code is swapped while it runs: with a setting and a metric that the first did not have.

use lt_sdk::metrics::{Kind, Trend, Unit};
use lt_sdk::prelude::*;
use lt_test_programs::swap::{Options, described, end, page, text_of};

#[derive(Settings)]
struct More {
    #[setting(flatten)]
    options: Options,
    /// What the trend is fed with
    #[setting(default = 7, min = 0, max = 1000)]
    depth: Live<u32>,
}

struct Guest(More, String);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = More;

    fn describe(_base: Description) -> Description {
        described("2.0.0").metric("depth", "How deep it went", Kind::Trend, Unit::None)
    }

    fn init(_run: &RunInfo, _more: &More) -> Result<Vec<u8>> {
        Ok(b"2.0.0".to_vec())
    }

    fn join(_user: &User, more: More, state: &[u8]) -> Result<Self> {
        Ok(Self(more, text_of(state)))
    }

    fn iterate(&mut self, it: Iteration) -> Result<()> {
        page(&self.0.options, "v2", &it, &self.1)?;
        Trend::open("depth")?.add(f64::from(self.0.depth.get()?))?;
        Ok(())
    }

    fn terminate(state: &[u8]) -> Result<()> {
        end("2.0.0", state)
    }
}
