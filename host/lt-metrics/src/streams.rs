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
    /// It had media, and none comes now.
    Stalled,
    /// The peer said that it is over, and its user has not asked for another: it stays in the denominator.
    Ended,
    /// It did not start, or ended badly, and its user has not asked for another: it stays in the denominator.
    Failed,
}

impl StreamState {
    /// In one word, for programs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Flowing => "flowing",
            Self::Stalled => "stalled",
            Self::Ended => "ended",
            Self::Failed => "failed",
        }
    }
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
    /// Whether its media, flowing or stalled, is too late: more than three seconds behind, unless the scenario says otherwise.
    pub lagged: bool,
    /// Bytes of media so far.
    pub bytes: u64,
    /// Media time so far.
    pub media: Duration,
    /// Since its first media, without pauses; zero before that.
    pub elapsed: Duration,
    /// How far it is behind: of a player, its lag; of a publisher, how late its last frame was.
    pub lag: Duration,
    /// Media over the last whole second, in kbit/s.
    pub kbps: f64,
}

impl StreamRow {
    /// Whether it has had media and is not over.
    #[must_use]
    pub fn is_established(&self) -> bool {
        matches!(self.state, StreamState::Flowing | StreamState::Stalled)
    }

    /// Whether it counts as lagged: what is over, or never began, is not behind any more.
    #[must_use]
    pub fn is_lagged(&self) -> bool {
        self.lagged && self.is_established()
    }
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
    /// Those whose media is too late, whether it flows or nothing comes at all.
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
    pub fn count(&mut self, row: &StreamRow) {
        self.asked += 1;
        match (row.state, row.direction) {
            (StreamState::Starting | StreamState::Ended, _) => {}
            (StreamState::Flowing, Direction::Publish) => self.publishing += 1,
            (StreamState::Flowing, Direction::Play) => self.playing += 1,
            (StreamState::Stalled, _) => self.stalled += 1,
            (StreamState::Failed, _) => self.failed += 1,
        }
        self.lagged += u64::from(row.is_lagged());
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
            lagged: false,
            bytes: 1000,
            media: Duration::from_secs(2),
            elapsed: Duration::from_secs(2),
            lag: Duration::ZERO,
            kbps: 500.0,
        }
    }

    #[test]
    fn every_stream_counts_as_asked_for_and_once_more() {
        use StreamState::{Ended, Failed, Flowing, Stalled, Starting};

        let mut counts = StreamCounts::default();
        for state in [Starting, Flowing, Flowing, Stalled, Ended, Failed, Failed] {
            counts.count(&row(1, state));
        }
        counts.count(&StreamRow {
            direction: Direction::Publish,
            ..row(2, Flowing)
        });
        let named = [
            ("asked", 8),
            ("publishing", 1),
            ("playing", 2),
            ("lagged", 0),
            ("stalled", 1),
            ("failed", 2),
        ];
        assert_eq!(counts.by_state(), named);
        assert_eq!(counts.established(), 4);
    }

    /// What does not come at all is the most late, and was counted as not late.
    #[test]
    fn a_stream_lags_whether_media_flows_or_not() {
        use StreamState::{Ended, Failed, Flowing, Stalled, Starting};

        let counted = |state| {
            let mut counts = StreamCounts::default();
            counts.count(&StreamRow {
                lagged: true,
                ..row(1, state)
            });
            (counts.playing, counts.stalled, counts.lagged)
        };
        assert_eq!(counted(Flowing), (1, 0, 1));
        assert_eq!(counted(Stalled), (0, 1, 1));
        for over in [Starting, Ended, Failed] {
            assert_eq!(counted(over), (0, 0, 0));
        }
    }
}
