//! People in chat rooms over XMPP (XEP-0045): each logs in, enters its rooms one after another, and writes to those that it is to create. What the run
//! measures is how long each message took to reach everyone in the room, its sender included, beside what was lost.
//!
//! amoc's `dynamic_domains_muc`, with its settings, defaults and placement: with 10 rooms a user and 5 users a room, users 1 to 5 share rooms 1 to 10, and
//! each of them writes to two. amoc waits a minute before and after entering so that everybody is in before anybody writes; here a user writes to
//! a room as soon as it is in, since the host knows who else is. Accounts `user_1`, `user_2`, … must exist.
//!
//! | metric | says |
//! |---|---|
//! | `delivery_time`, `delivery_lost` | how long a message took to reach each who was in the room, and what did not |
//! | `room_entry` | from sending the presence that was answered well until the server's word that the user is in |
//! | `rooms_entered`, `rooms_created` | how many |
//! | `xmpp_errors{condition:item-not-found}` | how often a user found a room locked, since its creator had not made it ready yet: it is let in a little later |

mod agenda;

use lt_sdk::coordination::Audience;
use lt_sdk::metrics::{Counter, Kind, Trend, Unit};
use lt_sdk::placement::{rooms_to_create, rooms_to_join};
use lt_sdk::prelude::*;
use lt_sdk::timing::Backoff;
use lt_sdk::user::Woken;
use lt_sdk::xmpp::{
    self, Account, Filter, Filters, Key, Login, Session, Stanza, Watch, Watcher, muc,
};

use agenda::{Agenda, Item};

/// What `--set` can change.
#[derive(Settings)]
struct Options {
    #[setting(flatten)]
    login: Login,
    /// Where the rooms are; without it muc. and the domain of the accounts
    muc_domain: Option<String>,
    /// Rooms that each user is in
    #[setting(default = 10, min = 1, max = 900)]
    rooms_per_user: u32,
    /// Users in each room
    #[setting(default = 5, min = 1)]
    users_per_room: u32,
    /// Time between entering one room and the next
    #[setting(default = "20s")]
    room_entry_interval: Duration,
    /// Time between two messages to one room
    #[setting(default = "10s", min = "1ms")]
    room_message_interval: Duration,
    /// Messages to each room; 0: until the run ends
    #[setting(default = 60)]
    messages_sent_per_room: u32,
    /// Time that the server has to let a user into a room; one that is not ready yet is asked for again until then
    #[setting(default = "10s", min = "1ms")]
    room_entry_timeout: Duration,
    /// What they write
    #[setting(default = "hello")]
    message_body: String,
}

/// Pauses before the server is asked again for a room that is not ready: drawn below a bound that doubles from the first to the last.
const KNOCK_FIRST: Duration = Duration::from_millis(200);
const KNOCK_LAST: Duration = Duration::from_secs(2);

const ENTERED: &str = "rooms_entered";
const CREATED: &str = "rooms_created";
const ENTRY: &str = "room_entry";

/// A room that the user is in.
struct Room {
    number: u64,
    audience: Audience,
}

/// One person.
struct Person {
    options: Options,
    id: u64,
    nick: String,
    agenda: Agenda,
    rooms: Vec<Room>,
    // Before the session, which it needs to end.
    _watcher: Watcher,
    session: Session,
}

#[lt_sdk::scenario]
impl Scenario for Person {
    type Settings = Options;

    fn describe(base: Description) -> Description {
        Login::declare(base)
            .metric(
                ENTERED,
                "Rooms that users entered",
                Kind::Counter,
                Unit::None,
            )
            .metric(
                CREATED,
                "Rooms that did not exist before",
                Kind::Counter,
                Unit::None,
            )
            .metric(
                ENTRY,
                "From sending the presence that was answered well until the server's word that the user is in",
                Kind::Trend,
                Unit::Time,
            )
            .users(10)
            .duration(Duration::from_secs(300))
    }

    fn init(_run: &RunInfo, options: &Options) -> Result<Vec<u8>> {
        options.login.check()?;
        Ok(Vec::new())
    }

    fn join(user: &User, options: Options) -> Result<Self> {
        let session = options.login.connect(user.id, with)?;
        let watcher = watch(&session)?;
        let mut rng = user::rng();
        let joined = rooms_to_join(user.id, options.rooms_per_user, options.users_per_room);
        let agenda = Agenda::new(timing::now(), joined, options.room_entry_interval, &mut rng);
        Ok(Self {
            nick: format!("user_{}", user.id),
            id: user.id,
            agenda,
            rooms: Vec::new(),
            _watcher: watcher,
            session,
            options,
        })
    }

    /// The next thing that is due: to enter a room, or to write to one.
    fn iterate(&mut self, it: Iteration) -> Result<()> {
        let Some((due, item)) = self.agenda.next() else {
            user::stop_self();
            return Ok(());
        };
        if user::sleep_until(due)? == Woken::AskedToEnd {
            return Ok(());
        }
        if let Some(end) = self.session.closed() {
            self.come_back()?;
            bail!("the session ended, and the user came back: {end}");
        }
        self.agenda.done(item, self.options.room_message_interval);
        match item {
            Item::Enter(room) => self.enter(room, &it),
            Item::Write(room) => self.write(room, &it),
        }
    }

    /// Out of all rooms at once, with the session: what is on the way nobody expects any more, but only if the server sees the user off.
    fn leave(self) -> Result<()> {
        for room in &self.rooms {
            room.audience.step_out();
        }
        let end = self.session.close();
        for room in &self.rooms {
            if end.is_orderly() {
                room.audience.leave();
            } else {
                room.audience.cut_off();
            }
        }
        ensure!(end.is_orderly(), "the session ended: {end}");
        Ok(())
    }
}

impl Person {
    /// Enter a room, and make it ready if it did not exist.
    fn enter(&mut self, number: u64, it: &Iteration) -> Result<()> {
        let jid = self.room(number);
        let Some(answer) = self.knock(&jid, it)? else {
            return Ok(());
        };
        if muc::statuses(&answer).contains(&muc::CREATED) {
            self.session.request(&muc::configure_instant(&jid))?;
            Counter::open(CREATED)?.add(1)?;
        }
        let audience = Audience::open(&["muc ", &number.to_string()].concat())?;
        audience.enter()?;
        Counter::open(ENTERED)?.add(1)?;
        self.rooms.push(Room { number, audience });
        let Options {
            rooms_per_user,
            users_per_room,
            messages_sent_per_room,
            room_message_interval,
            ..
        } = &self.options;
        if rooms_to_create(self.id, *rooms_per_user, *users_per_room).contains(&number) {
            let first = it.rng().think_time(Duration::ZERO..*room_message_interval);
            let count = *messages_sent_per_room;
            self.agenda
                .add_messages(number, timing::now() + first, count);
        }
        Ok(())
    }

    /// Ask to be let in. A room is locked until whoever came first has made it ready: until then all others are told that there is none (XEP-0045,
    /// section 10.1.3), and ask again. `None` if the user is asked to end meanwhile.
    fn knock(&self, jid: &str, it: &Iteration) -> Result<Option<Stanza>> {
        // Of what was said before, nothing: it was not for this user.
        let join = muc::join(jid, &self.nick).history_max(0);
        let until = timing::now() + self.options.room_entry_timeout;
        let mut backoff = Backoff::new(KNOCK_FIRST, KNOCK_LAST, it.rng());
        let answer = loop {
            let start = timing::now();
            let answer = self.session.join_room(&join, until - start);
            if let Ok(presence) = &answer {
                let took = presence.arrived() - start;
                Trend::open_unit(ENTRY, Unit::Time)?.add_duration(took)?;
            }
            let next = timing::now() + backoff.pause();
            if !is_locked(&answer) || next >= until {
                break answer;
            }
            if user::sleep_until(next)? == Woken::AskedToEnd {
                return Ok(None);
            }
        };
        check!("the server let the user into the room", answer.is_ok());
        if answer.is_err() {
            log::info!("not let into {jid}");
        }
        Ok(Some(answer.context("enter a room")?))
    }

    fn write(&self, number: u64, it: &Iteration) -> Result<()> {
        let Some(room) = self.rooms.iter().find(|room| room.number == number) else {
            return Ok(());
        };
        let id = it.message_id(0);
        let message = xmpp::group_chat(self.room(number), &self.options.message_body).id(&id);
        let at = timing::now();
        self.session.send(&message)?;
        // The room sends it back to its sender, too.
        room.audience.mark_sent_at(&id, at)?;
        Ok(())
    }

    /// After the session was lost: what was on its way is lost with it, and all rooms are to be entered again.
    fn come_back(&mut self) -> Result<()> {
        for room in self.rooms.drain(..) {
            room.audience.cut_off();
        }
        self.session = self.options.login.reconnect(self.id, with)?;
        self._watcher = watch(&self.session)?;
        let Options {
            rooms_per_user,
            users_per_room,
            room_entry_interval,
            ..
        } = &self.options;
        let joined = rooms_to_join(self.id, *rooms_per_user, *users_per_room);
        self.agenda = Agenda::new(
            timing::now(),
            joined,
            *room_entry_interval,
            &mut user::rng(),
        );
        Ok(())
    }

    fn room(&self, number: u64) -> String {
        let login = &self.options.login;
        let room = format!("room_{number}@");
        match &self.options.muc_domain {
            Some(domain) => room + domain,
            None => room + "muc." + login.domain(),
        }
    }
}

/// Whether a room is not there, or not ready yet.
fn is_locked(answer: &xmpp::Result<Stanza>) -> bool {
    matches!(answer, Err(xmpp::Error::Refused(error)) if error.condition == "item-not-found")
}

/// Of all that rooms say of who comes and goes, the user looks at what is said of itself, and at refusals.
fn with(account: Account) -> Account {
    account.presence().intake(wanted())
}

fn wanted() -> Filters {
    let own = Filter::presence().regex(r#"code=['"]110['"]"#);
    [own, Filter::presence().kind("error")].into()
}

/// Have the host note each message of a room as it comes, and drop it.
fn watch(session: &Session) -> Result<Watcher> {
    let chat = Watch::new(Filter::group_chat()).named("groupchat");
    Ok(session.watch(chat.delivery(Key::id()).discard())?)
}
