//! What all texts for people are made of. Words from outside are shown without control characters, so that they cannot steer the terminal.

use std::time::Duration;

use lt_spec::spec::ScenarioSpec;

/// Shown instead of a secret.
pub const HIDDEN: &str = "***";

/// A text from outside, on one line and harmless.
pub fn plain(text: &str) -> String {
    text.chars()
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect()
}

/// A length of time as it would be typed.
pub fn time(time: Duration) -> String {
    humantime::format_duration(time)
        .to_string()
        .replace(' ', "")
}

/// A setting's value, or stars if it is a secret.
pub fn setting_value<'spec>(
    spec: &'spec ScenarioSpec,
    name: &str,
    value: &'spec str,
) -> &'spec str {
    if spec.secrets.iter().any(|secret| secret == name) {
        HIDDEN
    } else {
        value
    }
}
