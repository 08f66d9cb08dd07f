//! Children and what they cost.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use lt_tests::guests::{program, target};
use lt_tests::results::Summary;
use lt_tests::temp::TempDir;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

use crate::pin;

/// CPU time of one child, user and system.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// In microseconds.
    pub(crate) cpu_us: f64,
    /// How long it ran.
    pub(crate) took: Duration,
}

/// Run a command to its end: what it printed, and what it cost. The only child that ends meanwhile, so that the difference in
/// what all ended children cost is its own.
pub(crate) fn measured(name: &str, command: &mut Command) -> (String, Cost) {
    let errors = TempDir::new();
    let errors = errors.write("stderr", "");
    command.stdin(Stdio::null());
    command.stderr(File::create(&errors).expect("a file can be made"));
    let before = children_cpu_us();
    let begun = Instant::now();
    let output = command
        .stdout(Stdio::piped())
        .spawn()
        .and_then(Child::wait_with_output);
    let output = output.unwrap_or_else(|error| panic!("cannot run {name}: {error}"));
    let took = begun.elapsed();
    let cpu_us = children_cpu_us() - before;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{name} ended with {}\n--- stdout\n{stdout}\n--- stderr\n{}",
        output.status,
        std::fs::read_to_string(&errors).unwrap_or_default()
    );
    (stdout, Cost { cpu_us, took })
}

/// CPU time of all children that have ended.
fn children_cpu_us() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("usage of children is always known");
    let time = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    time as f64
}

/// `lt-host` with these arguments, in a directory of its own.
pub(crate) fn lt_host(directory: &TempDir, arguments: &[String]) -> Command {
    lt_host_on(directory, arguments, None)
}

/// The same on one processor, if one is given.
fn lt_host_on(directory: &TempDir, arguments: &[String], core: Option<usize>) -> Command {
    let mut command = pin::command(program().as_os_str(), core);
    command
        .args(arguments)
        .current_dir(directory.path())
        .env_clear()
        .env("HOME", directory.path())
        .env("XDG_CACHE_HOME", target().join("tmp/lt-bench-cache"))
        .env("NO_COLOR", "1");
    command
}

/// CPU time that the threads of a process have used so far, to the nanosecond: a process that uses little is not to be counted in ticks.
pub(crate) fn run_time(id: u32) -> Duration {
    let tasks = format!("/proc/{id}/task");
    let tasks = std::fs::read_dir(&tasks).unwrap_or_else(|error| panic!("{tasks}: {error}"));
    let nanos = tasks.filter_map(|task| {
        let path = task.ok()?.path().join("schedstat");
        let text = std::fs::read_to_string(path).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}

/// The summary of a run that was made in this directory.
pub(crate) fn summary(directory: &TempDir) -> Summary {
    Summary::read(&directory.path().join("results/latest/summary.json"))
}

/// A value that the summary must have.
pub(crate) fn figure(summary: &Summary, metric: &str, value: &str) -> f64 {
    let found = summary.value(metric, value);
    found.unwrap_or_else(|| panic!("the summary has no {metric} {value}"))
}

/// An `lt-host` under way whose guests say when they are asleep. Killed with the value: it would sleep for an hour.
pub(crate) struct Sleeping {
    child: Child,
    begun: Instant,
    lines: Receiver<(Instant, String)>,
    directory: TempDir,
}

impl Sleeping {
    /// Start it.
    pub(crate) fn start(arguments: &[String]) -> Self {
        Self::start_on(arguments, None)
    }

    /// The same on one processor, if one is given.
    pub(crate) fn start_on(arguments: &[String], core: Option<usize>) -> Self {
        let directory = TempDir::new();
        let begun = Instant::now();
        let mut child = lt_host_on(&directory, arguments, core)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("lt-host can be started");
        let errors = child.stderr.take().expect("its errors are piped");
        let (say, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(errors).lines().map_while(Result::ok) {
                if say.send((Instant::now(), line)).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            begun,
            lines,
            directory,
        }
    }

    /// Wait until so many users have said that they are asleep; how long it took since the start.
    pub(crate) fn wait_for_sleepers(&self, count: usize, limit: Duration) -> Duration {
        let deadline = Instant::now() + limit;
        let mut asleep = 0;
        let mut heard = String::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok((when, line)) => {
                    asleep += usize::from(line.contains("asleep"));
                    if asleep >= count {
                        return when - self.begun;
                    }
                    heard.push_str(&line);
                    heard.push('\n');
                }
                Err(RecvTimeoutError::Timeout) => {
                    panic!("{asleep} of {count} users asleep after {limit:?}\n{heard}")
                }
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("lt-host ended with {asleep} of {count} users asleep\n{heard}")
                }
            }
        }
    }

    /// Memory it holds: resident, and page tables.
    pub(crate) fn memory(&self) -> Memory {
        let path = format!("/proc/{}/status", self.child.id());
        let status =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let bytes = |field: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(field));
            let kib: f64 = line
                .and_then(|line| {
                    line.trim_start_matches(':')
                        .trim()
                        .trim_end_matches(" kB")
                        .parse()
                        .ok()
                })
                .unwrap_or_else(|| panic!("{path} has no {field}"));
            kib * 1024.0
        };
        Memory {
            resident_bytes: bytes("VmRSS"),
            tables_bytes: bytes("VmPTE"),
        }
    }

    /// CPU time it has used so far, user and system.
    pub(crate) fn cpu(&self) -> Duration {
        let path = format!("/proc/{}/stat", self.child.id());
        let stat = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        // The name, in brackets, may hold anything; the state follows it, and eleven fields later the two times.
        let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
        let ticks: u64 = fields
            .split(' ')
            .skip(11)
            .take(2)
            .map(|field| field.parse::<u64>().expect("CPU times are numbers"))
            .sum();
        let each_second = rustix::param::clock_ticks_per_second();
        Duration::from_millis(ticks * 1000 / each_second)
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Wait until it ends by itself; its summary.
    pub(crate) fn finish(mut self) -> Summary {
        let status = self.child.wait().expect("a child can be waited for");
        let heard: Vec<String> = self.lines.iter().map(|(_, line)| line).collect();
        assert!(
            status.success(),
            "lt-host ended with {status}\n{}",
            heard.join("\n")
        );
        summary(&self.directory)
    }

    /// Kernel mappings it has.
    pub(crate) fn mappings(&self) -> usize {
        let path = format!("/proc/{}/maps", self.child.id());
        std::fs::read_to_string(path)
            .unwrap_or_default()
            .lines()
            .count()
    }
}

impl Drop for Sleeping {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// What a process holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// Resident.
    pub(crate) resident_bytes: f64,
    /// Page tables, which the kernel does not count as resident.
    pub(crate) tables_bytes: f64,
}
