//! A real server of the npm package `ws`, `tests/peers/ws`: it does with a connection what the path of the URL says.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::guests::repository;
use crate::install::{answer, installed, run};
use crate::missing::skip;
use crate::process::{Process, wait_until};

/// Time the server gets to listen; it needs a tenth of a second.
const START_LIMIT: Duration = Duration::from_secs(30);
/// Time its log gets to hold what a test waits for.
const LOG_LIMIT: Duration = Duration::from_secs(20);
/// What it prints once it listens, before the port.
const LISTENING: &str = "listening on ";
/// How to get it.
const REMEDY: &str = "apt-get install nodejs npm";

/// A running server; on drop it ends.
pub struct WsServer {
    process: Process,
    port: u16,
}

impl WsServer {
    /// Start it; `None`, with a word on standard error, where there is no Node.js or no npm. In CI that is a failure.
    #[must_use]
    pub fn start() -> Option<Self> {
        let modules = modules()?;
        let mut command = Command::new("node");
        command
            .arg(source().join("server.js"))
            .env("NODE_PATH", modules);
        let mut process = Process::start("node", &mut command);
        let mut port = None;
        wait_until("the server of npm's ws to listen", START_LIMIT, || {
            assert!(
                !process.has_ended(),
                "the server of npm's ws ended:\n{}",
                process.printed()
            );
            port = listening(&process.printed());
            port.is_some()
        });
        Some(Self {
            process,
            port: port.unwrap_or_default(),
        })
    }

    /// A URL on it: path and query say what it does, see `tests/peers/ws/server.js`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("ws://127.0.0.1:{}{path}", self.port)
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What became of its connections so far, in order: lines with `event` `open`, `close` or `error`.
    #[must_use]
    pub fn log(&self) -> Vec<Value> {
        self.process
            .printed()
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// How the connections ended, once so many have: `code` and `reason`, and the `messages`, `pings` and `pongs` received.
    #[must_use]
    pub fn await_closed(&self, count_min: usize) -> Vec<Value> {
        let closed = || {
            let mut log = self.log();
            log.retain(|line| line["event"] == "close");
            log
        };
        let what = format!("{count_min} connections to npm's ws to end");
        wait_until(&what, LOG_LIMIT, || closed().len() >= count_min);
        closed()
    }
}

/// The port in what the server printed, once its line is whole.
fn listening(printed: &str) -> Option<u16> {
    let (line, _) = printed.split_once('\n')?;
    line.strip_prefix(LISTENING)?.parse().ok()
}

/// Where the server's sources are.
fn source() -> PathBuf {
    repository().join("tests/peers/ws")
}

/// The directory with the packages of the lock file, installed at the first use.
fn modules() -> Option<PathBuf> {
    let versions = ["node", "npm"].map(|program| answer(program, &["--version"]));
    let [Some(node), Some(npm)] = versions else {
        skip("Node.js and npm, which are not installed", REMEDY);
        return None;
    };
    let files = ["package.json", "package-lock.json"].map(|name| {
        let text =
            std::fs::read_to_string(source().join(name)).expect("the package's files can be read");
        (name, text)
    });
    let key = format!("{node}{npm}{}{}", files[0].1, files[1].1);
    let directory = installed("ws", &key, |directory| {
        for (name, text) in &files {
            std::fs::write(directory.join(name), text).expect("a file can be written");
        }
        run(
            "npm ci",
            Command::new("npm").current_dir(directory).args([
                "ci",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
            ]),
        );
    });
    Some(directory.join("node_modules"))
}
