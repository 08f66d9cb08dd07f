//! `describe` asks the host something, which it may not.

use lt_sdk::prelude::*;

#[derive(Default)]
struct Guest;

#[lt_sdk::scenario]
impl Scenario for Guest {
    fn describe(base: Description) -> Description {
        base.users(user::id())
    }

    fn iterate(&mut self) {}
}
