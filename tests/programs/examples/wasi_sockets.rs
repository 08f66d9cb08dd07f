//! Opens a socket of its own: no host takes it.
#![allow(clippy::disallowed_methods, reason = "that is what this guest is for")]

use lt_sdk::prelude::*;

#[derive(Default)]
struct Guest;

#[lt_sdk::scenario]
impl Scenario for Guest {
    fn iterate(&mut self) -> Result<()> {
        ensure!(
            std::net::TcpStream::connect("127.0.0.1:22").is_err(),
            "it has sockets"
        );
        Ok(())
    }
}
