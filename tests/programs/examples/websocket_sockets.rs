//! Keeps several connections across iterations, at a server that echoes.

use std::mem::ManuallyDrop;

use lt_sdk::prelude::*;
use lt_sdk::websocket::{self, WebSocket};

#[derive(Settings)]
struct Options {
    /// A server that echoes
    url: String,
    /// Connections of a user
    #[setting(default = 3)]
    sockets: usize,
    /// What becomes of them at the end
    #[setting(default = "close", allowed("close", "drop", "keep"))]
    end: String,
}

struct Guest {
    options: Options,
    sockets: Vec<WebSocket>,
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn join(_user: &User, options: Options) -> Result<Self> {
        let sockets = (0..options.sockets)
            .map(|_| websocket::connect(&options.url))
            .collect::<Result<_, _>>()?;
        Ok(Self { options, sockets })
    }

    fn iterate(&mut self, it: Iteration) -> Result<()> {
        for (number, socket) in self.sockets.iter().enumerate() {
            socket.send_text(format!("{number} of {}", it.number))?;
        }
        for (number, socket) in self.sockets.iter().enumerate() {
            let message = socket.receive(Duration::from_secs(10))?;
            let expected = format!("{number} of {}", it.number);
            ensure!(
                message.text() == Some(&expected),
                "{:?} came, not {expected}",
                message.text()
            );
            check!(
                "it is the same connection",
                socket.statistics().sent == it.number + 1
            );
        }
        Ok(())
    }

    fn leave(mut self) -> Result<()> {
        match self.options.end.as_str() {
            "close" => {
                for socket in &self.sockets {
                    let close = socket.close()?;
                    check!("the peer agreed", close.is_orderly());
                }
            }
            "drop" => self.sockets.clear(),
            // Never dropped: the user's end ends them.
            _ => {
                let _sockets = ManuallyDrop::new(self.sockets);
            }
        }
        Ok(())
    }
}
