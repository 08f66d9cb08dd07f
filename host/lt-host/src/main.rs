//! The `lt-host` program: everything is in the library, so that it can be tested.

use std::process::ExitCode;

fn main() -> ExitCode {
    lt_host::main(&mut lt_host::Process::of_this()).into()
}
