//! `lt-host nodes`: the machines behind a host.

use clap::Args;
use serde::Deserialize;

use crate::client::{Served, fits, json_page, percent, table};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::process::Process;

/// List the machines that run users
#[derive(Clone, Debug, Args)]
pub(crate) struct Nodes {
    #[command(flatten)]
    served: Served,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct List {
    nodes: Vec<Node>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Node {
    name: String,
    state: String,
    users_active: u64,
    cpu_share: f64,
    runs: u64,
}

impl Nodes {
    /// List them.
    pub(crate) fn execute(self, process: &mut Process) -> Result<Exit, CommandError> {
        let client = self.served.client(process)?;
        let answer = client.get(&["nodes"], &[])?;
        let text = if self.served.json {
            json_page(&answer.body)?
        } else {
            let List { nodes } = answer.read()?;
            let rows = nodes.into_iter().map(|node| {
                [
                    node.name,
                    node.state,
                    node.runs.to_string(),
                    node.users_active.to_string(),
                    percent(node.cpu_share),
                ]
            });
            let headings = ["node", "state", "runs", "users", "cpu"];
            table(headings, rows, fits(process))
        };
        process.print(&text)?;
        Ok(Exit::Success)
    }
}
