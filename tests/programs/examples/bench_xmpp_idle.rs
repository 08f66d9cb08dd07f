//! Logs in to an XMPP server, sends its presence and sleeps, for the bench: what a user costs with an idle session. It has no more settings than it
//! needs: what a user reads is its memory.

use lt_sdk::prelude::*;
use lt_sdk::xmpp::{Account, Mechanism, Security};

#[derive(Settings)]
struct Plan {
    /// The server's host and port
    host: String,
    /// starttls, or none
    #[setting(allowed("starttls", "none"))]
    security: String,
    /// best, or plain
    #[setting(allowed("best", "plain"))]
    mechanism: String,
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
        let id = user::id().to_string();
        let jid = ["user_", &id, "@localhost"].concat();
        let mut account = Account::new(jid, ["password_", &id].concat())
            .address(&plan.host)
            .insecure(true)
            .step_timeout(Duration::from_secs(60))
            .presence();
        if plan.security == "none" {
            account = account.security(Security::None);
        }
        if plan.mechanism == "plain" {
            account = account.mechanism(Mechanism::Plain);
        }
        let session = account.connect()?;
        drop(account);
        if user::id() >= plan.announce_from {
            log::write(log::Level::Info, "asleep");
        }
        timing::sleep(plan.sleep);
        session.close();
        Ok(())
    }
}
