//! What single users did, in order: kept only where an output follows each user (`--out stream-csv`).

use std::sync::Arc;

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
    /// An HTTP request failed: its status, or the number of its error, and its URL or name.
    RequestFailed {
        /// Status, or number of the error.
        code: u16,
        /// Name of its samples.
        url: Arc<str>,
    },
    /// An HTTP request was not answered in time.
    RequestTimeout {
        /// Name of its samples.
        url: Arc<str>,
    },
    /// An iteration, or the user, failed.
    Failed,
    /// A stream as it stands: bytes and media time so far.
    Stream {
        /// Bytes of media so far.
        bytes: u64,
        /// Media time so far, in milliseconds.
        media_ms: u64,
    },
}
