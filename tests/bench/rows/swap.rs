//! The code of a running test, swapped again and again over the network: what it costs its users, and whether memory stays.

use std::time::Duration;

use lt_tests::serve::{Served, Serving};
use serde_json::{Value, json};

use crate::nginx::Nginx;
use crate::plan::Plan;
use crate::table::{Row, Table, Verdict};

/// Length of an iteration: each user sends a request and rests.
const ITERATION: Duration = Duration::from_secs(1);
/// Time for all users to be on another version: one iteration and a second.
const SWAP_MAX: Duration = Duration::from_secs(2);
/// The swaps are spread over this.
const SPREAD: Duration = Duration::from_secs(60);
/// How much more memory the host may hold at the end than after the first swap, in hundredths: allocators do not give back all.
const GROWTH_PERCENT_MAX: f64 = 5.0;
/// The scenario, and its two versions.
const NAME: &str = "swap";
const VERSIONS: [(&str, &str); 2] = [("swap_one", "1.0.0+"), ("swap_two", "2.0.0+")];

/// Measure.
pub(super) fn measure(plan: &Plan, nginx: &Nginx, table: &mut Table) {
    let (users, swaps) = (plan.swap_users, plan.swaps);
    let host = Serving::new()
        .arguments(&format!("--max-users {}", 2 * users))
        .start();
    let digests = VERSIONS.map(|(guest, _)| {
        let scenario = host.upload_as(NAME, guest);
        scenario["digest"].as_str().expect("a digest").to_owned()
    });
    let run = host.start_run(&json!({
        "scenario": NAME,
        "digest": digests[0],
        "users": users,
        "duration": "1h",
        "settings": { "url": nginx.place(), "pause": format!("{}ms", ITERATION.as_millis()) },
    }));
    host.wait_for_run(&run, "all users at work", |run| active(run) == users);
    let mut took = Vec::new();
    let mut resident = Vec::new();
    for swap in 1..=swaps {
        std::thread::sleep(SPREAD / swaps);
        let digest = &digests[swap as usize % 2];
        let asked = json!({ "digest": digest, "rollback": { "failures": 1 } });
        let answer = host.post(&format!("/v1/runs/{run}/swap"), &asked);
        assert!(answer.status < 300, "{answer}");
        let to = VERSIONS[swap as usize % 2].1;
        let done = host.wait_for_run(&run, "the swap's end", |run| is_complete(run, to));
        let swap = &part(&done)["swap"];
        let of = |name: &str| swap[name].as_f64().expect("a time");
        took.push(of("completed_elapsed_ms") - of("started_elapsed_ms"));
        resident.push(resident_bytes(&host));
    }
    std::thread::sleep(2 * ITERATION);
    resident.push(resident_bytes(&host));
    let ended = host.stop_run(&run);
    report(table, (users, swaps), (&took, &resident), &host, &ended);
}

fn report(
    table: &mut Table,
    (users, swaps): (u64, u32),
    (took, resident): (&[f64], &[f64]),
    host: &Served,
    ended: &Value,
) {
    let id = ended["id"].as_str().expect("an id");
    let summary = host
        .get(&format!("/v1/runs/{id}/summary"))
        .expect(200)
        .json();
    let last = host.snapshots(id).pop().expect("a snapshot");
    let failures = last["failures"].as_array().map_or(0, Vec::len);
    let (iterations, dropped) = (
        &last["iterations"]["completed"],
        &last["iterations"]["dropped"],
    );
    let slowest = took.iter().copied().fold(0.0, f64::max);
    let (first, at_end) = (resident[0], resident[resident.len() - 1]);
    let growth = (at_end / first - 1.0) * 100.0;
    let is_good = failures == 0 && *dropped == 0 && growth <= GROWTH_PERCENT_MAX;
    let in_time = Verdict::at_most(slowest, SWAP_MAX.as_millis() as f64);
    table.add(Row {
        what: "swapping code",
        target: format!(
            "all users within {} s, no failure, memory within {GROWTH_PERCENT_MAX} %",
            SWAP_MAX.as_secs()
        ),
        figure: format!(
            "{users} users swapped {swaps} times, the slowest in {:.1} s; {failures} failures in {iterations} iterations, {dropped} dropped; \
             {:.1} MB after the first, {growth:+.1} % at the end",
            slowest / 1000.0,
            first / 1e6,
        ),
        value: slowest,
        verdict: if is_good { in_time } else { Verdict::Short },
        details: json!({
            "users": users, "took_ms": took, "resident_bytes": resident, "failures": last["failures"],
            "iterations": iterations, "state": summary["state"],
        }),
    });
}

fn part(run: &Value) -> &Value {
    &run["parts"][0]
}

fn active(run: &Value) -> u64 {
    part(run)["users_active"].as_u64().unwrap_or(0)
}

fn is_complete(run: &Value, to: &str) -> bool {
    let swap = &part(run)["swap"];
    swap["to"]
        .as_str()
        .is_some_and(|label| label.starts_with(to))
        && swap["state"] == "complete"
}

fn resident_bytes(host: &Served) -> f64 {
    let status = host.get("/v1/status").expect(200).json();
    status["memory"]["resident_bytes"]
        .as_f64()
        .expect("the host knows its memory")
}
