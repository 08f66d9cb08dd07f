//! `lt-host resume`: iterations go on.

use clap::Args;

use super::pause::Which;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::process::Process;

/// Resume a paused run
#[derive(Clone, Debug, Args)]
pub(crate) struct Resume {
    #[command(flatten)]
    which: Which,
}

impl Resume {
    /// Resume it.
    pub(crate) fn execute(self, process: &mut Process) -> Result<Exit, CommandError> {
        self.which.have("resume", process)
    }
}
