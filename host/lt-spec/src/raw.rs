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
    /// `--executor`: one of the seven by name; without it the other options choose one.
    pub executor: Option<String>,
    /// `--stage TIME:TARGET`, in order: users, or a rate with its unit.
    pub stages: Vec<String>,
    /// `--staircase START:STEP:HOLD:STEPS`: stages that climb.
    pub staircase: Option<String>,
    /// `--spike BASE:PEAK:BEFORE:HOLD:AFTER`: stages that jump up and back.
    pub spike: Option<String>,
    /// `--rate`: iterations that start in a time, `100/s` or `6000/m`; without a unit a second's.
    pub rate: Option<String>,
    /// `--start-rate`: the rate from which stages of rates begin.
    pub start_rate: Option<String>,
    /// `--spacing`: `uniform` or `poisson`.
    pub spacing: Option<String>,
    /// `--max-users`: users that arrivals may have at most; `--users` are made before the start.
    pub max_users: Option<String>,
    /// `--start-users`: the users from which stages of users begin.
    pub start_users: Option<String>,
    /// `--max-duration`: when an executor that counts iterations ends without them.
    pub max_duration: Option<String>,
    /// `--graceful-ramp-down`: time for the iteration of a user that is ramped down.
    pub graceful_ramp_down: Option<String>,
    /// `--repeat-num`: iterations of each user.
    pub repeat_num: Option<String>,
    /// `--profile`: defaults by name, which any option given overrides.
    pub profile: Option<String>,
    /// `--percent-new`: how many in a hundred users have no account yet. They have the ids of `--user-range`; with 0 the others have them.
    pub percent_new: Option<String>,
    /// `--existing-offset`: id of the first user who has one.
    pub existing_offset: Option<String>,
    /// `--role NAME=SHARE`: a number of users, `30%`, `every:53` or `weight:2`.
    pub roles: Vec<String>,
    /// `--on-user-failure`: `rebuild` or `retire`, `abort:N` or `abort:P%`, or one of each.
    pub on_user_failure: Option<String>,
    /// `--steady`: how long the scenario's steady condition must hold.
    pub steady: Option<String>,
    /// `--deadline`: when it must have held at the latest.
    pub deadline: Option<String>,
    /// `--no-terminate`.
    pub no_terminate: bool,
    /// `--once`: one user, one iteration, one core.
    pub once: bool,
    /// `--asset NAME=FILE`.
    pub assets: Vec<String>,
    /// `--feeder NAME=FILE[:ORDER]`.
    pub feeders: Vec<String>,
    /// `--state-file`: where the store is kept from run to run.
    pub state_file: Option<String>,
    /// `--delivery-timeout`: how long something sent may take to be received.
    pub delivery_timeout: Option<String>,
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
