//! `describe` declares more metrics than anybody would look at.

use lt_sdk::metrics::{Kind, Unit};
use lt_sdk::prelude::*;

#[derive(Default)]
struct Guest;

#[lt_sdk::scenario]
impl Scenario for Guest {
    fn describe(base: Description) -> Description {
        let metrics = (0..5000).map(|number| format!("m{number}"));
        metrics.fold(base, |all, name| {
            all.metric(&name, "", Kind::Counter, Unit::None)
        })
    }

    fn iterate(&mut self) {}
}
