//! What is meant: a validated run. No `Option` where a value is required, no text where a type will do.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use lt_metrics::Threshold;

/// One run, ready to start.
#[derive(Clone, Debug)]
pub struct RunSpec {
    /// Unique id of the run, also the name of its results directory.
    pub id: String,
    /// Name of the scenario, for tags and display.
    pub scenario: String,
    /// Name of this host, for users and tags.
    pub node: String,
    /// Number of virtual users.
    pub users: u64,
    /// Id of the first user; the others follow.
    pub first_user: u64,
    /// How the users are roled: consecutive blocks of users, in this order; empty if all are alike.
    pub roles: Vec<RoleCount>,
    /// When iterations start.
    pub load: Load,
    /// The run's seed.
    pub seed: u64,
    /// Every declared setting with its value.
    pub settings: BTreeMap<String, String>,
    /// Names of the settings that are never shown.
    pub secrets: Vec<String>,
    /// Tags of every sample of the run.
    pub tags: BTreeMap<String, String>,
    /// What the run is judged by.
    pub thresholds: Vec<Threshold>,
    /// How HTTP clients behave.
    pub http: HttpSpec,
    /// What one user may use.
    pub user_limits: UserLimits,
    /// Threads that run users.
    pub cores: usize,
    /// Where every sample is written, besides the summary.
    pub outputs: Vec<Output>,
}

/// A block of users that play one role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleCount {
    /// The role's name.
    pub name: String,
    /// How many users play it.
    pub users: u64,
}

/// When iterations start: one variant a load shape.
#[derive(Clone, Debug, PartialEq)]
pub enum Load {
    /// A fixed number of users, each iterating again and again.
    ConstantUsers(ConstantUsers),
}

/// The `constant-users` shape.
#[derive(Clone, Debug, PartialEq)]
pub struct ConstantUsers {
    /// When the run ends, whatever else is true; `None`: when the iterations are done.
    pub duration: Option<Duration>,
    /// How many iterations to do.
    pub iterations: Iterations,
    /// Time between the starts of two users; zero starts all at once.
    pub interarrival: Duration,
    /// Time between the intended starts of two iterations of one user; `None`: the next starts when the last ended.
    pub repeat_interval: Option<Duration>,
    /// How long iterations under way may take after the end.
    pub graceful_stop: Duration,
}

/// How many iterations a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Iterations {
    /// As many as fit into the duration.
    Unlimited,
    /// This many in all, taken by whichever user is free (k6's `--iterations`).
    Shared(u64),
    /// This many by each user.
    PerUser(u64),
}

/// How HTTP clients behave, unless a scenario says otherwise.
#[derive(Clone, Debug)]
pub struct HttpSpec {
    /// Time for a whole exchange.
    pub timeout: Duration,
    /// Most redirects followed.
    pub max_redirects: u32,
    /// Whether bodies are thrown away unless a request asks to keep them.
    pub discard_bodies: bool,
    /// Accept any certificate.
    pub insecure: bool,
    /// PEM file contents: authorities to trust instead of the system's.
    pub authorities: Option<Vec<u8>>,
    /// PEM contents: certificate chain and private key to show servers.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
    /// Resume TLS sessions.
    pub tls_resumption: bool,
    /// Reuse connections within an iteration.
    pub connection_reuse: bool,
    /// Keep connections from one iteration to the next.
    pub reuse_between_iterations: bool,
    /// Proxy for every request.
    pub proxy: Option<String>,
    /// Local addresses to connect from, taken in turn by user.
    pub local_addresses: Vec<IpAddr>,
    /// `host` or `host:port` → address to use instead of resolving.
    pub hosts: BTreeMap<String, SocketAddrOrIp>,
    /// The `user-agent`; empty sends none.
    pub user_agent: String,
}

/// The address of a host override: with or without a port of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketAddrOrIp {
    /// Address and port.
    Socket(SocketAddr),
    /// Address; the URL's port is kept.
    Ip(IpAddr),
}

/// What one user may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserLimits {
    /// Most linear memory.
    pub memory_bytes: usize,
    /// Longest stretch of CPU time without a host call that waits.
    pub cpu: Duration,
}

/// Where the run's numbers go, besides the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Every sample as a JSON line in k6's layout.
    Json(PathBuf),
    /// Every sample as a CSV row in k6's layout.
    Csv(PathBuf),
}
