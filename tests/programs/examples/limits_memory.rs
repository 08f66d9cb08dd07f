//! Fills most of the memory a user may have, in every iteration and every user, and gives it back.

use lt_sdk::prelude::*;

#[derive(Default)]
struct Guest;

/// Half of what a user may have by default.
const BYTES: usize = 8 << 20;

#[lt_sdk::scenario]
impl Scenario for Guest {
    fn iterate(&mut self) -> Result<()> {
        let block = std::hint::black_box(vec![7_u8; BYTES]);
        ensure!(
            block.iter().map(|&byte| u64::from(byte)).sum::<u64>() == 7 * BYTES as u64,
            "memory was lost"
        );
        Ok(())
    }
}
