//! Moments as the API writes them.

use std::time::{Duration, SystemTime};

/// Nanoseconds since 1970 as RFC 3339, UTC, to the millisecond.
pub(crate) fn rfc3339(unix_ns: i64) -> String {
    let since = Duration::from_nanos(u64::try_from(unix_ns).unwrap_or(0));
    humantime::format_rfc3339_millis(SystemTime::UNIX_EPOCH + since).to_string()
}

/// Milliseconds of a length of time.
pub(crate) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
