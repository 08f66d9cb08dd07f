//! Sends a text over its one WebSocket and waits for it to come back, for the bench. `native_echo` does the same without lt-host.

use lt_sdk::prelude::*;
use lt_sdk::websocket::WebSocket;

#[derive(Settings)]
struct Plan {
    /// A server that echoes
    url: String,
}

struct Guest(WebSocket);

/// The text that goes to and fro.
const TEXT: &str = "a line of a chat, as long as most";

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Plan;

    fn join(_user: &User, plan: Plan) -> Result<Self> {
        Ok(Self(WebSocket::request(plan.url).name("echo").connect()?))
    }

    fn iterate(&mut self) -> Result<()> {
        self.0.send_text(TEXT)?;
        let answer = self.0.receive(Duration::from_secs(10))?;
        ensure!(answer.text() == Some(TEXT), "another text came back");
        Ok(())
    }
}
