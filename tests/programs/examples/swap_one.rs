//! The first version of a scenario whose code is swapped while it runs.

use lt_sdk::prelude::*;
use lt_test_programs::swap::{Options, described, end, page, text_of};

struct Guest(Options, String);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn describe(_base: Description) -> Description {
        described("1.0.0")
    }

    fn init(_run: &RunInfo, _options: &Options) -> Result<Vec<u8>> {
        Ok(b"1.0.0".to_vec())
    }

    fn join(_user: &User, options: Options, state: &[u8]) -> Result<Self> {
        Ok(Self(options, text_of(state)))
    }

    fn iterate(&mut self, it: Iteration) -> Result<()> {
        page(&self.0, "v1", &it, &self.1)
    }

    fn terminate(state: &[u8]) -> Result<()> {
        end("1.0.0", state)
    }
}
