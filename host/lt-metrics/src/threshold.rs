//! Pass or fail expressions: k6's grammar, typed as one text.
//!
//! ```text
//! threshold  = metric [ "{" tag ":" value { "," tag ":" value } "}" ] ":" aggregate operator number [ ";abort" [ "=" delay ] ]
//! aggregate  = "count" | "rate" | "value" | "avg" | "min" | "max" | "med" | "p(" number ")"
//! operator   = "<" | "<=" | ">" | ">=" | "==" | "===" | "!="
//! ```
//!
//! The number is in milliseconds for times, a share from 0 to 1 for rates. `;abort` ends the run as soon as the
//! expression is false, `;abort=10s` not before ten seconds have passed.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use crate::registry::{Metric, Registry};
use crate::sample::{Kind, Tags};
use crate::sink::Sink;

/// One expression on one metric. Knows no registry: [`Threshold::validate`] holds it against one.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    source: String,
    metric: String,
    tags: Tags,
    aggregate: Aggregate,
    operator: Operator,
    bound: f64,
    abort_on_fail: Option<Duration>,
    expression: String,
}

/// What is asked of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Aggregate {
    /// Sum of a counter.
    Count,
    /// A counter's sum per second, or a rate's share from 0 to 1.
    Rate,
    /// Last value of a gauge.
    Value,
    /// Average of a trend.
    Avg,
    /// Smallest value of a trend.
    Min,
    /// Largest value of a trend.
    Max,
    /// Median of a trend.
    Med,
    /// A percentile of a trend, 0 to 100.
    Percentile(f64),
}

/// How the value is held against the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `==` or `===`
    Equal,
    /// `!=`
    NotEqual,
}

/// Why a text is no threshold, or not one of this run. Names the place and the remedy.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ThresholdError {
    /// The text does not follow the grammar.
    #[error("threshold \"{threshold}\", at character {at}: {problem}")]
    Syntax {
        /// The whole text.
        threshold: String,
        /// Where, counted from 1.
        at: usize,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// There is no such metric.
    #[error(
        "threshold \"{threshold}\": there is no metric {metric}{}",
        did_you_mean(nearest)
    )]
    UnknownMetric {
        /// The whole text.
        threshold: String,
        /// The name.
        metric: String,
        /// Known names that are like it.
        nearest: Vec<String>,
    },
    /// The metric's kind has no such aggregate.
    #[error("threshold \"{threshold}\": {metric} is a {kind}, which has no {aggregate}; use {}", kind.aggregates().join(", "))]
    WrongAggregate {
        /// The whole text.
        threshold: String,
        /// The metric's name.
        metric: String,
        /// Its kind.
        kind: Kind,
        /// What was asked for.
        aggregate: String,
    },
    /// More submetrics than [`SUBMETRICS_MAX`](crate::SUBMETRICS_MAX).
    #[error(
        "threshold \"{threshold}\": thresholds may select at most {} different sets of tags",
        crate::SUBMETRICS_MAX
    )]
    TooMany {
        /// The first that is too many.
        threshold: String,
    },
}

impl Threshold {
    /// The whole text, as typed.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Name of the metric, without tags.
    #[must_use]
    pub fn metric(&self) -> &str {
        &self.metric
    }

    /// Tags that samples must have; empty for the metric as a whole.
    #[must_use]
    pub fn tags(&self) -> &Tags {
        &self.tags
    }

    /// What is asked of the metric.
    #[must_use]
    pub fn aggregate(&self) -> Aggregate {
        self.aggregate
    }

    /// The expression without the metric, as k6 shows it: `p(95)<200`.
    #[must_use]
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// If the run is to end once this fails: not before this time of it has passed.
    #[must_use]
    pub fn abort_on_fail(&self) -> Option<Duration> {
        self.abort_on_fail
    }

    /// The metric as results name it: `metric` or `metric{tag:value}`, tags sorted.
    #[must_use]
    pub fn target(&self) -> String {
        if self.tags.is_empty() {
            self.metric.clone()
        } else {
            format!("{}{{{}}}", self.metric, self.tags)
        }
    }

    /// The metric this is about, if it exists and its kind has the aggregate.
    ///
    /// # Errors
    /// `UnknownMetric` and `WrongAggregate`.
    pub fn validate(&self, registry: &Registry) -> Result<Metric, ThresholdError> {
        let Some(metric) = registry.find(&self.metric) else {
            return Err(ThresholdError::UnknownMetric {
                threshold: self.source.clone(),
                metric: self.metric.clone(),
                nearest: registry.nearest(&self.metric),
            });
        };
        if self.aggregate.fits(metric.kind) {
            return Ok(metric);
        }
        Err(ThresholdError::WrongAggregate {
            threshold: self.source.clone(),
            metric: self.metric.clone(),
            kind: metric.kind,
            aggregate: self.aggregate.to_string(),
        })
    }

    /// Whether a value satisfies the expression.
    #[must_use]
    pub fn holds(&self, value: f64) -> bool {
        self.operator.holds(value, self.bound)
    }
}

impl Aggregate {
    /// Whether metrics of this kind have it.
    #[must_use]
    pub fn fits(self, kind: Kind) -> bool {
        match self {
            Self::Count => kind == Kind::Counter,
            Self::Rate => matches!(kind, Kind::Counter | Kind::Rate),
            Self::Value => kind == Kind::Gauge,
            Self::Avg | Self::Min | Self::Max | Self::Med | Self::Percentile(_) => {
                kind == Kind::Trend
            }
        }
    }

    /// Its value, in milliseconds for times; `elapsed` is the length of the run, for a counter's rate. Without a
    /// sample, and for a kind that has it not, zero.
    #[must_use]
    pub fn of(self, sink: &Sink, elapsed: Duration) -> f64 {
        match (self, sink) {
            (Self::Count, Sink::Counter { sum, .. }) => *sum,
            (Self::Rate, Sink::Counter { sum, .. }) => per_second(*sum, elapsed),
            (Self::Rate, Sink::Rate { passes, total }) => share(*passes, *total),
            (Self::Value, Sink::Gauge { value, .. }) => *value,
            (Self::Avg, Sink::Trend(trend)) => trend.avg(),
            (Self::Min, Sink::Trend(trend)) => trend.min(),
            (Self::Max, Sink::Trend(trend)) => trend.max(),
            (Self::Med, Sink::Trend(trend)) => trend.percentile(50.0),
            (Self::Percentile(percent), Sink::Trend(trend)) => trend.percentile(percent),
            _ => 0.0,
        }
    }
}

impl fmt::Display for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count => f.write_str("count"),
            Self::Rate => f.write_str("rate"),
            Self::Value => f.write_str("value"),
            Self::Avg => f.write_str("avg"),
            Self::Min => f.write_str("min"),
            Self::Max => f.write_str("max"),
            Self::Med => f.write_str("med"),
            Self::Percentile(percent) => write!(f, "p({percent})"),
        }
    }
}

impl Operator {
    /// All spellings, longest first, so that `<=` is not read as `<`.
    const SPELLINGS: [(&'static str, Self); 7] = [
        ("===", Self::Equal),
        ("==", Self::Equal),
        ("!=", Self::NotEqual),
        ("<=", Self::LessOrEqual),
        (">=", Self::GreaterOrEqual),
        ("<", Self::Less),
        (">", Self::Greater),
    ];

    #[allow(clippy::float_cmp, reason = "k6's == and != are exact too")]
    fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Self::Less => value < bound,
            Self::LessOrEqual => value <= bound,
            Self::Greater => value > bound,
            Self::GreaterOrEqual => value >= bound,
            Self::Equal => value == bound,
            Self::NotEqual => value != bound,
        }
    }
}

pub(crate) fn per_second(sum: f64, elapsed: Duration) -> f64 {
    if elapsed.is_zero() {
        0.0
    } else {
        sum / elapsed.as_secs_f64()
    }
}

pub(crate) fn share(passes: u64, total: u64) -> f64 {
    if total == 0 {
        0.0
    } else {
        passes as f64 / total as f64
    }
}

fn did_you_mean(nearest: &[String]) -> String {
    match nearest {
        [] => "; `lt-host describe` lists the metrics of a scenario".to_owned(),
        names => format!("; did you mean {}?", names.join(" or ")),
    }
}

mod parse;
#[cfg(test)]
mod tests;
