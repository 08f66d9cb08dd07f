//! A user who chats with its neighbours, one to one.

use super::{Close, Filter, Key, Session, Watch, Watcher, chat};
use crate::coordination::Neighbours;
use crate::timing::now;

/// What no stanza is called: the inbox stays empty.
const NOTHING: &str = "nothing";

/// A user who chats with its neighbours: those who are there are written to in turn, and what comes is timed by the host, and not kept. So a
/// message costs its recipient nothing, not even waking up. All else that comes is unexpected: counted in `xmpp_unexpected`, and logged.
///
/// ```no_run
/// use lt_sdk::coordination::Neighbours;
/// use lt_sdk::placement::bucket_neighbours;
/// use lt_sdk::prelude::*;
/// use lt_sdk::xmpp::{Chatter, Login};
///
/// # fn day(user: &User, login: &Login) -> Result<()> {
/// let neighbours = Neighbours::open("chat", user.id, bucket_neighbours(user.id, 10))?;
/// let session = login.connect(user.id, |account| account.presence())?;
/// let mut chatter = Chatter::enter(session, neighbours)?;
/// for number in 0..60 {
///     timing::sleep(Duration::from_secs(10));
///     chatter.say(|id| login.jid(id), &format!("{}-{number}", user.id), "hello")?;
/// }
/// chatter.leave()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Chatter {
    // Before the session, which it needs to end.
    _watcher: Watcher,
    session: Session,
    neighbours: Neighbours,
}

/// Have the host time chat by the id of the messages, and drop it; from then on all else is unexpected.
fn prepare(session: &Session) -> crate::Result<Watcher> {
    let chat = Watch::new(Filter::chat()).named("chat");
    // What waits in the inbox, such as messages from before the user came, the watch sees at once.
    let watcher = session.watch(chat.delivery(Key::id()).discard())?;
    session.set_intake_or_report(Filter::element(NOTHING))?;
    Ok(watcher)
}

impl Chatter {
    /// Enter with a session that has sent its presence: from now on others may write to this user.
    ///
    /// # Errors
    /// If the session has ended.
    ///
    /// ```no_run
    /// # use lt_sdk::{coordination::Neighbours, xmpp::{Chatter, Session}};
    /// # fn join(session: Session, neighbours: Neighbours) -> lt_sdk::Result<Chatter> {
    /// Chatter::enter(session, neighbours)
    /// # }
    /// ```
    pub fn enter(session: Session, neighbours: Neighbours) -> crate::Result<Self> {
        let watcher = prepare(&session)?;
        neighbours.enter()?;
        Ok(Self {
            _watcher: watcher,
            session,
            neighbours,
        })
    }

    /// The session.
    ///
    /// ```no_run
    /// # fn look(chatter: &lt_sdk::xmpp::Chatter) -> u64 {
    /// chatter.session().statistics().received
    /// # }
    /// ```
    #[must_use]
    pub const fn session(&self) -> &Session {
        &self.session
    }

    /// How the session ended, if it has, without the user's doing: what was on its way to it is lost. Then [`come_back`](Self::come_back).
    ///
    /// ```no_run
    /// # fn iterate(chatter: &mut lt_sdk::xmpp::Chatter, login: &lt_sdk::xmpp::Login) -> lt_sdk::Result<()> {
    /// if let Some(end) = chatter.lost() {
    ///     lt_sdk::log::warn!("the session ended: {end}");
    ///     chatter.come_back(login.reconnect(lt_sdk::user::id(), |account| account.presence())?)?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn lost(&self) -> Option<Close> {
        let end = self.session.closed()?;
        self.neighbours.left(false);
        Some(end)
    }

    /// Enter again with another session.
    ///
    /// # Errors
    /// If it has ended, too.
    ///
    /// ```no_run
    /// # use lt_sdk::xmpp::{Chatter, Session};
    /// # fn iterate(chatter: &mut Chatter, session: Session) -> lt_sdk::Result<()> {
    /// chatter.come_back(session)
    /// # }
    /// ```
    pub fn come_back(&mut self, session: Session) -> crate::Result<()> {
        self._watcher = prepare(&session)?;
        self.session = session;
        Ok(self.neighbours.enter()?)
    }

    /// Write to the next neighbour in turn who is there, under an id that is unique in the run; `jid_of` tells the address of a user. Says to whom;
    /// `None` if nobody is there.
    ///
    /// # Errors
    /// If the session has ended, or the id is unfit.
    ///
    /// ```no_run
    /// # use lt_sdk::prelude::*;
    /// # fn iterate(it: Iteration, chatter: &mut lt_sdk::xmpp::Chatter, login: &lt_sdk::xmpp::Login) -> Result<()> {
    /// let id = format!("{}-{}", user::id(), it.number);
    /// chatter.say(|user| login.jid(user), &id, "hello")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn say(
        &mut self,
        jid_of: impl FnOnce(u64) -> String,
        id: &str,
        body: &str,
    ) -> crate::Result<Option<u64>> {
        let Some(neighbour) = self.neighbours.next() else {
            return Ok(None);
        };
        let message = chat(jid_of(neighbour.id), body).id(id);
        let at = now();
        self.session.send(&message)?;
        // Only now: what a broken session did not take, nobody is to receive.
        neighbour.mark_sent_at(id, at)?;
        Ok(Some(neighbour.id))
    }

    /// Leave: nobody writes to this user any more, and what is on its way may still come until the server has ended the stream. Returns the session,
    /// which has ended.
    ///
    /// # Errors
    /// If the stream did not end as it should: what was on its way is lost then.
    ///
    /// ```no_run
    /// # fn leave(chatter: lt_sdk::xmpp::Chatter) -> lt_sdk::Result<()> {
    /// chatter.leave()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn leave(self) -> crate::Result<Session> {
        self.leave_by(|session| {
            let end = session.close();
            crate::ensure!(end.is_orderly(), "the session ended: {end}");
            Ok(())
        })
    }

    /// The same for a user that ends its session in another way, such as by removing its account.
    ///
    /// # Errors
    /// The closure's: then what was on its way is lost.
    ///
    /// ```no_run
    /// # fn leave(chatter: lt_sdk::xmpp::Chatter) -> lt_sdk::Result<()> {
    /// chatter.leave_by(|session| {
    ///     session.unregister()?;
    ///     session.close(); // the server may have ended it already
    ///     Ok(())
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn leave_by(
        self,
        end: impl FnOnce(&Session) -> crate::Result<()>,
    ) -> crate::Result<Session> {
        self.neighbours.step_out();
        let ended = end(&self.session);
        self.neighbours.left(ended.is_ok());
        ended?;
        Ok(self.session)
    }
}
