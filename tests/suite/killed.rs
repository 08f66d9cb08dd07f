//! What a run leaves that is killed in its middle: everything but its last second.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lt_tests::LtHost;
use lt_tests::peers::HttpPeer;
use lt_tests::peers::http::{Then, respond};
use lt_tests::process::wait_until;
use lt_tests::results::{Summary, json_lines};
use rustix::process::Signal;
use serde_json::Value;

/// Time for a few seconds of a run to be written on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// How old what is measured may be when a second is written: cores report each second, and a busy machine has them wait for as long
/// again.
const REPORTED_WITHIN_MS: i64 = 2000;
/// Seconds of a run before it is killed: enough that some of what it measured is older than that.
pub(crate) const SNAPSHOTS_BEFORE: usize = 5;

/// A server that knows when it answered.
pub(crate) struct Clocked {
    pub(crate) peer: HttpPeer,
    answered_unix_ms: Arc<Mutex<Vec<i64>>>,
}

impl Clocked {
    pub(crate) fn start() -> Self {
        let answered = Arc::new(Mutex::new(Vec::new()));
        let times = answered.clone();
        let peer = HttpPeer::start(move |_, stream| {
            respond(stream, 200, &[], b"page");
            times.lock().unwrap().push(unix_ms());
            Then::Keep
        });
        Self {
            peer,
            answered_unix_ms: answered,
        }
    }

    /// How many requests were answered before this time.
    pub(crate) fn answered_before(&self, unix_ms: i64) -> u64 {
        let times = self.answered_unix_ms.lock().unwrap();
        times.iter().filter(|time| **time < unix_ms).count() as u64
    }
}

fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

/// Whole snapshots in a directory of results so far.
pub(crate) fn snapshots_so_far(results: &Path) -> usize {
    let text = std::fs::read_to_string(results.join("snapshots.jsonl")).unwrap_or_default();
    text.matches('\n').count()
}

/// What a killed run left is whole and is all but its last second: each file reads, seconds are without gaps, and what the
/// server had answered before cores last reported is counted. Returns the last snapshot.
#[track_caller]
pub(crate) fn expect_all_but_the_last_second(results: &Path, server: &Clocked) -> Value {
    let snapshots = json_lines(&results.join("snapshots.jsonl"));
    let numbers: Vec<u64> = snapshots
        .iter()
        .map(|snapshot| snapshot["seq"].as_u64().unwrap())
        .collect();
    let expected: Vec<u64> = (1..=numbers.len() as u64).collect();
    assert_eq!(numbers, expected, "no second is missing");
    let last = snapshots.last().unwrap().clone();
    let written_unix_ms = last["unix_ms"].as_i64().unwrap();
    let counted = last["requests"]["completed"].as_u64().unwrap();
    let due = server.answered_before(written_unix_ms - REPORTED_WITHIN_MS);
    assert!(due > 0, "nothing was answered in time to be counted");
    assert!(
        counted >= due,
        "{counted} requests are counted, {due} were answered before\n{last:#}"
    );
    let events = json_lines(&results.join("events.jsonl"));
    assert_eq!(events[0]["event"], "started");
    let hlog = std::fs::read_to_string(results.join("metrics.hlog")).unwrap();
    assert!(hlog.ends_with('\n') && hlog.contains("Tag=http_req_duration"));
    last
}

#[test]
fn a_run_that_is_killed_loses_its_last_second_at_most() {
    let server = Clocked::start();
    let mut running = LtHost::run("swap_one")
        .set("url", server.peer.url(""))
        .arguments("-u 5 -d 10m")
        .start();
    let results = running.path("results/latest");
    wait_until("a few seconds of results", PATIENCE, || {
        assert!(!running.has_ended(), "{}", running.printed());
        snapshots_so_far(&results) >= SNAPSHOTS_BEFORE && results.join("summary.json").is_file()
    });
    // Whoever asks before knows that it goes on, and writes nothing.
    let asked = LtHost::new(&["report", "results/latest"])
        .finish_in(running.directory())
        .expect_code(0);
    assert!(asked.stderr().starts_with("the run goes on: "), "{asked}");
    assert!(!results.join("report.html").exists());

    running.signal(Signal::KILL);
    let killed = running.finish();
    let last = expect_all_but_the_last_second(&results, &server);
    let summary = Summary::read(&results.join("summary.json"));
    let state = &summary.0["state"];
    assert_eq!(state["partial"], true, "{state}");
    // It is written when the disk has time, and says of which second it is.
    assert!(summary.count("http_reqs") > 0);
    assert!(summary.count("http_reqs") <= last["requests"]["completed"].as_u64().unwrap());

    let told = LtHost::new(&["report", "results/latest"])
        .finish_in(killed.directory())
        .expect_code(0);
    assert!(
        told.stderr().starts_with("interrupted: numbers up to "),
        "{told}"
    );
    assert!(told.stdout().contains("http_req_duration"), "{told}");
    let page = std::fs::read_to_string(results.join("report.html")).unwrap();
    assert!(page.contains("\"state\":\"interrupted\""));
}
