//! Something published.

use super::receiving::{Coming, stream, without_waiting};
use super::value::{fields_to_host, to_host};
use super::{Broadcast, Close, Event, Result, TagKind, Value};
use crate::bindings::lt::scenario::rtmp as host;
use crate::receiving::Awaited;
use crate::runtime::Pollable;
use crate::timing::{Duration, nanos};

/// Something published; made by [`Connection::publish`](super::Connection::publish). Dropping it ends it.
///
/// ```no_run
/// use lt_sdk::prelude::*;
/// use lt_sdk::rtmp::Publisher;
///
/// # fn iterate(publisher: &Publisher) -> Result<()> {
/// publisher.publish_asset("video").start()?;
/// timing::sleep(Duration::from_secs(60));
/// check!("is still published", publisher.closed().is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "dropping it ends it"]
pub struct Publisher(host::Publisher);

impl Publisher {
    pub(super) const fn from_host(publisher: host::Publisher) -> Self {
        Self(publisher)
    }

    pub(super) const fn host(&self) -> &host::Publisher {
        &self.0
    }

    /// Send a tag at once. What is in it goes out as it is, and its time stamp is the scenario's affair. Waits while 1 MiB is not with the
    /// kernel yet, for 60 s at most.
    ///
    /// # Errors
    /// If the stream has ended, the server does not read, or the tag is larger than 4 MiB.
    ///
    /// ```no_run
    /// use lt_sdk::rtmp::TagKind;
    ///
    /// # fn iterate(publisher: &lt_sdk::rtmp::Publisher) -> lt_sdk::Result<()> {
    /// publisher.send_tag(TagKind::Audio, 40, [0xaf, 0x01, 0x21, 0x10])?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_tag(&self, kind: TagKind, timestamp_ms: u32, data: impl AsRef<[u8]>) -> Result<()> {
        let (kind, data) = (kind.into(), data.as_ref());
        Ok(self.0.send_tag(kind, timestamp_ms, data, None)?)
    }

    /// Send a tag, and wait at most this long for room.
    ///
    /// # Errors
    /// Those of [`send_tag`](Self::send_tag).
    ///
    /// ```no_run
    /// # use lt_sdk::{rtmp::TagKind, timing::Duration};
    /// # fn iterate(publisher: &lt_sdk::rtmp::Publisher) -> lt_sdk::Result<()> {
    /// publisher.send_tag_timeout(TagKind::Audio, 40, [0xaf, 0x01, 0x21, 0x10], Duration::from_secs(1))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_tag_timeout(
        &self,
        kind: TagKind,
        timestamp_ms: u32,
        data: impl AsRef<[u8]>,
        timeout: Duration,
    ) -> Result<()> {
        let (kind, data, timeout) = (kind.into(), data.as_ref(), Some(nanos(timeout)));
        Ok(self.0.send_tag(kind, timestamp_ms, data, timeout)?)
    }

    /// Set the stream's metadata: `@setDataFrame`, `onMetaData`.
    ///
    /// # Errors
    /// If the stream has ended, it is too large, or JSON in it is none.
    ///
    /// ```no_run
    /// # fn iterate(publisher: &lt_sdk::rtmp::Publisher) -> lt_sdk::Result<()> {
    /// publisher.send_metadata([("width", 640.into()), ("encoder", "lt-host".into())])?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_metadata<N: Into<String>>(
        &self,
        fields: impl IntoIterator<Item = (N, Value)>,
    ) -> Result<()> {
        Ok(self.0.send_metadata(&fields_to_host(fields))?)
    }

    /// Send a data message: the name of a handler, and what it is given.
    ///
    /// # Errors
    /// Those of [`send_metadata`](Self::send_metadata).
    ///
    /// ```no_run
    /// # use lt_sdk::rtmp::Value;
    /// # fn iterate(publisher: &lt_sdk::rtmp::Publisher) -> lt_sdk::Result<()> {
    /// publisher.send_data("onCuePoint", [Value::json(r#"{"name":"goal","time":12.5}"#)])?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn send_data(
        &self,
        handler: &str,
        arguments: impl IntoIterator<Item = Value>,
    ) -> Result<()> {
        Ok(self.0.send_data(handler, &to_host(arguments))?)
    }

    /// Wait until the asset has been sent as often as asked, or until this user is asked to end.
    ///
    /// # Errors
    /// If the stream ends before, or the user is asked to end.
    ///
    /// ```no_run
    /// # fn iterate(publisher: &lt_sdk::rtmp::Publisher) -> lt_sdk::Result<()> {
    /// publisher.publish_asset("video").rounds(1).start()?;
    /// publisher.wait()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait(&self) -> Result<()> {
        Ok(self.0.wait(None)?)
    }

    /// Wait until the asset has been sent as often as asked, at most this long.
    ///
    /// # Errors
    /// If the time is over, or the stream ends before.
    ///
    /// ```no_run
    /// # use lt_sdk::timing::Duration;
    /// # fn iterate(publisher: &lt_sdk::rtmp::Publisher) -> lt_sdk::Result<()> {
    /// match publisher.wait_for(Duration::from_secs(300)) {
    ///     Err(error) if error.is_timeout() => lt_sdk::log::info!("still at it"),
    ///     sent => sent?,
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait_for(&self, timeout: Duration) -> Result<()> {
        Ok(self.0.wait(Some(nanos(timeout)))?)
    }

    /// How it stands.
    ///
    /// ```no_run
    /// # fn look(publisher: &lt_sdk::rtmp::Publisher) {
    /// let rounds = publisher.statistics().rounds;
    /// # }
    /// ```
    #[must_use]
    pub fn statistics(&self) -> Broadcast {
        Broadcast::from_host(self.0.statistics())
    }
}

stream!(Publisher);
