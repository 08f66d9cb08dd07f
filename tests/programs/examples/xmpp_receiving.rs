//! Two sessions of one account: what one sends, the other picks out of its inbox with filters, in any order.

use lt_sdk::prelude::*;
use lt_sdk::xmpp::{self, Element, Filter, Session};
use lt_test_programs::xmpp::{Server, is_case};

struct Guest(Server);

const WAIT: Duration = Duration::from_secs(10);

fn send_all(from: &Session, to: &str) -> Result<()> {
    for message in [
        xmpp::chat(to, "first").id("m1"),
        xmpp::message(to).kind("headline").body("news").id("m2"),
        xmpp::chat(to, "third, with <&> \"quotes\" and \u{1f600}").id("m3"),
        xmpp::message(to).child(
            Element::new("order")
                .namespace("urn:test:shop")
                .attribute("number", "7"),
        ),
        xmpp::presence().attribute("to", to).status("here"),
        xmpp::chat(to, "last").id("m6"),
    ] {
        from.send(&message)?;
    }
    Ok(())
}

fn pick(session: &Session, sender: &Session) -> Result<()> {
    let from = sender.jid();
    let order = session.receive(Filter::message().payload("order", "urn:test:shop"), WAIT)?;
    let number = order.value("{urn:test:shop}order@number");
    check!("a payload is found", number.as_deref() == Some("7"));
    check!(
        "a message without a type is normal",
        order.kind().is_none()
            && session
                .try_receive_matching(Filter::message().kind("normal"))?
                .is_none()
    );
    let last = session.receive(Filter::chat().from(sender.bare_jid()).id("m6"), WAIT)?;
    check!(
        "a bare JID stands for its resources",
        last.from() == Some(from)
    );
    let presence = session.receive(Filter::presence().kind("available").from(from), WAIT)?;
    check!(
        "a presence without a type is available",
        presence.child_text("status", "jabber:client").as_deref() == Some("here")
    );
    let third = session.receive(Filter::any().regex("thi[r]d"), WAIT)?;
    check!(
        "text comes as it was sent",
        third.body().as_deref() == Some("third, with <&> \"quotes\" and \u{1f600}")
    );
    let either = [Filter::element("nothing"), Filter::any().contains("news")];
    let news = session.receive(either, WAIT)?;
    check!("one of several is enough", news.id() == Some("m2"));
    let nobody = Filter::any().from("somebody@else.test");
    check!(
        "nobody else has sent anything",
        is_case(
            &session.receive(nobody, Duration::from_millis(50)),
            "timeout"
        )
    );
    let first = session.receive(Filter::any(), WAIT)?;
    check!(
        "the first was there all the time",
        first.body().as_deref() == Some("first") && first.arrived() <= timing::now()
    );
    check!("nothing is left", session.try_receive()?.is_none());
    Ok(())
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Server;

    fn join(_user: &User, server: Server) -> Result<Self> {
        Ok(Self(server))
    }

    fn iterate(&mut self) -> Result<()> {
        let phone = self.0.account()?.resource("phone").connect()?;
        let desk = self.0.account()?.resource("desk").connect()?;
        let to = desk.jid().to_owned();
        send_all(&phone, &to)?;
        pick(&desk, &phone)?;
        send_all(&phone, &to)?;
        desk.receive(Filter::any().id("m6"), WAIT)?;
        let two = desk.drain_at_most(2);
        check!("two are drained", two.len() == 2);
        check!("the rest is drained", desk.drain().len() == 3);
        // What came before the end is still there after it.
        phone.send(&xmpp::chat(&to, "before the end"))?;
        timing::sleep(Duration::from_millis(200));
        desk.close();
        let left = desk.receive(Filter::chat(), Duration::ZERO)?;
        check!("it is", left.body().as_deref() == Some("before the end"));
        check!(
            "then it is closed",
            is_case(&desk.receive(Filter::any(), WAIT), "closed")
        );
        phone.close();
        Ok(())
    }
}
