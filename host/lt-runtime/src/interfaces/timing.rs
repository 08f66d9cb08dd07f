//! `lt:scenario/timing`: clocks and waiting.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{Instant, sleep_until};
use wasmtime::component::Resource;
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};

use crate::bindings::timing::{Host, WallTime};
use crate::interfaces::View;
use crate::trace::{traced, traced_async};

/// Granularity of tokio's timer wheel.
const RESOLUTION: Duration = Duration::from_millis(1);
/// Sleeps beyond this are cut to it: tokio's timers reach some two years.
pub(crate) const SLEEP_MAX: Duration = Duration::from_secs(365 * 24 * 3600);

/// Where the guests' monotonic clock begins: one for the process, so that all users of a host agree.
fn epoch() -> Instant {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    *EPOCH.get_or_init(Instant::now)
}

/// An instant as the guest sees it.
pub(crate) fn to_guest(when: Instant) -> u64 {
    // One is added so that zero is never a time that has been: a guest may use it as "none".
    nanos(when.saturating_duration_since(epoch())).saturating_add(1)
}

/// A guest's instant as ours, at most [`SLEEP_MAX`] ahead.
pub(crate) fn from_guest(when: u64) -> Instant {
    let ahead = Duration::from_nanos(when.saturating_sub(1));
    let furthest = Instant::now() + SLEEP_MAX;
    epoch()
        .checked_add(ahead)
        .map_or(furthest, |instant| instant.min(furthest))
}

/// A guest's length of time, of which no sum overflows.
pub(crate) fn duration(nanos: u64) -> Duration {
    Duration::from_nanos(nanos).min(SLEEP_MAX)
}

/// Whole nanoseconds, saturating after 584 years.
pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A pollable's resource: ready from an instant on.
struct Deadline(Instant);

#[wasmtime_wasi::async_trait]
impl Pollable for Deadline {
    async fn ready(&mut self) {
        sleep_until(self.0).await;
    }
}

impl Host for View<'_> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        traced!(self, "timing.now", (), { Ok(to_guest(Instant::now())) })
    }

    fn wall_clock(&mut self) -> wasmtime::Result<WallTime> {
        traced!(self, "timing.wall-clock", (), {
            let now = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            Ok(WallTime {
                seconds: now.as_secs(),
                nanoseconds: now.subsec_nanos(),
            })
        })
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        traced!(self, "timing.resolution", (), { Ok(nanos(RESOLUTION)) })
    }

    async fn sleep(&mut self, duration: u64) -> wasmtime::Result<()> {
        traced_async!(self, "timing.sleep", (duration), {
            if duration == 0 {
                tokio::task::yield_now().await;
            } else {
                tokio::time::sleep(Duration::from_nanos(duration).min(SLEEP_MAX)).await;
            }
            Ok(())
        })
    }

    async fn sleep_until(&mut self, when: u64) -> wasmtime::Result<()> {
        traced_async!(self, "timing.sleep-until", (when), {
            sleep_until(from_guest(when)).await;
            Ok(())
        })
    }

    fn subscribe(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        traced!(self, "timing.subscribe", (when), {
            let deadline = self.0.table.push(Deadline(from_guest(when)))?;
            subscribe(&mut self.0.table, deadline)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_survive_the_way_to_the_guest_and_back() {
        let _begun = epoch();
        let now = Instant::now();
        assert_eq!(from_guest(to_guest(now)), now);
        assert!(from_guest(u64::MAX) <= Instant::now() + SLEEP_MAX);
        assert!(to_guest(now) > 0);
    }
}
