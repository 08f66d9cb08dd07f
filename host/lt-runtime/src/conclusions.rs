//! What the scenarios of a run conclude: lines for standard output, below its summary.

use std::sync::Mutex;

use lt_spec::limits::{CONCLUSION_BYTES_MAX, CONCLUSIONS_MAX};

use crate::enrolment::lock;
use crate::interfaces::cut;

/// See the module. Shared by the instances that `init` and `terminate` run in.
#[derive(Debug, Default)]
pub struct Conclusions(Mutex<Vec<String>>);

impl Conclusions {
    /// Add a line, cut at its bound and without line breaks; one too many is warned of and left out.
    pub(crate) fn add(&self, line: &str) {
        let line = cut(line, CONCLUSION_BYTES_MAX).replace(['\r', '\n'], " ");
        let mut lines = lock(&self.0);
        if lines.len() < CONCLUSIONS_MAX {
            lines.push(line);
            return;
        }
        drop(lines);
        tracing::warn!(target: "guest", "a run has at most {CONCLUSIONS_MAX} conclusions: left out: {line}");
    }

    /// All lines so far, in the order they were added.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        lock(&self.0).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded_in_length_and_number() {
        let conclusions = Conclusions::default();
        conclusions.add("{\"sessions\":\r\n3}");
        for _ in 0..CONCLUSIONS_MAX {
            conclusions.add(&"ä".repeat(CONCLUSION_BYTES_MAX));
        }
        let lines = conclusions.lines();
        assert_eq!(lines[0], "{\"sessions\":  3}");
        assert_eq!(lines.len(), CONCLUSIONS_MAX);
        assert_eq!(lines[1].len(), CONCLUSION_BYTES_MAX);
    }
}
