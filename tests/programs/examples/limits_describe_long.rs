//! `describe` returns a book of ten megabytes.

use lt_sdk::prelude::*;

#[derive(Default)]
struct Guest;

#[lt_sdk::scenario]
impl Scenario for Guest {
    fn describe(base: Description) -> Description {
        base.doc(&"x".repeat(10_000_000))
    }

    fn iterate(&mut self) {}
}
