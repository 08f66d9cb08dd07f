//! The results directory of a run: what is written when. A run without one writes nothing.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lt_metrics::{Summary, Totals};
use lt_report::{EventLog, HlogWriter, ResultsDir};
use lt_runtime::Scenario;
use lt_spec::Problem;
use lt_spec::spec::RunSpec;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::show::{load_line, setting_value};

/// How often `summary.json` is written while the run goes on, so that a crash leaves numbers: rarely enough that
/// summing up costs nothing beside the load.
const PARTIAL_SUMMARY_INTERVAL: Duration = Duration::from_secs(5);

/// See the module. Faults while the run goes on are kept for its end: they must not stop it.
pub(crate) struct Record {
    files: Option<Files>,
    faults: Vec<String>,
    partial_due: Duration,
}

struct Files {
    dir: ResultsDir,
    hlog: HlogWriter<BufWriter<File>>,
    events: EventLog<File>,
}

impl Record {
    /// No results.
    pub(crate) fn none() -> Self {
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
    pub(crate) fn create(parent: &Path, now_unix_ns: i64) -> Result<Self, Vec<Problem>> {
        let open = || {
            let dir = ResultsDir::create(parent, now_unix_ns)?;
            let hlog = dir.hlog(now_unix_ns)?;
            let events = dir.events()?;
            std::io::Result::Ok(Files { dir, hlog, events })
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

    /// Name of the directory: the run's id.
    pub(crate) fn name(&self) -> Option<String> {
        Some(self.path()?.file_name()?.to_string_lossy().into_owned())
    }

    /// Where the results are.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.files.as_ref().map(|files| files.dir.path())
    }

    /// The run starts. Secrets are not written.
    pub(crate) fn started(&mut self, spec: &RunSpec, scenario: &Scenario, now_unix_ns: i64) {
        let settings: Map<String, Value> = spec
            .settings
            .iter()
            .map(|(name, value)| (name.clone(), Value::from(setting_value(spec, name, value))))
            .collect();
        let thresholds: Vec<&str> = spec
            .thresholds
            .iter()
            .map(lt_metrics::Threshold::source)
            .collect();
        let fields = json!({
            "run": spec.id,
            "node": spec.node,
            "scenario": spec.scenario,
            "version": scenario.description().version,
            "sha256": scenario.hash(),
            "load": load_line(spec),
            "users": spec.users,
            "first_user": spec.first_user,
            "seed": spec.seed,
            "settings": settings,
            "tags": spec.tags,
            "thresholds": thresholds,
        });
        self.event("started", &fields, now_unix_ns);
    }

    /// Something happened.
    pub(crate) fn event(&mut self, name: &str, fields: &impl Serialize, now_unix_ns: i64) {
        if let Some(files) = &mut self.files {
            let written = files.events.event(now_unix_ns, name, fields);
            self.note("events.jsonl", written);
        }
    }

    /// A second has passed: `length` long, from `start` of the run.
    pub(crate) fn interval(&mut self, interval: &Totals, start: Duration, length: Duration) {
        if let Some(files) = &mut self.files {
            let written = files.hlog.interval(interval, start, length);
            self.note("metrics.hlog", written);
        }
    }

    /// Write what there is, if it is time to.
    pub(crate) fn partial(&mut self, totals: &Totals, spec: &RunSpec, elapsed: Duration) {
        let Some(files) = &self.files else { return };
        if elapsed < self.partial_due {
            return;
        }
        self.partial_due = elapsed + PARTIAL_SUMMARY_INTERVAL;
        let mut summary = totals.summary(elapsed);
        summary.state.run.clone_from(&spec.id);
        summary.state.scenario.clone_from(&spec.scenario);
        summary.state.seed = spec.seed;
        summary.state.users = spec.users;
        summary.state.ended_early =
            Some("not ended: these numbers are from the middle of the run".to_owned());
        let written = files.dir.summary(&summary);
        self.note("summary.json", written);
    }

    /// The run has ended. Returns everything that could not be written since its start.
    pub(crate) fn ended(&mut self, summary: &Summary, now_unix_ns: i64) -> Vec<String> {
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
