//! Logs in to an XMPP server, sends its presence and sleeps, for the bench: what a user costs with an idle session.

use lt_sdk::prelude::*;
use lt_sdk::xmpp::Login;

#[derive(Settings)]
struct Plan {
    #[setting(flatten)]
    login: Login,
    /// How long
    #[setting(default = "1h")]
    sleep: Duration,
    /// Users from this id on say when they begin to sleep: the last ones tell that all are there
    #[setting(default = 1)]
    announce_from: u64,
}

struct Person(Plan);

#[lt_sdk::scenario]
impl Scenario for Person {
    type Settings = Plan;

    fn join(_user: &User, plan: Plan) -> Result<Self> {
        Ok(Self(plan))
    }

    fn iterate(&mut self) -> Result<()> {
        let plan = &self.0;
        let session = plan
            .login
            .connect(user::id(), |account| account.presence())?;
        if user::id() >= plan.announce_from {
            log::write(log::Level::Info, "asleep");
        }
        timing::sleep(plan.sleep);
        session.close();
        Ok(())
    }
}
