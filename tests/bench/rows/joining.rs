//! How fast users join: from the start of the process until the last one sleeps in its first iteration.

use std::time::Duration;

use serde_json::json;

use super::memory::arguments;
use crate::child::Sleeping;
use crate::plan::Plan;
use crate::table::{Row, Table, Verdict};

/// Users that join in a second.
const USERS_PER_SECOND_MIN: f64 = 10_000.0;
/// A minute for what should take seconds.
const JOIN_LIMIT: Duration = Duration::from_secs(60);

/// Measure.
pub(super) fn measure(plan: &Plan, table: &mut Table) {
    let users = plan.joiners;
    let took = Sleeping::start(&arguments("bench_sleep", users, Duration::ZERO, &[]))
        .wait_for_sleepers(2, JOIN_LIMIT);
    let rate = users as f64 / took.as_secs_f64();
    table.add(Row {
        what: "joining",
        target: format!("at least {USERS_PER_SECOND_MIN:.0} users a second"),
        figure: format!(
            "{rate:.0} a second ({users} in {:.2} s, process start included)",
            took.as_secs_f64()
        ),
        value: rate,
        verdict: Verdict::at_least(rate, USERS_PER_SECOND_MIN),
        details: json!({ "users": users, "seconds": took.as_secs_f64() }),
    });
}
