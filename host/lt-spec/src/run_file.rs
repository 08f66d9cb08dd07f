//! The run file: a whole run as TOML. Keys are named as the flags; what several scenarios have of their own stands in
//! `[scenarios.NAME]`. Every problem is told with file, line and field.
//!
//! ```toml
//! seed = 7
//! users = 100                     # shared out by `weight`
//! thresholds = ["http_req_duration:p(95)<200"]
//!
//! [settings]                      # for every scenario that declares them
//! base-url = "http://127.0.0.1:8080"
//!
//! [scenarios.chat]
//! file = "chat.wasm"              # relative to the run file
//! duration = "1m"
//! weight = 2
//!
//! [scenarios.browse]
//! file = "browse.wasm"
//! start = "10s"
//! stages = ["30s:100", { duration = "30s", target = 0 }]
//!
//! [[changes]]
//! at = "30s"
//! scenario = "chat"
//! set = { pause = "2s" }
//! ```

mod change;
mod reader;
mod scenario;
mod served;

use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use self::reader::{Reader, Table, join};
pub use self::served::{RunAbout, Uploads};
use crate::given::{Given, HTTP_OPTIONS, RUN_OPTIONS};
use crate::plan::{FOR_ALL, HttpPlan, Plan, SWITCHES};
use crate::problem::Problem;
use crate::resolve::check_values;

/// Keys of the top level beside [`RUN_OPTIONS`].
const TOP_KEYS: [&str; 15] = [
    "assets",
    "changes",
    "feeders",
    "graceful-stop",
    "http",
    "on-user-failure",
    "out",
    "profile",
    "scenarios",
    "settings",
    "tags",
    "terminate",
    "thresholds",
    "user-range",
    "users",
];

/// PEM files of `[http]`.
const PEM_OPTIONS: [&str; 3] = ["ca-cert", "client-cert", "client-key"];

/// A run file that has been read, but not yet held against its scenarios.
#[derive(Clone, Debug)]
pub struct RawFile {
    plan: Plan,
    about: RunAbout,
    pem: Vec<PemFile>,
    unknown: Vec<Problem>,
}

/// A PEM file that a run file names. Who reads it puts its contents here.
#[derive(Clone, Debug)]
pub struct PemFile {
    /// `ca-cert`, `client-cert` or `client-key`.
    pub option: &'static str,
    /// Where it is named.
    pub field: String,
    /// The file.
    pub path: PathBuf,
    /// What it holds; without it, the file counts as not given.
    pub contents: Option<Vec<u8>>,
}

/// A scenario that a run file names.
#[derive(Clone, Copy, Debug)]
pub struct FileScenario<'file> {
    /// Its name in the run.
    pub name: &'file str,
    /// Its component.
    pub file: &'file Path,
    /// Where it stands: `run.toml:12 scenarios.chat`; empty in the short form of a served run.
    pub place: &'file str,
    /// The stored scenario that a served run takes.
    pub stored: &'file str,
    /// Which version of that: its digest or the beginning of it; `None`: the current one.
    pub digest: Option<&'file str>,
}

impl FileScenario<'_> {
    /// The field of one of its keys.
    #[must_use]
    pub fn field(&self, key: &str) -> String {
        join(self.place, key)
    }
}

impl RawFile {
    /// Read the text of a run file. `directory` is the file's own, to which paths in it are relative; `file_name` is how
    /// problems call it.
    ///
    /// Keys that there are not are kept for [`resolve_file`](crate::resolve_file()), which refuses them together with what
    /// the scenarios have to say; until then they are in [`problems`](Self::problems).
    ///
    /// # Errors
    /// What is wrong with its syntax, its tables and the types of its values; then also unknown keys, and what can be told
    /// of the values without the scenarios, so that all can be mended together.
    pub fn parse(text: &str, file_name: &str, directory: &Path) -> Result<Self, Vec<Problem>> {
        Self::read(text, file_name, Place::Directory(directory))
    }

    fn read(text: &str, file_name: &str, place: Place<'_>) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader::new(text, file_name);
        let (document, errors) = DeTable::parse_recoverable(text);
        let is_double = |error: &&toml::de::Error| error.message().contains("duplicate key");
        let fatal = errors.iter().find(|error| !is_double(error));
        for error in fatal.map_or(errors.iter().collect(), |error| vec![error]) {
            let field = reader.place(error.span().map_or(0, |span| span.start));
            let remedy = if is_double(&error) {
                "write each key once"
            } else {
                "put the TOML right; texts stand in quotes"
            };
            let problem = Problem::new(field, "", error.message(), remedy);
            reader.problems.push(problem);
        }
        if fatal.is_some() {
            return Err(reader.problems.into_vec());
        }
        let mut file = Self {
            plan: Plan {
                file: Some(file_name.to_owned()),
                ..Plan::default()
            },
            about: RunAbout::default(),
            pem: Vec::new(),
            unknown: Vec::new(),
        };
        file.top(&mut reader, Table::new(document.get_ref()), place);
        if reader.has_only_unknown_keys() {
            file.unknown = reader.problems.into_vec();
            return Ok(file);
        }
        check_values(&file.plan, &mut reader.problems);
        Err(reader.problems.into_vec())
    }

    /// What runs, in the order of the file.
    pub fn scenarios(&self) -> impl Iterator<Item = FileScenario<'_>> {
        self.plan.scenarios.iter().map(|scenario| FileScenario {
            name: &scenario.name,
            file: &scenario.file,
            place: scenario.place.as_deref().unwrap_or_default(),
            stored: &scenario.stored.name,
            digest: scenario.stored.digest.as_deref(),
        })
    }

    /// Its keys that there are not. Whoever does not come as far as [`resolve_file`](crate::resolve_file()) tells them.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.unknown
    }

    /// The memory limit of a user as the file has it, not checked: whoever loads the scenarios must know it before all else.
    #[must_use]
    pub fn memory_limit(&self) -> Option<&str> {
        Some(&self.plan.run.get("memory-limit")?.value)
    }

    /// PEM files it names, whose contents the caller puts in.
    pub fn pem_files(&mut self) -> &mut [PemFile] {
        &mut self.pem
    }

    /// The plan, with the contents of its PEM files.
    pub(crate) fn plan(&self) -> Plan {
        let mut plan = self.plan.clone();
        for file in &self.pem {
            let contents = file
                .contents
                .clone()
                .map(|contents| (file.field.clone(), contents));
            match file.option {
                "ca-cert" => plan.http.authorities = contents,
                "client-cert" => plan.http.client_certificate = contents,
                _ => plan.http.client_key = contents,
            }
        }
        plan
    }

    fn top<'doc>(&mut self, reader: &mut Reader<'doc>, top: Table<'doc>, place: Place<'_>) {
        let known = RUN_OPTIONS.into_iter().chain(TOP_KEYS);
        let known: Vec<&str> = known.chain(served::keys(place, top)).collect();
        reader.check_keys("", top, &known);
        for name in RUN_OPTIONS {
            if let Some(mut given) = top.get(name).and_then(|value| reader.text(name, value)) {
                match place {
                    Place::Directory(directory)
                        if name == "state-file" && !given.value.is_empty() =>
                    {
                        given.value = relative(directory, &given.value);
                    }
                    Place::Served(_) if name == "state-file" => {
                        served::refuse_path(reader, name, value_at(top, name), &given.value);
                        continue;
                    }
                    _ => {}
                }
                self.plan.run.set(name, given);
            }
        }
        let mut text = |name| top.get(name).and_then(|value| reader.text(name, value));
        self.plan.users = text("users");
        self.plan.user_range = text("user-range");
        let defaults = FOR_ALL.map(|name| (name, text(name)));
        if let Some(value) = top.get("terminate") {
            self.plan.no_terminate = reader.boolean("terminate", value) == Some(false);
        }
        for (_, (key, value)) in top.entries() {
            self.section(reader, key, value, place);
        }
        if matches!(place, Place::Served(_)) {
            self.served(reader, top);
        } else if self.plan.scenarios.is_empty() && top.get("scenarios").is_none() {
            let remedy = "write a table such as [scenarios.chat] with file = \"chat.wasm\"";
            reader.fault(0, "scenarios", "", "is missing: nothing would run", remedy);
        }
        for (name, given) in &defaults {
            if let Some(given) = given {
                for scenario in &mut self.plan.scenarios {
                    scenario.load.set_default(name, given);
                }
            }
        }
        self.share_with_only();
    }

    /// With one scenario, what is said of all users is said of its.
    fn share_with_only(&mut self) {
        let [scenario] = self.plan.scenarios.as_mut_slice() else {
            return;
        };
        for (name, given) in [
            ("users", &mut self.plan.users),
            ("user-range", &mut self.plan.user_range),
        ] {
            if scenario.load.get(name).is_none()
                && let Some(given) = given.take()
            {
                scenario.load.set(name, given);
            }
        }
    }

    fn section<'doc>(
        &mut self,
        reader: &mut Reader<'doc>,
        key: &'doc str,
        value: &'doc Spanned<DeValue<'doc>>,
        place: Place<'_>,
    ) {
        match key {
            "tags" => self.plan.tags = reader.pairs(key, value),
            "settings" => self.plan.settings = reader.pairs(key, value),
            "thresholds" => self.plan.thresholds = thresholds(reader, key, value),
            "out" => {
                let outputs = reader.texts(key, value);
                self.plan.outputs = place.outputs(reader, outputs);
            }
            "assets" => {
                let assets = reader.pairs(key, value);
                self.plan.assets = place.files(reader, assets);
            }
            "feeders" => {
                let feeders = feeders(reader, key, value);
                self.plan.feeders = place.files(reader, feeders);
            }
            "http" => self.http(reader, value, place),
            "scenarios" => {
                self.plan.scenarios = scenario::scenarios(reader, value, place);
            }
            "changes" => self.plan.changes = change::changes(reader, value),
            _ => {}
        }
    }

    fn http<'doc>(
        &mut self,
        reader: &mut Reader<'doc>,
        value: &'doc Spanned<DeValue<'doc>>,
        place: Place<'_>,
    ) {
        let Some(table) = reader.table("http", value) else {
            return;
        };
        let lists = ["host-overrides"];
        let known = HTTP_OPTIONS.into_iter().chain(SWITCHES).chain(PEM_OPTIONS);
        let known: Vec<&str> = known.chain(lists).collect();
        reader.check_keys("http", table, &known);
        let mut http = HttpPlan::default();
        for name in HTTP_OPTIONS {
            if let Some(given) = text_of(reader, "http", table, name) {
                http.texts.set(name, given);
            }
        }
        for name in SWITCHES {
            let value = table.get(name);
            let on = value.and_then(|value| reader.boolean(&join("http", name), value));
            if on == Some(true) {
                http.switches.push(name);
            }
        }
        for option in PEM_OPTIONS {
            if let Some(given) = text_of(reader, "http", table, option) {
                let Place::Directory(directory) = place else {
                    let path = join("http", option);
                    served::refuse_path(reader, &path, value_at(table, option), &given.value);
                    continue;
                };
                self.pem.push(PemFile {
                    option,
                    field: given.field,
                    path: directory.join(given.value),
                    contents: None,
                });
            }
        }
        if let Some(value) = table.get("host-overrides") {
            http.hosts = match value.get_ref() {
                DeValue::Table(_) => reader.pairs("http.host-overrides", value),
                _ => reader.texts("http.host-overrides", value),
            };
        }
        self.plan.http = http;
    }
}

/// The text of a key, if it is there.
fn text_of<'doc>(
    reader: &mut Reader<'doc>,
    path: &str,
    table: Table<'doc>,
    key: &str,
) -> Option<Given> {
    let value = table.get(key)?;
    reader.text(&join(path, key), value)
}

/// Where the value of a key stands.
fn value_at(table: Table<'_>, key: &str) -> usize {
    table.get(key).map_or(0, |value| value.span().start)
}

/// What the files are that a run file names.
#[derive(Clone, Copy)]
enum Place<'a> {
    /// Paths, as seen from this directory.
    Directory(&'a Path),
    /// Names of uploaded files.
    Served(Uploads<'a>),
}

impl Place<'_> {
    /// `NAME=FILE` with the file's path.
    fn files(self, reader: &mut Reader<'_>, given: Vec<Given>) -> Vec<Given> {
        let given = given.into_iter();
        match self {
            Self::Directory(directory) => given.map(|given| beside(directory, given)).collect(),
            Self::Served(uploads) => given
                .filter_map(|given| served::uploaded(reader, uploads, given))
                .collect(),
        }
    }

    /// `KIND=FILE`.
    fn outputs(self, reader: &mut Reader<'_>, given: Vec<Given>) -> Vec<Given> {
        let given = given.into_iter();
        match self {
            Self::Directory(directory) => given.map(|given| beside(directory, given)).collect(),
            Self::Served(_) => given
                .filter_map(|given| served::output(reader, given))
                .collect(),
        }
    }
}

/// A path of the file, as seen from the run file.
fn relative(directory: &Path, path: &str) -> String {
    directory.join(path).to_string_lossy().into_owned()
}

/// `NAME=FILE` with the file as seen from the run file.
fn beside(directory: &Path, given: Given) -> Given {
    match given.value.split_once('=') {
        Some((name, file)) if !file.trim().is_empty() => {
            let file = relative(directory, file.trim());
            Given::new(given.field, format!("{name}={file}"))
        }
        _ => given,
    }
}

/// Expressions, or tables of an expression and when it ends the run.
fn thresholds<'doc>(
    reader: &mut Reader<'doc>,
    path: &str,
    value: &'doc Spanned<DeValue<'doc>>,
) -> Vec<Given> {
    let mut thresholds = Vec::new();
    for value in reader.list(path, value) {
        let DeValue::Table(table) = value.get_ref() else {
            thresholds.extend(reader.text(path, value));
            continue;
        };
        let table = Table::new(table);
        reader.check_keys(path, table, &["threshold", "abort", "delay"]);
        let delay = text_of(reader, path, table, "delay");
        let abort = table.get("abort");
        let abort = abort.and_then(|value| reader.boolean(&join(path, "abort"), value));
        if let Some(delay) = delay.as_ref().filter(|_| abort != Some(true)) {
            let at = value.span().start;
            let remedy = "write abort = true beside it";
            let message = "is when the threshold ends the run, but it does not";
            reader.fault(at, &join(path, "delay"), &delay.value, message, remedy);
        }
        let Some(mut given) = text_of(reader, path, table, "threshold") else {
            if table.get("threshold").is_none() {
                let at = value.span().start;
                let remedy = "write threshold = \"http_req_duration:p(95)<200\"";
                reader.fault(at, path, "", "has no expression", remedy);
            }
            continue;
        };
        if abort == Some(true) {
            given.value.push_str(";abort");
            if let Some(delay) = delay {
                given.value.push('=');
                given.value.push_str(&delay.value);
            }
        }
        thresholds.push(given);
    }
    thresholds
}

/// `name = "file"`, or `name = { file = …, order = … }`.
fn feeders<'doc>(
    reader: &mut Reader<'doc>,
    path: &str,
    value: &'doc Spanned<DeValue<'doc>>,
) -> Vec<Given> {
    let Some(table) = reader.table(path, value) else {
        return Vec::new();
    };
    let mut feeders = Vec::new();
    for (at, (name, value)) in table.entries() {
        let own = join(path, name);
        let DeValue::Table(parts) = value.get_ref() else {
            let given = reader.text(&own, value);
            feeders.extend(
                given.map(|given| Given::new(given.field, format!("{name}={}", given.value))),
            );
            continue;
        };
        let parts = Table::new(parts);
        reader.check_keys(&own, parts, &["file", "order"]);
        let order = text_of(reader, &own, parts, "order");
        let order = order.map_or(String::new(), |order| format!(":{}", order.value));
        match text_of(reader, &own, parts, "file") {
            Some(file) => {
                let text = format!("{name}={}{order}", file.value);
                feeders.push(Given::new(file.field, text));
            }
            None if parts.get("file").is_none() => {
                reader.fault(
                    at,
                    &own,
                    "",
                    "names no file",
                    "write file = \"accounts.csv\"",
                );
            }
            None => {}
        }
    }
    feeders
}

#[cfg(test)]
mod tests;
