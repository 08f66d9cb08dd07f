//! What a reader may choose about the summary.

use std::str::FromStr;

use lt_metrics::{Kind, Trend, Unit};

use crate::humanize::humanize;

/// How a summary is shown.
#[derive(Clone, Debug)]
pub struct TextOptions {
    /// Whether to use ANSI colours; the caller knows whether a terminal wants them.
    pub colors: bool,
    /// How much to show.
    pub detail: Detail,
    /// Columns of trends, in this order.
    pub trend_stats: Vec<TrendStat>,
}

impl Default for TextOptions {
    /// Compact, without colours, with k6's columns and `p(99)`.
    fn default() -> Self {
        use TrendStat::{Avg, Max, Med, Min, P90, P95, P99};
        Self {
            colors: false,
            detail: Detail::Compact,
            trend_stats: vec![Avg, Min, Med, Max, P90, P95, P99],
        }
    }
}

/// How much a summary shows (k6's `--summary-mode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// What most readers want.
    Compact,
    /// Every metric and the groups.
    Full,
}

/// A column of trends (k6's `--summary-trend-stats`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrendStat {
    /// Average.
    Avg,
    /// Smallest value.
    Min,
    /// Median.
    Med,
    /// Largest value.
    Max,
    /// 90th percentile.
    P90,
    /// 95th percentile.
    P95,
    /// 99th percentile.
    P99,
    /// Number of values.
    Count,
}

impl TrendStat {
    const ALL: [Self; 8] = [
        Self::Avg,
        Self::Min,
        Self::Med,
        Self::Max,
        Self::P90,
        Self::P95,
        Self::P99,
        Self::Count,
    ];

    /// The name that is typed and shown.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Med => "med",
            Self::Max => "max",
            Self::P90 => "p(90)",
            Self::P95 => "p(95)",
            Self::P99 => "p(99)",
            Self::Count => "count",
        }
    }

    pub(super) fn text(self, trend: &Trend, unit: Unit) -> String {
        let value = match self {
            Self::Avg => trend.avg,
            Self::Min => trend.min,
            Self::Med => trend.med,
            Self::Max => trend.max,
            Self::P90 => trend.p90,
            Self::P95 => trend.p95,
            Self::P99 => trend.p99,
            Self::Count => return trend.count.to_string(),
        };
        humanize(value, Kind::Trend, unit)
    }
}

impl FromStr for TrendStat {
    type Err = String;

    /// The error lists what there is.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|stat| stat.name() == text.trim())
            .ok_or_else(|| {
                let names: Vec<&str> = Self::ALL.iter().map(|stat| stat.name()).collect();
                format!(
                    "\"{}\" is not a column of trends; use {}",
                    text.trim(),
                    names.join(", ")
                )
            })
    }
}
