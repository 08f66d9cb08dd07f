//! What it costs to wake users: each sleeps a second in its iteration, again and again.

use std::time::{Duration, Instant};

use lt_tests::guests::guest;
use serde_json::json;

use crate::child::{Sleeping, figure};
use crate::plan::Plan;
use crate::table::{Row, Table, Verdict};

/// CPU time a second, in seconds.
const CORES_MAX: f64 = 0.5;
/// How long a user sleeps.
const SLEEP: Duration = Duration::from_secs(1);
/// The users start this far apart in all, so that some wake at every moment, and joining makes few of them late.
const JOIN_TIME: Duration = Duration::from_secs(5);
/// Time until all sleep, much more than it takes.
const JOIN_LIMIT: Duration = Duration::from_secs(60);
/// Pause before CPU time is counted, for what joining leaves to be done.
const SETTLE_TIME: Duration = Duration::from_secs(2);
/// The run goes on for so long after the window, in case joining took longer than it should.
const RESERVE: Duration = Duration::from_secs(4);
/// Iterations of those that there would be if no sleep ended late: below this the CPU time is not that of waking them all.
const ITERATIONS_SHARE_MIN: f64 = 0.95;

/// Measure.
pub(super) fn measure(plan: &Plan, table: &mut Table) {
    let users = plan.wakers;
    let duration = JOIN_TIME + SETTLE_TIME + plan.wake_time + RESERVE;
    let interarrival = JOIN_TIME.as_nanos() / u128::from(users);
    let run = Sleeping::start(&[
        "run".to_owned(),
        guest("bench_sleep").display().to_string(),
        format!("--users={users}"),
        format!("--interarrival={interarrival}ns"),
        format!("--duration={}s", duration.as_secs()),
        format!("--set=sleep={}s", SLEEP.as_secs()),
        // One of the two last users is the last of its core, whatever the number of cores.
        format!("--set=announce-from={}", users - 1),
    ]);
    run.wait_for_sleepers(2, JOIN_LIMIT);
    std::thread::sleep(SETTLE_TIME);
    let (begun, before) = (Instant::now(), run.cpu());
    std::thread::sleep(plan.wake_time);
    let (after, window) = (run.cpu(), begun.elapsed());
    let cores = (after - before).as_secs_f64() / window.as_secs_f64();

    let summary = run.finish();
    // On the average a user starts in the middle of the joining, and half of an iteration is under way at the end, which is finished.
    let each = (duration - JOIN_TIME / 2 + SLEEP / 2).as_secs_f64() / SLEEP.as_secs_f64();
    let share = summary.count("iterations") as f64 / (users as f64 * each);
    let slept_ms = figure(&summary, "iteration_duration", "p(99)");
    let late_ms = slept_ms - SLEEP.as_millis() as f64;
    table.add(Row {
        what: "users waking once a second",
        target: format!("under {CORES_MAX} of a core"),
        figure: format!(
            "{cores:.2} of a core ({users} users, {:.1} µs CPU a wake; {:.1} % of the wakes, p99 {late_ms:.1} ms late)",
            cores * 1e6 / users as f64,
            share * 100.0,
        ),
        value: cores,
        verdict: if share >= ITERATIONS_SHARE_MIN {
            Verdict::at_most(cores, CORES_MAX)
        } else {
            Verdict::Short
        },
        details: json!({
            "users": users, "cores": cores, "window_seconds": window.as_secs_f64(),
            "wakes_share": share, "late_p99_ms": late_ms,
        }),
    });
}
