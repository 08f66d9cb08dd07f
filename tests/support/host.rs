//! The real `lt-host`, run as a user runs it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::guests;
use crate::process::{Finished, Process, wait_until};
use crate::results::{Row, Summary, csv, json_lines};
use crate::temp::TempDir;

/// Time a run of the suite may take before it is killed: ten times the longest on a busy machine.
const RUN_LIMIT: Duration = Duration::from_secs(60);
/// Name of the CSV output in the run's directory.
const CSV: &str = "samples.csv";

/// An `lt-host` command in the making. Its working directory is new and empty, and nothing of the caller's `LT_*`
/// variables reaches it.
pub struct LtHost {
    command: Command,
    directory: TempDir,
    limit: Duration,
}

impl LtHost {
    /// `lt-host` with these arguments.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the names of variables that the child must not inherit"
    )]
    pub fn new(arguments: &[&str]) -> Self {
        let directory = TempDir::new();
        let mut command = Command::new(guests::program());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("LT_") {
                command.env_remove(name);
            }
        }
        command
            .args(arguments)
            .current_dir(directory.path())
            .env("HOME", directory.path())
            // Compiled guests are kept by content hash: one cache serves all tests, so that each guest is compiled once.
            .env(
                "XDG_CACHE_HOME",
                guests::target().join("tmp/lt-tests-cache"),
            )
            .env("NO_COLOR", "1");
        Self {
            command,
            directory,
            limit: RUN_LIMIT,
        }
    }

    /// `lt-host run` of this file, on one thread unless the test says otherwise: tests share the machine.
    #[must_use]
    pub fn run_file(scenario: &Path) -> Self {
        Self::new(&["run"]).argument(scenario.to_str().expect("paths of tests are text"))
    }

    /// `lt-host run` of a guest.
    #[must_use]
    pub fn run(guest: &str) -> Self {
        Self::run_file(&guests::guest(guest))
    }

    /// `lt-host run` of a run file with this text, in which `"@guest"` is the path of the guest in quotes.
    #[must_use]
    pub fn run_spec(text: &str) -> Self {
        Self::spec("run", text)
    }

    /// A command on a run file, as [`run_spec`](Self::run_spec); the file is `run.toml` in its working directory.
    #[must_use]
    pub fn spec(command: &str, text: &str) -> Self {
        let made = Self::new(&[command, "--spec", "run.toml"]);
        made.file("run.toml", guests::with_paths(text));
        made
    }

    /// One more argument.
    #[must_use]
    pub fn argument(mut self, argument: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// More arguments, as one would type them: split at blanks.
    #[must_use]
    pub fn arguments(mut self, arguments: &str) -> Self {
        self.command.args(arguments.split_whitespace());
        self
    }

    /// `--set name=value`.
    #[must_use]
    pub fn set(self, name: &str, value: impl std::fmt::Display) -> Self {
        self.argument("--set").argument(format!("{name}={value}"))
    }

    /// A variable of its environment.
    #[must_use]
    pub fn variable(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Another limit than a minute, for a run with a reason to take longer.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Also write every sample, for [`Ran::rows`].
    #[must_use]
    pub fn with_samples(self) -> Self {
        self.argument("--out").argument(format!("csv={CSV}"))
    }

    /// Its working directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A file in its working directory.
    pub fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        self.directory.write(name, contents)
    }

    /// Run it to its end.
    #[must_use]
    pub fn finish(self) -> Ran {
        self.start().finish()
    }

    /// Run it to its end in a directory of the caller's instead of its own.
    #[must_use]
    pub fn finish_in(mut self, directory: &Path) -> Ran {
        self.command.current_dir(directory);
        self.finish()
    }

    /// Start it in a directory of the caller's instead of its own, and go on.
    #[must_use]
    pub fn start_in(mut self, directory: &Path) -> Running {
        self.command.current_dir(directory);
        self.start()
    }

    /// Start it and go on.
    #[must_use]
    pub fn start(mut self) -> Running {
        let process = Process::start("lt-host", &mut self.command);
        Running {
            process,
            command: format!("{:?}", self.command),
            directory: self.directory,
            limit: self.limit,
        }
    }
}

/// An `lt-host` under way.
pub struct Running {
    process: Process,
    command: String,
    directory: TempDir,
    limit: Duration,
}

impl Running {
    /// Ctrl-C.
    pub fn interrupt(&self) {
        self.process.signal(Signal::INT);
    }

    /// Another signal.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// What it has printed so far, standard output first.
    #[must_use]
    pub fn printed(&self) -> String {
        self.process.printed()
    }

    /// Its working directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A file of its working directory.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.process.has_ended()
    }

    /// Most resident memory so far, in KiB, as the kernel counts it (`VmHWM`); `None` once it has ended.
    #[must_use]
    pub fn resident_kib_max(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().trim_end_matches("kB").trim().parse().ok()
    }

    /// Wait until it has printed this, and return what stands behind it on that line.
    pub fn wait_for_text(&mut self, text: &str) -> String {
        let mut behind = None;
        wait_until(text, self.limit, || {
            let printed = self.process.printed();
            // Only whole lines: the rest of one may still be on its way.
            let whole = printed
                .rfind('\n')
                .map_or("", |end| printed.get(..end).unwrap_or_default());
            behind = whole
                .lines()
                .find_map(|line| line.split_once(text))
                .map(|(_, behind)| behind.to_owned());
            assert!(
                behind.is_some() || !self.process.has_ended(),
                "it ended without {text:?}\n{printed}"
            );
            behind.is_some()
        });
        behind.unwrap_or_default()
    }

    /// Wait for a file that it writes, such as a results directory.
    pub fn wait_for_file(&self, name: &str) {
        let path = self.directory.path().join(name);
        wait_until(name, self.limit, || path.exists());
    }

    /// Wait for its end.
    #[must_use]
    pub fn finish(self) -> Ran {
        let finished = self.process.finish(self.limit);
        Ran {
            finished,
            command: self.command,
            directory: self.directory,
        }
    }
}

/// An `lt-host` that has ended.
pub struct Ran {
    finished: Finished,
    command: String,
    directory: TempDir,
}

impl Ran {
    /// Require an exit code; on another, everything it printed is shown.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert!(
            self.finished.code == Some(code),
            "exit code {:?}, not {code}\n{self}",
            self.finished.code
        );
        self
    }

    /// Require that it passed and that no user failed.
    #[track_caller]
    pub fn expect_clean(self) -> Self {
        let ran = self.expect_code(0);
        assert!(ran.summary().failures_in_all() == 0, "users failed\n{ran}");
        ran
    }

    /// Require a text somewhere in what it printed.
    #[track_caller]
    pub fn expect_text(self, text: &str) -> Self {
        assert!(self.printed().contains(text), "nowhere is {text:?}\n{self}");
        self
    }

    /// Require that a text is nowhere in what it printed.
    #[track_caller]
    pub fn expect_no_text(self, text: &str) -> Self {
        assert!(
            !self.printed().contains(text),
            "somewhere is {text:?}\n{self}"
        );
        self
    }

    /// Standard output and standard error.
    #[must_use]
    pub fn printed(&self) -> String {
        format!("{}{}", self.finished.stdout, self.finished.stderr)
    }

    /// Standard output.
    #[must_use]
    pub fn stdout(&self) -> &str {
        &self.finished.stdout
    }

    /// Standard error.
    #[must_use]
    pub fn stderr(&self) -> &str {
        &self.finished.stderr
    }

    /// How long it took.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.finished.took
    }

    /// The events of its results directory that have this name.
    #[must_use]
    pub fn events(&self, name: &str) -> Vec<serde_json::Value> {
        let mut events = json_lines(&self.path("results/latest/events.jsonl"));
        events.retain(|event| event["event"] == name);
        events
    }

    /// Its working directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A file of its working directory.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Whether it left a results directory.
    #[must_use]
    pub fn has_results(&self) -> bool {
        self.path("results").exists()
    }

    /// The summary of its results directory.
    #[must_use]
    #[track_caller]
    pub fn summary(&self) -> Summary {
        let path = self.path("results/latest/summary.json");
        assert!(path.is_file(), "there is no {}\n{self}", path.display());
        Summary::read(&path)
    }

    /// The samples of a run [`with_samples`](LtHost::with_samples).
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        csv(&self.path(CSV))
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Finished {
            code,
            stdout,
            stderr,
            took,
        } = &self.finished;
        write!(
            f,
            "$ {}\nended with {code:?} after {took:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}",
            self.command
        )
    }
}

/// An `lt-host target`: the built-in server, on a free port, until the value is dropped.
pub struct Target {
    _running: Running,
    url: String,
}

impl Target {
    /// Start it.
    #[must_use]
    pub fn start() -> Self {
        let mut running = LtHost::new(&["target", "--listen", "127.0.0.1:0"]).start();
        let url = running.wait_for_text("listening on ").trim().to_owned();
        Self {
            _running: running,
            url,
        }
    }

    /// A URL on it, of this path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}
