//! TLS in front of a server that has none: `tests/peers/tls/terminate.py`, on Python's own library.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::certificates::{Authority, Leaf};
use crate::guests::repository;
use crate::missing::skip;
use crate::process::{Process, wait_until};
use crate::temp::TempDir;

/// Name of the program.
const PROGRAM: &str = "python3";
/// Time it gets to say where it listens.
const START_LIMIT: Duration = Duration::from_secs(20);

/// Takes TLS connections until it is dropped.
pub struct TlsFront {
    directory: TempDir,
    _process: Process,
    port: u16,
}

impl TlsFront {
    /// Before this port of 127.0.0.1, with a certificate for localhost and 127.0.0.1; `None`, with a word on standard error, where there is
    /// no Python. In CI that is a failure.
    #[must_use]
    pub fn to(port: u16) -> Option<Self> {
        let authority = Authority::new("lt-tests authority");
        let front = Self::with(&authority.server(&["127.0.0.1", "localhost"]), port)?;
        front.directory.write("authority.pem", authority.pem());
        Some(front)
    }

    /// The same with another certificate, which nobody signed for [`TlsFront::authority_file`].
    #[must_use]
    pub fn with(leaf: &Leaf, port: u16) -> Option<Self> {
        if Command::new(PROGRAM).arg("--version").output().is_err() {
            skip("python3, which is not installed", "apt-get install python3");
            return None;
        }
        let directory = TempDir::new();
        let mut command = Command::new(PROGRAM);
        command
            .arg(repository().join("tests/peers/tls/terminate.py"))
            .arg(directory.write("leaf.pem", &leaf.certificate))
            .arg(directory.write("leaf.key", &leaf.key))
            .arg(port.to_string());
        let mut process = Process::start("python3, which ends TLS", &mut command);
        let mut own = None;
        wait_until("the port of TLS", START_LIMIT, || {
            assert!(!process.has_ended(), "it ended: {}", process.printed());
            let printed = process.printed();
            let line = printed.strip_suffix('\n');
            own = line.and_then(|line| line.parse().ok());
            own.is_some()
        });
        Some(Self {
            directory,
            _process: process,
            port: own.unwrap_or_default(),
        })
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Who signed its certificate: what `--ca-cert` takes.
    #[must_use]
    pub fn authority_file(&self) -> PathBuf {
        self.directory.path().join("authority.pem")
    }
}
