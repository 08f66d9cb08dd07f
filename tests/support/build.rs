//! Building a scenario as a user builds one, in a target directory of the tests' own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use wit_component::ComponentEncoder;

use crate::guests::target;
use crate::process::Process;

/// Time one build may take: a cold one compiles the SDK and its macros on a machine that runs other tests too. Below the limit
/// that nextest sets a test, so that what cargo said is shown.
const BUILD_LIMIT: Duration = Duration::from_secs(210);

/// A `cargo` in this directory. Its products go to a directory that is kept from run to run; where that is, is returned.
pub fn cargo(directory: &Path, arguments: &[&str]) -> PathBuf {
    let products = target().join("tmp/lt-tests-build");
    let mut command = Command::new("cargo");
    command
        .args(arguments)
        .current_dir(directory)
        .env("CARGO_TARGET_DIR", &products)
        .env("CARGO_TERM_COLOR", "never")
        // Set by the cargo that runs this test, for its own build.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    let finished = Process::start("cargo", &mut command).finish(BUILD_LIMIT);
    assert!(
        finished.code == Some(0),
        "cargo {} failed\n--- stdout\n{}\n--- stderr\n{}",
        arguments.join(" "),
        finished.stdout,
        finished.stderr
    );
    products
}

/// Make a component of the core module that the target `wasm32-unknown-unknown` gives: what `wasm-tools component new` does.
#[must_use]
pub fn componentize(module: &Path) -> Vec<u8> {
    let bytes =
        std::fs::read(module).unwrap_or_else(|error| panic!("{}: {error}", module.display()));
    ComponentEncoder::default()
        .module(&bytes)
        .and_then(|encoder| encoder.validate(true).encode())
        .unwrap_or_else(|error| panic!("{} cannot be encoded: {error:#}", module.display()))
}
