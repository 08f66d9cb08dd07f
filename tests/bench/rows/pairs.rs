//! Users who meet in pairs and write to each other: nobody may be lost. How fast it goes is reported, not judged.

use lt_tests::guests::guest;
use lt_tests::temp::TempDir;
use serde_json::{Value, json};

use super::median;
use crate::child::{figure, lt_host, measured, summary};
use crate::plan::Plan;
use crate::table::{Row, Table, Verdict};

/// Messages that each of a pair writes, in turn with the other.
const MESSAGES: u64 = 10;

/// What one run came to.
struct Round {
    lost: u64,
    /// From the start of the first user to the end of the last.
    seconds: f64,
    messages: u64,
    exchange_p99_ms: f64,
    cpu_seconds: f64,
}

/// Measure.
pub(super) fn measure(plan: &Plan, table: &mut Table) {
    let rounds: Vec<Round> = (0..plan.lone_rounds).map(|_| round(plan)).collect();
    let of = |value: fn(&Round) -> f64| median(rounds.iter().map(value).collect());
    let lost: u64 = rounds.iter().map(|round| round.lost).sum();
    let pairs = plan.pairs;
    table.add(Row {
        what: "pairs that meet and talk",
        target: "no user lost".to_owned(),
        figure: format!(
            "{lost} lost ({pairs} pairs, {MESSAGES} messages each way in {:.2} s: {:.0} a second; p99 of a talk {:.0} ms; \
             {:.1} s CPU with start and joining)",
            of(|round| round.seconds),
            of(|round| round.messages as f64 / round.seconds),
            of(|round| round.exchange_p99_ms),
            of(|round| round.cpu_seconds),
        ),
        value: lost as f64,
        verdict: Verdict::at_most(lost as f64, 0.0),
        details: rounds.iter().map(listed).collect(),
    });
}

fn round(plan: &Plan) -> Round {
    let directory = TempDir::new();
    let users = plan.pairs * 2;
    let arguments = [
        "run".to_owned(),
        guest("bench_pairs").display().to_string(),
        format!("--users={users}"),
        format!("--set=messages={MESSAGES}"),
    ];
    let (_, cost) = measured("lt-host", &mut lt_host(&directory, &arguments));
    let summary = summary(&directory);
    // Says so who has received all messages, each in its turn.
    let finished = summary.count("finished");
    let milliseconds = summary.0["state"]["duration_ms"].as_f64();
    Round {
        // Whoever failed is lost, also if another attempt went well.
        lost: users.abs_diff(finished).max(summary.failures_in_all()),
        seconds: milliseconds.expect("a summary tells how long the run was") / 1000.0,
        messages: finished * MESSAGES,
        exchange_p99_ms: figure(&summary, "exchange_time", "p(99)"),
        cpu_seconds: cost.cpu_us / 1e6,
    }
}

fn listed(round: &Round) -> Value {
    json!({
        "lost": round.lost, "seconds": round.seconds, "messages": round.messages,
        "exchange_p99_ms": round.exchange_p99_ms, "cpu_seconds": round.cpu_seconds,
    })
}
