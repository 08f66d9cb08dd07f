//! Sleeps while its host beats, counts and times for it; at a server that echoes.

use lt_sdk::prelude::*;
use lt_sdk::websocket::{self, Every, Key, Pattern, Watch};

#[derive(Settings)]
struct Options {
    /// A server that echoes
    url: String,
    /// Messages whose delivery is timed
    #[setting(default = 10)]
    messages: u32,
    /// Interval of the heartbeat
    #[setting(default = "50ms")]
    interval: Duration,
    /// The first heartbeat
    first: Option<Duration>,
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
        let options = &self.0;
        let socket = websocket::connect(&options.url)?;
        let chat = Watch::new(Pattern::json("/type", "chat")).named("chat");
        let chat = chat.delivery(Key::regex("id=([0-9-]+)").at("/payload/message"));
        let chat = socket.watch(chat.discard())?;
        let beats = socket.watch(Watch::new(Pattern::contains("heartbeat")).discard())?;
        let all = socket.watch(Watch::new(Pattern::any()))?;
        let mut every = Every::new(options.interval);
        if let Some(first) = options.first {
            every = every.first(first);
        }
        let heartbeat = socket.send_text_every(every, "\"heartbeat\"")?;
        for number in 0..options.messages {
            let id = format!("{}-{}-{number}", user::id(), it.number);
            coordination::mark_sent(&id)?;
            let message = format!("hello id={id} &amp;c.");
            socket.send_json(&lt_sdk::json!({
                "type": "chat",
                "payload": { "message": message },
            }))?;
        }
        timing::sleep(options.sleep);
        let sent = heartbeat.sent();
        drop(heartbeat);
        // What was sent last has its way to go.
        timing::sleep(Duration::from_millis(200));
        check!(
            "chat was counted",
            chat.matched() == u64::from(options.messages)
        );
        check!("each heartbeat came back", beats.matched() == sent);
        check!(
            "everything was seen",
            all.matched() == sent + u64::from(options.messages)
        );
        check!("nothing was kept", socket.try_receive()?.is_none());
        drop((chat, beats, all));
        socket.send_text("no longer watched")?;
        let message = socket.receive(Duration::from_secs(10))?;
        check!(
            "what nobody watches is kept",
            message.text() == Some("no longer watched")
        );
        log::info!("beats={sent}");
        socket.close()?;
        Ok(())
    }
}
