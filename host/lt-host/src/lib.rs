//! The `lt-host` program: what is typed, wiring, exit codes.
//!
//! [`main`] parses the arguments and hands over to one of the commands; the outside world reaches them as one
//! [`Process`], and they answer with an [`Exit`]. `main.rs` only joins the two.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "tests may panic"
    )
)]

mod caveats;
mod cli;
mod client;
mod commands;
mod ending;
mod error;
mod files;
mod logging;
mod machine;
mod options;
mod plan_page;
mod prepare;
mod process;
mod scenario_file;
mod show;
mod target;
mod trace;
mod watch;

pub use cli::command;
pub use lt_run::Exit;
pub(crate) use lt_run::{exit, load_text, record, secrets};
pub use process::Process;

use std::ffi::OsString;

use clap::FromArgMatches;

use crate::cli::Cli;
use crate::error::CommandError;

/// Parse, run, and say how it ended. Everything that goes wrong has been printed when this returns.
pub fn main(process: &mut Process) -> Exit {
    // The one TLS provider of the process; a second call of this function finds it installed, which is as good.
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut known = command();
    let parsed = known
        .try_get_matches_from_mut(with_negative_values(&process.arguments))
        .and_then(|matches| {
            let mut cli = Cli::from_arg_matches(&matches)?;
            cli.command.learn(&known, &matches);
            Ok(cli)
        });
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return usage(process, &error),
    };
    let colors = cli.global.colors_stderr(process);
    logging::start(&cli.global, colors, process.now_unix_ns);
    match cli.command.execute(process, &cli.global) {
        Ok(exit) => exit,
        Err(CommandError::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            // Whoever read our output has seen enough: `lt-host describe … | head`.
            Exit::Success
        }
        Err(error) => {
            process.complain(&error.to_string());
            error.exit()
        }
    }
}

/// The arguments with what begins as a negative number joined to the option before it: `--steady -5s` is `--steady=-5s`,
/// which is refused with a reason. No option begins with a digit.
fn with_negative_values(arguments: &[OsString]) -> Vec<OsString> {
    let mut joined: Vec<OsString> = Vec::with_capacity(arguments.len());
    let mut takes_options = true;
    for argument in arguments {
        takes_options &= argument != "--";
        let mut bytes = argument.as_encoded_bytes().iter();
        let is_negative = bytes.next() == Some(&b'-')
            && bytes
                .next()
                .is_some_and(|byte| byte.is_ascii_digit() || *byte == b'.');
        match joined.last_mut() {
            Some(option) if takes_options && is_negative && is_bare_option(option) => {
                option.push("=");
                option.push(argument);
            }
            _ => joined.push(argument.clone()),
        }
    }
    joined
}

/// `--steady` or `-u`, without a value.
fn is_bare_option(argument: &OsString) -> bool {
    let bytes = argument.as_encoded_bytes();
    match bytes {
        [b'-', b'-', rest @ ..] => !rest.is_empty() && !rest.contains(&b'='),
        [b'-', letter] => letter.is_ascii_alphabetic(),
        _ => false,
    }
}

/// Print what clap says: help and version are answers, everything else is bad input.
fn usage(process: &mut Process, error: &clap::Error) -> Exit {
    let text = error.render();
    if error.use_stderr() {
        if process.stderr_is_terminal {
            process.tell_stderr(&text.ansi().to_string());
        } else {
            process.tell_stderr(&text.to_string());
        }
        return Exit::BadInput;
    }
    // A reader that closes the pipe after the first page of help has what it wanted.
    let _broken_pipe = process.print(&text.to_string());
    Exit::Success
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negative_values_belong_to_the_option_before_them() {
        let joined = |arguments: &[&str]| -> Vec<String> {
            let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
            let joined = with_negative_values(&arguments).into_iter();
            joined.map(|text| text.into_string().unwrap()).collect()
        };
        assert_eq!(
            joined(&[
                "lt-host", "run", "--steady", "-5s", "-u", "-1", "-d", "1s", "-q"
            ]),
            ["lt-host", "run", "--steady=-5s", "-u=-1", "-d", "1s", "-q"]
        );
        for kept in [
            &["run", "-1"][..],
            &["--users=3", "-1"],
            &["--users", "--", "-1"],
            &["--users", "-q"],
        ] {
            assert_eq!(joined(kept), kept);
        }
    }

    #[test]
    fn a_negative_number_is_refused_by_us() {
        for arguments in [["--users", "-1"], ["--steady", "-5s"], ["-d", "-5s"]] {
            let typed = ["run", "absent.wasm", arguments[0], arguments[1]];
            let (mut process, printed) = process::testing::fake(&typed);
            assert_eq!(main(&mut process), Exit::BadInput);
            let said = printed.stderr.text();
            assert!(!said.contains("unexpected argument"), "{said}");
        }
    }
}
