//! What single users did, in order: kept only where an output follows each user (`--out stream-csv`).

use std::sync::Arc;
use std::time::Duration;

use crate::recorder::unix_nanos;
use crate::streams::{Direction, StreamRow};

/// One line of a user's journal.
#[derive(Clone, Debug, PartialEq)]
pub struct JournalLine {
    /// The user's id.
    pub user: u64,
    /// When: nanoseconds since 1970, UTC.
    pub time_unix_ns: i64,
    /// What.
    pub what: JournalEvent,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum JournalEvent {
    /// The user joined.
    Joined,
    /// An HTTP request ended, whether answered or not.
    Request,
    /// An HTTP request, a connect or a stream failed.
    RequestFailed {
        /// Status, or number of the error.
        code: u16,
        /// Name of the samples; of a connect or a stream, with what went wrong: `watch: reset`.
        url: Arc<str>,
    },
    /// An HTTP request was not answered in time.
    RequestTimeout {
        /// Name of its samples.
        url: Arc<str>,
    },
    /// An iteration, or the user, failed.
    Failed,
    /// The user's newest stream as it stands: bytes and media time so far.
    Stream {
        /// Which of the user's streams, counted from 0.
        number: u32,
        /// Which way it goes.
        direction: Direction,
        /// Bytes of media so far.
        bytes: u64,
        /// Media time so far, in milliseconds.
        media_ms: u64,
        /// Since its first media, without pauses, in milliseconds.
        elapsed_ms: u64,
    },
}

impl JournalLine {
    /// A line of this moment, by the wall clock.
    #[must_use]
    pub fn now(user: u64, what: JournalEvent) -> Self {
        Self {
            user,
            time_unix_ns: unix_nanos(),
            what,
        }
    }
}

/// What a machine used when it was asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MachineUse {
    /// When: nanoseconds since 1970, UTC.
    pub time_unix_ns: i64,
    /// Bytes that the run has sent so far.
    pub sent_bytes: f64,
    /// Bytes that it has received so far.
    pub received_bytes: f64,
    /// Share of the processors used over the last second: 1 is all.
    pub cpu: f64,
}

impl MachineUse {
    /// What it uses at this moment, by the wall clock.
    #[must_use]
    pub fn now(sent_bytes: f64, received_bytes: f64, cpu: f64) -> Self {
        Self {
            time_unix_ns: unix_nanos(),
            sent_bytes,
            received_bytes,
            cpu,
        }
    }
}

/// A line for each user whose stream has had a frame and is not over: of its newest player, else its newest publisher. Media
/// time of several together would be nobody's.
#[must_use]
pub fn journal_of(rows: &[StreamRow]) -> Vec<JournalLine> {
    // Before the first frame its time has not begun: a line would begin it too early.
    let has_media = |row: &&StreamRow| row.is_established() && !row.elapsed.is_zero();
    let rank = |row: &StreamRow| (row.user, row.direction == Direction::Play, row.number);
    let mut streams: Vec<&StreamRow> = rows.iter().filter(has_media).collect();
    // The best of each user first, which alone is kept.
    streams.sort_by_key(|row| std::cmp::Reverse(rank(row)));
    streams.dedup_by_key(|row| row.user);
    let time_unix_ns = unix_nanos();
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let line = |row: &StreamRow| JournalLine {
        user: row.user,
        time_unix_ns,
        what: JournalEvent::Stream {
            number: row.number,
            direction: row.direction,
            bytes: row.bytes,
            media_ms: ms(row.media),
            elapsed_ms: ms(row.elapsed),
        },
    };
    streams.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams::StreamState;
    use crate::streams::testing::row;

    #[test]
    fn a_user_is_followed_by_its_newest_player() {
        let with = |user, number, direction, state| StreamRow {
            number,
            direction,
            ..row(user, state)
        };
        let rows = [
            with(1, 0, Direction::Play, StreamState::Stalled),
            with(1, 2, Direction::Play, StreamState::Flowing),
            with(1, 3, Direction::Publish, StreamState::Flowing),
            with(1, 4, Direction::Play, StreamState::Starting),
            with(2, 0, Direction::Publish, StreamState::Flowing),
            with(3, 0, Direction::Play, StreamState::Failed),
            with(4, 0, Direction::Play, StreamState::Ended),
            StreamRow {
                elapsed: Duration::ZERO,
                ..row(5, StreamState::Flowing)
            },
        ];
        let lines: Vec<(u64, JournalEvent)> = journal_of(&rows)
            .into_iter()
            .map(|line| (line.user, line.what))
            .collect();
        let stream = |number, direction| JournalEvent::Stream {
            number,
            direction,
            bytes: 1000,
            media_ms: 2000,
            elapsed_ms: 2000,
        };
        assert_eq!(
            lines,
            [
                (2, stream(0, Direction::Publish)),
                (1, stream(2, Direction::Play)),
            ]
        );
    }
}
