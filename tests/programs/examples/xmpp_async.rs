//! Waits for several things at a time.

use lt_sdk::prelude::*;
use lt_sdk::xmpp::{self, Filter};
use lt_test_programs::xmpp::Server;

struct Guest(Server);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Server;

    fn join(_user: &User, server: Server) -> Result<Self> {
        Ok(Self(server))
    }

    async fn iterate(&mut self) -> Result<()> {
        let domain = &self.0.domain;
        let one = self.0.account()?.resource("one").connect()?;
        let two = self.0.account()?.resource("two").connect()?;
        let ping = one.start_request(&xmpp::ping(domain))?;
        let pong = two.start_request(&xmpp::ping(one.jid()))?;
        let (ping, pong) = join!(ping, pong);
        check!(
            "both are answered",
            ping?.kind() == Some("result") && pong?.from() == Some(one.jid())
        );
        one.send(&xmpp::chat(two.jid(), "to two"))?;
        two.send(&xmpp::chat(one.jid(), "to one"))?;
        let (first, second) = join!(
            one.receive_async(Filter::chat()),
            two.receive_async(Filter::chat())
        );
        check!(
            "each got its own",
            first?.body().as_deref() == Some("to one")
                && second?.body().as_deref() == Some("to two")
        );
        one.close();
        two.close();
        Ok(())
    }
}
