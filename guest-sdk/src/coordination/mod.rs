//! Users who meet: budgets they share, groups they form, messages they pass, and how long what one sent took to reach the
//! others.
//!
//! Names are those of the run: users of all its scenarios, on all its hosts, that use one name share one thing. Everything is
//! bounded, and whoever waited longest goes first. A wait ends early with [`Error::Stopping`] when the user is asked to end, so
//! that `?` is all it takes to end well.
//!
//! ```no_run
//! use lt_sdk::coordination::{self, Meeting, Throttle};
//! use lt_sdk::prelude::*;
//!
//! # fn chat() -> Result<()> {
//! // No more than 100 logins a second, however many users there are.
//! let logins = Throttle::rate("logins", 100, Duration::from_secs(1))?;
//! logins.run(|| http::get("http://127.0.0.1:8080/login").send())?;
//!
//! // Two and two come together, and one writes to the other.
//! let pair = Meeting::pairs("couples")?.join(b"my address", Duration::from_secs(30))?;
//! let partner = pair.partner().context("nobody came")?;
//! coordination::send(partner.user, b"hello")?;
//! let answer = coordination::receive(Duration::from_secs(5))?;
//! # Ok(())
//! # }
//! ```
//!
//! | to | use |
//! |---|---|
//! | share a budget | [`Throttle`] |
//! | form groups | [`Meeting`] |
//! | pass messages | [`send`], [`send_to_any`], [`send_to_role`], [`receive`] |
//! | measure what reached whom, and when | [`mark_sent`], [`mark_received`]; to whoever is in a room: [`Audience`]; to neighbours in turn: [`Neighbours`] |
//!
//! In `async` code there are [`Throttle::wait_async`], [`Meeting::join_async`] and [`receive_async`].

mod audience;
mod delivery;
mod error;
mod mailbox;
mod meeting;
mod neighbours;
mod throttle;
mod waiting;

pub use audience::Audience;
pub use delivery::{mark_received, mark_received_at, mark_sent, mark_sent_at, mark_sent_to};
pub use error::Error;
pub use mailbox::{
    Message, Receiving, receive, receive_async, send, send_to_any, send_to_role, subscribe,
    try_receive,
};
pub use meeting::{Group, Meeting, Member, Seat};
pub use neighbours::{Neighbour, Neighbours};
pub use throttle::{Budget, Permit, Throttle, Transition, Turn};
pub use waiting::Waiting;

use crate::timing::{Duration, nanos};

/// The result of a call; `E` is [`Error`] unless said otherwise.
///
/// ```no_run
/// use lt_sdk::coordination::{self, Throttle};
///
/// fn logins() -> coordination::Result<Throttle> {
///     Throttle::rate("logins", 100, lt_sdk::timing::Duration::from_secs(1))
/// }
/// ```
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// A limit of time as the contract takes it; none waits until the user is asked to end.
fn limit(timeout: impl Into<Option<Duration>>) -> Option<u64> {
    timeout.into().map(nanos)
}
