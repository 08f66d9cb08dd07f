//! A connection.

use super::error::field;
use super::{Close, Content, Result};
use crate::bindings::lt::scenario::websocket as host;
use crate::timing::{Duration, nanos};

/// Where the time of connecting went, over all redirects. A phase that did not happen is zero.
///
/// ```no_run
/// # fn look(socket: &lt_sdk::websocket::WebSocket) {
/// lt_sdk::check!("open within 100 ms", socket.timings().total.as_millis() < 100);
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// Before anything was done.
    pub blocked: Duration,
    /// Resolving the name.
    pub resolving: Duration,
    /// TCP handshake, and the proxy's CONNECT if any.
    pub connecting: Duration,
    /// TLS handshake.
    pub tls_handshaking: Duration,
    /// From the first byte of the upgrade request to the last of its answer.
    pub upgrading: Duration,
    /// From the call to the open connection: `ws_connecting`.
    pub total: Duration,
}

/// What went over a socket so far.
///
/// ```no_run
/// # fn look(socket: &lt_sdk::websocket::WebSocket) {
/// lt_sdk::check!("nothing was lost here", socket.statistics().dropped == 0);
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Messages sent: handed to the kernel.
    pub sent: u64,
    /// Messages that came, kept or not.
    pub received: u64,
    /// Those dropped because the inbox was full.
    pub dropped: u64,
    /// Those waiting in the inbox.
    pub waiting: u32,
    /// Pings that came; of a flood only the last are answered.
    pub pings_received: u64,
    /// Bytes that were given to `send` and are not with the kernel yet.
    pub unsent_bytes: u64,
    /// From the last ping that was answered to its pong.
    pub last_ping: Option<Duration>,
}

/// A connection. It lives until it is closed or dropped, also across iterations. Dropping it sends a close frame (1001) if that is
/// possible at once, and does not wait for the answer.
///
/// ```no_run
/// use lt_sdk::prelude::*;
/// use lt_sdk::websocket::{self, WebSocket};
///
/// struct Guest {
///     room: WebSocket,
/// }
///
/// #[lt_sdk::scenario]
/// impl Scenario for Guest {
///     fn join(_user: &User) -> Result<Self> {
///         Ok(Self { room: websocket::connect("ws://127.0.0.1:8080/room/7")? })
///     }
///
///     fn iterate(&mut self) -> Result<()> {
///         self.room.send_text("hello")?;
///         let answer = self.room.receive(Duration::from_secs(5))?;
///         check!("it was answered", answer.text().is_some());
///         Ok(())
///     }
/// }
/// ```
#[derive(Debug)]
pub struct WebSocket(host::Socket);

impl WebSocket {
    pub(super) const fn from_host(socket: host::Socket) -> Self {
        Self(socket)
    }

    pub(super) const fn host(&self) -> &host::Socket {
        &self.0
    }

    /// Send a text. Returns when the host has it, which sends in order; waits while 1 MiB or 1 000 messages are not with the kernel
    /// yet, 60 s at most.
    ///
    /// # Errors
    /// If the connection has ended, the text is larger than 16 MiB, or the peer does not read.
    ///
    /// ```no_run
    /// # fn iterate(socket: &lt_sdk::websocket::WebSocket) -> lt_sdk::Result<()> {
    /// socket.send_text("hello")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_text(&self, text: impl Into<String>) -> Result<()> {
        self.send(text.into(), None)
    }

    /// Send bytes.
    ///
    /// # Errors
    /// Those of [`send_text`](Self::send_text).
    ///
    /// ```no_run
    /// # fn iterate(socket: &lt_sdk::websocket::WebSocket) -> lt_sdk::Result<()> {
    /// socket.send_binary(&[1, 2, 3])?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_binary(&self, bytes: impl Into<Vec<u8>>) -> Result<()> {
        self.send(bytes.into(), None)
    }

    /// Send a value as a text in JSON.
    ///
    /// # Errors
    /// Those of [`send_text`](Self::send_text), and if the value cannot be written as JSON.
    ///
    /// ```no_run
    /// # fn iterate(socket: &lt_sdk::websocket::WebSocket) -> lt_sdk::Result<()> {
    /// socket.send_json(&lt_sdk::json!({ "type": "chat", "payload": { "message": "hello" } }))?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "json")]
    pub fn send_json<T: serde::Serialize + ?Sized>(&self, value: &T) -> Result<()> {
        let fault = |reason: String| super::Error::Json(reason);
        let bytes = crate::json::to_vec(value).map_err(|error| fault(error.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|_| fault("it is no UTF-8".to_owned()))?;
        self.send(text, None)
    }

    /// Send a message, text or binary, and wait at most this long for the host to take it; `None` is 60 s.
    ///
    /// # Errors
    /// Those of [`send_text`](Self::send_text).
    ///
    /// ```no_run
    /// # fn iterate(socket: &lt_sdk::websocket::WebSocket) -> lt_sdk::Result<()> {
    /// socket.send("hello", lt_sdk::timing::Duration::from_secs(1))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn send(
        &self,
        content: impl Into<Content>,
        timeout: impl Into<Option<Duration>>,
    ) -> Result<()> {
        let content = content.into().into();
        Ok(self.0.send(&content, timeout.into().map(nanos))?)
    }

    /// Send a ping and wait for its pong, at most this long (`None` is 60 s): feeds `ws_ping`.
    ///
    /// # Errors
    /// If the time is over, or the connection has ended.
    ///
    /// ```no_run
    /// # fn iterate(socket: &lt_sdk::websocket::WebSocket) -> lt_sdk::Result<()> {
    /// let took = socket.ping(lt_sdk::timing::Duration::from_secs(5))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn ping(&self, timeout: impl Into<Option<Duration>>) -> Result<Duration> {
        let took = self.0.ping(timeout.into().map(nanos))?;
        Ok(Duration::from_nanos(took))
    }

    /// Send a ping with this data (at most 125 bytes) and go on. It is not timed.
    ///
    /// # Errors
    /// If there is too much data, or the connection has ended.
    ///
    /// ```no_run
    /// # fn iterate(socket: &lt_sdk::websocket::WebSocket) -> lt_sdk::Result<()> {
    /// socket.send_ping(b"are you there?")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_ping(&self, data: impl AsRef<[u8]>) -> Result<()> {
        Ok(self.0.send_ping(data.as_ref())?)
    }

    /// Send a pong (at most 125 bytes) that nobody asked for (RFC 6455, section 5.5.3). Pings are answered without it.
    ///
    /// # Errors
    /// If there is too much data, or the connection has ended.
    ///
    /// ```no_run
    /// # fn iterate(socket: &lt_sdk::websocket::WebSocket) -> lt_sdk::Result<()> {
    /// socket.send_pong(b"")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_pong(&self, data: impl AsRef<[u8]>) -> Result<()> {
        Ok(self.0.send_pong(data.as_ref())?)
    }

    /// Close with 1000, after what was sent, and wait for the peer to agree, 2 s at most. What is in the inbox stays there. On a connection that has
    /// ended it says how.
    ///
    /// # Errors
    /// If the host cannot.
    ///
    /// ```no_run
    /// # fn leave(socket: &lt_sdk::websocket::WebSocket) -> lt_sdk::Result<()> {
    /// let close = socket.close()?;
    /// lt_sdk::check!("the peer agreed", close.is_orderly());
    /// # Ok(())
    /// # }
    /// ```
    pub fn close(&self) -> Result<Close> {
        self.close_with(NORMAL, "")
    }

    /// Close with a code (1000 to 1003, 1007 to 1014, 3000 to 4999) and a reason of at most 123 bytes.
    ///
    /// # Errors
    /// If the code may not be sent (RFC 6455, section 7.4), or the reason is too long.
    ///
    /// ```no_run
    /// # fn leave(socket: &lt_sdk::websocket::WebSocket) -> lt_sdk::Result<()> {
    /// socket.close_with(4001, "off to a breakout room")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn close_with(&self, code: u16, reason: &str) -> Result<Close> {
        self.close_within(code, reason, None)
    }

    /// Close with a code or, with `None`, without one, and wait at most this long for the peer; `None` is 2 s.
    ///
    /// # Errors
    /// Those of [`close_with`](Self::close_with).
    ///
    /// ```no_run
    /// # fn leave(socket: &lt_sdk::websocket::WebSocket) -> lt_sdk::Result<()> {
    /// socket.close_within(None, "", lt_sdk::timing::Duration::from_millis(100))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn close_within(
        &self,
        code: impl Into<Option<u16>>,
        reason: &str,
        timeout: impl Into<Option<Duration>>,
    ) -> Result<Close> {
        let timeout = timeout.into().map(nanos);
        let close = self.0.close(code.into(), reason, timeout)?;
        Ok(Close::from_host(close))
    }

    /// How the connection ended, if it has.
    ///
    /// ```no_run
    /// # fn look(socket: &lt_sdk::websocket::WebSocket) {
    /// let open = socket.closed().is_none();
    /// # }
    /// ```
    #[must_use]
    pub fn closed(&self) -> Option<Close> {
        self.0.closed().map(Close::from_host)
    }

    /// The subprotocol that the server chose.
    ///
    /// ```no_run
    /// # fn look(socket: &lt_sdk::websocket::WebSocket) {
    /// lt_sdk::check!("speaks chat", socket.subprotocol().as_deref() == Some("chat"));
    /// # }
    /// ```
    #[must_use]
    pub fn subprotocol(&self) -> Option<String> {
        Some(self.0.subprotocol()).filter(|name| !name.is_empty())
    }

    /// The first header field of this name of the upgrade's answer, in any case; bytes that are no UTF-8 are replaced.
    ///
    /// ```no_run
    /// # fn look(socket: &lt_sdk::websocket::WebSocket) {
    /// let server = socket.header("server");
    /// # }
    /// ```
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        field(&self.0.headers(), name)
    }

    /// All header fields of the upgrade's answer in order, names in lower case.
    ///
    /// ```no_run
    /// # fn look(socket: &lt_sdk::websocket::WebSocket) {
    /// for (name, value) in socket.headers() {
    ///     lt_sdk::log::debug!("{name}: {value}");
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn headers(&self) -> Vec<(String, String)> {
        let headers = self.0.headers().into_iter();
        headers
            .map(|(name, value)| (name, String::from_utf8_lossy(&value).into_owned()))
            .collect()
    }

    /// The URL, after redirects.
    ///
    /// ```no_run
    /// # fn look(socket: &lt_sdk::websocket::WebSocket) {
    /// lt_sdk::check!("was not sent away", socket.url().ends_with("/room/7"));
    /// # }
    /// ```
    #[must_use]
    pub fn url(&self) -> String {
        self.0.url()
    }

    /// The address and port that answered.
    ///
    /// ```no_run
    /// # fn look(socket: &lt_sdk::websocket::WebSocket) {
    /// lt_sdk::log::info!("connected to {}", socket.remote_address());
    /// # }
    /// ```
    #[must_use]
    pub fn remote_address(&self) -> String {
        self.0.remote_address()
    }

    /// Where the time of connecting went.
    ///
    /// ```no_run
    /// # fn look(socket: &lt_sdk::websocket::WebSocket) {
    /// let upgrade = socket.timings().upgrading;
    /// # }
    /// ```
    #[must_use]
    pub fn timings(&self) -> Timings {
        let timings = self.0.timings();
        Timings {
            blocked: Duration::from_nanos(timings.blocked),
            resolving: Duration::from_nanos(timings.resolving),
            connecting: Duration::from_nanos(timings.connecting),
            tls_handshaking: Duration::from_nanos(timings.tls_handshaking),
            upgrading: Duration::from_nanos(timings.upgrading),
            total: Duration::from_nanos(timings.total),
        }
    }

    /// What went over it so far.
    ///
    /// ```no_run
    /// # fn look(socket: &lt_sdk::websocket::WebSocket) {
    /// let received = socket.statistics().received;
    /// # }
    /// ```
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let statistics = self.0.statistics();
        Statistics {
            sent: statistics.sent,
            received: statistics.received,
            dropped: statistics.dropped,
            waiting: statistics.waiting,
            pings_received: statistics.pings_received,
            unsent_bytes: statistics.unsent_bytes,
            last_ping: statistics.last_ping.map(Duration::from_nanos),
        }
    }
}

/// The code for "the purpose is fulfilled" (RFC 6455, section 7.4.1).
const NORMAL: u16 = 1000;
