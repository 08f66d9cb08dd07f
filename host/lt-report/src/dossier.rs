//! What the files of a run say of it: of one that ended, of one that goes on, and of one that was killed.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::time::Duration;

use lt_metrics::Summary;
use serde_json::{Map, Value, json};

use crate::page::{ReportPage, write_report};
use crate::progress::clock;
use crate::results::{EVENTS, REPORT, ResultsDir, SNAPSHOTS, SUMMARY};

/// Annotations that a report shows: more is a program's, and read in the events.
const ANNOTATIONS_MAX: usize = 1000;

/// See the module. Nothing of it is open.
#[derive(Clone, Debug)]
pub struct Dossier {
    dir: ResultsDir,
    summary: Summary,
    run: Value,
    annotations: Vec<Value>,
    is_live: bool,
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// It has ended, and said so.
    Ended,
    /// It goes on.
    Running,
    /// It was killed.
    Interrupted,
}

impl Dossier {
    /// Read what there is. A run that was killed before its first second has no summary; it has events, and an empty summary is
    /// made of them.
    ///
    /// # Errors
    /// `NotFound` if these are no results, `InvalidData` if the summary is none.
    pub fn open(path: &Path) -> io::Result<Self> {
        let dir = ResultsDir::at(path);
        let is_live = dir.is_live();
        let told = Told::read(&path.join(EVENTS))?;
        let summary = match fs::read(path.join(SUMMARY)) {
            Ok(text) => serde_json::from_slice(&text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound && told.started.is_some() => {
                told.empty_summary()
            }
            Err(error) => return Err(error),
        };
        let mut dossier = Self {
            dir,
            summary,
            run: Value::Null,
            annotations: Vec::new(),
            is_live,
        };
        dossier.run = told.run(&dossier);
        dossier.annotations = told.annotations;
        Ok(dossier)
    }

    /// The numbers: those at the end, or the last ones there are.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// The run in the shape that `GET /v1/runs/ID` has, as far as its events tell.
    #[must_use]
    pub fn run(&self) -> &Value {
        &self.run
    }

    /// How far it has come.
    #[must_use]
    pub fn end(&self) -> RunEnd {
        match (self.summary.state.partial, self.is_live) {
            (false, _) => RunEnd::Ended,
            (true, true) => RunEnd::Running,
            (true, false) => RunEnd::Interrupted,
        }
    }

    /// What a reader of the numbers must know of the end, in a line; `None` if the run ended as planned.
    #[must_use]
    pub fn caveat(&self) -> Option<String> {
        let length = Duration::try_from_secs_f64(self.summary.state.duration_ms / 1000.0);
        let until = clock(length.unwrap_or_default());
        match self.end() {
            RunEnd::Interrupted => Some(format!("interrupted: numbers up to {until} of the run")),
            RunEnd::Running => Some(format!("the run goes on: numbers up to {until}")),
            RunEnd::Ended => {
                let reason = self.summary.state.ended_early.as_ref()?;
                Some(format!("ended early: {reason}"))
            }
        }
    }

    /// Whether there is a page of this run.
    #[must_use]
    pub fn has_page(&self) -> bool {
        self.dir.path().join(REPORT).is_file()
    }

    /// Write or replace `report.html`. `run` is what is known of the run beside its files, in the shape of `GET /v1/runs/ID`,
    /// without secrets; without it the events say it.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write_page(&self, run: Option<&Value>) -> io::Result<()> {
        let page = ReportPage {
            run: run.unwrap_or(&self.run),
            summary: &self.summary,
            annotations: &self.annotations,
        };
        // Without snapshots, of a run of less than a second that was killed, there is nothing to draw.
        let lines = File::open(self.dir.path().join(SNAPSHOTS)).ok();
        let lines = lines
            .into_iter()
            .flat_map(|file| lines_of(BufReader::new(file)));
        self.dir
            .replace(REPORT, |out| write_report(out, &page, lines))
    }
}

/// The lines of a file up to its end or its first fault; what is not text is nobody's line.
fn lines_of(mut reader: impl BufRead) -> impl Iterator<Item = String> {
    std::iter::from_fn(move || {
        let mut line = Vec::new();
        match reader.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(String::from_utf8(line).unwrap_or_default()),
        }
    })
}

/// What the events tell.
#[derive(Default)]
struct Told {
    started: Option<Value>,
    ended: Option<Value>,
    annotations: Vec<Value>,
}

impl Told {
    /// Without the file nothing is told: results of an older host may lack it.
    fn read(path: &Path) -> io::Result<Self> {
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            opened => opened?,
        };
        let mut told = Self::default();
        for line in lines_of(BufReader::new(file)) {
            // The last line of a machine that went down may be torn.
            let Ok(event) = serde_json::from_str::<Value>(&line) else {
                continue;
            };
            match event.get("event").and_then(Value::as_str) {
                Some("started") => told.started = Some(event),
                Some("ended") => told.ended = Some(event),
                Some("annotation") if told.annotations.len() < ANNOTATIONS_MAX => {
                    told.annotations.push(event);
                }
                _ => {}
            }
        }
        Ok(told)
    }

    fn of_start(&self, field: &str) -> Option<&Value> {
        self.started.as_ref()?.get(field)
    }

    /// Of a run that was killed before it had numbers.
    fn empty_summary(&self) -> Summary {
        let text = |field| {
            let known = self.of_start(field).and_then(Value::as_str);
            known.unwrap_or_default().to_owned()
        };
        let number = |field| self.of_start(field).and_then(Value::as_u64);
        let mut summary = Summary {
            version: lt_metrics::SUMMARY_VERSION,
            ..Summary::default()
        };
        summary.state.run = text("run");
        summary.state.scenario = text("scenario");
        summary.state.started = text("time");
        summary.state.seed = number("seed").unwrap_or(0);
        summary.state.users = number("users").unwrap_or(0);
        summary.state.partial = true;
        summary
    }

    /// The run in the shape that the API has.
    fn run(&self, dossier: &Dossier) -> Value {
        let state = &dossier.summary.state;
        let end = dossier.end();
        let name = match end {
            RunEnd::Ended => "ended",
            RunEnd::Running => "running",
            RunEnd::Interrupted => "interrupted",
        };
        let mut run = json!({
            "id": state.run,
            "state": name,
            "created_at": state.started,
            "started_at": state.started,
            "elapsed_ms": state.duration_ms,
            "seed": state.seed,
            "annotations": self.annotations.len(),
        });
        let mut set = |field: &str, value: Option<Value>| {
            if let (Value::Object(fields), Some(value)) = (&mut run, value) {
                fields.insert(field.to_owned(), value);
            }
        };
        let ended_at = self.ended.as_ref().and_then(|event| event.get("time"));
        set("ended_at", ended_at.cloned());
        set("thresholds", self.of_start("thresholds").cloned());
        set("tags", self.of_start("tags").cloned());
        let parts = self.of_start("scenarios").and_then(Value::as_array);
        set("parts", parts.map(|parts| parts.iter().map(part).collect()));
        if end == RunEnd::Ended {
            let verdict = json!({
                "exit_code": state.exit_code,
                "passed": dossier.summary.passed(),
                "reason": state.ended_early,
            });
            set("verdict", Some(verdict));
        }
        run
    }
}

/// A scenario of a run, as the event of its start tells it.
fn part(scenario: &Value) -> Value {
    let text = |field| scenario.get(field).and_then(Value::as_str);
    let (version, digest) = (
        text("version").unwrap_or_default(),
        text("sha256").unwrap_or_default(),
    );
    let mut part = Map::new();
    for field in ["name", "executor", "load", "settings"] {
        if let Some(value) = scenario.get(field) {
            part.insert(field.to_owned(), value.clone());
        }
    }
    part.insert("scenario".to_owned(), json!(text("name")));
    part.insert("users_planned".to_owned(), json!(scenario.get("users")));
    let short = digest.get(..8).unwrap_or(digest);
    part.insert(
        "versions".to_owned(),
        json!([{
            "label": format!("{version}+{short}"),
            "version": version,
            "digest": digest,
            "share": 1.0,
            "current": true,
        }]),
    );
    Value::Object(part)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::text::testing::a_run;

    const STARTED: &str = r#"{"time":"2021-02-24T13:37:10Z","event":"started","run":"2021-02-24--001","scenario":"chat","seed":7,"users":3,"thresholds":["http_reqs:count>0"],"tags":{"env":"test"},"scenarios":[{"name":"chat","version":"0.1.0","sha256":"3f2a91bc00","executor":"constant-users","load":"3 users","users":3,"settings":{"token":"***"}}]}"#;

    fn dir(name: &str, files: &[(&str, &str)]) -> PathBuf {
        let path = std::env::temp_dir().join(format!("lt-dossier-{name}-{}", std::process::id()));
        _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        for (file, text) in files {
            fs::write(path.join(file), text).unwrap();
        }
        path
    }

    #[test]
    fn a_run_that_ended_is_told_whole() {
        let summary = serde_json::to_string(&a_run()).unwrap();
        let events = format!(
            "{STARTED}\n{}\n{}\n",
            r#"{"time":"2021-02-24T13:37:15Z","event":"annotation","elapsed_ms":5000,"text":"deployed"}"#,
            r#"{"time":"2021-02-24T13:38:10Z","event":"ended"}"#
        );
        let path = dir(
            "whole",
            &[("summary.json", &summary), ("events.jsonl", &events)],
        );
        let dossier = Dossier::open(&path).unwrap();
        assert_eq!(dossier.end(), RunEnd::Ended);
        let run = dossier.run();
        assert_eq!(run["state"], "ended");
        assert_eq!(run["ended_at"], "2021-02-24T13:38:10Z");
        assert_eq!(run["annotations"], 1);
        assert_eq!(run["tags"]["env"], "test");
        assert_eq!(run["parts"][0]["versions"][0]["label"], "0.1.0+3f2a91bc");
        assert_eq!(run["parts"][0]["users_planned"], 3);
        assert!(run["verdict"]["exit_code"].is_number());
        assert!(!dossier.has_page());
        dossier.write_page(None).unwrap();
        assert!(dossier.has_page());
        let page = fs::read_to_string(path.join("report.html")).unwrap();
        assert!(page.contains("deployed") && page.contains("0.1.0+3f2a91bc"));
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn a_run_that_was_killed_is_told_up_to_its_last_second() {
        let mut summary = a_run();
        summary.state.partial = true;
        summary.state.duration_ms = 12_000.0;
        let summary = serde_json::to_string(&summary).unwrap();
        // The power went while both were written.
        let events = format!("{STARTED}\n{}", r#"{"time":"2021-02-"#);
        let snapshots =
            "{\"seq\":1,\"elapsed_ms\":1000}\n{\"seq\":2,\"elapsed_ms\":2000}\n{\"seq\":3,\"ela";
        let path = dir(
            "killed",
            &[
                ("summary.json", &summary),
                ("events.jsonl", &events),
                ("snapshots.jsonl", snapshots),
            ],
        );
        let dossier = Dossier::open(&path).unwrap();
        assert_eq!(dossier.end(), RunEnd::Interrupted);
        let told = dossier.caveat().unwrap();
        assert_eq!(told, "interrupted: numbers up to 0m12.0s of the run");
        assert_eq!(dossier.run()["state"], "interrupted");
        assert!(dossier.run().get("verdict").is_none());
        dossier.write_page(None).unwrap();
        let page = fs::read_to_string(path.join("report.html")).unwrap();
        assert!(page.contains("\"elapsed_ms\":2000"));
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn a_run_that_was_killed_at_once_has_no_numbers_and_is_still_told() {
        let path = dir("at-once", &[("events.jsonl", &format!("{STARTED}\n"))]);
        let dossier = Dossier::open(&path).unwrap();
        assert_eq!(dossier.end(), RunEnd::Interrupted);
        let state = &dossier.summary().state;
        assert_eq!((state.seed, state.users), (7, 3));
        assert_eq!(
            dossier.caveat().unwrap(),
            "interrupted: numbers up to 0m00.0s of the run"
        );
        dossier.write_page(None).unwrap();
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn what_are_no_results_is_refused() {
        let path = dir("none", &[("notes.txt", "")]);
        let error = Dossier::open(&path).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        fs::write(path.join("summary.json"), "{").unwrap();
        let error = Dossier::open(&path).unwrap_err();
        assert_ne!(error.kind(), io::ErrorKind::NotFound, "{error}");
        fs::remove_dir_all(path).unwrap();
    }
}
