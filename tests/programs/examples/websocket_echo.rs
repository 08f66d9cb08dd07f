//! Sends messages to a server that echoes, and compares what comes back.

use lt_sdk::prelude::*;
use lt_sdk::websocket::{Content, Inbox, WebSocket};

#[derive(Settings)]
struct Options {
    /// A server that echoes
    url: String,
    /// Messages in one iteration
    #[setting(default = 10)]
    messages: u32,
    /// Messages that are sent before the first is received
    #[setting(default = 1, min = 1)]
    ahead: u32,
    /// Bytes of a message; it begins with its number
    #[setting(default = 32, min = 10)]
    bytes: usize,
    /// Whether messages are binary
    #[setting(default = false)]
    binary: bool,
    /// Send in fragments of this size
    fragment_bytes: Option<u32>,
    /// Longest message to take in
    message_bytes_max: Option<u32>,
    /// Most messages to keep that were not asked for yet
    inbox_messages: Option<u32>,
    /// Time for an answer
    #[setting(default = "10s")]
    timeout: Duration,
}

struct Guest(Options);

impl Options {
    fn connect(&self) -> Result<WebSocket> {
        let mut request = WebSocket::request(&self.url).name("echo");
        if let Some(bytes) = self.fragment_bytes {
            request = request.fragment_bytes(bytes);
        }
        if let Some(bytes) = self.message_bytes_max {
            request = request.message_bytes_max(bytes);
        }
        if let Some(messages) = self.inbox_messages {
            request = request.inbox(Inbox::new().messages(messages).bytes(16 << 20));
        }
        Ok(request.connect()?)
    }

    fn content(&self, number: u32) -> Content {
        let text = format!("{number:010} {}", "ä".repeat(self.bytes / 2));
        if self.binary {
            let mut bytes = text.into_bytes();
            bytes.truncate(self.bytes);
            return bytes.into();
        }
        text.into()
    }

    fn receive(&self, socket: &WebSocket, number: u32) -> Result<()> {
        let message = socket.receive(self.timeout)?;
        ensure!(
            message.content == self.content(number),
            "message {number} came back as {:.100?}",
            message.content
        );
        check!(
            "it arrived before it was read",
            message.arrived <= timing::now()
        );
        Ok(())
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
        let socket = options.connect()?;
        let mut received = 0;
        for number in 0..options.messages {
            socket.send(options.content(number), options.timeout)?;
            if number + 1 - received == options.ahead {
                options.receive(&socket, received)?;
                received += 1;
            }
        }
        for number in received..options.messages {
            options.receive(&socket, number)?;
        }
        let statistics = socket.statistics();
        let messages = u64::from(options.messages);
        check!(
            "everything was counted",
            (statistics.sent, statistics.received) == (messages, messages)
        );
        check!(
            "nothing is left",
            statistics.waiting == 0 && statistics.unsent_bytes == 0
        );
        let close = socket.close()?;
        ensure!(close.is_orderly(), "it ended {close}");
        Ok(())
    }
}
