//! Tries to reach the world around the host.
#![allow(clippy::disallowed_methods, reason = "that is what this guest is for")]

use lt_sdk::prelude::*;

#[derive(Default)]
struct Guest;

#[lt_sdk::scenario]
impl Scenario for Guest {
    fn iterate(&mut self) -> Result<()> {
        ensure!(std::fs::read("/etc/hostname").is_err(), "it read a file");
        ensure!(
            std::fs::write("/tmp/lt-guest", "x").is_err(),
            "it wrote a file"
        );
        ensure!(std::fs::read_dir("/").is_err(), "it listed a directory");
        ensure!(
            std::env::vars_os().next().is_none(),
            "it has an environment"
        );
        ensure!(std::env::args_os().next().is_none(), "it has arguments");
        let mut line = String::new();
        ensure!(
            std::io::stdin().read_line(&mut line).unwrap_or(0) == 0,
            "it has an input"
        );
        Ok(())
    }
}
