//! Why a command ends before it has done its work.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;

use lt_data::DataProblem;
use lt_runtime::LoadError;
use lt_spec::Problem;

use crate::exit::Exit;
use crate::show::plain;

/// See the module. Printed as one line a problem.
#[derive(Debug)]
pub(crate) enum CommandError {
    /// What was typed is wrong: all of it. Nothing was started.
    Input(Vec<Problem>),
    /// The file is not a scenario that runs here.
    Scenario {
        /// The file.
        path: PathBuf,
        /// Why not, and what to do.
        error: LoadError,
    },
    /// Files of the run that cannot be used: every fault of every file.
    Data(Vec<DataProblem>),
    /// Several of these: told one after the other.
    All(Vec<CommandError>),
    /// A host says no.
    Refused(String),
    /// Our own output cannot be written.
    Output(io::Error),
    /// The machine does not let us.
    Failed(String),
}

impl CommandError {
    /// One thing that is wrong with what was typed.
    pub(crate) fn input(
        field: impl Into<String>,
        value: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::Input(vec![Problem::new(field, value, message, remedy)])
    }

    /// All of these: at least one.
    pub(crate) fn all(mut errors: Vec<Self>) -> Self {
        match errors.pop() {
            Some(only) if errors.is_empty() => only,
            Some(last) => {
                errors.push(last);
                Self::All(errors)
            }
            None => Self::Failed("nothing is known of the fault".to_owned()),
        }
    }

    /// What is left without the problems of these fields, if anything is.
    pub(crate) fn without(self, fields: &[String]) -> Option<Self> {
        match self {
            Self::Input(mut problems) => {
                problems.retain(|problem| !fields.contains(&problem.field));
                (!problems.is_empty()).then_some(Self::Input(problems))
            }
            Self::All(errors) => {
                let errors = errors.into_iter().filter_map(|error| error.without(fields));
                let errors: Vec<Self> = errors.collect();
                (!errors.is_empty()).then(|| Self::all(errors))
            }
            other => Some(other),
        }
    }

    /// With the variables that values came from in place of the flags: whoever typed no flag looks for none.
    pub(crate) fn naming(mut self, variables: &BTreeMap<String, String>) -> Self {
        match &mut self {
            Self::Input(problems) => {
                for problem in problems {
                    if let Some(variable) = variables.get(&problem.field) {
                        problem.field.clone_from(variable);
                    }
                }
                self
            }
            Self::All(errors) => {
                let errors = std::mem::take(errors).into_iter();
                Self::All(errors.map(|error| error.naming(variables)).collect())
            }
            _ => self,
        }
    }

    /// The exit code that goes with it.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Input(_) | Self::Scenario { .. } | Self::Data(_) | Self::Refused(_) => {
                Exit::BadInput
            }
            Self::All(errors) => errors.first().map_or(Exit::Failed, Self::exit),
            Self::Output(_) | Self::Failed(_) => Exit::Failed,
        }
    }
}

impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<Vec<Problem>> for CommandError {
    fn from(problems: Vec<Problem>) -> Self {
        Self::Input(problems)
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(problems) => lines(out, problems, |out, problem| {
                write!(out, "error: {problem}")
            }),
            Self::Data(problems) => lines(out, problems, |out, problem| {
                // What stands in a file must not steer the terminal.
                write!(out, "error: {}", plain(&problem.to_string()))
            }),
            Self::All(errors) => lines(out, errors, |out, error| write!(out, "{error}")),
            Self::Scenario { path, error } => {
                // What a scenario said while it failed is part of it.
                write!(
                    out,
                    "error: {}: {}",
                    path.display(),
                    plain(&error.to_string())
                )
            }
            Self::Output(error) => write!(out, "error: cannot write the output: {error}"),
            Self::Refused(reason) | Self::Failed(reason) => write!(out, "error: {reason}"),
        }
    }
}

/// A line each.
fn lines<T>(
    out: &mut fmt::Formatter<'_>,
    items: &[T],
    line: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.write_str("\n")?;
        }
        line(out, item)?;
    }
    Ok(())
}

impl std::error::Error for CommandError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_problem_has_its_line() {
        let problem = |field: &str| Problem::new(field, "x", "is wrong", "mend it");
        let error = CommandError::Input(vec![problem("--a"), problem("--b")]);
        assert_eq!(
            error.to_string(),
            "error: --a \"x\": is wrong (remedy: mend it)\nerror: --b \"x\": is wrong (remedy: mend it)"
        );
        assert_eq!(error.exit(), Exit::BadInput);
    }

    #[test]
    fn problems_are_left_out_and_named_by_their_fields() {
        let input = |field: &str| CommandError::input(field, "x", "is wrong", "mend it");
        let both = || CommandError::all(vec![input("--a"), input("--b")]);
        let text = |error: Option<CommandError>| error.map(|error| error.to_string());
        assert_eq!(
            text(both().without(&["--a".to_owned()])),
            Some("error: --b \"x\": is wrong (remedy: mend it)".to_owned())
        );
        assert!(
            both()
                .without(&["--a".to_owned(), "--b".to_owned()])
                .is_none()
        );
        let variables = BTreeMap::from([("--b".to_owned(), "LT_B".to_owned())]);
        let named = both().naming(&variables).to_string();
        assert!(
            named.contains("error: --a \"x\"") && named.contains("error: LT_B \"x\""),
            "{named}"
        );
    }

    #[test]
    fn several_errors_are_told_line_by_line() {
        let input = |field: &str| CommandError::input(field, "x", "is wrong", "mend it");
        let one = CommandError::all(vec![input("--a")]);
        assert!(matches!(one, CommandError::Input(_)), "{one}");
        let fault = DataProblem {
            name: "people".to_owned(),
            path: "people.csv".into(),
            line: Some(3),
            message: "has\x1b 2 fields".to_owned(),
            remedy: "add one".to_owned(),
        };
        let both = CommandError::all(vec![input("--a"), CommandError::Data(vec![fault])]);
        assert_eq!(
            both.to_string(),
            "error: --a \"x\": is wrong (remedy: mend it)\n\
             error: people.csv:3: has  2 fields (remedy: add one)"
        );
        assert_eq!(both.exit(), Exit::BadInput);
    }
}
