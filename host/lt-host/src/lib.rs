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

mod cli;
mod commands;
mod ending;
mod error;
mod exit;
mod load_text;
mod logging;
mod machine;
mod options;
mod plan_page;
mod prepare;
mod process;
mod record;
mod scenario_file;
mod show;
mod target;
mod trace;
mod watch;

pub use cli::command;
pub use exit::Exit;
pub use process::Process;

use clap::FromArgMatches;

use crate::cli::Cli;
use crate::error::CommandError;

/// Parse, run, and say how it ended. Everything that goes wrong has been printed when this returns.
pub fn main(process: &mut Process) -> Exit {
    // The one TLS provider of the process; a second call of this function finds it installed, which is as good.
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let parsed = command()
        .try_get_matches_from(&process.arguments)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return usage(process, &error),
    };
    let colors = cli.global.colors_stderr(process);
    logging::start(&cli.global, colors);
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
