//! `lt-host serve`: a host that takes scenarios over the network and lets people steer its runs.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use lt_runtime::EngineOptions;
use lt_server::{Config, Limits, Server, Token};
use lt_spec::limits::{
    ADDRESS_SPACE_BYTES_MAX, RUNS_DEFAULT, RUNS_GRANT_MAX, UPLOADS_DEFAULT, UPLOADS_GRANT_MAX,
    USER_FOOTPRINT_BYTES, USER_MEMORY_BYTES_GRANT_MAX, USER_MEMORY_BYTES_MAX,
    USER_MEMORY_BYTES_MIN, USERS_MAX, WASM_PAGE_BYTES,
};
use lt_spec::target::{AllowedTargets, LOOPBACK};
use lt_spec::{Problem, parse};
use tokio::sync::watch;
use url::Url;

use crate::error::CommandError;
use crate::exit::Exit;
use crate::machine;
use crate::options::read_pem;
use crate::process::{Process, end_at_once, on_interrupt};
use crate::scenario_file::{engine, read_bounded};

/// The variable that may hold the token.
const TOKEN_VARIABLE: &str = "LT_TOKEN";
/// Longest token: those of --new-token have 64 characters, those of others may be JWTs.
const TOKEN_BYTES_MAX: u64 = 16 << 10;
/// A shorter token can be guessed by whoever tries for long.
const TOKEN_LENGTH_GOOD: usize = 20;
/// Random bytes of a new token: 256 bits cannot be guessed.
const NEW_TOKEN_BYTES: usize = 32;
/// Permissions of a file that holds a token.
const TOKEN_FILE_MODE: u32 = 0o600;
/// Memory for the host itself, its runs' numbers and its page, before users are counted.
const HOST_MEMORY_BYTES: u64 = 256 << 20;
/// So many signals, and the host is gone: the first winds down, the second hurries.
const SIGNALS_PATIENT: u32 = 2;

/// Serve this machine as a host: take scenarios over the network, run several tests at once, steer them while they run
///
/// Open the printed address in a browser for the page, /api-docs for the REST interface. Runs until Ctrl-C: the first
/// ends runs gracefully, the second at once.
#[derive(Clone, Debug, Args)]
pub(crate) struct Serve {
    /// Address and port to listen on; port 0 takes a free one. The first line printed says which. Anywhere but on loopback a
    /// token is demanded.
    #[arg(
        long,
        value_name = "ADDR",
        env = "LT_SERVE_LISTEN",
        default_value = "127.0.0.1:7070"
    )]
    listen: SocketAddr,
    /// Where scenarios, files and results are kept. Made if it is not there; one process at a time.
    #[arg(
        long,
        value_name = "DIR",
        env = "LT_SERVE_DATA_DIR",
        default_value = "lt-host-data"
    )]
    data_dir: PathBuf,
    /// What scenarios may reach: a host (api.example.com, *.example.com), an address, a network (10.0.0.0/8), each with a port
    /// (:8080) or range (:8000-8999) if wanted; 'loopback', which is all unless this is given; 'any'. May be repeated;
    /// LT_SERVE_ALLOW_TARGET takes one a line.
    #[arg(
        long = "allow-target",
        value_name = "PATTERN",
        env = "LT_SERVE_ALLOW_TARGET",
        value_delimiter = '\n'
    )]
    allow_targets: Vec<String>,
    #[command(flatten)]
    access: Access,
    #[command(flatten)]
    limits: ServeLimits,
    /// A Graphite server whose events interface is told of annotations (POST URL/events/).
    #[arg(long, value_name = "URL", env = "LT_SERVE_GRAPHITE_URL")]
    graphite_url: Option<String>,
}

// Who may call, and how.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Access")]
struct Access {
    /// A file with the token that callers must show (Authorization: Bearer TOKEN). The variable LT_TOKEN may hold the token
    /// itself instead. Not needed on loopback.
    #[arg(long, value_name = "FILE", env = "LT_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// Write a new token to this file, for its owner alone to read, and end. The file must not be there.
    #[arg(long, value_name = "FILE", env = "LT_SERVE_NEW_TOKEN")]
    new_token: Option<PathBuf>,
    /// A PEM file with the host's certificate, and those between it and its authority: serve https.
    #[arg(long, value_name = "FILE", env = "LT_SERVE_TLS_CERT")]
    tls_cert: Option<PathBuf>,
    /// A PEM file with the certificate's private key.
    #[arg(long, value_name = "FILE", env = "LT_SERVE_TLS_KEY")]
    tls_key: Option<PathBuf>,
    /// A name by which callers reach this host. Calls by any other name than this, localhost and the address are refused,
    /// because browsers can be tricked into them. May be repeated; LT_SERVE_HOST_NAME takes one a line.
    #[arg(
        long = "host-name",
        value_name = "NAME",
        env = "LT_SERVE_HOST_NAME",
        value_delimiter = '\n'
    )]
    host_names: Vec<String>,
}

// How much it takes on.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Limits")]
struct ServeLimits {
    /// Users of all runs together. Unless given, as many as the memory holds that is free at the start.
    #[arg(long, value_name = "N", env = "LT_SERVE_MAX_USERS", value_parser = clap::value_parser!(u64).range(1..=USERS_MAX))]
    max_users: Option<u64>,
    /// Runs at a time.
    #[arg(long, value_name = "N", env = "LT_SERVE_MAX_RUNS", default_value_t = RUNS_DEFAULT as u64, value_parser = clap::value_parser!(u64).range(1..=RUNS_GRANT_MAX as u64))]
    max_runs: u64,
    /// Uploads at a time.
    #[arg(long, value_name = "N", env = "LT_SERVE_MAX_UPLOADS", default_value_t = UPLOADS_DEFAULT as u64, value_parser = clap::value_parser!(u64).range(1..=UPLOADS_GRANT_MAX as u64))]
    max_uploads: u64,
    /// Most memory of one user, from 2MiB to 4GiB. 16MiB unless given.
    #[arg(long, value_name = "SIZE", env = "LT_SERVE_MEMORY_LIMIT")]
    memory_limit: Option<String>,
}

/// What was typed, checked.
struct Checked {
    limits: Limits,
    token: Option<Token>,
    allow_targets: AllowedTargets,
    tls: Option<Arc<lt_server::tls::ServerConfig>>,
}

impl Serve {
    /// Serve until a signal comes.
    pub(crate) fn execute(self, process: &mut Process) -> Result<Exit, CommandError> {
        if let Some(path) = &self.access.new_token {
            write_token(path)?;
            process.print(&format!("a new token is in {}\n", path.display()))?;
            return Ok(Exit::Success);
        }
        machine::raise_descriptors();
        let Checked {
            limits,
            token,
            allow_targets,
            tls,
        } = self.check(process)?;
        let listener = self.bind()?;
        let address = listener.local_addr()?;
        let has_tls = tls.is_some();
        self.warn(token.is_some(), has_tls);
        let engine = engine(&EngineOptions {
            users_max: limits.users_max,
            user_memory_bytes: limits.user_memory_bytes,
            cache_dir: Some(self.data_dir.join("cache")),
            // Scenarios come from whoever has the token.
            hardened: true,
        })?;
        let config = Config {
            listen: address,
            host_names: self.access.host_names.clone(),
            token,
            data_dir: self.data_dir.clone(),
            limits,
            allow_targets: Arc::new(allow_targets),
            graphite_url: self.graphite_url.clone(),
            node: machine::of_run(process).node,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            random: process.random,
            now_unix_ns: process.now_unix_ns,
        };
        let server = Server::open(config, engine).map_err(|error| match error {
            lt_server::OpenError::DataDir(error) => unusable_data_dir(&self.data_dir, &error),
            other @ lt_server::OpenError::Data { .. } => CommandError::Failed(other.to_string()),
        })?;
        let (signals, asked_to_end) = watch::channel(0);
        on_interrupt(move |count| {
            if count > SIGNALS_PATIENT {
                end_at_once(Exit::Interrupted);
            }
            signals.send_replace(count);
        })?;
        let scheme = if has_tls { "https" } else { "http" };
        process.print(&format!("listening on {scheme}://{address}\n"))?;
        server
            .serve(listener, tls, asked_to_end)
            .map_err(|error| CommandError::Failed(format!("the server ended: {error}")))?;
        Ok(Exit::Success)
    }

    /// Everything that was typed, and everything that is wrong with it.
    fn check(&self, process: &Process) -> Result<Checked, CommandError> {
        let mut problems = Vec::new();
        let user_memory_bytes = note(self.limits.memory(), &mut problems);
        let memory = user_memory_bytes.unwrap_or(USER_MEMORY_BYTES_MAX);
        let users_max = note(self.limits.users(memory), &mut problems);
        let token = note(self.access.token(process), &mut problems).flatten();
        if token.is_none() && problems.is_empty() && !self.listen.ip().is_loopback() {
            problems.push(Problem::new(
                "--listen",
                self.listen.to_string(),
                "is not loopback, and there is no token: anybody could run code on this machine",
                "give --token-file FILE; `lt-host serve --new-token FILE` writes one",
            ));
        }
        let patterns = match self.allow_targets.as_slice() {
            [] => vec![LOOPBACK.to_owned()],
            given => given.to_vec(),
        };
        let allow_targets = AllowedTargets::parse("--allow-target", &patterns);
        let allow_targets = allow_targets.map_err(|told| problems.extend(told)).ok();
        let tls = note(self.access.tls(), &mut problems).flatten();
        problems.extend(
            self.access
                .host_names
                .iter()
                .filter_map(|name| check_host_name(name)),
        );
        problems.extend(self.graphite_url.as_deref().and_then(check_graphite));
        match (users_max, allow_targets) {
            (Some(users_max), Some(allow_targets)) if problems.is_empty() => Ok(Checked {
                limits: Limits {
                    users_max,
                    runs_max: usize::try_from(self.limits.max_runs).unwrap_or(RUNS_DEFAULT),
                    uploads_max: usize::try_from(self.limits.max_uploads)
                        .unwrap_or(UPLOADS_DEFAULT),
                    user_memory_bytes: memory,
                },
                token,
                allow_targets,
                tls,
            }),
            _ => Err(problems.into()),
        }
    }

    fn bind(&self) -> Result<TcpListener, CommandError> {
        TcpListener::bind(self.listen).map_err(|error| {
            CommandError::input(
                "--listen",
                self.listen.to_string(),
                format!("cannot be listened on: {error}"),
                "give another address, or port 0 for a free port",
            )
        })
    }

    /// What is allowed and not wise.
    fn warn(&self, has_token: bool, has_tls: bool) {
        if has_token && !has_tls && !self.listen.ip().is_loopback() {
            tracing::warn!(
                "the token goes over the network as it is: give --tls-cert and --tls-key, or listen on loopback behind a tunnel"
            );
        }
        if let Some(path) = &self.access.token_file
            && let Ok(about) = std::fs::metadata(path)
            && about.permissions().mode() & 0o077 != 0
        {
            tracing::warn!(
                "others may read the token in {}: chmod 600 it",
                path.display()
            );
        }
    }
}

impl Access {
    /// The token that callers must show, if there is one.
    fn token(&self, process: &Process) -> Result<Option<Token>, Problem> {
        let remedy =
            "put one word of printable ASCII into it; `lt-host serve --new-token FILE` writes one";
        let (field, text) = match (&self.token_file, process.variable(TOKEN_VARIABLE)) {
            (Some(path), _) => {
                let bytes = read_bounded(path, "--token-file", TOKEN_BYTES_MAX, remedy)?;
                (
                    "--token-file",
                    String::from_utf8_lossy(&bytes).trim().to_owned(),
                )
            }
            (None, Some(token)) => (TOKEN_VARIABLE, token.trim().to_owned()),
            (None, None) => return Ok(None),
        };
        // The token itself is told nowhere.
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Problem::new(field, "", "holds no token", remedy));
        }
        if text.len() < TOKEN_LENGTH_GOOD {
            tracing::warn!(
                "the token has only {} characters: `lt-host serve --new-token FILE` writes a better one",
                text.len()
            );
        }
        Ok(Some(Token::new(&text)))
    }

    /// The certificate and its key.
    fn tls(&self) -> Result<Option<Arc<lt_server::tls::ServerConfig>>, Problem> {
        match (&self.tls_cert, &self.tls_key) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => {
                let certificate = read_pem("--tls-cert", certificate)?;
                let key = read_pem("--tls-key", key)?;
                lt_server::tls::config(&certificate, &key).map(Some)
            }
            (Some(_), None) => Err(Problem::new(
                "--tls-key",
                "",
                "is missing",
                "give both, or neither",
            )),
            (None, Some(_)) => Err(Problem::new(
                "--tls-cert",
                "",
                "is missing",
                "give both, or neither",
            )),
        }
    }
}

impl ServeLimits {
    /// Memory of one user, in whole pages.
    fn memory(&self) -> Result<usize, Problem> {
        let Some(text) = &self.memory_limit else {
            return Ok(USER_MEMORY_BYTES_MAX);
        };
        let remedy = "write a size from 2MiB to 4GiB, such as 16MiB";
        let problem = |message: &str| Problem::new("--memory-limit", text.clone(), message, remedy);
        let bytes = parse::bytes(text).map_err(|_| problem("is no size"))?;
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        if (USER_MEMORY_BYTES_MIN..=USER_MEMORY_BYTES_GRANT_MAX).contains(&bytes) {
            Ok(bytes.next_multiple_of(WASM_PAGE_BYTES))
        } else {
            Err(problem("is not what a user may have"))
        }
    }

    /// Users of all runs together: as asked, or as the memory holds.
    fn users(&self, memory: usize) -> Result<u64, Problem> {
        let addressable =
            ADDRESS_SPACE_BYTES_MAX / u64::try_from(memory.max(1)).unwrap_or(u64::MAX);
        match self.max_users {
            Some(users) if users > addressable => {
                let message = format!(
                    "times a memory limit of {memory} bytes are more than can be addressed"
                );
                let remedy = format!("at most {addressable}, or a lower --memory-limit");
                Err(Problem::new(
                    "--max-users",
                    users.to_string(),
                    message,
                    remedy,
                ))
            }
            Some(users) => Ok(users),
            None => {
                let free = machine::memory_available_bytes().unwrap_or(u64::MAX);
                let fitting = free.saturating_sub(HOST_MEMORY_BYTES) / USER_FOOTPRINT_BYTES;
                Ok(fitting.clamp(1, USERS_MAX.min(addressable)))
            }
        }
    }
}

/// What came of a check; its problem is noted.
fn note<T>(checked: Result<T, Problem>, problems: &mut Vec<Problem>) -> Option<T> {
    checked.map_err(|problem| problems.push(problem)).ok()
}

fn check_host_name(name: &str) -> Option<Problem> {
    let is_name = !name.is_empty()
        && name.len() <= 253
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
    (!is_name).then(|| {
        let remedy = "give a name alone, without scheme and port: load.example.com";
        Problem::new("--host-name", name, "is no name of a host", remedy)
    })
}

fn check_graphite(text: &str) -> Option<Problem> {
    let url = Url::parse(text).ok();
    let is_url = url.is_some_and(|url| ["http", "https"].contains(&url.scheme()) && url.has_host());
    (!is_url).then(|| {
        let shown = if text.contains('@') { "" } else { text };
        let remedy = "give the address of its web interface: http://graphite.example.com";
        Problem::new(
            "--graphite-url",
            shown,
            "is no URL of http or https",
            remedy,
        )
    })
}

fn unusable_data_dir(path: &Path, error: &lt_server::data_dir::DataDirError) -> CommandError {
    let text = error.to_string();
    let (message, remedy) = text
        .split_once(" (remedy: ")
        .unwrap_or((&text, "give another directory"));
    let shown = path.display().to_string();
    let message = message
        .strip_prefix(&format!("{shown}: "))
        .unwrap_or(message);
    let remedy = remedy.strip_suffix(')').unwrap_or(remedy);
    CommandError::input("--data-dir", shown, message, remedy)
}

/// Write a new token to a file that is not there yet.
fn write_token(path: &Path) -> Result<(), CommandError> {
    let token: [u8; NEW_TOKEN_BYTES] = rand::random();
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(TOKEN_FILE_MODE);
    let written = options.open(path).and_then(|mut file| {
        writeln!(file, "{}", lt_server::blobs::hex(&token))?;
        file.sync_all()
    });
    written.map_err(|error| {
        CommandError::input(
            "--new-token",
            path.display().to_string(),
            format!("cannot be written: {error}"),
            "give the name of a file that is not there, in a directory that is",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::testing::fake;

    fn said(arguments: &[&str], variables: &[(&str, &str)]) -> (Exit, String) {
        let (mut process, printed) = fake(&[&["serve"], arguments].concat());
        for (name, value) in variables {
            process
                .variables
                .insert((*name).to_owned(), (*value).to_owned());
        }
        let exit = crate::main(&mut process);
        (exit, printed.stderr.text())
    }

    #[test]
    fn without_a_token_it_listens_on_loopback_only() {
        let (exit, text) = said(&["--listen", "0.0.0.0:0"], &[]);
        assert_eq!(exit, Exit::BadInput);
        assert!(
            text.contains("--listen") && text.contains("--new-token"),
            "{text}"
        );
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let (exit, text) = said(
            &[
                "--allow-target",
                "http://x/",
                "--memory-limit",
                "1KiB",
                "--host-name",
                "http://x",
                "--graphite-url",
                "nowhere",
                "--tls-cert",
                "x.pem",
                "--token-file",
                "/nonexistent/token",
            ],
            &[],
        );
        assert_eq!(exit, Exit::BadInput);
        for field in [
            "--allow-target",
            "--memory-limit",
            "--host-name",
            "--graphite-url",
            "--tls-key",
            "--token-file",
        ] {
            assert!(text.contains(field), "{field} is not in:\n{text}");
        }
    }

    #[test]
    fn an_empty_token_is_none_and_is_not_told() {
        let (exit, text) = said(&[], &[("LT_TOKEN", "two words")]);
        assert_eq!(exit, Exit::BadInput);
        assert!(
            text.contains("LT_TOKEN") && !text.contains("two words"),
            "{text}"
        );
    }

    #[test]
    fn more_users_than_can_be_addressed_are_refused() {
        let (exit, text) = said(&["--max-users", "1000000", "--memory-limit", "4GiB"], &[]);
        assert_eq!(exit, Exit::BadInput);
        assert!(
            text.contains("--max-users") && text.contains("at most"),
            "{text}"
        );
        let (exit, _) = said(&["--max-users", "0"], &[]);
        assert_eq!(exit, Exit::BadInput);
    }

    #[test]
    fn a_new_token_is_for_its_owner_and_never_the_same() {
        let dir = std::env::temp_dir().join(format!("lt-host-new-token-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let write = |name: &str| {
            let path = dir.join(name);
            let (mut process, printed) = fake(&["serve", "--new-token", path.to_str().unwrap()]);
            (crate::main(&mut process), path, printed.stdout.text())
        };
        let (exit, first, said) = write("a");
        assert_eq!(exit, Exit::Success);
        let token = std::fs::read_to_string(&first).unwrap();
        assert_eq!(token.trim().len(), 2 * NEW_TOKEN_BYTES);
        assert!(!said.contains(token.trim()));
        let mode = std::fs::metadata(&first).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, TOKEN_FILE_MODE);
        let (_, second, _) = write("b");
        assert_ne!(std::fs::read_to_string(second).unwrap(), token);
        assert_eq!(write("a").0, Exit::BadInput);
        assert_eq!(std::fs::read_to_string(first).unwrap(), token);
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn one_host_a_directory() {
        let dir = std::env::temp_dir().join(format!("lt-host-taken-{}", std::process::id()));
        let _held = lt_server::data_dir::DataDir::open(&dir).unwrap();
        let path = dir.to_str().unwrap();
        let (exit, text) = said(
            &[
                "--listen",
                "127.0.0.1:0",
                "--data-dir",
                path,
                "--max-users",
                "10",
            ],
            &[],
        );
        assert_eq!(exit, Exit::BadInput);
        assert!(
            text.contains("--data-dir") && text.contains("another lt-host"),
            "{text}"
        );
        std::fs::remove_dir_all(dir).unwrap();
    }
}
