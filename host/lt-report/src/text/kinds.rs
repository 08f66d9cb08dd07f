//! The lines below a metric that say of what kinds its failures, or its values, were.

use lt_metrics::{Kind, KindCount, MetricSummary, Unit};

use super::paint::Paint;
use super::printable;
use crate::humanize::humanize;

/// Kinds shown of a metric: what fails in more than ten ways is read in `summary.json`.
const SHOWN_MAX: usize = 10;

/// A line a kind, the most frequent first.
pub(super) fn lines(metric: &MetricSummary, paint: Paint) -> Vec<String> {
    // Of other metrics it is the number of samples.
    let unit = match metric.kind {
        Kind::Counter => metric.unit,
        Kind::Gauge | Kind::Rate | Kind::Trend => Unit::None,
    };
    let line = |known: &KindCount| {
        let count = humanize(known.count, Kind::Counter, unit);
        let kind = printable(&known.kind);
        format!("      ↳  {} × {kind}", paint.cyan(&count))
    };
    let shown = metric.kinds.iter().take(SHOWN_MAX).map(line);
    let more = match metric.kinds.len().saturating_sub(SHOWN_MAX) {
        0 => None,
        1 => Some("      … and 1 more kind".to_owned()),
        more => Some(format!("      … and {more} more kinds")),
    };
    shown.chain(more).collect()
}

#[cfg(test)]
mod tests {
    use lt_metrics::Values;

    use super::*;

    fn metric(kinds: Vec<(String, f64)>) -> MetricSummary {
        MetricSummary {
            name: "data".into(),
            kind: Kind::Counter,
            unit: Unit::Data,
            values: Values::Counter {
                count: 0.0,
                rate: 0.0,
            },
            kinds: kinds
                .into_iter()
                .map(|(kind, count)| KindCount { kind, count })
                .collect(),
            submetrics: Vec::new(),
        }
    }

    #[test]
    fn the_tenth_kind_is_the_last_and_the_rest_are_numbered() {
        let some = |count: usize| metric((0..count).map(|n| (n.to_string(), 1.0)).collect());
        for (count, last) in [
            (10, "      ↳  1 B × 9"),
            (11, "      … and 1 more kind"),
            (12, "      … and 2 more kinds"),
        ] {
            let lines = lines(&some(count), Paint::new(false));
            assert_eq!(lines.len(), count.min(SHOWN_MAX + 1));
            assert_eq!(lines.last().map(String::as_str), Some(last));
        }
        assert!(lines(&some(0), Paint::new(false)).is_empty());
    }

    #[test]
    fn only_a_counter_is_counted_in_its_unit_and_no_kind_steers_the_terminal() {
        let mut metric = metric(vec![("one\n\u{1b}c".into(), 1500.0)]);
        let plain = |metric: &MetricSummary| lines(metric, Paint::new(false)).join("|");
        assert_eq!(plain(&metric), "      ↳  1.5 kB × one\u{fffd}\u{fffd}c");
        metric.kind = Kind::Trend;
        assert_eq!(plain(&metric), "      ↳  1500 × one\u{fffd}\u{fffd}c");
    }
}
