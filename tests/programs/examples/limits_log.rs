//! User 1 writes to the log without end, in all ways there are.

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
            for number in 0..20_000 {
                log::error!("FLOOD {number}");
                println!("FLOOD {number}");
                eprintln!("FLOOD {number}");
            }
            bail!("the flood is over");
        }
        honest_iteration(&self.0)
    }
}
