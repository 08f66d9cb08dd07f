//! `describe` never returns.

use lt_sdk::prelude::*;

#[derive(Default)]
struct Guest;

#[lt_sdk::scenario]
impl Scenario for Guest {
    fn describe(base: Description) -> Description {
        loop {
            std::hint::black_box(&base);
        }
    }

    fn iterate(&mut self) {}
}
