//! Sleeps while its host answers for it: pings, disco, the version, receipts, and no for all other requests.

use lt_sdk::prelude::*;
use lt_sdk::xmpp::{self, Element, Filter, Handlers, disco};
use lt_test_programs::xmpp::Server;

struct Guest(Server);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Server;

    fn join(_user: &User, server: Server) -> Result<Self> {
        Ok(Self(server))
    }

    fn iterate(&mut self) -> Result<()> {
        let asking = self.0.account()?.resource("asking").connect()?;
        let all = Handlers::all();
        let asked = self
            .0
            .account()?
            .resource("asked")
            .handlers(all)
            .connect()?;
        let to = asked.jid().to_owned();
        let pong = asking.request(&xmpp::ping(&to))?;
        check!("a ping is answered", pong.from() == Some(&to));
        let info = disco::read_info(&asking.request(&disco::info(&to, None))?)?;
        for feature in [
            "urn:xmpp:ping",
            "urn:xmpp:receipts",
            "jabber:iq:version",
            "urn:xmpp:time",
        ] {
            check!("disco tells what is answered", info.has(feature));
        }
        check!(
            "it has no items",
            disco::read_items(&asking.request(&disco::items(&to, None))?)?.is_empty()
        );
        let version = xmpp::read_version(&asking.request(&xmpp::version(&to))?)?;
        log::info!("version={} {}", version.name, version.version);
        asking.request(&xmpp::time(&to))?;
        let odd = xmpp::get(Element::new("query").namespace("urn:test:nothing"));
        let refused = asking.request(&odd.attribute("to", &to));
        check!(
            "other requests are refused",
            refused.is_err_and(|error| error.condition() == Some("service-unavailable"))
        );
        let message = xmpp::chat(&to, "did you get this?").id("r1");
        asking.send(&message.request_receipt())?;
        let receipt = asking.receive(
            Filter::message().payload("received", "urn:xmpp:receipts"),
            Duration::from_secs(10),
        )?;
        let received = receipt.value("{urn:xmpp:receipts}received@id");
        check!("a receipt has the id", received.as_deref() == Some("r1"));
        let kept = asked.receive(Filter::chat(), Duration::from_secs(10))?;
        check!("the message is kept all the same", kept.id() == Some("r1"));
        check!("all else was not", asked.try_receive()?.is_none());
        asked.close();
        asking.close();
        Ok(())
    }
}
