//! How long what one user sent took to reach the others, what was lost, and what came twice.

use super::Result;
use crate::bindings::lt::scenario::coordination as host;
use crate::timing::{Duration, Instant};

/// Note that something was sent just now that one other user is to receive: counts in `delivery_sent`.
///
/// The id is unique in the run (at most 256 bytes). What is not received within the run's delivery timeout (60 s unless set)
/// counts in `delivery_lost`. So it is to be said once it was sent: what could not be sent after all would count as lost. The time to
/// delivery begins with this call; [`mark_sent_at`] takes the time before the sending.
///
/// # Errors
/// If the id is empty, too long, or was already sent.
///
/// ```no_run
/// # use lt_sdk::{coordination, prelude::*};
/// # fn iterate(id: &str) -> Result<()> {
/// http::post("http://127.0.0.1:8080/messages").body(id).send()?.error_for_status()?;
/// coordination::mark_sent(id)?;
/// # Ok(())
/// # }
/// ```
pub fn mark_sent(id: &str) -> Result<()> {
    mark_sent_to(id, 1)
}

/// Note that something was sent just now that this many other users are to receive.
///
/// # Errors
/// If the id is empty, too long, or was already sent; if there are no recipients.
///
/// ```no_run
/// # fn iterate(id: &str, room: &lt_sdk::coordination::Group) -> lt_sdk::Result<()> {
/// lt_sdk::coordination::mark_sent_to(id, room.others().len() as u32)?;
/// # Ok(())
/// # }
/// ```
pub fn mark_sent_to(id: &str, recipients: u32) -> Result<()> {
    Ok(host::mark_sent(id, recipients, None)?)
}

/// Note that something was sent at this time that this many other users are to receive.
///
/// # Errors
/// Those of [`mark_sent_to`].
///
/// ```no_run
/// # use lt_sdk::{coordination, prelude::*};
/// # fn iterate(id: &str) -> Result<()> {
/// let start = timing::now();
/// if http::post("http://127.0.0.1:8080/messages").body(id).send()?.is_success() {
///     coordination::mark_sent_at(id, 1, start)?;
/// }
/// # Ok(())
/// # }
/// ```
pub fn mark_sent_at(id: &str, recipients: u32, at: Instant) -> Result<()> {
    Ok(host::mark_sent(id, recipients, Some(at.as_nanos()))?)
}

/// Note that this user has received it just now: counts in `delivery_received` and feeds `delivery_time`.
///
/// A second time by the same user, or by more users than were to receive it, counts in `delivery_duplicates` instead. It may
/// come before it was marked as sent. Returns the time to delivery where it is known at once.
///
/// # Errors
/// If the id is empty or too long.
///
/// ```no_run
/// # fn iterate(message: &lt_sdk::coordination::Message) -> lt_sdk::Result<()> {
/// let took = lt_sdk::coordination::mark_received(message.text().unwrap_or_default())?;
/// # Ok(())
/// # }
/// ```
pub fn mark_received(id: &str) -> Result<Option<Duration>> {
    received(id, None)
}

/// Note that this user has received it at this time, as [`Message::arrived`](super::Message) tells it.
///
/// # Errors
/// Those of [`mark_received`].
///
/// ```no_run
/// # fn iterate(message: &lt_sdk::coordination::Message) -> lt_sdk::Result<()> {
/// let id = message.text().unwrap_or_default();
/// lt_sdk::coordination::mark_received_at(id, message.arrived)?;
/// # Ok(())
/// # }
/// ```
pub fn mark_received_at(id: &str, at: Instant) -> Result<Option<Duration>> {
    received(id, Some(at.as_nanos()))
}

fn received(id: &str, at: Option<u64>) -> Result<Option<Duration>> {
    Ok(host::mark_received(id, at)?.map(Duration::from_nanos))
}
