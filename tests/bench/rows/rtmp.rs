//! RTMP: what players cost, beside as many rtmpdump, what they hold, and how true to time publishers are.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lt_tests::ffmpeg::{self, Clip};
use lt_tests::nginx_rtmp::NginxRtmp;
use lt_tests::process::Process;
use lt_tests::results::Summary;
use serde_json::{Value, json};

use super::memory;
use super::sockets::raise_descriptors;
use crate::child::{Sleeping, figure, run_time};
use crate::pin::{self, Cores};
use crate::plan::Plan;
use crate::table::{Row, Table, Verdict};

/// Bytes of a player.
const PLAYER_BYTES_MAX: f64 = 64_000.0;
/// CPU time of players, as a share of as many rtmpdump.
const PLAYERS_TO_RTMPDUMP_MAX: f64 = 0.1;
/// Lag from which a player counts as lagged.
const LAG_MS_MAX: f64 = 3000.0;
/// 99th percentile of how late a frame may be handed to the kernel, in milliseconds.
const PACING_MS_MAX: f64 = 5.0;
/// Time between two users: nginx, on one core, needs some 100 µs for each, and has a stream to send beside.
const START_INTERVAL: Duration = Duration::from_millis(5);
/// Time for all of them to come, beside that.
const START_TIME: Duration = Duration::from_secs(15);
/// Pause before anything is looked at.
const SETTLE_TIME: Duration = Duration::from_secs(2);

/// A stream's server, and who gets which processor.
struct Stage {
    cores: Option<Cores>,
    server: NginxRtmp,
    clip: PathBuf,
}

impl Stage {
    /// With a clip of 500 kbit/s; a row that says what is missing, if something is.
    fn start(table: &mut Table, what: &'static str) -> Option<Self> {
        raise_descriptors();
        let clip = Clip {
            seconds: 60,
            fps: 25,
            key_interval: 50,
            video_kbps: 450,
            audio_kbps: 48,
        };
        let Some((server, clip)) = NginxRtmp::start().zip(clip.make()) else {
            table.add(Row {
                what,
                target: "nginx with RTMP, and ffmpeg".to_owned(),
                figure: "one of them is not installed".to_owned(),
                value: f64::NAN,
                verdict: Verdict::Missing,
                details: Value::Null,
            });
            return None;
        };
        let cores = Cores::two();
        let id = server.id().expect("it has just been started");
        pin::put(id, cores.map(|cores| cores.others));
        Some(Self {
            cores,
            server,
            clip,
        })
    }

    /// The stream that is played.
    fn publish(&self) -> Process {
        let url = self.server.stream_url("live", "stream");
        let publisher = ffmpeg::publish(&self.clip, &url);
        pin::put(publisher.id(), self.cores.map(|cores| cores.others));
        self.server.await_publisher("live", "stream");
        publisher
    }

    fn measured_core(&self) -> Option<usize> {
        self.cores.map(|cores| cores.measured)
    }

    /// Run this guest for so long after all of its users are there.
    fn run(&self, guest: &str, users: u64, time: Duration, more: &[String]) -> Run {
        let mut set = vec![format!("--set=url={}", self.server.url("live"))];
        set.extend_from_slice(more);
        let mut arguments = memory::arguments(guest, users, START_INTERVAL, &set);
        let starting = START_INTERVAL * u32::try_from(users).unwrap_or(u32::MAX) + START_TIME;
        let length = starting + SETTLE_TIME + time;
        arguments.push(format!("--duration={}ms", length.as_millis()));
        arguments.retain(|argument| argument != "--duration=1h");
        let run = Sleeping::start_on(&arguments, self.measured_core());
        run.wait_for_sleepers(usize::from(users > 1) + 1, length);
        std::thread::sleep(SETTLE_TIME);
        let cores = cores_used(&[run.id()], time);
        let server = self.server.id().expect("it runs");
        Run {
            cores,
            server_cores: cores_used(&[server], Duration::from_secs(1)),
            summary: run.finish(),
        }
    }
}

/// What a run came to.
struct Run {
    /// Processors that lt-host used.
    cores: f64,
    /// The same of the server.
    server_cores: f64,
    summary: Summary,
}

impl Run {
    fn value(&self, metric: &str, value: &str) -> f64 {
        figure(&self.summary, metric, value)
    }
}

/// Processors that these processes use, over a while.
fn cores_used(ids: &[u32], window: Duration) -> f64 {
    let used = || ids.iter().map(|id| run_time(*id)).sum::<Duration>();
    let (begun, before) = (Instant::now(), used());
    std::thread::sleep(window);
    (used() - before).as_secs_f64() / begun.elapsed().as_secs_f64()
}

/// Whether players of one stream keep up, and what they cost.
pub(super) fn players(plan: &Plan, table: &mut Table) {
    const WHAT: &str = "players of one RTMP stream of 500 kbit/s, one core";
    let Some(stage) = Stage::start(table, WHAT) else {
        return;
    };
    let publisher = stage.publish();
    let run = stage.run("bench_rtmp_play", plan.rtmp_players, plan.rtmp_time, &[]);
    let lag_ms = run.value("rtmp_lag", "max");
    let warnings = run.summary.warnings();
    let failures = run.summary.failures_in_all();
    let keeps_up = lag_ms <= LAG_MS_MAX && warnings.is_empty() && failures == 0;
    table.add(Row {
        what: WHAT,
        target: "none lags because of lt-host".to_owned(),
        figure: format!(
            "most lag {lag_ms:.0} ms, p99 {:.0} ({} players, {:.0} kbit/s each, {} stalls; {:.2} of a core, nginx {:.2}){}",
            run.value("rtmp_lag", "p(99)"),
            plan.rtmp_players,
            run.value("rtmp_bitrate", "avg"),
            run.summary.count("rtmp_stalls"),
            run.cores,
            run.server_cores,
            if warnings.is_empty() { "" } else { "; saturated" },
        ),
        value: lag_ms,
        verdict: if keeps_up { Verdict::Ok } else { Verdict::Short },
        details: json!({
            "players": plan.rtmp_players, "lag_max_ms": lag_ms, "cores": run.cores, "nginx_cores": run.server_cores,
            "failures": failures, "warnings": warnings,
        }),
    });
    let theirs = ffmpeg::has_rtmpdump().then(|| rtmpdump(plan, &stage));
    drop(publisher);
    let ours_ms = run.cores * 1000.0 / plan.rtmp_players as f64;
    let theirs_ms = theirs.map_or(f64::NAN, |cores| {
        cores * 1000.0 / plan.rtmp_processes as f64
    });
    let ratio = ours_ms / theirs_ms;
    table.add(Row {
        what: "CPU time of an RTMP player",
        target: format!("at most {PLAYERS_TO_RTMPDUMP_MAX} of an rtmpdump's"),
        figure: format!(
            "{ratio:.3} (lt-host {ours_ms:.3} ms a second, rtmpdump {theirs_ms:.3}; {} players {:.2} of a core, {} rtmpdump {:.2}, \
             as many as players {:.2})",
            plan.rtmp_players,
            run.cores,
            plan.rtmp_processes,
            theirs.unwrap_or(f64::NAN),
            theirs_ms * plan.rtmp_players as f64 / 1000.0,
        ),
        value: ratio,
        verdict: if ratio.is_nan() {
            Verdict::Missing
        } else {
            Verdict::at_most(ratio, PLAYERS_TO_RTMPDUMP_MAX)
        },
        details: json!({
            "players": plan.rtmp_players, "cores": run.cores, "processes": plan.rtmp_processes, "processes_cores": theirs,
        }),
    });
}

/// Processors that some rtmpdump use, on the one that lt-host had: as the tester that they come from ran them.
fn rtmpdump(plan: &Plan, stage: &Stage) -> f64 {
    let url = stage.server.stream_url("live", "stream");
    let processes: Vec<Ended> = (0..plan.rtmp_processes)
        .map(|_| {
            let mut command: Command = pin::command("rtmpdump".as_ref(), stage.measured_core());
            command
                .args(["--realtime", "--rtmp", &url, "--flv"])
                .arg(Path::new("/dev/null"))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            Ended(command.spawn().expect("it was there a moment ago"))
        })
        .collect();
    stage
        .server
        .await_players("live", "stream", processes.len());
    std::thread::sleep(SETTLE_TIME);
    let ids: Vec<u32> = processes.iter().map(|process| process.0.id()).collect();
    cores_used(&ids, plan.rtmp_time)
}

/// A process that ends with the value.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// What a player holds.
pub(super) fn memory(plan: &Plan, table: &mut Table) {
    const WHAT: &str = "users with a player of an RTMP stream";
    let Some(stage) = Stage::start(table, WHAT) else {
        return;
    };
    let _publisher = stage.publish();
    let set = [format!("--set=url={}", stage.server.url("live"))];
    let of = |users| memory::arguments("bench_rtmp_play", users, START_INTERVAL, &set);
    let run = memory::row(plan.rtmp_players, PLAYER_BYTES_MAX, WHAT, table, of);
    drop(run);
}

/// How true to time publishers are.
pub(super) fn publishers(plan: &Plan, table: &mut Table) {
    const WHAT: &str = "RTMP publishers of 500 kbit/s: frames late by";
    let Some(stage) = Stage::start(table, WHAT) else {
        return;
    };
    let users = plan.rtmp_publishers;
    let asset = format!("--asset=video={}", stage.clip.display());
    let run = stage.run("bench_rtmp_publish", users, plan.rtmp_time, &[asset]);
    let error_ms = run.value("rtmp_pacing_error", "p(99)");
    let failures = run.summary.failures_in_all();
    table.add(Row {
        what: WHAT,
        target: format!("p99 under {PACING_MS_MAX} ms"),
        figure: format!(
            "p99 {error_ms:.2} ms, median {:.2}, most {:.1} ({users} publishers, {} frames; {:.2} of a core, nginx {:.2})",
            run.value("rtmp_pacing_error", "med"),
            run.value("rtmp_pacing_error", "max"),
            run.summary.count("rtmp_frames_sent"),
            run.cores,
            run.server_cores,
        ),
        value: error_ms,
        verdict: if failures == 0 {
            Verdict::at_most(error_ms, PACING_MS_MAX)
        } else {
            Verdict::Short
        },
        details: json!({
            "publishers": users, "pacing_error_p99_ms": error_ms, "cores": run.cores, "nginx_cores": run.server_cores,
            "failures": failures, "warnings": run.summary.warnings(),
        }),
    });
}
