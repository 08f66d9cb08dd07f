//! `describe` panics.
#![allow(clippy::panic, reason = "that is what this guest is for")]

use lt_sdk::prelude::*;

#[derive(Default)]
struct Guest;

#[lt_sdk::scenario]
impl Scenario for Guest {
    fn describe(_base: Description) -> Description {
        panic!("no words for it")
    }

    fn iterate(&mut self) {}
}
