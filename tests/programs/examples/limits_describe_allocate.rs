//! `describe` takes all the memory that it can get.

use lt_sdk::prelude::*;

#[derive(Default)]
struct Guest;

#[lt_sdk::scenario]
impl Scenario for Guest {
    fn describe(base: Description) -> Description {
        let mut taken = Vec::new();
        loop {
            taken.push(vec![1_u8; 1 << 20]);
            std::hint::black_box((&base, &taken));
        }
    }

    fn iterate(&mut self) {}
}
