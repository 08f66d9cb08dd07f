//! Connects where it must fail, and tells in which way.

use lt_sdk::prelude::*;
use lt_sdk::xmpp::{Error, StreamManagement};
use lt_test_programs::xmpp::{Server, case};

#[derive(Settings)]
struct Options {
    #[setting(flatten)]
    server: Server,
    /// The case of the error, as in the contract
    error: String,
    /// Its condition
    #[setting(default = "")]
    condition: String,
    /// A step that the server does not have
    #[setting(default = false)]
    carbons: bool,
    /// Register first
    #[setting(default = false)]
    register: bool,
    /// Manage the stream
    #[setting(default = false)]
    stream_management: bool,
    /// Wait for a presence that is returned
    #[setting(default = false)]
    presence: bool,
}

struct Guest(Options);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn join(_user: &User, options: Options) -> Result<Self> {
        Ok(Self(options))
    }

    fn iterate(&mut self) -> Result<()> {
        let options = &self.0;
        let mut account = options.server.account()?;
        if options.register {
            account = account.register();
        }
        if options.stream_management {
            account = account.stream_management(StreamManagement::resumable());
        }
        if options.carbons {
            account = account.carbons();
        }
        if options.presence {
            account = account.presence();
        }
        let error = match account.connect() {
            Ok(session) => bail!("connected as {}", session.jid()),
            Err(error) => error,
        };
        let condition = error.condition().unwrap_or_default().to_owned();
        let name = case(&error);
        log::info!("case={name} condition={condition} error={error}");
        if let Error::NoMechanism(offered) = &error {
            log::info!("offered={}", offered.join(","));
        }
        ensure!(
            name == options.error && condition == options.condition,
            "{name} {condition}, not {} {}: {error}",
            options.error,
            options.condition
        );
        Ok(())
    }
}
