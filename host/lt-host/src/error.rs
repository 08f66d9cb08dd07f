//! Why a command ends before it has done its work.

use std::fmt;
use std::io;
use std::path::PathBuf;

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

    /// The exit code that goes with it.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Input(_) | Self::Scenario { .. } => Exit::BadInput,
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
            Self::Input(problems) => {
                for (index, problem) in problems.iter().enumerate() {
                    let newline = if index == 0 { "" } else { "\n" };
                    write!(out, "{newline}error: {problem}")?;
                }
                Ok(())
            }
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
            Self::Failed(reason) => write!(out, "error: {reason}"),
        }
    }
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
}
