//! Clocks and waiting. A sleeping user costs its host a few kilobytes and no CPU.

mod backoff;
mod timetable;

use std::ops::{Add, AddAssign, Sub};

use crate::bindings::lt::scenario::timing as host;
use crate::runtime::{Pollable, Wait};

pub use backoff::Backoff;
pub(crate) use backoff::until_connected;
pub use timetable::Timetable;

/// A length of time: the standard one. The contract counts nanoseconds in 64 bits, some 584 years; longer is cut to that.
///
/// ```
/// use lt_sdk::timing::Duration;
///
/// assert_eq!(Duration::from_millis(1500).as_secs_f64(), 1.5);
/// ```
pub use core::time::Duration;

/// Whole nanoseconds, as the contract counts.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A reading of the host's monotonic clock. It compares only with readings in the same host process: never store it in
/// `init`'s state, never send it away.
///
/// Arithmetic stops at the ends of the clock instead of failing.
///
/// ```
/// use lt_sdk::timing::{Duration, Instant};
///
/// let start = Instant::from_nanos(1_000);
/// let end = start + Duration::from_nanos(500);
/// assert_eq!(end - start, Duration::from_nanos(500));
/// assert_eq!(start - end, Duration::ZERO);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The instant of a reading in nanoseconds, as another interface of the contract gave it.
    ///
    /// ```
    /// assert_eq!(lt_sdk::timing::Instant::from_nanos(7).as_nanos(), 7);
    /// ```
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The reading in nanoseconds.
    ///
    /// ```
    /// assert_eq!(lt_sdk::timing::Instant::from_nanos(7).as_nanos(), 7);
    /// ```
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Time since an earlier instant; zero if that was later.
    ///
    /// ```
    /// use lt_sdk::timing::{Duration, Instant};
    ///
    /// let took = Instant::from_nanos(9).duration_since(Instant::from_nanos(4));
    /// assert_eq!(took, Duration::from_nanos(5));
    /// ```
    #[must_use]
    pub const fn duration_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// Time from this instant to now.
    ///
    /// ```no_run
    /// let start = lt_sdk::timing::now();
    /// let took = start.elapsed();
    /// ```
    #[must_use]
    pub fn elapsed(self) -> Duration {
        now().duration_since(self)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(duration)))
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.duration_since(earlier)
    }
}

/// Read the monotonic clock.
///
/// ```no_run
/// use lt_sdk::timing;
///
/// let start = timing::now();
/// // …
/// let took = start.elapsed();
/// ```
#[must_use]
pub fn now() -> Instant {
    Instant(host::now())
}

/// Time since 1970-01-01T00:00:00Z: for stamps that other machines can read, unsuitable for measuring.
///
/// ```no_run
/// let sent_at_ms = lt_sdk::timing::wall_clock().as_millis();
/// ```
#[must_use]
pub fn wall_clock() -> Duration {
    let time = host::wall_clock();
    Duration::new(time.seconds, time.nanoseconds)
}

/// Granularity of waiting: a sleep ends up to this much after its time, plus scheduling delay, and never before.
///
/// ```no_run
/// let coarse = lt_sdk::timing::resolution() > lt_sdk::timing::Duration::from_millis(10);
/// ```
#[must_use]
pub fn resolution() -> Duration {
    Duration::from_nanos(host::resolution())
}

/// Wait for a length of time. Zero lets others run and returns.
///
/// ```no_run
/// use lt_sdk::timing::{self, Duration};
///
/// timing::sleep(Duration::from_secs(2));
/// ```
pub fn sleep(duration: Duration) {
    host::sleep(nanos(duration));
}

/// Wait until a point in time; returns at once if it has passed.
///
/// ```no_run
/// use lt_sdk::timing::{self, Duration};
///
/// // A beat that does not drift: each second counts from the last, not from when the work was done.
/// let mut beat = timing::now();
/// for _ in 0..10 {
///     beat += Duration::from_secs(1);
///     timing::sleep_until(beat);
/// }
/// ```
pub fn sleep_until(when: Instant) {
    host::sleep_until(when.0);
}

/// Like [`sleep`], for `async` code: others that are joined or raced with it go on meanwhile.
///
/// ```no_run
/// # use lt_sdk::timing::{self, Duration};
/// # async fn pause() {
/// timing::sleep_async(Duration::from_secs(2)).await;
/// # }
/// ```
pub fn sleep_async(duration: Duration) -> Wait {
    sleep_until_async(now() + duration)
}

/// Like [`sleep_until`], for `async` code.
///
/// ```no_run
/// # use lt_sdk::timing::{self, Duration};
/// # async fn pause() {
/// timing::sleep_until_async(timing::now() + Duration::from_secs(2)).await;
/// # }
/// ```
pub fn sleep_until_async(when: Instant) -> Wait {
    Wait::on(Pollable::from_host(host::subscribe(when.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_stops_at_the_ends_of_the_clock() {
        let late = Instant::from_nanos(u64::MAX);
        assert_eq!(late + Duration::from_secs(1), late);
        assert_eq!(
            Instant::from_nanos(5) - Duration::from_secs(1),
            Instant::from_nanos(0)
        );
        assert_eq!(nanos(Duration::MAX), u64::MAX);
    }
}
