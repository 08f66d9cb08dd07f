//! Asking for what came.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Error, Message, Pattern, Result, WebSocket};
use crate::receiving::{Awaited, Inbox};
use crate::runtime::Pollable;
use crate::timing::{Duration, nanos};

impl WebSocket {
    /// Wait for the next message, at most this long; `None` waits until this user is asked to end. What came before the connection ended is
    /// still there after it.
    ///
    /// # Errors
    /// If the time is over, the connection has ended, or, with `None`, the user is asked to end.
    ///
    /// ```no_run
    /// # fn iterate(socket: &lt_sdk::websocket::WebSocket) -> lt_sdk::Result<()> {
    /// let message = socket.receive(lt_sdk::timing::Duration::from_secs(5))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn receive(&self, timeout: impl Into<Option<Duration>>) -> Result<Message> {
        self.take(None, timeout.into())
    }

    /// Wait for the next message that a pattern matches, those in the inbox included, at most this long; `None` waits until this user is asked
    /// to end. Others stay in the inbox in their order.
    ///
    /// # Errors
    /// Those of [`receive`](Self::receive), and if a regular expression or a JSON pointer is none.
    ///
    /// ```no_run
    /// use lt_sdk::websocket::Pattern;
    ///
    /// # fn iterate(socket: &lt_sdk::websocket::WebSocket) -> lt_sdk::Result<()> {
    /// # use lt_sdk::timing::Duration;
    /// let welcome = socket.receive_matching(&Pattern::json("/type", "welcome"), Duration::from_secs(5))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn receive_matching(
        &self,
        pattern: &Pattern,
        timeout: impl Into<Option<Duration>>,
    ) -> Result<Message> {
        self.take(Some(pattern), timeout.into())
    }

    /// The next message, if there is one.
    ///
    /// # Errors
    /// If there is none and the connection has ended.
    ///
    /// ```no_run
    /// # fn handle(message: lt_sdk::websocket::Message) {}
    /// # fn iterate(socket: &lt_sdk::websocket::WebSocket) -> lt_sdk::Result<()> {
    /// while let Some(message) = socket.try_receive()? {
    ///     handle(message);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_receive(&self) -> Result<Option<Message>> {
        self.look(None)
    }

    /// All messages in the inbox.
    ///
    /// ```no_run
    /// # fn iterate(socket: &lt_sdk::websocket::WebSocket) {
    /// lt_sdk::log::info!("{} messages meanwhile", socket.drain().len());
    /// # }
    /// ```
    #[must_use]
    pub fn drain(&self) -> Vec<Message> {
        self.drain_at_most(u32::MAX)
    }

    /// Messages in the inbox, at most this many. Memory of a user never shrinks: a full inbox is taken out in portions.
    ///
    /// ```no_run
    /// # fn iterate(socket: &lt_sdk::websocket::WebSocket) {
    /// for message in socket.drain_at_most(20) {
    ///     lt_sdk::log::debug!("{:?}", message.text());
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn drain_at_most(&self, messages_max: u32) -> Vec<Message> {
        let messages = self.host().drain(messages_max).into_iter();
        messages.map(Message::from_host).collect()
    }

    /// Ready when there is a message, or the connection has ended.
    ///
    /// ```no_run
    /// # async fn wait(socket: &lt_sdk::websocket::WebSocket) {
    /// lt_sdk::runtime::Wait::on(socket.subscribe()).await;
    /// # }
    /// ```
    #[must_use]
    pub fn subscribe(&self) -> Pollable {
        Pollable::from_host(self.host().subscribe())
    }

    /// Like [`receive`](Self::receive) with no limit, for `async` code: something else can go on meanwhile, and
    /// [`futures::timeout`](crate::futures::timeout) limits the time. Dropping it leaves the messages where they are. That the user
    /// is asked to end it notices within a second; in `leave`, where it always is, [`receive`](Self::receive) with a limit waits.
    ///
    /// ```no_run
    /// # use lt_sdk::prelude::*;
    /// # use lt_sdk::websocket::{Message, WebSocket};
    /// # fn handle(message: Message) {}
    /// # async fn iterate(room: &WebSocket, news: &WebSocket) -> Result<()> {
    /// select! {
    ///     message = room.receive_async() => handle(message?),
    ///     message = news.receive_async() => handle(message?),
    ///     () = timing::sleep_async(Duration::from_secs(5)) => room.send_text("is anybody there?")?,
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub const fn receive_async(&self) -> Receiving<'_> {
        Receiving(Awaited::new(Wanted {
            socket: self,
            pattern: None,
        }))
    }

    /// Like [`receive_matching`](Self::receive_matching) with no limit, for `async` code. While other messages are in the inbox it looks 100 times
    /// a second; the time at which a message came is not affected.
    ///
    /// ```no_run
    /// # use lt_sdk::prelude::*;
    /// # use lt_sdk::websocket::{Pattern, WebSocket};
    /// # async fn iterate(room: &WebSocket) -> Result<()> {
    /// let welcome = Pattern::json("/type", "welcome");
    /// let welcome = futures::timeout(room.receive_matching_async(&welcome), Duration::from_secs(5)).await??;
    /// # Ok(())
    /// # }
    /// ```
    pub const fn receive_matching_async<'a>(&'a self, pattern: &'a Pattern) -> Receiving<'a> {
        Receiving(Awaited::new(Wanted {
            socket: self,
            pattern: Some(pattern),
        }))
    }

    fn take(&self, pattern: Option<&Pattern>, timeout: Option<Duration>) -> Result<Message> {
        let timeout = timeout.map(nanos);
        let message = match pattern {
            None => self.host().receive(timeout)?,
            Some(pattern) => self.host().receive_matching(pattern.host(), timeout)?,
        };
        Ok(Message::from_host(message))
    }

    /// What is there without waiting.
    fn look(&self, pattern: Option<&Pattern>) -> Result<Option<Message>> {
        match self.take(pattern, Some(Duration::ZERO)) {
            Ok(message) => Ok(Some(message)),
            Err(Error::Timeout) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// A message that is awaited; made by [`WebSocket::receive_async`] and [`WebSocket::receive_matching_async`].
///
/// ```no_run
/// # async fn iterate(socket: &lt_sdk::websocket::WebSocket) -> lt_sdk::Result<()> {
/// let receiving: lt_sdk::websocket::Receiving<'_> = socket.receive_async();
/// let message = receiving.await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is received until this is awaited"]
pub struct Receiving<'a>(Awaited<Wanted<'a>>);

/// What is awaited of a socket.
struct Wanted<'a> {
    socket: &'a WebSocket,
    pattern: Option<&'a Pattern>,
}

impl Inbox for Wanted<'_> {
    type Item = Message;
    type Error = Error;

    fn look(&self) -> Result<Option<Message>> {
        self.socket.look(self.pattern)
    }

    fn has_others(&self) -> bool {
        self.pattern.is_some() && self.socket.host().statistics().waiting > 0
    }

    fn subscribe(&self) -> Pollable {
        self.socket.subscribe()
    }

    fn stopping() -> Error {
        Error::Stopping
    }
}

impl Future for Receiving<'_> {
    type Output = Result<Message>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}
