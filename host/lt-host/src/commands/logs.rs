//! `lt-host logs`: what a run and its users say.

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};
use serde::Deserialize;
use serde_json::Value;

use crate::cli::LogLevel;
use crate::client::{Answer, Client, Heard, Interrupts, Served, find, json_line, whole_number};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::process::Process;
use crate::show::plain;

/// Print the last lines of a run's log: the host's and those of its users
///
/// With --json, each line is an object. A host keeps the last 5000 lines of a run.
#[derive(Clone, Debug, Args)]
pub(crate) struct Logs {
    /// The run: its id, the beginning of it, or `latest`.
    #[arg(value_name = "RUN", default_value = "latest")]
    run: String,
    /// Only lines of the user of this id.
    #[arg(long, value_name = "ID", env = "LT_USER_ID")]
    user: Option<String>,
    /// Only lines of this weight, and heavier ones.
    #[arg(long, value_enum, value_name = "LEVEL", env = "LT_LEVEL")]
    level: Option<LogLevel>,
    /// How many lines.
    #[arg(
        short = 'n',
        long,
        value_name = "N",
        env = "LT_TAIL",
        default_value = "100"
    )]
    tail: String,
    /// Go on with the lines that come, until the run ends or Ctrl-C.
    #[arg(short, long, env = "LT_FOLLOW", value_parser = BoolishValueParser::new())]
    follow: bool,
    #[command(flatten)]
    served: Served,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Lines {
    lines: Vec<Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Line {
    time: String,
    level: String,
    target: String,
    user: Option<u64>,
    iteration: Option<u64>,
    message: String,
}

impl Logs {
    /// Print them.
    pub(crate) fn execute(self, process: &mut Process) -> Result<Exit, CommandError> {
        let query = self.query()?;
        let client = self.served.client(process)?;
        let id = find(&client, &self.run)?;
        let path = ["runs", id.as_str(), "logs"];
        if self.follow {
            return self.follow(&client, &path, &query, process);
        }
        let answer: Answer = client.get(&path, &query)?;
        let lines: Lines = answer.read()?;
        for line in &lines.lines {
            process.print(&self.text(line))?;
        }
        Ok(Exit::Success)
    }

    fn query(&self) -> Result<Vec<(&'static str, String)>, CommandError> {
        let mut query = vec![("tail", whole_number("--tail", &self.tail)?.to_string())];
        if let Some(user) = &self.user {
            query.push(("user", whole_number("--user", user)?.to_string()));
        }
        if let Some(level) = self.level.and_then(|level| level.to_possible_value()) {
            query.push(("level", level.get_name().to_owned()));
        }
        if self.follow {
            query.push(("follow", "true".to_owned()));
        }
        Ok(query)
    }

    fn follow(
        &self,
        client: &Client,
        path: &[&str],
        query: &[(&str, String)],
        process: &mut Process,
    ) -> Result<Exit, CommandError> {
        let mut interrupts = Interrupts::hear()?;
        let heard = client.follow(path, query, false, &mut interrupts, |event| {
            let line = serde_json::from_str(&event.data).ok();
            let line = line.filter(|_| event.name == "log")?;
            process.print(&self.text(&line)).err()
        })?;
        match heard {
            Heard::Done(error) => Err(error.into()),
            Heard::Over => Ok(Exit::Success),
            Heard::Interrupted => Ok(Exit::Interrupted),
        }
    }

    fn text(&self, line: &Value) -> String {
        if self.served.json {
            return json_line(line);
        }
        let line = Line::deserialize(line).unwrap_or_default();
        let user = line.user.map_or(String::new(), |user| {
            let iteration = line.iteration;
            let iteration = iteration.map_or(String::new(), |number| format!("/{number}"));
            format!(" user {user}{iteration}")
        });
        let text = format!(
            "{} {:5} {}{user}: {}",
            line.time,
            line.level.to_uppercase(),
            line.target,
            line.message
        );
        format!("{}\n", plain(&text))
    }
}
