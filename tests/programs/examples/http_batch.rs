//! Sends many requests at the same time.

use lt_sdk::prelude::*;
use lt_test_programs::Peer;

struct Guest(Peer);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Peer;

    fn join(_user: &User, peer: Peer) -> Result<Self> {
        Ok(Self(peer))
    }

    fn iterate(&mut self) -> Result<()> {
        let requests = (0..30)
            .map(|number| http::get(format!("{}/item?number={number}", self.0.url)).name("item"));
        for (number, answer) in http::batch(requests).into_iter().enumerate() {
            let text = answer?.text()?;
            ensure!(
                text == format!("item {number}"),
                "in place {number} is {text:?}"
            );
        }
        let mixed = http::batch([
            http::get("no URL"),
            http::get(format!("{}/item?number=7", self.0.url)),
        ]);
        ensure!(
            mixed.len() == 2 && mixed[0].is_err() && mixed[1].is_ok(),
            "a fault spoils its neighbour: {mixed:?}"
        );
        ensure!(http::batch([]).is_empty(), "nothing was answered");
        Ok(())
    }
}
