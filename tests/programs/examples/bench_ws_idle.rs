//! Opens one WebSocket, has its host ping and sleeps, for the bench: what a user costs with an open socket.

use lt_sdk::prelude::*;
use lt_sdk::websocket::{Every, Inbox, WebSocket};

#[derive(Settings)]
struct Plan {
    /// What to connect to
    url: String,
    /// How often to ping
    #[setting(default = "25s")]
    ping_every: Duration,
    /// How long
    #[setting(default = "1h")]
    sleep: Duration,
    /// Users from this id on say when they begin to sleep: the last ones tell that all are there
    #[setting(default = 1)]
    announce_from: u64,
}

struct Guest(Plan);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Plan;

    fn join(_user: &User, plan: Plan) -> Result<Self> {
        Ok(Self(plan))
    }

    fn iterate(&mut self, it: Iteration) -> Result<()> {
        let plan = &self.0;
        let socket = WebSocket::request(&plan.url)
            .name("idle")
            .inbox(Inbox::new().messages(0))
            .connect()?;
        // Those who came together do not ping together.
        let first = it.rng().think_time(Duration::ZERO..plan.ping_every);
        let _pings = socket.ping_every(Every::new(plan.ping_every).first(first), None)?;
        if user::id() >= plan.announce_from {
            log::write(log::Level::Info, "asleep");
        }
        timing::sleep(plan.sleep);
        Ok(())
    }
}
