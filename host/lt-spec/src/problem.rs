//! One thing that is wrong with what was typed, told so that it can be put right without reading anything else.

use std::fmt;

/// One fault of the input. All faults of one input are reported together, so that nobody mends them one run at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The option, variable or file that is at fault: `--users`.
    pub field: String,
    /// What was given, as typed; empty if nothing was. Never a secret.
    pub value: String,
    /// What is wrong with it.
    pub message: String,
    /// What to do instead.
    pub remedy: String,
}

impl Problem {
    /// A fault of `field`, which was given `value`.
    pub fn new(
        field: impl Into<String>,
        value: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            field: field.into(),
            value: value.into(),
            message: message.into(),
            remedy: remedy.into(),
        }
    }
}

/// One line: `--duration "30": has no unit (remedy: write 30s)`. Texts of scenarios end up in messages, so control characters
/// are taken out: nothing steers the terminal.
impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.field)?;
        if !self.value.is_empty() {
            write!(out, " {:?}", self.value)?;
        }
        let text = format!(": {} (remedy: {})", self.message, self.remedy);
        out.write_str(&text.replace(char::is_control, " "))
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenarios_words_cannot_steer_the_terminal() {
        let problem = Problem::new("--set", "", "is required: \x1b[2Jdoc\nerror: no", "x");
        assert_eq!(
            problem.to_string(),
            "--set: is required:  [2Jdoc error: no (remedy: x)"
        );
    }

    #[test]
    fn is_one_line_that_names_field_value_fault_and_remedy() {
        let problem = Problem::new("--set", "a\nb", "has no '='", "write NAME=VALUE");
        assert_eq!(
            problem.to_string(),
            r#"--set "a\nb": has no '=' (remedy: write NAME=VALUE)"#
        );
        let missing = Problem::new("--client-key", "", "is missing", "give both");
        assert_eq!(
            missing.to_string(),
            "--client-key: is missing (remedy: give both)"
        );
    }
}
