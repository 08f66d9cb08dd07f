//! Chats in a room, where every message is to reach everybody; at a server that sends what it gets to all in the room.

use lt_sdk::coordination::{Audience, Meeting};
use lt_sdk::prelude::*;
use lt_sdk::websocket::{Key, Pattern, Watch, WebSocket};

#[derive(Settings)]
struct Options {
    /// The room
    url: String,
    /// Messages that each user sends
    #[setting(default = 10)]
    messages: u32,
    /// Pause between two of them
    #[setting(default = "10ms")]
    pause: Duration,
    /// How long the last ones may take
    #[setting(default = "1s")]
    settle: Duration,
    /// How user 1 goes, when everybody has sent half of them; it sends no more
    #[setting(default = "stays", allowed("stays", "leaves", "is-cut-off"))]
    first_user: String,
}

struct Guest {
    options: Options,
    users: u32,
}

const LIMIT: Duration = Duration::from_secs(30);

impl Guest {
    fn say(
        &self,
        room: &Audience,
        socket: &WebSocket,
        numbers: std::ops::Range<u32>,
    ) -> Result<()> {
        for number in numbers {
            let id = format!("{}-{number}", user::id());
            room.mark_sent(&id)?;
            let text = format!("<b>hello</b> id={id}");
            socket.send_json(&lt_sdk::json!({ "type": "chat", "payload": { "message": text } }))?;
            timing::sleep(self.options.pause);
        }
        Ok(())
    }

    /// Nobody goes on before everybody is there.
    fn meet(&self, name: &str) -> Result<()> {
        Meeting::of(name, self.users)?.join(b"", LIMIT)?;
        Ok(())
    }
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn init(run: &RunInfo) -> Result<Vec<u8>> {
        Ok(run.users.to_string().into_bytes())
    }

    fn join(_user: &User, options: Options, state: &[u8]) -> Result<Self> {
        let users = std::str::from_utf8(state)?.parse()?;
        Ok(Self { options, users })
    }

    fn iterate(&mut self) -> Result<()> {
        let socket = WebSocket::request(&self.options.url)
            .name("room")
            .connect()?;
        let chat = Watch::new(Pattern::json("/type", "chat")).named("chat");
        let chat = chat.delivery(Key::regex("id=([0-9-]+)").at("/payload/message"));
        let chat = socket.watch(chat.discard())?;
        let rest = socket.watch(Watch::new(Pattern::any()).discard())?;
        let room = Audience::open("room")?;
        room.enter()?;
        room.enter()?;
        self.meet("present")?;
        check!("everybody is present", room.present() == self.users);
        let half = self.options.messages / 2;
        self.say(&room, &socket, 0..half)?;
        self.meet("half")?;
        if user::id() == 1 && self.options.first_user != "stays" {
            if self.options.first_user == "leaves" {
                room.leave();
                socket.close()?;
            } else {
                drop(socket);
                room.cut_off();
            }
            return self.meet("done");
        }
        self.say(&room, &socket, half..self.options.messages)?;
        timing::sleep(self.options.settle);
        self.meet("done")?;
        room.leave();
        log::info!("chat={} all={}", chat.matched(), rest.matched());
        socket.close()?;
        Ok(())
    }
}
