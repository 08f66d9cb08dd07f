//! Sleeps while its host counts and times what comes, answers it, and sends on its own.

use lt_sdk::prelude::*;
use lt_sdk::xmpp::{self, Element, Every, Filter, Key, Pings, Unit, Watch};
use lt_test_programs::xmpp::Server;

#[derive(Settings)]
struct Options {
    #[setting(flatten)]
    server: Server,
    /// Messages whose delivery is timed
    #[setting(default = 10)]
    messages: u32,
    /// How long to sleep
    #[setting(default = "500ms")]
    sleep: Duration,
}

struct Guest(Options);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn join(_user: &User, options: Options) -> Result<Self> {
        Ok(Self(options))
    }

    fn iterate(&mut self, it: Iteration) -> Result<()> {
        let Options {
            server,
            messages,
            sleep,
        } = &self.0;
        let from = server.account()?.resource("from").connect()?;
        let to = server.account()?.resource("to").presence().connect()?;
        drop(to.drain());
        let chat = Watch::new(Filter::chat()).named("chat").delivery(Key::id());
        let chat = to.watch(chat.discard())?;
        let news = Watch::new(Filter::message().kind("headline")).named("news");
        let news = to.watch(news.stamp_micros().discard())?;
        let own = Watch::new(Filter::message().payload("t", "urn:test:time"))
            .stamp(
                Key::path("{urn:test:time}t@at").regex("([0-9.]+)s"),
                Unit::Seconds,
            )
            .reply(
                "<message to='{from}' id='{id}-again' type='normal'><body>got it</body></message>",
            );
        let own = to.watch(own.discard())?;
        for number in 0..*messages {
            let id = format!("{}-{}-{number}", user::id(), it.number);
            coordination::mark_sent(&id)?;
            from.send(&xmpp::chat(to.jid(), "hello").id(&id))?;
            from.send(&xmpp::message(to.jid()).kind("headline").stamp_micros())?;
        }
        let stamp = Element::new("t")
            .namespace("urn:test:time")
            .attribute("at", "1700000000.5s");
        from.send(&xmpp::message(to.jid()).id("own").child(stamp))?;
        let beats = from.send_every(
            Every::new(Duration::from_millis(50)).first(Duration::ZERO),
            format!("<message to='{}' type='normal' id='beat-{{n}}'/>", to.jid()),
        )?;
        let pings = from.ping_every(
            Pings::every(Every::new(Duration::from_millis(50)).first(Duration::ZERO))
                .timeout(Duration::from_secs(10)),
        )?;
        let spaces = from.keep_alive_every(Duration::from_millis(50))?;
        timing::sleep(*sleep);
        let sent = beats.sent();
        check!(
            "it was sent again and again",
            sent >= 3 && pings.sent() >= 3 && spaces.sent() >= 2
        );
        drop((beats, pings, spaces));
        let again = from.receive(Filter::message().id("own-again"), Duration::from_secs(10))?;
        check!(
            "the host has answered",
            again.body().as_deref() == Some("got it") && again.from() == Some(to.jid())
        );
        // What was sent last has its way to go.
        from.request(&xmpp::ping(&server.domain))?;
        timing::sleep(Duration::from_millis(200));
        check!("chat was counted", chat.matched() == u64::from(*messages));
        check!("news were counted", news.matched() == u64::from(*messages));
        check!("its own was counted", own.matched() == 1);
        let kept = to.drain();
        // One may have been due as they were stopped.
        let came = kept.len() as u64;
        check!("beats came", came == sent || came == sent + 1);
        check!(
            "each with its number",
            kept.iter()
                .zip(1..)
                .all(|(beat, n)| beat.id() == Some(&format!("beat-{n}")))
        );
        drop((chat, news, own));
        from.send(&xmpp::chat(to.jid(), "no longer watched"))?;
        to.receive(Filter::chat(), Duration::from_secs(10))?;
        check!(
            "nothing else came",
            to.receive(Filter::any(), Duration::ZERO).is_err()
        );
        log::info!("beats={sent}");
        to.close();
        from.close();
        Ok(())
    }
}
