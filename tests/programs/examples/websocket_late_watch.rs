//! Watches only when messages have come already, as whoever connects to a server that speaks first does.

use lt_sdk::prelude::*;
use lt_sdk::websocket::{self, Pattern, Watch};
use lt_test_programs::Peer;

struct Guest(Peer);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Peer;

    fn join(_user: &User, peer: Peer) -> Result<Self> {
        Ok(Self(peer))
    }

    fn iterate(&mut self) -> Result<()> {
        let socket = websocket::connect(&self.0.url)?;
        // The last of what the server says by itself.
        socket.receive_matching(&Pattern::contains("end"), Duration::from_secs(10))?;
        let chat = Watch::new(Pattern::json("/type", "chat")).named("chat");
        let chat = socket.watch(chat.discard())?;
        let all = socket.watch(Watch::new(Pattern::any()))?;
        log::info!("chat={} left={}", chat.matched(), all.matched());
        let left = socket.drain();
        check!(
            "what the first took out the second does not see",
            left.len() as u64 == all.matched()
        );
        socket.close()?;
        Ok(())
    }
}
