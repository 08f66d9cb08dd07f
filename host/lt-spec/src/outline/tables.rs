//! What was typed as tables in the keys of a run file.

use toml::{Table, Value};

use crate::given::{Given, Options};
use crate::parse;
use crate::plan::{ActionPlan, ChangePlan, ScenarioPlan};
use crate::resolve::Problems;

/// The keys of a scenario.
pub(super) fn scenario_table(scenario: &ScenarioPlan, problems: &mut Problems) -> Table {
    let mut table = Table::new();
    options_into(&mut table, &scenario.load);
    texts_into(&mut table, "stages", &scenario.stages);
    texts_into(&mut table, "thresholds", &scenario.thresholds);
    for (name, all) in [
        ("settings", &scenario.settings),
        ("roles", &scenario.roles),
        ("tags", &scenario.tags),
    ] {
        pairs_into(&mut table, name, all, problems);
    }
    table
}

/// A table of `changes`.
pub(super) fn change_table(change: &ChangePlan, problems: &mut Problems) -> Table {
    let mut table = Table::new();
    let mut text = |name: &str, given: &Given| {
        table.insert(name.to_owned(), Value::String(given.value.clone()));
    };
    for (name, given) in [("at", &change.at), ("scenario", &change.scenario)] {
        if let Some(given) = given {
            text(name, given);
        }
    }
    for action in &change.actions {
        match action {
            ActionPlan::Users(given) => text("users", given),
            ActionPlan::Rate(given) => text("rate", given),
            _ => {}
        }
    }
    let mut settings = Vec::new();
    for action in &change.actions {
        match action {
            ActionPlan::Set(given) => settings.push(given.clone()),
            ActionPlan::Pause => {
                table.insert("pause".to_owned(), Value::Boolean(true));
            }
            ActionPlan::Resume => {
                table.insert("resume".to_owned(), Value::Boolean(true));
            }
            ActionPlan::Throttle { name, keys, .. } => {
                let mut throttle = Table::new();
                if let Some(name) = name {
                    throttle.insert("name".to_owned(), Value::String(name.value.clone()));
                }
                for (key, given) in keys {
                    let value = match given.value.as_str() {
                        "true" => Value::Boolean(true),
                        text => Value::String(text.to_owned()),
                    };
                    throttle.insert((*key).to_owned(), value);
                }
                table.insert("throttle".to_owned(), Value::Table(throttle));
            }
            _ => {}
        }
    }
    pairs_into(&mut table, "set", &settings, problems);
    table
}

/// Put options in, each under its name.
pub(super) fn options_into(table: &mut Table, options: &Options) {
    for (name, given) in options.iter() {
        table.insert(name.to_owned(), Value::String(given.value.clone()));
    }
}

/// Put a list of texts in, unless it is empty.
pub(super) fn texts_into(table: &mut Table, name: &str, all: &[Given]) {
    if !all.is_empty() {
        let texts = all.iter().map(|given| Value::String(given.value.clone()));
        table.insert(name.to_owned(), Value::Array(texts.collect()));
    }
}

/// `NAME=VALUE` each, as a table; of one name the last counts.
pub(super) fn pairs_into(table: &mut Table, section: &str, all: &[Given], problems: &mut Problems) {
    for given in all {
        if let Some((name, value)) = pair(given, problems) {
            put(table, section, name, Value::String(value));
        }
    }
}

/// `NAME=VALUE`.
pub(super) fn pair(given: &Given, problems: &mut Problems) -> Option<(String, String)> {
    problems.read(given, |text| {
        parse::pair(text).map(|(name, value)| (name.to_owned(), value.to_owned()))
    })
}

/// Put a value into the table of this name, which is made if there is none.
pub(super) fn put(table: &mut Table, section: &str, name: String, value: Value) {
    let mut own = match table.remove(section) {
        Some(Value::Table(own)) => own,
        _ => Table::new(),
    };
    own.insert(name, value);
    table.insert(section.to_owned(), Value::Table(own));
}
