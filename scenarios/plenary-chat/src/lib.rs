//! People at an online event: each registers with the server, joins the plenary over WebSocket, chats, wanders into breakout rooms, leaves,
//! and comes back. What the run measures is how long each message took to reach everyone who was there, beside what was lost.
//!
//! Speaks the protocol of the reunhangout event server; runs against `lt-host target` as it is. Sessions are kept between runs with
//! `--state-file`, and `--percent-new 0` logs in without registering. Under one seed a run repeats itself: start times, what each does in
//! each of its ticks, and what it says.
//!
//! | metric | says |
//! |---|---|
//! | `delivery_time`, `delivery_lost`, `delivery_duplicates` | how long a message took to reach each who was present, and what did not come, or twice |
//! | `join_time` | from opening a socket until the server said that the user is in |
//! | `joins`, `leaves`, `breakout_joins`, `breakout_leaves`, `chats_sent` | what users did |
//! | `cut_off`, `reconnects` | connections that ended without the user's doing, and users who came back after that |
//! | `server_errors` | what the server refused, by the tag `code`: `over-capacity`, `already-connected`, … |

mod account;
mod decide;
mod options;
mod page;
mod room;
mod tally;
mod words;

use lt_sdk::coordination::{Audience, Error as CoordinationError};
use lt_sdk::prelude::*;
use lt_sdk::rand::Rng;
use lt_sdk::timing::Backoff;
use lt_sdk::websocket::{self, Close};

use account::Account;
use decide::{Breakout, Plenary, State};
use options::Options;
use room::{Door, Entry, Room};

/// Pauses before another attempt to sign in or to join, after one that failed or a connection that was lost: drawn below a bound that
/// doubles from the first to the last.
const BACKOFF_FIRST: Duration = Duration::from_secs(1);
const BACKOFF_LAST: Duration = Duration::from_secs(30);

/// The longest that a user knocks at a breakout: it has no eyes for its plenary meanwhile.
const BREAKOUT_TIMEOUT_MAX: Duration = Duration::from_secs(5);

/// Streams of the user's random numbers that are of no iteration.
const START_STREAM: u64 = u64::MAX;
const BACKOFF_STREAM: u64 = u64::MAX - 1;

const PLENARY: &str = "plenary";
const BREAKOUT: &str = "breakout";

/// One person.
struct Participant {
    options: Options,
    name: String,
    slug: String,
    may_register: bool,
    /// Cleared when the server turns the user away at the door: it signs in anew before it knocks again.
    signed_in: bool,
    /// Those that it may join.
    breakouts: Vec<u64>,
    /// Time from the sign-in to the first tick; `None` once the user has begun.
    jitter: Option<Duration>,
    backoff: Backoff,
    /// Not to sign in or join before.
    retry_at: Option<Instant>,
    /// Its connection ended without its doing, and it is not back yet.
    cut_off: bool,
    audience: Audience,
    plenary: Option<Room>,
    breakout: Option<Room>,
}

#[lt_sdk::scenario]
impl Scenario for Participant {
    type Settings = Options;

    fn describe(base: Description) -> Description {
        tally::declare(base)
            .steady_check("joined the plenary")
            .users(10)
            .duration(Duration::from_secs(60))
    }

    fn init(_run: &RunInfo, options: &Options) -> Result<Vec<u8>> {
        options.check()?;
        Ok(Vec::new())
    }

    /// Nothing that may fail today and work tomorrow: who cannot join is gone for good.
    fn join(user: &User, options: Options) -> Result<Self> {
        let slug = options.slug_of(user.id).to_owned();
        let mut start = Rng::for_iteration(user.seed, START_STREAM);
        let backoff = Rng::for_iteration(user.seed, BACKOFF_STREAM);
        Ok(Self {
            name: options.name_of(user.id),
            may_register: user.is_new,
            signed_in: false,
            breakouts: Vec::new(),
            jitter: Some(start.think_time(Duration::ZERO..options.start_jitter)),
            backoff: Backoff::new(BACKOFF_FIRST, BACKOFF_LAST, backoff),
            retry_at: None,
            cut_off: false,
            audience: Audience::open(&["plenary ", &slug].concat())?,
            plenary: None,
            breakout: None,
            slug,
            options,
        })
    }

    /// One tick. The first iterations have more before it: to sign in, until that works, and to wait for the start.
    fn iterate(&mut self, it: Iteration) -> Result<()> {
        let mut tick_start = it.actual_start;
        let done = match self.begin(&mut tick_start) {
            Ok(true) => self.tick(&it),
            Ok(false) => Ok(()),
            Err(error) => Err(error),
        };
        // Also after a failure: a server that is not there is not knocked at in a loop.
        wait_until(tick_start + self.options.tick)?;
        done
    }

    /// A last look first: a connection that has ended by itself is none that the user leaves.
    fn leave(mut self) -> Result<()> {
        let seen = self.look();
        let plenary = self.leave_plenary();
        let breakout = self.leave_breakout();
        tally::both(seen, tally::both(plenary, breakout))
    }
}

impl Participant {
    /// Whether the user has begun: it has signed in, and the wait for its start is over.
    fn begin(&mut self, tick_start: &mut Instant) -> Result<bool> {
        let Some(jitter) = self.jitter else {
            return Ok(true);
        };
        if self.is_too_early() {
            return Ok(false);
        }
        if let Err(error) = self.sign_in() {
            self.retry_later();
            return Err(error);
        }
        self.worked();
        self.jitter = None;
        // Counted from here, when the page is there: as many people do who read it first.
        let start = timing::now() + jitter;
        *tick_start = start;
        Ok(wait_until(start)? == Waited::Long)
    }

    /// See what came, then do what this tick's draw says.
    fn tick(&mut self, it: &Iteration) -> Result<()> {
        self.look()?;
        let mut rng = it.rng();
        let state = State {
            connected: self.plenary.is_some(),
            in_breakout: self.breakout.is_some(),
            breakout_fits: !self.breakouts.is_empty(),
        };
        let actions = decide::decide(state, rng.unit(), self.options.behaviour()?);
        // The plenary first: a message must not wait for the door of a breakout.
        let plenary = match actions.plenary {
            Some(Plenary::Join) => self.join_plenary(),
            Some(Plenary::Leave) => self.leave_plenary(),
            Some(Plenary::Chat) => self.chat(it.number, &mut rng),
            None => Ok(()),
        };
        let breakout = match actions.breakout {
            Some(Breakout::Join) => self.join_breakout(&mut rng),
            Some(Breakout::Leave) => self.leave_breakout(),
            None => Ok(()),
        };
        tally::both(plenary, breakout)
    }

    fn sign_in(&mut self) -> Result<()> {
        let account = Account {
            base: self.options.base(),
            slug: &self.slug,
            name: &self.name,
            password: &self.options.password,
            may_register: self.may_register,
        };
        self.breakouts = account.enter()?;
        self.signed_in = true;
        Ok(())
    }

    /// What the server said, and whether the connections still stand. An error that it told, or a connection that ended without the user's doing,
    /// fails the iteration; that a breakout is full or the user in one already does not.
    fn look(&mut self) -> Result<()> {
        let plenary = self.look_into_plenary();
        tally::both(plenary, self.look_into_breakout())
    }

    fn look_into_plenary(&mut self) -> Result<()> {
        let Some(room) = &self.plenary else {
            return Ok(());
        };
        let heard = room.listen()?;
        let told = tally::tell(PLENARY, &heard.errors);
        let Some(end) = heard.end else {
            return told;
        };
        self.lose_plenary();
        tally::both(told, tally::lost(PLENARY, &end))
    }

    fn look_into_breakout(&mut self) -> Result<()> {
        let Some(room) = &self.breakout else {
            return Ok(());
        };
        let heard = room.listen()?;
        let told = tally::tell(BREAKOUT, &heard.errors);
        if let Some(end) = heard.end {
            self.breakout = None;
            return tally::both(told, tally::lost(BREAKOUT, &end));
        }
        if heard.errors.iter().any(|code| words::is_refusal(code)) {
            // Put out of it: the user is in one elsewhere.
            return tally::both(told, self.leave_breakout());
        }
        told
    }

    /// Knock at the plenary, unless the last attempt was a short time ago.
    fn join_plenary(&mut self) -> Result<()> {
        if self.is_too_early() {
            return Ok(());
        }
        let joined = self.enter_plenary();
        match &joined {
            Ok(true) => self.worked(),
            Ok(false) | Err(_) => self.retry_later(),
        }
        // A wait that ended with the run says nothing of the server.
        if joined.is_ok() || !user::should_stop() {
            check!("joined the plenary", matches!(joined, Ok(true)));
        }
        joined.map(drop)
    }

    /// Whether the user is in.
    fn enter_plenary(&mut self) -> Result<bool> {
        if !self.signed_in {
            self.sign_in()?;
        }
        let path = ["/event/", &self.slug, "/"].concat();
        let Some(room) = self.enter(PLENARY, &path)? else {
            return Ok(false);
        };
        self.audience.enter()?;
        self.plenary = Some(room);
        tally::count(tally::JOINS)?;
        if std::mem::take(&mut self.cut_off) {
            tally::count(tally::REJOINS)?;
        }
        Ok(true)
    }

    /// Out of the plenary, of the user's own will. What is on the way to it nobody expects any more, but only if the server sees it off:
    /// what a dead one still owes is lost.
    fn leave_plenary(&mut self) -> Result<()> {
        let Some(room) = self.plenary.take() else {
            return Ok(());
        };
        self.audience.step_out();
        let end = room.leave();
        if end.as_ref().is_ok_and(Close::is_orderly) {
            self.audience.leave();
            return tally::count(tally::LEAVES);
        }
        self.lose_plenary();
        tally::lost(PLENARY, &end.context("leave the plenary")?)
    }

    /// Out of the plenary without the user's doing: what it has not received yet is lost.
    fn lose_plenary(&mut self) {
        self.audience.cut_off();
        self.plenary = None;
        self.cut_off = true;
        self.retry_later();
    }

    fn join_breakout(&mut self, rng: &mut Rng) -> Result<()> {
        let Some(id) = rng.pick(&self.breakouts).copied() else {
            return Ok(());
        };
        let path = format!("/breakout/{id}/");
        self.breakout = self.enter(BREAKOUT, &path)?;
        if self.breakout.is_some() {
            tally::count(tally::BREAKOUT_JOINS)?;
        }
        Ok(())
    }

    fn leave_breakout(&mut self) -> Result<()> {
        let Some(room) = self.breakout.take() else {
            return Ok(());
        };
        let end = room.leave().context("leave the breakout")?;
        if end.is_orderly() {
            tally::count(tally::BREAKOUT_LEAVES)
        } else {
            tally::lost(BREAKOUT, &end)
        }
    }

    /// Into a room. `None` if the server says that it is full, or the user in one already.
    fn enter(&mut self, name: &'static str, path: &str) -> Result<Option<Room>> {
        let timeout = self.options.join_timeout;
        let door = Door {
            url: websocket::url(self.options.base(), path),
            name,
            slug: &self.slug,
            heartbeat_interval: self.options.heartbeat_interval,
            timeout: match name {
                BREAKOUT => timeout.min(BREAKOUT_TIMEOUT_MAX),
                _ => timeout,
            },
        };
        match Room::join(&door) {
            Ok(Entry::In(room, took)) => {
                tally::join_time(name, took)?;
                Ok(Some(room))
            }
            Ok(Entry::Refused(refusal)) => tally::refused(name, &refusal).map(|()| None),
            Err(error) => {
                if let Some(refusal) = error.refusal() {
                    tally::server_error(&format!("status-{}", refusal.status))?;
                    // Turned away at the door: the session may have ended.
                    self.signed_in &= !matches!(refusal.status, 401 | 403);
                }
                Err(Error::from(error).context(["join the ", name].concat()))
            }
        }
    }

    /// Say something to everyone who is there, and wait for nobody: the host takes the time at which it reaches each. Said first and marked
    /// then, with the time before: what could not be sent, nobody is to receive.
    fn chat(&self, iteration: u64, rng: &mut Rng) -> Result<()> {
        let Some(room) = &self.plenary else {
            return Ok(());
        };
        let id = words::id(user::id(), iteration, rng);
        let line = words::line(&id, rng);
        let at = timing::now();
        room.say(&line).context("chat")?;
        // Only now: what a broken connection did not take, nobody is to receive.
        self.audience.mark_sent_at(&id, at)?;
        tally::count(tally::CHATS)
    }

    /// Whether the last attempt was a short time ago.
    fn is_too_early(&self) -> bool {
        self.retry_at.is_some_and(|at| timing::now() < at)
    }

    fn retry_later(&mut self) {
        self.retry_at = Some(timing::now() + self.backoff.pause());
    }

    /// The next attempt is the first again.
    fn worked(&mut self) {
        self.backoff.reset();
        self.retry_at = None;
    }
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waited {
    Long,
    AskedToEnd,
}

/// Sleep until then, or until the user is asked to end: a wait for messages of other users, who write none, is ended by that.
fn wait_until(when: Instant) -> Result<Waited> {
    loop {
        match coordination::receive(when - timing::now()) {
            Ok(_) => {}
            Err(CoordinationError::Timeout) => return Ok(Waited::Long),
            Err(CoordinationError::Stopping) => return Ok(Waited::AskedToEnd),
            Err(error) => return Err(error.into()),
        }
    }
}
