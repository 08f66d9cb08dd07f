//! What a server is told when it starts: values only, read from flags, variables and files by whoever starts it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use lt_spec::target::AllowedTargets;

use crate::auth::Token;

/// What a server is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it listens, as bound.
    pub listen: SocketAddr,
    /// Names beside `localhost` and the address by which clients call it (`Host`).
    pub host_names: Vec<String>,
    /// What callers must show; `None` only on loopback.
    pub token: Option<Token>,
    /// Where uploads and results are kept: one process at a time.
    pub data_dir: PathBuf,
    /// How much it takes on.
    pub limits: Limits,
    /// What scenarios may reach.
    pub allow_targets: Arc<AllowedTargets>,
    /// A Graphite server to which annotations are sent (`POST URL/events/`).
    pub graphite_url: Option<String>,
    /// This host's name, for status and tags.
    pub node: String,
    /// The program's version.
    pub version: String,
    /// A source of random numbers: for seeds and ids that are no secrets.
    pub random: fn() -> u64,
    /// The wall clock: nanoseconds since 1970, UTC.
    pub now_unix_ns: fn() -> i64,
}

/// How much a host takes on: what goes beyond is refused and told so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Users of all runs together.
    pub users_max: u64,
    /// Runs at a time.
    pub runs_max: usize,
    /// Uploads at a time, of scenarios and files; each scenario among them waits for the one compiler.
    pub uploads_max: usize,
    /// Linear memory that one user may have.
    pub user_memory_bytes: usize,
}
