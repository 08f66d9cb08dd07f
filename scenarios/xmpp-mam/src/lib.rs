//! People who chat one to one over XMPP, some of whom read the archive of what was written (XEP-0313): every 53rd user is a reader, who asks for
//! a page each `lookup-interval`, from the beginning to the end and again; the others write.
//!
//! amoc's `mongoose_mam` and `dynamic_domains_mam_lookup`, with their settings and defaults. Accounts `user_1`, `user_2`, … must exist.
//! `--role reader=every:10` makes it more readers.
//!
//! | metric | says |
//! |---|---|
//! | `mam_lookups`, `mam_messages` | pages asked for, and messages that they had |
//! | `xmpp_request_duration{namespace:urn:xmpp:mam:2}` | how long a page took |
//! | `delivery_time`, `delivery_lost` | how long messages took to arrive, and what did not |

use lt_sdk::coordination::Neighbours;
use lt_sdk::metrics::{Counter, Kind, Unit};
use lt_sdk::placement::bucket_neighbours;
use lt_sdk::prelude::*;
use lt_sdk::user::Woken;
use lt_sdk::xmpp::{Account, Chatter, Login, mam};

/// What `--set` can change.
#[derive(Settings)]
struct Options {
    #[setting(flatten)]
    login: Login,
    /// Time between two messages of a user
    #[setting(default = "10s")]
    message_interval: Duration,
    /// Messages of a user, which then logs out; 0: it goes on until the run ends
    #[setting(default = 60)]
    message_count: u64,
    /// Users with consecutive ids who write to each other
    #[setting(default = 10, min = 2)]
    bucket_size: u32,
    /// What they write
    #[setting(default = "hello")]
    message_body: String,
    /// Time between two looks of a reader into the archive
    #[setting(default = "10s")]
    lookup_interval: Duration,
    /// Looks of a reader, which then logs out; 0: it goes on until the run ends
    #[setting(default = 60)]
    lookup_count: u64,
    /// Most messages that one look finds
    #[setting(default = 5, min = 1)]
    max_items_per_lookup: u32,
    /// Time for one look
    #[setting(default = "10s", min = "1ms")]
    mam_lookup_timeout: Duration,
}

const LOOKUPS: &str = "mam_lookups";
const MESSAGES: &str = "mam_messages";
const READER: &str = "reader";

/// One person, who writes or reads.
struct Person {
    options: Options,
    chatter: Chatter,
    reads: bool,
    due: Instant,
    times: u64,
    /// The last message that was read: the next page begins behind it.
    last: Option<String>,
}

#[lt_sdk::scenario]
impl Scenario for Person {
    type Settings = Options;

    fn describe(base: Description) -> Description {
        Login::declare(base)
            .role(READER, "reads the archive", Share::Every(53))
            .role("writer", "writes to its neighbours", Share::Weight(1))
            .metric(
                LOOKUPS,
                "Pages of the archive that were asked for",
                Kind::Counter,
                Unit::None,
            )
            .metric(
                MESSAGES,
                "Messages that were on them",
                Kind::Counter,
                Unit::None,
            )
            .users(53)
            .duration(Duration::from_secs(60))
    }

    fn init(_run: &RunInfo, options: &Options) -> Result<Vec<u8>> {
        options.login.check()?;
        Ok(Vec::new())
    }

    fn join(user: &User, options: Options) -> Result<Self> {
        let others = bucket_neighbours(user.id, options.bucket_size);
        let neighbours = Neighbours::open("mam", user.id, others)?;
        let session = options.login.connect(user.id, Account::presence)?;
        let mut person = Self {
            chatter: Chatter::enter(session, neighbours)?,
            reads: user.role == READER,
            due: timing::now(),
            times: 0,
            last: None,
            options,
        };
        want_pages(&person.chatter)?;
        person.due += user::rng().think_time(Duration::ZERO..person.interval());
        Ok(person)
    }

    fn iterate(&mut self, it: Iteration) -> Result<()> {
        if user::sleep_until(self.due)? == Woken::AskedToEnd {
            return Ok(());
        }
        self.due += self.interval();
        if let Some(end) = self.chatter.lost() {
            let login = &self.options.login;
            self.chatter
                .come_back(login.reconnect(user::id(), Account::presence)?)?;
            want_pages(&self.chatter)?;
            bail!("the session ended, and the user came back: {end}");
        }
        let count = if self.reads {
            self.read()?;
            self.options.lookup_count
        } else {
            self.write(&it)?;
            self.options.message_count
        };
        self.times += 1;
        if self.times == count {
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
    const fn interval(&self) -> Duration {
        if self.reads {
            self.options.lookup_interval
        } else {
            self.options.message_interval
        }
    }

    fn write(&mut self, it: &Iteration) -> Result<()> {
        let Options {
            login,
            message_body,
            ..
        } = &self.options;
        let id = it.message_id(0);
        self.chatter.say(|id| login.jid(id), &id, message_body)?;
        Ok(())
    }

    /// Ask for the page behind the last one; behind the archive's end, for the first.
    fn read(&mut self) -> Result<()> {
        let mut query = mam::query().max(self.options.max_items_per_lookup);
        if let Some(last) = &self.last {
            query = query.after(last);
        }
        let session = self.chatter.session();
        let page = session.archive_timeout(query, self.options.mam_lookup_timeout);
        Counter::open(LOOKUPS)?.add(1)?;
        if !check!("the archive answered", page.is_ok()) {
            // The next look begins at the beginning: what it began behind may be gone.
            self.last = None;
        }
        let page = page.context("look into the archive")?;
        let found = u32::try_from(page.messages.len()).unwrap_or(u32::MAX);
        Counter::open(MESSAGES)?.add(found)?;
        check!(
            "no more messages than were asked for",
            found <= self.options.max_items_per_lookup
        );
        self.last = if page.complete { None } else { page.last };
        Ok(())
    }
}

/// What a page has comes as messages before it: they are expected.
fn want_pages(chatter: &Chatter) -> Result<()> {
    Ok(chatter.session().set_intake_or_report(mam::results())?)
}
