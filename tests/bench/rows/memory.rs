//! What one more user costs in memory: resident pages and page tables of many, less those of one.

use std::time::Duration;

use lt_tests::guests::guest;
use serde_json::json;

use crate::child::{Memory, Sleeping};
use crate::nginx::Nginx;
use crate::plan::Plan;
use crate::table::{Row, Table, Verdict};

/// Bytes of a user that sleeps.
const SLEEPER_BYTES_MAX: f64 = 42_000.0;
/// Bytes of a user with an idle connection.
const CONNECTION_BYTES_MAX: f64 = 68_000.0;
/// The same over TLS.
const TLS_CONNECTION_BYTES_MAX: f64 = 80_000.0;
/// Time until all are there: minutes on a busy machine would already be a failure.
const SETTLE_LIMIT: Duration = Duration::from_secs(240);
/// Pause before memory is read: the last users tell before they are quite asleep.
const SETTLE_TIME: Duration = Duration::from_secs(2);
/// Time between two users with a connection: a queue of 4096 waiting connections must never fill up.
pub(super) const CONNECT_INTERVAL: Duration = Duration::from_micros(200);
/// The same with a TLS handshake, which takes a server's core a millisecond.
const TLS_CONNECT_INTERVAL: Duration = Duration::from_micros(2500);

/// Users that only sleep.
pub(super) fn sleepers(plan: &Plan, table: &mut Table) {
    row(
        plan.sleepers,
        SLEEPER_BYTES_MAX,
        "users asleep",
        table,
        |users| arguments("bench_sleep", users, Duration::ZERO, &[]),
    );
}

/// Users with an idle connection.
pub(super) fn connections(plan: &Plan, nginx: &Nginx, table: &mut Table) {
    let url = nginx.url();
    row(
        plan.connections,
        CONNECTION_BYTES_MAX,
        "users with an idle connection",
        table,
        |users| {
            arguments(
                "bench_connect",
                users,
                CONNECT_INTERVAL,
                &[format!("--set=url={url}")],
            )
        },
    );
}

/// Users with an idle connection over TLS.
pub(super) fn tls_connections(plan: &Plan, nginx: &Nginx, table: &mut Table) {
    let set_url = format!("--set=url={}", nginx.tls_url());
    let insecure = "--insecure-skip-tls-verify".to_owned();
    let what = "users with an idle TLS connection";
    row(
        plan.connections,
        TLS_CONNECTION_BYTES_MAX,
        what,
        table,
        |users| {
            arguments(
                "bench_connect",
                users,
                TLS_CONNECT_INTERVAL,
                &[set_url.clone(), insecure.clone()],
            )
        },
    );
}

/// Measure one kind of user; the run of all of them goes on while the value lives.
pub(super) fn row(
    users: u64,
    bytes_max: f64,
    what: &'static str,
    table: &mut Table,
    of: impl Fn(u64) -> Vec<String>,
) -> Sleeping {
    let one = asleep(&of(1), 1);
    let last = Sleeping::start(&of(users));
    // One of the two last users is the last of its core, whatever the number of cores.
    last.wait_for_sleepers(2, SETTLE_LIMIT);
    std::thread::sleep(SETTLE_TIME);
    let many = last.memory();
    let mappings = last.mappings();
    let each = |of: fn(&Memory) -> f64| (of(&many) - of(&one)) / (users - 1) as f64;
    let resident = each(|memory| memory.resident_bytes);
    let tables = each(|memory| memory.tables_bytes);
    let sum = resident + tables;
    table.add(Row {
        what,
        target: format!("at most {:.0} KB each", bytes_max / 1000.0),
        figure: format!(
            "{:.1} KB each ({:.1} resident, {:.1} page tables; {users} users, {mappings} mappings)",
            sum / 1000.0,
            resident / 1000.0,
            tables / 1000.0
        ),
        value: sum,
        verdict: Verdict::at_most(sum, bytes_max),
        details: json!({
            "users": users, "resident_bytes": resident, "page_table_bytes": tables, "mappings": mappings,
            "one_user_bytes": one.resident_bytes + one.tables_bytes,
        }),
    });
    last
}

fn asleep(arguments: &[String], users: usize) -> Memory {
    let run = Sleeping::start(arguments);
    run.wait_for_sleepers(users, SETTLE_LIMIT);
    std::thread::sleep(SETTLE_TIME);
    run.memory()
}

/// A run of sleepers whose last two users tell when they are asleep.
pub(super) fn arguments(
    name: &str,
    users: u64,
    interarrival: Duration,
    more: &[String],
) -> Vec<String> {
    let mut arguments = vec![
        "run".to_owned(),
        guest(name).display().to_string(),
        format!("--users={users}"),
        "--duration=1h".to_owned(),
        format!("--set=announce-from={}", users.saturating_sub(1).max(1)),
    ];
    if !interarrival.is_zero() {
        arguments.push(format!("--interarrival={}ns", interarrival.as_nanos()));
    }
    arguments.extend_from_slice(more);
    arguments
}
