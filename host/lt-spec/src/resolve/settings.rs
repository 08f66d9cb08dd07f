//! Settings against their declarations. Precedence: `--set`, then `LT_SET_<NAME>`, then the declared default.

use std::collections::BTreeMap;

use super::{Problems, nearest};
use crate::description::{Description, Setting, SettingKind};
use crate::parse::{self, Fault};
use crate::raw::RawRun;

/// Shown instead of a secret.
const HIDDEN: &str = "***";

/// Every declared setting with its value.
pub(super) fn settings(
    raw: &RawRun,
    description: &Description,
    problems: &mut Problems,
) -> BTreeMap<String, String> {
    let given = given(raw, description, problems);
    let mut values = BTreeMap::new();
    for setting in &description.settings {
        let (field, value) = match (given.get(setting.name.as_str()), &setting.default) {
            (Some((field, value)), _) => (field.clone(), value.clone()),
            (None, Some(default)) => (
                "the scenario's default of a setting".to_owned(),
                default.clone(),
            ),
            (None, None) => {
                let remedy = format!(
                    "give --set {}=VALUE or {}",
                    setting.name,
                    variable(&setting.name)
                );
                let fault = Fault::new(
                    format!("the setting {} is required: {}", setting.name, setting.doc),
                    remedy,
                );
                problems.add("--set", "", fault);
                continue;
            }
        };
        if let Err(fault) = check(setting, &value) {
            let shown = if setting.kind == SettingKind::Secret {
                HIDDEN
            } else {
                &value
            };
            problems.add(&field, &format!("{}={shown}", setting.name), fault);
        }
        values.insert(setting.name.clone(), value);
    }
    values
}

/// The variable of a setting: `base-url` is `LT_SET_BASE_URL`.
fn variable(name: &str) -> String {
    format!("LT_SET_{}", suffix(name))
}

fn suffix(name: &str) -> String {
    name.to_ascii_uppercase().replace('-', "_")
}

/// What was given, by the setting's name: which field it came from, and the value.
fn given<'run>(
    raw: &'run RawRun,
    description: &'run Description,
    problems: &mut Problems,
) -> BTreeMap<&'run str, (String, String)> {
    let mut given = BTreeMap::new();
    for (key, value) in &raw.settings_from_variables {
        let field = format!("LT_SET_{key}");
        match description
            .settings
            .iter()
            .find(|setting| suffix(&setting.name) == *key)
        {
            Some(setting) => {
                given.insert(setting.name.as_str(), (field, value.clone()));
            }
            // The value is not shown: it may be a misspelt secret.
            None => problems.add(
                &field,
                "",
                unknown(&key.to_ascii_lowercase().replace('_', "-"), description),
            ),
        }
    }
    for text in &raw.settings {
        let (name, value) = match parse::pair(text) {
            Ok(pair) => pair,
            Err(fault) => {
                problems.add("--set", text, fault);
                continue;
            }
        };
        match description
            .settings
            .iter()
            .find(|setting| setting.name == name)
        {
            Some(setting) => {
                given.insert(
                    setting.name.as_str(),
                    ("--set".to_owned(), value.to_owned()),
                );
            }
            None => problems.add("--set", name, unknown(name, description)),
        }
    }
    given
}

fn unknown(name: &str, description: &Description) -> Fault {
    let names: Vec<&str> = description
        .settings
        .iter()
        .map(|setting| setting.name.as_str())
        .collect();
    let message = format!("the scenario {} has no setting {name}", description.name);
    let remedy = match nearest(name, names.iter().copied()) {
        Some(similar) => format!("did you mean {similar}?"),
        None if names.is_empty() => "it has no settings at all; leave it out".to_owned(),
        None => format!("it has {}", names.join(", ")),
    };
    Fault::new(message, remedy)
}

/// Hold a value against the declaration: type, allowed values, range.
///
/// # Errors
/// The first rule it breaks.
fn check(setting: &Setting, value: &str) -> Result<(), Fault> {
    let number = measure(setting.kind, value)?;
    if !setting.allowed.is_empty() && !setting.allowed.iter().any(|allowed| allowed == value) {
        let list = setting.allowed.join(", ");
        let remedy = match nearest(value, setting.allowed.iter().map(String::as_str)) {
            Some(similar) => format!("did you mean {similar}? Allowed: {list}"),
            None => format!("use one of {list}"),
        };
        return Err(Fault::new("is not an allowed value", remedy));
    }
    let Some(number) = number else { return Ok(()) };
    let bound = |text: &Option<String>| {
        let text = text.as_deref()?;
        measure(setting.kind, text)
            .ok()
            .flatten()
            .map(|bound| (bound, text.to_owned()))
    };
    if let Some((minimum, text)) = bound(&setting.minimum)
        && number.below(minimum)
    {
        return Err(Fault::new(
            format!("is below the smallest value, {text}"),
            range(setting),
        ));
    }
    if let Some((maximum, text)) = bound(&setting.maximum)
        && maximum.below(number)
    {
        return Err(Fault::new(
            format!("is above the largest value, {text}"),
            range(setting),
        ));
    }
    Ok(())
}

fn range(setting: &Setting) -> String {
    match (&setting.minimum, &setting.maximum) {
        (Some(minimum), Some(maximum)) => format!("use {minimum} to {maximum}"),
        (Some(minimum), None) => format!("use {minimum} or more"),
        (None, Some(maximum)) => format!("use {maximum} or less"),
        (None, None) => "see `lt-host describe`".to_owned(),
    }
}

/// A value that has an order.
#[derive(Clone, Copy)]
enum Measure {
    /// Whole numbers compare exactly; as floating point, 2⁵³ and its neighbour would be equal.
    Whole(i64),
    Real(f64),
}

impl Measure {
    fn below(self, other: Self) -> bool {
        match (self, other) {
            (Self::Whole(left), Self::Whole(right)) => left < right,
            (Self::Real(left), Self::Real(right)) => left < right,
            (Self::Whole(_), Self::Real(_)) | (Self::Real(_), Self::Whole(_)) => false,
        }
    }
}

/// Check the type; the value as a number where the type has an order.
fn measure(kind: SettingKind, value: &str) -> Result<Option<Measure>, Fault> {
    match kind {
        SettingKind::Text | SettingKind::Secret => Ok(None),
        SettingKind::Boolean if matches!(value, "true" | "false") => Ok(None),
        SettingKind::Boolean => Err(Fault::new("is not a boolean", "use true or false")),
        SettingKind::Integer => value
            .parse()
            .map(|number| Some(Measure::Whole(number)))
            .map_err(|_| {
                Fault::new(
                    "is not a whole number",
                    "write digits only, with '-' before them if negative",
                )
            }),
        SettingKind::Number => value
            .parse::<f64>()
            .ok()
            .filter(|number| number.is_finite())
            .map(|number| Some(Measure::Real(number)))
            .ok_or_else(|| Fault::new("is not a number", "write a number such as 0.5")),
        SettingKind::Duration => {
            let length = parse::duration(value)?;
            let nanos = i64::try_from(length.as_nanos()).unwrap_or(i64::MAX);
            Ok(Some(Measure::Whole(nanos)))
        }
    }
}
