//! What to connect to: a request under construction.

use super::{Result, WebSocket};
use crate::bindings::lt::scenario::http::Tag;
use crate::bindings::lt::scenario::websocket as host;
use crate::timing::{Duration, nanos};

/// Connect to an absolute URL, `ws` or `wss`, and wait until the connection is open. With header fields and other choices:
/// [`WebSocket::request`].
///
/// # Errors
/// If the server cannot be reached or does not upgrade; see [`Error`](super::Error).
///
/// ```no_run
/// # fn main() -> lt_sdk::Result<()> {
/// let socket = lt_sdk::websocket::connect("ws://127.0.0.1:8080/room/7")?;
/// # Ok(())
/// # }
/// ```
pub fn connect(url: impl Into<String>) -> Result<WebSocket> {
    WebSocket::request(url).connect()
}

/// What becomes of messages for which the inbox has no room. Each that is lost is counted in `ws_msgs_dropped`.
///
/// ```
/// use lt_sdk::websocket::{Inbox, Overflow};
///
/// let patient = Inbox::new().overflow(Overflow::Pause);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// The oldest makes room.
    DropOldest,
    /// It is dropped itself.
    DropNewest,
    /// The host reads no further until there is room: the server sees a slow client. Nor does it see pings, pongs and close frames meanwhile:
    /// none is answered, and no pong is late. While this side closes, what has no room is dropped.
    Pause,
    /// The connection is closed with 1008. What comes until the peer agrees is dropped.
    Close,
}

impl From<Overflow> for host::Overflow {
    fn from(overflow: Overflow) -> Self {
        match overflow {
            Overflow::DropOldest => Self::DropOldest,
            Overflow::DropNewest => Self::DropNewest,
            Overflow::Pause => Self::Pause,
            Overflow::Close => Self::Close,
        }
    }
}

/// Room for messages that the user has not asked for yet: 1 000 of them and 1 MiB together unless said otherwise (or one of the longest
/// that is taken in, if that is more), of which the oldest makes room for the newest. It lies in the host, in every user: a scenario that reads little does well to keep little.
///
/// ```
/// use lt_sdk::websocket::{Inbox, Overflow};
///
/// let small = Inbox::new().messages(100).bytes(64 << 10).overflow(Overflow::DropNewest);
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "it is to be given to a request"]
pub struct Inbox(host::Inbox);

impl Default for Inbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Inbox {
    /// The defaults.
    ///
    /// ```
    /// let inbox = lt_sdk::websocket::Inbox::new();
    /// ```
    pub const fn new() -> Self {
        Self(host::Inbox {
            messages_max: None,
            bytes_max: None,
            overflow: None,
        })
    }

    pub(crate) const fn into_host(self) -> host::Inbox {
        self.0
    }

    /// Keep at most this many messages, at most 100 000. Zero keeps none: each is counted as received, seen by watches, and let go.
    ///
    /// ```
    /// let none = lt_sdk::websocket::Inbox::new().messages(0);
    /// ```
    pub const fn messages(mut self, messages_max: u32) -> Self {
        self.0.messages_max = Some(messages_max);
        self
    }

    /// Keep at most this many bytes of messages, at most 16 MiB. An inbox that is empty takes one message of any size that the connection
    /// takes in. The inboxes of a user hold at most 64 MiB together, for which the larger of this and
    /// [`message_bytes_max`](Request::message_bytes_max) counts.
    ///
    /// ```
    /// let inbox = lt_sdk::websocket::Inbox::new().bytes(4 << 20);
    /// ```
    pub const fn bytes(mut self, bytes_max: u32) -> Self {
        self.0.bytes_max = Some(bytes_max);
        self
    }

    /// What to do with more than that.
    ///
    /// ```
    /// use lt_sdk::websocket::{Inbox, Overflow};
    ///
    /// let strict = Inbox::new().overflow(Overflow::Close);
    /// ```
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.0.overflow = Some(overflow.into());
        self
    }
}

/// A connection to be, in the contract's own form; made by [`WebSocket::request`].
///
/// ```no_run
/// use lt_sdk::prelude::*;
/// use lt_sdk::websocket::{Inbox, WebSocket};
///
/// # fn iterate() -> Result<()> {
/// let socket = WebSocket::request("ws://127.0.0.1:8080/room/7")
///     .subprotocol("chat")
///     .header("origin", "http://127.0.0.1:8080")
///     .name("room")
///     .timeout(Duration::from_secs(10))
///     .inbox(Inbox::new().messages(100))
///     .connect()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing happens until it is connected"]
pub struct Request(host::Request);

impl WebSocket {
    /// A connection to an absolute URL, `ws` or `wss`; `http` and `https` mean the same.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// let socket = lt_sdk::websocket::WebSocket::request("ws://127.0.0.1:8080/room/7").name("room").connect()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn request(url: impl Into<String>) -> Request {
        Request(host::Request {
            url: url.into(),
            headers: Vec::new(),
            subprotocols: Vec::new(),
            options: None,
        })
    }
}

impl Request {
    /// The options, which a plain request does not have.
    fn options(&mut self) -> &mut host::ConnectOptions {
        self.0.options.get_or_insert_with(|| host::ConnectOptions {
            timeout: None,
            max_redirects: None,
            message_bytes_max: None,
            fragment_bytes: None,
            inbox: None,
            name: None,
            tags: Vec::new(),
        })
    }

    /// Add a header field to the upgrade request, beside those of RFC 6455, section 4.1. The user's cookies are sent unless `cookie` is
    /// given here, and cookies that the answer sets are kept. A redirect to another scheme, host or port takes all fields along but
    /// `authorization`, `proxy-authorization`, `cookie` and `host`.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// # use lt_sdk::websocket::WebSocket;
    /// let socket = WebSocket::request("ws://127.0.0.1:8080/").header("authorization", "Bearer b3BhcXVl").connect()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn header(mut self, name: impl Into<String>, value: impl AsRef<[u8]>) -> Self {
        self.0.headers.push((name.into(), value.as_ref().to_vec()));
        self
    }

    /// Offer a subprotocol; the most wanted first, each by a call of its own. [`WebSocket::subprotocol`] says which one was chosen.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// # use lt_sdk::websocket::WebSocket;
    /// let socket = WebSocket::request("ws://127.0.0.1:8080/").subprotocol("v2.chat").subprotocol("chat").connect()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn subprotocol(mut self, name: impl Into<String>) -> Self {
        self.0.subprotocols.push(name.into());
        self
    }

    /// Group connections whose URLs differ under one name in the metrics: the tags `name` and `url`.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// # use lt_sdk::websocket::WebSocket;
    /// # let room = 7;
    /// let socket = WebSocket::request(format!("ws://127.0.0.1:8080/room/{room}")).name("room").connect()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.options().name = Some(name.into());
        self
    }

    /// Add a tag to this connection's samples.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// # use lt_sdk::websocket::WebSocket;
    /// let socket = WebSocket::request("ws://127.0.0.1:8080/").tag("room", "lobby").connect()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn tag(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options().tags.push(Tag {
            name: name.into(),
            value: value.into(),
        });
        self
    }

    /// Time for all of connecting, redirects included; 60 s unless the run says otherwise.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// # use lt_sdk::{timing::Duration, websocket::WebSocket};
    /// let socket = WebSocket::request("ws://127.0.0.1:8080/").timeout(Duration::from_secs(5)).connect()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options().timeout = Some(nanos(timeout));
        self
    }

    /// Follow at most this many redirects: 10 unless the run says otherwise. With 0 the first is a refusal.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// # use lt_sdk::websocket::WebSocket;
    /// let socket = WebSocket::request("ws://127.0.0.1:8080/").max_redirects(0).connect()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn max_redirects(mut self, count: u32) -> Self {
        self.options().max_redirects = Some(count);
        self
    }

    /// Take in messages of at most this many bytes: 1 MiB unless given, at most 16 MiB. A longer one ends the connection with 1009.
    ///
    /// A message needs room in the user's memory, several times its size: by default a user has 16 MiB, and `--memory-limit` gives it more.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// # use lt_sdk::websocket::WebSocket;
    /// let socket = WebSocket::request("ws://127.0.0.1:8080/").message_bytes_max(8 << 20).connect()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn message_bytes_max(mut self, bytes: u32) -> Self {
        self.options().message_bytes_max = Some(bytes);
        self
    }

    /// Send messages longer than this in fragments of this many bytes (RFC 6455, section 5.4); not zero. Without it none is.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// # use lt_sdk::websocket::WebSocket;
    /// let socket = WebSocket::request("ws://127.0.0.1:8080/").fragment_bytes(1 << 10).connect()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn fragment_bytes(mut self, bytes: u32) -> Self {
        self.options().fragment_bytes = Some(bytes);
        self
    }

    /// Room for messages that are not asked for yet.
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// # use lt_sdk::websocket::{Inbox, WebSocket};
    /// let socket = WebSocket::request("ws://127.0.0.1:8080/").inbox(Inbox::new().messages(10)).connect()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn inbox(mut self, inbox: Inbox) -> Self {
        self.options().inbox = Some(inbox.into_host());
        self
    }

    /// Connect, and wait until the connection is open. A user may have 64 sockets.
    ///
    /// # Errors
    /// If the server cannot be reached or does not upgrade; see [`Error`](super::Error).
    ///
    /// ```no_run
    /// # fn main() -> lt_sdk::Result<()> {
    /// # use lt_sdk::websocket::WebSocket;
    /// let socket = WebSocket::request("ws://127.0.0.1:8080/").connect()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect(&self) -> Result<WebSocket> {
        Ok(WebSocket::from_host(host::Socket::connect(&self.0)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_request_holds_nothing_but_its_url() {
        let request = WebSocket::request("ws://a/").0;
        assert_eq!(request.headers.capacity(), 0);
        assert_eq!(request.subprotocols.capacity(), 0);
        assert!(request.options.is_none());
    }

    #[test]
    fn choices_reach_the_contract() {
        let request = WebSocket::request("ws://a/")
            .header("x", "y")
            .subprotocol("b")
            .subprotocol("a")
            .name("room")
            .tag("k", "v")
            .timeout(Duration::from_millis(1))
            .max_redirects(0)
            .message_bytes_max(7)
            .fragment_bytes(8)
            .inbox(
                Inbox::new()
                    .messages(1)
                    .bytes(2)
                    .overflow(Overflow::DropNewest),
            )
            .0;
        assert_eq!(request.headers, [("x".to_owned(), b"y".to_vec())]);
        assert_eq!(request.subprotocols, ["b", "a"]);
        let options = request.options.unwrap();
        assert_eq!(options.name.as_deref(), Some("room"));
        assert_eq!(options.tags[0].value, "v");
        assert_eq!(options.timeout, Some(1_000_000));
        assert_eq!(options.max_redirects, Some(0));
        assert_eq!(options.message_bytes_max, Some(7));
        assert_eq!(options.fragment_bytes, Some(8));
        let inbox = options.inbox.unwrap();
        assert_eq!((inbox.messages_max, inbox.bytes_max), (Some(1), Some(2)));
        assert!(inbox.overflow == Some(host::Overflow::DropNewest));
    }
}
