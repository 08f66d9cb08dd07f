//! The programs that are compared: each asks one URL over 100 connections for a while.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use lt_tests::guests::{scenario, target};
use lt_tests::results::Summary;
use lt_tests::temp::TempDir;
use serde_json::Value;

use crate::child::{Cost, figure, lt_host, measured, summary};

/// Connections of each program, and users of lt-host.
pub(crate) const USERS: u64 = 100;

/// What one program did in one round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Requests answered each second.
    pub(crate) requests_per_second: f64,
    /// CPU time, user and system, for each of them, in microseconds.
    pub(crate) cpu_us: f64,
    /// 95th percentile of the time to the answer as the program reports it, in milliseconds; NaN if it does not.
    pub(crate) p95_ms: f64,
}

impl Sample {
    fn new(requests: f64, requests_per_second: f64, cost: Cost, p95_ms: f64) -> Self {
        assert!(requests > 0.0, "no request was answered in {:?}", cost.took);
        Self {
            requests_per_second,
            cpu_us: cost.cpu_us / requests,
            p95_ms,
        }
    }
}

/// lt-host with the scenario `http-get`: on as many threads as it takes by itself, as oha does; for a fixed rate on one, since
/// the server needs the other, with a pause between the starts of two iterations of a user.
pub(crate) fn run_lt_host(url: &str, time: Duration, repeat: Option<Duration>) -> Sample {
    let directory = TempDir::new();
    let mut arguments = vec![
        "run".to_owned(),
        scenario("http-get").display().to_string(),
        format!("--users={USERS}"),
        format!("--duration={}ms", time.as_millis()),
        format!("--set=url={url}"),
    ];
    if let Some(repeat) = repeat {
        arguments.push("--cores=1".to_owned());
        arguments.push(format!("--repeat-interval={}ns", repeat.as_nanos()));
        // A steady rate, as wrk's: without it all users would ask at the same moment, again and again.
        arguments.push(format!(
            "--interarrival={}ns",
            repeat.as_nanos() / u128::from(USERS)
        ));
    }
    let (_, cost) = measured("lt-host", &mut lt_host(&directory, &arguments));
    let summary = summary(&directory);
    let value = |metric: &str, value: &str| figure(&summary, metric, value);
    assert_eq!(
        summary.count("http_reqs"),
        requests_that_passed(&summary),
        "requests failed"
    );
    Sample::new(
        value("http_reqs", "count"),
        value("http_reqs", "rate"),
        cost,
        value("http_req_duration", "p(95)"),
    )
}

fn requests_that_passed(summary: &Summary) -> u64 {
    summary
        .check("status is 200")
        .map_or(0, |(passes, _)| passes)
}

/// The same client and the same samples without a sandbox, on as many threads.
pub(crate) fn run_native(url: &str, time: Duration) -> Sample {
    let program = target().join("release/examples/native_user");
    let seconds = time.as_secs().max(1).to_string();
    let mut command = Command::new(program);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    command.args([url, &USERS.to_string(), &seconds, &threads.to_string()]);
    let (printed, cost) = measured("native_user", &mut command);
    let word = |name: &str| {
        let mut words = printed.split_whitespace().skip_while(|word| *word != name);
        let value = words.nth(1).and_then(|word| word.parse::<f64>().ok());
        value.unwrap_or_else(|| panic!("native_user did not tell its {name}: {printed}"))
    };
    assert!(word("failures") == 0.0, "{printed}");
    Sample::new(word("requests"), word("rps"), cost, f64::NAN)
}

/// oha with its defaults: as many threads as there are processors.
pub(crate) fn run_oha(program: &PathBuf, url: &str, time: Duration) -> Sample {
    let mut command = Command::new(program);
    command
        .args([
            "--no-tui",
            "--output-format",
            "json",
            "-c",
            &USERS.to_string(),
            "-z",
        ])
        .arg(format!("{}ms", time.as_millis()))
        .arg(url);
    let (printed, cost) = measured("oha", &mut command);
    let report: Value =
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("oha: {error}\n{printed}"));
    let answered = report["statusCodeDistribution"]["200"]
        .as_f64()
        .unwrap_or(0.0);
    let rate = report["summary"]["requestsPerSec"].as_f64().unwrap_or(0.0);
    let p95 = report["latencyPercentiles"]["p95"]
        .as_f64()
        .unwrap_or(f64::NAN);
    Sample::new(answered, rate, cost, p95 * 1000.0)
}

/// wrk on one thread. With a pause, each of its connections waits that long after an answer; the pause is a mean, since wrk
/// knows only whole milliseconds.
pub(crate) fn run_wrk(url: &str, time: Duration, pause_ms: Option<f64>) -> Sample {
    let directory = TempDir::new();
    let mut script = DONE.to_owned();
    if let Some(pause_ms) = pause_ms {
        script.push_str(&format!(
            "function delay() if math.random() < {} then return {} end return {} end\n",
            pause_ms.fract(),
            pause_ms.floor() + 1.0,
            pause_ms.floor(),
        ));
    }
    let script = directory.write("bench.lua", script);
    let mut command = Command::new("wrk");
    command
        .args(["-t1", "--latency", "-c", &USERS.to_string()])
        .arg(format!("-d{}s", time.as_secs().max(1)))
        .arg("-s")
        .arg(script)
        .arg(url);
    let (printed, cost) = measured("wrk", &mut command);
    let line = printed.lines().find_map(|line| line.strip_prefix("bench "));
    let numbers: Vec<f64> = line
        .map(|line| {
            line.split(' ')
                .filter_map(|word| word.parse().ok())
                .collect()
        })
        .unwrap_or_default();
    let [requests, micros, p95_us] = numbers[..] else {
        panic!("wrk did not report: {printed}");
    };
    Sample::new(requests, requests / micros * 1e6, cost, p95_us / 1000.0)
}

/// Has wrk print what is read here.
const DONE: &str = "function done(summary, latency, requests)
  io.write(string.format(\"bench %d %d %d\\n\", summary.requests, summary.duration, latency:percentile(95.0)))
end
";

/// oha where `make bench` puts it, or on the path; `None` if it is nowhere.
pub(crate) fn oha() -> Option<PathBuf> {
    [target().join("tools/bin/oha"), PathBuf::from("oha")]
        .into_iter()
        .find(|program| Command::new(program).arg("--version").output().is_ok())
}

/// Whether wrk is there.
pub(crate) fn has_wrk() -> bool {
    Command::new("wrk").arg("-v").output().is_ok()
}
