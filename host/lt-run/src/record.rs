//! The results directory of a run: what is written when. A run without one writes nothing.

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lt_metrics::{Summary, Totals, builtin};
use lt_report::snapshot::{
    GeneratorNow, Snapshot, SnapshotLog, Snapshots, Standing, UsersNow, VersionNow,
};
use lt_report::{Dossier, EventLog, HlogWriter, Keeper, ResultsDir, StreamsView, Tail};
use lt_runtime::Scenario;
use lt_spec::Problem;
use lt_spec::spec::{Action, RunSpec, ScenarioSpec};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::ending::started;
use crate::load_text::{action_line, load_line};
use crate::run::{ChangeSeen, RunOutcome, Stage, Tick};
use crate::secrets::Hidden;
use crate::show::{plain, setting_value};
use crate::swap::VersionSeen;

/// What a summary says of a run that has not ended, or was killed.
const NOT_ENDED: &str = "not ended: these numbers are from the middle of the run";
/// Changes that wait for the next snapshot: more in a second is a program, which reads the events.
const CHANGES_MAX: usize = 50;

/// See the module. Faults while the run goes on are kept for its end: they must not stop it.
#[derive(Default)]
pub struct Record {
    dir: Option<ResultsDir>,
    files: Option<Files>,
    faults: Vec<String>,
    snapshots: Snapshots,
    newest: Option<Arc<Summary>>,
    users: UsersNow,
    versions: Vec<VersionNow>,
    generator: GeneratorNow,
    /// When the last second ended.
    until: Duration,
    began_unix_ns: i64,
    had_streams: bool,
    /// Changes since the last snapshot, for people.
    changes: Vec<String>,
    /// What is not written.
    hidden: Hidden,
    knows_spec: bool,
}

struct Files {
    keeper: Keeper,
    hlog: HlogWriter<Tail>,
    events: EventLog<Tail>,
    log: SnapshotLog<Tail>,
}

impl Files {
    fn open(dir: ResultsDir, now_unix_ns: i64) -> std::io::Result<Self> {
        let keeper = Keeper::start(dir)?;
        Ok(Self {
            log: SnapshotLog::new(keeper.tail("snapshots.jsonl")?),
            hlog: HlogWriter::new(keeper.tail("metrics.hlog")?, now_unix_ns)?,
            events: EventLog::new(keeper.tail("events.jsonl")?),
            keeper,
        })
    }
}

impl Record {
    /// No results.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Make a directory for this run below `parent` and open its files.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn create(parent: &Path, now_unix_ns: i64) -> Result<Self, Vec<Problem>> {
        let dir = ResultsDir::create(parent, now_unix_ns);
        let files = dir.and_then(|dir| Files::open(dir, now_unix_ns));
        let files = files.map_err(|error| {
            let message = format!("cannot be written to: {error}");
            let remedy = "give another directory, or --no-results";
            vec![Problem::new(
                "--results",
                parent.display().to_string(),
                message,
                remedy,
            )]
        })?;
        Ok(Self::of(files, now_unix_ns))
    }

    /// Open the files of a run in a directory that is there already and is this run's alone.
    ///
    /// # Errors
    /// What the file system says.
    pub fn create_in(dir: &Path, now_unix_ns: i64) -> std::io::Result<Self> {
        let files = Files::open(ResultsDir::at(dir), now_unix_ns)?;
        Ok(Self::of(files, now_unix_ns))
    }

    fn of(files: Files, began_unix_ns: i64) -> Self {
        Self {
            dir: Some(files.keeper.dir().clone()),
            files: Some(files),
            began_unix_ns,
            ..Self::default()
        }
    }

    /// Name of the directory: the run's id.
    pub fn name(&self) -> Option<String> {
        Some(self.path()?.file_name()?.to_string_lossy().into_owned())
    }

    /// Where the results are.
    pub fn path(&self) -> Option<&Path> {
        self.dir.as_ref().map(ResultsDir::path)
    }

    /// Write nothing of what is hidden here, also if that grows while the run goes on.
    pub fn hide_with(&mut self, hidden: Hidden) {
        self.hidden = hidden;
        self.knows_spec = false;
    }

    fn learn_of(&mut self, spec: &RunSpec) {
        if !self.knows_spec {
            self.knows_spec = true;
            self.hidden.learn_of(spec);
        }
    }

    /// The run starts, with these scenarios. Secrets are not written.
    pub fn started(&mut self, spec: &RunSpec, scenarios: &[Scenario], now_unix_ns: i64) {
        let about = scenarios
            .iter()
            .map(|scenario| (scenario.description().version.as_str(), scenario.hash()));
        self.event("started", &run_fields(spec, about), now_unix_ns);
    }

    /// Something was changed or noted, or the change was refused.
    pub fn changed(&mut self, spec: &RunSpec, change: &ChangeSeen, now_unix_ns: i64) {
        self.learn_of(spec);
        let secrets = self.hidden.secrets();
        let elapsed_ms = milliseconds(change.elapsed);
        if let (Action::Annotate { text, tags }, None) = (&change.action, &change.refused) {
            let fields = json!({ "elapsed_ms": elapsed_ms, "text": text, "tags": tags });
            self.event("annotation", &fields, now_unix_ns);
            return;
        }
        let names = self.hidden.names();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let action = secrets.hide(&action_line(&change.action, &names));
        if self.changes.len() < CHANGES_MAX {
            let line = change_line(change, &action);
            self.changes.push(secrets.hide(&line));
        }
        let refused = change.refused.as_deref().map(|text| secrets.hide(text));
        let fields = json!({
            "elapsed_ms": elapsed_ms,
            "scenario": change.scenario,
            "action": action,
            "refused": refused,
        });
        self.event("changed", &fields, now_unix_ns);
    }

    /// Something happened.
    pub fn event(&mut self, name: &str, fields: &impl Serialize, now_unix_ns: i64) {
        if let Some(files) = &mut self.files {
            let written = files.events.event(now_unix_ns, name, fields);
            self.note("events.jsonl", written);
        }
    }

    /// Take in how the run stands: at each tick, so that the end is known. Returns a snapshot once a second, with the tick that has
    /// the interval.
    /// Costs what summing up costs; the files are written beside the run.
    pub fn second(
        &mut self,
        spec: &RunSpec,
        tick: &Tick<'_>,
        now_unix_ns: i64,
    ) -> Option<Snapshot> {
        self.seen(tick);
        let interval = tick.interval?;
        let mut summary = tick.totals.summary(tick.elapsed);
        summary.thresholds = tick.thresholds.to_vec();
        self.learn_of(spec);
        self.hidden.secrets().hide_in_summary(&mut summary);
        let standing = self.standing(tick, now_unix_ns);
        let snapshot = self.snapshots.next(standing, &summary, interval);
        self.interval(interval, tick.elapsed);
        self.keep(&snapshot);
        if let Some(files) = &self.files {
            about(&mut summary, spec, self.began_unix_ns);
            summary.state.partial = true;
            summary.state.ended_early = Some(NOT_ENDED.to_owned());
            let summary = Arc::new(summary);
            files.keeper.summary(summary.clone());
            self.newest = Some(summary);
        }
        Some(snapshot)
    }

    /// The numbers up to the last second, of a run with results.
    #[must_use]
    pub fn newest(&self) -> Option<Arc<Summary>> {
        self.newest.clone()
    }

    /// The trends of a second that ended at `elapsed`.
    fn interval(&mut self, interval: &Totals, elapsed: Duration) {
        let length = elapsed.saturating_sub(self.until);
        if let Some(files) = &mut self.files {
            let written = files.hlog.interval(interval, self.until, length);
            self.note("metrics.hlog", written);
        }
        self.until = elapsed;
    }

    fn keep(&mut self, snapshot: &Snapshot) {
        if let Some(files) = &mut self.files {
            let written = files.log.write(snapshot);
            self.note("snapshots.jsonl", written);
        }
    }

    /// What the last snapshot is to tell too, when there are no ticks any more.
    fn seen(&mut self, tick: &Tick<'_>) {
        self.users = UsersNow {
            active: tick.users_active,
            planned: tick.users_planned,
            built: tick.users_built,
        };
        if !tick.versions.is_empty() {
            self.versions = tick.versions.iter().map(version).collect();
        }
        self.generator = GeneratorNow {
            cpu_share: 0.0, // of the metric
            descriptors: tick.generator.descriptors,
            resident_bytes: tick.generator.resident_bytes,
            saturated: tick.saturated.map(str::to_owned),
        };
    }

    /// What a snapshot wants to know beside the numbers.
    fn standing(&mut self, tick: &Tick<'_>, now_unix_ns: i64) -> Standing {
        let rows = tick.streams.iter().flat_map(|table| &table.rows);
        // Once a stream was seen, none of them is told too.
        let streams = StreamsView::of(rows).or_else(|| self.had_streams.then(StreamsView::default));
        self.had_streams = streams.is_some();
        Standing {
            unix_ns: now_unix_ns,
            stage: stage(tick),
            elapsed: tick.elapsed,
            users: self.users,
            iterations: tick.iterations,
            iterations_open: tick.iterations_open,
            thresholds: tick.thresholds.to_vec(),
            steady: tick.steady,
            streams,
            versions: self.versions.clone(),
            generator: self.generator.clone(),
            changes: std::mem::take(&mut self.changes),
        }
    }

    /// The run has ended: how it stands at last.
    pub fn last(&mut self, outcome: &RunOutcome, now_unix_ns: i64) -> Snapshot {
        let summary = &outcome.summary;
        let elapsed = Duration::try_from_secs_f64(summary.state.duration_ms / 1000.0);
        let elapsed = elapsed.unwrap_or_default().max(self.until);
        for version in &mut self.versions {
            version.users = 0;
        }
        let standing = Standing {
            unix_ns: now_unix_ns,
            stage: "ended",
            elapsed,
            users: UsersNow {
                active: 0,
                ..self.users
            },
            versions: std::mem::take(&mut self.versions),
            generator: std::mem::take(&mut self.generator),
            iterations: whole(outcome.totals.count(builtin::ITERATIONS)),
            thresholds: summary.thresholds.clone(),
            streams: self.had_streams.then(StreamsView::default),
            changes: std::mem::take(&mut self.changes),
            ..Standing::default()
        };
        let snapshot = self.snapshots.next(standing, summary, &outcome.rest);
        self.interval(&outcome.rest, elapsed);
        self.keep(&snapshot);
        snapshot
    }

    /// The run has ended, and nothing more is to be said of it. Waits until everything is on the disk; returns everything that
    /// could not be written since its start. `run` is what is known of the run beside its files, for its page: in the shape of
    /// `GET /v1/runs/ID`, without secrets.
    pub fn ended(
        &mut self,
        summary: &Summary,
        run: Option<&Value>,
        now_unix_ns: i64,
    ) -> Vec<String> {
        let fields = json!({
            "exit_code": summary.state.exit_code,
            "duration_ms": summary.state.duration_ms,
            "ended_early": summary.state.ended_early,
            "interrupted_iterations": summary.state.interrupted_iterations,
            "thresholds_passed": summary.passed(),
        });
        self.event("ended", &fields, now_unix_ns);
        if let Some(files) = self.files.take() {
            let dir = files.keeper.dir().clone();
            files.keeper.summary(Arc::new(summary.clone()));
            for (file, fault) in files.keeper.finish() {
                self.fault(file, fault);
            }
            let judged = dir.junit(summary);
            self.note("junit.xml", judged);
            let shown = Dossier::open(dir.path()).and_then(|dossier| dossier.write_page(run));
            self.note("report.html", shown);
        }
        std::mem::take(&mut self.faults)
    }

    fn note(&mut self, file: &str, written: std::io::Result<()>) {
        if let Err(error) = written {
            self.fault(file, error);
        }
    }

    /// Keep a fault, once a file: a full disk fails every second.
    fn fault(&mut self, file: &str, fault: impl Display) {
        let path = self.path().unwrap_or(Path::new("")).join(file);
        let begin = format!("{}: ", path.display());
        if !self.faults.iter().any(|known| known.starts_with(&begin)) {
            self.faults.push(format!("{begin}{fault}"));
        }
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A change for people: `chat: users 20`.
#[must_use]
pub fn change_line(change: &ChangeSeen, action: &str) -> String {
    let what = match &change.scenario {
        None => action.to_owned(),
        Some(name) => format!("{}: {action}", plain(name)),
    };
    match &change.refused {
        None => what,
        Some(reason) => format!("refused: {what}: {}", plain(reason)),
    }
}

/// As the run's state is called: a run of which every scenario is paused is.
fn stage(tick: &Tick<'_>) -> &'static str {
    let is_paused = !tick.parts.is_empty() && tick.parts.iter().all(|part| part.paused);
    match tick.stage {
        Stage::Running if is_paused => "paused",
        stage => stage.name(),
    }
}

fn version(seen: &VersionSeen) -> VersionNow {
    VersionNow {
        part: seen.part.to_string(),
        label: seen.label.to_string(),
        share: seen.share,
        users: seen.users,
        iterations: seen.iterations,
        failures: seen.failures,
        joins_failed: seen.joins_failed,
        current: seen.current,
    }
}

/// What a summary says of the run itself.
fn about(summary: &mut Summary, spec: &RunSpec, began_unix_ns: i64) {
    summary.state.run.clone_from(&spec.id);
    summary.state.scenario = spec.title();
    summary.state.started = started(began_unix_ns);
    summary.state.seed = spec.seed;
    summary.state.users = spec.users_max();
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count, never negative"
)]
fn whole(count: f64) -> u64 {
    count as u64
}

/// A run in the event of its start: what is of the whole run, and each scenario. `about` is each one's version and hash.
fn run_fields<'a>(spec: &RunSpec, about: impl Iterator<Item = (&'a str, &'a str)>) -> Value {
    let thresholds: Vec<&str> = spec
        .thresholds
        .iter()
        .map(lt_metrics::Threshold::source)
        .collect();
    let scenarios: Vec<Value> = spec
        .scenarios
        .iter()
        .zip(about)
        .map(|(scenario, about)| scenario_fields(scenario, about))
        .collect();
    json!({
        "run": spec.id,
        "node": spec.node,
        "scenario": spec.title(),
        "users": spec.users_max(),
        "seed": spec.seed,
        "tags": spec.tags,
        "thresholds": thresholds,
        "scenarios": scenarios,
    })
}

fn scenario_fields(spec: &ScenarioSpec, (version, sha256): (&str, &str)) -> Value {
    let settings: Map<String, Value> = spec
        .settings
        .iter()
        .map(|(name, value)| (name.clone(), Value::from(setting_value(spec, name, value))))
        .collect();
    let users = spec.load.users_max();
    let roles: Map<String, Value> = spec
        .roles
        .names()
        .iter()
        .zip(spec.roles.counts(users))
        .map(|(name, count)| (name.clone(), Value::from(count)))
        .collect();
    json!({
        "name": spec.name,
        "version": version,
        "sha256": sha256,
        "executor": spec.load.name(),
        "load": load_line(spec),
        "start_ms": spec.start.as_secs_f64() * 1000.0,
        "users": users,
        "first_user": spec.identities.first,
        "first_existing_user": spec.identities.existing.map(|existing| existing.first),
        "percent_new": spec.identities.existing.map(|existing| existing.percent_new),
        "roles": roles,
        "settings": settings,
        "tags": spec.tags,
    })
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
