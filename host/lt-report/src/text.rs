//! The summary at the end of a run, as k6 shows it: same sections, names, columns and marks, so that its users can read it
//! at once. What k6 does not know, failures of users and warnings, follows in sections of its own.

mod kinds;
mod options;
mod paint;
mod table;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use lt_metrics::builtin::BUILTINS;
use lt_metrics::{CheckSummary, Kind, MetricSummary, Summary, ThresholdResult, Unit, Values};

use crate::humanize::{humanize, humanize_duration, humanize_rate};
use crate::threshold_text::value_text;
pub use options::{Detail, TextOptions, TrendStat};
use paint::Paint;
use table::{Cells, Row, Table};

/// Metrics that a compact summary shows; the full one shows all. A metric with a threshold is always shown, and so are those of
/// WebSockets, XMPP and RTMP: a run that has any is about them.
const COMPACT: [&str; 20] = [
    "http_req_duration",
    "http_req_failed",
    "http_reqs",
    "delivery_time",
    "delivery_sent",
    "delivery_received",
    "delivery_lost",
    "delivery_duplicates",
    "delivery_excused",
    "throttle_wait",
    "meeting_wait",
    "steady_users",
    "dropped_iterations",
    "iteration_duration",
    "iterations",
    "start_lag",
    "vus",
    "vus_max",
    "data_received",
    "data_sent",
];
/// Metrics that other parts of the summary tell better.
const TOLD_ELSEWHERE: [&str; 2] = ["checks", "user_failures"];
/// How far the two ways to measure an iteration must lie apart for the compact summary to show the second, as a share:
/// less is noise, more means that iterations waited to begin.
const INTENDED_DIFFERENCE_MIN: f64 = 0.01;

/// The whole summary, ending in a line break.
#[must_use]
pub fn text_summary(summary: &Summary, options: &TextOptions) -> String {
    let paint = Paint::new(options.colors);
    let mut blocks: Vec<Vec<String>> = Vec::new();
    if !summary.thresholds.is_empty() {
        blocks.push(title("THRESHOLDS", paint));
        blocks.extend(threshold_blocks(summary, paint));
    }
    blocks.push(title("TOTAL RESULTS", paint));
    blocks.extend(check_blocks(summary, paint));
    blocks.extend(metric_blocks(summary, options, paint));
    if options.detail == Detail::Full && !summary.groups.is_empty() {
        blocks.push(title("GROUPS", paint));
        blocks.push(group_lines(summary, paint));
    }
    if !summary.failures.is_empty() {
        blocks.push(title("USER FAILURES", paint));
        blocks.push(failure_lines(summary, paint));
    }
    if !summary.warnings.is_empty() {
        blocks.push(title("WARNINGS", paint));
        blocks.push(
            summary
                .warnings
                .iter()
                .map(|text| format!("    {}", paint.yellow(&format!("! {text}"))))
                .collect(),
        );
    }
    let mut text = String::new();
    for block in blocks.iter().filter(|block| !block.is_empty()) {
        text.push('\n');
        for line in block {
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    text
}

/// What the scenarios concluded, a line each: it goes below the summary, where programs find it at the end. Empty if they
/// concluded nothing.
#[must_use]
pub fn conclusions(summary: &Summary) -> String {
    let lines = summary.conclusions.iter();
    lines.map(|line| format!("{}\n", printable(line))).collect()
}

fn title(text: &str, paint: Paint) -> Vec<String> {
    vec![format!("  █ {}", paint.bold(text))]
}

/// A block a metric: its name, and a line a threshold.
fn threshold_blocks(summary: &Summary, paint: Paint) -> Vec<Vec<String>> {
    let mut by_metric: BTreeMap<&str, Vec<&ThresholdResult>> = BTreeMap::new();
    for threshold in &summary.thresholds {
        by_metric
            .entry(&threshold.metric)
            .or_default()
            .push(threshold);
    }
    by_metric
        .into_iter()
        .map(|(metric, thresholds)| {
            let lines = thresholds.into_iter().map(|threshold| {
                let value = value_text(threshold);
                let (name, number) = value.split_once('=').unwrap_or((&value, ""));
                let mark = paint.mark(threshold.ok);
                format!(
                    "    {mark} '{}' {name}={}",
                    threshold.expression,
                    paint.cyan(number)
                )
            });
            std::iter::once(format!("    {metric}"))
                .chain(lines)
                .collect()
        })
        .collect()
}

/// The three totals, and a line or two a check.
fn check_blocks(summary: &Summary, paint: Paint) -> Vec<Vec<String>> {
    let Some(Values::Rate { passes, fails, .. }) =
        summary.metric("checks").map(|metric| &metric.values)
    else {
        return Vec::new();
    };
    let total = passes + fails;
    let seconds = summary.state.duration_ms / 1000.0;
    let per_second = if seconds > 0.0 {
        total as f64 / seconds
    } else {
        0.0
    };
    let row = |name: &str, value: String, extra: String| {
        Row::new(
            name,
            Cells::Other {
                value,
                extras: vec![extra],
            },
        )
    };
    let part = |count: u64| {
        humanize_rate(if total == 0 {
            0.0
        } else {
            count as f64 / total as f64
        })
    };
    let rows = [
        row(
            "checks_total",
            total.to_string(),
            format!("{}/s", humanize(per_second, Kind::Counter, Unit::None)),
        ),
        row(
            "checks_succeeded",
            part(*passes),
            format!("{passes} out of {total}"),
        ),
        row(
            "checks_failed",
            part(*fails),
            format!("{fails} out of {total}"),
        ),
    ];
    let table = Table::new(rows.iter());
    let totals = rows.iter().map(|row| table.line(row, paint)).collect();
    vec![
        totals,
        summary
            .checks
            .iter()
            .flat_map(|check| check_lines(check, paint))
            .collect(),
    ]
}

fn check_lines(check: &CheckSummary, paint: Paint) -> Vec<String> {
    let name = printable(&check.name);
    if check.fails == 0 {
        return vec![format!("    {}", paint.green(&format!("✓ {name}")))];
    }
    let percent = 100 * check.passes / (check.passes + check.fails);
    let outcome = format!("↳  {percent}% — ✓ {} / ✗ {}", check.passes, check.fails);
    vec![
        format!("    {}", paint.red(&format!("✗ {name}"))),
        format!("      {}", paint.red(&outcome)),
    ]
}

/// A block a category, all in the same columns.
fn metric_blocks(summary: &Summary, options: &TextOptions, paint: Paint) -> Vec<Vec<String>> {
    // Each with the lines below it that keep to no column.
    let mut rows: BTreeMap<Category, Vec<(Row, Vec<String>)>> = BTreeMap::new();
    for metric in summary
        .metrics
        .iter()
        .filter(|metric| is_shown(metric, summary, options.detail))
    {
        let of_category = rows.entry(Category::of(&metric.name)).or_default();
        let row = Row::new(&metric.name, cells(&metric.values, metric.unit, options));
        of_category.push((row, kinds::lines(metric, paint)));
        for submetric in &metric.submetrics {
            let name = format!("{{ {} }}", submetric.selector);
            let row = Row::nested(&name, cells(&submetric.values, metric.unit, options));
            of_category.push((row, Vec::new()));
        }
    }
    let table = Table::new(rows.values().flatten().map(|(row, _)| row));
    rows.iter()
        .map(|(category, rows)| {
            let head = format!("    {}", paint.bold(category.name()));
            let lines = rows.iter().flat_map(|(row, below)| {
                std::iter::once(table.line(row, paint)).chain(below.iter().cloned())
            });
            std::iter::once(head).chain(lines).collect()
        })
        .collect()
}

fn is_shown(metric: &MetricSummary, summary: &Summary, detail: Detail) -> bool {
    let name = metric.name.as_str();
    if TOLD_ELSEWHERE.contains(&name) {
        return false;
    }
    let is_always = matches!(
        Category::of(name),
        Category::Custom | Category::Websocket | Category::Xmpp | Category::Rtmp
    );
    let is_judged = summary
        .thresholds
        .iter()
        .any(|threshold| threshold.metric.split('{').next() == Some(name));
    let is_telling = name == "iteration_duration_intended" && iterations_waited(summary);
    detail == Detail::Full || is_always || is_judged || is_telling || COMPACT.contains(&name)
}

/// Whether iterations took noticeably longer from their intended start than from their actual one.
fn iterations_waited(summary: &Summary) -> bool {
    let average = |name: &str| match &summary.metric(name)?.values {
        Values::Trend(trend) => Some(trend.avg),
        Values::Rate { .. } | Values::Gauge { .. } | Values::Counter { .. } => None,
    };
    match (
        average("iteration_duration"),
        average("iteration_duration_intended"),
    ) {
        (Some(actual), Some(intended)) => intended > actual * (1.0 + INTENDED_DIFFERENCE_MIN),
        _ => false,
    }
}

fn cells(values: &Values, unit: Unit, options: &TextOptions) -> Cells {
    match values {
        Values::Trend(trend) => Cells::Trend(
            options
                .trend_stats
                .iter()
                .map(|stat| (stat.name(), stat.text(trend, unit)))
                .collect(),
        ),
        Values::Rate {
            rate,
            passes,
            fails,
        } => Cells::Other {
            value: humanize_rate(*rate),
            extras: vec![format!("{passes} out of {}", passes + fails)],
        },
        Values::Gauge { value, min, max } => {
            let show = |number: f64| humanize(number, Kind::Gauge, unit);
            Cells::Other {
                value: show(*value),
                extras: vec![format!("min={}", show(*min)), format!("max={}", show(*max))],
            }
        }
        Values::Counter { count, rate } => {
            let show = |number: f64| humanize(number, Kind::Counter, unit);
            Cells::Other {
                value: show(*count),
                extras: vec![format!("{}/s", show(*rate))],
            }
        }
    }
}

fn group_lines(summary: &Summary, paint: Paint) -> Vec<String> {
    let row = |group: &lt_metrics::GroupSummary| {
        let mut columns = vec![("count", group.count.to_string())];
        let times = [("avg", group.avg), ("min", group.min), ("max", group.max)];
        columns.extend(times.map(|(name, ms)| (name, humanize_duration(ms))));
        Row::new(&printable(&group.path), Cells::Trend(columns))
    };
    let rows: Vec<Row> = summary.groups.iter().map(row).collect();
    let table = Table::new(rows.iter());
    rows.iter().map(|row| table.line(row, paint)).collect()
}

/// A line a class, and one a sampled message.
fn failure_lines(summary: &Summary, paint: Paint) -> Vec<String> {
    let row = |class: &str, count: u64| {
        Row::new(
            class,
            Cells::Other {
                value: count.to_string(),
                extras: Vec::new(),
            },
        )
    };
    let rows: Vec<Row> = summary
        .failures
        .iter()
        .map(|failure| row(failure.class.name(), failure.count))
        .collect();
    let table = Table::new(rows.iter());
    let mut lines = Vec::new();
    for (failure, row) in summary.failures.iter().zip(&rows) {
        lines.push(table.line(row, paint));
        for message in &failure.messages {
            let mut parts = message.text.lines().map(printable);
            let first = parts.next().unwrap_or_default();
            lines.push(format!(
                "      {}",
                paint.red(&format!("↳  {} × {first}", message.count))
            ));
            lines.extend(parts.map(|part| format!("           {part}")));
        }
    }
    lines
}

/// Without control characters: names and messages come from a scenario, which must not steer the reader's terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|character| {
            if character.is_control() {
                '\u{fffd}'
            } else {
                character
            }
        })
        .collect()
}

/// Part of the results, in the order they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Category {
    Custom,
    Http,
    Coordination,
    Execution,
    Network,
    Websocket,
    Xmpp,
    Rtmp,
}

impl Category {
    /// Only built-in metrics have another category than custom, whatever their name begins with.
    fn of(metric: &str) -> Self {
        if !BUILTINS.iter().any(|builtin| builtin.name == metric) {
            return Self::Custom;
        }
        match metric {
            "data_sent" | "data_received" => Self::Network,
            "throttle_wait" | "meeting_wait" => Self::Coordination,
            _ if metric.starts_with("delivery_") => Self::Coordination,
            _ if metric.starts_with("http_") => Self::Http,
            _ if metric.starts_with("ws_") => Self::Websocket,
            _ if metric.starts_with("xmpp_") => Self::Xmpp,
            _ if metric.starts_with("rtmp_") => Self::Rtmp,
            _ => Self::Execution,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Custom => "CUSTOM",
            Self::Http => "HTTP",
            Self::Coordination => "COORDINATION",
            Self::Execution => "EXECUTION",
            Self::Network => "NETWORK",
            Self::Websocket => "WEBSOCKET",
            Self::Xmpp => "XMPP",
            Self::Rtmp => "RTMP",
        }
    }
}
