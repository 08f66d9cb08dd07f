//! From the start of the process to the first byte of its first request, with the compiled scenario in the cache.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

use lt_tests::guests::scenario;
use lt_tests::temp::TempDir;
use serde_json::json;

use super::median;
use crate::child::lt_host;
use crate::plan::Plan;
use crate::table::{Row, Table, Verdict};

/// Milliseconds from start to first request.
const START_MS_MAX: f64 = 150.0;

/// Measure.
pub(super) fn measure(plan: &Plan, table: &mut Table) {
    // The first start compiles; it is not counted.
    let first = start_once();
    let times: Vec<f64> = (0..plan.starts)
        .map(|_| start_once().as_secs_f64() * 1000.0)
        .collect();
    let middle = median(times.clone());
    table.add(Row {
        what: "process start to first request",
        target: format!("at most {START_MS_MAX:.0} ms"),
        figure: format!("{middle:.0} ms (before, perhaps not cached: {} ms)", first.as_millis()),
        value: middle,
        verdict: Verdict::at_most(middle, START_MS_MAX),
        details: json!({ "milliseconds": times, "first_milliseconds": first.as_secs_f64() * 1000.0 }),
    });
}

/// One run of one iteration against a listener of our own; time to the first byte that arrives.
fn start_once() -> Duration {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener
        .local_addr()
        .expect("a bound socket has an address");
    let directory = TempDir::new();
    let arguments = [
        "run".to_owned(),
        scenario("http-get").display().to_string(),
        "--iterations=1".to_owned(),
        format!("--set=url=http://{address}/"),
    ];
    let begun = Instant::now();
    let mut child = lt_host(&directory, &arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("lt-host can be started");
    let (mut connection, _) = listener.accept().expect("lt-host connects");
    let mut request = [0; 4096];
    let length = connection
        .read(&mut request)
        .expect("lt-host sends a request");
    let took = begun.elapsed();
    assert!(request[..length].starts_with(b"GET / "), "an odd request");
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    connection
        .write_all(answer.as_bytes())
        .expect("lt-host reads its answer");
    drop(connection);
    let status = child.wait().expect("a child can be waited for");
    assert!(status.success(), "lt-host ended with {status}");
    took
}
