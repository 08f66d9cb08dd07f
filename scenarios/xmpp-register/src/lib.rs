//! People who come and go for good: in each iteration a user makes an account (XEP-0077), logs in, writes to its neighbours, and removes the
//! account again.
//!
//! amoc's `mongoose_in_band_registration`, and the removal of its `gdpr_removal`. The server must let anyone register, and not limit how many accounts
//! come from one address. Names are `user-prefix`, the user's id, and eight hexadecimal digits from the run's seed: an account that is there
//! already is never touched, since it cannot be made.
//!
//! | metric | says |
//! |---|---|
//! | `xmpp_connecting{step:register}` | how long making an account took |
//! | `xmpp_request_duration{namespace:jabber:iq:register}` | how long removing it took |
//! | `accounts_made`, `accounts_removed` | how many |
//!
//! A server ends the stream of an account that is gone with `not-authorized`, as XEP-0077 wants it (section 3.2): the end that was asked for, which counts
//! neither in `xmpp_session_failed` nor in `xmpp_errors`.

use lt_sdk::coordination::Neighbours;
use lt_sdk::metrics::{Counter, Kind, Unit};
use lt_sdk::placement::bucket_neighbours;
use lt_sdk::prelude::*;
use lt_sdk::user::Woken;
use lt_sdk::xmpp::{Chatter, Login};

/// What `--set` can change.
#[derive(Settings)]
struct Options {
    #[setting(flatten)]
    login: Login,
    /// Messages that a user writes in the life of an account
    #[setting(default = 5)]
    messages: u32,
    /// Time before each, and before the account is removed
    #[setting(default = "20s")]
    message_interval: Duration,
    /// Users with consecutive ids who write to each other
    #[setting(default = 10, min = 2)]
    bucket_size: u32,
    /// What they write
    #[setting(default = "hello sir, you are a gentleman and a scholar.")]
    message_body: String,
}

const MADE: &str = "accounts_made";
const REMOVED: &str = "accounts_removed";

/// One person.
struct Person {
    options: Options,
    id: u64,
    /// From the run's seed: the same for all users.
    run: String,
}

#[lt_sdk::scenario]
impl Scenario for Person {
    type Settings = Options;

    fn describe(base: Description) -> Description {
        Login::declare(base)
            .metric(MADE, "Accounts made", Kind::Counter, Unit::None)
            .metric(REMOVED, "Accounts removed", Kind::Counter, Unit::None)
            .users(10)
            .duration(Duration::from_secs(60))
    }

    fn init(run: &RunInfo, options: &Options) -> Result<Vec<u8>> {
        options.login.check()?;
        Ok(format!("{:08x}", run.seed >> 32).into_bytes())
    }

    fn join(user: &User, options: Options, state: &[u8]) -> Result<Self> {
        let run = std::str::from_utf8(state).context("the run's part of the names")?;
        Ok(Self {
            options,
            id: user.id,
            run: run.to_owned(),
        })
    }

    /// The life of one account.
    fn iterate(&mut self, it: Iteration) -> Result<()> {
        let Options {
            login, bucket_size, ..
        } = &self.options;
        let account = login.account_named(self.id, &self.name(self.id))?;
        let session = account.register().presence().connect();
        if !check!("the account was made", session.is_ok()) {
            // Not at once again: a server that refuses is not knocked at in a loop.
            user::sleep_until(timing::now() + self.options.message_interval)?;
        }
        let session = session.context("register and log in")?;
        Counter::open(MADE)?.add(1)?;
        let others = bucket_neighbours(self.id, *bucket_size);
        let neighbours = Neighbours::open("register", self.id, others)?;
        let mut chatter = Chatter::enter(session, neighbours)?;
        // The account is removed whatever became of it.
        let used = self.chat(&mut chatter, &it);
        let removed = chatter.leave_by(|session| {
            session.unregister()?;
            // The server may have ended the stream already.
            session.close();
            Ok(())
        });
        if check!("the account was removed", removed.is_ok()) {
            Counter::open(REMOVED)?.add(1)?;
        }
        used?;
        removed.context("remove the account")?;
        Ok(())
    }
}

impl Person {
    /// What stands behind the prefix in the name of a user's account.
    fn name(&self, id: u64) -> String {
        [&id.to_string(), "-", &self.run].concat()
    }

    fn chat(&self, chatter: &mut Chatter, it: &Iteration) -> Result<()> {
        let Options {
            login,
            messages,
            message_interval,
            message_body,
            ..
        } = &self.options;
        for number in 0..*messages {
            if user::sleep_until(timing::now() + *message_interval)? == Woken::AskedToEnd {
                return Ok(());
            }
            if let Some(end) = chatter.lost() {
                bail!("the session ended: {end}");
            }
            let id = format!("{:x}-{:x}-{number:x}-{}", self.id, it.number, self.run);
            chatter.say(|id| login.named(&self.name(id)), &id, message_body)?;
        }
        user::sleep_until(timing::now() + *message_interval)?;
        Ok(())
    }
}
