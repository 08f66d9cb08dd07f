//! `lt-host upload`: a scenario, or a file for its users, to a host.

use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;

use crate::client::{Served, described_name, json_page, send_file, send_scenario};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::process::Process;
use crate::show::plain;

/// How problems name the positional argument.
const FILE: &str = "FILE";

/// Upload a scenario to a host, where it becomes the current version of its name
///
/// Runs that go on are not touched: `lt-host swap` gives them the new code. The same bytes again add no version. `lt-host
/// start` and `lt-host swap` upload files that they are given, so this is for those who want it there before.
#[derive(Clone, Debug, Args)]
pub(crate) struct Upload {
    /// The scenario: a WebAssembly component. With --data, any file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The name to keep it under. That which the scenario gives itself, else the file's, unless given.
    #[arg(long, value_name = "NAME", env = "LT_NAME")]
    name: Option<String>,
    /// The file is one that users read: an asset or a feeder of runs, by the name that is printed.
    #[arg(long, env = "LT_DATA", value_parser = BoolishValueParser::new())]
    data: bool,
    #[command(flatten)]
    served: Served,
}

impl Upload {
    /// Send it.
    pub(crate) fn execute(self, process: &mut Process) -> Result<Exit, CommandError> {
        let client = self.served.client(process)?;
        let (answer, line) = if self.data {
            let name = self.name.as_deref();
            let (name, answer) = send_file(&client, &self.file, FILE, name, process)?;
            (answer, format!("{name}\n"))
        } else {
            let name = match &self.name {
                Some(name) => name.clone(),
                None => described_name(&self.file, process),
            };
            let sent = send_scenario(&client, &self.file, FILE, &name, process)?;
            let line = format!(
                "{} {}: {}, sha256 {}\n",
                plain(&sent.name),
                plain(&sent.version),
                sent.news.text(),
                plain(&sent.digest)
            );
            (sent.answer, line)
        };
        let text = match self.served.json {
            true => json_page(&answer.body)?,
            false => line,
        };
        process.print(&text)?;
        Ok(Exit::Success)
    }
}
