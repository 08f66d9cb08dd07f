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
    /// Whether every value was a whole number, not counting times: so are the percentiles then, wherever in its bucket a value lay.
    whole: bool,
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
            whole: unit != Unit::Time,
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
        if self.is_time {
            self.note(value * NANOS_PER_MS);
        } else {
            self.whole &= value.fract() == 0.0;
            self.note(value);
        }
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
        self.whole &= other.whole;
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
        self.whole = !self.is_time;
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
        let value = bucket / BUCKETS_PER_ONE;
        let value = if self.whole { value.round() } else { value };
        value.clamp(self.min(), self.max())
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
mod tests;
