//! How a run stands at one moment, as one serialisable value: what is streamed to pages and terminals once a second, kept in
//! `snapshots.jsonl`, and drawn in `report.html`.
//!
//! A snapshot is bounded whatever the run does ([`Snapshots`] cuts), and reading one is lenient: fields that are not there are
//! empty and fields that nobody knows are passed over, so that a page reads the recordings of older and newer hosts.

mod build;
mod lines;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use lt_metrics::{CheckSummary, Unit};
use serde::{Deserialize, Serialize};

pub use build::{
    CHECKS_MAX, ERRORS_MAX, FAILURE_SAMPLES_MAX, METRICS_MAX, SAMPLE_CHARS_MAX, Snapshots, Standing,
};
pub use lines::{SnapshotLog, read_snapshots};

/// See the module. Times are in milliseconds, data in bytes, shares from 0 to 1, rates a second.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Snapshot {
    /// Its number in the run, from 1: nothing is missing between two that follow each other.
    pub seq: u64,
    /// When it was made: RFC 3339, UTC.
    pub time: String,
    /// The same in milliseconds since 1970.
    pub unix_ms: i64,
    /// Time since the users started.
    pub elapsed_ms: u64,
    /// How long the interval was that the rates and trends are of.
    pub interval_ms: u64,
    /// `init`, `building`, `running`, `paused`, `stopping`, `terminating`, `ended`.
    pub stage: String,
    /// How many users there are.
    pub users: UsersNow,
    /// Iterations since the start.
    pub iterations: IterationsNow,
    /// HTTP requests since the start; `None` if there was none.
    pub requests: Option<RequestsNow>,
    /// Trends that had samples in the interval, of these samples.
    pub trends: BTreeMap<String, TrendNow>,
    /// Counters since the start.
    pub counters: BTreeMap<String, CounterNow>,
    /// Gauges, as they are now.
    pub gauges: BTreeMap<String, f64>,
    /// Rates since the start.
    pub rates: BTreeMap<String, RateNow>,
    /// What failed over each protocol since the start, by kind, the most frequent first.
    pub errors: Vec<ErrorCount>,
    /// Users and iterations that failed since the start, by class.
    pub failures: Vec<FailureNow>,
    /// Checks since the start.
    pub checks: Vec<CheckSummary>,
    /// Thresholds, in the order they were given.
    pub thresholds: Vec<ThresholdNow>,
    /// How near the steady state is; `None` without the rule.
    pub steady: Option<SteadyNow>,
    /// How media streams stand; `None` if there are none.
    pub streams: Option<StreamsNow>,
    /// What became of deliveries since the start; `None` if none was expected.
    pub deliveries: Option<DeliveriesNow>,
    /// The versions of each scenario that users run or ran.
    pub versions: Vec<VersionNow>,
    /// What the generator itself uses.
    pub generator: GeneratorNow,
    /// What was changed, or refused, since the snapshot before.
    pub changes: Vec<String>,
    /// What a reader must know before trusting the numbers.
    pub warnings: Vec<String>,
}

/// Users at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UsersNow {
    /// Between join and leave.
    pub active: u64,
    /// That there may be at a time, as last changed.
    pub planned: u64,
    /// Built so far.
    pub built: u64,
}

/// Iterations since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IterationsNow {
    /// Those that ended.
    pub completed: u64,
    /// Those under way.
    pub open: u64,
    /// Those that no user was free for.
    pub dropped: u64,
    /// Those that ended in the interval, a second.
    pub rate: f64,
}

/// HTTP requests since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RequestsNow {
    /// Those that ended.
    pub completed: u64,
    /// Those that ended in the interval, a second.
    pub rate: f64,
    /// Those that failed.
    pub failed: u64,
    /// The share of all that failed.
    pub failed_share: f64,
}

/// A trend over one interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TrendNow {
    /// Samples.
    pub count: u64,
    /// Average, exact.
    pub avg: f64,
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Largest value, exact.
    pub max: f64,
    /// What its values measure.
    pub contains: Unit,
}

/// A counter since the start.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CounterNow {
    /// Its sum.
    pub total: f64,
    /// What was added in the interval, a second.
    pub rate: f64,
    /// What its values measure.
    pub contains: Unit,
}

impl Default for TrendNow {
    fn default() -> Self {
        Self {
            count: 0,
            avg: 0.0,
            p50: 0.0,
            p95: 0.0,
            p99: 0.0,
            max: 0.0,
            contains: Unit::None,
        }
    }
}

impl Default for CounterNow {
    fn default() -> Self {
        Self {
            total: 0.0,
            rate: 0.0,
            contains: Unit::None,
        }
    }
}

/// A rate since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RateNow {
    /// The share of its values that were not zero.
    pub share: f64,
    /// Values that were not zero.
    pub passes: u64,
    /// Values that were zero.
    pub fails: u64,
}

/// How often something failed in one way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ErrorCount {
    /// The protocol and the kind, in the summary's words: `http 1212`, `ws reset 1006`.
    pub code: String,
    /// How often.
    pub count: u64,
}

/// What went wrong with users in one way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FailureNow {
    /// `panic`, `trap`, `timeout` and the like.
    pub class: String,
    /// How often.
    pub count: u64,
    /// A few of the messages.
    pub samples: Vec<String>,
}

/// How a threshold stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ThresholdNow {
    /// As it was given: `http_req_duration:p(95)<200`.
    pub source: String,
    /// Whether it holds.
    pub ok: bool,
    /// What it compares; zero without samples.
    pub value: f64,
}

/// How near the steady state is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SteadyNow {
    /// Users for which the condition holds.
    pub users: u64,
    /// Users that were asked for.
    pub asked: u64,
}

/// How media streams stand.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StreamsNow {
    /// All that were asked for and not ended by this side.
    pub asked: u64,
    /// Those that have had media and have not failed.
    pub established: u64,
    /// Those that are played and whose media flows.
    pub playing: u64,
    /// Those that are published and whose media flows.
    pub publishing: u64,
    /// Those whose media is too late.
    pub lagged: u64,
    /// Those that had media and have none now.
    pub stalled: u64,
    /// Those that did not start, or ended badly.
    pub failed: u64,
    /// What all carry together, either way, in kbit/s.
    pub kbps: f64,
    /// Those that stand worst, the worst first: a few.
    pub worst: Vec<StreamNow>,
}

/// A stream by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StreamNow {
    /// Whose it is.
    pub user: String,
    /// Its name.
    pub name: String,
    /// `play` or `publish`.
    pub direction: String,
    /// `starting`, `flowing`, `stalled`, `failed`, `ended`.
    pub state: String,
    /// Whether it is too far behind.
    pub lagged: bool,
    /// How far it is behind.
    pub lag_ms: u64,
    /// Media over the last second, in kbit/s.
    pub kbps: f64,
}

/// What became of deliveries since the start; the times are those of the interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeliveriesNow {
    /// Expected.
    pub sent: u64,
    /// Come.
    pub received: u64,
    /// Not come in time.
    pub lost: u64,
    /// Whose recipient left.
    pub excused: u64,
    /// Still on their way.
    pub outstanding: u64,
    /// Median time from sending to receiving; `None` if nothing came in the interval.
    pub p50: Option<f64>,
    /// 95th percentile.
    pub p95: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
}

/// A version of a scenario in the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VersionNow {
    /// The scenario's name in the run.
    pub part: String,
    /// `0.1.0+3f2a91bc`.
    pub label: String,
    /// The share of users that are to run it.
    pub share: f64,
    /// Users that run it.
    pub users: u64,
    /// Iterations it ended.
    pub iterations: u64,
    /// Iterations and users of it that failed.
    pub failures: u64,
    /// Users whose `join` it failed.
    pub joins_failed: u64,
    /// Whether new users take it.
    pub current: bool,
}

/// What the generator uses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GeneratorNow {
    /// Share of the processors it may use that the process used in the last second.
    pub cpu_share: f64,
    /// Descriptors the process has open.
    pub descriptors: u64,
    /// Memory of the process; zero if the system does not tell.
    pub resident_bytes: u64,
    /// What it is short of, so that the numbers cannot be trusted; `None` if nothing.
    pub saturated: Option<String>,
}

/// At most `most` of them, evenly apart, the first and the last kept: a long run in as many points as a chart has pixels. Each
/// speaks of its own second, so a peak between two that are kept is in the summary only.
#[must_use]
pub fn thin<T>(snapshots: Vec<T>, most: usize) -> Vec<T> {
    let count = snapshots.len();
    if count <= most {
        return snapshots;
    }
    let last = count - 1;
    // Of one, the newest is worth most.
    let mut wanted = (0..most)
        .map(|step| match most {
            1 => last,
            _ => step * last / (most - 1),
        })
        .peekable();
    let indexed = snapshots.into_iter().enumerate();
    indexed
        .filter_map(|(index, snapshot)| wanted.next_if_eq(&index).map(|_| snapshot))
        .collect()
}
