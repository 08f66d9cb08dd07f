//! What the server learns of a run while it goes on: called ten times a second, on the run's own thread.

use std::sync::Arc;

use lt_run::load_text::action_line;
use lt_run::record::Record;
use lt_run::show::{HIDDEN, plain};
use lt_run::{ChangeSeen, Stage, Tick};
use lt_spec::spec::{Action, RunSpec};

use super::entry::{ChangeTold, Entry, Told};
use super::model::RunState;
use super::{Runs, time, versions};

/// See the module.
pub(crate) struct Observer {
    runs: Runs,
    entry: Arc<Entry>,
    spec: Arc<RunSpec>,
    record: Record,
    stop_told: bool,
}

impl Observer {
    pub(crate) fn new(runs: Runs, entry: Arc<Entry>, spec: Arc<RunSpec>, record: Record) -> Self {
        Self {
            runs,
            entry,
            spec,
            record,
            stop_told: false,
        }
    }

    pub(crate) fn into_record(self) -> Record {
        self.record
    }

    /// Take in how the run stands.
    pub(crate) fn see(&mut self, tick: &Tick<'_>) {
        for change in tick.changes {
            self.changed(change, tick);
        }
        self.tell_stop(tick);
        if self.take_in(tick) {
            self.runs.keeper().save(&self.entry);
        }
        if let Some(snapshot) = self.record.second(&self.spec, tick, self.runs.now()) {
            self.give_back(tick);
            self.entry.data().summary = self.record.newest();
            self.entry.publish(&snapshot);
        }
    }

    /// Users of a load that was replaced are counted until they have left: then others may have their places.
    fn give_back(&self, tick: &Tick<'_>) {
        // Whoever changes the run claims what it may have then.
        let Ok(_steering) = self.entry.steering.try_lock() else {
            return;
        };
        let parts = tick.parts.iter();
        let users = parts.map(|part| part.users_planned.max(part.users_active));
        let id = &self.entry.id;
        self.runs.lower_claim(id, users.sum());
    }

    fn changed(&mut self, change: &ChangeSeen, tick: &Tick<'_>) {
        let now = self.runs.now();
        self.record.changed(&self.spec, change, now);
        if change.refused.is_none() {
            apply(&self.entry, change.scenario.as_deref(), &change.action);
        }
        let secrets = self.entry.secret_settings();
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let action = action_line(&change.action, &secrets);
        let what = match &change.scenario {
            Some(scenario) => format!("{}: {action}", plain(scenario)),
            None => action,
        };
        let told = ChangeTold {
            time: time::rfc3339(now),
            elapsed_ms: time::milliseconds(tick.elapsed),
            what: self.entry.log.without_secrets(&what),
            refused: change
                .refused
                .as_deref()
                .map(|reason| self.entry.log.without_secrets(&plain(reason))),
        };
        self.entry.tell_value(&told, Told::Change);
    }

    /// Keep in the events that the end was asked for.
    fn tell_stop(&mut self, tick: &Tick<'_>) {
        if !self.stop_told && self.entry.control.stop_asked() {
            self.stop_told = true;
            let event = match self.entry.control.stop_now_asked() {
                true => "stopping_at_once",
                false => "stopping",
            };
            let fields = serde_json::json!({ "iterations": tick.iterations_open });
            self.record.event(event, &fields, self.runs.now());
        }
    }

    /// Returns whether what outlives the process must be written anew.
    fn take_in(&self, tick: &Tick<'_>) -> bool {
        let mut data = self.entry.data();
        let run = &mut data.kept.run;
        let was = run.state;
        run.elapsed_ms = time::milliseconds(tick.elapsed);
        run.state = state(tick);
        if run.started_at.is_none() && run.state != RunState::Starting {
            let elapsed = i64::try_from(tick.elapsed.as_nanos()).unwrap_or(0);
            run.started_at = Some(time::rfc3339(self.runs.now() - elapsed));
        }
        for (part, seen) in run.parts.iter_mut().zip(tick.parts) {
            part.executor.clear();
            part.executor.push_str(seen.executor);
            part.load.clear();
            part.load.push_str(&seen.load);
            part.users_active = seen.users_active;
            part.users_planned = seen.users_planned;
            part.paused = seen.paused;
        }
        let swapped = versions::take_in(run, tick);
        let is_other = run.state != was;
        data.saturated = tick.saturated;
        is_other || swapped
    }
}

fn state(tick: &Tick<'_>) -> RunState {
    let is_paused = || !tick.parts.is_empty() && tick.parts.iter().all(|part| part.paused);
    match tick.stage {
        Stage::Init | Stage::Building => RunState::Starting,
        Stage::Running if is_paused() => RunState::Paused,
        Stage::Running => RunState::Running,
        Stage::Stopping | Stage::Terminating => RunState::Stopping,
    }
}

/// What a change makes of what is said of the run. Whoever asked for it answers with this before the observer has seen it, so
/// it is made twice.
pub(crate) fn apply(entry: &Entry, scenario: Option<&str>, action: &Action) {
    let mut data = entry.data();
    let run = &mut data.kept.run;
    match action {
        Action::Set { name, value } => {
            for part in &mut run.parts {
                let is_meant = scenario.is_none_or(|scenario| scenario == part.name);
                if let Some(known) = part.settings.get_mut(name)
                    && is_meant
                {
                    let is_secret = entry.is_secret(Some(&part.name), name);
                    *known = if is_secret { HIDDEN } else { value.as_str() }.to_owned();
                }
            }
        }
        Action::Thresholds(thresholds) => {
            let sources = thresholds.iter().map(lt_metrics::Threshold::source);
            run.thresholds = sources.map(str::to_owned).collect();
        }
        Action::Tags(tags) => run.tags.clone_from(tags),
        _ => {}
    }
}
