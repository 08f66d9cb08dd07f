//! The options that say what a run does: shared by `run` and `validate`. Values stay texts here; `lt-spec` checks them all
//! and reports every problem at once.

// Groups of options have plain comments: clap would take a doc comment for the help of the command they are part of.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::BoolishValueParser;
use lt_spec::{Problem, RawHttp, RawRun};

use crate::process::Process;

/// What the names of variables for settings begin with.
const SETTING_PREFIX: &str = "LT_SET_";
/// Largest PEM file that is read: every authority there is takes a quarter of a megabyte.
const PEM_BYTES_MAX: u64 = 16 << 20;

// All options of a run.
#[derive(Clone, Debug, Args)]
pub(crate) struct RunOptions {
    /// The scenario: a WebAssembly component, as `cargo component build --release` makes it.
    #[arg(value_name = "SCENARIO.wasm")]
    pub(crate) scenario: PathBuf,
    #[command(flatten)]
    pub(crate) load: LoadOptions,
    #[command(flatten)]
    pub(crate) input: InputOptions,
    #[command(flatten)]
    pub(crate) http: HttpOptions,
    #[command(flatten)]
    pub(crate) sandbox: SandboxOptions,
}

// How much load.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Load")]
pub(crate) struct LoadOptions {
    /// Number of virtual users, each in a sandbox of its own. Without it the scenario's suggestion, else 1.
    #[arg(short, long, visible_alias = "vus", value_name = "N", env = "LT_USERS")]
    pub(crate) users: Option<String>,
    /// Ids of the users, both ends included: 101..200 are a hundred users. Without it they are counted from 1.
    #[arg(long, value_name = "FIRST..LAST", env = "LT_USER_RANGE")]
    pub(crate) user_range: Option<String>,
    /// How long users go on iterating. With neither this nor --iterations, each user iterates once; with both, the run ends
    /// with whichever comes first.
    #[arg(short, long, value_name = "TIME", env = "LT_DURATION")]
    pub(crate) duration: Option<String>,
    /// Iterations in all, shared by the users: whoever is free takes the next. At least as many as there are users.
    #[arg(short, long, value_name = "N", env = "LT_ITERATIONS")]
    pub(crate) iterations: Option<String>,
    /// Time between the starts of two users, so that they do not all begin at once. Without it they do.
    #[arg(long, value_name = "TIME", env = "LT_INTERARRIVAL")]
    pub(crate) interarrival: Option<String>,
    /// Time between the starts of two iterations of one user. A user whose iteration takes longer starts the next at once.
    /// Without it each iteration follows the one before it directly.
    #[arg(long, value_name = "TIME", env = "LT_REPEAT_INTERVAL")]
    pub(crate) repeat_interval: Option<String>,
    /// How long iterations under way may take when the run ends, before they are cut off. 30s unless given.
    #[arg(long, value_name = "TIME", env = "LT_GRACEFUL_STOP")]
    pub(crate) graceful_stop: Option<String>,
    /// Seed of every random number, to repeat a run. Random unless given; the summary tells it.
    #[arg(long, value_name = "N", env = "LT_SEED")]
    pub(crate) seed: Option<String>,
    /// Threads that run users, from 1 to 1024. All processors that this process may use unless given.
    #[arg(long, value_name = "N", env = "LT_CORES")]
    pub(crate) cores: Option<String>,
}

// What goes into the run and what it is judged by.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Settings and verdict")]
pub(crate) struct InputOptions {
    /// A setting of the scenario; `lt-host describe` lists them. May be repeated. Each can also be given as the variable
    /// LT_SET_<NAME>, in capitals and with '_' for '-'.
    #[arg(
        long = "set",
        value_name = "NAME=VALUE",
        env = "LT_SET",
        value_delimiter = '\n'
    )]
    pub(crate) settings: Vec<String>,
    /// What the run must reach, in k6's words: 'http_req_duration:p(95)<200', 'http_req_failed:rate<0.01',
    /// 'http_reqs{status:500}:count<1'. Times are in milliseconds, rates from 0 to 1. ';abort' ends the run as soon as it
    /// does not hold, ';abort=10s' not before ten seconds. May be repeated; LT_THRESHOLD takes one a line.
    #[arg(
        long = "threshold",
        value_name = "EXPR",
        env = "LT_THRESHOLD",
        value_delimiter = '\n'
    )]
    pub(crate) thresholds: Vec<String>,
    /// A tag for every sample of the run, such as env=staging. May be repeated; LT_TAG takes one a line.
    #[arg(
        long = "tag",
        value_name = "NAME=VALUE",
        env = "LT_TAG",
        value_delimiter = '\n'
    )]
    pub(crate) tags: Vec<String>,
    /// Write every sample to a file in k6's layout: json=FILE or csv=FILE. May be repeated; LT_OUT takes one a line.
    #[arg(
        short = 'o',
        long = "out",
        value_name = "KIND=FILE",
        env = "LT_OUT",
        value_delimiter = '\n'
    )]
    pub(crate) outputs: Vec<String>,
}

// How the HTTP clients of the users behave, where the scenario says nothing else.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "HTTP")]
pub(crate) struct HttpOptions {
    /// Time for a whole exchange, redirects and body included. 60s unless given.
    #[arg(long, value_name = "TIME", env = "LT_HTTP_TIMEOUT")]
    pub(crate) http_timeout: Option<String>,
    /// Redirects that are followed; 0 returns the first response. 10 unless given.
    #[arg(long, value_name = "N", env = "LT_MAX_REDIRECTS")]
    pub(crate) max_redirects: Option<String>,
    /// Throw bodies of responses away as they arrive, unless a request asks for its own. They are counted all the same.
    #[arg(long, env = "LT_DISCARD_RESPONSE_BODIES", value_parser = BoolishValueParser::new())]
    pub(crate) discard_response_bodies: bool,
    /// Accept any certificate of a server.
    #[arg(long, env = "LT_INSECURE_SKIP_TLS_VERIFY", value_parser = BoolishValueParser::new())]
    pub(crate) insecure_skip_tls_verify: bool,
    /// A PEM file with authorities to trust instead of the system's.
    #[arg(long, value_name = "FILE", env = "LT_CA_CERT")]
    pub(crate) ca_cert: Option<PathBuf>,
    /// A PEM file with the certificate chain to show servers that ask for one (mTLS). Needs --client-key.
    #[arg(long, value_name = "FILE", env = "LT_CLIENT_CERT")]
    pub(crate) client_cert: Option<PathBuf>,
    /// A PEM file with the private key of --client-cert.
    #[arg(long, value_name = "FILE", env = "LT_CLIENT_KEY")]
    pub(crate) client_key: Option<PathBuf>,
    /// Do a full TLS handshake for every connection, as users on machines of their own would.
    #[arg(long, env = "LT_NO_TLS_RESUMPTION", value_parser = BoolishValueParser::new())]
    pub(crate) no_tls_resumption: bool,
    /// Open a new connection for every request.
    #[arg(long, env = "LT_NO_CONNECTION_REUSE", value_parser = BoolishValueParser::new())]
    pub(crate) no_connection_reuse: bool,
    /// Open new connections in every iteration.
    #[arg(long, env = "LT_NO_VU_CONNECTION_REUSE", value_parser = BoolishValueParser::new())]
    pub(crate) no_vu_connection_reuse: bool,
    /// Local IP addresses to connect from, separated by commas; users take them in turn. Each has ports of its own.
    #[arg(long, value_name = "IP,IP,…", env = "LT_LOCAL_IPS")]
    pub(crate) local_ips: Option<String>,
    /// Connect to this address instead of resolving the name: HOST[:PORT]=IP[:PORT]. May be repeated; the variable
    /// takes one a line.
    #[arg(
        long = "host-override",
        visible_alias = "hosts",
        value_name = "HOST=IP",
        env = "LT_HOST_OVERRIDE",
        value_delimiter = '\n'
    )]
    pub(crate) host_overrides: Vec<String>,
    /// Send every request through this proxy: http://[USER:PASSWORD@]HOST:PORT. For https it is asked to CONNECT.
    #[arg(long, value_name = "URL", env = "LT_PROXY")]
    pub(crate) proxy: Option<String>,
    /// What the clients call themselves; an empty text sends no user-agent. lt-host/<version> unless given.
    #[arg(long, value_name = "TEXT", env = "LT_USER_AGENT")]
    pub(crate) user_agent: Option<String>,
}

// What one user may use, and how the scenario is compiled.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Sandbox")]
pub(crate) struct SandboxOptions {
    /// Most memory of one user, from 64KiB to 4GiB. 16MiB unless given.
    #[arg(long, value_name = "SIZE", env = "LT_MEMORY_LIMIT")]
    pub(crate) memory_limit: Option<String>,
    /// Longest a user may compute without waiting for anything, from 20ms to 1h; then it is ended and begins anew. 1s unless given.
    #[arg(long, value_name = "TIME", env = "LT_CPU_LIMIT")]
    pub(crate) cpu_limit: Option<String>,
    /// Where compiled scenarios are kept, so that the next start is fast. $XDG_CACHE_HOME/lt-host, else
    /// ~/.cache/lt-host, unless given.
    #[arg(long, value_name = "DIR", env = "LT_COMPILE_CACHE")]
    pub(crate) compile_cache: Option<PathBuf>,
    /// Compile the scenario anew, and keep nothing.
    #[arg(long, env = "LT_NO_COMPILE_CACHE", conflicts_with = "compile_cache", value_parser = BoolishValueParser::new())]
    pub(crate) no_compile_cache: bool,
    /// For a scenario of someone you do not trust: keep the compiler's defence against speculative reads out of bounds.
    /// Code that works much in memory takes up to twice the CPU.
    #[arg(long, env = "LT_HARDENED", value_parser = BoolishValueParser::new())]
    pub(crate) hardened: bool,
}

impl RunOptions {
    /// As `lt-spec` takes it, with the files and variables that belong to it.
    ///
    /// # Errors
    /// The files that cannot be read.
    pub(crate) fn raw(&self, process: &Process) -> Result<RawRun, Vec<Problem>> {
        let http = self.http.raw()?;
        let load = self.load.clone();
        let settings_from_variables: BTreeMap<String, String> = process
            .variables
            .iter()
            .filter_map(|(name, value)| {
                Some((name.strip_prefix(SETTING_PREFIX)?.to_owned(), value.clone()))
            })
            .collect();
        Ok(RawRun {
            users: load.users,
            user_range: load.user_range,
            duration: load.duration,
            iterations: load.iterations,
            interarrival: load.interarrival,
            repeat_interval: load.repeat_interval,
            graceful_stop: load.graceful_stop,
            seed: load.seed,
            cores: load.cores,
            settings: self.input.settings.clone(),
            settings_from_variables,
            thresholds: self.input.thresholds.clone(),
            tags: self.input.tags.clone(),
            outputs: self.input.outputs.clone(),
            memory_limit: self.sandbox.memory_limit.clone(),
            cpu_limit: self.sandbox.cpu_limit.clone(),
            http,
        })
    }
}

impl HttpOptions {
    fn raw(&self) -> Result<RawHttp, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut read = |field: &str, path: &Option<PathBuf>| {
            let path = path.as_deref()?;
            read_pem(field, path)
                .map_err(|problem| problems.push(problem))
                .ok()
        };
        let authorities = read("--ca-cert", &self.ca_cert);
        let client_certificate = read("--client-cert", &self.client_cert);
        let client_key = read("--client-key", &self.client_key);
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(RawHttp {
            timeout: self.http_timeout.clone(),
            max_redirects: self.max_redirects.clone(),
            discard_bodies: self.discard_response_bodies,
            insecure: self.insecure_skip_tls_verify,
            authorities,
            client_certificate,
            client_key,
            no_tls_resumption: self.no_tls_resumption,
            no_connection_reuse: self.no_connection_reuse,
            no_reuse_between_iterations: self.no_vu_connection_reuse,
            proxy: self.proxy.clone(),
            local_addresses: self.local_ips.clone(),
            hosts: self.host_overrides.clone(),
            user_agent: self.user_agent.clone(),
        })
    }
}

fn read_pem(field: &str, path: &Path) -> Result<Vec<u8>, Problem> {
    let problem = |message: String| {
        Problem::new(
            field,
            path.display().to_string(),
            message,
            "give a PEM file that can be read",
        )
    };
    let size_bytes = std::fs::metadata(path)
        .map_err(|error| problem(format!("cannot be read: {error}")))?
        .len();
    if size_bytes > PEM_BYTES_MAX {
        return Err(problem(format!("is over {} MiB", PEM_BYTES_MAX >> 20)));
    }
    std::fs::read(path).map_err(|error| problem(format!("cannot be read: {error}")))
}
