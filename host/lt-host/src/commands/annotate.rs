//! `lt-host annotate`: a note in a run.

use clap::Args;
use serde_json::json;

use crate::client::{Served, json_page, post};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::process::Process;
use crate::show::plain;

/// Put a note into a run, with its time: it stands in the results and on the page
///
/// A host with --graphite-url sends it to Graphite's events as well.
#[derive(Clone, Debug, Args)]
pub(crate) struct Annotate {
    /// The run: its id, the beginning of it, or `latest`.
    #[arg(value_name = "RUN")]
    run: String,
    /// What happened.
    #[arg(value_name = "TEXT")]
    text: String,
    /// A tag of the note. May be repeated; the variable takes one a line.
    #[arg(
        long = "tag",
        value_name = "NAME",
        env = "LT_NOTE_TAG",
        value_delimiter = '\n'
    )]
    tags: Vec<String>,
    #[command(flatten)]
    served: Served,
}

impl Annotate {
    /// Note it.
    pub(crate) fn execute(self, process: &mut Process) -> Result<Exit, CommandError> {
        let client = self.served.client(process)?;
        let body = json!({ "text": self.text, "tags": self.tags });
        let (id, answer) = post(&client, &self.run, &["annotations"], &body)?;
        if self.served.json {
            process.print(&json_page(&answer.body)?)?;
            return Ok(Exit::Success);
        }
        let text = |name: &str| {
            let value = answer.body.get(name).and_then(serde_json::Value::as_str);
            value.map(plain)
        };
        let time = text("time").unwrap_or_default();
        process.print(&format!("noted in {id} at {time}\n"))?;
        if let Some(graphite) = text("graphite") {
            process.complain(&format!("Graphite: {graphite}"));
        }
        Ok(Exit::Success)
    }
}
