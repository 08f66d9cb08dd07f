//! One value against its declaration: type, allowed values, range.

use super::nearest;
use crate::description::{Setting, SettingKind};
use crate::parse::{self, Fault};

/// Hold a value against the declaration: type, allowed values, range.
///
/// # Errors
/// The first rule it breaks.
pub(super) fn check(setting: &Setting, value: &str) -> Result<(), Fault> {
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
