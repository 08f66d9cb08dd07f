//! Takes in what it wants, and lets the host count or drop the rest.

use lt_sdk::prelude::*;
use lt_sdk::xmpp::{self, Filter, Session};
use lt_test_programs::xmpp::Server;

struct Guest(Server);

/// So many of each kind, to somebody.
fn send(from: &Session, to: &str) -> Result<()> {
    for _ in 0..5 {
        from.send(&xmpp::chat(to, "wanted"))?;
        from.send(&xmpp::message(to).kind("headline").body("unwanted"))?;
    }
    // All has come when this has: the server keeps the order.
    from.send(&xmpp::chat(to, "the end"))?;
    Ok(())
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Server;

    fn join(_user: &User, server: Server) -> Result<Self> {
        Ok(Self(server))
    }

    fn iterate(&mut self) -> Result<()> {
        let wait = Duration::from_secs(10);
        let from = self.0.account()?.resource("from").connect()?;
        let report = self.0.account()?.resource("to");
        let to = report.intake_or_report(Filter::chat()).connect()?;
        send(&from, to.jid())?;
        to.receive(Filter::chat().contains("the end"), wait)?;
        check!("what is wanted is kept", to.drain().len() == 5);
        // Dropped without a word.
        to.set_intake(Filter::chat())?;
        send(&from, to.jid())?;
        to.receive(Filter::chat().contains("the end"), wait)?;
        check!("no more is kept", to.drain().len() == 5);
        to.set_intake(Filter::any())?;
        send(&from, to.jid())?;
        to.receive(Filter::chat().contains("the end"), wait)?;
        check!("all is kept", to.drain().len() == 10);
        check!("all was counted", to.statistics().received == 33);
        to.close();
        from.close();
        Ok(())
    }
}
