//! `lt-host stop`: end a run.

use clap::Args;
use clap::builder::BoolishValueParser;
use serde_json::json;

use crate::client::{Served, await_run, post, tell_run};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::process::Process;

/// Stop a run: iterations under way come to their end, users leave, the verdict is given
#[derive(Clone, Debug, Args)]
pub(crate) struct Stop {
    /// The run: its id, the beginning of it, or `latest`.
    #[arg(value_name = "RUN")]
    run: String,
    /// Cut off what is under way. Also for a run that is stopping already.
    #[arg(long, env = "LT_FORCE", value_parser = BoolishValueParser::new())]
    force: bool,
    /// Wait until it has ended.
    #[arg(short, long, env = "LT_WAIT", value_parser = BoolishValueParser::new())]
    wait: bool,
    #[command(flatten)]
    served: Served,
}

impl Stop {
    /// Stop it.
    pub(crate) fn execute(self, process: &mut Process) -> Result<Exit, CommandError> {
        let client = self.served.client(process)?;
        let body = json!({ "force": self.force });
        let (id, mut answer) = post(&client, &self.run, &["stop"], &body)?;
        if self.wait {
            answer = await_run(&client, &id, |run| run.is_over())?;
        }
        tell_run(&self.served, &answer, process)?;
        Ok(Exit::Success)
    }
}
