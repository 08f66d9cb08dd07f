//! Talks to a server that goes away, and comes back to it.

use lt_sdk::metrics::Counter;
use lt_sdk::prelude::*;
use lt_sdk::timing::Backoff;
use lt_sdk::xmpp::{self, Account, Session};
use lt_test_programs::xmpp::{Server, tell_close};

#[derive(Settings)]
struct Options {
    #[setting(flatten)]
    server: Server,
    /// The longest of the first pauses
    #[setting(default = "100ms")]
    base: Duration,
    /// The longest of all pauses
    #[setting(default = "500ms")]
    longest: Duration,
    /// Pause between two requests
    #[setting(default = "100ms")]
    pause: Duration,
}

struct Guest {
    options: Options,
    account: Account,
    session: Session,
    backoff: Backoff,
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn join(user: &User, options: Options) -> Result<Self> {
        let rng = lt_sdk::rand::Rng::new(user.seed);
        let mut backoff = Backoff::new(options.base, options.longest, rng);
        let account = options.server.account()?.presence();
        let session = xmpp::reconnect(&mut backoff, || account.connect())?;
        Ok(Self {
            options,
            account,
            session,
            backoff,
        })
    }

    /// Whoever loses its session comes back within the iteration; each loss is counted, and none fails the user.
    fn iterate(&mut self) -> Result<()> {
        match self
            .session
            .request(&xmpp::ping(&self.options.server.domain))
        {
            Ok(_) => Counter::open("talked")?.add(1)?,
            Err(error) => {
                let Some(close) = error.close() else {
                    return Err(error.into());
                };
                tell_close(close);
                Counter::open("lost")?.add(1)?;
                let account = &self.account;
                self.session = xmpp::reconnect(&mut self.backoff, || account.connect())?;
                Counter::open("reconnected")?.add(1)?;
            }
        }
        timing::sleep(self.options.pause);
        Ok(())
    }
}
