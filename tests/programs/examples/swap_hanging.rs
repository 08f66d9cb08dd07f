//! A fifth version, in whose `join` users wait for an answer that never comes.

use lt_sdk::prelude::*;
use lt_test_programs::swap::{Options, described, page};

struct Guest(Options);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn describe(_base: Description) -> Description {
        described("5.0.0")
    }

    fn join(_user: &User, options: Options) -> Result<Self> {
        timing::sleep(Duration::from_secs(3600));
        Ok(Self(options))
    }

    fn iterate(&mut self, it: Iteration) -> Result<()> {
        page(&self.0, "v5", &it, "")
    }
}
