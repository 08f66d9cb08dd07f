//! What a server does beyond messages: rooms, archives, nodes, lists of blocked contacts, places for files. Each as its builder has it.

use lt_sdk::prelude::*;
use lt_sdk::xmpp::{
    self, Element, Filter, Session, blocking, csi, mam, muc, pep, pubsub, roster, upload,
};
use lt_test_programs::xmpp::Server;

struct Guest(Server);

const WAIT: Duration = Duration::from_secs(10);

fn rooms(one: &Session, two: &Session, domain: &str) -> Result<()> {
    let room = format!("room_{}@muc.{domain}", user::id());
    let own = one.join_room(&muc::join(&room, "one"), WAIT)?;
    let statuses = muc::statuses(&own);
    check!(
        "the room is new, and one's own presence comes back",
        statuses.contains(&201) && statuses.contains(&110)
    );
    one.request(&muc::configure_instant(&room))?;
    two.join_room(&muc::join(&room, "two").history_max(0), WAIT)?;
    one.receive(Filter::presence().from(format!("{room}/two")), WAIT)?;
    for number in 0..3 {
        one.send(&xmpp::group_chat(&room, format!("to all {number}")).id(format!("g{number}")))?;
    }
    for session in [one, two] {
        for number in 0..3 {
            let said = session.receive(Filter::group_chat().id(format!("g{number}")), WAIT)?;
            check!(
                "everybody hears it",
                said.body() == Some(format!("to all {number}"))
                    && said.from() == Some(&format!("{room}/one"))
            );
        }
    }
    one.send(&muc::subject(&room, "tea"))?;
    two.receive(Filter::group_chat().contains("<subject>tea"), WAIT)?;
    let refused = two.request(&muc::kick(&room, "one", "no"));
    check!(
        "only those who may can kick",
        refused.is_err_and(|error| error.condition().is_some())
    );
    one.request(&muc::kick(&room, "two", "out"))?;
    let out = two.receive(
        Filter::presence()
            .kind("unavailable")
            .from(format!("{room}/two")),
        WAIT,
    )?;
    check!("who is kicked is told", muc::statuses(&out).contains(&307));
    let page = one.archive(mam::query().in_room(&room).max(2).newest())?;
    check!("the room has an archive", page.messages.len() == 2);
    one.request(&muc::destroy(&room, "done"))?;
    Ok(())
}

fn archives(one: &Session, two: &Session) -> Result<()> {
    let with = two.bare_jid();
    for number in 0..12 {
        let message = xmpp::chat(with, format!("to remember {number}"));
        one.send(&message.with_id())?;
    }
    two.receive(Filter::chat().contains("to remember 11"), WAIT)?;
    let newest = one.archive(mam::query().with(with).max(5).newest())?;
    let bodies: Vec<String> = newest
        .messages
        .iter()
        .filter_map(mam::Archived::body)
        .collect();
    check!(
        "the newest page",
        bodies.len() == 5 && bodies.last().map(String::as_str) == Some("to remember 11")
    );
    let Some(first) = newest.first.clone() else {
        bail!("a page without an end");
    };
    let before = one.archive(mam::query().with(with).max(5).before(first))?;
    check!(
        "the page before it",
        before
            .messages
            .last()
            .and_then(mam::Archived::body)
            .as_deref()
            == Some("to remember 6")
    );
    Ok(())
}

fn nodes(one: &Session, two: &Session, domain: &str) -> Result<()> {
    let service = format!("pubsub.{domain}");
    let node = format!("news_{}", user::id());
    one.request(&pubsub::create(&service, &node))?;
    two.request(&pubsub::subscribe(&service, &node, two.bare_jid()))?;
    let entry = |text: &str| Element::new("entry").namespace("urn:test:news").text(text);
    one.request(&pubsub::publish(&service, &node, "1", entry("today")))?;
    let event = two.receive(pubsub::events().from(&service), WAIT)?;
    let event = pubsub::read_event(&event);
    check!(
        "who subscribes is told",
        event.is_some_and(|event| event.node == node && event.items[0].id == "1")
    );
    let items = pubsub::read_items(&one.request(&pubsub::items(&service, &node, None))?)?;
    check!("it is kept", items.len() == 1);
    one.request(&pubsub::delete(&service, &node))?;
    let gone = one.request(&pubsub::items(&service, &node, None));
    check!(
        "and gone",
        gone.is_err_and(|error| error.condition() == Some("item-not-found"))
    );
    one.request(&pep::publish("urn:test:mood", "current", entry("happy")))?;
    let mood = one.request(&pep::items(one.bare_jid(), "urn:test:mood", None))?;
    check!("a mood is one's own", pubsub::read_items(&mood)?.len() == 1);
    one.request(&pep::delete("urn:test:mood"))?;
    Ok(())
}

fn contacts(one: &Session, two: &Session) -> Result<()> {
    one.send(&xmpp::subscribe(two.bare_jid()))?;
    two.receive(
        Filter::presence().kind("subscribe").from(one.bare_jid()),
        WAIT,
    )?;
    two.send(&xmpp::subscribed(one.bare_jid()))?;
    one.receive(Filter::presence().from(two.jid()).kind("available"), WAIT)?;
    one.request(&roster::remove(two.bare_jid()))?;
    one.request(&blocking::block([two.bare_jid()]))?;
    let blocked = blocking::read_list(&one.request(&blocking::list())?)?;
    check!("it is blocked", blocked == [two.bare_jid()]);
    two.send(&xmpp::chat(one.bare_jid(), "let me in").id("blocked"))?;
    let refused = two.receive(Filter::message().kind("error").id("blocked"), WAIT)?;
    check!("and hears it", refused.is_error());
    one.request(&blocking::unblock_all())?;
    one.send(&csi::inactive())?;
    one.send(&csi::active())?;
    Ok(())
}

fn files(one: &Session, domain: &str) -> Result<()> {
    let service = format!("upload.{domain}");
    let asked = one.request(&upload::slot(&service, "note.txt", 5, "text/plain"))?;
    let slot = upload::read_slot(&asked)?;
    slot.put("hello").send()?.error_for_status()?;
    let got = http::get(slot.get_url.as_str()).send()?;
    check!("the file is there", got.text()? == "hello");
    Ok(())
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Server;

    fn join(_user: &User, server: Server) -> Result<Self> {
        Ok(Self(server))
    }

    /// User 1 has user 11 for a friend, and so on.
    fn iterate(&mut self) -> Result<()> {
        let domain = &self.0.domain;
        let one = self.0.account()?.presence().connect()?;
        let friend = user::id() + 10;
        let two = self
            .0
            .account_of(&format!("user_{friend}"), &format!("password_{friend}"))?
            .presence()
            .connect()?;
        archives(&one, &two)?;
        rooms(&one, &two, domain)?;
        nodes(&one, &two, domain)?;
        contacts(&one, &two)?;
        files(&one, domain)?;
        one.close();
        two.close();
        Ok(())
    }
}
