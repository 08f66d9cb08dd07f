//! `lt-host runs`: what runs on a host, and what ran.

use clap::Args;
use clap::builder::BoolishValueParser;
use serde_json::json;

use crate::client::{Served, brief_rows, fits, json_page, list, table};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::process::Process;

/// List the runs of a host, newest first
#[derive(Clone, Debug, Args)]
pub(crate) struct Runs {
    /// Also those that have ended.
    #[arg(short, long, env = "LT_ALL", value_parser = BoolishValueParser::new())]
    all: bool,
    #[command(flatten)]
    served: Served,
}

impl Runs {
    /// List them.
    pub(crate) fn execute(self, process: &mut Process) -> Result<Exit, CommandError> {
        let client = self.served.client(process)?;
        let runs = list(&client, |run| self.all || !run.is_over())?;
        let text = if self.served.json {
            let documents: Vec<_> = runs.iter().map(|run| &run.document).collect();
            json_page(&json!({ "runs": documents }))?
        } else if runs.is_empty() {
            let hint = if self.all {
                ""
            } else {
                "; --all lists those that ran"
            };
            process.complain(&format!("no runs{hint}"));
            return Ok(Exit::Success);
        } else {
            let headings = [
                "run",
                "state",
                "scenarios",
                "users",
                "elapsed",
                "exit",
                "created",
            ];
            table(headings, brief_rows(&runs), fits(process))
        };
        process.print(&text)?;
        Ok(Exit::Success)
    }
}
