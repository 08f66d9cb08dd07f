//! A third version, which no user can join.

use lt_sdk::prelude::*;
use lt_test_programs::swap::{Options, described, page};

struct Guest(Options);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn describe(_base: Description) -> Description {
        described("3.0.0")
    }

    fn join(_user: &User, options: Options) -> Result<Self> {
        ensure!(options.url.is_empty(), "version 3 lets nobody in");
        Ok(Self(options))
    }

    fn iterate(&mut self, it: Iteration) -> Result<()> {
        page(&self.0, "v3", &it, "")
    }
}
