//! The 95th percentile under a fixed rate at half of what lt-host can do, beside wrk's at the same rate.

use std::time::Duration;

use serde_json::json;

use super::median;
use crate::nginx::Nginx;
use crate::plan::Plan;
use crate::table::{Row, Table, Verdict};
use crate::tools::{Sample, USERS, has_wrk, run_lt_host, run_wrk};

/// How far lt-host's figure may be from wrk's, as a share of wrk's.
const DIFFERENCE_SHARE_MAX: f64 = 0.2;
/// Or in milliseconds: below this both are at the end of what their timers can do.
const DIFFERENCE_MS_MAX: f64 = 0.3;
/// How near the rates must be to each other for a comparison.
const RATE_DIFFERENCE_MAX: f64 = 0.05;
/// Attempts at bringing wrk to the rate: each comes nearer, and the machine is never quite still.
const TUNING_MAX: usize = 8;

/// Measure.
pub(super) fn measure(plan: &Plan, nginx: &Nginx, table: &mut Table) {
    let url = nginx.url();
    let fastest = run_lt_host(&url, plan.round_time, None);
    let rate = fastest.requests_per_second / 2.0;
    let repeat = Duration::from_secs_f64(USERS as f64 / rate);
    if !has_wrk() {
        return table.add(Row {
            what: "p95 at a fixed rate",
            target: "near wrk's".to_owned(),
            figure: "wrk is not installed (remedy: apt-get install wrk)".to_owned(),
            value: f64::NAN,
            verdict: Verdict::Missing,
            details: json!({}),
        });
    }
    let mut pairs: Vec<(Sample, Sample)> = Vec::new();
    // wrk's own round trip and timer take the millisecond.
    let mut pause_ms = repeat
        .saturating_sub(Duration::from_millis(1))
        .as_secs_f64()
        * 1000.0;
    for _ in 0..plan.rounds {
        let ours = run_lt_host(&url, plan.round_time, Some(repeat));
        let theirs = tuned_wrk(
            &url,
            plan.round_time,
            ours.requests_per_second,
            &mut pause_ms,
        );
        eprintln!(
            "  lt-host {:.0}/s p95 {:.3} ms, wrk {:.0}/s p95 {:.3} ms (pause {pause_ms:.2} ms)",
            ours.requests_per_second, ours.p95_ms, theirs.requests_per_second, theirs.p95_ms
        );
        pairs.push((ours, theirs));
    }
    let all = |of: fn(&(Sample, Sample)) -> f64| median(pairs.iter().map(of).collect());
    let (ours, theirs) = (all(|pair| pair.0.p95_ms), all(|pair| pair.1.p95_ms));
    let rates = (
        all(|pair| pair.0.requests_per_second),
        all(|pair| pair.1.requests_per_second),
    );
    let difference = (ours - theirs).abs();
    let comparable = (rates.0 / rates.1 - 1.0).abs() <= RATE_DIFFERENCE_MAX;
    let near = difference <= DIFFERENCE_MS_MAX || difference <= theirs * DIFFERENCE_SHARE_MAX;
    table.add(Row {
        what: "p95 at a fixed rate",
        target: format!("within {DIFFERENCE_SHARE_MAX} or {DIFFERENCE_MS_MAX} ms of wrk's"),
        figure: format!("{ours:.2} ms at {:.0}/s (wrk {theirs:.2} ms at {:.0}/s)", rates.0, rates.1),
        value: difference,
        verdict: match (comparable, near) {
            (false, _) => Verdict::Missing,
            (true, true) => Verdict::Ok,
            (true, false) => Verdict::Short,
        },
        details: json!({
            "p95_ms": pairs.iter().map(|pair| [pair.0.p95_ms, pair.1.p95_ms]).collect::<Vec<_>>(),
            "requests_per_second":
                pairs.iter().map(|pair| [pair.0.requests_per_second, pair.1.requests_per_second]).collect::<Vec<_>>(),
        }),
    });
}

/// wrk at this rate: its pause is changed until it is near. Each connection's round is the pause and what comes on top; the
/// rate that came out tells how much that is.
fn tuned_wrk(url: &str, time: Duration, rate: f64, pause_ms: &mut f64) -> Sample {
    let round_ms = |rate: f64| USERS as f64 / rate * 1000.0;
    let mut best: Option<Sample> = None;
    for _ in 0..TUNING_MAX {
        let sample = run_wrk(url, time, Some(*pause_ms));
        let off = |sample: &Sample| (sample.requests_per_second / rate - 1.0).abs();
        if best.as_ref().is_none_or(|best| off(&sample) < off(best)) {
            best = Some(sample);
        }
        if off(&sample) <= RATE_DIFFERENCE_MAX {
            break;
        }
        *pause_ms = (*pause_ms + round_ms(rate) - round_ms(sample.requests_per_second)).max(0.0);
    }
    best.expect("there is at least one attempt")
}
