//! Starts a slow request, thinks better of it, and goes on.

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
        let slow = http::get(format!("{}/slow", self.0.url)).start()?;
        timing::sleep(Duration::from_millis(50));
        ensure!(!slow.is_ready(), "the slow answer is there already");
        drop(slow);
        let status = http::get(format!("{}/fast", self.0.url)).send()?.status();
        ensure!(status == 200, "status {status}");
        Ok(())
    }
}
