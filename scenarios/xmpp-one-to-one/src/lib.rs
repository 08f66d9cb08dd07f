//! People who chat one to one over XMPP: each logs in, sends its presence, and writes to its neighbours in turn, one message each
//! `message-interval`. What the run measures is how long each took to arrive, beside what was lost.
//!
//! amoc's `dynamic_domains_pm` and `mongoose_one_to_one`, with their settings and defaults. Accounts `user_1`, `user_2`, … must exist. A message
//! costs its recipient nothing: the host notes that it came, and when. Nobody is written to who is not logged in yet, or has left.
//!
//! | metric | says |
//! |---|---|
//! | `delivery_time`, `xmpp_message_delivery` | from before the sending until the stanza's last byte was there |
//! | `delivery_lost`, `delivery_duplicates` | what did not come, or twice |
//! | `xmpp_connecting`, by `step` | how long logging in took |
//! | `xmpp_unexpected` | stanzas that are no chat |
//! | `nobody_there` | messages that were not written because no neighbour was there |

use lt_sdk::coordination::Neighbours;
use lt_sdk::metrics::{Counter, Kind, Unit};
use lt_sdk::placement::bucket_neighbours;
use lt_sdk::prelude::*;
use lt_sdk::user::Woken;
use lt_sdk::xmpp::{Account, Chatter, Login};

/// What `--set` can change.
#[derive(Settings)]
struct Options {
    #[setting(flatten)]
    login: Login,
    /// Time between two messages of a user; users begin at times spread over it
    #[setting(default = "10s")]
    message_interval: Duration,
    /// Messages at a time, to as many neighbours
    #[setting(default = 1, min = 1, max = 1000)]
    messages: u32,
    /// After so many times a user logs out; 0: it goes on until the run ends
    #[setting(default = 60)]
    message_count: u64,
    /// Users with consecutive ids who write to each other
    #[setting(default = 10, min = 2)]
    bucket_size: u32,
    /// What they write
    #[setting(default = "hello")]
    message_body: String,
}

/// Counts messages that nobody was there for.
const NOBODY: &str = "nobody_there";

/// One person.
struct Person {
    options: Options,
    chatter: Chatter,
    due: Instant,
    times: u64,
}

#[lt_sdk::scenario]
impl Scenario for Person {
    type Settings = Options;

    fn describe(base: Description) -> Description {
        Login::declare(base)
            .metric(
                NOBODY,
                "Messages that were not written because no neighbour was there",
                Kind::Counter,
                Unit::None,
            )
            .users(10)
            .duration(Duration::from_secs(60))
    }

    fn init(_run: &RunInfo, options: &Options) -> Result<Vec<u8>> {
        options.login.check()?;
        Ok(Vec::new())
    }

    fn join(user: &User, options: Options) -> Result<Self> {
        let others = bucket_neighbours(user.id, options.bucket_size);
        let neighbours = Neighbours::open("one-to-one", user.id, others)?;
        let session = options.login.connect(user.id, Account::presence)?;
        let chatter = Chatter::enter(session, neighbours)?;
        // Those who came together do not write together.
        let offset = user::rng().think_time(Duration::ZERO..options.message_interval);
        Ok(Self {
            options,
            chatter,
            due: timing::now() + offset,
            times: 0,
        })
    }

    /// One tick: to wait for its time, and to write.
    fn iterate(&mut self, it: Iteration) -> Result<()> {
        if user::sleep_until(self.due)? == Woken::AskedToEnd {
            return Ok(());
        }
        self.due += self.options.message_interval;
        if let Some(end) = self.chatter.lost() {
            let login = &self.options.login;
            self.chatter
                .come_back(login.reconnect(user::id(), Account::presence)?)?;
            bail!("the session ended, and the user came back: {end}");
        }
        for number in 0..self.options.messages {
            self.write(&it, number)?;
        }
        self.times += 1;
        if self.times == self.options.message_count {
            user::stop_self();
        }
        Ok(())
    }

    fn leave(self) -> Result<()> {
        self.chatter.leave()?;
        Ok(())
    }
}

impl Person {
    fn write(&mut self, it: &Iteration, number: u32) -> Result<()> {
        let Options {
            login,
            message_body,
            ..
        } = &self.options;
        let id = it.message_id(number);
        let to = self.chatter.say(|id| login.jid(id), &id, message_body)?;
        if to.is_none() {
            Counter::open(NOBODY)?.add(1)?;
        }
        Ok(())
    }
}
