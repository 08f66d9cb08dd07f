//! Waits until it is asked to end: for a stanza, for an answer, for a server that does not let it in.

use lt_sdk::prelude::*;
use lt_sdk::xmpp::{self, Element, Filter};
use lt_test_programs::xmpp::{Server, case};

#[derive(Settings)]
struct Options {
    #[setting(flatten)]
    server: Server,
    /// What to wait for: a stanza, or everything
    #[setting(default = "stanza")]
    what: String,
}

struct Guest(Options);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn join(_user: &User, options: Options) -> Result<Self> {
        Ok(Self(options))
    }

    fn iterate(&mut self) -> Result<()> {
        let session = self.0.server.connect()?;
        let error = match self.0.what.as_str() {
            "stanza" => session.receive(Filter::any(), None).err(),
            // It asks itself, and does not answer.
            _ => {
                let odd = Element::new("query").namespace("urn:test:nothing");
                let odd = xmpp::get(odd).attribute("to", session.jid());
                session.request(&odd).err()
            }
        };
        match error {
            Some(error) => log::info!("case={}", case(&error)),
            None => bail!("something came"),
        }
        Ok(())
    }
}
