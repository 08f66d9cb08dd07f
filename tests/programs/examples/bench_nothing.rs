//! Does nothing in its iterations, for the bench: what is left is the generator's own work.

use lt_sdk::prelude::*;

#[derive(Default)]
struct Guest;

#[lt_sdk::scenario]
impl Scenario for Guest {
    fn iterate(&mut self) {}
}
