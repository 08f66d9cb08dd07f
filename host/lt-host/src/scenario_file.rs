//! Scenarios from their files, and the engine they are loaded into.

use std::path::{Path, PathBuf};

use lt_runtime::{Engine, EngineOptions, Scenario};
use lt_spec::limits::{
    ADDRESS_SPACE_BYTES_MAX, SCENARIO_BYTES_MAX, SCENARIOS_MAX, USER_MEMORY_BYTES_GRANT_MAX,
    USER_MEMORY_BYTES_MAX, USER_MEMORY_BYTES_MIN, USERS_MAX,
};
use lt_spec::{Problem, RawRun, parse};

use crate::error::CommandError;
use crate::options::SandboxOptions;
use crate::process::Process;

/// A WebAssembly page: what linear memories consist of.
const PAGE_BYTES: usize = 64 << 10;
/// How problems name the positional argument.
pub(crate) const SCENARIO: &str = "SCENARIO";

/// An engine.
///
/// # Errors
/// If the system does not let us have one.
pub(crate) fn engine(options: &EngineOptions) -> Result<Engine, CommandError> {
    Engine::new(options).map_err(|error| CommandError::Failed(error.to_string()))
}

/// Load a scenario from its file into an engine; `field` is where the file was named.
///
/// # Errors
/// If the file cannot be read, or is not a scenario that runs here.
pub(crate) fn load(engine: &Engine, path: &Path, field: &str) -> Result<Scenario, CommandError> {
    let wasm = read(path, field)?;
    engine.load(&wasm).map_err(|error| CommandError::Scenario {
        path: path.to_owned(),
        error,
    })
}

/// What the engine must be made for, before the scenarios are known and the options are checked: what cannot be understood
/// counts as not given, and is reported later. `memory` is the limit of one user as it was typed.
pub(crate) fn engine_options(
    raw: &RawRun,
    memory: Option<&str>,
    sandbox: &SandboxOptions,
    process: &Process,
) -> EngineOptions {
    let memory = memory_asked(memory).unwrap_or(USER_MEMORY_BYTES_MAX);
    // More users of such memory than one can address are refused later.
    let addressable = ADDRESS_SPACE_BYTES_MAX / u64::try_from(memory.max(1)).unwrap_or(u64::MAX);
    let most = USERS_MAX.min(addressable).max(1);
    EngineOptions {
        users_max: users_asked(raw).unwrap_or(most).clamp(1, most),
        user_memory_bytes: memory,
        cache_dir: cache_dir(sandbox, process),
        hardened: sandbox.hardened,
    }
}

/// The memory limit in whole pages, if it is one that a user may have.
fn memory_asked(memory: Option<&str>) -> Option<usize> {
    let bytes = usize::try_from(parse::bytes(memory?).ok()?).ok()?;
    let is_allowed = (USER_MEMORY_BYTES_MIN..=USER_MEMORY_BYTES_GRANT_MAX).contains(&bytes);
    is_allowed.then(|| bytes.next_multiple_of(PAGE_BYTES))
}

/// Users that there will be at most, where flags tell it plainly: without stages, rates and other shapes of load.
fn users_asked(raw: &RawRun) -> Option<u64> {
    if raw.once {
        // One of each scenario.
        return Some(SCENARIOS_MAX as u64);
    }
    let shapes = [
        &raw.executor,
        &raw.max_users,
        &raw.profile,
        &raw.rate,
        &raw.spike,
        &raw.staircase,
        &raw.start_users,
    ];
    if !raw.stages.is_empty() || shapes.into_iter().any(Option::is_some) {
        return None;
    }
    let range = raw.user_range.as_deref();
    let range = range.and_then(|text| parse::user_range(text).ok());
    let users = raw.users.as_deref();
    let users = users.and_then(|text| parse::whole(text).ok());
    range.map(|(first, last)| last - first + 1).or(users)
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

fn read(path: &Path, field: &str) -> Result<Vec<u8>, CommandError> {
    let built = "build it with `cargo component build --release` and give the .wasm file";
    read_bounded(path, field, SCENARIO_BYTES_MAX, built).map_err(|mut problem| {
        if problem.message.starts_with("is larger") {
            problem.remedy = "build it for release, and strip it".to_owned();
        }
        CommandError::Input(vec![problem])
    })
}

/// Read a file that was named in `field`, if it is one and not too large.
///
/// # Errors
/// What is wrong with it, with this remedy.
pub(crate) fn read_bounded(
    path: &Path,
    field: &str,
    bytes_max: u64,
    remedy: &str,
) -> Result<Vec<u8>, Problem> {
    let problem =
        |message: String| Problem::new(field, path.display().to_string(), message, remedy);
    let unreadable = |error: std::io::Error| {
        problem(match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => format!("cannot be read: {error}"),
        })
    };
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(problem("is a directory".to_owned()));
    }
    if metadata.len() > bytes_max {
        let message = format!("is larger than the {} MiB it may have", bytes_max >> 20);
        return Err(problem(message));
    }
    std::fs::read(path).map_err(unreadable)
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
        let text = |path: &str| read(Path::new(path), SCENARIO).unwrap_err().to_string();
        assert!(text("/nonexistent/x.wasm").contains("there is no such file"));
        assert!(text("/").contains("is a directory"));
    }

    #[test]
    fn memory_is_whole_pages_or_what_is_refused_later() {
        assert_eq!(memory_asked(None), None);
        for refused in ["x", "0", "1", "5GiB", "99999999999999999999"] {
            assert_eq!(memory_asked(Some(refused)), None, "{refused}");
        }
        assert_eq!(memory_asked(Some("16MiB")), Some(16 << 20));
        assert_eq!(memory_asked(Some("4GiB")), Some(4 << 30));
        // 152 pages hold 9 961 472 bytes, 153 hold ten million.
        assert_eq!(memory_asked(Some("10MB")), Some(153 * PAGE_BYTES));
    }

    #[test]
    fn a_number_of_users_is_only_known_without_other_shapes() {
        let some = |text: &str| Some(text.to_owned());
        let users = RawRun {
            users: some("100"),
            ..RawRun::default()
        };
        assert_eq!(users_asked(&users), Some(100));
        let range = RawRun {
            user_range: some("11..20"),
            ..users.clone()
        };
        assert_eq!(users_asked(&range), Some(10));
        let stages = RawRun {
            stages: vec!["10s:500".to_owned()],
            ..users.clone()
        };
        assert_eq!(users_asked(&stages), None);
        let most = RawRun {
            max_users: some("500"),
            ..users
        };
        assert_eq!(users_asked(&most), None);
        assert_eq!(users_asked(&RawRun::default()), None);
    }
}
