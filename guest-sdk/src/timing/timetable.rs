//! Events at times that a user has in its day.

use super::{Duration, Instant, Wait, now, sleep_until, sleep_until_async};
use crate::rand::Rng;

/// A number of events, one each interval, from an offset drawn below one interval: users who start together do not act together.
///
/// Times count from the start, not from the event before: one that is late runs at once, and so do the others that are due by
/// then, until the timetable is kept again.
///
/// ```no_run
/// use lt_sdk::prelude::*;
/// use lt_sdk::timing::Timetable;
///
/// # fn read_the_news() -> Result<()> { Ok(()) }
/// # fn iterate(it: Iteration) -> Result<()> {
/// let mut day = Timetable::new(24, Duration::from_secs(60), &mut it.rng());
/// while day.wait().is_some() {
///     read_the_news()?;
/// }
/// # Ok(())
/// # }
/// ```
///
/// Several of them make one day: ask each for its [`due`](Self::due) time and [`wait`](Self::wait) for the earliest.
#[derive(Clone, Debug)]
pub struct Timetable {
    first: Instant,
    interval: Duration,
    count: u32,
    taken: u32,
}

impl Timetable {
    /// This many events, from now on.
    ///
    /// ```no_run
    /// # use lt_sdk::{prelude::*, timing::Timetable};
    /// # fn iterate(it: Iteration) {
    /// let messages = Timetable::new(10, Duration::from_secs(5), &mut it.rng());
    /// # }
    /// ```
    #[must_use]
    pub fn new(count: u32, interval: Duration, rng: &mut Rng) -> Self {
        Self::starting(now(), count, interval, rng)
    }

    /// This many events, from a point in time on.
    ///
    /// ```
    /// use lt_sdk::{rand::Rng, timing::{Duration, Instant, Timetable}};
    ///
    /// let start = Instant::from_nanos(0);
    /// let mut day = Timetable::starting(start, 2, Duration::from_secs(1), &mut Rng::new(7));
    /// let first = day.take().unwrap();
    /// assert!(first - start < Duration::from_secs(1));
    /// assert_eq!(day.take(), Some(first + Duration::from_secs(1)));
    /// assert_eq!(day.take(), None);
    /// ```
    #[must_use]
    pub fn starting(start: Instant, count: u32, interval: Duration, rng: &mut Rng) -> Self {
        Self {
            first: start + rng.think_time(Duration::ZERO..interval),
            interval,
            count,
            taken: 0,
        }
    }

    /// When the next event is due, perhaps in the past; `None` behind the last.
    ///
    /// ```no_run
    /// # fn earlier(a: &lt_sdk::timing::Timetable, b: &lt_sdk::timing::Timetable) -> bool {
    /// a.due().is_some_and(|a| b.due().is_none_or(|b| a <= b))
    /// # }
    /// ```
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        (self.taken < self.count).then(|| self.first + self.interval.saturating_mul(self.taken))
    }

    /// Take the next event without waiting: when it is due.
    ///
    /// ```no_run
    /// # fn skip(day: &mut lt_sdk::timing::Timetable) {
    /// while day.due().is_some_and(|due| due < lt_sdk::timing::now()) {
    ///     day.take();
    /// }
    /// # }
    /// ```
    pub fn take(&mut self) -> Option<Instant> {
        let due = self.due()?;
        self.taken += 1;
        Some(due)
    }

    /// Wait for the next event: when it was due, so that `elapsed` tells how late it runs; `None` behind the last.
    ///
    /// ```no_run
    /// # fn act() {}
    /// # fn live(day: &mut lt_sdk::timing::Timetable) {
    /// while let Some(due) = day.wait() {
    ///     lt_sdk::log::debug!("{:?} late", due.elapsed());
    ///     act();
    /// }
    /// # }
    /// ```
    pub fn wait(&mut self) -> Option<Instant> {
        let due = self.take()?;
        sleep_until(due);
        Some(due)
    }

    /// Something to await until the next event is due; [`take`](Self::take) it then. `None` behind the last.
    ///
    /// ```no_run
    /// # use lt_sdk::{coordination, prelude::*};
    /// # fn act() {}
    /// # async fn live(day: &mut lt_sdk::timing::Timetable) -> Result<()> {
    /// while let Some(next) = day.wait_async() {
    ///     select! {
    ///         () = next => { day.take(); act() },
    ///         message = coordination::receive_async() => drop(message?),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn wait_async(&self) -> Option<Wait> {
        self.due().map(sleep_until_async)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn events_keep_their_distance_from_an_offset_below_one_interval() {
        let start = Instant::from_nanos(5_000);
        let mut offsets = Vec::new();
        for seed in 0..100 {
            let mut table = Timetable::starting(start, 3, SECOND, &mut Rng::new(seed));
            let times: Vec<_> = std::iter::from_fn(|| table.take()).collect();
            let [first, second, third] = times.as_slice() else {
                panic!("three events were planned: {times:?}");
            };
            assert!(*first >= start && *first - start < SECOND);
            assert_eq!((*second - *first, *third - *second), (SECOND, SECOND));
            offsets.push(*first - start);
        }
        assert!(offsets.iter().any(|offset| *offset < SECOND / 4));
        assert!(offsets.iter().any(|offset| *offset > SECOND * 3 / 4));
    }

    #[test]
    fn what_is_due_is_not_taken_by_asking() {
        let mut table = Timetable::starting(Instant::from_nanos(0), 1, SECOND, &mut Rng::new(1));
        let due = table.due();
        assert!(due.is_some());
        assert_eq!(table.take(), due);
        assert_eq!((table.due(), table.take()), (None, None));
    }

    #[test]
    fn events_without_an_interval_are_all_due_at_once() {
        let start = Instant::from_nanos(9);
        let mut table = Timetable::starting(start, 2, Duration::ZERO, &mut Rng::new(1));
        assert_eq!((table.take(), table.take()), (Some(start), Some(start)));
    }
}
