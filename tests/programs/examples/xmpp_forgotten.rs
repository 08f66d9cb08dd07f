//! Takes a stream up again that the server has forgotten, or of which it knows less than it should.

use lt_sdk::prelude::*;
use lt_sdk::xmpp::{self, StreamManagement};
use lt_test_programs::xmpp::{Server, case, tell_close};

#[derive(Settings)]
struct Options {
    #[setting(flatten)]
    server: Server,
    /// Stanzas that this side says it has handled
    handled: Option<u32>,
}

struct Guest(Options);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn join(_user: &User, options: Options) -> Result<Self> {
        Ok(Self(options))
    }

    fn iterate(&mut self) -> Result<()> {
        let account = self.0.server.account()?;
        let sm = StreamManagement::resumable().ask_every(1000);
        let session = account.clone().stream_management(sm).connect()?;
        session.send(&xmpp::chat("user_2@localhost", "once more").id("again"))?;
        timing::sleep(Duration::from_millis(100));
        session.kill();
        let Some(left) = session.resumption() else {
            bail!("nothing is left of a resumable stream");
        };
        log::info!(
            "left={} handled={}",
            left.unacknowledged().len(),
            left.handled()
        );
        if let Some(handled) = self.0.handled {
            left.set_handled(handled);
        }
        match account.resume(&left) {
            Ok(session) => {
                log::info!("resumed={}", session.connected().resumed);
                timing::sleep(Duration::from_millis(300));
                tell_close(&session.close());
            }
            Err(error) => log::info!(
                "case={} condition={} error={error}",
                case(&error),
                error.condition().unwrap_or_default()
            ),
        }
        Ok(())
    }
}
