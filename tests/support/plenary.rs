//! A real Django with Channels under Daphne, `tests/peers/plenary`: accounts, an event page, chat rooms over WebSocket. It keeps
//! a log of its own, for tests to compare with.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::guests::repository;
use crate::install::python;
use crate::process::{Process, wait_until};
use crate::temp::TempDir;

/// Time the server gets to listen: it makes its tables first, which takes one to three seconds on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Time a killed server gets to be gone.
const KILL_LIMIT: Duration = Duration::from_secs(10);
/// Time the log gets to hold what a test waits for.
const LOG_LIMIT: Duration = Duration::from_secs(20);
/// Connections that may wait to be accepted: those of a join storm.
const BACKLOG: u32 = 1024;
/// Time between a WebSocket's request and its acceptance after which Daphne gives up: in a join storm they queue.
const CONNECT_TIMEOUT: &str = "30";
/// What Daphne says once it listens, before the port.
const LISTENING: &str = "Listening on TCP address 127.0.0.1:";

/// A running server; on drop it ends.
pub struct Plenary {
    directory: TempDir,
    python: PathBuf,
    settings: Vec<(String, String)>,
    process: Option<Process>,
    port: u16,
}

impl Plenary {
    /// Start it as it is meant; `None`, with a word on standard error, where there is no Python to run it. In CI that is a
    /// failure.
    #[must_use]
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// Start it with settings of `tests/peers/plenary/settings.py`, such as `("PLENARY_QUOTES", "single")`.
    #[must_use]
    pub fn start_with(settings: &[(&str, &str)]) -> Option<Self> {
        let mut server = Self {
            directory: TempDir::new(),
            python: environment()?,
            settings: settings
                .iter()
                .map(|&(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            process: None,
            port: 0,
        };
        server.launch();
        Some(server)
    }

    /// Its base URL, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where it listens. It stays the same over [`Plenary::restart`].
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// End it at once, as a crash would: connections are reset, and its accounts, sessions and log stay.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.signal(Signal::KILL);
            wait_until("a killed server to end", KILL_LIMIT, || process.has_ended());
        }
    }

    /// Stop it as it is, connections and all, as a machine does that has no memory left: it takes what is sent, and answers nothing.
    /// [`kill`](Self::kill) ends it.
    pub fn freeze(&self) {
        if let Some(process) = &self.process {
            process.signal(Signal::STOP);
        }
    }

    /// Start it again on the same port, if it does not run.
    pub fn restart(&mut self) {
        if self.process.is_none() {
            self.launch();
        }
    }

    /// Everything in its log so far, in order. The fields of each event are in `tests/peers/plenary/journal.py`.
    #[must_use]
    pub fn log(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.log_path()).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole
            .lines()
            .map(|line| {
                serde_json::from_str(line)
                    .unwrap_or_else(|error| panic!("{error} in the server's log: {line}"))
            })
            .collect()
    }

    /// The log's lines of one kind, such as `join` or `delivery`.
    #[must_use]
    pub fn events(&self, event: &str) -> Vec<Value> {
        let mut log = self.log();
        log.retain(|line| line["event"] == event);
        log
    }

    /// The log's lines of one kind once there are so many of them: the server notices some things only after a client has.
    #[must_use]
    pub fn await_events(&self, event: &str, count_min: usize) -> Vec<Value> {
        let what = format!("{count_min} lines of {event} in the server's log");
        wait_until(&what, LOG_LIMIT, || self.events(event).len() >= count_min);
        self.events(event)
    }

    /// What it printed, for a test that failed.
    #[must_use]
    pub fn printed(&self) -> String {
        self.process
            .as_ref()
            .map(Process::printed)
            .unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.directory.path().join("plenary.log")
    }

    /// Start the process on `self.port`, or on a free port if that is zero.
    fn launch(&mut self) {
        let mut command = Command::new(&self.python);
        command
            .current_dir(source())
            .args(["-m", "daphne", "--websocket_connect_timeout"])
            .arg(CONNECT_TIMEOUT)
            .arg("--access-log")
            .arg(self.directory.path().join("access.log"))
            .arg("-e")
            .arg(format!(
                "tcp:port={}:interface=127.0.0.1:backlog={BACKLOG}",
                self.port
            ))
            .arg("asgi:application")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONUNBUFFERED", "1")
            .env("PLENARY_DIR", self.directory.path())
            .env("PLENARY_LOG", self.log_path())
            .envs(self.settings.iter().map(|(name, value)| (name, value)));
        let mut process = Process::start("daphne", &mut command);
        wait_until("the plenary server to listen", START_LIMIT, || {
            assert!(
                !process.has_ended(),
                "the plenary server ended:\n{}",
                process.printed()
            );
            listening(&process.printed()).is_some_and(|port| {
                self.port = port;
                true
            })
        });
        self.process = Some(process);
    }
}

/// The port in what Daphne printed, once its line is whole.
fn listening(printed: &str) -> Option<u16> {
    let (_, rest) = printed.split_once(LISTENING)?;
    let (port, _) = rest.split_once('\n')?;
    port.trim().parse().ok()
}

/// Where the server's sources are.
fn source() -> PathBuf {
    repository().join("tests/peers/plenary")
}

/// The Python of a virtual environment with the server's requirements, made at the first use.
fn environment() -> Option<PathBuf> {
    python("plenary", &source().join("requirements.txt"))
}
