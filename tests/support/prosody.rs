//! A real prosody: one server with all that XMPP scenarios talk to, its accounts made in bulk, and a module of ours that counts
//! what clients sent and got, so that a test can hold lt-host's numbers to the server's.

mod configuration;

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::certificates::Authority;
use crate::missing::skip;
use crate::peers::free_ports;
use crate::process::{Process, wait_until};
use crate::temp::TempDir;

pub use configuration::{Options, host};
use configuration::{Ports, configuration, write_certificates, write_modules};

/// Name of the program.
const PROGRAM: &str = "prosody";
/// Time it gets to listen: with thousands of accounts whose keys it derives it takes some seconds.
const START_LIMIT: Duration = Duration::from_secs(120);
/// Time it gets to end when it is told to; it waits some seconds for clients that do not close.
const STOP_LIMIT: Duration = Duration::from_secs(20);
/// Another process may take a port between our choice and its bind: then it is tried again with other ports.
const START_ATTEMPTS: usize = 5;
/// Time the server gets to have seen what a run has told.
const COUNTS_LIMIT: Duration = Duration::from_secs(20);

/// What the server's clients did so far. Stanzas are named as in [`Counts::of`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<String, u64>);

impl Counts {
    /// `message_in`, `message_out`, `presence_in`, … (what clients sent, and what they were sent); `authenticated`, `refused`,
    /// `bound`, `unbound`, `registered`, `removed`.
    #[must_use]
    pub fn of(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }
}

/// A running prosody.
pub struct Prosody {
    directory: TempDir,
    /// `None` while it is stopped.
    process: Option<Process>,
    ports: Ports,
    /// Who signed its good certificates.
    pub authority: Authority,
}

impl Prosody {
    /// Start it with what most tests need; `None`, with a word on standard error, where there is none. In CI that is a failure.
    #[must_use]
    pub fn start() -> Option<Self> {
        Self::start_with(&Options::default())
    }

    /// Start it in another way.
    #[must_use]
    pub fn start_with(options: &Options) -> Option<Self> {
        if !is_installed() {
            skip("prosody, which is not installed", "apt-get install prosody");
            return None;
        }
        for _ in 0..START_ATTEMPTS {
            if let Some(prosody) = Self::try_start(options) {
                return Some(prosody);
            }
        }
        panic!("prosody did not start in {START_ATTEMPTS} attempts");
    }

    fn try_start(options: &Options) -> Option<Self> {
        let directory = TempDir::new();
        let authority = Authority::new("lt-tests authority");
        let ports = Ports::choose(&free_ports(configuration::PORTS));
        write_certificates(&directory, &authority);
        write_modules(&directory);
        let text = configuration(directory.path(), ports, options);
        directory.write("prosody.cfg.lua", text);
        std::fs::create_dir_all(directory.path().join("data")).expect("a directory can be made");
        let mut prosody = Self {
            directory,
            process: None,
            ports,
            authority,
        };
        prosody.try_launch().then_some(prosody)
    }

    /// Start the program, and wait until it listens. False if somebody else has one of its ports.
    fn try_launch(&mut self) -> bool {
        let mut command = Command::new(PROGRAM);
        command
            .arg("--config")
            .arg(self.directory.path().join("prosody.cfg.lua"))
            .arg("-F")
            .current_dir(self.directory.path());
        let mut process = Process::start(PROGRAM, &mut command);
        let mut ended = false;
        let all = self.ports.all();
        wait_until("prosody to listen", START_LIMIT, || {
            ended = process.has_ended();
            let mut listening = all.iter();
            ended || listening.all(|&port| TcpStream::connect(("127.0.0.1", port)).is_ok())
        });
        // It says so and goes on without the port.
        let log = self.log();
        let taken = log.contains("Failed to open server port");
        assert!(
            !ended || taken,
            "prosody ended: {}\n{log}",
            process.printed()
        );
        self.process = Some(process);
        // The ports are opened first, and answered when all accounts are made.
        if !taken {
            let _counts = self.counts();
        }
        !taken
    }

    /// Where clients connect: `127.0.0.1` and the port of TCP with StartTLS.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.ports.client)
    }

    /// Port of TCP with StartTLS.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.ports.client
    }

    /// Where TLS is spoken from the first byte.
    #[must_use]
    pub fn direct_tls_address(&self) -> String {
        format!("127.0.0.1:{}", self.ports.direct_tls)
    }

    /// The WebSocket without TLS.
    #[must_use]
    pub fn websocket_url(&self) -> String {
        format!("ws://127.0.0.1:{}/xmpp-websocket", self.ports.http)
    }

    /// The WebSocket over TLS.
    #[must_use]
    pub fn secure_websocket_url(&self) -> String {
        format!("wss://localhost:{}/xmpp-websocket", self.ports.https)
    }

    /// A file with the certificate of [`Prosody::authority`].
    #[must_use]
    pub fn authority_file(&self) -> PathBuf {
        self.directory.path().join("authority.pem")
    }

    /// What it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("prosody.log")).unwrap_or_default()
    }

    /// Its process id, while it runs.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.as_ref().map_or(0, Process::id)
    }

    /// What its clients did so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let answer = get(self.ports.http, "/suite");
        let json: Value = serde_json::from_str(&answer)
            .unwrap_or_else(|error| panic!("{error} in {answer:?}\n{}", self.log()));
        let counts = json.as_object().into_iter().flatten();
        let counts = counts.filter_map(|(name, count)| Some((name.clone(), count.as_u64()?)));
        Counts(counts.collect())
    }

    /// What its clients did, once that is so: the server hears of a run's end in its own time.
    #[must_use]
    pub fn await_counts(&self, what: &str, mut is_so: impl FnMut(&Counts) -> bool) -> Counts {
        let mut counts = Counts::default();
        wait_until(what, COUNTS_LIMIT, || {
            counts = self.counts();
            is_so(&counts)
        });
        counts
    }

    /// End it as an operator does: clients get the stream error `system-shutdown`.
    pub fn stop(&mut self) {
        self.end(Signal::TERM);
    }

    /// End it as a crash does.
    pub fn kill(&mut self) {
        self.end(Signal::KILL);
    }

    fn end(&mut self, signal: Signal) {
        let Some(mut process) = self.process.take() else {
            return;
        };
        process.signal(signal);
        wait_until("prosody to end", STOP_LIMIT, || process.has_ended());
    }

    /// Start it again after its end, on the same ports, with the accounts that it has. Its counts begin anew.
    pub fn start_again(&mut self) {
        assert!(self.process.is_none(), "it still runs");
        assert!(self.try_launch(), "a port was taken\n{}", self.log());
    }
}

/// Whether there is a program of this name on the search path.
#[expect(
    clippy::disallowed_methods,
    reason = "the search path of a child process"
)]
fn is_installed() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(PROGRAM).is_file())
}

/// The body of a page.
fn get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("prosody listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .expect("prosody takes a request");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("prosody answers with text");
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body);
    body.unwrap_or_default().to_owned()
}
