//! Connects by steps of its own, and does steps later.

use lt_sdk::prelude::*;
use lt_sdk::xmpp::{self, Filter, Step, StreamManagement};
use lt_test_programs::xmpp::{Server, is_case};

struct Guest(Server);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Server;

    fn join(_user: &User, server: Server) -> Result<Self> {
        Ok(Self(server))
    }

    fn iterate(&mut self) -> Result<()> {
        let account = self.0.account()?;
        let own = Step::custom("own-session")
            .send("<iq type='set' id='own'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>")
            .expect(Filter::iq().id("own"));
        let session = account
            .clone()
            .steps([
                Step::stream(),
                Step::tls(),
                Step::authenticate(),
                Step::bind(),
                own,
                Step::custom("silent").send(" "),
            ])
            .connect()?;
        let connected = session.connected();
        let steps: Vec<&str> = connected.steps.iter().map(|(name, _)| &name[..]).collect();
        log::info!("steps={}", steps.join(","));
        // Later.
        let took = session.perform(Step::carbons())?;
        check!("it took its time", took > Duration::ZERO);
        session.perform(Step::presence())?;
        session.perform(Step::stream_management(StreamManagement::resumable()))?;
        check!("nothing waits", session.acknowledge()? == 0);
        let own = Step::custom("own-ping")
            .send(format!(
                "<iq type='get' id='p' to='{}'><ping xmlns='urn:xmpp:ping'/></iq>",
                self.0.domain
            ))
            .expect(Filter::iq().id("p"));
        session.perform(own)?;
        // Nobody sends this.
        let never = Step::custom("never").expect(Filter::message().id("never"));
        let late = session.perform_timeout(never, Duration::from_millis(200));
        check!("it never comes", is_case(&late, "step-timeout"));
        for step in [
            Step::stream(),
            Step::tls(),
            Step::authenticate(),
            Step::bind(),
        ] {
            check!(
                "not when connected",
                is_case(&session.perform(step), "invalid-request")
            );
        }
        // Copies of what another session of the account sends.
        let other = account.resource("other").presence().connect()?;
        drop(session.drain());
        other.send(&xmpp::chat(
            format!("user_2@{}", self.0.domain),
            "to a friend",
        ))?;
        let copy = session.receive(
            Filter::message().namespace("urn:xmpp:carbons:2"),
            Duration::from_secs(10),
        )?;
        let copied = xmpp::carbons::read(&copy);
        check!("a copy came", copied.is_some());
        other.close();
        session.close();
        Ok(())
    }
}
