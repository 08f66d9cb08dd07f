//! Users who write to each other in turn.

use super::{Audience, Result};
use crate::timing::Instant;

/// A user's neighbours, as [`placement::bucket_neighbours`](crate::placement::bucket_neighbours) tells them, and which of them are
/// there: nobody is written to who has not come yet or has left, so that what does not arrive is the server's doing.
///
/// Each user has an [`Audience`] with nobody in it but that user; to write to it is to mark what was sent to that audience.
///
/// ```no_run
/// use lt_sdk::coordination::Neighbours;
/// use lt_sdk::placement::bucket_neighbours;
/// use lt_sdk::prelude::*;
///
/// # fn send_to(user: u64, id: &str) -> Result<()> { Ok(()) }
/// # fn iterate(it: Iteration) -> Result<()> {
/// let mut neighbours = Neighbours::open("chat", user::id(), bucket_neighbours(user::id(), 10))?;
/// // Logged in: from now on others may write to this user.
/// neighbours.enter()?;
///
/// if let Some(neighbour) = neighbours.next() {
///     let id = format!("{}-{}", user::id(), it.number);
///     let at = timing::now();
///     send_to(neighbour.id, &id)?;
///     neighbour.mark_sent_at(&id, at)?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Neighbours {
    own: Audience,
    all: Vec<Neighbour>,
    /// Whose turn it is.
    turn: usize,
}

/// One of a user's [`Neighbours`].
///
/// ```no_run
/// # fn name(neighbour: &lt_sdk::coordination::Neighbour) -> String {
/// format!("user_{}", neighbour.id)
/// # }
/// ```
#[derive(Debug)]
pub struct Neighbour {
    /// Id of the user.
    pub id: u64,
    audience: Audience,
}

impl Neighbour {
    /// Whether it is there.
    ///
    /// ```no_run
    /// # fn look(neighbour: &lt_sdk::coordination::Neighbour) -> bool {
    /// neighbour.is_present()
    /// # }
    /// ```
    #[must_use]
    pub fn is_present(&self) -> bool {
        self.audience.present() > 0
    }

    /// Note that something was sent to it at this time: see [`Audience::mark_sent_at`]. False if it has left meanwhile, and is expected to
    /// receive nothing.
    ///
    /// # Errors
    /// If the id is empty, too long, or was already sent.
    ///
    /// ```no_run
    /// # fn send(neighbour: &lt_sdk::coordination::Neighbour, id: &str) -> lt_sdk::Result<()> {
    /// let at = lt_sdk::timing::now();
    /// // send it here
    /// neighbour.mark_sent_at(id, at)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn mark_sent_at(&self, id: &str, at: Instant) -> Result<bool> {
        Ok(self.audience.mark_sent_at(id, at)? > 0)
    }
}

impl Neighbours {
    /// Those of the user `id`. All users that give the same name find each other; nobody is there for that.
    ///
    /// # Errors
    /// If the name is empty or longer than 100 bytes, or the run has too many audiences.
    ///
    /// ```no_run
    /// # fn join(user: &lt_sdk::User) -> lt_sdk::coordination::Result<lt_sdk::coordination::Neighbours> {
    /// lt_sdk::coordination::Neighbours::open("chat", user.id, lt_sdk::placement::bucket_neighbours(user.id, 10))
    /// # }
    /// ```
    pub fn open(name: &str, id: u64, others: impl IntoIterator<Item = u64>) -> Result<Self> {
        let audience = |id: u64| Audience::open(&[name, " ", &id.to_string()].concat());
        let neighbour = |id| {
            let audience = audience(id)?;
            Ok(Neighbour { id, audience })
        };
        Ok(Self {
            own: audience(id)?,
            all: others.into_iter().map(neighbour).collect::<Result<_>>()?,
            turn: 0,
        })
    }

    /// This user is there from now on: see [`Audience::enter`].
    ///
    /// # Errors
    /// If the host cannot.
    ///
    /// ```no_run
    /// # fn log_in(neighbours: &lt_sdk::coordination::Neighbours) -> lt_sdk::Result<()> {
    /// // once the server has let it in
    /// neighbours.enter()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn enter(&self) -> Result<()> {
        self.own.enter()
    }

    /// This user is on its way out: see [`Audience::step_out`].
    ///
    /// ```no_run
    /// # fn leave(neighbours: &lt_sdk::coordination::Neighbours, orderly: bool) {
    /// neighbours.step_out();
    /// // log out
    /// neighbours.left(orderly);
    /// # }
    /// ```
    pub fn step_out(&self) {
        self.own.step_out();
    }

    /// This user is out. If it was in an orderly way, what it has not received yet nobody expects ([`Audience::leave`]); if not, that is
    /// lost ([`Audience::cut_off`]).
    ///
    /// ```no_run
    /// # fn look(neighbours: &lt_sdk::coordination::Neighbours) {
    /// // the connection broke
    /// neighbours.left(false);
    /// # }
    /// ```
    pub fn left(&self, orderly: bool) {
        if orderly {
            self.own.leave();
        } else {
            self.own.cut_off();
        }
    }

    /// The next in turn of those who are there; `None` if nobody is.
    ///
    /// ```no_run
    /// # fn write(neighbours: &mut lt_sdk::coordination::Neighbours) {
    /// if let Some(neighbour) = neighbours.next() {
    ///     lt_sdk::log::info!("writing to {}", neighbour.id);
    /// }
    /// # }
    /// ```
    #[expect(
        clippy::should_implement_trait,
        reason = "who is next changes from call to call: no iterator lends what it owns"
    )]
    pub fn next(&mut self) -> Option<&Neighbour> {
        let (behind, before) = self.all.split_at_checked(self.turn)?;
        let in_turn = (self.turn..).zip(before).chain((0..).zip(behind));
        let (place, neighbour) = in_turn
            .into_iter()
            .find(|(_, neighbour)| neighbour.is_present())?;
        self.turn = (place + 1) % self.all.len().max(1);
        Some(neighbour)
    }
}
