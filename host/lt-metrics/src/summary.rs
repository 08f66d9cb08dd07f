//! The end of a run as one serialisable value: what every report is made of.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::delta::{CheckDelta, GroupDelta};
use crate::failure::FailureClass;
use crate::kinds::{self, KindCount};
use crate::sample::{Kind, Unit};
use crate::sink::Sink;
use crate::threshold::{per_second, share};

/// Version of the layout of [`Summary`]: raised when a field changes its meaning or goes, not when one is added.
pub const SUMMARY_VERSION: u32 = 1;
/// 95th percentile of `start_lag` above which a run is called saturated. A tenth of a second is more than most
/// responses take, so the load was not the one asked for; scheduling noise on a busy machine stays under 20 ms.
pub const START_LAG_WARNING_MS: f64 = 100.0;

/// See the module. Times are in milliseconds, data in bytes, shares from 0 to 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// [`SUMMARY_VERSION`].
    pub version: u32,
    /// The run.
    pub state: RunState,
    /// All metrics that had a sample, by name.
    pub metrics: Vec<MetricSummary>,
    /// All checks, in the order of their first outcome.
    pub checks: Vec<CheckSummary>,
    /// Outcomes of checks that are not listed because there are too many names.
    pub checks_unlisted: u64,
    /// All groups, in the order of their first end.
    pub groups: Vec<GroupSummary>,
    /// All thresholds, in the order they were given.
    pub thresholds: Vec<ThresholdResult>,
    /// What went wrong with users, by class.
    pub failures: Vec<FailureSummary>,
    /// What a reader must know before trusting the numbers.
    pub warnings: Vec<String>,
    /// What the scenarios concluded (`log.conclude`): a line each, printed below the summary.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conclusions: Vec<String>,
}

/// What the run was. Filled in by whoever ran it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunState {
    /// Unique id of the run.
    pub run: String,
    /// Name of the scenario.
    pub scenario: String,
    /// When it started: RFC 3339, UTC.
    pub started: String,
    /// How long it took, in milliseconds.
    pub duration_ms: f64,
    /// Seed of the run, to repeat it.
    pub seed: u64,
    /// Users that were asked for.
    pub users: u64,
    /// Iterations that were cut off at the end.
    pub interrupted_iterations: u64,
    /// Exit code of the run (`DESIGN.md`, section 5).
    pub exit_code: i32,
    /// Why it ended before its time, if it did.
    pub ended_early: Option<String>,
    /// Whether the run had not ended when this was written: one that was killed leaves such a summary.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
}

/// One metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricSummary {
    /// Its name.
    pub name: String,
    /// Its kind: `counter`, `gauge`, `rate`, `trend`.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// What its values measure: `default`, `time`, `data`.
    #[serde(rename = "contains")]
    pub unit: Unit,
    /// Its values.
    pub values: Values,
    /// Of what kinds its failures, or its values, were: an object with the most frequent first. Not all metrics have kinds.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "kinds")]
    pub kinds: Vec<KindCount>,
    /// Its submetrics that had a sample.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub submetrics: Vec<SubmetricSummary>,
}

/// One submetric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubmetricSummary {
    /// Its tags: `tag:value,…`.
    pub selector: String,
    /// Its values.
    pub values: Values,
}

/// The values of a metric, with k6's names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Values {
    /// Of a trend.
    Trend(Trend),
    /// Of a rate.
    Rate {
        /// Share of values that were not zero.
        rate: f64,
        /// Values that were not zero.
        passes: u64,
        /// Values that were zero.
        fails: u64,
    },
    /// Of a gauge.
    Gauge {
        /// The last value.
        value: f64,
        /// The smallest.
        min: f64,
        /// The largest.
        max: f64,
    },
    /// Of a counter.
    Counter {
        /// Sum.
        count: f64,
        /// Sum per second of the run.
        rate: f64,
    },
}

/// The values of a trend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Trend {
    /// Average, exact.
    pub avg: f64,
    /// Smallest value, exact.
    pub min: f64,
    /// Median.
    pub med: f64,
    /// Largest value, exact.
    pub max: f64,
    /// 90th percentile.
    #[serde(rename = "p(90)")]
    pub p90: f64,
    /// 95th percentile.
    #[serde(rename = "p(95)")]
    pub p95: f64,
    /// 99th percentile.
    #[serde(rename = "p(99)")]
    pub p99: f64,
    /// Number of values.
    pub count: u64,
}

/// Outcomes of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckSummary {
    /// Path of its group; empty outside groups.
    pub group: String,
    /// Its name.
    pub name: String,
    /// How often it held.
    pub passes: u64,
    /// How often it did not.
    pub fails: u64,
}

/// Durations of one group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupSummary {
    /// Its path.
    pub path: String,
    /// How often it ended.
    pub count: u64,
    /// Average duration, in milliseconds.
    pub avg: f64,
    /// Shortest.
    pub min: f64,
    /// Longest.
    pub max: f64,
}

/// How one threshold stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThresholdResult {
    /// `metric` or `metric{tag:value}`.
    pub metric: String,
    /// `p(95)<200`.
    pub expression: String,
    /// `p(95)`.
    pub aggregate: String,
    /// The metric's kind.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// What its values measure.
    #[serde(rename = "contains")]
    pub unit: Unit,
    /// The aggregate's value; zero without samples.
    pub value: f64,
    /// How many samples it rests on.
    pub samples: u64,
    /// Whether it holds.
    pub ok: bool,
    /// Whether the run was to end if not.
    pub abort_on_fail: bool,
}

/// What went wrong in one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureSummary {
    /// In which way.
    pub class: FailureClass,
    /// How often.
    pub count: u64,
    /// The first distinct messages.
    pub messages: Vec<FailureMessage>,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureMessage {
    /// Its text, cut.
    pub text: String,
    /// How often it came.
    pub count: u64,
}

impl Summary {
    /// The metric of this name, if it had a sample.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<&MetricSummary> {
        self.metrics.iter().find(|metric| metric.name == name)
    }

    /// Whether every threshold holds.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.thresholds.iter().all(|threshold| threshold.ok)
    }
}

impl Values {
    /// The values of a metric in a run of this length.
    #[must_use]
    pub fn new(sink: &Sink, elapsed: Duration) -> Self {
        match sink {
            Sink::Counter { sum, .. } => Self::Counter {
                count: *sum,
                rate: per_second(*sum, elapsed),
            },
            Sink::Gauge {
                value, min, max, ..
            } => Self::Gauge {
                value: *value,
                min: *min,
                max: *max,
            },
            Sink::Rate { passes, total } => Self::Rate {
                rate: share(*passes, *total),
                passes: *passes,
                fails: total.saturating_sub(*passes),
            },
            Sink::Trend(trend) => Self::Trend(Trend {
                avg: trend.avg(),
                min: trend.min(),
                med: trend.percentile(50.0),
                max: trend.max(),
                p90: trend.percentile(90.0),
                p95: trend.percentile(95.0),
                p99: trend.percentile(99.0),
                count: trend.count(),
            }),
        }
    }
}

impl From<&CheckDelta> for CheckSummary {
    fn from(check: &CheckDelta) -> Self {
        Self {
            group: check.group.as_ref().to_owned(),
            name: check.name.as_ref().to_owned(),
            passes: check.passes,
            fails: check.fails,
        }
    }
}

impl From<&GroupDelta> for GroupSummary {
    fn from(group: &GroupDelta) -> Self {
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        Self {
            path: group.path.as_ref().to_owned(),
            count: group.count,
            avg: if group.count == 0 {
                0.0
            } else {
                ms(group.total) / group.count as f64
            },
            min: if group.count == 0 { 0.0 } else { ms(group.min) },
            max: ms(group.max),
        }
    }
}
