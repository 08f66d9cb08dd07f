//! Everything that can be checked before a run starts, in one place: the file, the scenario, the options, the network
//! settings. Nothing is written and nobody is spoken to.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lt_metrics::Registry;
use lt_net::{TlsProfiles, TlsSettings};
use lt_runtime::{Engine, EngineOptions, Scenario};
use lt_spec::limits::{SCENARIO_BYTES_MAX, USER_MEMORY_BYTES_MAX, USERS_MAX};
use lt_spec::spec::{HttpSpec, RunSpec};
use lt_spec::{Problem, RawRun, parse};

use crate::error::CommandError;
use crate::machine;
use crate::options::{RunOptions, SandboxOptions};
use crate::process::Process;

/// How problems name the positional argument.
const SCENARIO: &str = "SCENARIO";

/// A run that can start.
pub(crate) struct Prepared {
    /// What to do.
    pub(crate) spec: RunSpec,
    /// What the users are.
    pub(crate) scenario: Scenario,
    /// Its metrics.
    pub(crate) registry: Arc<Registry>,
}

/// Check everything.
///
/// # Errors
/// Everything that is wrong, as far as it can be known: without a scenario, its settings cannot be checked.
pub(crate) fn prepare(options: &RunOptions, process: &Process) -> Result<Prepared, CommandError> {
    let raw = options.raw(process)?;
    let engine_options = engine_options(&raw, &options.sandbox, process);
    let scenario = load(&options.scenario, &engine_options)?;
    let spec = lt_spec::resolve(&raw, scenario.description(), &machine::of_run(process))?;
    check_network(&spec.http)?;
    let registry = Arc::new(lt_spec::registry(scenario.description())?);
    Ok(Prepared {
        spec,
        scenario,
        registry,
    })
}

/// Load a scenario from its file.
///
/// # Errors
/// If the file cannot be read, or is not a scenario that runs here.
pub(crate) fn load(path: &Path, options: &EngineOptions) -> Result<Scenario, CommandError> {
    let wasm = read(path)?;
    let engine = Engine::new(options).map_err(|error| CommandError::Failed(error.to_string()))?;
    engine.load(&wasm).map_err(|error| CommandError::Scenario {
        path: path.to_owned(),
        error,
    })
}

/// What the engine must be made for, before the scenario is known and the options are checked: what cannot be understood
/// counts as not given, and is reported later.
fn engine_options(raw: &RawRun, sandbox: &SandboxOptions, process: &Process) -> EngineOptions {
    let range = raw
        .user_range
        .as_deref()
        .and_then(|text| parse::user_range(text).ok());
    let users = raw
        .users
        .as_deref()
        .and_then(|text| parse::whole(text).ok());
    let users = range
        .map(|(first, last)| last - first + 1)
        .or(users)
        .unwrap_or(USERS_MAX);
    let memory = raw
        .memory_limit
        .as_deref()
        .and_then(|text| parse::bytes(text).ok());
    EngineOptions {
        users_max: users.clamp(1, USERS_MAX),
        user_memory_bytes: memory
            .and_then(|bytes| usize::try_from(bytes).ok())
            .unwrap_or(USER_MEMORY_BYTES_MAX),
        cache_dir: cache_dir(sandbox, process),
        hardened: sandbox.hardened,
    }
}

/// Options for an engine that only looks at a scenario.
pub(crate) fn looking_only(process: &Process) -> EngineOptions {
    EngineOptions {
        users_max: 1,
        cache_dir: default_cache_dir(process),
        ..EngineOptions::default()
    }
}

fn cache_dir(sandbox: &SandboxOptions, process: &Process) -> Option<PathBuf> {
    if sandbox.no_compile_cache {
        return None;
    }
    sandbox
        .compile_cache
        .clone()
        .or_else(|| default_cache_dir(process))
}

/// The place that the XDG base directory specification gives caches.
fn default_cache_dir(process: &Process) -> Option<PathBuf> {
    let absolute = |path: &str| Path::new(path).is_absolute().then(|| PathBuf::from(path));
    let base = process
        .variable("XDG_CACHE_HOME")
        .and_then(absolute)
        .or_else(|| {
            let home = process.variable("HOME").and_then(absolute)?;
            Some(home.join(".cache"))
        })?;
    Some(base.join("lt-host"))
}

fn read(path: &Path) -> Result<Vec<u8>, CommandError> {
    let shown = path.display().to_string();
    let built = "build it with `cargo component build --release` and give the .wasm file";
    let unreadable = |error: std::io::Error| {
        let message = match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => format!("cannot be read: {error}"),
        };
        CommandError::input(SCENARIO, &shown, message, built)
    };
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(CommandError::input(
            SCENARIO,
            &shown,
            "is a directory",
            built,
        ));
    }
    if metadata.len() > SCENARIO_BYTES_MAX {
        let message = format!(
            "is larger than the {} MiB a scenario may have",
            SCENARIO_BYTES_MAX >> 20
        );
        return Err(CommandError::input(
            SCENARIO,
            &shown,
            message,
            "build it for release, and strip it",
        ));
    }
    std::fs::read(path).map_err(unreadable)
}

/// Certificates that cannot be read and addresses that are not ours would fail every request: better now than then.
fn check_network(http: &HttpSpec) -> Result<(), Vec<Problem>> {
    let mut problems = Vec::new();
    let settings = TlsSettings {
        authorities: http.authorities.clone(),
        identity: http.identity.clone(),
        insecure: http.insecure,
        resumption: http.tls_resumption,
    };
    if let Err(error) = TlsProfiles::default().profile(&settings) {
        let remedy = "give PEM files whose certificate and key belong together";
        problems.push(Problem::new(
            "--ca-cert, --client-cert or --client-key",
            "",
            error.to_string(),
            remedy,
        ));
    }
    for address in &http.local_addresses {
        if let Err(error) = std::net::TcpListener::bind((*address, 0)) {
            let remedy = "give addresses of this machine; `ip address` lists them";
            let message = format!("cannot be connected from: {error}");
            problems.push(Problem::new(
                "--local-ips",
                address.to_string(),
                message,
                remedy,
            ));
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::testing::fake;

    #[test]
    fn the_cache_is_where_xdg_says() {
        let (mut process, _) = fake(&[]);
        assert_eq!(default_cache_dir(&process), None);
        process
            .variables
            .insert("HOME".to_owned(), "/home/me".to_owned());
        assert_eq!(
            default_cache_dir(&process),
            Some(PathBuf::from("/home/me/.cache/lt-host"))
        );
        process
            .variables
            .insert("XDG_CACHE_HOME".to_owned(), "relative".to_owned());
        assert_eq!(
            default_cache_dir(&process),
            Some(PathBuf::from("/home/me/.cache/lt-host"))
        );
        process
            .variables
            .insert("XDG_CACHE_HOME".to_owned(), "/cache".to_owned());
        assert_eq!(
            default_cache_dir(&process),
            Some(PathBuf::from("/cache/lt-host"))
        );
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let text = |path: &str| read(Path::new(path)).unwrap_err().to_string();
        assert!(text("/nonexistent/x.wasm").contains("there is no such file"));
        assert!(text("/").contains("is a directory"));
    }

    #[test]
    fn a_foreign_address_is_refused_and_our_own_is_not() {
        let http = |address: &str| {
            let raw = RawRun {
                http: lt_spec::RawHttp {
                    local_addresses: Some(address.to_owned()),
                    ..lt_spec::RawHttp::default()
                },
                ..RawRun::default()
            };
            let (process, _) = fake(&[]);
            let description = lt_spec::description::Description::default();
            lt_spec::resolve(&raw, &description, &machine::of_run(&process))
                .unwrap()
                .http
        };
        assert!(check_network(&http("127.0.0.1")).is_ok());
        // Reserved for documentation (RFC 5737): no machine has it.
        let problems = check_network(&http("192.0.2.1")).unwrap_err();
        assert!(
            problems[0]
                .to_string()
                .starts_with("--local-ips \"192.0.2.1\""),
            "{problems:?}"
        );
    }
}
