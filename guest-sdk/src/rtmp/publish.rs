//! What to publish, and how.

use super::{Connection, Publisher, Result};
use crate::bindings::lt::scenario::http::Tag;
use crate::bindings::lt::scenario::rtmp as host;
use crate::timing::{Duration, nanos};

/// How a stream is published (section 7.2.2.6).
///
/// ```no_run
/// # fn iterate(connection: &lt_sdk::rtmp::Connection) -> lt_sdk::Result<()> {
/// let publisher = connection.publish("stream").kind(lt_sdk::rtmp::PublishKind::Record).start()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishKind {
    /// Live.
    Live,
    /// And recorded anew by the server.
    Record,
    /// And appended to what the server has recorded.
    Append,
}

impl From<PublishKind> for host::PublishKind {
    fn from(kind: PublishKind) -> Self {
        match kind {
            PublishKind::Live => Self::Live,
            PublishKind::Record => Self::Record,
            PublishKind::Append => Self::Append,
        }
    }
}

/// How the time of sending is put into a stream, so that its players in the same run can tell how long it took.
///
/// ```no_run
/// # fn iterate(connection: &lt_sdk::rtmp::Connection) -> lt_sdk::Result<()> {
/// let publisher = connection.publish("stream").stamping(lt_sdk::rtmp::Stamping::Metadata).start()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamping {
    /// As a data message of its own each second. Servers that pass on no data messages (nginx-rtmp) drop it; within one host players then
    /// know key frames again by their bytes.
    DataMessage,
    /// As a field of the metadata, sent anew each second: passes nginx-rtmp with `meta copy`.
    Metadata,
    /// Not at all.
    None,
}

impl From<Stamping> for host::Stamping {
    fn from(stamping: Stamping) -> Self {
        match stamping {
            Stamping::DataMessage => Self::DataMessage,
            Stamping::Metadata => Self::Metadata,
            Stamping::None => Self::None,
        }
    }
}

/// Something to be published; made by [`Connection::publish`].
///
/// ```no_run
/// # fn iterate(connection: &lt_sdk::rtmp::Connection) -> lt_sdk::Result<()> {
/// let publisher = connection.publish("stream?key=abc").name("broadcast").start()?;
/// publisher.publish_asset("video").start()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing happens until it is started"]
pub struct Publish<'a> {
    connection: &'a Connection,
    stream: String,
    options: host::PublishOptions,
}

impl Connection {
    /// Publish under this name or key, which may have a query.
    ///
    /// ```no_run
    /// # fn iterate(connection: &lt_sdk::rtmp::Connection) -> lt_sdk::Result<()> {
    /// let publisher = connection.publish("stream").start()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn publish(&self, stream: impl Into<String>) -> Publish<'_> {
        Publish {
            connection: self,
            stream: stream.into(),
            options: host::PublishOptions {
                timeout: None,
                kind: None,
                stamping: None,
                unsent_max: None,
                name: None,
                tags: Vec::new(),
            },
        }
    }
}

impl Publish<'_> {
    /// Time until the server must have said that it takes the stream: 30 s; not zero.
    ///
    /// ```no_run
    /// # use lt_sdk::timing::Duration;
    /// # fn iterate(connection: &lt_sdk::rtmp::Connection) {
    /// let publish = connection.publish("stream").timeout(Duration::from_secs(5));
    /// # }
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(nanos(timeout));
        self
    }

    /// Live, recorded or appended: [`PublishKind::Live`] unless given.
    ///
    /// ```no_run
    /// # fn iterate(connection: &lt_sdk::rtmp::Connection) {
    /// let publish = connection.publish("stream").kind(lt_sdk::rtmp::PublishKind::Append);
    /// # }
    /// ```
    pub fn kind(mut self, kind: PublishKind) -> Self {
        self.options.kind = Some(kind.into());
        self
    }

    /// How players of the run learn the time of sending: [`Stamping::DataMessage`] unless given.
    ///
    /// ```no_run
    /// # fn iterate(connection: &lt_sdk::rtmp::Connection) {
    /// let publish = connection.publish("stream").stamping(lt_sdk::rtmp::Stamping::None);
    /// # }
    /// ```
    pub fn stamping(mut self, stamping: Stamping) -> Self {
        self.options.stamping = Some(stamping.into());
        self
    }

    /// How long the peer may take none of what is to be sent, before the stream ends as [`Ending::Unsent`](super::Ending::Unsent): 30 s.
    ///
    /// ```no_run
    /// # use lt_sdk::timing::Duration;
    /// # fn iterate(connection: &lt_sdk::rtmp::Connection) {
    /// let publish = connection.publish("stream").unsent_max(Duration::from_secs(5));
    /// # }
    /// ```
    pub fn unsent_max(mut self, unsent_max: Duration) -> Self {
        self.options.unsent_max = Some(nanos(unsent_max));
        self
    }

    /// Group this stream's samples under one name: the tag `name`, which is the connection's unless given.
    ///
    /// ```no_run
    /// # fn iterate(connection: &lt_sdk::rtmp::Connection) {
    /// let publish = connection.publish("stream").name("broadcast");
    /// # }
    /// ```
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.options.name = Some(name.into());
        self
    }

    /// Add a tag to this stream's samples.
    ///
    /// ```no_run
    /// # fn iterate(connection: &lt_sdk::rtmp::Connection) {
    /// let publish = connection.publish("stream").tag("quality", "high");
    /// # }
    /// ```
    pub fn tag(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.tags.push(Tag {
            name: name.into(),
            value: value.into(),
        });
        self
    }

    /// Start, and wait until the server takes the stream. Nothing is sent yet. A connection may have 8 streams.
    ///
    /// # Errors
    /// [`Error::Refused`](super::Error::Refused) with `NetStream.Publish.BadName` if somebody else publishes under the name; if there is no
    /// answer in time, or the connection has ended.
    ///
    /// ```no_run
    /// # fn iterate(connection: &lt_sdk::rtmp::Connection) -> lt_sdk::Result<()> {
    /// let publisher = connection.publish("stream").start()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn start(&self) -> Result<Publisher> {
        let host = self.connection.host();
        let publisher = host.publish(&self.stream, Some(&self.options))?;
        Ok(Publisher::from_host(publisher))
    }
}

/// A file to be published; made by [`Publisher::publish_asset`].
///
/// ```no_run
/// # fn iterate(publisher: &lt_sdk::rtmp::Publisher) -> lt_sdk::Result<()> {
/// publisher.publish_asset("video").rounds(3).start()?;
/// publisher.wait()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing happens until it is started"]
pub struct AssetRequest<'a> {
    publisher: &'a Publisher,
    asset: String,
    options: host::AssetOptions,
}

impl Publisher {
    /// Publish an FLV asset of the run (`--asset video=video.flv`) in real time, its metadata first, while the user goes on. It is read once
    /// for all users. What is under way before it is replaced by it; time stamps go on.
    ///
    /// ```no_run
    /// # fn iterate(publisher: &lt_sdk::rtmp::Publisher) -> lt_sdk::Result<()> {
    /// publisher.publish_asset("video").start()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn publish_asset(&self, asset: impl Into<String>) -> AssetRequest<'_> {
        AssetRequest {
            publisher: self,
            asset: asset.into(),
            options: host::AssetOptions {
                rounds: None,
                ahead: None,
            },
        }
    }
}

impl AssetRequest<'_> {
    /// Send it so many times, not zero; without it there is no end. Time stamps go on from one round to the next.
    ///
    /// ```no_run
    /// # fn iterate(publisher: &lt_sdk::rtmp::Publisher) -> lt_sdk::Result<()> {
    /// publisher.publish_asset("video").rounds(1).start()?;
    /// # Ok(())
    /// # }
    /// ```
    pub const fn rounds(mut self, rounds: u32) -> Self {
        self.options.rounds = Some(rounds);
        self
    }

    /// Send so much of it at once, ahead of its time.
    ///
    /// ```no_run
    /// # use lt_sdk::timing::Duration;
    /// # fn iterate(publisher: &lt_sdk::rtmp::Publisher) -> lt_sdk::Result<()> {
    /// publisher.publish_asset("video").ahead(Duration::from_secs(2)).start()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn ahead(mut self, ahead: Duration) -> Self {
        self.options.ahead = Some(nanos(ahead));
        self
    }

    /// Start sending, and return at once: [`Publisher::wait`] waits for its end.
    ///
    /// # Errors
    /// [`Error::Asset`](super::Error::Asset) if it is no FLV file, is cut off or holds no media; if there is no asset of this name, or the
    /// stream has ended.
    ///
    /// ```no_run
    /// # fn iterate(publisher: &lt_sdk::rtmp::Publisher) -> lt_sdk::Result<()> {
    /// publisher.publish_asset("video").start()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn start(&self) -> Result<()> {
        let host = self.publisher.host();
        Ok(host.publish_asset(&self.asset, Some(self.options))?)
    }
}
