//! Headless Chromium, driven by scripts of `tests/page` on Node.js: pages are tried as a person uses them.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::guests::{repository, target};
use crate::install::answer;
use crate::missing::skip;
use crate::process::Process;

/// Time a script gets: it compiles two components, waits for dozens of seconds of a run, and takes some thirty pictures. Below the
/// limit that nextest sets a test, so that what the script said is shown.
const LIMIT: Duration = Duration::from_secs(200);
/// Oldest Node.js with all that the scripts are written in.
const NODE_MIN: u32 = 18;
/// How to get them.
const REMEDY: &str = "apt-get install chromium nodejs";

/// Run a script of `tests/page` with these arguments; `false`, with a word on standard error, where there is no Chromium or no
/// Node.js. In CI that is a failure, and so is anything the script finds wrong.
///
/// Pictures are left below cargo's target directory, where [`pictures`] says, for people to look at.
#[must_use]
pub fn drive(script: &str, arguments: &[&str]) -> bool {
    let node = answer("node", &["--version"]).and_then(|version| major(&version));
    let chromium = answer("chromium", &["--version"]);
    if node.is_none_or(|version| version < NODE_MIN) || chromium.is_none() {
        skip("Chromium, and Node.js from 18 on", REMEDY);
        return false;
    }
    let mut command = Command::new("node");
    command
        .arg(repository().join("tests/page").join(script))
        .args(arguments);
    let finished = Process::start(script, &mut command).finish(LIMIT);
    assert!(
        finished.code == Some(0),
        "{script} ended with {:?}\n{}\n{}",
        finished.code,
        finished.stdout,
        finished.stderr
    );
    true
}

/// Where pictures of this name go: what is there from before is replaced.
#[must_use]
pub fn pictures(name: &str) -> PathBuf {
    target().join("tmp").join("page").join(name)
}

/// `18` of `v18.20.4`.
fn major(version: &str) -> Option<u32> {
    version
        .trim()
        .trim_start_matches('v')
        .split('.')
        .next()?
        .parse()
        .ok()
}
