//! The results directory of a run: what is written when. A run without one writes nothing.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::run::ChangeSeen;
use lt_metrics::{Summary, Totals};
use lt_report::{EventLog, HlogWriter, ResultsDir};
use lt_runtime::Scenario;
use lt_spec::Problem;
use lt_spec::spec::{RunSpec, ScenarioSpec};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::load_text::{action_line, load_line, secret_names};
use crate::show::setting_value;

/// How often `summary.json` is written while the run goes on, so that a crash leaves numbers: rarely enough that
/// summing up costs nothing beside the load.
const PARTIAL_SUMMARY_INTERVAL: Duration = Duration::from_secs(5);

/// See the module. Faults while the run goes on are kept for its end: they must not stop it.
pub struct Record {
    files: Option<Files>,
    faults: Vec<String>,
    partial_due: Duration,
}

struct Files {
    dir: ResultsDir,
    hlog: HlogWriter<BufWriter<File>>,
    events: EventLog<File>,
}

impl Files {
    fn open(dir: ResultsDir, now_unix_ns: i64) -> std::io::Result<Self> {
        let hlog = dir.hlog(now_unix_ns)?;
        let events = dir.events()?;
        Ok(Self { dir, hlog, events })
    }
}

impl Record {
    /// No results.
    pub fn none() -> Self {
        Self {
            files: None,
            faults: Vec::new(),
            partial_due: PARTIAL_SUMMARY_INTERVAL,
        }
    }

    /// Make the directory and open its files.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn create(parent: &Path, now_unix_ns: i64) -> Result<Self, Vec<Problem>> {
        let open = || {
            let dir = ResultsDir::create(parent, now_unix_ns)?;
            Files::open(dir, now_unix_ns)
        };
        let files = open().map_err(|error| {
            let message = format!("cannot be written to: {error}");
            let remedy = "give another directory, or --no-results";
            vec![Problem::new(
                "--results",
                parent.display().to_string(),
                message,
                remedy,
            )]
        })?;
        Ok(Self {
            files: Some(files),
            ..Self::none()
        })
    }

    /// Make this very directory, whose name is the run's id, and open its files.
    ///
    /// # Errors
    /// If it cannot be made, or is there already.
    pub fn create_at(path: &Path, now_unix_ns: i64) -> std::io::Result<Self> {
        let dir = ResultsDir::create_at(path)?;
        Ok(Self {
            files: Some(Files::open(dir, now_unix_ns)?),
            ..Self::none()
        })
    }

    /// Name of the directory: the run's id.
    pub fn name(&self) -> Option<String> {
        Some(self.path()?.file_name()?.to_string_lossy().into_owned())
    }

    /// Where the results are.
    pub fn path(&self) -> Option<&Path> {
        self.files.as_ref().map(|files| files.dir.path())
    }

    /// The run starts, with these scenarios. Secrets are not written.
    pub fn started(&mut self, spec: &RunSpec, scenarios: &[Scenario], now_unix_ns: i64) {
        let about = scenarios
            .iter()
            .map(|scenario| (scenario.description().version.as_str(), scenario.hash()));
        self.event("started", &run_fields(spec, about), now_unix_ns);
    }

    /// Something was changed, or the change was refused.
    pub fn changed(&mut self, spec: &RunSpec, change: &ChangeSeen, now_unix_ns: i64) {
        let fields = json!({
            "scenario": change.scenario,
            "action": action_line(&change.action, &secret_names(spec)),
            "refused": change.refused,
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

    /// A second has passed: `length` long, from `start` of the run.
    pub fn interval(&mut self, interval: &Totals, start: Duration, length: Duration) {
        if let Some(files) = &mut self.files {
            let written = files.hlog.interval(interval, start, length);
            self.note("metrics.hlog", written);
        }
    }

    /// Write what there is, if it is time to.
    pub fn partial(&mut self, totals: &Totals, spec: &RunSpec, elapsed: Duration) {
        let Some(files) = &self.files else { return };
        if elapsed < self.partial_due {
            return;
        }
        self.partial_due = elapsed + PARTIAL_SUMMARY_INTERVAL;
        let mut summary = totals.summary(elapsed);
        summary.state.run.clone_from(&spec.id);
        summary.state.scenario = spec.title();
        summary.state.seed = spec.seed;
        summary.state.users = spec.users_max();
        summary.state.ended_early =
            Some("not ended: these numbers are from the middle of the run".to_owned());
        let written = files.dir.summary(&summary);
        self.note("summary.json", written);
    }

    /// The run has ended. Returns everything that could not be written since its start.
    pub fn ended(&mut self, summary: &Summary, now_unix_ns: i64) -> Vec<String> {
        let fields = json!({
            "exit_code": summary.state.exit_code,
            "duration_ms": summary.state.duration_ms,
            "ended_early": summary.state.ended_early,
            "interrupted_iterations": summary.state.interrupted_iterations,
            "thresholds_passed": summary.passed(),
        });
        self.event("ended", &fields, now_unix_ns);
        if let Some(files) = &self.files {
            let (written, judged) = (files.dir.summary(summary), files.dir.junit(summary));
            self.note("summary.json", written);
            self.note("junit.xml", judged);
        }
        std::mem::take(&mut self.faults)
    }

    /// Keep a fault, once a file: a full disk fails every second.
    fn note(&mut self, file: &str, written: std::io::Result<()>) {
        if let Err(error) = written {
            let path = self
                .path()
                .map_or_else(|| PathBuf::from(file), |dir| dir.join(file));
            let begin = format!("{}: ", path.display());
            if !self.faults.iter().any(|fault| fault.starts_with(&begin)) {
                self.faults.push(format!("{begin}{error}"));
            }
        }
    }
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
mod tests {
    use super::*;

    const NOW: i64 = 1_614_173_830_000_000_000;

    #[test]
    fn a_directory_that_cannot_be_made_is_bad_input() {
        let problems = Record::create(Path::new("/proc/none"), NOW).err().unwrap();
        assert!(
            problems[0]
                .to_string()
                .starts_with("--results \"/proc/none\""),
            "{problems:?}"
        );
    }

    #[test]
    fn a_start_tells_each_scenario_without_secrets() {
        use lt_spec::description::{Description, Setting, SettingKind};

        let description = Description {
            name: "chat".to_owned(),
            settings: vec![Setting {
                name: "token".to_owned(),
                doc: String::new(),
                kind: SettingKind::Secret,
                default: Some("geheim".to_owned()),
                allowed: Vec::new(),
                minimum: None,
                maximum: None,
                live: false,
            }],
            ..Description::default()
        };
        let machine = crate::machine::of_run(|| 1);
        let spec = lt_spec::resolve(&lt_spec::RawRun::default(), &description, &machine).unwrap();
        let fields = run_fields(&spec, [("1.0.0", "abc")].into_iter());
        assert_eq!(fields["scenario"], "chat");
        let chat = &fields["scenarios"][0];
        assert_eq!(chat["load"], "1 user, 1 iteration each, for 10m at most");
        assert_eq!(chat["settings"]["token"], "***");
        assert_eq!(
            (&chat["version"], &chat["sha256"]),
            (&json!("1.0.0"), &json!("abc"))
        );
        assert_eq!(
            (&chat["first_user"], &chat["users"]),
            (&json!(1), &json!(1))
        );
        assert!(!fields.to_string().contains("geheim"), "{fields}");
    }

    #[test]
    fn a_run_leaves_its_files_and_none_leaves_nothing() {
        let parent = std::env::temp_dir().join(format!("lt-host-record-{}", std::process::id()));
        let mut record = Record::create(&parent, NOW).unwrap();
        assert_eq!(record.name().as_deref(), Some("2021-02-24--001"));
        record.event("stopping", &json!({"iterations": 3}), NOW);
        assert!(record.ended(&Summary::default(), NOW).is_empty());
        let events = std::fs::read_to_string(record.path().unwrap().join("events.jsonl")).unwrap();
        let lines: Vec<Value> = events
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines[0]["event"], "stopping");
        assert_eq!(lines[1]["event"], "ended");
        for file in ["summary.json", "junit.xml", "metrics.hlog"] {
            assert!(record.path().unwrap().join(file).is_file(), "{file}");
        }
        std::fs::remove_dir_all(&parent).unwrap();
        let faults = record.ended(&Summary::default(), NOW);
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(Record::none().ended(&Summary::default(), NOW).is_empty());
        assert_eq!(Record::none().name(), None);
    }
}
