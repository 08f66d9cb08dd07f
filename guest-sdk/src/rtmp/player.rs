//! Something played.

use super::receiving::{Coming, stream, without_waiting};
use super::{Close, Event, Frame, Playback, Result};
use crate::bindings::lt::scenario::rtmp as host;
use crate::receiving::Awaited;
use crate::runtime::Pollable;
use crate::timing::{Duration, nanos};

/// Something played; made by [`Connection::play`](super::Connection::play) or [`Player::http`]. Dropping it ends it.
///
/// ```no_run
/// use lt_sdk::prelude::*;
/// use lt_sdk::rtmp::Player;
///
/// # fn iterate(player: &Player) -> Result<()> {
/// player.watch(Duration::from_secs(60))?;
/// check!("no lag", !player.statistics().lagged);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "dropping it ends it"]
pub struct Player(host::Player);

impl Player {
    pub(super) const fn from_host(player: host::Player) -> Self {
        Self(player)
    }

    /// How it stands.
    ///
    /// ```no_run
    /// # fn look(player: &lt_sdk::rtmp::Player) {
    /// let lag = player.statistics().lag;
    /// # }
    /// ```
    #[must_use]
    pub fn statistics(&self) -> Playback {
        Playback::from_host(self.0.statistics())
    }

    /// Whether it goes on as it should: it has not ended, media came, and it is neither lagged nor stalled.
    ///
    /// ```no_run
    /// # fn look(player: &lt_sdk::rtmp::Player) {
    /// lt_sdk::check!("healthy", player.is_healthy());
    /// # }
    /// ```
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.0.closed().is_none() && self.statistics().is_flowing()
    }

    /// Watch: wait until so much media has been received since it began, or until this user is asked to end.
    ///
    /// # Errors
    /// If the stream ends before, or the user is asked to end.
    ///
    /// ```no_run
    /// # use lt_sdk::timing::Duration;
    /// # fn iterate(player: &lt_sdk::rtmp::Player) -> lt_sdk::Result<()> {
    /// player.watch(Duration::from_secs(60))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn watch(&self, media_time: Duration) -> Result<()> {
        Ok(self.0.watch(nanos(media_time), None)?)
    }

    /// Watch, at most this long.
    ///
    /// # Errors
    /// If the time is over, or the stream ends before.
    ///
    /// ```no_run
    /// # use lt_sdk::timing::Duration;
    /// # fn iterate(player: &lt_sdk::rtmp::Player) -> lt_sdk::Result<()> {
    /// player.watch_timeout(Duration::from_secs(60), Duration::from_secs(90))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn watch_timeout(&self, media_time: Duration, timeout: Duration) -> Result<()> {
        Ok(self.0.watch(nanos(media_time), Some(nanos(timeout)))?)
    }

    /// Wait for the next frame, at most this long; `None` waits until this user is asked to end. [`frames`](super::Play::frames) must have been asked
    /// for. What came before the stream ended is still there after it.
    ///
    /// # Errors
    /// If frames were not asked for, the time is over, the stream has ended, or, with `None`, the user is asked to end.
    ///
    /// ```no_run
    /// # use lt_sdk::timing::Duration;
    /// # fn iterate(player: &lt_sdk::rtmp::Player) -> lt_sdk::Result<()> {
    /// let frame = player.receive(Duration::from_secs(5))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn receive(&self, timeout: impl Into<Option<Duration>>) -> Result<Frame> {
        let frame = self.0.receive(timeout.into().map(nanos))?;
        Ok(Frame::from_host(frame))
    }

    /// The next frame, if there is one.
    ///
    /// # Errors
    /// If frames were not asked for, or there is none and the stream has ended.
    ///
    /// ```no_run
    /// # fn handle(frame: lt_sdk::rtmp::Frame) {}
    /// # fn iterate(player: &lt_sdk::rtmp::Player) -> lt_sdk::Result<()> {
    /// while let Some(frame) = player.try_receive()? {
    ///     handle(frame);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_receive(&self) -> Result<Option<Frame>> {
        without_waiting(self.receive(Duration::ZERO))
    }

    /// Like [`receive`](Self::receive) with no limit, for `async` code. While events wait that nobody has asked for it looks 100 times a second; the
    /// time at which a frame came is not affected. That the user is asked to end it notices within a second.
    ///
    /// ```no_run
    /// # use lt_sdk::prelude::*;
    /// # async fn iterate(player: &lt_sdk::rtmp::Player) -> Result<()> {
    /// let frame = futures::timeout(player.receive_async(), Duration::from_secs(5)).await??;
    /// # Ok(())
    /// # }
    /// ```
    pub fn receive_async(&self) -> impl Future<Output = Result<Frame>> {
        Awaited::new(Coming {
            stream: self,
            look: Self::try_receive,
            subscribe: Self::subscribe,
        })
    }

    /// Pause, and wait for the server's word, 30 s at most. Time that is paused counts neither as stalled nor as lag.
    ///
    /// # Errors
    /// If the server refuses or does not answer, the stream has ended, or it comes over HTTP.
    ///
    /// ```no_run
    /// # use lt_sdk::timing::{self, Duration};
    /// # fn iterate(player: &lt_sdk::rtmp::Player) -> lt_sdk::Result<()> {
    /// player.pause()?;
    /// timing::sleep(Duration::from_secs(10));
    /// player.unpause()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn pause(&self) -> Result<()> {
        self.set_paused(true, None)
    }

    /// Go on after a pause, and wait for the server's word, 30 s at most.
    ///
    /// # Errors
    /// Those of [`pause`](Self::pause).
    ///
    /// ```no_run
    /// # fn iterate(player: &lt_sdk::rtmp::Player) -> lt_sdk::Result<()> {
    /// player.unpause()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn unpause(&self) -> Result<()> {
        self.set_paused(false, None)
    }

    /// Pause or go on, and wait at most this long for the server's word; `None` is 30 s.
    ///
    /// # Errors
    /// Those of [`pause`](Self::pause).
    ///
    /// ```no_run
    /// # use lt_sdk::timing::Duration;
    /// # fn iterate(player: &lt_sdk::rtmp::Player) -> lt_sdk::Result<()> {
    /// player.set_paused(true, Duration::from_secs(5))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_paused(&self, paused: bool, timeout: impl Into<Option<Duration>>) -> Result<()> {
        Ok(self.0.pause(paused, timeout.into().map(nanos))?)
    }

    /// Go to this media time of what is recorded, and wait for the server's word, 30 s at most. Media time and elapsed time begin anew.
    ///
    /// # Errors
    /// Those of [`pause`](Self::pause).
    ///
    /// ```no_run
    /// # use lt_sdk::timing::Duration;
    /// # fn iterate(player: &lt_sdk::rtmp::Player) -> lt_sdk::Result<()> {
    /// player.seek(Duration::from_secs(60))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn seek(&self, position: Duration) -> Result<()> {
        Ok(self.0.seek(nanos(position), None)?)
    }

    /// Go to this media time, and wait at most this long for the server's word.
    ///
    /// # Errors
    /// Those of [`pause`](Self::pause).
    ///
    /// ```no_run
    /// # use lt_sdk::timing::Duration;
    /// # fn iterate(player: &lt_sdk::rtmp::Player) -> lt_sdk::Result<()> {
    /// player.seek_timeout(Duration::from_secs(60), Duration::from_secs(5))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn seek_timeout(&self, position: Duration, timeout: Duration) -> Result<()> {
        Ok(self.0.seek(nanos(position), Some(nanos(timeout)))?)
    }
}

stream!(Player);
