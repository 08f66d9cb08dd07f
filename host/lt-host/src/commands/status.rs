//! `lt-host status`: how a host is, or one of its runs.

use std::time::Duration;

use clap::Args;
use serde::Deserialize;

use crate::client::{Served, find, json_page, percent, run_now, tell_run};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::process::Process;
use crate::show::{plain, section, time};

/// Tell how a host is: load, memory, descriptors, users; or how one of its runs is
#[derive(Clone, Debug, Args)]
pub(crate) struct Status {
    /// The run: its id, the beginning of it, or `latest`. Without it, the host.
    #[arg(value_name = "RUN")]
    run: Option<String>,
    #[command(flatten)]
    served: Served,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct HostStatus {
    version: String,
    host: String,
    uptime_ms: u64,
    cpu: Cpu,
    memory: Memory,
    descriptors: Descriptors,
    runs: Taken,
    users: Users,
    uploads: Taken,
    saturated: Option<String>,
    allow_targets: Vec<String>,
    auth: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Cpu {
    cores: u64,
    used_share: f64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Memory {
    resident_bytes: u64,
    limit_bytes: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Descriptors {
    open: u64,
    limit: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Taken {
    running: u64,
    limit: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Users {
    active: u64,
    planned: u64,
    limit: u64,
}

impl Status {
    /// Ask and tell.
    pub(crate) fn execute(self, process: &mut Process) -> Result<Exit, CommandError> {
        let client = self.served.client(process)?;
        if let Some(run) = &self.run {
            let id = find(&client, run)?;
            let answer = run_now(&client, &id)?;
            tell_run(&self.served, &answer, process)?;
            return Ok(Exit::Success);
        }
        let answer = client.get(&["status"], &[])?;
        let text = match self.served.json {
            true => json_page(&answer.body)?,
            false => page(&answer.read()?),
        };
        process.print(&text)?;
        Ok(Exit::Success)
    }
}

fn page(status: &HostStatus) -> String {
    let uptime = time(Duration::from_secs(status.uptime_ms / 1000));
    let mut page = format!(
        "{}  lt-host {}, up {uptime}\n",
        plain(&status.host),
        plain(&status.version)
    );
    let of = |value: u64, limit: Option<u64>| match limit {
        Some(limit) => format!("{value} of {limit}"),
        None => value.to_string(),
    };
    #[expect(clippy::cast_precision_loss, reason = "sizes for people")]
    let size = |bytes: u64| lt_report::humanize_bytes(bytes as f64);
    let memory = match status.memory.limit_bytes {
        Some(limit) => format!("{} of {}", size(status.memory.resident_bytes), size(limit)),
        None => size(status.memory.resident_bytes),
    };
    let row = |name: &str, value: String| (name.to_owned(), value);
    let mut rows = vec![
        row("runs", of(status.runs.running, Some(status.runs.limit))),
        row(
            "users",
            format!(
                "{} active, {} planned of {}",
                status.users.active, status.users.planned, status.users.limit
            ),
        ),
        row(
            "cpu",
            format!(
                "{} of {} cores",
                percent(status.cpu.used_share),
                status.cpu.cores
            ),
        ),
        row("memory", memory),
        row(
            "descriptors",
            of(status.descriptors.open, status.descriptors.limit),
        ),
        row(
            "uploads",
            of(status.uploads.running, Some(status.uploads.limit)),
        ),
        row("targets", plain(&status.allow_targets.join(", "))),
        row("asks for", plain(&status.auth)),
    ];
    let saturated = status.saturated.as_deref();
    rows.extend(saturated.map(|shortage| row("SATURATED", plain(shortage))));
    section(&mut page, "The host", rows);
    page
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_host_is_a_page() {
        let status: HostStatus = serde_json::from_value(json!({
            "version": "0.1.0", "host": "lab\u{1b}", "uptime_ms": 61_000, "cpu": { "cores": 2, "used_share": 0.25 },
            "memory": { "resident_bytes": 1_000_000 }, "descriptors": { "open": 20, "limit": 1024 },
            "runs": { "running": 1, "limit": 8 }, "users": { "active": 10, "planned": 20, "limit": 1000 },
            "uploads": { "running": 0, "limit": 4 }, "allow_targets": ["127.0.0.0/8"], "auth": "none",
            "saturated": "short of CPU"
        }))
        .unwrap();
        let want = "\
lab   lt-host 0.1.0, up 1m1s

The host
  runs         1 of 8
  users        10 active, 20 planned of 1000
  cpu          25% of 2 cores
  memory       1.0 MB
  descriptors  20 of 1024
  uploads      0 of 4
  targets      127.0.0.0/8
  asks for     none
  SATURATED    short of CPU
";
        assert_eq!(page(&status), want);
    }
}
