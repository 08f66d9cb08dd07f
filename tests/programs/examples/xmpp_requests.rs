//! Asks the server, itself and nobody for things: answers, refusals, silence.

use lt_sdk::prelude::*;
use lt_sdk::xmpp::{self, Element, Error, Filter, disco, roster, vcard};
use lt_test_programs::xmpp::{Server, is_case};

struct Guest(Server);

fn odd(to: &str) -> Element {
    xmpp::get(Element::new("query").namespace("urn:test:nothing")).attribute("to", to)
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Server;

    fn join(_user: &User, server: Server) -> Result<Self> {
        Ok(Self(server))
    }

    fn iterate(&mut self) -> Result<()> {
        let domain = &self.0.domain;
        // What nobody waits for any more is reported, and all else kept.
        let account = self.0.account()?.intake_or_report(Filter::any());
        let session = account.connect()?;
        let info = disco::read_info(&session.request(&disco::info(domain, None))?)?;
        check!("the server answers pings", info.has("urn:xmpp:ping"));
        let friend = format!("friend_of_{}@{domain}", user::id());
        let groups = ["Friends", "<&>"];
        session.request(&roster::set(&friend, "A \"friend\"", groups))?;
        let items = roster::read_items(&session.request(&roster::get())?)?;
        let found = items.iter().find(|item| item.jid == friend);
        check!(
            "the roster has a friend",
            found.is_some_and(|item| item.name.as_deref() == Some("A \"friend\""))
        );
        session.request(&roster::remove(&friend))?;
        // The server tells of the change (RFC 6121, section 2.1.6).
        let pushed = Filter::iq().kind("set").namespace("jabber:iq:roster");
        session.receive(pushed, Duration::from_secs(10))?;
        session.request(&vcard::set([("FN", "Somebody & Sons")]))?;
        let own = session.request(&vcard::get(session.bare_jid()))?;
        check!(
            "the vCard is as it was written",
            vcard::read(&own)?.to_xml().contains("Somebody &amp; Sons")
        );
        // One that nobody implements.
        let refused = session.request(&odd(domain));
        match &refused {
            Err(Error::Refused(error)) => {
                log::info!("refused={} kind={}", error.condition, error.kind);
                check!(
                    "a refusal has its stanza",
                    error.xml.contains(&error.condition) && error.kind == "cancel"
                );
            }
            other => bail!("not refused: {}", other.is_ok()),
        }
        check!(
            "it is refused",
            refused.as_ref().err().and_then(Error::condition) == Some("service-unavailable")
        );
        // Many at a time, finished in another order than they were started in.
        let pending = (0..50)
            .map(|_| session.start_request(&xmpp::ping(domain)))
            .collect::<xmpp::Result<Vec<_>>>()?;
        for one in pending.into_iter().rev() {
            one.finish()?;
        }
        // Nobody answers this in time: that is a presence of its own user, who is asked and never answers.
        let silent = self
            .0
            .account()?
            .handlers(xmpp::Handlers::none())
            .connect()?;
        let asked = session.request_timeout(&odd(silent.jid()), Duration::from_millis(200));
        check!("it is late", is_case(&asked, "timeout"));
        let question = silent.receive(Filter::iq().kind("get"), Duration::from_secs(10))?;
        check!(
            "the other was asked",
            question.from() == Some(session.jid())
        );
        // What comes too late is nobody's.
        let late = Element::new("iq")
            .attribute("type", "result")
            .attribute("to", session.jid())
            .attribute("id", question.id().unwrap_or_default());
        silent.send(&late)?;
        timing::sleep(Duration::from_millis(200));
        check!("and is not kept", session.try_receive()?.is_none());
        check!(
            "no stanza, no request",
            is_case(&session.request_xml("<iq type='get'>"), "invalid-request")
                && is_case(&session.request(&xmpp::presence()), "invalid-request")
        );
        // One that is given up: its answer is nobody's either.
        drop(session.start_request(&xmpp::ping(domain))?);
        session.request(&xmpp::ping(domain))?;
        check!(
            "nothing is left",
            session
                .receive(Filter::any(), Duration::from_millis(50))
                .is_err()
        );
        silent.close();
        session.close();
        check!(
            "a closed session is asked nothing",
            is_case(&session.request(&xmpp::ping(domain)), "closed")
        );
        Ok(())
    }
}
