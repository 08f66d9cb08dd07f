//! WebSockets: what an idle one costs, how fast messages go to and fro, and how good the stamps of arrival are.

use std::process::Command;
use std::time::{Duration, Instant};

use lt_tests::guests::{guest, target};
use lt_tests::temp::TempDir;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::json;

use super::{median, memory};
use crate::chat_server::ChatServer;
use crate::child::{Sleeping, figure, lt_host, measured, summary};
use crate::plan::Plan;
use crate::table::{Row, Table, Verdict};

/// Bytes of a user with an open socket.
const SOCKET_BYTES_MAX: f64 = 72_000.0;
/// CPU time a second of all idle sockets, in seconds.
const IDLE_CORES_MAX: f64 = 0.1;
/// How often an idle socket pings.
const PING_INTERVAL: Duration = Duration::from_secs(25);
/// Sockets of the echo.
const ECHO_SOCKETS: u64 = 100;
/// Messages a second, as a share of the bare loop's.
const ECHO_TO_BARE_MIN: f64 = 0.6;
/// How far a stamp may be from the truth, at the 99th percentile, in milliseconds.
const STAMP_ERROR_MS_MAX: f64 = 1.0;
/// Messages that go to everybody.
const FAN_MESSAGES: u64 = 20;
/// Time between two of them: longer than the server needs to write one to all.
const FAN_INTERVAL: Duration = Duration::from_millis(250);

/// What an idle socket costs.
pub(super) fn idle(plan: &Plan, table: &mut Table) {
    raise_descriptors();
    let server = ChatServer::start();
    let set_url = format!("--set=url={}", server.url("/idle"));
    let set_ping = format!("--set=ping-every={}s", PING_INTERVAL.as_secs());
    let of = |users| {
        let more = [set_url.clone(), set_ping.clone()];
        memory::arguments("bench_ws_idle", users, memory::CONNECT_INTERVAL, &more)
    };
    let run = memory::row(
        plan.connections,
        SOCKET_BYTES_MAX,
        "users with an open WebSocket",
        table,
        of,
    );
    let cores = idle_cores(&run, PING_INTERVAL);
    table.add(Row {
        what: "open WebSockets, a ping each 25 s",
        target: format!("under {IDLE_CORES_MAX} of a core"),
        figure: format!("{cores:.3} of a core ({} sockets)", plan.connections),
        value: cores,
        verdict: Verdict::at_most(cores, IDLE_CORES_MAX),
        details: json!({ "sockets": plan.connections, "cores": cores }),
    });
}

/// What a run costs while nothing but pings happens: over a whole interval, so that each socket pings once.
fn idle_cores(run: &Sleeping, window: Duration) -> f64 {
    let (begun, before) = (Instant::now(), run.cpu());
    std::thread::sleep(window);
    (run.cpu() - before).as_secs_f64() / begun.elapsed().as_secs_f64()
}

/// Messages to and fro, beside a bare loop.
pub(super) fn echo(plan: &Plan, table: &mut Table) {
    let server = ChatServer::start();
    let url = server.url("/echo");
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    let (mut ours_us, mut bare_us) = (Vec::new(), Vec::new());
    for round in 1..=plan.rounds {
        let (rate, cpu_us) = bare_round(&url, plan.round_time);
        bare.push(rate);
        bare_us.push(cpu_us);
        let (rate, cpu_us) = our_round(&url, plan.round_time);
        ours.push(rate);
        ours_us.push(cpu_us);
        eprintln!(
            "  round {round}: bare {:.0}/s {:.2} µs, lt-host {:.0}/s {:.2} µs",
            bare[round - 1],
            bare_us[round - 1],
            ours[round - 1],
            ours_us[round - 1]
        );
    }
    let ratio = median(ours.clone()) / median(bare.clone());
    table.add(Row {
        what: "WebSocket echo, 100 sockets: messages a second",
        target: format!("at least {ECHO_TO_BARE_MIN} of a bare loop's"),
        figure: format!(
            "{ratio:.2} (lt-host {:.0} and {:.2} µs CPU each, bare {:.0} and {:.2} µs)",
            median(ours.clone()),
            median(ours_us.clone()),
            median(bare.clone()),
            median(bare_us.clone())
        ),
        value: ratio,
        verdict: Verdict::at_least(ratio, ECHO_TO_BARE_MIN),
        details: json!({ "lt-host": ours, "bare": bare, "lt-host_cpu_us": ours_us, "bare_cpu_us": bare_us }),
    });
}

/// Messages a second of the bare loop, and CPU time of each in microseconds.
fn bare_round(url: &str, time: Duration) -> (f64, f64) {
    let program = target().join("release/examples/native_echo");
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut command = Command::new(program);
    command.args([
        url,
        &ECHO_SOCKETS.to_string(),
        &time.as_secs().to_string(),
        &threads.to_string(),
    ]);
    let (said, cost) = measured("native_echo", &mut command);
    let number = |place: usize| {
        let word = said.split_whitespace().nth(place);
        word.and_then(|word| word.parse::<f64>().ok())
            .unwrap_or_else(|| panic!("native_echo printed {said:?}"))
    };
    (number(3), cost.cpu_us / number(1))
}

/// The same of lt-host.
fn our_round(url: &str, time: Duration) -> (f64, f64) {
    let directory = TempDir::new();
    let arguments = [
        "run".to_owned(),
        guest("bench_ws_echo").display().to_string(),
        format!("--users={ECHO_SOCKETS}"),
        format!("--duration={}s", time.as_secs()),
        format!("--set=url={url}"),
    ];
    let (_, cost) = measured("lt-host", &mut lt_host(&directory, &arguments));
    let summary = summary(&directory);
    assert_eq!(summary.failures_in_all(), 0, "users failed");
    let messages = summary.count("ws_msgs_received") as f64;
    (
        figure(&summary, "ws_msgs_received", "rate"),
        cost.cpu_us / messages,
    )
}

/// One sender, many receivers: each delivery timed, and each stamp near the truth.
pub(super) fn fan_out(plan: &Plan, table: &mut Table) {
    raise_descriptors();
    let receivers = plan.receivers;
    let server = ChatServer::start();
    let directory = TempDir::new();
    let arguments = [
        "run".to_owned(),
        guest("bench_ws_stamps").display().to_string(),
        format!("--users={}", receivers + 1),
        format!("--set=url={}", server.url("/fan")),
        format!("--set=receivers={receivers}"),
        format!("--set=messages={FAN_MESSAGES}"),
        format!("--set=interval={}ms", FAN_INTERVAL.as_millis()),
    ];
    let (_, _) = measured("lt-host", &mut lt_host(&directory, &arguments));
    let summary = summary(&directory);
    let wanted = receivers * FAN_MESSAGES;
    let timed = summary.count("delivery_received");
    let stamped = summary.count("stamps");
    let error_ms = figure(&summary, "stamp_error", "p(99)");
    table.add(Row {
        what: "WebSocket fan-out: error of the stamp of arrival",
        target: format!("p99 under {STAMP_ERROR_MS_MAX} ms, every delivery timed"),
        figure: format!(
            "p99 {error_ms:.3} ms, median {:.3}, most {:.3} ({timed} of {wanted} deliveries timed, {receivers} receivers; \
             delivery p99 {:.1} ms)",
            figure(&summary, "stamp_error", "med"),
            figure(&summary, "stamp_error", "max"),
            figure(&summary, "delivery_time", "p(99)"),
        ),
        value: error_ms,
        verdict: if (timed, stamped) == (wanted, wanted) && summary.failures_in_all() == 0 {
            Verdict::at_most(error_ms, STAMP_ERROR_MS_MAX)
        } else {
            Verdict::Short
        },
        details: json!({ "receivers": receivers, "wanted": wanted, "timed": timed, "stamped": stamped, "error_p99_ms": error_ms }),
    });
}

/// As many descriptors as this process may have: the server lives in it, or is its child.
pub(super) fn raise_descriptors() {
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        setrlimit(Resource::RLIMIT_NOFILE, most, most)
            .expect("a process may have what it may have");
    }
}
