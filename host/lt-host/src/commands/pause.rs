//! `lt-host pause`: no new iterations.

use clap::Args;
use serde_json::json;

use crate::client::{Served, body_with, post, tell_run};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::process::Process;

/// Pause a run: no iteration starts until `lt-host resume`; those under way go on, and users keep their connections
#[derive(Clone, Debug, Args)]
pub(crate) struct Pause {
    #[command(flatten)]
    pub(super) which: Which,
}

// A run, or one scenario of it.
#[derive(Clone, Debug, Args)]
pub(crate) struct Which {
    /// The run: its id, the beginning of it, or `latest`.
    #[arg(value_name = "RUN")]
    run: String,
    /// Only this scenario of the run.
    #[arg(long, value_name = "NAME", env = "LT_PART")]
    part: Option<String>,
    #[command(flatten)]
    served: Served,
}

impl Pause {
    /// Pause it.
    pub(crate) fn execute(self, process: &mut Process) -> Result<Exit, CommandError> {
        self.which.have("pause", process)
    }
}

impl Which {
    /// Have it paused or resumed.
    pub(super) fn have(self, what: &str, process: &mut Process) -> Result<Exit, CommandError> {
        let client = self.served.client(process)?;
        let body = body_with(json!({}), "scenario", self.part.as_deref());
        let (_, answer) = post(&client, &self.run, &[what], &body)?;
        tell_run(&self.served, &answer, process)?;
        Ok(Exit::Success)
    }
}
