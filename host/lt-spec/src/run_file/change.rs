//! The `[[changes]]` tables.

use toml::Spanned;
use toml::de::DeValue;

use super::reader::{Reader, Table, join};
use super::text_of;
use crate::given::Given;
use crate::plan::{ActionPlan, ChangePlan};

/// Keys of a change.
const KEYS: [&str; 8] = [
    "at", "pause", "rate", "resume", "scenario", "set", "throttle", "users",
];

/// Keys of a throttle's change that say how, and are texts.
const THROTTLE_TEXTS: [&str; 3] = ["over", "parallelism", "rate"];

/// Those that are true.
const THROTTLE_SWITCHES: [&str; 3] = ["pause", "resume", "unlock"];

/// All changes, in the order of the file.
pub(super) fn changes<'doc>(
    reader: &mut Reader<'doc>,
    value: &'doc Spanned<DeValue<'doc>>,
) -> Vec<ChangePlan> {
    let mut changes = Vec::new();
    for value in reader.list("changes", value) {
        if let Some(table) = reader.table("changes", value) {
            // The table's own span is its header; what it says begins with its first key.
            let at = table.entries().first().map(|(at, _)| *at);
            let at = at.unwrap_or_else(|| value.span().start);
            changes.push(change(reader, at, table));
        }
    }
    changes
}

fn change<'doc>(reader: &mut Reader<'doc>, at: usize, table: Table<'doc>) -> ChangePlan {
    reader.check_keys("changes", table, &KEYS);
    let is_action = |key: &&str| !["at", "scenario"].contains(key);
    if !KEYS
        .iter()
        .filter(|key| is_action(key))
        .any(|key| table.get(key).is_some())
    {
        let remedy = "give one of set, users, rate, pause, resume and throttle";
        reader.fault(at, "changes", "", "changes nothing", remedy);
    }
    let mut change = ChangePlan {
        place: reader.field(at, "changes"),
        at: text_of(reader, "changes", table, "at"),
        scenario: text_of(reader, "changes", table, "scenario"),
        actions: Vec::new(),
    };
    if let Some(value) = table.get("set") {
        if matches!(value.get_ref(), DeValue::Table(table) if table.is_empty()) {
            let at = value.span().start;
            reader.fault(
                at,
                "changes.set",
                "",
                "sets nothing",
                "write { name = value }",
            );
        }
        let settings = reader.pairs("changes.set", value).into_iter();
        change.actions.extend(settings.map(ActionPlan::Set));
    }
    let users = text_of(reader, "changes", table, "users");
    change.actions.extend(users.map(ActionPlan::Users));
    let rate = text_of(reader, "changes", table, "rate");
    change.actions.extend(rate.map(ActionPlan::Rate));
    if switch(reader, "changes", table, "pause").is_some() {
        change.actions.push(ActionPlan::Pause);
    }
    if switch(reader, "changes", table, "resume").is_some() {
        change.actions.push(ActionPlan::Resume);
    }
    if let Some(value) = table.get("throttle")
        && let Some(table) = reader.table("changes.throttle", value)
    {
        change
            .actions
            .push(throttle(reader, value.span().start, table));
    }
    change
}

fn throttle<'doc>(reader: &mut Reader<'doc>, at: usize, table: Table<'doc>) -> ActionPlan {
    let path = "changes.throttle";
    let known: Vec<&str> = THROTTLE_TEXTS
        .into_iter()
        .chain(THROTTLE_SWITCHES)
        .chain(["name"])
        .collect();
    reader.check_keys(path, table, &known);
    let name = text_of(reader, path, table, "name");
    let mut keys = Vec::new();
    for key in THROTTLE_TEXTS {
        let given = text_of(reader, path, table, key);
        keys.extend(given.map(|given| (key, given)));
    }
    for key in THROTTLE_SWITCHES {
        let given = switch(reader, path, table, key);
        keys.extend(given.map(|given| (key, given)));
    }
    ActionPlan::Throttle {
        place: reader.field(at, path),
        name,
        keys,
    }
}

/// A key that does something by being true; false would do nothing, so it is a mistake.
fn switch<'doc>(
    reader: &mut Reader<'doc>,
    path: &str,
    table: Table<'doc>,
    key: &str,
) -> Option<Given> {
    let value = table.get(key)?;
    let path = join(path, key);
    if reader.boolean(&path, value)? {
        return reader.scalar(&path, value);
    }
    let message = "does nothing if it is false";
    reader.fault(value.span().start, &path, "false", message, "leave it out");
    None
}
