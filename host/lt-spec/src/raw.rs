//! What was typed: every option as the text it came in, `None` if it was not given. Nothing here is checked;
//! [`resolve`](crate::resolve()) does that, so that all faults are reported at once and with the same words wherever a
//! value came from.

use std::collections::BTreeMap;

/// A run as flags and `LT_*` variables describe it.
#[derive(Clone, Debug, Default)]
pub struct RawRun {
    /// `--users`: a whole number.
    pub users: Option<String>,
    /// `--user-range A..B`: ids of the first and the last user.
    pub user_range: Option<String>,
    /// `--duration`: a length of time.
    pub duration: Option<String>,
    /// `--iterations`: a whole number, shared by all users.
    pub iterations: Option<String>,
    /// `--interarrival`: time between the starts of two users.
    pub interarrival: Option<String>,
    /// `--repeat-interval`: time between two starts of one user.
    pub repeat_interval: Option<String>,
    /// `--graceful-stop`: time for iterations under way at the end.
    pub graceful_stop: Option<String>,
    /// `--seed`: a whole number.
    pub seed: Option<String>,
    /// `--cores`: threads that run users.
    pub cores: Option<String>,
    /// `--set NAME=VALUE`, in the order given; of one name the last counts.
    pub settings: Vec<String>,
    /// `LT_SET_<NAME>` variables: what follows `LT_SET_`, and the value.
    pub settings_from_variables: BTreeMap<String, String>,
    /// `--threshold EXPR`.
    pub thresholds: Vec<String>,
    /// `--tag NAME=VALUE`.
    pub tags: Vec<String>,
    /// `--out KIND=FILE`.
    pub outputs: Vec<String>,
    /// `--memory-limit`: a size.
    pub memory_limit: Option<String>,
    /// `--cpu-limit`: a length of time.
    pub cpu_limit: Option<String>,
    /// How HTTP clients behave.
    pub http: RawHttp,
}

/// The HTTP part of [`RawRun`].
#[derive(Clone, Debug, Default)]
pub struct RawHttp {
    /// `--http-timeout`: a length of time.
    pub timeout: Option<String>,
    /// `--max-redirects`: a whole number.
    pub max_redirects: Option<String>,
    /// `--discard-response-bodies`.
    pub discard_bodies: bool,
    /// `--insecure-skip-tls-verify`.
    pub insecure: bool,
    /// Contents of the file of `--ca-cert`.
    pub authorities: Option<Vec<u8>>,
    /// Contents of the file of `--client-cert`.
    pub client_certificate: Option<Vec<u8>>,
    /// Contents of the file of `--client-key`.
    pub client_key: Option<Vec<u8>>,
    /// `--no-tls-resumption`.
    pub no_tls_resumption: bool,
    /// `--no-connection-reuse`.
    pub no_connection_reuse: bool,
    /// `--no-vu-connection-reuse`.
    pub no_reuse_between_iterations: bool,
    /// `--proxy URL`.
    pub proxy: Option<String>,
    /// `--local-ips A,B,…`.
    pub local_addresses: Option<String>,
    /// `--host-override HOST[:PORT]=IP[:PORT]`.
    pub hosts: Vec<String>,
    /// `--user-agent TEXT`.
    pub user_agent: Option<String>,
}
