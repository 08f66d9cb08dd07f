//! Random numbers that a run with the same seed repeats.
//!
//! SplitMix64 (Steele, Lea, Flood 2014): eight bytes of state, a few instructions, passes BigCrush. Enough to pace and to
//! pick; not for secrets.

use std::ops::Range;

use crate::timing::{Duration, nanos};

/// What SplitMix64 adds to its state in each step: 2^64 divided by the golden ratio, odd.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// A generator of random numbers. [`user::rng`](crate::user::rng) and [`Iteration::rng`](crate::Iteration::rng) seed one for the
/// present iteration, so that a repeated run repeats it whatever the iterations before did.
///
/// ```
/// use lt_sdk::rand::Rng;
///
/// let mut rng = Rng::new(42);
/// assert_eq!(rng.below(1000), Rng::new(42).below(1000));
/// ```
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// A generator whose numbers follow from this seed.
    ///
    /// ```
    /// let mut rng = lt_sdk::rand::Rng::new(7);
    /// ```
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The generator of one iteration of the user with this seed.
    ///
    /// ```
    /// use lt_sdk::rand::Rng;
    ///
    /// let (mut first, mut second) = (Rng::for_iteration(7, 0), Rng::for_iteration(7, 1));
    /// assert_ne!(first.next_u64(), second.next_u64());
    /// ```
    #[must_use]
    pub const fn for_iteration(user_seed: u64, iteration: u64) -> Self {
        // Mixed, since neighbouring states of one sequence would give iterations that repeat each other's numbers.
        Self(mix(user_seed ^ mix(iteration.wrapping_add(GAMMA))))
    }

    /// 64 random bits.
    ///
    /// ```
    /// let order_id = lt_sdk::rand::Rng::new(7).next_u64();
    /// ```
    pub const fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        mix(self.0)
    }

    /// A whole number below `end`; 0 if `end` is 0. Every number is as likely to within one in 2^64.
    ///
    /// ```
    /// let page = lt_sdk::rand::Rng::new(7).below(100);
    /// assert!(page < 100);
    /// ```
    pub const fn below(&mut self, end: u64) -> u64 {
        // Multiply and keep the upper half (Lemire 2019): no division, no loop.
        ((self.next_u64() as u128 * end as u128) >> 64) as u64
    }

    /// A whole number from a range; its start if the range is empty.
    ///
    /// ```
    /// let size = lt_sdk::rand::Rng::new(7).range(1..4);
    /// assert!((1..4).contains(&size));
    /// ```
    pub const fn range(&mut self, range: Range<u64>) -> u64 {
        range
            .start
            .wrapping_add(self.below(range.end.saturating_sub(range.start)))
    }

    /// A number from 0 up to, but not including, 1.
    ///
    /// ```
    /// let share = lt_sdk::rand::Rng::new(7).unit();
    /// assert!((0.0..1.0).contains(&share));
    /// ```
    pub fn unit(&mut self) -> f64 {
        // 53 bits fill a double's mantissa exactly.
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True with this probability: never at 0, always at 1.
    ///
    /// ```
    /// # fn write_a_review() {}
    /// if lt_sdk::rand::Rng::new(7).chance(0.1) {
    ///     write_a_review(); // one user in ten does
    /// }
    /// ```
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// One of these; `None` if there are none.
    ///
    /// ```
    /// let word = lt_sdk::rand::Rng::new(7).pick(&["hello", "hi", "hey"]);
    /// assert!(word.is_some());
    /// ```
    pub const fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        if items.is_empty() {
            return None;
        }
        Some(&items[self.below(items.len() as u64) as usize])
    }

    /// A length of time from a range, evenly spread: how long a person looks at a page.
    ///
    /// ```no_run
    /// use lt_sdk::prelude::*;
    ///
    /// let mut rng = user::rng();
    /// timing::sleep(rng.think_time(Duration::from_secs(1)..Duration::from_secs(5)));
    /// ```
    pub fn think_time(&mut self, range: Range<Duration>) -> Duration {
        Duration::from_nanos(self.range(nanos(range.start)..nanos(range.end)))
    }

    /// A waiting time of this mean, exponentially spread: what lies between events that do not know of each other.
    ///
    /// ```no_run
    /// use lt_sdk::prelude::*;
    ///
    /// timing::sleep(user::rng().exponential(Duration::from_secs(2)));
    /// ```
    pub fn exponential(&mut self, mean: Duration) -> Duration {
        // 1 - unit() is never zero, so that the logarithm is finite: at most 36.8 times the mean.
        let factor = -(1.0 - self.unit()).ln();
        Duration::try_from_secs_f64(mean.as_secs_f64() * factor).unwrap_or(Duration::MAX)
    }
}

const fn mix(state: u64) -> u64 {
    let mut z = state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_splitmix64s() {
        // The first values for seed 1234567 of the reference implementation (Vigna).
        let mut rng = Rng::new(1_234_567);
        assert_eq!(rng.next_u64(), 6_457_827_717_110_365_317);
        assert_eq!(rng.next_u64(), 3_203_168_211_198_807_973);
        assert_eq!(rng.next_u64(), 9_817_491_932_198_370_423);
    }

    #[test]
    fn every_value_of_a_range_comes_up_about_as_often() {
        let mut rng = Rng::for_iteration(1, 2);
        let mut counts = [0_u32; 10];
        for _ in 0..100_000 {
            counts[rng.range(5..15) as usize - 5] += 1;
        }
        assert!(
            counts.iter().all(|count| (9_500..10_500).contains(count)),
            "{counts:?}"
        );
    }

    #[test]
    fn edges() {
        let mut rng = Rng::new(1);
        assert_eq!(rng.below(0), 0);
        assert_eq!(rng.range(7..7), 7);
        let (start, end) = (9, 7);
        assert_eq!(rng.range(start..end), 9);
        assert_eq!(rng.pick::<u8>(&[]), None);
        assert!((0..1000).all(|_| rng.chance(1.0) && !rng.chance(0.0)));
        let second = Duration::from_secs(1);
        assert!(
            (0..1000).all(|_| (second..2 * second).contains(&rng.think_time(second..2 * second)))
        );
    }

    #[test]
    fn exponential_waits_have_their_mean() {
        let mut rng = Rng::new(3);
        let total: Duration = (0..100_000)
            .map(|_| rng.exponential(Duration::from_millis(10)))
            .sum();
        assert!((980..1020).contains(&total.as_secs()), "{total:?}");
    }

    #[test]
    fn users_and_iterations_differ() {
        let mut firsts: Vec<_> = (0..100)
            .flat_map(|user| (0..100).map(move |it| Rng::for_iteration(user, it).next_u64()))
            .collect();
        firsts.sort_unstable();
        firsts.dedup();
        assert_eq!(firsts.len(), 10_000);
    }
}
