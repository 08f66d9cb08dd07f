//! User 1 panics.
#![allow(clippy::panic, reason = "that is what this guest is for")]

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
            panic!("the shelf is empty");
        }
        honest_iteration(&self.0)
    }
}
