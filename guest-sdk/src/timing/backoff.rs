//! Trying again, later each time.

use super::{Duration, Wait, sleep, sleep_async};
use crate::rand::Rng;

/// Pauses between attempts: each is drawn between nothing and a bound that doubles from attempt to attempt ("full jitter"), so
/// that users who failed together do not come back together.
///
/// ```no_run
/// use lt_sdk::prelude::*;
/// use lt_sdk::timing::Backoff;
///
/// # fn iterate(it: Iteration) -> Result<()> {
/// let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10), it.rng());
/// let page = backoff.retry(5, || http::get("http://127.0.0.1:8080/").send()?.error_for_status())?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Backoff {
    base: Duration,
    bound: Duration,
    longest: Duration,
    rng: Rng,
}

impl Backoff {
    /// The first pause is at most `base`, and none is longer than `longest`.
    ///
    /// ```
    /// use lt_sdk::{rand::Rng, timing::{Backoff, Duration}};
    ///
    /// let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10), Rng::new(7));
    /// assert!(backoff.pause() <= Duration::from_millis(100));
    /// assert!(backoff.pause() <= Duration::from_millis(200));
    /// ```
    #[must_use]
    pub fn new(base: Duration, longest: Duration, rng: Rng) -> Self {
        Self {
            base,
            bound: base.min(longest),
            longest,
            rng,
        }
    }

    /// How long to pause before the next attempt.
    ///
    /// ```no_run
    /// # fn later(backoff: &mut lt_sdk::timing::Backoff) {
    /// let pause = backoff.pause();
    /// # }
    /// ```
    pub fn pause(&mut self) -> Duration {
        let bound = self.bound;
        self.bound = bound.saturating_mul(2).min(self.longest);
        self.rng
            .think_time(Duration::ZERO..bound.saturating_add(Duration::from_nanos(1)))
    }

    /// Pause before the next attempt.
    ///
    /// ```no_run
    /// # fn connect() -> bool { true }
    /// # fn later(backoff: &mut lt_sdk::timing::Backoff) {
    /// while !connect() {
    ///     backoff.wait();
    /// }
    /// backoff.reset();
    /// # }
    /// ```
    pub fn wait(&mut self) {
        sleep(self.pause());
    }

    /// Like [`wait`](Self::wait), for `async` code.
    ///
    /// ```no_run
    /// # async fn later(backoff: &mut lt_sdk::timing::Backoff) {
    /// backoff.wait_async().await;
    /// # }
    /// ```
    pub fn wait_async(&mut self) -> Wait {
        sleep_async(self.pause())
    }

    /// Begin anew with the shortest pauses, once an attempt went well.
    ///
    /// ```no_run
    /// # fn connected(backoff: &mut lt_sdk::timing::Backoff) {
    /// backoff.reset();
    /// # }
    /// ```
    pub fn reset(&mut self) {
        self.bound = self.base.min(self.longest);
    }

    /// Do something until it goes well, at most this many times and at least once, with pauses between. It gives up early when
    /// this user is asked to end.
    ///
    /// # Errors
    /// The last attempt's.
    ///
    /// ```no_run
    /// # use lt_sdk::prelude::*;
    /// # fn login(backoff: &mut lt_sdk::timing::Backoff) -> Result<()> {
    /// let page = backoff.retry(3, || http::get("http://127.0.0.1:8080/").send())?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn retry<T, E>(
        &mut self,
        attempts: u32,
        mut attempt: impl FnMut() -> Result<T, E>,
    ) -> Result<T, E> {
        let mut left = attempts;
        loop {
            left = left.saturating_sub(1);
            match attempt() {
                Err(_) if left > 0 && !crate::user::should_stop() => self.wait(),
                result => {
                    self.reset();
                    return result;
                }
            }
        }
    }
}

/// The longest pause in which nobody looks whether the user is asked to end.
const LOOK_STOPPING: Duration = Duration::from_secs(1);

/// Pause, try, pause longer, until it goes well, or fails in a way that another attempt would not change; `stopping` when the user is asked
/// to end.
pub(crate) fn until_connected<T, E>(
    backoff: &mut Backoff,
    mut connect: impl FnMut() -> Result<T, E>,
    is_lasting: fn(&E) -> bool,
    stopping: E,
) -> Result<T, E> {
    loop {
        if !pause_unless_stopping(backoff.pause()) {
            return Err(stopping);
        }
        match connect() {
            Ok(connected) => {
                backoff.reset();
                return Ok(connected);
            }
            Err(error) if is_lasting(&error) => return Err(error),
            Err(_) => {}
        }
    }
}

/// Sleep; false, and at once, when the user is asked to end.
fn pause_unless_stopping(mut left: Duration) -> bool {
    loop {
        if crate::user::should_stop() {
            return false;
        }
        if left.is_zero() {
            return true;
        }
        let step = left.min(LOOK_STOPPING);
        sleep(step);
        left -= step;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_double_up_to_the_longest_and_pauses_fill_them() {
        let ms = Duration::from_millis;
        let mut largest = [Duration::ZERO; 5];
        for seed in 0..500 {
            let mut backoff = Backoff::new(ms(100), ms(500), Rng::new(seed));
            for (largest, bound) in largest.iter_mut().zip([100, 200, 400, 500, 500]) {
                let pause = backoff.pause();
                assert!(pause <= ms(bound), "{pause:?} of {bound} ms");
                *largest = pause.max(*largest);
            }
        }
        let filled = largest.iter().zip([90, 180, 360, 450, 450]);
        assert!(
            filled
                .into_iter()
                .all(|(largest, least)| *largest > ms(least)),
            "{largest:?}"
        );
    }

    #[test]
    fn it_begins_anew_when_asked_and_repeats_itself_under_one_seed() {
        let second = Duration::from_secs(1);
        let mut backoff = Backoff::new(second, 100 * second, Rng::new(7));
        let mut same = backoff.clone();
        for _ in 0..5 {
            assert_eq!(backoff.pause(), same.pause());
        }
        backoff.reset();
        assert!(backoff.pause() <= second);
    }

    #[test]
    fn an_attempt_that_goes_well_and_the_last_one_are_not_followed_by_a_pause() {
        // A pause would call the host, which is not there in this test.
        let mut backoff = Backoff::new(Duration::MAX, Duration::MAX, Rng::new(7));
        assert_eq!(backoff.retry(5, || Ok::<_, ()>(1)), Ok(1));
        assert_eq!(backoff.retry(1, || Err::<(), _>(2)), Err(2));
        assert_eq!(backoff.retry(0, || Err::<(), _>(3)), Err(3));
    }
}
