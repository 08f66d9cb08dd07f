//! Making snapshots of what was measured, and of what only the run knows.

use std::time::Duration;

use lt_metrics::{
    CheckSummary, FailureSummary, MetricSummary, Sink, Summary, ThresholdResult, Totals, Values,
    builtin,
};

use super::{
    CounterNow, DeliveriesNow, ErrorCount, FailureNow, GeneratorNow, IterationsNow, RateNow,
    RequestsNow, Snapshot, SteadyNow, StreamNow, StreamsNow, ThresholdNow, TrendNow, UsersNow,
    VersionNow,
};
use crate::samples::rfc3339_nano;
use crate::streams::{StreamsView, WorstStream};

/// Names in one map of a snapshot: the built-in metrics and some two hundred of the scenarios. Nobody charts more, and a
/// snapshot is sent each second to everybody who watches.
pub const METRICS_MAX: usize = 300;
/// Checks in a snapshot; those that failed come first. A list that long is read in the summary.
pub const CHECKS_MAX: usize = 100;
/// Kinds of errors in a snapshot, over all protocols: more than a chart has colours.
pub const ERRORS_MAX: usize = 32;
/// Messages of a class of failures: enough to know what goes wrong.
pub const FAILURE_SAMPLES_MAX: usize = 5;
/// Characters of a message, a name or a change: a few lines of a page.
pub const SAMPLE_CHARS_MAX: usize = 400;
/// Changes told in one snapshot: more in a second is a program, which reads the events.
const CHANGES_MAX: usize = 50;

/// The metrics whose kinds are errors, and how their protocol is called. `xmpp_errors` and `rtmp_errors` are left out: what
/// they count is a part of these.
const ERRORS: [(&str, &str); 8] = [
    ("http_req_failed", "http"),
    ("ws_connect_failed", "ws"),
    ("ws_session_failed", "ws"),
    ("xmpp_connect_failed", "xmpp"),
    ("xmpp_session_failed", "xmpp"),
    ("xmpp_request_failed", "xmpp"),
    ("rtmp_connect_failed", "rtmp"),
    ("rtmp_stream_failed", "rtmp"),
];

/// What only the run knows, at the moment of a snapshot.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// Nanoseconds since 1970.
    pub unix_ns: i64,
    /// `init`, `building`, `running`, `paused`, `stopping`, `terminating`, `ended`.
    pub stage: &'static str,
    /// Time since the users started.
    pub elapsed: Duration,
    /// How many users there are.
    pub users: UsersNow,
    /// Iterations that ended.
    pub iterations: u64,
    /// Iterations under way.
    pub iterations_open: u64,
    /// How the thresholds stand.
    pub thresholds: Vec<ThresholdResult>,
    /// Users for which the steady condition holds, and users that were asked for.
    pub steady: Option<(u64, u64)>,
    /// How streams stand; `None` if there are none.
    pub streams: Option<StreamsView>,
    /// The versions in use.
    pub versions: Vec<VersionNow>,
    /// What the generator uses; its share of the processors is taken from what was measured.
    pub generator: GeneratorNow,
    /// What was changed or refused since the last snapshot, without secrets.
    pub changes: Vec<String>,
}

/// Makes the snapshots of one run: numbers them, and knows where the last interval ended.
#[derive(Clone, Debug, Default)]
pub struct Snapshots {
    seq: u64,
    until: Duration,
}

impl Snapshots {
    /// The next one. `summary` is everything measured so far ([`Totals::summary`]), `interval` what came since the last
    /// snapshot. Once a second: it costs about what the summary does.
    #[must_use]
    pub fn next(&mut self, standing: Standing, summary: &Summary, interval: &Totals) -> Snapshot {
        let length = standing.elapsed.saturating_sub(self.until);
        self.until = standing.elapsed;
        self.seq += 1;
        let span = Interval {
            totals: interval,
            seconds: length.as_secs_f64(),
        };
        let mut snapshot = Snapshot {
            seq: self.seq,
            time: rfc3339_nano(standing.unix_ns - standing.unix_ns.rem_euclid(NANOS_PER_MS)),
            unix_ms: standing.unix_ns.div_euclid(NANOS_PER_MS),
            elapsed_ms: milliseconds(standing.elapsed),
            interval_ms: milliseconds(length),
            stage: standing.stage.to_owned(),
            users: standing.users,
            iterations: IterationsNow {
                completed: standing.iterations,
                open: standing.iterations_open,
                dropped: counted(summary, "dropped_iterations"),
                rate: span.rate(builtin::ITERATIONS),
            },
            requests: requests(summary, &span),
            trends: span.trends(),
            errors: errors(summary),
            failures: summary.failures.iter().map(failure).collect(),
            checks: checks(&summary.checks),
            thresholds: standing.thresholds.iter().map(threshold).collect(),
            steady: standing
                .steady
                .map(|(users, asked)| SteadyNow { users, asked }),
            streams: standing.streams.as_ref().map(streams),
            deliveries: deliveries(summary, &span),
            versions: standing.versions,
            generator: standing.generator,
            changes: standing
                .changes
                .iter()
                .take(CHANGES_MAX)
                .map(|text| cut(text))
                .collect(),
            warnings: summary.warnings.clone(),
            ..Snapshot::default()
        };
        for metric in summary.metrics.iter().take(METRICS_MAX) {
            snapshot.add(metric, &span);
        }
        if let Some(share) = snapshot.gauges.get("generator_cpu") {
            snapshot.generator.cpu_share = *share;
        }
        snapshot
    }
}

const NANOS_PER_MS: i64 = 1_000_000;

/// What came since the last snapshot.
struct Interval<'a> {
    totals: &'a Totals,
    seconds: f64,
}

impl Interval<'_> {
    fn rate(&self, metric: lt_metrics::MetricId) -> f64 {
        self.per_second(self.totals.count(metric))
    }

    fn per_second(&self, count: f64) -> f64 {
        if self.seconds > 0.0 {
            finite(count / self.seconds)
        } else {
            0.0
        }
    }

    /// What a counter of this name grew by, a second.
    fn rate_of(&self, name: &str) -> f64 {
        let known = self.totals.registry().find(name);
        known.map_or(0.0, |metric| self.rate(metric.id))
    }

    fn trends(&self) -> std::collections::BTreeMap<String, TrendNow> {
        let all = self.totals.registry().all();
        let trends = all
            .iter()
            .filter_map(|metric| match self.totals.sink(metric.id) {
                Some(Sink::Trend(trend)) => Some((
                    metric.name.as_ref().to_owned(),
                    TrendNow {
                        count: trend.count(),
                        avg: finite(trend.avg()),
                        p50: finite(trend.percentile(50.0)),
                        p95: finite(trend.percentile(95.0)),
                        p99: finite(trend.percentile(99.0)),
                        max: finite(trend.max()),
                        contains: metric.unit,
                    },
                )),
                _ => None,
            });
        trends.take(METRICS_MAX).collect()
    }
}

impl Snapshot {
    /// A metric that is told as it stands since the start.
    fn add(&mut self, metric: &MetricSummary, span: &Interval<'_>) {
        let name = || metric.name.clone();
        match &metric.values {
            Values::Counter { count, .. } => {
                let counter = CounterNow {
                    total: finite(*count),
                    rate: span.rate_of(&metric.name),
                    contains: metric.unit,
                };
                self.counters.insert(name(), counter);
            }
            Values::Gauge { value, .. } => {
                self.gauges.insert(name(), finite(*value));
            }
            Values::Rate {
                rate,
                passes,
                fails,
            } => {
                let rate = RateNow {
                    share: finite(*rate),
                    passes: *passes,
                    fails: *fails,
                };
                self.rates.insert(name(), rate);
            }
            // Trends are told of the interval.
            Values::Trend(_) => {}
        }
    }
}

fn requests(summary: &Summary, span: &Interval<'_>) -> Option<RequestsNow> {
    let metric = summary.metric("http_reqs")?;
    let (failed, failed_share) = match summary.metric("http_req_failed").map(|m| &m.values) {
        Some(Values::Rate { rate, passes, .. }) => (*passes, finite(*rate)),
        _ => (0, 0.0),
    };
    Some(RequestsNow {
        completed: whole(&metric.values),
        rate: span.rate(builtin::HTTP_REQS),
        failed,
        failed_share,
    })
}

/// The kinds of all errors, the most frequent first.
fn errors(summary: &Summary) -> Vec<ErrorCount> {
    let mut errors: Vec<ErrorCount> = ERRORS
        .iter()
        .filter_map(|(name, protocol)| Some((summary.metric(name)?, protocol)))
        .flat_map(|(metric, protocol)| {
            metric.kinds.iter().map(move |kind| ErrorCount {
                code: cut(&format!("{protocol} {}", kind.kind)),
                count: count(kind.count),
            })
        })
        .collect();
    // The sort is stable: equally frequent ones stay in the order of their protocols.
    errors.sort_by_key(|error| std::cmp::Reverse(error.count));
    errors.truncate(ERRORS_MAX);
    errors
}

fn failure(failure: &FailureSummary) -> FailureNow {
    let messages = failure.messages.iter().take(FAILURE_SAMPLES_MAX);
    FailureNow {
        class: failure.class.name().to_owned(),
        count: failure.count,
        samples: messages.map(|message| cut(&message.text)).collect(),
    }
}

/// Those that failed come first, else in their order.
fn checks(checks: &[CheckSummary]) -> Vec<CheckSummary> {
    let (failed, held): (Vec<_>, Vec<_>) = checks.iter().partition(|check| check.fails > 0);
    let all = failed.into_iter().chain(held).take(CHECKS_MAX);
    all.map(|check| CheckSummary {
        group: cut(&check.group),
        name: cut(&check.name),
        ..*check
    })
    .collect()
}

fn threshold(result: &ThresholdResult) -> ThresholdNow {
    ThresholdNow {
        source: format!("{}:{}", result.metric, result.expression),
        ok: result.ok,
        value: finite(result.value),
    }
}

fn streams(view: &StreamsView) -> StreamsNow {
    StreamsNow {
        asked: view.counts.asked,
        established: view.counts.established(),
        playing: view.counts.playing,
        publishing: view.counts.publishing,
        lagged: view.counts.lagged,
        stalled: view.counts.stalled,
        failed: view.counts.failed,
        kbps: finite(view.received.kbps + view.sent.kbps),
        worst: view.worst.iter().map(stream).collect(),
    }
}

fn stream(worst: &WorstStream) -> StreamNow {
    StreamNow {
        user: cut(&worst.user),
        name: cut(&worst.name),
        direction: worst.direction.name().to_owned(),
        state: worst.state.name().to_owned(),
        lagged: worst.lagged,
        lag_ms: milliseconds(worst.lag),
        kbps: finite(worst.kbps),
    }
}

fn deliveries(summary: &Summary, span: &Interval<'_>) -> Option<DeliveriesNow> {
    let (sent, received) = (
        counted(summary, "delivery_sent"),
        counted(summary, "delivery_received"),
    );
    if sent + received == 0 {
        return None;
    }
    let (lost, excused) = (
        counted(summary, "delivery_lost"),
        counted(summary, "delivery_excused"),
    );
    let percentile = |percent| {
        let found = span.totals.percentile(builtin::DELIVERY_TIME, percent);
        found.map(finite)
    };
    Some(DeliveriesNow {
        sent,
        received,
        lost,
        excused,
        outstanding: sent.saturating_sub(received + lost + excused),
        p50: percentile(50.0),
        p95: percentile(95.0),
        p99: percentile(99.0),
    })
}

fn counted(summary: &Summary, name: &str) -> u64 {
    let known = summary.metric(name);
    known.map_or(0, |metric| whole(&metric.values))
}

fn whole(values: &Values) -> u64 {
    match values {
        Values::Counter { count: sum, .. } => count(*sum),
        Values::Rate { .. } | Values::Gauge { .. } | Values::Trend(_) => 0,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of a float saturates, and a count is never negative"
)]
fn count(sum: f64) -> u64 {
    sum as u64
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// JSON has no other numbers: a scenario may have recorded one that is none.
pub(super) fn finite(number: f64) -> f64 {
    if number.is_finite() { number } else { 0.0 }
}

/// At most [`SAMPLE_CHARS_MAX`] characters.
fn cut(text: &str) -> String {
    match text.char_indices().nth(SAMPLE_CHARS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)),
    }
}
