//! One sender, many receivers, for the bench: the host times every delivery, and each receiver tells how far the stamp of arrival is from
//! the time at which the server wrote the message.

use lt_sdk::coordination::Audience;
use lt_sdk::metrics::{Counter, Trend, Unit};
use lt_sdk::prelude::*;
use lt_sdk::serde::Deserialize;
use lt_sdk::websocket::{self, Key, Pattern, Watch};

/// User that sends; all others receive.
const SENDER: u64 = 1;
/// After the last receiver is there: the server may hear of it a moment later than the receiver.
const SETTLE_TIME: Duration = Duration::from_secs(1);
/// How long a receiver waits for one message.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Settings)]
struct Options {
    /// The server, without `/sender` and `/receiver`
    url: String,
    /// How many receive
    receivers: u32,
    /// How many messages are sent
    messages: u32,
    /// Time between two
    interval: Duration,
}

#[derive(Deserialize)]
#[serde(crate = "lt_sdk::serde")]
struct Chat {
    /// When the server wrote it, in nanoseconds since 1970.
    written: String,
}

struct Guest(Options);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn join(_user: &User, options: Options) -> Result<Self> {
        Ok(Self(options))
    }

    fn iterate(&mut self) -> Result<()> {
        if user::id() == SENDER {
            self.send()
        } else {
            self.receive()
        }
    }
}

impl Guest {
    fn send(&self) -> Result<()> {
        let room = Audience::open("room")?;
        let socket = websocket::connect(format!("{}/sender", self.0.url))?;
        while room.present() < self.0.receivers {
            timing::sleep(Duration::from_millis(100));
        }
        timing::sleep(SETTLE_TIME);
        for number in 0..self.0.messages {
            let id = format!("m{number}");
            room.mark_sent(&id)?;
            socket.send_text(id)?;
            timing::sleep(self.0.interval);
        }
        Ok(())
    }

    fn receive(&self) -> Result<()> {
        let socket = websocket::connect(format!("{}/receiver", self.0.url))?;
        let chats = Watch::new(Pattern::json("/type", "chat")).delivery(Key::pointer("/id"));
        let _timed = socket.watch(chats)?;
        let room = Audience::open("room")?;
        room.enter()?;
        let stamps = Counter::open("stamps")?;
        let errors = Trend::open_unit("stamp_error", Unit::Time)?;
        for _ in 0..self.0.messages {
            let message = socket.receive(PATIENCE)?;
            let chat: Chat = message.json()?;
            let written = chat.written.parse::<u64>().context("no time")?;
            // The two clocks are read one after the other, within a microsecond.
            let arrived = timing::wall_clock() - message.arrived.elapsed();
            let error = arrived.abs_diff(Duration::from_nanos(written));
            errors.add_duration(error)?;
            stamps.add(1)?;
        }
        Ok(())
    }
}
