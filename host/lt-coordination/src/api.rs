//! What users can do together, whoever serves it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

/// An answer that may come from elsewhere.
pub type Answer<T> = Pin<Box<dyn Future<Output = Result<T, CoordinationError>> + Send>>;

/// Why a call failed. Each case is one of the contract's `coordination.error-code`; time-outs and the end of a user are
/// seen by whoever waits, not here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CoordinationError {
    /// A value that makes no sense.
    #[error("{0}")]
    InvalidValue(String),
    /// A name that cannot be one.
    #[error("{0}")]
    InvalidName(String),
    /// It exists with other values.
    #[error("{0}")]
    Conflict(String),
    /// A meeting that can never be complete.
    #[error("{0}")]
    Impossible(String),
    /// The meeting was reset.
    #[error("the meeting was reset")]
    Reset,
    /// Nobody to send to.
    #[error("no such user is running")]
    NoRecipient,
    /// The mailbox is full.
    #[error("the mailbox is full")]
    MailboxFull,
    /// More than this many bytes.
    #[error("larger than {0} bytes")]
    TooLarge(u64),
    /// A bound of the run is reached.
    #[error("{0}")]
    TooMany(String),
    /// The answer was already taken.
    #[error("the answer was already taken")]
    AlreadyFinished,
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// A user, as others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRef {
    /// Its id.
    pub id: u64,
    /// Its role; empty without roles.
    pub role: Arc<str>,
}

/// How many users there may ever be at a time: what makes a meeting impossible.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Population {
    /// In all.
    pub users: u64,
    /// By role; a role that is not listed has no users.
    pub roles: Vec<(Arc<str>, u64)>,
}

/// What a throttle allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// This many in each interval, evenly spaced.
    Rate {
        /// How many; not zero.
        count: u64,
        /// In how long; not zero.
        interval: Duration,
    },
    /// One each time this has passed; zero is unlimited.
    Interarrival(Duration),
    /// This many at a time; not zero.
    Parallelism(u32),
    /// No limit.
    Unlimited,
}

/// How a throttle's rate changes to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// In this many equal steps of this length.
    Steps(u32, Duration),
    /// Evenly over this time, in steps of 100 ms.
    Over(Duration),
}

/// What happens to users together. One per run; shared by all its cores.
pub trait Coordination: Send + Sync + 'static {
    /// A user runs from now on, until the membership is dropped.
    fn enroll(&self, user: UserRef) -> Box<dyn Membership>;

    /// There may be other users from now on. Whoever waits in a meeting that can never be complete any more is sent away with
    /// `Impossible`.
    fn set_population(&self, population: Population);

    /// Open a throttle, or make it.
    fn open_throttle(&self, name: &str, budget: Budget) -> Answer<Arc<dyn Throttle>>;

    /// A throttle that exists: for control from outside.
    fn throttle(&self, name: &str) -> Option<Arc<dyn Throttle>>;

    /// Names of all throttles, sorted.
    fn throttle_names(&self) -> Vec<String>;

    /// Open a meeting, or make it.
    fn open_meeting(&self, name: &str, plan: MeetingPlan) -> Answer<Arc<dyn Meeting>>;

    /// Open an audience, or make it. It goes when nobody holds it and nobody is present.
    ///
    /// # Errors
    /// `InvalidName`, `TooMany`.
    fn open_audience(&self, name: &str) -> Result<Arc<dyn Audience>, CoordinationError>;

    /// Send a message. Returns how many mailboxes it came into.
    fn send(&self, sender: u64, to: Recipient, content: Bytes) -> Answer<u32>;

    /// Something was sent that this many others are to receive, by a user of this scenario (its index in the run). Returns the
    /// times to delivery of those that have received it already: usually none.
    ///
    /// # Errors
    /// `InvalidValue`, `TooLarge`, `TooMany`, `Conflict`.
    fn mark_sent(
        &self,
        id: &str,
        recipients: u32,
        scenario: u16,
        at: Instant,
    ) -> Result<Vec<Duration>, CoordinationError>;

    /// This user of this scenario has received it.
    ///
    /// # Errors
    /// `InvalidValue`, `TooLarge`, `TooMany`.
    fn mark_received(
        &self,
        id: &str,
        user: u64,
        scenario: u16,
        at: Instant,
    ) -> Result<Receipt, CoordinationError>;

    /// What became known of deliveries since the last call, by scenario: what is overdue at `now` is lost, and what was outstanding to
    /// those who left an audience is excused or lost. Scenarios of which nothing became known are left out.
    fn outcomes(&self, now: Instant) -> Vec<(u16, DeliveryOutcomes)>;

    /// The run is over: whatever is still outstanding is lost.
    fn close(&self) -> Vec<(u16, DeliveryOutcomes)>;
}

/// One budget for many users.
pub trait Throttle: Send + Sync {
    /// Queue for a turn.
    ///
    /// # Errors
    /// `TooMany`.
    fn queue(&self) -> Result<Box<dyn Turn>, CoordinationError>;

    /// Take a turn if one is free now and nobody waits for it. `None`: there is none. Else, whether it holds a place that must be
    /// released: told by the turn, since the budget may be another by the time somebody asks.
    fn try_turn(&self) -> Answer<Option<bool>>;

    /// Give a place back. The caller holds one: it came through [`Turn`] or [`Throttle::try_turn`].
    fn release(&self);

    /// Change the budget now.
    ///
    /// # Errors
    /// `InvalidValue`.
    fn change(&self, budget: Budget) -> Result<(), CoordinationError>;

    /// Change the rate gradually.
    ///
    /// # Errors
    /// `InvalidValue`, `Conflict`.
    fn change_gradually(
        &self,
        budget: Budget,
        transition: Transition,
    ) -> Result<(), CoordinationError>;

    /// Let nobody through.
    fn pause(&self);

    /// Go on with the budget there was.
    fn resume(&self);

    /// Let everybody through from now on.
    fn unlock(&self);

    /// The present budget; `None` while paused.
    fn budget(&self) -> Option<Budget>;
}

/// A place in a throttle's queue. Dropping it gives the place up. A place of parallelism that was granted and not taken goes
/// to the next; a turn of a rate is spent, or it could come in a burst with others later.
pub trait Turn: Send {
    /// Ready when the turn has come, or can never come.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Take the turn, once it is ready. Returns whether it holds a place that must be released: the budget may be another by now
    /// than when it was granted.
    ///
    /// # Errors
    /// `AlreadyFinished`, or why it can never come.
    fn take(&mut self) -> Result<bool, CoordinationError>;
}

/// Who makes a meeting complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeetingSize {
    /// This many users.
    Exactly(u32),
    /// A number drawn for each group, both ends included.
    Between(u32, u32),
    /// Every user that is enrolled.
    All,
}

/// What a meeting asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeetingPlan {
    /// Who makes it complete.
    pub size: MeetingSize,
    /// If not empty, each group has exactly one user of each role listed.
    pub roles: Vec<String>,
}

/// A place where users form groups.
pub trait Meeting: Send + Sync {
    /// Take a seat.
    ///
    /// # Errors
    /// `TooLarge`, `TooMany`, `Impossible`.
    fn queue(&self, user: &UserRef, data: Bytes) -> Result<Box<dyn Seat>, CoordinationError>;

    /// Send everyone away who waits.
    fn reset(&self);
}

/// A place in a meeting. Dropping it leaves the meeting if it is not complete.
pub trait Seat: Send {
    /// Ready when the group is complete, or can never be.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Take the group, once it is ready.
    ///
    /// # Errors
    /// `Reset`, `AlreadyFinished`, `Impossible`.
    fn take(&mut self) -> Result<Group, CoordinationError>;

    /// The wait is over: a meeting of all closes with those who are there, and this seat becomes ready. Returns whether it did;
    /// if not, drop the seat.
    fn give_up(&mut self) -> bool;
}

/// A complete group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Which group of its meeting, counted from 0.
    pub number: u64,
    /// Position of the seat's user among the members.
    pub position: u32,
    /// Everyone, in the order in which they came. Shared by all members.
    pub members: Arc<[Member]>,
}

/// One member of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub user: UserRef,
    /// What it brought.
    pub data: Bytes,
}

/// A user's presence, and its mailbox.
pub trait Membership: Send {
    /// Ready when there is a message.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// The next message, if there is one.
    fn try_receive(&mut self) -> Option<Message>;
}

/// Who gets a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// The user with this id.
    User(u64),
    /// One user of this role, in turn.
    AnyOfRole(String),
    /// Every running user of this role but the sender.
    AllOfRole(String),
}

/// A message from another user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who sent it.
    pub sender: u64,
    /// What it says.
    pub content: Bytes,
    /// When it came into the mailbox.
    pub arrived: Instant,
}

/// What becomes of what was sent to a user that leaves an audience and that it has not received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outstanding {
    /// It left of its own will: nobody expects any more what was sent within the last [`EXCUSED_AGE_MAX`]. What has been on its way
    /// for longer is lost, whoever leaves.
    ///
    /// [`EXCUSED_AGE_MAX`]: lt_spec::limits::EXCUSED_AGE_MAX
    Excused,
    /// It was cut off: lost at once, without waiting for the timeout.
    Lost,
    /// That is not known yet: it may still come, and leaving once more settles it.
    Undecided,
}

/// Who is present somewhere, and so is to receive what is sent there. A user is present once, however many handles it has, and
/// until somebody says that it left: dropping a handle lets nobody leave.
pub trait Audience: Send + Sync {
    /// This user is present from now on: what is sent after this, it is to receive. Entering again does nothing:
    /// [`Entries`](crate::Entries) has a user with several handles leave once.
    ///
    /// # Errors
    /// `TooMany`.
    fn enter(&self, user: u64) -> Result<(), CoordinationError>;

    /// This user is not present any more, and what it has not received it is not expected to receive. Returns how many deliveries that
    /// were: [`Coordination::outcomes`] counts them, by the scenarios of those who sent them. A user that is not present has none.
    fn leave(&self, user: u64, outstanding: Outstanding) -> u32;

    /// How many are present.
    fn present(&self) -> u32;

    /// Something was sent to everyone present, by a user of this scenario (its index in the run) that itself is to receive it only if
    /// `sender_too` and if it is present. Each receipt is told by [`Coordination::mark_received`]. It may have no recipient at all.
    ///
    /// # Errors
    /// `InvalidValue`, `TooLarge`, `TooMany`, `Conflict`.
    fn mark_sent(
        &self,
        id: &str,
        sender: u64,
        sender_too: bool,
        scenario: u16,
        at: Instant,
    ) -> Result<AudienceSent, CoordinationError>;
}

/// What became of something sent to an audience.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AudienceSent {
    /// How many are to receive it, those who have it already included.
    pub expected: u32,
    /// Times to delivery of those that have received it already: usually none.
    pub early: Vec<Duration>,
}

/// What a receipt came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// Delivered, this long after it was sent.
    Delivered(Duration),
    /// Received before anybody said that it was sent: counted once that is known.
    Early,
    /// This user had it already, or more users than expected received it.
    Duplicate,
    /// It came after the timeout: it was counted as lost and counts no more. Known for one more timeout; what comes even later
    /// counts as unmatched.
    Late,
    /// It was sent to an audience in which this user was not present then, or which it has left since: it counts nowhere.
    Unexpected,
}

/// What became known of deliveries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryOutcomes {
    /// Deliveries that did not come within the timeout, or not before their recipient was cut off: one for each recipient that is
    /// missing, of the sender's scenario.
    pub lost: u64,
    /// Deliveries that nobody expects any more, since their recipients left the audience of their own will: of the sender's scenario.
    pub excused: u64,
    /// Receipts of what nobody said was sent, of the receiver's scenario.
    pub unmatched: u64,
    /// Duplicates that were found late: receipts that came before `mark_sent` and were too many, of the receiver's scenario.
    pub duplicates: u64,
}
