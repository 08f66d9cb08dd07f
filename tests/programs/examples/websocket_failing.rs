//! Holds connections, and fails or panics in its second iteration, again and again; at a server that echoes.
#![allow(clippy::panic, reason = "that is what this guest is for")]

use lt_sdk::prelude::*;
use lt_sdk::websocket::{self, Heartbeat, Pattern, Watch, Watcher, WebSocket};

#[derive(Settings)]
struct Options {
    /// A server that echoes
    url: String,
    /// Connections of a user
    #[setting(default = 3)]
    sockets: usize,
    /// What becomes of the user
    #[setting(default = "fails", allowed("fails", "panics", "spins"))]
    how: String,
}

struct Guest {
    options: Options,
    sockets: Vec<(WebSocket, Watcher, Heartbeat)>,
    is_second: bool,
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn join(_user: &User, options: Options) -> Result<Self> {
        let open = || -> Result<_> {
            let socket = websocket::connect(&options.url)?;
            let watcher = socket.watch(Watch::new(Pattern::any()))?;
            let heartbeat = socket.send_text_every(Duration::from_millis(10), "beat")?;
            Ok((socket, watcher, heartbeat))
        };
        let sockets = (0..options.sockets)
            .map(|_| open())
            .collect::<Result<_>>()?;
        Ok(Self {
            options,
            sockets,
            is_second: false,
        })
    }

    fn iterate(&mut self) -> Result<()> {
        for (socket, _, _) in &self.sockets {
            socket.send_text("hello")?;
            socket.receive_matching(&Pattern::contains("hello"), Duration::from_secs(10))?;
        }
        if !std::mem::replace(&mut self.is_second, true) {
            return Ok(());
        }
        match self.options.how.as_str() {
            "fails" => bail!("enough"),
            "panics" => panic!("enough"),
            _ => loop {
                std::hint::spin_loop();
            },
        }
    }
}
