//! Has a session, and fails in the way it is told to.
#![allow(clippy::panic, reason = "that is what this guest is for")]

use lt_sdk::prelude::*;
use lt_sdk::xmpp;
use lt_test_programs::xmpp::Server;

#[derive(Settings)]
struct Options {
    #[setting(flatten)]
    server: Server,
    /// How to end: fails, panics, spins
    how: String,
}

struct Guest {
    options: Options,
    session: xmpp::Session,
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn join(_user: &User, options: Options) -> Result<Self> {
        let session = options.server.account()?.presence().connect()?;
        Ok(Self { options, session })
    }

    fn iterate(&mut self) -> Result<()> {
        self.session
            .request(&xmpp::ping(&self.options.server.domain))?;
        match self.options.how.as_str() {
            "fails" => bail!("as it was told to"),
            "panics" => panic!("as it was told to"),
            _ => loop {
                std::hint::black_box(0);
            },
        }
    }
}
