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

/// How many streams stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamCounts {
    /// All that were asked for and not ended by this side.
    pub asked: u64,
    /// Of them, those that are published and whose media flows, lagged or not.
    pub publishing: u64,
    /// Those that are played and whose media flows, lagged or not.
    pub playing: u64,
    /// Those whose media flows too late.
    pub lagged: u64,
    /// Those that had media and have none now.
    pub stalled: u64,
    /// Those that did not start, or ended badly.
    pub failed: u64,
}

impl StreamCounts {
    /// Those that have had media and have not failed.
    #[must_use]
    pub fn established(&self) -> u64 {
        self.publishing + self.playing + self.stalled
    }

    /// Each with its value of the tag `state`, in the order in which a summary shows them.
    #[must_use]
    pub fn by_state(&self) -> [(&'static str, u64); STREAM_STATES.len()] {
        let counts = [
            self.asked,
            self.publishing,
            self.playing,
            self.lagged,
            self.stalled,
            self.failed,
        ];
        std::array::from_fn(|index| {
            let name = STREAM_STATES.get(index).copied().unwrap_or_default();
            (name, counts.get(index).copied().unwrap_or_default())
        })
    }

    /// Add a stream.
    pub fn count(&mut self, direction: Direction, state: StreamState) {
        self.asked += 1;
        match state {
            StreamState::Starting => {}
            StreamState::Flowing | StreamState::Lagged => {
                match direction {
                    Direction::Publish => self.publishing += 1,
                    Direction::Play => self.playing += 1,
                }
                self.lagged += u64::from(state == StreamState::Lagged);
            }
            StreamState::Stalled => self.stalled += 1,
            StreamState::Failed => self.failed += 1,
        }
    }
}

/// Values of the tag `state` of `rtmp_streams`.
pub(crate) const STREAM_STATES: [&str; 6] = [
    "asked",
    "publishing",
    "playing",
    "lagged",
    "stalled",
    "failed",
];

/// All streams of one host at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamTable {
    /// One row a stream, in no order.
    pub rows: Vec<StreamRow>,
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// A player's row.
    pub(crate) fn row(user: u64, state: StreamState) -> StreamRow {
        StreamRow {
            user,
            number: 0,
            name: "live".into(),
            direction: Direction::Play,
            state,
            bytes: 1000,
            media: Duration::from_secs(2),
            lag: Duration::ZERO,
            kbps: 500.0,
        }
    }

    #[test]
    fn every_stream_counts_as_asked_for_and_once_more() {
        use StreamState::{Failed, Flowing, Lagged, Stalled, Starting};

        let mut counts = StreamCounts::default();
        for state in [Starting, Flowing, Flowing, Lagged, Stalled, Failed, Failed] {
            counts.count(Direction::Play, state);
        }
        counts.count(Direction::Publish, Flowing);
        let named = [
            ("asked", 8),
            ("publishing", 1),
            ("playing", 3),
            ("lagged", 1),
            ("stalled", 1),
            ("failed", 2),
        ];
        assert_eq!(counts.by_state(), named);
        assert_eq!(counts.established(), 5);
    }
}
