//! Packages of other languages, installed once below cargo's target directory and kept from run to run.
//!
//! Tests run in several processes at the same time: a lock file lets one install and the others wait for it.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::guests::target;
use crate::missing::skip;
use crate::process::{Finished, Process, wait_until};

/// Time one installation may take; it downloads some 15 MB. Below the limit that nextest sets a test, so that what the
/// installer said is shown.
const INSTALL_LIMIT: Duration = Duration::from_secs(200);
/// Time for a program to say its version.
const VERSION_LIMIT: Duration = Duration::from_secs(20);
/// Made last: a directory without it was left half done.
const COMPLETE: &str = "complete";

/// A directory in which `install` has run once and to its end. `key` is all that the result depends on: with another key it is
/// another directory, so that two checkouts may share a target directory.
pub fn installed(name: &str, key: &str, install: impl FnOnce(&Path)) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    let parent = target().join("tmp");
    std::fs::create_dir_all(&parent).expect("cargo's target directory can be written to");
    let directory = parent.join(format!("lt-tests-{name}-{:016x}", hasher.finish()));
    let lock = File::create(directory.with_extension("lock")).expect("a lock file can be made");
    // Given up with the file, also by a process that is killed.
    let what = format!("another process to install into {}", directory.display());
    wait_until(&what, INSTALL_LIMIT, || lock.try_lock().is_ok());
    let complete = directory.join(COMPLETE);
    if !complete.exists() {
        let _absent = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).expect("a directory can be made");
        install(&directory);
        std::fs::write(complete, key).expect("a file can be written");
    }
    directory
}

/// A step of an installation; a failure ends the test with all that the program said.
pub fn run(name: &str, command: &mut Command) -> Finished {
    let finished = Process::start(name, command).finish(INSTALL_LIMIT);
    assert!(
        finished.code == Some(0),
        "{name} failed; without a network it cannot download what it installs\n{command:?}\n--- stdout\n{}\n--- stderr\n{}",
        finished.stdout,
        finished.stderr
    );
    finished
}

/// The Python of a virtual environment of this name with these requirements, all of them wheels; `None`, with a word on standard error,
/// where there is no Python to make one. In CI that is a failure.
#[must_use]
pub fn python(name: &str, requirements: &Path) -> Option<PathBuf> {
    // Debian's Python comes without what makes virtual environments.
    let ask = "import ensurepip, sys, venv; print(sys.version, sys.executable)";
    let Some(version) = answer("python3", &["-c", ask]) else {
        skip(
            "Python 3 with venv, which is not installed",
            "apt-get install python3-venv",
        );
        return None;
    };
    let key = std::fs::read_to_string(requirements).expect("the requirements can be read");
    let directory = installed(name, &(key + &version), |directory| {
        run(
            "python3 -m venv",
            Command::new("python3").args(["-m", "venv"]).arg(directory),
        );
        run(
            "pip install",
            Command::new(directory.join("bin/python"))
                .args(["-m", "pip", "install", "--disable-pip-version-check"])
                .args(["--no-input", "--only-binary", ":all:", "--no-deps"])
                .arg("-r")
                .arg(requirements),
        );
    });
    Some(directory.join("bin/python"))
}

/// What a program prints if it is there and content.
#[must_use]
pub fn answer(program: &str, arguments: &[&str]) -> Option<String> {
    let there = Command::new(program).arg("--version").output().is_ok();
    if !there {
        return None;
    }
    let finished =
        Process::start(program, Command::new(program).args(arguments)).finish(VERSION_LIMIT);
    (finished.code == Some(0)).then_some(finished.stdout)
}
