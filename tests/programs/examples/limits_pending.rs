//! User 1 starts requests without end, and finishes none.

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
                hoard.push(http::get(format!("{}/hoard", self.0.url)).start()?);
            }
        }
        honest_iteration(&self.0)
    }
}
