//! A distribution in bounded memory: percentiles within 0.1 %, average, minimum and maximum exact.

use std::time::Duration;

use hdrhistogram::Histogram as Buckets;

use crate::builtin::NANOS_PER_MS;
use crate::sample::Unit;

/// Significant decimal digits of a bucket: 1/2048 of the value at most between a value and its bucket's middle.
const SIGNIFICANT_DIGITS: u8 = 3;
/// Where a new histogram ends, in buckets' units: 2.1 ms, or 2.1. It grows by doubling as larger values come, so a metric
/// costs 24 KB to begin with and 250 KB only once it saw an hour.
const FIRST_HIGH: u64 = 1 << 21;
/// Largest value a bucket holds: 146 years in nanoseconds. Larger ones are counted there; maximum and sum stay exact.
const BUCKET_MAX: f64 = (1_u64 << 62) as f64;
/// Buckets of metrics that are not times count millionths, so that 0.001 still has three digits and
/// 4.6 × 10¹² still fits. Times are in nanoseconds, which are millionths of a millisecond.
const BUCKETS_PER_ONE: f64 = 1e6;

/// A mergeable distribution of values: milliseconds (kept in nanoseconds) if the unit is time, plain numbers otherwise.
/// Values may be negative; a mirrored set of buckets is made for them when the first one comes.
#[derive(Clone, Debug)]
pub struct Histogram {
    /// Whether `sum`, `min` and `max` are in nanoseconds rather than in the values' own unit.
    is_time: bool,
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
    positive: Option<Box<Buckets<u64>>>,
    negative: Option<Box<Buckets<u64>>>,
}

impl Histogram {
    /// An empty histogram. Buckets are allocated with the first value.
    #[must_use]
    pub fn new(unit: Unit) -> Self {
        Self {
            is_time: unit == Unit::Time,
            count: 0,
            sum: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            positive: None,
            negative: None,
        }
    }

    /// Add a length of time. For a metric that is not a time it counts in milliseconds.
    #[inline]
    pub fn record_time(&mut self, time: Duration) {
        if !self.is_time {
            self.record(time.as_secs_f64() * 1000.0);
            return;
        }
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.note(nanos as f64);
        self.fill(nanos);
    }

    /// Add a value, in milliseconds if it is a time. What is not a finite number is ignored.
    pub fn record(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        self.note(if self.is_time {
            value * NANOS_PER_MS
        } else {
            value
        });
        let bucket = (value.abs() * BUCKETS_PER_ONE).round().min(BUCKET_MAX) as u64;
        if value < 0.0 && bucket > 0 {
            _ = made(&mut self.negative).map(|negative| negative.record(bucket)); // fails only beyond BUCKET_MAX
        } else {
            self.fill(bucket);
        }
    }

    /// Add everything another histogram of the same metric holds.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        merge_buckets(&mut self.positive, other.positive.as_deref());
        merge_buckets(&mut self.negative, other.negative.as_deref());
    }

    /// Empty it, keeping its memory.
    pub fn clear(&mut self) {
        if self.count == 0 {
            return;
        }
        self.count = 0;
        self.sum = 0.0;
        self.min = f64::INFINITY;
        self.max = f64::NEG_INFINITY;
        for buckets in [&mut self.positive, &mut self.negative]
            .into_iter()
            .flatten()
        {
            buckets.reset();
        }
    }

    /// How many values.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The smallest value, exact; zero if there is none.
    #[must_use]
    pub fn min(&self) -> f64 {
        if self.count == 0 {
            0.0
        } else {
            self.shown(self.min)
        }
    }

    /// The largest value, exact; zero if there is none.
    #[must_use]
    pub fn max(&self) -> f64 {
        if self.count == 0 {
            0.0
        } else {
            self.shown(self.max)
        }
    }

    /// The average, exact; zero if there is none.
    #[must_use]
    pub fn avg(&self) -> f64 {
        if self.count == 0 {
            0.0
        } else {
            self.shown(self.sum / self.count as f64)
        }
    }

    /// The value below which `percent` of all values lie, 0 to 100, interpolated between neighbours as k6 does; zero
    /// if there is none.
    #[must_use]
    pub fn percentile(&self, percent: f64) -> f64 {
        if self.count == 0 {
            return 0.0;
        }
        let last = self.count - 1;
        let rank = percent.clamp(0.0, 100.0) / 100.0 * last as f64;
        let below = (rank.floor() as u64).min(last);
        let low = self.value_at(below);
        let part = rank - below as f64;
        if part <= 0.0 || below == last {
            return low;
        }
        let high = self.value_at(below + 1);
        (high - low).mul_add(part, low)
    }

    /// The buckets of the values from zero up, in nanoseconds for times and millionths otherwise: for the interval log.
    #[must_use]
    pub fn buckets(&self) -> Option<&Buckets<u64>> {
        self.positive
            .as_deref()
            .filter(|buckets| !buckets.is_empty())
    }

    /// Count a value (in nanoseconds for times) outside the buckets.
    #[inline]
    fn note(&mut self, raw: f64) {
        self.count += 1;
        self.sum += raw;
        self.min = self.min.min(raw);
        self.max = self.max.max(raw);
    }

    #[inline]
    fn fill(&mut self, bucket: u64) {
        // Fails only beyond BUCKET_MAX.
        _ = made(&mut self.positive).map(|positive| positive.record(bucket.min(BUCKET_MAX as u64)));
    }

    /// From what `sum`, `min` and `max` are kept in to what people read.
    fn shown(&self, raw: f64) -> f64 {
        if self.is_time {
            raw / NANOS_PER_MS
        } else {
            raw
        }
    }

    /// The value at a position in sorted order, counted from zero; the first and the last are exact.
    fn value_at(&self, position: u64) -> f64 {
        if position == 0 {
            return self.min();
        }
        if position + 1 >= self.count {
            return self.max();
        }
        let negatives = self.negative.as_ref().map_or(0, |negative| negative.len());
        let bucket = if position < negatives {
            // The mirrored buckets rise with the magnitude, so the smallest value comes last.
            -(self
                .negative
                .as_deref()
                .map_or(0, |mirrored| middle_at(mirrored, negatives - 1 - position))
                as f64)
        } else {
            self.positive
                .as_deref()
                .map_or(0, |positive| middle_at(positive, position - negatives)) as f64
        };
        (bucket / BUCKETS_PER_ONE).clamp(self.min(), self.max())
    }
}

/// The buckets, made when they are first needed. `None` only if the crate refused the constant bounds above.
#[inline]
fn made(slot: &mut Option<Box<Buckets<u64>>>) -> Option<&mut Buckets<u64>> {
    if slot.is_none() {
        let mut buckets = Buckets::new_with_bounds(1, FIRST_HIGH, SIGNIFICANT_DIGITS).ok()?;
        buckets.auto(true);
        *slot = Some(Box::new(buckets));
    }
    slot.as_deref_mut()
}

/// The middle of the bucket that holds the value at this position in sorted order.
fn middle_at(buckets: &Buckets<u64>, position: u64) -> u64 {
    let mut seen = 0;
    for step in buckets.iter_recorded() {
        seen += step.count_since_last_iteration();
        if seen > position {
            return buckets.median_equivalent(step.value_iterated_to());
        }
    }
    buckets.max()
}

fn merge_buckets(into: &mut Option<Box<Buckets<u64>>>, from: Option<&Buckets<u64>>) {
    let Some(from) = from.filter(|buckets| !buckets.is_empty()) else {
        return;
    };
    match into {
        // Both resize by themselves and share bounds, so adding cannot fail.
        Some(buckets) => _ = buckets.add(from),
        None => *into = Some(Box::new(from.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of many magnitudes, always the same ones.
    fn values(count: u64, lowest: f64, decades: f64) -> Vec<f64> {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        (0..count)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                lowest * 10_f64.powf(decades * (state >> 11) as f64 / (1_u64 << 53) as f64)
            })
            .collect()
    }

    fn exact(sorted: &[f64], percent: f64) -> f64 {
        let rank = percent / 100.0 * (sorted.len() - 1) as f64;
        let (low, high) = (sorted[rank.floor() as usize], sorted[rank.ceil() as usize]);
        (high - low).mul_add(rank.fract(), low)
    }

    fn assert_close(got: f64, want: f64) {
        assert!(
            (got - want).abs() <= want.abs() * 0.001,
            "{got} is not within 0.1 % of {want}"
        );
    }

    #[test]
    fn percentiles_are_within_a_thousandth_from_a_microsecond_to_an_hour() {
        let mut histogram = Histogram::new(Unit::Time);
        let mut sorted = values(20_000, 0.001, 9.5); // ms
        for value in &sorted {
            histogram.record(*value);
        }
        sorted.sort_by(f64::total_cmp);
        for percent in [0.0, 0.01, 1.0, 10.0, 50.0, 90.0, 95.0, 99.0, 99.9, 100.0] {
            assert_close(histogram.percentile(percent), exact(&sorted, percent));
        }
        let sum: f64 = sorted.iter().sum();
        assert!((histogram.avg() - sum / 20_000.0).abs() < 1e-6 * sum / 20_000.0);
        assert_eq!(histogram.min(), sorted[0] * NANOS_PER_MS / NANOS_PER_MS);
        assert_eq!(
            histogram.max(),
            sorted[19_999] * NANOS_PER_MS / NANOS_PER_MS
        );
    }

    #[test]
    fn times_are_exact_at_the_edges() {
        let mut histogram = Histogram::new(Unit::Time);
        for nanos in [1, 999, 1_234_567, 3_600_000_000_001] {
            histogram.record_time(Duration::from_nanos(nanos));
        }
        assert_eq!(histogram.min(), 1e-6);
        assert_eq!(histogram.max(), 3_600_000.000_001);
        assert_eq!(
            histogram.avg(),
            (1.0 + 999.0 + 1_234_567.0 + 3_600_000_000_001.0) / 4.0 / 1e6
        );
        assert_eq!(histogram.percentile(100.0), histogram.max());
        assert_eq!(histogram.percentile(0.0), histogram.min());
        histogram.record_time(Duration::MAX);
        assert_eq!(histogram.count(), 5);
    }

    #[test]
    fn the_median_of_two_lies_between_them_as_in_k6() {
        let mut histogram = Histogram::new(Unit::Time);
        histogram.record(10.0);
        histogram.record(20.0);
        assert_eq!(histogram.percentile(50.0), 15.0);
        histogram.record(15.0);
        assert_close(histogram.percentile(95.0), 19.5);
    }

    #[test]
    fn plain_numbers_may_be_fractions_or_negative() {
        let mut histogram = Histogram::new(Unit::None);
        let mut sorted: Vec<f64> = values(5_000, 0.01, 6.0);
        let negative: Vec<f64> = sorted.iter().map(|value| -value / 3.0).collect();
        sorted.extend(negative);
        for value in &sorted {
            histogram.record(*value);
        }
        sorted.sort_by(f64::total_cmp);
        for percent in [0.0, 5.0, 25.0, 49.0, 75.0, 95.0, 100.0] {
            assert_close(histogram.percentile(percent), exact(&sorted, percent));
        }
        assert_eq!(
            (histogram.min(), histogram.max()),
            (sorted[0], sorted[9_999])
        );
        histogram.record(f64::NAN);
        histogram.record(f64::INFINITY);
        assert_eq!(histogram.count(), 10_000);
        histogram.record(1e300);
        assert_eq!(histogram.max(), 1e300);
    }

    #[test]
    fn merging_is_as_if_all_were_recorded_in_one() {
        let all = values(9_000, 0.01, 6.0);
        let mut one = Histogram::new(Unit::Time);
        let mut merged = Histogram::new(Unit::Time);
        for part in all.chunks(1_000) {
            let mut piece = Histogram::new(Unit::Time);
            for value in part {
                one.record(*value);
                piece.record(*value);
            }
            merged.merge(&piece);
            piece.clear();
            assert_eq!(
                (piece.count(), piece.max(), piece.percentile(50.0)),
                (0, 0.0, 0.0)
            );
            merged.merge(&piece);
        }
        for percent in [1.0, 50.0, 99.0] {
            assert_eq!(one.percentile(percent), merged.percentile(percent));
        }
        assert_eq!(
            (one.count(), one.min(), one.max()),
            (merged.count(), merged.min(), merged.max())
        );
    }
}
