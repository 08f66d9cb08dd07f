//! `lt-host add`: more users.

use clap::Args;
use serde_json::json;

use crate::client::{Served, body_with, post, tell_run, whole_number};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::process::Process;

/// Add users to a run
#[derive(Clone, Debug, Args)]
pub(crate) struct Add {
    /// The run: its id, the beginning of it, or `latest`.
    #[arg(value_name = "RUN")]
    run: String,
    /// How many.
    #[arg(value_name = "N")]
    count: String,
    /// Which of the run's scenarios, if it has several.
    #[arg(long, value_name = "NAME", env = "LT_PART")]
    part: Option<String>,
    #[command(flatten)]
    served: Served,
}

impl Add {
    /// Add them.
    pub(crate) fn execute(self, process: &mut Process) -> Result<Exit, CommandError> {
        let count = whole_number("N", &self.count)?;
        let client = self.served.client(process)?;
        let body = body_with(json!({ "count": count }), "scenario", self.part.as_deref());
        let (_, answer) = post(&client, &self.run, &["users:add"], &body)?;
        tell_run(&self.served, &answer, process)?;
        Ok(Exit::Success)
    }
}
