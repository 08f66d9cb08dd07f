//! `describe` calls itself without end.

use lt_sdk::prelude::*;

#[derive(Default)]
struct Guest;

#[lt_sdk::scenario]
impl Scenario for Guest {
    fn describe(base: Description) -> Description {
        fn deeper(depth: u64) -> u64 {
            let here = std::hint::black_box([depth; 64]);
            if here[0] == u64::MAX {
                return 0;
            }
            deeper(depth + 1) + std::hint::black_box(here)[1]
        }
        std::hint::black_box(deeper(0));
        base
    }

    fn iterate(&mut self) {}
}
