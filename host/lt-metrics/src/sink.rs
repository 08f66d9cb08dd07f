//! What a metric's values add up to: one small state a kind.

use std::time::Duration;

use crate::histogram::Histogram;
use crate::sample::{Kind, Unit};

/// The state of one metric or submetric.
#[derive(Clone, Debug)]
pub enum Sink {
    /// A sum.
    Counter {
        /// The sum of all values.
        sum: f64,
        /// How many values.
        count: u64,
    },
    /// The last value.
    Gauge {
        /// The last value.
        value: f64,
        /// The smallest.
        min: f64,
        /// The largest.
        max: f64,
        /// How many values.
        count: u64,
    },
    /// A share.
    Rate {
        /// Values that were not zero.
        passes: u64,
        /// All values.
        total: u64,
    },
    /// A distribution.
    Trend(Histogram),
}

impl Sink {
    /// The state before the first value.
    #[must_use]
    pub fn new(kind: Kind, unit: Unit) -> Self {
        match kind {
            Kind::Counter => Self::Counter { sum: 0.0, count: 0 },
            Kind::Gauge => Self::Gauge {
                value: 0.0,
                min: 0.0,
                max: 0.0,
                count: 0,
            },
            Kind::Rate => Self::Rate {
                passes: 0,
                total: 0,
            },
            Kind::Trend => Self::Trend(Histogram::new(unit)),
        }
    }

    /// Take a value, in milliseconds if it is a time. What is not a finite number is ignored.
    #[inline]
    pub fn record(&mut self, added: f64) {
        if !added.is_finite() {
            return;
        }
        match self {
            Self::Counter { sum, count } => {
                *sum += added;
                *count += 1;
            }
            Self::Gauge {
                value,
                min,
                max,
                count,
            } => {
                *value = added;
                *min = if *count == 0 { added } else { min.min(added) };
                *max = if *count == 0 { added } else { max.max(added) };
                *count += 1;
            }
            Self::Rate { passes, total } => {
                *passes += u64::from(added != 0.0);
                *total += 1;
            }
            Self::Trend(histogram) => histogram.record(added),
        }
    }

    /// Take a length of time: without floating point where the metric is a trend of times.
    #[inline]
    pub fn record_time(&mut self, time: Duration) {
        match self {
            Self::Trend(histogram) => histogram.record_time(time),
            Self::Counter { .. } | Self::Gauge { .. } | Self::Rate { .. } => {
                self.record(time.as_secs_f64() * 1000.0)
            }
        }
    }

    /// Add what another sink of the same metric holds; it is taken to be the later one. Sinks of another kind are ignored.
    pub fn merge(&mut self, later: &Self) {
        match (self, later) {
            (
                Self::Counter { sum, count },
                Self::Counter {
                    sum: more,
                    count: times,
                },
            ) => {
                *sum += more;
                *count += times;
            }
            (
                Self::Gauge {
                    value,
                    min,
                    max,
                    count,
                },
                Self::Gauge {
                    value: last,
                    min: low,
                    max: high,
                    count: times,
                },
            ) => {
                if *times > 0 {
                    *value = *last;
                    *min = if *count == 0 { *low } else { min.min(*low) };
                    *max = if *count == 0 { *high } else { max.max(*high) };
                    *count += times;
                }
            }
            (
                Self::Rate { passes, total },
                Self::Rate {
                    passes: more,
                    total: times,
                },
            ) => {
                *passes += more;
                *total += times;
            }
            (Self::Trend(histogram), Self::Trend(other)) => histogram.merge(other),
            (Self::Counter { .. } | Self::Gauge { .. } | Self::Rate { .. } | Self::Trend(_), _) => {
            }
        }
    }

    /// Forget all values, keeping memory.
    pub fn clear(&mut self) {
        match self {
            Self::Counter { sum, count } => (*sum, *count) = (0.0, 0),
            Self::Gauge {
                value,
                min,
                max,
                count,
            } => (*value, *min, *max, *count) = (0.0, 0.0, 0.0, 0),
            Self::Rate { passes, total } => (*passes, *total) = (0, 0),
            Self::Trend(histogram) => histogram.clear(),
        }
    }

    /// How many values it took.
    #[must_use]
    pub fn count(&self) -> u64 {
        match self {
            Self::Counter { count, .. } | Self::Gauge { count, .. } => *count,
            Self::Rate { total, .. } => *total,
            Self::Trend(histogram) => histogram.count(),
        }
    }

    /// Whether it took none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_keeps_the_last_value_through_a_merge() {
        let mut early = Sink::new(Kind::Gauge, Unit::None);
        let mut late = Sink::new(Kind::Gauge, Unit::None);
        early.record(5.0);
        early.merge(&late);
        late.record(-2.0);
        late.record(3.0);
        early.merge(&late);
        assert!(
            matches!(early, Sink::Gauge { value, min, max, count: 3 } if (value, min, max) == (3.0, -2.0, 5.0))
        );
    }

    #[test]
    fn counters_add_and_rates_count_what_is_not_zero() {
        let mut counter = Sink::new(Kind::Counter, Unit::Data);
        counter.record(2.5);
        counter.record(f64::NAN);
        counter.record_time(Duration::from_millis(3));
        assert!(matches!(counter, Sink::Counter { sum, count: 2 } if sum == 5.5));
        let mut rate = Sink::new(Kind::Rate, Unit::None);
        for value in [0.0, 1.0, 7.0, 0.0, 0.0] {
            rate.record(value);
        }
        rate.merge(&counter); // another kind: ignored
        assert!(matches!(
            rate,
            Sink::Rate {
                passes: 2,
                total: 5
            }
        ));
        rate.clear();
        assert!(rate.is_empty());
    }
}
