//! What to play, and how.

use super::{Connection, Inbox, Player, Result};
use crate::bindings::lt::scenario::http::Tag;
use crate::bindings::lt::scenario::rtmp as host;
use crate::timing::{Duration, nanos};

/// A stream of a connection; see [`Play`].
///
/// ```no_run
/// use lt_sdk::rtmp::{Connection, OverRtmp, Play};
///
/// fn strict<'a>(connection: &'a Connection, stream: &str) -> Play<OverRtmp<'a>> {
///     connection.play(stream).live().lag_after(lt_sdk::timing::Duration::from_secs(1))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct OverRtmp<'a> {
    connection: &'a Connection,
    stream: String,
}

/// A URL that answers with FLV; see [`Play`].
///
/// ```
/// use lt_sdk::rtmp::{OverHttp, Play, Player};
///
/// fn strict(url: &str) -> Play<OverHttp> {
///     Player::http(url).lag_after(lt_sdk::timing::Duration::from_secs(1))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct OverHttp {
    url: String,
    headers: Vec<(String, Vec<u8>)>,
}

/// Something to be played: a stream of a connection, made by [`Connection::play`], or FLV over HTTP, made by [`Player::http`].
///
/// ```no_run
/// use lt_sdk::prelude::*;
///
/// # fn iterate(connection: &lt_sdk::rtmp::Connection) -> Result<()> {
/// let player = connection.play("stream").live().stall_after(Duration::from_secs(1)).name("watch").start()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing happens until it is started"]
pub struct Play<Source> {
    from: Source,
    options: host::PlayOptions,
}

impl Connection {
    /// Play this stream, live if it is, else recorded, else as soon as somebody publishes it.
    ///
    /// ```no_run
    /// # fn iterate(connection: &lt_sdk::rtmp::Connection) -> lt_sdk::Result<()> {
    /// let player = connection.play("stream").start()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn play(&self, stream: impl Into<String>) -> Play<OverRtmp<'_>> {
        Play::new(OverRtmp {
            connection: self,
            stream: stream.into(),
        })
    }
}

impl Player {
    /// Play FLV over HTTP or HTTPS, as content networks serve it: cookies, proxy, TLS and redirects as [`http`](crate::http) has them. What comes is
    /// counted as over RTMP. Pausing and seeking are not there.
    ///
    /// ```no_run
    /// # fn iterate() -> lt_sdk::Result<()> {
    /// let player = lt_sdk::rtmp::Player::http("http://127.0.0.1:8080/live/stream.flv").start()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn http(url: impl Into<String>) -> Play<OverHttp> {
        Play::new(OverHttp {
            url: url.into(),
            headers: Vec::new(),
        })
    }
}

impl<Source> Play<Source> {
    const fn new(from: Source) -> Self {
        Self {
            from,
            options: host::PlayOptions {
                timeout: None,
                start: None,
                length: None,
                buffer: None,
                stall_after: None,
                lag_after: None,
                silence_max: None,
                frames: None,
                payload: false,
                name: None,
                tags: Vec::new(),
            },
        }
    }

    /// Time until the server must have said that it plays: 30 s; not zero. Media may come much later, where nobody publishes yet.
    ///
    /// ```
    /// # use lt_sdk::{rtmp::Player, timing::Duration};
    /// let play = Player::http("http://127.0.0.1/stream.flv").timeout(Duration::from_secs(5));
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(nanos(timeout));
        self
    }

    /// The stream counts as stalled when no media came for so long: 500 ms unless given, at least 50 ms.
    ///
    /// ```
    /// # use lt_sdk::{rtmp::Player, timing::Duration};
    /// let play = Player::http("http://127.0.0.1/stream.flv").stall_after(Duration::from_secs(1));
    /// ```
    pub fn stall_after(mut self, stall_after: Duration) -> Self {
        self.options.stall_after = Some(nanos(stall_after));
        self
    }

    /// It counts as lagged when elapsed time exceeds media time by more than this: 3 s.
    ///
    /// ```
    /// # use lt_sdk::{rtmp::Player, timing::Duration};
    /// let play = Player::http("http://127.0.0.1/stream.flv").lag_after(Duration::from_secs(1));
    /// ```
    pub fn lag_after(mut self, lag_after: Duration) -> Self {
        self.options.lag_after = Some(nanos(lag_after));
        self
    }

    /// It ends as [`Ending::Silence`](super::Ending::Silence) when nothing at all came for so long: without a bound unless given.
    ///
    /// ```
    /// # use lt_sdk::{rtmp::Player, timing::Duration};
    /// let play = Player::http("http://127.0.0.1/stream.flv").silence_max(Duration::from_secs(60));
    /// ```
    pub fn silence_max(mut self, silence_max: Duration) -> Self {
        self.options.silence_max = Some(nanos(silence_max));
        self
    }

    /// Keep what frames are, for [`Player::receive`]: their kind, time stamp, size and codec. Without it they are counted and let go. The bytes count with
    /// those of all other inboxes of the user.
    ///
    /// ```
    /// # use lt_sdk::rtmp::{Inbox, Player};
    /// let play = Player::http("http://127.0.0.1/stream.flv").frames(Inbox::new().messages(100));
    /// ```
    pub const fn frames(mut self, room: Inbox) -> Self {
        self.options.frames = Some(room.into_host());
        self
    }

    /// Keep what frames carry too.
    ///
    /// ```
    /// # use lt_sdk::rtmp::{Inbox, Player};
    /// let play = Player::http("http://127.0.0.1/stream.flv").frames(Inbox::new()).payload(true);
    /// ```
    pub const fn payload(mut self, payload: bool) -> Self {
        self.options.payload = payload;
        self
    }

    /// Group this stream's samples under one name: the tag `name`, which is the connection's unless given.
    ///
    /// ```
    /// # use lt_sdk::rtmp::Player;
    /// let play = Player::http("http://127.0.0.1/stream.flv").name("watch");
    /// ```
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.options.name = Some(name.into());
        self
    }

    /// Add a tag to this stream's samples.
    ///
    /// ```
    /// # use lt_sdk::rtmp::Player;
    /// let play = Player::http("http://127.0.0.1/stream.flv").tag("quality", "high");
    /// ```
    pub fn tag(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.tags.push(Tag {
            name: name.into(),
            value: value.into(),
        });
        self
    }
}

impl Play<OverRtmp<'_>> {
    /// Live only: what is recorded does not count.
    ///
    /// ```no_run
    /// # fn iterate(connection: &lt_sdk::rtmp::Connection) -> lt_sdk::Result<()> {
    /// let player = connection.play("stream").live().start()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn live(mut self) -> Self {
        self.options.start = Some(host::Start::Live);
        self
    }

    /// What is recorded, from this media time.
    ///
    /// ```no_run
    /// # use lt_sdk::timing::Duration;
    /// # fn iterate(connection: &lt_sdk::rtmp::Connection) -> lt_sdk::Result<()> {
    /// let player = connection.play("film").recorded(Duration::from_secs(60)).start()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn recorded(mut self, from: Duration) -> Self {
        self.options.start = Some(host::Start::Recorded(nanos(from)));
        self
    }

    /// How much of it to play: to its end unless given.
    ///
    /// ```no_run
    /// # use lt_sdk::timing::Duration;
    /// # fn iterate(connection: &lt_sdk::rtmp::Connection) -> lt_sdk::Result<()> {
    /// let player = connection.play("film").length(Duration::from_secs(60)).start()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn length(mut self, length: Duration) -> Self {
        self.options.length = Some(nanos(length));
        self
    }

    /// How much the server is told that this side buffers (section 7.1.7): 3 s.
    ///
    /// ```no_run
    /// # use lt_sdk::timing::Duration;
    /// # fn iterate(connection: &lt_sdk::rtmp::Connection) -> lt_sdk::Result<()> {
    /// let player = connection.play("film").buffer(Duration::from_secs(1)).start()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn buffer(mut self, buffer: Duration) -> Self {
        self.options.buffer = Some(nanos(buffer));
        self
    }

    /// Start, and wait until the server says that it plays. A connection may have 8 streams.
    ///
    /// # Errors
    /// [`Error::Refused`](super::Error::Refused) with `NetStream.Play.StreamNotFound` if there is none; if there is no answer in time, or the
    /// connection has ended.
    ///
    /// ```no_run
    /// # fn iterate(connection: &lt_sdk::rtmp::Connection) -> lt_sdk::Result<()> {
    /// let player = connection.play("stream").start()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn start(&self) -> Result<Player> {
        let host = self.from.connection.host();
        let player = host.play(&self.from.stream, Some(&self.options))?;
        Ok(Player::from_host(player))
    }
}

impl Play<OverHttp> {
    /// Add a header field to the request.
    ///
    /// ```
    /// # use lt_sdk::rtmp::Player;
    /// let play = Player::http("http://127.0.0.1/stream.flv").header("authorization", "Bearer b3BhcXVl");
    /// ```
    pub fn header(mut self, name: impl Into<String>, value: impl AsRef<[u8]>) -> Self {
        let header = (name.into(), value.as_ref().to_vec());
        self.from.headers.push(header);
        self
    }

    /// Send the request, and wait for the head of the response. A user may have 64 sockets, sessions and connections together.
    ///
    /// # Errors
    /// [`Error::HttpStatus`](super::Error::HttpStatus) if the answer is no 200; if the server cannot be reached.
    ///
    /// ```no_run
    /// # fn iterate() -> lt_sdk::Result<()> {
    /// let player = lt_sdk::rtmp::Player::http("http://127.0.0.1:8080/live/stream.flv").start()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn start(&self) -> Result<Player> {
        let OverHttp { url, headers } = &self.from;
        let player = host::Player::open_http(url, headers, Some(&self.options))?;
        Ok(Player::from_host(player))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_reach_the_contract() {
        let play = Player::http("http://a/b.flv")
            .header("X", "y")
            .timeout(Duration::from_nanos(1))
            .stall_after(Duration::from_nanos(2))
            .lag_after(Duration::from_nanos(3))
            .silence_max(Duration::from_nanos(4))
            .frames(Inbox::new().messages(5))
            .payload(true)
            .name("watch")
            .tag("k", "v");
        assert_eq!(play.from.url, "http://a/b.flv");
        assert_eq!(play.from.headers, [("X".to_owned(), b"y".to_vec())]);
        let options = play.options;
        assert_eq!(options.timeout, Some(1));
        assert_eq!(options.stall_after, Some(2));
        assert_eq!(options.lag_after, Some(3));
        assert_eq!(options.silence_max, Some(4));
        assert_eq!(options.frames.unwrap().messages_max, Some(5));
        assert!(options.payload && options.start.is_none());
        assert_eq!(options.name.as_deref(), Some("watch"));
        assert_eq!(options.tags[0].name, "k");
    }
}
