//! What is asked of a host by `lt-host start`: the options of a run as one document, with what it needs sent before.

use std::path::Path;

use lt_spec::limits::RUN_FILE_BYTES_MAX;
use lt_spec::{Outline, OutlineScenario, Problem, RawFile, RawRun};
use serde_json::Value;

use super::call::Client;
use super::runs::name_is_safe;
use super::send::{Stored, described_name, send_file, send_scenario};
use crate::error::CommandError;
use crate::options::{RunOptions, Source};
use crate::process::Process;
use crate::scenario_file::read_bounded;

/// Options that say how this machine would run it.
const OF_THIS_MACHINE: [&str; 3] = ["--compile-cache", "--no-compile-cache", "--hardened"];

/// See the module.
#[derive(Debug)]
pub(crate) struct Order {
    /// The run spec.
    pub(crate) document: Value,
    /// Whether flags describe it: then its fields are flags.
    is_typed: bool,
}

impl Order {
    /// Put the order together, and send what it needs.
    ///
    /// # Errors
    /// What is wrong with what was typed, as far as it can be known here, and what the host refuses of the files.
    pub(crate) fn make(
        options: &RunOptions,
        digest: Option<&str>,
        client: &Client,
        process: &Process,
    ) -> Result<Self, CommandError> {
        let (raw, mut problems) = options.raw(process);
        problems.extend(not_here(options));
        if !problems.is_empty() {
            return Err(CommandError::from(problems).naming(&options.variables));
        }
        let source = options
            .source()
            .map_err(|_| CommandError::Input(vec![nothing_named()]))?;
        let made = match source {
            Source::Scenario(path) => typed(path, &raw, digest, client, process),
            Source::RunFile(path) => of_file(path, &raw, client, process),
        };
        made.map_err(|error| error.naming(&options.variables))
    }

    /// With keys of the top level that are not of a run file.
    pub(crate) fn with(mut self, key: &str, value: Option<&str>) -> Self {
        if let (Some(document), Some(value)) = (self.document.as_object_mut(), value) {
            document.insert(key.to_owned(), value.into());
        }
        self
    }

    /// How people who typed it call a field of the document.
    pub(crate) fn field(&self, field: &str) -> String {
        if !self.is_typed {
            return field.to_owned();
        }
        let (section, rest) = field.split_once('.').unwrap_or((field, ""));
        match section {
            "scenario" | "digest" => "SCENARIO".to_owned(),
            "settings" => "--set".to_owned(),
            "thresholds" => "--threshold".to_owned(),
            "tags" => "--tag".to_owned(),
            "stages" => "--stage".to_owned(),
            "roles" => "--role".to_owned(),
            "assets" => "--asset".to_owned(),
            "feeders" => "--feeder".to_owned(),
            "out" => "--out".to_owned(),
            "name" => "--title".to_owned(),
            "http" if rest == "timeout" => "--http-timeout".to_owned(),
            "http" if rest.starts_with("host-overrides") => "--host-override".to_owned(),
            "http" => format!("--{rest}"),
            option => format!("--{option}"),
        }
    }
}

fn nothing_named() -> Problem {
    Problem::new(
        "SCENARIO",
        "",
        "is missing or given twice",
        "give the name of a scenario that the host has, a .wasm file, or --spec with a run file",
    )
}

/// Options that a host decides for itself. Those of variables are for `lt-host run`.
fn not_here(options: &RunOptions) -> Vec<Problem> {
    let given = [
        options.sandbox.compile_cache.is_some(),
        options.sandbox.no_compile_cache,
        options.sandbox.hardened,
    ];
    let typed = |flag: &str| !options.variables.contains_key(flag);
    OF_THIS_MACHINE
        .into_iter()
        .zip(given)
        .filter(|(flag, given)| *given && typed(flag))
        .map(|(flag, _)| {
            let message = "is about compiling, which the host does";
            Problem::new(flag, "", message, "leave it out")
        })
        .collect()
}

/// A file is one that looks like one: no host has scenarios with a `.` or a `/` in their names.
pub(crate) fn is_file(named: &Path) -> bool {
    let text = named.to_string_lossy();
    text.contains(['.', '/'])
}

/// One scenario, and options.
fn typed(
    named: &Path,
    raw: &RawRun,
    digest: Option<&str>,
    client: &Client,
    process: &Process,
) -> Result<Order, CommandError> {
    let mut outline = Outline::of_flags(raw)?;
    let stored = if is_file(named) {
        let name = described_name(named, process);
        let sent = send_scenario(client, named, "SCENARIO", &name, process)?;
        outline.name_scenario(None, &sent.name, Some(&sent.digest));
        sent.settings
    } else {
        let name = named.to_string_lossy();
        let known = known(client, &name)?;
        outline.name_scenario(None, &known.name, digest);
        known.settings()
    };
    finish(outline, &[stored], true, client, process)
}

/// A scenario that the host has.
fn known(client: &Client, name: &str) -> Result<Stored, CommandError> {
    if !name_is_safe(name) {
        let remedy = "give the name of a scenario that the host has, or a .wasm file";
        return Err(CommandError::input("SCENARIO", name, "is no name", remedy));
    }
    client.get(&["scenarios", name], &[])?.read()
}

/// A run file: one for `lt-host run`, whose files are sent, or one for hosts, which names what a host has.
fn of_file(
    path: &Path,
    raw: &RawRun,
    client: &Client,
    process: &Process,
) -> Result<Order, CommandError> {
    let field = "--spec";
    let problem = |message: String| {
        let remedy = "give a run file (TOML)";
        CommandError::input(field, path.display().to_string(), message, remedy)
    };
    let bytes = read_bounded(path, field, RUN_FILE_BYTES_MAX, "give a run file (TOML)")
        .map_err(|it| vec![it])?;
    let text = String::from_utf8(bytes).map_err(|_| problem("is not UTF-8 text".to_owned()))?;
    if let Some(document) = for_hosts(&text) {
        let beside = Outline::of_flags(raw)?;
        if !beside.is_empty() {
            return Err(CommandError::input(
                field,
                path.display().to_string(),
                "names what the host has, so it is sent as it is: no option of the run can be given beside it",
                "write the options into the file",
            ));
        }
        let document = serde_json::to_value(document)
            .map_err(|error| problem(format!("cannot be told as JSON: {error}")))?;
        return Ok(Order {
            document,
            is_typed: false,
        });
    }
    let directory = path.parent().unwrap_or(Path::new(""));
    let file = RawFile::parse(&text, &path.display().to_string(), directory)?;
    let mut outline = Outline::of_file(raw, &file)?;
    let mut settings = Vec::new();
    for scenario in outline.scenarios().to_vec() {
        let OutlineScenario { name, file, field } = scenario;
        let stored = described_name(&file, process);
        let sent = send_scenario(client, &file, &field, &stored, process)?;
        outline.name_scenario(name.as_deref(), &sent.name, Some(&sent.digest));
        settings.push(sent.settings);
    }
    finish(outline, &settings, false, client, process)
}

/// The document of a run file that names no component, and so is for a host.
fn for_hosts(text: &str) -> Option<toml::Table> {
    let document: toml::Table = toml::from_str(text).ok()?;
    let is_short = document.contains_key("scenario");
    let scenarios = document.get("scenarios").and_then(toml::Value::as_table);
    let names_stored = scenarios.is_some_and(|scenarios| {
        !scenarios.is_empty() && scenarios.values().all(|it| it.get("file").is_none())
    });
    (is_short || names_stored).then_some(document)
}

/// Send the files, put in the settings.
fn finish(
    mut outline: Outline,
    settings: &[Vec<String>],
    is_typed: bool,
    client: &Client,
    process: &Process,
) -> Result<Order, CommandError> {
    outline.apply_settings(settings)?;
    for file in outline.files().to_vec() {
        let (stored, _) = send_file(client, &file.path, &file.field, None, process)?;
        outline.name_file(&file, &stored);
    }
    let document = serde_json::to_value(outline.document())
        .map_err(|error| CommandError::Failed(format!("cannot be told as JSON: {error}")))?;
    Ok(Order { document, is_typed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_told_from_a_file() {
        for file in ["a.wasm", "./a", "dir/a", "/a"] {
            assert!(is_file(Path::new(file)), "{file}");
        }
        for name in ["shop", "http-get", "a_b"] {
            assert!(!is_file(Path::new(name)), "{name}");
        }
    }

    #[test]
    fn a_file_for_hosts_names_no_component() {
        for (text, wanted) in [
            ("scenario = \"chat\"", true),
            ("[scenarios.chat]\nusers = 1", true),
            ("[scenarios.chat]\nfile = \"chat.wasm\"", false),
            (
                "[scenarios.a]\nusers = 1\n[scenarios.b]\nfile = \"b.wasm\"",
                false,
            ),
            ("[scenarios]", false),
            ("users = 1", false),
            ("[", false),
        ] {
            assert_eq!(for_hosts(text).is_some(), wanted, "{text}");
        }
    }

    #[test]
    fn who_typed_flags_is_told_of_flags() {
        let order = |is_typed| Order {
            document: Value::Null,
            is_typed,
        };
        for (field, flag) in [
            ("users", "--users"),
            ("stages", "--stage"),
            ("settings.url", "--set"),
            ("settings", "--set"),
            ("http.timeout", "--http-timeout"),
            ("http.proxy", "--proxy"),
            ("http.host-overrides.a", "--host-override"),
            ("scenario", "SCENARIO"),
            ("name", "--title"),
            ("id", "--id"),
        ] {
            assert_eq!(order(true).field(field), flag);
            assert_eq!(order(false).field(field), field);
        }
    }
}
