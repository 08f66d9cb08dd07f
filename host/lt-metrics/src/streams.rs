//! How media streams stand at one moment: one row a stream, for displays and for outputs that follow each.

use std::sync::Arc;
use std::time::Duration;

/// Which way a stream goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// A user publishes it.
    Publish,
    /// A user plays it.
    Play,
}

impl Direction {
    /// Value of the tag `direction`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Play => "play",
        }
    }
}

/// Where a stream stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamState {
    /// Asked for; no media yet.
    Starting,
    /// Media flows.
    Flowing,
    /// Media flows too late: more than three seconds behind, unless the scenario says otherwise.
    Lagged,
    /// No media comes.
    Stalled,
    /// It did not start, or ended badly, and its user has not asked for another: it stays in the denominator.
    Failed,
}

/// One stream.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamRow {
    /// The user's id.
    pub user: u64,
    /// Which of the user's streams, counted from 0.
    pub number: u32,
    /// Name of the stream's samples.
    pub name: Arc<str>,
    /// Which way it goes.
    pub direction: Direction,
    /// Where it stands.
    pub state: StreamState,
    /// Bytes of media so far.
    pub bytes: u64,
    /// Media time so far.
    pub media: Duration,
    /// How far it is behind: of a player, its lag; of a publisher, how late its last frame was.
    pub lag: Duration,
    /// Media over the last whole second, in kbit/s.
    pub kbps: f64,
}

/// All streams of one host at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamTable {
    /// One row a stream, in no order.
    pub rows: Vec<StreamRow>,
}
