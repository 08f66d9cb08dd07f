//! User 1 hands the host lists as long as its memory allows.

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
            let tags: Vec<String> = (0..100_000).map(|number| format!("tag{number}")).collect();
            let tags: Vec<(&str, &str)> = tags.iter().map(|tag| (tag.as_str(), "x")).collect();
            metrics::Counter::open("tagged")?.add_tagged(1, &tags)?;
            let url = format!("{}/batch", self.0.url);
            let answers = http::batch((0..20_000).map(|_| http::get(url.as_str())));
            let refused = answers.iter().filter(|answer| answer.is_err()).count();
            bail!("of the batch {refused} were refused");
        }
        honest_iteration(&self.0)
    }
}
