//! Has roles, and tells a server which one it plays.

use lt_sdk::prelude::*;
use lt_test_programs::Peer;

struct Guest(Peer);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Peer;

    fn describe(base: Description) -> Description {
        base.doc("Plays a part")
            .role("speaker", "speaks", Share::Count(1))
            .role("listener", "listens", Share::Weight(3))
            .role("heckler", "does not listen", Share::Weight(1))
            .users(5)
            .iterations(5)
    }

    fn join(_user: &User, peer: Peer) -> Result<Self> {
        Ok(Self(peer))
    }

    fn iterate(&mut self) -> Result<()> {
        http::get(format!(
            "{}/role?user={}&role={}",
            self.0.url,
            user::id(),
            user::role()
        ))
        .send()?;
        Ok(())
    }
}
