//! Iterations that arrive at a constant rate, of a scenario that does nothing: whether all start, and how late.

use lt_tests::guests::guest;
use lt_tests::temp::TempDir;
use serde_json::{Value, json};

use super::median;
use crate::child::{figure, lt_host, measured, summary};
use crate::plan::Plan;
use crate::table::{Row, Table, Verdict};

/// Arrivals a second.
const RATE: u64 = 5000;
/// Users made before the start: those of a tenth of a second, since a machine that does other work stops a core for as long.
const USERS: u64 = 500;
/// Milliseconds that 99 of 100 may start late at most.
const LAG_P99_MS_MAX: f64 = 2.0;

/// What one run came to.
struct Round {
    started: u64,
    dropped: u64,
    lag_median_ms: f64,
    lag_p99_ms: f64,
    lag_max_ms: f64,
    cpu_us: f64,
}

/// Measure.
pub(super) fn measure(plan: &Plan, table: &mut Table) {
    let rounds: Vec<Round> = (0..plan.lone_rounds).map(|_| round(plan)).collect();
    let of = |value: fn(&Round) -> f64| median(rounds.iter().map(value).collect());
    let wanted = RATE * plan.arrival_time.as_secs();
    let started = rounds.iter().map(|round| round.started).min().unwrap_or(0);
    let dropped: u64 = rounds.iter().map(|round| round.dropped).sum();
    let lag = of(|round| round.lag_p99_ms);
    let punctual = Verdict::at_most(lag, LAG_P99_MS_MAX);
    table.add(Row {
        what: "constant arrivals",
        target: format!("{wanted} started, 0 dropped, p99 of the lag under {LAG_P99_MS_MAX} ms"),
        figure: format!(
            "{started} started, {dropped} dropped, lag p99 {lag:.2} ms (median {:.2}, most {:.1}), {:.1} µs CPU each, {RATE}/s",
            of(|round| round.lag_median_ms),
            of(|round| round.lag_max_ms),
            of(|round| round.cpu_us),
        ),
        value: lag,
        verdict: if started == wanted && dropped == 0 { punctual } else { Verdict::Short },
        details: rounds.iter().map(listed).collect(),
    });
}

fn round(plan: &Plan) -> Round {
    let directory = TempDir::new();
    let arguments = [
        "run".to_owned(),
        guest("bench_nothing").display().to_string(),
        format!("--rate={RATE}/s"),
        format!("--duration={}s", plan.arrival_time.as_secs()),
        format!("--users={USERS}"),
    ];
    let (_, cost) = measured("lt-host", &mut lt_host(&directory, &arguments));
    let summary = summary(&directory);
    let lag = |value: &str| figure(&summary, "start_lag", value);
    let started = summary.count("iterations");
    Round {
        started,
        dropped: summary.count("dropped_iterations"),
        lag_median_ms: lag("med"),
        lag_p99_ms: lag("p(99)"),
        lag_max_ms: lag("max"),
        // The whole process: its start and its users too.
        cpu_us: cost.cpu_us / started.max(1) as f64,
    }
}

fn listed(round: &Round) -> Value {
    json!({
        "started": round.started, "dropped": round.dropped, "cpu_us_each": round.cpu_us,
        "start_lag_ms": { "median": round.lag_median_ms, "p99": round.lag_p99_ms, "max": round.lag_max_ms },
    })
}
