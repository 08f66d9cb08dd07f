//! User 1 recurses without end.

use lt_sdk::prelude::*;
use lt_test_programs::{Peer, honest_iteration, is_my_turn_to_misbehave};

struct Guest(Peer);

/// Not a tail call, and not to be folded into a loop.
#[expect(unconditional_recursion, reason = "that is what this guest is for")]
fn deeper(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 64]);
    deeper(depth + 1) + frame.iter().sum::<u64>()
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Peer;

    fn join(_user: &User, peer: Peer) -> Result<Self> {
        Ok(Self(peer))
    }

    fn iterate(&mut self) -> Result<()> {
        if is_my_turn_to_misbehave() {
            ensure!(deeper(0) == 0, "it came back");
        }
        honest_iteration(&self.0)
    }
}
