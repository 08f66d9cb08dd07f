//! `lt-host watch`: a run of a host, live.

use clap::Args;
use clap::builder::BoolishValueParser;

use crate::cli::Global;
use crate::client::{Interrupts, Look, Served, find, watch};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::options::SummaryOptions;
use crate::process::Process;

/// Show a run as it goes on, as `lt-host run` shows its own
///
/// Ctrl-C ends the watching (exit code 105) and leaves the run running. When the run ends, its summary is printed, and the
/// exit code is the run's. A host that is away for less than a minute is waited for.
#[derive(Clone, Debug, Args)]
pub(crate) struct Watch {
    /// The run: its id, the beginning of it, or `latest`. With --json, each event is printed on a line of its own.
    #[arg(value_name = "RUN", default_value = "latest")]
    run: String,
    /// Show nothing before the summary.
    #[arg(short, long, env = "LT_QUIET", value_parser = BoolishValueParser::new())]
    quiet: bool,
    #[command(flatten)]
    summary: SummaryOptions,
    #[command(flatten)]
    served: Served,
}

impl Watch {
    /// Watch.
    pub(crate) fn execute(
        self,
        process: &mut Process,
        global: &Global,
    ) -> Result<Exit, CommandError> {
        let text = self.summary.text_options(global.colors_stdout(process))?;
        let client = self.served.client(process)?;
        let id = find(&client, &self.run)?;
        let look = Look {
            json: self.served.json,
            quiet: self.quiet,
            text,
            summary: !self.served.json,
        };
        watch(&client, &id, &look, &mut Interrupts::hear()?, process)
    }
}
