//! Which tag of an asset is due when, and with which time stamp: real time, round after round. Nothing here reads a clock.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::AssetOptions;
use super::flv::Asset;

/// A tag whose time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    /// Which of [`Asset::tags`].
    pub(crate) index: usize,
    /// Time stamp in the stream, which wraps.
    pub(crate) timestamp: u32,
    /// Since when it is due.
    pub(crate) when: Instant,
}

/// An asset on its way. Each round begins where the last ended, in time as in time stamps, so that a loop has no seam; sequence headers are
/// sent with each, as they stand in the file.
#[derive(Debug)]
pub(crate) struct Pacing {
    asset: Arc<Asset>,
    options: AssetOptions,
    base: Instant,
    timestamp_base: u32,
    /// The file's time stamp that is a round's begin.
    first: u32,
    /// The tag that is next.
    index: usize,
    rounds: u32,
    /// When the last tag was due: one whose stamp goes back in the file is sent behind it, and is not late for that.
    latest: Instant,
}

impl Pacing {
    /// From then on; the first frame's time stamp becomes this one.
    pub(crate) fn new(
        asset: Arc<Asset>,
        options: AssetOptions,
        base: Instant,
        timestamp_base: u32,
    ) -> Self {
        Self {
            first: asset.first_ms(),
            asset,
            options,
            base,
            timestamp_base,
            index: 0,
            rounds: 0,
            latest: base,
        }
    }

    /// What is published.
    pub(crate) fn asset(&self) -> &Arc<Asset> {
        &self.asset
    }

    /// The next tag, if it is due.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Due> {
        let when = self.next().filter(|when| *when <= now)?;
        let due = Due {
            index: self.index,
            timestamp: self.next_timestamp(),
            when,
        };
        self.latest = when;
        self.index += 1;
        if self.index == self.asset.tags().len() {
            self.index = 0;
            self.rounds = self.rounds.saturating_add(1);
        }
        Some(due)
    }

    /// When the next tag is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        if self.is_done() {
            return None;
        }
        let position = Duration::from_millis(self.position());
        let after = position.saturating_sub(self.options.ahead);
        let when = self.base.checked_add(after)?;
        Some(when.max(self.latest))
    }

    /// Rounds that were completed.
    pub(crate) fn rounds(&self) -> u32 {
        self.rounds
    }

    /// Whether there is nothing more to send.
    pub(crate) fn is_done(&self) -> bool {
        let is_last = self.options.rounds.is_some_and(|max| self.rounds >= max);
        is_last || self.asset.tags().is_empty()
    }

    /// Time stamp of the next tag; at the end, of what would follow.
    pub(crate) fn next_timestamp(&self) -> u32 {
        let position = self.position() & u64::from(u32::MAX);
        let position = u32::try_from(position).unwrap_or_default();
        self.timestamp_base.wrapping_add(position)
    }

    /// Where the next tag lies, in milliseconds from the first.
    fn position(&self) -> u64 {
        let within = self.asset.tags().get(self.index);
        let within = within.map_or(0, |tag| tag.timestamp().saturating_sub(self.first));
        u64::from(self.rounds) * u64::from(self.asset.round_ms()) + u64::from(within)
    }
}

#[cfg(test)]
#[path = "pacing_tests.rs"]
mod tests;
