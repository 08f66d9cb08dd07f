//! A run as it is asked of a host: what flags, variables and a run file say together, as one document in the keys of a run
//! file. Files are named beside it, since the host has its own: who asks uploads them and puts their names in.
//!
//! Nothing is checked here but what only the one who typed it can know: the host checks the rest against the scenarios it has.

mod tables;

use std::collections::BTreeMap;
use std::path::PathBuf;

use toml::{Table, Value};

use self::tables::{change_table, options_into, pair, pairs_into, put, scenario_table, texts_into};
use crate::given::Given;
use crate::parse::Fault;
use crate::plan::{HttpPlan, Plan};
use crate::problem::Problem;
use crate::raw::RawRun;
use crate::resolve::Problems;
use crate::run_file::RawFile;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Outline {
    document: Table,
    scenarios: Vec<OutlineScenario>,
    files: Vec<OutlineFile>,
    settings: Vec<Given>,
    variables: BTreeMap<String, String>,
}

/// A scenario of an [`Outline`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutlineScenario {
    /// Its name in the run; `None` if flags describe the only one.
    pub name: Option<String>,
    /// Its component, as a run file names it: empty if flags describe it.
    pub file: PathBuf,
    /// Where the component is named.
    pub field: String,
}

/// A data file of an [`Outline`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutlineFile {
    /// `assets` or `feeders`.
    pub section: &'static str,
    /// The name by which users read it.
    pub name: String,
    /// The file here.
    pub path: PathBuf,
    /// The order of its records, if one was typed.
    pub order: Option<String>,
    /// Where it was named.
    pub field: String,
}

impl Outline {
    /// What flags and variables describe.
    ///
    /// # Errors
    /// What cannot be asked of a host, and what has not the form of its option.
    pub fn of_flags(raw: &RawRun) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::default();
        let plan = Plan::of_flags(raw, "", &mut problems);
        let mut outline = Self::default();
        outline.whole(&plan, &mut problems);
        if let [scenario] = plan.scenarios.as_slice() {
            let table = scenario_table(scenario, &mut problems);
            // What the run and its only scenario both have is the run's.
            for (key, value) in table {
                match (outline.document.get_mut(&key), value) {
                    (Some(Value::Table(known)), Value::Table(own)) => known.extend(own),
                    (_, value) => {
                        outline.document.insert(key, value);
                    }
                }
            }
            outline.scenarios.push(OutlineScenario {
                name: None,
                file: PathBuf::new(),
                field: "SCENARIO".to_owned(),
            });
        }
        problems.unless_any(Some(outline))
    }

    /// What a run file describes, with flags and variables over it.
    ///
    /// # Errors
    /// As [`of_flags`](Self::of_flags); also unknown keys, and flags that do not say which scenario they are for.
    pub fn of_file(raw: &RawRun, file: &RawFile) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::default();
        for problem in file.problems() {
            problems.push(problem.clone());
        }
        let mut plan = file.plan();
        plan.overlay(raw, &mut problems);
        let mut outline = Self::default();
        outline.whole(&plan, &mut problems);
        outline.insert("users", plan.users.as_ref());
        outline.insert("user-range", plan.user_range.as_ref());
        let mut scenarios = Table::new();
        for scenario in &plan.scenarios {
            let table = scenario_table(scenario, &mut problems);
            scenarios.insert(scenario.name.clone(), Value::Table(table));
            outline.scenarios.push(OutlineScenario {
                name: Some(scenario.name.clone()),
                file: scenario.file.clone(),
                field: scenario.field("file"),
            });
        }
        outline
            .document
            .insert("scenarios".to_owned(), Value::Table(scenarios));
        outline.tags_for_all(&plan, &mut problems);
        problems.unless_any(Some(outline))
    }

    /// The document as it stands, without the names of what is uploaded unless those were put in.
    #[must_use]
    pub fn document(&self) -> &Table {
        &self.document
    }

    /// Whether nothing was typed at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.document.is_empty()
            && self.files.is_empty()
            && self.settings.is_empty()
            && self.variables.is_empty()
    }

    /// What runs.
    #[must_use]
    pub fn scenarios(&self) -> &[OutlineScenario] {
        &self.scenarios
    }

    /// What users read.
    #[must_use]
    pub fn files(&self) -> &[OutlineFile] {
        &self.files
    }

    /// Say which stored scenario, and which version of it, the scenario of this name in the run is.
    pub fn name_scenario(&mut self, scenario: Option<&str>, stored: &str, digest: Option<&str>) {
        if let Some(table) = self.scenario_mut(scenario) {
            table.insert("scenario".to_owned(), Value::String(stored.to_owned()));
            if let Some(digest) = digest {
                table.insert("digest".to_owned(), Value::String(digest.to_owned()));
            }
        }
    }

    /// Say by which name the host has a data file.
    pub fn name_file(&mut self, file: &OutlineFile, stored: &str) {
        let value = match &file.order {
            None => Value::String(stored.to_owned()),
            Some(order) => Value::Table(Table::from_iter([
                ("file".to_owned(), Value::String(stored.to_owned())),
                ("order".to_owned(), Value::String(order.clone())),
            ])),
        };
        put(&mut self.document, file.section, file.name.clone(), value);
    }

    /// Put in the settings of variables and flags. `declared` are the names of the settings of each scenario, in the order of
    /// [`scenarios`](Self::scenarios): a variable names its setting in capitals.
    ///
    /// # Errors
    /// Variables whose setting no scenario has, and flags without a `=` or of a scenario that there is not.
    pub fn apply_settings(&mut self, declared: &[Vec<String>]) -> Result<(), Vec<Problem>> {
        let mut problems = Problems::default();
        for (key, value) in std::mem::take(&mut self.variables) {
            let named = |name: &&String| name.to_ascii_uppercase().replace('-', "_") == key;
            match declared.iter().flatten().find(named) {
                Some(name) => self.set_for_all(name, &value),
                None => {
                    // The value is not shown: it may be a misspelt secret.
                    let fault = Fault::new(
                        "is for a setting that no scenario of the run has",
                        "unset it; `lt-host describe` lists the settings of a scenario",
                    );
                    problems.add(&format!("LT_SET_{key}"), "", fault);
                }
            }
        }
        for given in std::mem::take(&mut self.settings) {
            let Some((name, value)) = pair(&given, &mut problems) else {
                continue;
            };
            match name.split_once('.') {
                None => self.set_for_all(&name, &value),
                Some((owner, own)) => {
                    let Some(table) = self.owner_mut(owner) else {
                        let fault = Fault::new(
                            format!("the run has no scenario {owner}"),
                            "name one of the run file's scenarios before the '.'",
                        );
                        problems.add(&given.field, &name, fault);
                        continue;
                    };
                    put(table, "settings", own.to_owned(), Value::String(value));
                }
            }
        }
        problems.unless_any(Some(()))
    }

    /// A setting for every scenario that declares it, before what the run file says of one.
    fn set_for_all(&mut self, name: &str, value: &str) {
        self.forget("settings", name);
        let value = Value::String(value.to_owned());
        put(&mut self.document, "settings", name.to_owned(), value);
    }

    /// Take a key of a section back from every scenario.
    fn forget(&mut self, section: &str, name: &str) {
        let scenarios = self
            .document
            .get_mut("scenarios")
            .and_then(Value::as_table_mut);
        for (_, scenario) in scenarios.into_iter().flatten() {
            let section = scenario.get_mut(section).and_then(Value::as_table_mut);
            if let Some(section) = section {
                section.remove(name);
            }
        }
    }

    fn scenario_mut(&mut self, name: Option<&str>) -> Option<&mut Table> {
        match name {
            None => Some(&mut self.document),
            Some(name) => self
                .document
                .get_mut("scenarios")?
                .get_mut(name)?
                .as_table_mut(),
        }
    }

    /// The scenario that a flag names before a `.`.
    fn owner_mut(&mut self, name: &str) -> Option<&mut Table> {
        self.scenario_mut(Some(name))
    }

    /// What is said of the run as a whole.
    fn whole(&mut self, plan: &Plan, problems: &mut Problems) {
        for (name, given) in plan.run.iter() {
            if name == "state-file" {
                let fault = Fault::new(
                    "is a file of this machine, which a host does not have",
                    "leave it out",
                );
                problems.add(&given.field, &given.value, fault);
                continue;
            }
            self.insert(name, Some(given));
        }
        if plan.once {
            let fault = Fault::new(
                "shows calls as they are made, which a host does not tell",
                "use `lt-host run --once`",
            );
            problems.add("--once", "", fault);
        }
        if plan.no_terminate {
            self.document
                .insert("terminate".to_owned(), Value::Boolean(false));
        }
        self.pairs("tags", &plan.tags, problems);
        if plan.file.is_none() {
            self.pairs("tags", &plan.tags_from_flags, problems);
        }
        self.pairs("settings", &plan.settings, problems);
        self.texts("thresholds", &plan.thresholds);
        self.outputs(&plan.outputs, problems);
        self.http(&plan.http, problems);
        self.data(plan, problems);
        if !plan.changes.is_empty() {
            let changes = plan.changes.iter().map(|it| change_table(it, problems));
            let changes = changes.map(Value::Table).collect();
            self.document
                .insert("changes".to_owned(), Value::Array(changes));
        }
        self.settings.clone_from(&plan.settings_from_flags);
        self.variables.clone_from(&plan.settings_from_variables);
    }

    /// Tags that were typed go before those of scenarios too.
    fn tags_for_all(&mut self, plan: &Plan, problems: &mut Problems) {
        for given in &plan.tags_from_flags {
            if let Some((name, _)) = pair(given, problems) {
                self.forget("tags", &name);
            }
        }
        self.pairs("tags", &plan.tags_from_flags, problems);
    }

    /// Outputs are kinds: the host writes them beside the other results.
    fn outputs(&mut self, outputs: &[Given], problems: &mut Problems) {
        let mut kinds = Vec::new();
        for given in outputs {
            match given.value.split_once('=') {
                None => kinds.push(Value::String(given.value.clone())),
                Some((kind, _)) => {
                    let fault = Fault::new(
                        "names a file, but the host writes it to the results of the run",
                        format!("write {kind} alone"),
                    );
                    problems.add(&given.field, &given.value, fault);
                }
            }
        }
        if !kinds.is_empty() {
            self.document.insert("out".to_owned(), Value::Array(kinds));
        }
    }

    fn http(&mut self, http: &HttpPlan, problems: &mut Problems) {
        let pem = [
            &http.authorities,
            &http.client_certificate,
            &http.client_key,
        ];
        for (field, _) in pem.into_iter().flatten() {
            let fault = Fault::new("is not taken by a host", "leave it out");
            problems.add(field, "", fault);
        }
        let mut table = Table::new();
        options_into(&mut table, &http.texts);
        for switch in &http.switches {
            table.insert((*switch).to_owned(), Value::Boolean(true));
        }
        texts_into(&mut table, "host-overrides", &http.hosts);
        if !table.is_empty() {
            self.document.insert("http".to_owned(), Value::Table(table));
        }
    }

    fn data(&mut self, plan: &Plan, problems: &mut Problems) {
        for (section, all) in [("assets", &plan.assets), ("feeders", &plan.feeders)] {
            for given in all {
                let Some((name, file)) = pair(given, problems) else {
                    continue;
                };
                let (file, order) = match file.rsplit_once(':') {
                    Some((file, order)) if section == "feeders" && !order.contains('/') => {
                        (file.to_owned(), Some(order.to_owned()))
                    }
                    _ => (file, None),
                };
                self.files.push(OutlineFile {
                    section,
                    name,
                    path: PathBuf::from(file),
                    order,
                    field: given.field.clone(),
                });
            }
        }
    }

    fn insert(&mut self, name: &str, given: Option<&Given>) {
        if let Some(given) = given {
            self.document
                .insert(name.to_owned(), Value::String(given.value.clone()));
        }
    }

    fn texts(&mut self, name: &str, all: &[Given]) {
        texts_into(&mut self.document, name, all);
    }

    fn pairs(&mut self, name: &str, all: &[Given], problems: &mut Problems) {
        pairs_into(&mut self.document, name, all, problems);
    }
}

#[cfg(test)]
mod tests;
