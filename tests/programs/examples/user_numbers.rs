//! Tells a server its seed and its random numbers, those of the SDK and those of the standard library.

use lt_sdk::prelude::*;
use std::hash::{BuildHasher, RandomState};

use lt_test_programs::Peer;

struct Guest(Peer);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Peer;

    fn join(_user: &User, peer: Peer) -> Result<Self> {
        Ok(Self(peer))
    }

    fn iterate(&mut self) -> Result<()> {
        let drawn = user::rng().next_u64();
        // The hasher's keys come from the random numbers of WASI.
        let hashed = RandomState::new().hash_one(1);
        let (id, seed, number) = (user::id(), user::seed(), user::iteration());
        let query = format!("user={id}&seed={seed}&number={number}&drawn={drawn}&hashed={hashed}");
        http::get(format!("{}/numbers?{query}", self.0.url)).send()?;
        Ok(())
    }
}
