//! Sleeps while a server floods it, and tells what is left.

use lt_sdk::prelude::*;
use lt_sdk::websocket::{Inbox, Overflow, WebSocket};
use lt_test_programs::tell_end;

#[derive(Settings)]
struct Options {
    /// A server that floods
    url: String,
    /// Most messages to keep
    messages: Option<u32>,
    /// Most bytes to keep
    bytes: Option<u32>,
    /// What happens beyond
    #[setting(
        default = "drop-oldest",
        allowed("drop-oldest", "drop-newest", "pause", "close")
    )]
    overflow: String,
    /// How long to sleep
    #[setting(default = "500ms")]
    sleep: Duration,
    /// Whether to receive until the connection ends, after the sleep
    #[setting(default = false)]
    read_on: bool,
}

struct Guest(Options);

impl Options {
    fn inbox(&self) -> Inbox {
        let mut inbox = Inbox::new().overflow(match self.overflow.as_str() {
            "drop-oldest" => Overflow::DropOldest,
            "drop-newest" => Overflow::DropNewest,
            "pause" => Overflow::Pause,
            _ => Overflow::Close,
        });
        if let Some(messages) = self.messages {
            inbox = inbox.messages(messages);
        }
        if let Some(bytes) = self.bytes {
            inbox = inbox.bytes(bytes);
        }
        inbox
    }
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn join(_user: &User, options: Options) -> Result<Self> {
        Ok(Self(options))
    }

    fn iterate(&mut self) -> Result<()> {
        let options = &self.0;
        let request = WebSocket::request(&options.url).name("overflow");
        let socket = request.inbox(options.inbox()).connect()?;
        timing::sleep(options.sleep);
        let statistics = socket.statistics();
        log::info!(
            "received={} dropped={} waiting={}",
            statistics.received,
            statistics.dropped,
            statistics.waiting
        );
        let text = |message: websocket::Message| message.text().map(str::to_owned);
        let (mut count, mut first, mut last) = (0_u64, None, None);
        // Where the end is not waited for, only what is there is taken.
        let limit = if options.read_on {
            Duration::from_secs(30)
        } else {
            Duration::ZERO
        };
        while let Ok(message) = socket.receive(limit) {
            count += 1;
            last = text(message);
            first = first.or_else(|| last.clone());
        }
        log::info!(
            "taken={count} first={} last={}",
            first.unwrap_or_default(),
            last.unwrap_or_default()
        );
        if let Some(close) = socket.closed() {
            tell_end(&close);
        }
        Ok(())
    }
}
