//! User 1 opens handles without end.

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
            let mut hoard = Vec::new();
            loop {
                hoard.push(metrics::Counter::open("hoard")?);
            }
        }
        honest_iteration(&self.0)
    }
}
