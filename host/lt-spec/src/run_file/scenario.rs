//! The `[scenarios.NAME]` tables.

use toml::Spanned;
use toml::de::DeValue;

use super::reader::{Reader, Table, join};
use super::{Place, served, text_of, thresholds};
use crate::given::{Given, LOAD_OPTIONS};
use crate::limits::SCENARIOS_MAX;
use crate::parse::is_kebab;
use crate::plan::ScenarioPlan;

/// Keys of a scenario beside [`LOAD_OPTIONS`].
const KEYS: [&str; 6] = ["file", "roles", "settings", "stages", "tags", "thresholds"];

/// All scenarios, in the order of the file.
pub(super) fn scenarios<'doc>(
    reader: &mut Reader<'doc>,
    value: &'doc Spanned<DeValue<'doc>>,
    place: Place<'_>,
) -> Vec<ScenarioPlan> {
    let Some(table) = reader.table("scenarios", value) else {
        return Vec::new();
    };
    let entries = table.entries();
    let at = value.span().start;
    if entries.is_empty() {
        let remedy = match place {
            Place::Directory(_) => {
                "write a table such as [scenarios.chat] with file = \"chat.wasm\""
            }
            Place::Served(_) => served::SCENARIO_REMEDY,
        };
        reader.fault(at, "scenarios", "", "holds no scenario", remedy);
    }
    if entries.len() > SCENARIOS_MAX {
        let message = format!("holds more than the {SCENARIOS_MAX} scenarios a run may have");
        reader.fault(at, "scenarios", "", message, "split it into several runs");
    }
    let mut scenarios = Vec::new();
    for (at, (name, value)) in entries {
        let path = join("scenarios", name);
        // A served run calls a scenario as it is stored.
        let served = matches!(place, Place::Served(_)) && served::is_stored_name(name);
        if !served && !is_kebab(name) {
            let remedy = "use small letters, digits and '-', beginning with a letter";
            reader.fault(at, &path, name, "is no name for a scenario", remedy);
        }
        if let Some(table) = reader.table(&path, value) {
            scenarios.push(scenario(reader, at, name, table, place));
        }
    }
    scenarios
}

fn scenario<'doc>(
    reader: &mut Reader<'doc>,
    at: usize,
    name: &str,
    table: Table<'doc>,
    place: Place<'_>,
) -> ScenarioPlan {
    let path = join("scenarios", name);
    let stored: &[&str] = match place {
        Place::Directory(_) => &[],
        Place::Served(_) => &served::STORED_KEYS,
    };
    let known = LOAD_OPTIONS.iter().chain(&KEYS).chain(stored);
    let known: Vec<&str> = known.copied().collect();
    reader.check_keys(&path, table, &known);
    let mut scenario = load(reader, &path, table);
    scenario.name = name.to_owned();
    scenario.place = Some(reader.field(at, &path));
    match place {
        Place::Served(_) => scenario.stored = served::stored(reader, &path, name, table),
        Place::Directory(directory) => match text_of(reader, &path, table, "file") {
            Some(given) => scenario.file = directory.join(given.value),
            None if table.get("file").is_none() => {
                let remedy = "write file = \"chat.wasm\"";
                reader.fault(at, &path, "", "names no component", remedy);
            }
            None => {}
        },
    }
    let own = |key: &str| (join(&path, key), table.get(key));
    if let (path, Some(value)) = own("settings") {
        scenario.settings = reader.pairs(&path, value);
    }
    if let (path, Some(value)) = own("tags") {
        scenario.tags = reader.pairs(&path, value);
    }
    if let (path, Some(value)) = own("thresholds") {
        scenario.thresholds = thresholds(reader, &path, value);
    }
    scenario
}

/// How much load, by whom: what the short form of a served run has at its top.
pub(super) fn load<'doc>(
    reader: &mut Reader<'doc>,
    path: &str,
    table: Table<'doc>,
) -> ScenarioPlan {
    let mut scenario = ScenarioPlan::default();
    for option in LOAD_OPTIONS {
        if let Some(given) = text_of(reader, path, table, option) {
            scenario.load.set(option, given);
        }
    }
    if let Some(value) = table.get("stages") {
        scenario.stages = stages(reader, &join(path, "stages"), value);
    }
    if let Some(value) = table.get("roles") {
        scenario.roles = reader.pairs(&join(path, "roles"), value);
    }
    scenario
}

/// `"30s:100"`, or `{ duration = "30s", target = 100 }`.
fn stages<'doc>(
    reader: &mut Reader<'doc>,
    path: &str,
    value: &'doc Spanned<DeValue<'doc>>,
) -> Vec<Given> {
    let mut stages = Vec::new();
    if matches!(value.get_ref(), DeValue::Array(list) if list.is_empty()) {
        let remedy = "write stages = [\"30s:100\"], or leave it out";
        reader.fault(value.span().start, path, "", "holds no stage", remedy);
    }
    for value in reader.list(path, value) {
        let DeValue::Table(parts) = value.get_ref() else {
            stages.extend(reader.text(path, value));
            continue;
        };
        let parts = Table::new(parts);
        reader.check_keys(path, parts, &["duration", "target"]);
        let duration = text_of(reader, path, parts, "duration");
        let target = text_of(reader, path, parts, "target");
        if let (Some(duration), Some(target)) = (&duration, &target) {
            let text = format!("{}:{}", duration.value, target.value);
            stages.push(Given::new(&duration.field, text));
        } else if parts.get("duration").is_none() || parts.get("target").is_none() {
            let remedy = "write { duration = \"30s\", target = 100 }";
            let message = "a stage needs a duration and a target";
            reader.fault(value.span().start, path, "", message, remedy);
        }
    }
    stages
}
