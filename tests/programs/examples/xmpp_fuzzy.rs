//! Connects to a server that may do anything, receives until the end, and tells which it was. Nothing that the server does fails it.

use lt_sdk::metrics::Counter;
use lt_sdk::prelude::*;
use lt_sdk::xmpp::{Filter, Inbox, Overflow, StreamManagement};
use lt_test_programs::xmpp::{Server, tell_close};

#[derive(Settings)]
struct Options {
    #[setting(flatten)]
    server: Server,
    /// Sessions in one iteration
    #[setting(default = 1)]
    sessions: u32,
    /// Time for each stanza
    #[setting(default = "10s")]
    patience: Duration,
    /// Something to send first, as it is
    #[setting(default = "")]
    say: String,
    /// Ask for a stream that can be resumed
    #[setting(default = false)]
    resumable: bool,
    /// Sleep before anything is received
    #[setting(default = "0s")]
    sleep: Duration,
    /// Room in the inbox
    stanzas_max: Option<u32>,
    /// What becomes of what has no room
    #[setting(default = "close")]
    overflow: String,
    /// Ping the server at this interval, and give it as long for an answer
    ping: Option<Duration>,
}

struct Guest(Options);

impl Options {
    fn once(&self) -> Result<()> {
        let mut account = self.server.account()?;
        if self.resumable {
            account = account.stream_management(StreamManagement::resumable().ask_every(1));
        }
        if let Some(stanzas) = self.stanzas_max {
            account = account.inbox(Inbox::new().messages(stanzas).overflow(
                match self.overflow.as_str() {
                    "close" => Overflow::Close,
                    "drop-oldest" => Overflow::DropOldest,
                    "drop-newest" => Overflow::DropNewest,
                    "pause" => Overflow::Pause,
                    other => bail!("overflow {other}"),
                },
            ));
        }
        let session = match account.connect() {
            Ok(session) => session,
            Err(error) => {
                log::info!("error={error}");
                return Ok(Counter::open("not_connected")?.add(1)?);
            }
        };
        Counter::open("connected")?.add(1)?;
        let pings = match self.ping {
            Some(every) => {
                let pings = lt_sdk::xmpp::Pings::every(every).timeout(every);
                Some(session.ping_every(pings)?)
            }
            None => None,
        };
        if !self.say.is_empty()
            && let Err(error) = session.send_raw(&self.say)
        {
            log::info!("unsaid={error}");
        }
        timing::sleep(self.sleep);
        let mut received = 0_u32;
        let error = loop {
            match session.receive(Filter::any(), self.patience) {
                Ok(_) => received += 1,
                Err(error) => break error,
            }
        };
        log::info!(
            "received={received} dropped={}",
            session.statistics().dropped
        );
        drop(pings);
        match error.close() {
            Some(close) => {
                check!(
                    "it says the same again",
                    session.closed().as_ref() == Some(close)
                );
                tell_close(close);
            }
            None => {
                log::info!("error={error}");
                tell_close(&session.close());
            }
        }
        Ok(Counter::open("ended")?.add(1)?)
    }
}

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn join(_user: &User, options: Options) -> Result<Self> {
        Ok(Self(options))
    }

    fn iterate(&mut self) -> Result<()> {
        (0..self.0.sessions).try_for_each(|_| self.0.once())
    }
}
