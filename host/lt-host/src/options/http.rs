//! How the HTTP clients of the users behave.

use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::BoolishValueParser;
use lt_spec::{Problem, RawHttp};

/// Largest PEM file that is read: every authority there is takes a quarter of a megabyte.
const PEM_BYTES_MAX: u64 = 16 << 20;

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

impl HttpOptions {
    /// The files, as the flags name them.
    pub(super) fn pem_files(&self) -> [(&'static str, Option<&Path>); 3] {
        [
            ("--ca-cert", self.ca_cert.as_deref()),
            ("--client-cert", self.client_cert.as_deref()),
            ("--client-key", self.client_key.as_deref()),
        ]
    }

    /// As `lt-spec` takes it, with what is in the files, and what is wrong with those. One that cannot be read is given all
    /// the same, but empty: its partner does not lack it.
    pub(super) fn raw(&self) -> (RawHttp, Vec<Problem>) {
        let mut problems = Vec::new();
        let [authorities, client_certificate, client_key] =
            self.pem_files().map(|(field, path)| {
                let read = read_pem(field, path?).map_err(|problem| problems.push(problem));
                Some(read.unwrap_or_default())
            });
        let raw = RawHttp {
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
        };
        (raw, problems)
    }
}

/// Read a PEM file that was named in `field`.
///
/// # Errors
/// If it cannot be read, or is larger than any of its kind.
pub(crate) fn read_pem(field: &str, path: &Path) -> Result<Vec<u8>, Problem> {
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
