//! A fourth version, each iteration of which fails once the server has answered.

use lt_sdk::prelude::*;
use lt_test_programs::swap::{Options, described, page};

struct Guest(Options);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn describe(_base: Description) -> Description {
        described("4.0.0")
    }

    fn join(_user: &User, options: Options) -> Result<Self> {
        Ok(Self(options))
    }

    fn iterate(&mut self, it: Iteration) -> Result<()> {
        page(&self.0, "v4", &it, "")?;
        bail!("version 4 always fails")
    }
}
