//! One run as the server holds it: what is said of it, how it is steered, and who follows it.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lt_metrics::Summary;
use lt_report::snapshot::Snapshot;
use lt_run::Control;
use lt_run::secrets::{Hidden, values_of};
use lt_spec::limits::EVENTS_RESUMED_MAX;
use lt_spec::spec::RunSpec;
use serde::{Deserialize, Serialize};
use tokio::sync::{broadcast, watch};

use super::logs::{self, RunLog};
use super::model::{Annotation, Run};

/// Events that a reader may be behind before it loses some: half a minute of snapshots. They are shared, not copied.
const BEHIND_MAX: usize = 32;

/// Something of a run that its followers are told, as JSON.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    /// A snapshot, and its number.
    Snapshot(u64, Arc<str>),
    /// A change that was made or refused.
    Change(Arc<str>),
    /// An annotation.
    Annotation(Arc<str>),
    /// The end: nothing follows.
    Ended(Arc<str>),
}

/// A change as its followers are told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub(crate) struct ChangeTold {
    /// When: RFC 3339, UTC.
    pub time: String,
    /// When, since the users started.
    pub elapsed_ms: u64,
    /// What was changed, for people.
    pub what: String,
    /// Why it was refused, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub refused: Option<String>,
}

/// What is kept of a run in its `run.json`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// What is said of it.
    pub(crate) run: Run,
    /// When it was accepted, for the order of runs.
    pub(crate) created_unix_ns: i64,
    /// SHA-256 of what it was created from: whether a repeated id means the same run.
    #[serde(default)]
    pub(crate) spec_digest: String,
    /// What people noted.
    #[serde(default)]
    pub(crate) annotations: Vec<Annotation>,
}

/// What changes of a run while it goes on.
#[derive(Debug)]
pub(crate) struct Data {
    /// What is kept.
    pub(crate) kept: Kept,
    /// Everything measured, up to a second ago; of a run that is over, nothing: it is in its file.
    pub(crate) summary: Option<Arc<Summary>>,
    /// How the run is over, while that is being written: nobody is told yet.
    pub(crate) ending: Option<Box<Run>>,
    /// What the generator is short of.
    pub(crate) saturated: Option<&'static str>,
    /// The last snapshots, for readers that come back.
    recent: VecDeque<(u64, Arc<str>)>,
    /// Who follows: made when the first comes, and gone with the run. A history of thousands has none.
    followers: Option<broadcast::Sender<Told>>,
}

impl Data {
    /// Tell those that follow. Under the lock, so that who begins to follow misses nothing and gets nothing twice.
    pub(crate) fn tell(&self, told: Told) {
        if let Some(followers) = &self.followers {
            // Nobody may follow any more.
            let _unheard = followers.send(told);
        }
    }

    /// What is written of it.
    pub(crate) fn to_keep(&self) -> Kept {
        let mut kept = self.kept.clone();
        if let Some(ending) = &self.ending {
            kept.run = Run::clone(ending);
        }
        kept
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Its id.
    pub(crate) id: String,
    /// Its results.
    pub(crate) dir: PathBuf,
    /// Its handle, while it goes on.
    pub(crate) control: Control,
    /// Held by who changes it: one after the other, so that `If-Match` means something.
    pub(crate) steering: tokio::sync::Mutex<()>,
    /// Its log.
    pub(crate) log: Arc<RunLog>,
    /// Names of the secret settings of each of its scenarios.
    secret_names: Mutex<Vec<(String, Vec<String>)>>,
    /// What nobody may see: shared with those who write its files.
    pub(crate) hidden: Hidden,
    /// Whether it is over and everything of it is written.
    pub(crate) over: watch::Sender<bool>,
    data: Mutex<Data>,
}

impl Entry {
    /// A run that is to start.
    pub(crate) fn new(dir: PathBuf, kept: Kept, spec: &RunSpec) -> Self {
        let log = logs::begin(&kept.run.id);
        let entry = Self::of(dir, kept, log, false);
        for (scenario, names) in secret_names(spec) {
            entry.learn_secrets(&scenario, names);
        }
        entry.hide_too(values_of(spec).cloned().collect());
        entry
    }

    /// A run of the history.
    pub(crate) fn past(dir: PathBuf, kept: Kept) -> Self {
        Self::of(dir, kept, Arc::default(), true)
    }

    fn of(dir: PathBuf, kept: Kept, log: Arc<RunLog>, over: bool) -> Self {
        Self {
            id: kept.run.id.clone(),
            dir,
            control: Control::default(),
            steering: tokio::sync::Mutex::default(),
            log,
            secret_names: Mutex::default(),
            hidden: Hidden::default(),
            over: watch::Sender::new(over),
            data: Mutex::new(Data {
                kept,
                summary: None,
                ending: None,
                saturated: None,
                recent: VecDeque::new(),
                followers: None,
            }),
        }
    }

    /// These settings of a scenario are secrets: in its first version, or in one that it is swapped for.
    pub(crate) fn learn_secrets(&self, scenario: &str, names: Vec<String>) {
        let names = names
            .into_iter()
            .filter(|name| !self.is_secret(Some(scenario), name));
        let names: Vec<String> = names.collect();
        self.hidden.learn(&names, &[]);
        if !names.is_empty() {
            self.names().push((scenario.to_owned(), names));
        }
    }

    /// Whether a setting is a secret in any of its scenarios, or in this one.
    pub(crate) fn is_secret(&self, scenario: Option<&str>, setting: &str) -> bool {
        let known = self.names();
        let mut meant = known
            .iter()
            .filter(|(name, _)| scenario.is_none_or(|scenario| scenario == name));
        meant.any(|(_, names)| names.iter().any(|name| name == setting))
    }

    /// Names of all settings that are secrets somewhere.
    pub(crate) fn secret_settings(&self) -> Vec<String> {
        let known = self.names();
        known.iter().flat_map(|(_, names)| names).cloned().collect()
    }

    fn names(&self) -> MutexGuard<'_, Vec<(String, Vec<String>)>> {
        self.secret_names
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Values that nobody may see from now on, beside those of before.
    pub(crate) fn hide_too(&self, values: Vec<String>) {
        self.hidden.learn(&[], &values);
        self.log.hide(self.hidden.secrets());
    }

    /// What changes of it.
    pub(crate) fn data(&self) -> MutexGuard<'_, Data> {
        // Its values are whole at every moment, whoever panicked.
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is said of it now.
    pub(crate) fn run(&self) -> Run {
        self.data().kept.run.clone()
    }

    /// Whether it is over.
    pub(crate) fn is_over(&self) -> bool {
        self.data().kept.run.state.is_over()
    }

    /// Keep a snapshot for readers that come back, and tell those that follow.
    pub(crate) fn publish(&self, snapshot: &Snapshot) {
        let Ok(json) = serde_json::to_string(snapshot) else {
            return;
        };
        let json: Arc<str> = self.log.snapshot_without_secrets(json).into();
        let mut data = self.data();
        if data.recent.len() >= EVENTS_RESUMED_MAX {
            data.recent.pop_front();
        }
        data.recent.push_back((snapshot.seq, json.clone()));
        data.tell(Told::Snapshot(snapshot.seq, json));
    }

    /// Tell those that follow of a value.
    pub(crate) fn tell_value<T: Serialize>(&self, value: &T, told: fn(Arc<str>) -> Told) {
        if let Ok(json) = serde_json::to_string(value) {
            self.data().tell(told(json.into()));
        }
    }

    /// Follow it from now on.
    pub(crate) fn follow(&self) -> Following {
        let mut data = self.data();
        let over = data.kept.run.state.is_over();
        let told = if over {
            broadcast::channel(1).1
        } else {
            let followers = &mut data.followers;
            let followers = followers.get_or_insert_with(|| broadcast::channel(BEHIND_MAX).0);
            followers.subscribe()
        };
        Following {
            oldest: data.recent.front().map(|(seq, _)| *seq),
            last: data.recent.back().map_or(u64::MAX, |(seq, _)| *seq),
            told,
            over,
        }
    }

    /// The snapshots after number `since` that are in memory.
    pub(crate) fn recent(&self, since: u64) -> Vec<(u64, Arc<str>)> {
        let data = self.data();
        let recent = data.recent.iter().filter(|(seq, _)| *seq > since);
        recent.cloned().collect()
    }

    /// It is over and written: that is told, memory is given back, and who waits for it goes on.
    pub(crate) fn close(&self) {
        logs::end(&self.id);
        let mut data = self.data();
        if let Some(mut ended) = data.ending.take() {
            // What was changed or noted while it was written.
            let run = &data.kept.run;
            ended.annotations = run.annotations;
            ended.revision = ended.revision.max(run.revision + 1);
            let told = serde_json::to_string(&*ended);
            data.kept.run = *ended;
            if let Ok(json) = told {
                data.tell(Told::Ended(json.into()));
            }
        }
        data.summary = None;
        data.recent = VecDeque::new();
        data.followers = None;
        self.over.send_replace(true);
        drop(data);
        self.log.close();
    }
}

/// Names of the secret settings of each scenario.
fn secret_names(spec: &RunSpec) -> Vec<(String, Vec<String>)> {
    let scenarios = spec.scenarios.iter();
    let names = |secrets: &[String]| secrets.to_vec();
    scenarios
        .map(|scenario| (scenario.name.clone(), names(&scenario.secrets)))
        .collect()
}

/// What a follower gets.
pub(crate) struct Following {
    /// The number of the oldest snapshot in memory: those before it are in the file.
    pub(crate) oldest: Option<u64>,
    /// The number of the last one that is not told any more.
    pub(crate) last: u64,
    /// What is told from now on.
    pub(crate) told: broadcast::Receiver<Told>,
    /// Whether the run was over already: nothing is told.
    pub(crate) over: bool,
}
