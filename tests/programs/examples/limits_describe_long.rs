//! `describe` returns a book of two megabytes.

use lt_sdk::prelude::*;

#[derive(Default)]
struct Guest;

#[lt_sdk::scenario]
impl Scenario for Guest {
    fn describe(base: Description) -> Description {
        base.doc(&"x".repeat(2_000_000))
    }

    fn iterate(&mut self) {}
}
