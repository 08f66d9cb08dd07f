//! User 1 computes for ever.

use lt_sdk::prelude::*;
use lt_test_programs::{Peer, honest_iteration, is_my_turn_to_misbehave};

struct Guest(Peer);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Peer;

    fn join(_user: &User, peer: Peer) -> Result<Self> {
        Ok(Self(peer))
    }

    fn iterate(&mut self) -> Result<()> {
        if is_my_turn_to_misbehave() {
            let mut number = 0_u64;
            loop {
                number = std::hint::black_box(number.wrapping_mul(31).wrapping_add(1));
            }
        }
        honest_iteration(&self.0)
    }
}
