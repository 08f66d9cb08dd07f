//! What is wrong with a file of the run, said so that it can be put right.

use std::fmt;
use std::path::{Path, PathBuf};

use lt_spec::limits::DATA_FILE_FAULTS_MAX;

/// A fault of a file, or of what names it. Found before the run starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataProblem {
    /// The asset or feeder, as the run calls it.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// The line, counted from 1, where there is one to name.
    pub line: Option<u64>,
    /// What is wrong.
    pub message: String,
    /// What puts it right.
    pub remedy: String,
}

impl fmt::Display for DataProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {} (remedy: {})", self.message, self.remedy)
    }
}

/// Gathers the faults of one file. Only the first few are kept, the others counted.
pub(crate) struct Faults<'f> {
    name: &'f str,
    path: &'f Path,
    problems: Vec<DataProblem>,
    left_out: u64,
}

impl<'f> Faults<'f> {
    pub(crate) const fn of(name: &'f str, path: &'f Path) -> Self {
        Self {
            name,
            path,
            problems: Vec::new(),
            left_out: 0,
        }
    }

    /// The name of the asset or feeder.
    pub(crate) const fn name(&self) -> &'f str {
        self.name
    }

    /// A fault of the whole file.
    pub(crate) fn file(&mut self, message: impl Into<String>, remedy: impl Into<String>) {
        self.add(None, message, remedy);
    }

    /// A fault of one line.
    pub(crate) fn line(
        &mut self,
        line: u64,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(Some(line), message, remedy);
    }

    fn add(&mut self, line: Option<u64>, message: impl Into<String>, remedy: impl Into<String>) {
        if self.problems.len() >= DATA_FILE_FAULTS_MAX {
            self.left_out += 1;
            return;
        }
        self.problems.push(DataProblem {
            name: self.name.to_owned(),
            path: self.path.to_owned(),
            line,
            message: message.into(),
            remedy: remedy.into(),
        });
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// All of them, with the number of those that were left out.
    pub(crate) fn finish(mut self) -> Vec<DataProblem> {
        if self.left_out > 0 {
            self.problems.push(DataProblem {
                name: self.name.to_owned(),
                path: self.path.to_owned(),
                line: None,
                message: format!("{} more faults like these", self.left_out),
                remedy: "correct the first ones, then start again".to_owned(),
            });
        }
        self.problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_file_line_and_remedy() {
        let mut faults = Faults::of("people", Path::new("data/people.csv"));
        faults.line(7, "3 fields instead of 4", "add one");
        faults.file("it is empty", "write a header");
        let texts: Vec<_> = faults.finish().iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "data/people.csv:7: 3 fields instead of 4 (remedy: add one)",
                "data/people.csv: it is empty (remedy: write a header)"
            ]
        );
    }

    #[test]
    fn many_faults_of_a_file_are_counted() {
        let mut faults = Faults::of("people", Path::new("people.csv"));
        for line in 0..1000 {
            faults.line(line, "ragged", "straighten it");
        }
        let problems = faults.finish();
        assert_eq!(problems.len(), DATA_FILE_FAULTS_MAX + 1);
        assert_eq!(
            problems.last().map(|last| last.message.as_str()),
            Some("980 more faults like these")
        );
    }
}
