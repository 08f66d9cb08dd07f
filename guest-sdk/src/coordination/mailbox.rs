//! Messages between users.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Error, Result, limit};
use crate::bindings::lt::scenario::coordination as host;
use crate::runtime::{Pollable, Wait};
use crate::timing::{Duration, Instant};

/// A message from another user.
///
/// ```no_run
/// # fn answer(message: &lt_sdk::coordination::Message) -> lt_sdk::Result<()> {
/// lt_sdk::coordination::send(message.sender, b"thank you")?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// Who sent it.
    pub sender: u64,
    /// What it says.
    pub content: Vec<u8>,
    /// When it came into this user's mailbox: earlier than it was read.
    pub arrived: Instant,
}

impl Message {
    fn from_host(message: host::Message) -> Self {
        Self {
            sender: message.sender,
            content: message.content,
            arrived: Instant::from_nanos(message.arrived),
        }
    }

    /// What it says, as text; `None` if it is no UTF-8.
    ///
    /// ```no_run
    /// # fn read(message: &lt_sdk::coordination::Message) {
    /// let text = message.text().unwrap_or_default();
    /// # }
    /// ```
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.content).ok()
    }
}

/// Send a message (at most 16 KiB) to the user with this id.
///
/// # Errors
/// If no such user is running ([`Error::Stopping`] if this user is asked to end: others may have ended before it), if its mailbox
/// is full, or the message is too large.
///
/// ```no_run
/// # fn iterate() -> lt_sdk::Result<()> {
/// lt_sdk::coordination::send(7, b"hello")?;
/// # Ok(())
/// # }
/// ```
pub fn send(user: u64, content: impl AsRef<[u8]>) -> Result<()> {
    host::send(&host::Recipient::User(user), content.as_ref())?;
    Ok(())
}

/// Send a message to one running user of this role, in turn.
///
/// # Errors
/// If no user of this role is running ([`Error::Stopping`] if this user is asked to end), if its mailbox is full, or the message is
/// too large.
///
/// ```no_run
/// # fn iterate() -> lt_sdk::Result<()> {
/// lt_sdk::coordination::send_to_any("worker", b"a job")?;
/// # Ok(())
/// # }
/// ```
pub fn send_to_any(role: &str, content: impl AsRef<[u8]>) -> Result<()> {
    let recipient = host::Recipient::AnyOfRole(role.to_owned());
    host::send(&recipient, content.as_ref())?;
    Ok(())
}

/// Send a message to every running user of this role but the sender. Returns how many it reached: full mailboxes are skipped.
///
/// # Errors
/// If no other user of this role is running ([`Error::Stopping`] if this user is asked to end), or the message is too large.
///
/// ```no_run
/// # fn iterate() -> lt_sdk::Result<()> {
/// let reached = lt_sdk::coordination::send_to_role("fan", b"the stream is up")?;
/// # Ok(())
/// # }
/// ```
pub fn send_to_role(role: &str, content: impl AsRef<[u8]>) -> Result<u32> {
    let recipient = host::Recipient::AllOfRole(role.to_owned());
    Ok(host::send(&recipient, content.as_ref())?)
}

/// Wait for the next message in this user's mailbox, at most this long; `None` waits until this user is asked to end.
///
/// The mailbox holds at most 1 000 messages. Those of one sender keep their order.
///
/// # Errors
/// If the time is over, or the user is asked to end.
///
/// ```no_run
/// # fn iterate() -> lt_sdk::Result<()> {
/// let message = lt_sdk::coordination::receive(lt_sdk::timing::Duration::from_secs(5))?;
/// # Ok(())
/// # }
/// ```
pub fn receive(timeout: impl Into<Option<Duration>>) -> Result<Message> {
    Ok(Message::from_host(host::receive(limit(timeout))?))
}

/// The next message, if there is one.
///
/// ```no_run
/// # fn handle(message: lt_sdk::coordination::Message) {}
/// while let Some(message) = lt_sdk::coordination::try_receive() {
///     handle(message);
/// }
/// ```
#[must_use]
pub fn try_receive() -> Option<Message> {
    host::try_receive().map(Message::from_host)
}

/// Ready when there is a message, or the user is asked to end.
///
/// ```no_run
/// # async fn wait() {
/// lt_sdk::runtime::Wait::on(lt_sdk::coordination::subscribe()).await;
/// # }
/// ```
#[must_use]
pub fn subscribe() -> Pollable {
    Pollable::from_host(host::subscribe())
}

/// Like [`receive`], for `async` code: something else can go on meanwhile. Dropping it leaves the messages where they are.
///
/// ```no_run
/// # use lt_sdk::{coordination, prelude::*};
/// # fn handle(message: coordination::Message) {}
/// # async fn iterate() -> Result<()> {
/// select! {
///     message = coordination::receive_async() => handle(message?),
///     () = timing::sleep_async(Duration::from_secs(5)) => coordination::send(7, b"are you there?")?,
/// }
/// # Ok(())
/// # }
/// ```
pub fn receive_async() -> Receiving {
    Receiving { wait: None }
}

/// A message that is awaited; made by [`receive_async`].
///
/// ```no_run
/// # async fn iterate() -> lt_sdk::Result<()> {
/// let message: lt_sdk::coordination::Receiving = lt_sdk::coordination::receive_async();
/// message.await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is received until this is awaited"]
pub struct Receiving {
    wait: Option<Wait>,
}

impl Future for Receiving {
    type Output = Result<Message>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let wait = self.wait.get_or_insert_with(|| Wait::on(subscribe()));
            if Pin::new(wait).poll(context).is_pending() {
                return Poll::Pending;
            }
            self.wait = None;
            // Ready, and yet empty: the user is asked to end, or another branch of it took the message.
            match try_receive() {
                Some(message) => return Poll::Ready(Ok(message)),
                None if crate::user::should_stop() => return Poll::Ready(Err(Error::Stopping)),
                None => {}
            }
        }
    }
}
