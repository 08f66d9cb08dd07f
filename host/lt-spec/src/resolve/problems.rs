//! All faults of one input, collected.

use crate::given::{Given, Options};
use crate::limits::PROBLEMS_MAX;
use crate::parse::Fault;
use crate::plan::Plan;
use crate::problem::Problem;

/// All faults found so far.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    /// Note a fault.
    pub(crate) fn add(&mut self, field: &str, value: &str, fault: Fault) {
        self.push(Problem::new(field, value, fault.message, fault.remedy));
    }

    /// Note a problem, unless the same is known: a value that several scenarios share is checked for each.
    pub(crate) fn push(&mut self, problem: Problem) {
        if self.0.len() < PROBLEMS_MAX && !self.0.contains(&problem) {
            self.0.push(problem);
        }
    }

    /// Note a fault of an option.
    pub(super) fn add_option(&mut self, options: &Options, name: &str, fault: Fault) {
        if let Some(given) = options.get(name) {
            self.add(&given.field, &given.value, fault);
        }
    }

    /// Parse what was given, and note what is wrong with it.
    pub(crate) fn read<T>(
        &mut self,
        given: &Given,
        parse: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Option<T> {
        parse(&given.value)
            .map_err(|fault| self.add(&given.field, &given.value, fault))
            .ok()
    }

    /// Parse an option if it was given.
    pub(crate) fn take<T>(
        &mut self,
        options: &Options,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Option<T> {
        self.read(options.get(name)?, parse)
    }

    /// In the order of the run file's lines, what is of no line first.
    pub(super) fn sort_by_line(&mut self, plan: &Plan) {
        let Some(file) = &plan.file else { return };
        self.0.sort_by_key(|problem| {
            let place = problem.field.strip_prefix(file.as_str());
            let place = place.and_then(|place| place.strip_prefix(':'));
            let digits = place.and_then(|place| place.split(' ').next());
            digits.and_then(|digits| digits.parse::<u64>().ok())
        });
    }

    /// The value, if nothing is wrong.
    pub(crate) fn unless_any<T>(self, value: Option<T>) -> Result<T, Vec<Problem>> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(self.0),
        }
    }

    /// All of them.
    pub(crate) fn into_vec(self) -> Vec<Problem> {
        self.0
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// The given name that is most like `name`, if one is like it at all: for "did you mean".
pub(crate) fn nearest<'names>(
    name: &str,
    known: impl IntoIterator<Item = &'names str>,
) -> Option<&'names str> {
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len() / 3).max(2))
        .min()
        .map(|(_, candidate)| candidate)
}
