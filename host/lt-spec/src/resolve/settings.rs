//! Settings against their declarations. Precedence: `--set`, `LT_SET_<NAME>`, the run file (the scenario's table, then the
//! one for all), the declared default.

use std::collections::BTreeMap;

use super::setting_value::check;
use super::{Problems, nearest};
use crate::description::{Description, Setting, SettingKind};
use crate::given::Given;
use crate::parse::{self, Fault};
use crate::plan::{Plan, ScenarioPlan};
use crate::problem::Problem;

/// Shown instead of a secret.
const HIDDEN: &str = "***";

/// A scenario of the run and what it says of itself.
pub(super) type Described<'run> = (&'run ScenarioPlan, &'run Description);

/// Every declared setting with its value, for each scenario.
pub(super) fn settings(
    plan: &Plan,
    scenarios: &[Described<'_>],
    problems: &mut Problems,
) -> Vec<BTreeMap<String, String>> {
    let mut given: Vec<BTreeMap<String, Given>> = vec![BTreeMap::new(); scenarios.len()];
    from_file(plan, scenarios, &mut given, problems);
    from_variables(plan, scenarios, &mut given, problems);
    from_flags(plan, scenarios, &mut given, problems);
    scenarios
        .iter()
        .zip(&given)
        .map(|(described, given)| values(*described, given, problems))
        .collect()
}

/// Check a new value for a setting while the run goes on: the setting must be declared, live, and the value allowed.
/// The value is returned as users will read it.
///
/// # Errors
/// What is wrong, as a problem of the field `set`.
pub fn check_setting(
    description: &Description,
    name: &str,
    value: &str,
) -> Result<String, Problem> {
    let problem =
        |value: &str, fault: Fault| Problem::new("set", value, fault.message, fault.remedy);
    let Some(setting) = find(description, name) else {
        return Err(problem(name, unknown(name, &[description])));
    };
    let shown = shown(setting, value);
    live(setting)
        .and_then(|()| check(setting, value))
        .map_err(|fault| problem(&shown, fault))?;
    Ok(value.to_owned())
}

/// Hold a scheduled change of a setting, `NAME=VALUE`, against its declaration.
pub(super) fn change(
    description: &Description,
    given: &Given,
    problems: &mut Problems,
) -> Option<(String, String)> {
    let (name, value) = given.value.split_once('=').unwrap_or((&given.value, ""));
    let checked = check_setting(description, name, value);
    checked
        .map_err(|problem| {
            problems.push(Problem {
                field: given.field.clone(),
                ..problem
            })
        })
        .ok()
        .map(|value| (name.to_owned(), value))
}

fn live(setting: &Setting) -> Result<(), Fault> {
    if setting.live {
        return Ok(());
    }
    Err(Fault::new(
        "is read-only: it is fixed when the run starts",
        "start another run with the new value",
    ))
}

pub(super) fn find<'run>(description: &'run Description, name: &str) -> Option<&'run Setting> {
    description
        .settings
        .iter()
        .find(|setting| setting.name == name)
}

/// `name=value`, without what is secret.
pub(super) fn shown(setting: &Setting, value: &str) -> String {
    let value = if setting.kind == SettingKind::Secret {
        HIDDEN
    } else {
        value
    };
    format!("{}={value}", setting.name)
}

fn values(
    (scenario, description): Described<'_>,
    given: &BTreeMap<String, Given>,
    problems: &mut Problems,
) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for setting in &description.settings {
        let (field, value) = match (given.get(&setting.name), &setting.default) {
            (Some(given), _) => (given.field.as_str(), &given.value),
            (None, Some(default)) => ("the scenario's default of a setting", default),
            (None, None) => {
                problems.add(&missing_field(scenario), "", required(scenario, setting));
                continue;
            }
        };
        if let Err(fault) = check(setting, value) {
            problems.add(field, &shown(setting, value), fault);
        }
        values.insert(setting.name.clone(), value.clone());
    }
    values
}

fn missing_field(scenario: &ScenarioPlan) -> String {
    match scenario.place {
        Some(_) => scenario.field("settings"),
        None => "--set".to_owned(),
    }
}

fn required(scenario: &ScenarioPlan, setting: &Setting) -> Fault {
    let name = &setting.name;
    let or_file = match scenario.place {
        Some(_) => format!(", or {name} in the file's settings"),
        None => String::new(),
    };
    Fault::new(
        format!("the setting {name} is required: {}", setting.doc),
        format!("give --set {name}=VALUE or {}{or_file}", variable(name)),
    )
}

/// The variable of a setting: `base-url` is `LT_SET_BASE_URL`.
fn variable(name: &str) -> String {
    format!("LT_SET_{}", suffix(name))
}

fn suffix(name: &str) -> String {
    name.to_ascii_uppercase().replace('-', "_")
}

/// Give the setting to every scenario that declares it and is meant; whether there is one.
fn give(
    scenarios: &[Described<'_>],
    all: &mut [BTreeMap<String, Given>],
    is_meant: impl Fn(&ScenarioPlan, &Setting) -> bool,
    given: &Given,
) -> bool {
    let mut is_known = false;
    for ((scenario, description), settings) in scenarios.iter().zip(all) {
        for setting in &description.settings {
            if is_meant(scenario, setting) {
                settings.insert(setting.name.clone(), given.clone());
                is_known = true;
            }
        }
    }
    is_known
}

fn from_file(
    plan: &Plan,
    scenarios: &[Described<'_>],
    all: &mut [BTreeMap<String, Given>],
    problems: &mut Problems,
) {
    let split = |given: &Given| {
        let (name, value) = given.value.split_once('=').unwrap_or((&given.value, ""));
        (name.to_owned(), Given::new(&given.field, value))
    };
    for given in &plan.settings {
        let (name, value) = split(given);
        if !give(scenarios, all, |_, setting| setting.name == name, &value) {
            problems.add(&given.field, "", unknown(&name, &descriptions(scenarios)));
        }
    }
    for (own, description) in scenarios {
        for given in &own.settings {
            let (name, value) = split(given);
            let is_meant = |scenario: &ScenarioPlan, setting: &Setting| {
                scenario.name == own.name && setting.name == name
            };
            if !give(scenarios, all, is_meant, &value) {
                problems.add(&given.field, "", unknown(&name, &[description]));
            }
        }
    }
}

fn from_variables(
    plan: &Plan,
    scenarios: &[Described<'_>],
    all: &mut [BTreeMap<String, Given>],
    problems: &mut Problems,
) {
    for (key, value) in &plan.settings_from_variables {
        let given = Given::new(format!("LT_SET_{key}"), value);
        if !give(
            scenarios,
            all,
            |_, setting| suffix(&setting.name) == *key,
            &given,
        ) {
            // The value is not shown: it may be a misspelt secret.
            let name = key.to_ascii_lowercase().replace('_', "-");
            problems.add(&given.field, "", unknown(&name, &descriptions(scenarios)));
        }
    }
}

/// `NAME=VALUE` for all that declare it, `SCENARIO.NAME=VALUE` for one; of one name the last counts.
fn from_flags(
    plan: &Plan,
    scenarios: &[Described<'_>],
    all: &mut [BTreeMap<String, Given>],
    problems: &mut Problems,
) {
    for given in &plan.settings_from_flags {
        let Some((full, value)) = problems.read(given, |text| {
            parse::pair(text).map(|(name, value)| (name.to_owned(), value.to_owned()))
        }) else {
            continue;
        };
        let value = Given::new(&given.field, value);
        let Some((owner, name)) = full.split_once('.') else {
            if !give(scenarios, all, |_, setting| setting.name == full, &value) {
                problems.add(
                    &given.field,
                    &full,
                    unknown(&full, &descriptions(scenarios)),
                );
            }
            continue;
        };
        let Some((_, description)) = scenarios.iter().find(|(own, _)| own.name == owner) else {
            problems.add(&given.field, &full, no_scenario(owner, scenarios));
            continue;
        };
        let is_meant = |scenario: &ScenarioPlan, setting: &Setting| {
            scenario.name == owner && setting.name == name
        };
        if !give(scenarios, all, is_meant, &value) {
            problems.add(&given.field, &full, unknown(name, &[description]));
        }
    }
}

fn descriptions<'run>(scenarios: &[Described<'run>]) -> Vec<&'run Description> {
    scenarios
        .iter()
        .map(|(_, description)| *description)
        .collect()
}

fn no_scenario(name: &str, scenarios: &[Described<'_>]) -> Fault {
    let names: Vec<&str> = scenarios.iter().map(|(own, _)| own.name.as_str()).collect();
    let remedy = match nearest(name, names.iter().copied()) {
        Some(similar) => format!("did you mean {similar}?"),
        None => format!("the run has {}", names.join(", ")),
    };
    Fault::new(format!("the run has no scenario {name}"), remedy)
}

pub(super) fn unknown(name: &str, descriptions: &[&Description]) -> Fault {
    let names: Vec<&str> = descriptions
        .iter()
        .flat_map(|description| &description.settings)
        .map(|setting| setting.name.as_str())
        .collect();
    let message = match descriptions {
        [only] => format!("the scenario {} has no setting {name}", only.name),
        _ => format!("no scenario of the run has a setting {name}"),
    };
    let remedy = match nearest(name, names.iter().copied()) {
        Some(similar) => format!("did you mean {similar}?"),
        None if names.is_empty() => "it has no settings at all; leave it out".to_owned(),
        None => format!("it has {}", names.join(", ")),
    };
    Fault::new(message, remedy)
}
