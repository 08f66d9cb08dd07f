//! `lt-host remove`: fewer users.

use clap::Args;
use clap::builder::BoolishValueParser;
use serde_json::{Value, json};

use crate::client::{Answer, Served, body_with, json_page, post, tell_run, whole_number};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::process::Process;

/// Remove users from a run: each ends after its iteration, and leaves
#[derive(Clone, Debug, Args)]
pub(crate) struct Remove {
    /// The run: its id, the beginning of it, or `latest`.
    #[arg(value_name = "RUN")]
    run: String,
    /// How many; the youngest go first. Or --id.
    #[arg(value_name = "N")]
    count: Option<String>,
    /// The user of this id, instead of a number of them. May be repeated; the variable takes one a line.
    #[arg(
        long = "id",
        value_name = "ID",
        env = "LT_USER_ID",
        value_delimiter = '\n'
    )]
    ids: Vec<String>,
    /// Cut off their iterations.
    #[arg(long, env = "LT_FORCE", value_parser = BoolishValueParser::new())]
    force: bool,
    /// Which of the run's scenarios, if it has several.
    #[arg(long, value_name = "NAME", env = "LT_PART")]
    part: Option<String>,
    #[command(flatten)]
    served: Served,
}

impl Remove {
    /// Remove them.
    pub(crate) fn execute(self, process: &mut Process) -> Result<Exit, CommandError> {
        let which = self.which()?;
        let client = self.served.client(process)?;
        let body = body_with(which, "scenario", self.part.as_deref());
        let (_, answer) = post(&client, &self.run, &["users:remove"], &body)?;
        if self.served.json {
            process.print(&json_page(&answer.body)?)?;
            return Ok(Exit::Success);
        }
        let field = |name: &str| answer.body.get(name).cloned().unwrap_or_default();
        let run = Answer {
            status: answer.status,
            body: field("run"),
        };
        tell_run(&self.served, &run, process)?;
        let removed = field("removed");
        let users = if removed == 1 { "user" } else { "users" };
        process.complain(&format!("{removed} {users} removed"));
        if let Value::Array(ids) = field("not_found")
            && !ids.is_empty()
        {
            let ids: Vec<String> = ids.iter().map(Value::to_string).collect();
            process.complain(&format!("no such users: {}", ids.join(", ")));
        }
        Ok(Exit::Success)
    }

    fn which(&self) -> Result<Value, CommandError> {
        let force = self.force;
        match (&self.count, self.ids.as_slice()) {
            (Some(count), []) => {
                let count = whole_number("N", count)?;
                Ok(json!({ "count": count, "force": force }))
            }
            (None, ids) if !ids.is_empty() => {
                let ids: Result<Vec<u64>, CommandError> =
                    ids.iter().map(|id| whole_number("--id", id)).collect();
                Ok(json!({ "ids": ids?, "force": force }))
            }
            (count, _) => Err(CommandError::input(
                "N",
                count.clone().unwrap_or_default(),
                "is given beside --id, or neither is given",
                "say how many, or which: `lt-host remove latest 10`, `lt-host remove latest --id 7`",
            )),
        }
    }
}
