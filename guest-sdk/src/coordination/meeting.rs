//! Groups that users form.

use std::ops::RangeInclusive;

use super::{Error, Result, limit};
use crate::bindings::lt::scenario::coordination as host;
use crate::runtime::Pollable;
use crate::timing::Duration;

/// A place where users form groups, in the order in which they come.
///
/// The first to open it says who makes a group complete; whoever follows must say the same.
///
/// ```no_run
/// use lt_sdk::coordination::Meeting;
/// use lt_sdk::prelude::*;
///
/// # fn iterate() -> Result<()> {
/// let pair = Meeting::pairs("couples")?.join(b"my name", Duration::from_secs(30))?;
/// let partner = pair.partner().context("nobody came")?;
/// log::info!("user {} met user {}", pair.me().user, partner.user);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Meeting(host::Meeting);

impl Meeting {
    fn open(name: &str, size: host::Size, roles: Vec<String>) -> Result<Self> {
        let plan = host::MeetingPlan { size, roles };
        Ok(Self(host::Meeting::open(name, &plan)?))
    }

    /// Two and two.
    ///
    /// # Errors
    /// If the name is unfit, if it was opened with another plan, if the run has fewer users or too many meetings.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// let couples = lt_sdk::coordination::Meeting::pairs("couples")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn pairs(name: &str) -> Result<Self> {
        Self::of(name, 2)
    }

    /// Groups of this many users, at least one.
    ///
    /// # Errors
    /// Those of [`pairs`](Self::pairs), and if the number is zero.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// let tables = lt_sdk::coordination::Meeting::of("tables", 4)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn of(name: &str, users: u32) -> Result<Self> {
        Self::open(name, host::Size::Exactly(users), Vec::new())
    }

    /// Groups of a size drawn anew for each, both ends included.
    ///
    /// # Errors
    /// Those of [`pairs`](Self::pairs), and if the range is empty or begins with zero.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// let rooms = lt_sdk::coordination::Meeting::between("rooms", 3..=8)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn between(name: &str, users: RangeInclusive<u32>) -> Result<Self> {
        let size = host::Size::Between(users.into_inner());
        Self::open(name, size, Vec::new())
    }

    /// Every user that is running. If some do not come, whoever waits longest ends the wait by its timeout, and all who are
    /// there meet.
    ///
    /// # Errors
    /// Those of [`pairs`](Self::pairs).
    ///
    /// ```no_run
    /// # use lt_sdk::prelude::*;
    /// # fn main() -> Result<()> {
    /// // Nobody begins before everybody is logged in.
    /// lt_sdk::coordination::Meeting::all("start")?.join(b"", Duration::from_secs(60))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn all(name: &str) -> Result<Self> {
        Self::open(name, host::Size::All, Vec::new())
    }

    /// Groups of exactly one user of each role listed, however often it is listed.
    ///
    /// # Errors
    /// Those of [`pairs`](Self::pairs), and if no user plays a role or the list is empty.
    ///
    /// ```no_run
    /// # use lt_sdk::prelude::*;
    /// # fn iterate() -> Result<()> {
    /// let deal = lt_sdk::coordination::Meeting::roles("deals", ["buyer", "seller"])?;
    /// let group = deal.join(b"", Duration::from_secs(30))?;
    /// let seller = group.with_role("seller").context("no seller")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn roles<R: Into<String>>(name: &str, roles: impl IntoIterator<Item = R>) -> Result<Self> {
        let roles: Vec<String> = roles.into_iter().map(Into::into).collect();
        let users = u32::try_from(roles.len()).unwrap_or(u32::MAX);
        Self::open(name, host::Size::Exactly(users), roles)
    }

    /// Bring data (at most 16 KiB) and wait for the group to be complete, at most this long; `None` waits until this user is
    /// asked to end.
    ///
    /// # Errors
    /// If the time is over (this user has then left the meeting again), if the user is asked to end or the meeting was reset, if
    /// there is too much data, too many wait, or the group can never be complete.
    ///
    /// ```no_run
    /// # use lt_sdk::prelude::*;
    /// # fn iterate(couples: &lt_sdk::coordination::Meeting) -> Result<()> {
    /// let pair = couples.join(b"my name", Duration::from_secs(30))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn join(
        &self,
        data: impl AsRef<[u8]>,
        timeout: impl Into<Option<Duration>>,
    ) -> Result<Group> {
        Group::from_host(self.0.join(data.as_ref(), limit(timeout))?)
    }

    /// The same without waiting.
    ///
    /// # Errors
    /// If the user is asked to end, if there is too much data, too many wait, or the group can never be complete.
    ///
    /// ```no_run
    /// # fn iterate(couples: &lt_sdk::coordination::Meeting) -> lt_sdk::Result<()> {
    /// let seat = couples.queue(b"my name")?;
    /// // something else
    /// let pair = seat.finish()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn queue(&self, data: impl AsRef<[u8]>) -> Result<Seat> {
        Ok(Seat(self.0.queue(data.as_ref())?))
    }

    /// Like [`join`](Self::join), for `async` code. Dropping it leaves the meeting; [`futures::timeout`](crate::futures::timeout)
    /// limits the time.
    ///
    /// # Errors
    /// Those of [`join`](Self::join), but for the time.
    ///
    /// ```no_run
    /// # use lt_sdk::prelude::*;
    /// # async fn iterate(couples: &lt_sdk::coordination::Meeting) -> Result<()> {
    /// let pair = futures::timeout(couples.join_async(b"my name"), Duration::from_secs(30)).await??;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn join_async(&self, data: impl AsRef<[u8]>) -> Result<Group> {
        self.queue(data)?.await
    }

    /// Send everyone away who waits: their waits end with [`Error::Reset`].
    ///
    /// ```no_run
    /// # fn iterate(couples: &lt_sdk::coordination::Meeting) {
    /// couples.reset();
    /// # }
    /// ```
    pub fn reset(&self) {
        self.0.reset();
    }
}

/// A place in a meeting that is not complete yet. Dropping it leaves the meeting. In `async` code it can be awaited.
///
/// ```no_run
/// # fn iterate(couples: &lt_sdk::coordination::Meeting) -> lt_sdk::Result<()> {
/// let seat = couples.queue(b"my name")?;
/// if seat.is_ready() {
///     let pair = seat.finish()?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "dropping it leaves the meeting"]
pub struct Seat(host::Seat);

impl Seat {
    /// Whether the group is complete, or can never be.
    ///
    /// ```no_run
    /// # fn look(seat: &lt_sdk::coordination::Seat) -> bool {
    /// seat.is_ready()
    /// # }
    /// ```
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.subscribe().is_ready()
    }

    /// Something to wait on, together with others.
    ///
    /// ```no_run
    /// # async fn wait(seat: &lt_sdk::coordination::Seat) {
    /// lt_sdk::runtime::Wait::on(seat.subscribe()).await;
    /// # }
    /// ```
    #[must_use]
    pub fn subscribe(&self) -> Pollable {
        Pollable::from_host(self.0.subscribe())
    }

    /// Wait for the group to be complete.
    ///
    /// # Errors
    /// If the user is asked to end, or the meeting was reset.
    ///
    /// ```no_run
    /// # fn wait(seat: lt_sdk::coordination::Seat) -> lt_sdk::Result<()> {
    /// let group = seat.finish()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn finish(self) -> Result<Group> {
        Group::from_host(self.0.finish(None)?)
    }

    /// Wait for the group to be complete, at most this long.
    ///
    /// # Errors
    /// If the time is over, if the user is asked to end, or the meeting was reset.
    ///
    /// ```no_run
    /// # fn wait(seat: &lt_sdk::coordination::Seat) -> lt_sdk::Result<()> {
    /// let group = seat.finish_timeout(lt_sdk::timing::Duration::from_secs(1))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn finish_timeout(&self, timeout: Duration) -> Result<Group> {
        Group::from_host(self.0.finish(limit(timeout))?)
    }
}

/// A complete group.
///
/// ```no_run
/// # fn look(group: &lt_sdk::coordination::Group) {
/// for member in group.members() {
///     lt_sdk::log::info!("user {} is here", member.user);
/// }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    number: u64,
    /// The position of `me` among all.
    position: usize,
    me: Member,
    others: Vec<Member>,
}

/// One member of a group.
///
/// ```no_run
/// # fn look(partner: &lt_sdk::coordination::Member) -> lt_sdk::Result<()> {
/// lt_sdk::coordination::send(partner.user, b"hello")?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The user's id.
    pub user: u64,
    /// Its role; empty without roles.
    pub role: String,
    /// What it brought.
    pub data: Vec<u8>,
}

impl Member {
    /// What it brought, as text; `None` if it is no UTF-8.
    ///
    /// ```
    /// # fn greet(partner: &lt_sdk::coordination::Member) {
    /// let name = partner.text().unwrap_or("somebody");
    /// # }
    /// ```
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.data).ok()
    }
}

impl Group {
    fn from_host(group: host::Group) -> Result<Self> {
        let position = group.position as usize;
        let mut others: Vec<Member> = group
            .members
            .into_iter()
            .map(|member| Member {
                user: member.user,
                role: member.role,
                data: member.data,
            })
            .collect();
        if position >= others.len() {
            return Err(Error::Other("this user is not in its group".to_owned()));
        }
        let me = others.remove(position);
        Ok(Self {
            number: group.number,
            position,
            me,
            others,
        })
    }

    /// Which group of its meeting it is, counted from 0.
    ///
    /// ```no_run
    /// # fn room(group: &lt_sdk::coordination::Group) -> String {
    /// format!("room-{}", group.number())
    /// # }
    /// ```
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// This user's position among the members, counted from 0: a way to choose who begins.
    ///
    /// ```no_run
    /// # fn begins(group: &lt_sdk::coordination::Group) -> bool {
    /// group.position() == 0
    /// # }
    /// ```
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }

    /// Number of members, this user included.
    ///
    /// ```no_run
    /// # fn size(group: &lt_sdk::coordination::Group) -> usize {
    /// group.size()
    /// # }
    /// ```
    #[must_use]
    pub const fn size(&self) -> usize {
        self.others.len() + 1
    }

    /// This user.
    ///
    /// ```no_run
    /// # fn id(group: &lt_sdk::coordination::Group) -> u64 {
    /// group.me().user
    /// # }
    /// ```
    #[must_use]
    pub const fn me(&self) -> &Member {
        &self.me
    }

    /// The other one of a pair, the first of the others in a larger group; `None` if this user is alone in it.
    ///
    /// ```no_run
    /// # use lt_sdk::prelude::*;
    /// # fn partner(pair: &lt_sdk::coordination::Group) -> Result<u64> {
    /// Ok(pair.partner().context("nobody came")?.user)
    /// # }
    /// ```
    #[must_use]
    pub fn partner(&self) -> Option<&Member> {
        self.others.first()
    }

    /// Everyone but this user, in the order in which they came.
    ///
    /// ```no_run
    /// # fn greet(group: &lt_sdk::coordination::Group) -> lt_sdk::Result<()> {
    /// for other in group.others() {
    ///     lt_sdk::coordination::send(other.user, b"hello")?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn others(&self) -> &[Member] {
        &self.others
    }

    /// Everyone, this user included, in the order in which they came; the same for all members.
    ///
    /// ```no_run
    /// # fn first(group: &lt_sdk::coordination::Group) -> Option<u64> {
    /// group.members().next().map(|member| member.user)
    /// # }
    /// ```
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        let before = self.others.iter().take(self.position);
        let behind = self.others.iter().skip(self.position);
        before.chain(std::iter::once(&self.me)).chain(behind)
    }

    /// The first member of this role.
    ///
    /// ```no_run
    /// # fn seller(group: &lt_sdk::coordination::Group) -> Option<u64> {
    /// group.with_role("seller").map(|member| member.user)
    /// # }
    /// ```
    #[must_use]
    pub fn with_role(&self, role: &str) -> Option<&Member> {
        self.members().find(|member| member.role == role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(users: &[u64], position: u32) -> Result<Group> {
        let members = users.iter().map(|&user| host::Member {
            user,
            role: format!("role-{user}"),
            data: vec![0xff; user as usize % 2],
        });
        Group::from_host(host::Group {
            number: 7,
            position,
            members: members.collect(),
        })
    }

    #[test]
    fn members_keep_their_order_wherever_this_user_stands() {
        for position in 0..3 {
            let group = group(&[11, 12, 13], position).unwrap();
            let order: Vec<u64> = group.members().map(|member| member.user).collect();
            assert_eq!(order, [11, 12, 13]);
            assert_eq!(group.me().user, 11 + u64::from(position));
            assert!(!group.others().contains(group.me()));
            assert_eq!((group.size(), group.others().len()), (3, 2));
        }
    }

    #[test]
    fn partners_and_roles_are_found() {
        let pair = group(&[4, 9], 1).unwrap();
        assert_eq!(pair.partner().unwrap().user, 4);
        assert_eq!(pair.with_role("role-9").unwrap().user, 9);
        assert_eq!(pair.with_role("role-8"), None);
        assert_eq!(pair.partner().unwrap().text(), Some(""));
        assert_eq!(pair.me().text(), None);
        assert_eq!(group(&[4], 0).unwrap().partner(), None);
    }

    #[test]
    fn a_group_without_this_user_is_an_error_and_not_a_panic() {
        assert!(matches!(group(&[4, 9], 2), Err(Error::Other(_))));
        assert!(matches!(group(&[], 0), Err(Error::Other(_))));
    }
}
