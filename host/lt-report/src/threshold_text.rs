//! A threshold's value as text, for the terminal and for reports.

use lt_metrics::{Kind, ThresholdResult};

use crate::humanize::{humanize, humanize_rate};

/// `p(95)=148.21ms`, `rate=0.00%`, `rate=6.56109/s`.
pub(crate) fn value_text(threshold: &ThresholdResult) -> String {
    let (aggregate, value) = (threshold.aggregate.as_str(), threshold.value);
    match (threshold.kind, aggregate) {
        (Kind::Rate, _) => format!("{aggregate}={}", humanize_rate(value)),
        (Kind::Counter, "rate") => format!(
            "{aggregate}={}/s",
            humanize(value, threshold.kind, threshold.unit)
        ),
        _ => format!(
            "{aggregate}={}",
            humanize(value, threshold.kind, threshold.unit)
        ),
    }
}
