//! A run as it goes on, for a terminal or for a program.

use std::time::Duration;

use lt_metrics::{Direction, StreamCounts, StreamState, Summary, builtin};
use lt_report::snapshot::{Snapshot, StreamNow, StreamsNow};
use lt_report::{
    Flow, Progress, ProgressDisplay, StreamsView, TextOptions, WorstStream, conclusions,
    text_summary,
};
use serde_json::{Value, json};

use super::call::Client;
use super::follow::{Heard, Interrupts};
use super::pages::json_line;
use super::runs::{Run, exit_of};
use super::sse::Event;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::machine;
use crate::process::Process;
use crate::show::plain;

/// How a run is watched.
pub(crate) struct Look {
    /// One line of JSON an event, and no summary.
    pub(crate) json: bool,
    /// Nothing until the end.
    pub(crate) quiet: bool,
    /// How the summary is printed.
    pub(crate) text: TextOptions,
    /// Whether it is printed.
    pub(crate) summary: bool,
}

/// Show a run until it ends, and say how it ended: the exit is the run's. Whoever interrupts leaves it running.
///
/// # Errors
/// What the host says, or that it was gone for too long.
pub(crate) fn watch(
    client: &Client,
    id: &str,
    look: &Look,
    interrupts: &mut Interrupts,
    process: &mut Process,
) -> Result<Exit, CommandError> {
    let mut view = View::new(look, process);
    let mut failed = None;
    let heard = client.follow(&["runs", id, "events"], &[], true, interrupts, |event| {
        let told = match look.json {
            true => tell_json(&event, process),
            false => {
                view.take(&event);
                Ok(())
            }
        };
        if let Err(error) = told {
            failed = Some(error);
            return Some(Value::Null);
        }
        (event.name == "ended").then(|| serde_json::from_str(&event.data).unwrap_or_default())
    });
    view.clear();
    if let Some(error) = failed {
        return Err(error.into());
    }
    match heard? {
        Heard::Done(ended) => over(client, id, &ended, look, process),
        Heard::Interrupted | Heard::Over => {
            process.complain(&format!(
                "the run goes on: `lt-host watch {id}` shows it again, `lt-host stop {id}` ends it"
            ));
            Ok(Exit::Interrupted)
        }
    }
}

/// An event for a program: its name and what it says, on one line.
fn tell_json(event: &Event, process: &mut Process) -> std::io::Result<()> {
    let data: Value =
        serde_json::from_str(&event.data).unwrap_or_else(|_| Value::String(event.data.clone()));
    process.print(&json_line(&json!({ "event": event.name, "data": data })))
}

/// Say how a run ended.
fn over(
    client: &Client,
    id: &str,
    ended: &Value,
    look: &Look,
    process: &mut Process,
) -> Result<Exit, CommandError> {
    let run: Run = super::call::Answer {
        status: 200,
        body: ended.clone(),
    }
    .read()?;
    if look.summary {
        // A run that failed before it had numbers has no summary.
        if let Ok(answer) = client.get(&["runs", id, "summary"], &[]) {
            let summary: Summary = answer.read()?;
            let text = text_summary(&summary, &look.text);
            process.print(&format!("{text}{}", conclusions(&summary)))?;
        }
        process.complain(&last_line(&run));
    }
    Ok(exit_of(&run))
}

fn last_line(run: &Run) -> String {
    let verdict = run.verdict.clone().unwrap_or_default();
    let passed = if verdict.passed {
        "passed"
    } else {
        "not passed"
    };
    let reason = verdict.reason.map_or(String::new(), |it| format!(": {it}"));
    plain(&format!("run {} {}: {passed}{reason}", run.id, run.state))
}

/// What is shown of the snapshots.
struct View {
    display: ProgressDisplay,
    progress: Progress,
    saturated: Option<String>,
    warned: Vec<String>,
}

impl View {
    fn new(look: &Look, process: &Process) -> Self {
        let display = if look.quiet || look.json {
            ProgressDisplay::quiet()
        } else if process.stderr_is_terminal {
            ProgressDisplay::terminal_without_end(machine::terminal_size)
        } else {
            ProgressDisplay::lines(std::io::stderr())
        };
        Self {
            display,
            progress: Progress::default(),
            saturated: None,
            warned: Vec::new(),
        }
    }

    /// Take in an event. What cannot be shown or read is not worth the watching.
    fn take(&mut self, event: &Event) {
        let said = |name: &str| -> Option<String> {
            let data: Value = serde_json::from_str(&event.data).ok()?;
            let text = data.get(name)?.as_str()?;
            Some(plain(text))
        };
        match event.name.as_str() {
            "snapshot" => {
                if let Ok(snapshot) = serde_json::from_str(&event.data) {
                    self.snapshot(&snapshot);
                }
            }
            "change" => {
                if let Some(what) = said("what") {
                    self.say(&match said("refused") {
                        Some(reason) => format!("refused: {what}: {reason}"),
                        None => format!("changed: {what}"),
                    });
                }
            }
            "annotation" => {
                if let Some(text) = said("text") {
                    self.say(&format!("note: {text}"));
                }
            }
            _ => {}
        }
    }

    fn snapshot(&mut self, snapshot: &Snapshot) {
        for warning in &snapshot.warnings {
            if !self.warned.contains(warning) {
                self.warned.push(warning.clone());
                self.say(&format!("warning: {}", plain(warning)));
            }
        }
        let saturated = snapshot.generator.saturated.clone();
        if saturated != self.saturated {
            if let Some(shortage) = &saturated {
                self.say(&format!("SATURATED: {}", plain(shortage)));
            }
            self.saturated = saturated;
        }
        self.progress = progress(snapshot);
        let _unheard = self.display.update(&self.progress);
    }

    fn say(&mut self, text: &str) {
        let _unheard = self.display.say(text);
    }

    fn clear(self) {
        self.display.clear();
    }
}

/// A snapshot as the line and the bar of `lt-host run` show it.
fn progress(snapshot: &Snapshot) -> Progress {
    let requests = snapshot.requests.unwrap_or_default();
    let duration = builtin::BUILTINS.get(builtin::HTTP_REQ_DURATION.index());
    let p95 = duration.and_then(|metric| Some(snapshot.trends.get(metric.name)?.p95));
    Progress {
        elapsed: Duration::from_millis(snapshot.elapsed_ms),
        users: snapshot.users.active,
        users_max: snapshot.users.planned,
        iterations: snapshot.iterations.completed,
        requests_per_second: requests.rate,
        iterations_per_second: snapshot.iterations.rate,
        p95: p95.and_then(|ms| Duration::try_from_secs_f64(ms / 1000.0).ok()),
        failed_rate: snapshot.requests.map(|requests| requests.failed_share),
        failures: snapshot.failures.iter().map(|failure| failure.count).sum(),
        stopping: ["stopping", "terminating", "ended"].contains(&snapshot.stage.as_str()),
        steady: snapshot.steady.map(|steady| (steady.users, steady.asked)),
        streams: snapshot.streams.as_ref().map(streams),
        ..Progress::default()
    }
}

fn streams(now: &StreamsNow) -> StreamsView {
    StreamsView {
        counts: StreamCounts {
            asked: now.asked,
            publishing: now.publishing,
            playing: now.playing,
            lagged: now.lagged,
            stalled: now.stalled,
            failed: now.failed,
        },
        received: Flow {
            streams: now.established,
            kbps: now.kbps,
        },
        sent: Flow::default(),
        worst: now.worst.iter().map(worst).collect(),
    }
}

fn worst(stream: &StreamNow) -> WorstStream {
    WorstStream {
        user: plain(&stream.user),
        name: plain(&stream.name),
        direction: match stream.direction.as_str() {
            "publish" => Direction::Publish,
            _ => Direction::Play,
        },
        state: match stream.state.as_str() {
            "flowing" => StreamState::Flowing,
            "stalled" => StreamState::Stalled,
            "failed" => StreamState::Failed,
            "ended" => StreamState::Ended,
            _ => StreamState::Starting,
        },
        lagged: stream.lagged,
        lag: Duration::from_millis(stream.lag_ms),
        kbps: stream.kbps,
    }
}
