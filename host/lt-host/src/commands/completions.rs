//! `lt-host completions`: scripts that complete commands and options in a shell.

use clap::Args;
use clap_complete::Shell;

use crate::cli::command;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::process::Process;

/// Print a script that completes commands and options in your shell
///
/// For bash: lt-host completions bash > ~/.local/share/bash-completion/completions/lt-host
#[derive(Clone, Debug, Args)]
pub(crate) struct Completions {
    /// The shell to print it for.
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    /// Print the script.
    pub(crate) fn execute(self, process: &mut Process) -> Result<Exit, CommandError> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command(), "lt-host", &mut script);
        process.print(&String::from_utf8_lossy(&script))?;
        Ok(Exit::Success)
    }
}
