//! The metrics of a run by name: built-in ones from the start, custom ones as scenarios declare or open them.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use thiserror::Error;

use crate::builtin::BUILTINS;
use crate::sample::{Kind, MetricId, Unit};

/// Metrics of one run, built-in ones included. A trend costs up to 0.25 MB per core, so a scenario that opens metrics
/// without end is stopped at some 60 MB a core; k6 scripts have a dozen.
pub const METRICS_MAX: usize = 256;
/// Characters of a metric's name (k6's limit, and the contract's).
pub const METRIC_NAME_CHARS_MAX: usize = 128;

/// One metric. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Metric {
    /// Its id.
    pub id: MetricId,
    /// Its name.
    pub name: Arc<str>,
    /// How its values add up.
    pub kind: Kind,
    /// What its values measure.
    pub unit: Unit,
    /// One line for people.
    pub doc: Arc<str>,
}

/// Why a metric could not be declared.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DeclareError {
    /// The name does not follow the rule of [`is_valid_name`].
    #[error(
        "\"{0}\" cannot name a metric: use letters, digits and underscores, beginning with a letter or an underscore, \
         at most {METRIC_NAME_CHARS_MAX}"
    )]
    InvalidName(String),
    /// The name is taken by a metric of another kind or unit.
    #[error("the metric {name} is a {} of {} already; choose another name", kind.name(), unit.name())]
    KindMismatch {
        /// The name.
        name: String,
        /// Kind of the metric that has it.
        kind: Kind,
        /// Unit of the metric that has it.
        unit: Unit,
    },
    /// There are [`METRICS_MAX`] metrics.
    #[error("a run has at most {METRICS_MAX} metrics; use tags to tell values of one metric apart")]
    TooMany,
}

/// The metrics of a run. Shared by all recorders; written rarely, and never on the path of a sample.
#[derive(Debug)]
pub struct Registry {
    inner: RwLock<Inner>,
}

#[derive(Debug)]
struct Inner {
    metrics: Vec<Metric>,
    by_name: HashMap<Arc<str>, MetricId>,
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl Registry {
    /// A registry with the built-in metrics.
    #[must_use]
    pub fn new() -> Self {
        let mut inner = Inner {
            metrics: Vec::with_capacity(BUILTINS.len()),
            by_name: HashMap::new(),
        };
        for builtin in BUILTINS {
            let name: Arc<str> = builtin.name.into();
            inner.by_name.insert(Arc::clone(&name), builtin.id);
            let doc = builtin.doc.into();
            inner.metrics.push(Metric {
                id: builtin.id,
                name,
                kind: builtin.kind,
                unit: builtin.unit,
                doc,
            });
        }
        Self {
            inner: RwLock::new(inner),
        }
    }

    /// Declare a custom metric. Declaring it again with the same kind and unit returns the same id, so that every
    /// user of a scenario may do it; a built-in's name is refused unless kind and unit are the built-in's.
    ///
    /// # Errors
    /// See [`DeclareError`].
    pub fn declare(
        &self,
        name: &str,
        kind: Kind,
        unit: Unit,
        doc: &str,
    ) -> Result<MetricId, DeclareError> {
        if let Some(known) = self.find(name) {
            return same(&known, kind, unit);
        }
        if !is_valid_name(name) {
            return Err(DeclareError::InvalidName(
                name.chars().take(METRIC_NAME_CHARS_MAX).collect(),
            ));
        }
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = inner
            .by_name
            .get(name)
            .and_then(|id| inner.metrics.get(id.index()))
        {
            return same(known, kind, unit); // another thread was faster
        }
        let position = inner.metrics.len();
        if position >= METRICS_MAX {
            return Err(DeclareError::TooMany);
        }
        let id = MetricId(u16::try_from(position).map_err(|_| DeclareError::TooMany)?);
        let name: Arc<str> = name.into();
        inner.by_name.insert(Arc::clone(&name), id);
        inner.metrics.push(Metric {
            id,
            name,
            kind,
            unit,
            doc: doc.into(),
        });
        Ok(id)
    }

    /// The metric of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Metric> {
        let inner = self.read();
        let id = inner.by_name.get(name)?;
        inner.metrics.get(id.index()).cloned()
    }

    /// The metric of this id; `None` for an id of another registry.
    #[must_use]
    pub fn get(&self, id: MetricId) -> Option<Metric> {
        self.read().metrics.get(id.index()).cloned()
    }

    /// All metrics, in the order of their ids.
    #[must_use]
    pub fn all(&self) -> Vec<Metric> {
        self.read().metrics.clone()
    }

    /// The known names that are most like `name`, best first, at most three: for error messages.
    #[must_use]
    pub fn nearest(&self, name: &str) -> Vec<String> {
        // Metrics of another protocol differ in their first word alone, and are not what was meant.
        let mut scored: Vec<(usize, usize, Arc<str>)> = self
            .read()
            .metrics
            .iter()
            .map(|metric| {
                let far = distance(name, &metric.name);
                let other = first_word(name) != first_word(&metric.name);
                (far + 2 * usize::from(other), far, Arc::clone(&metric.name))
            })
            .collect();
        scored.sort();
        // Farther than a third of the name is no likeness any more, nor is much farther than the best.
        let best = scored.first().map_or(0, |(score, ..)| *score);
        let farthest = (name.chars().count() / 3).max(2);
        scored
            .into_iter()
            .filter(|(score, far, _)| *far <= farthest && *score <= best + 1)
            .take(3)
            .map(|(.., known)| known.as_ref().to_owned())
            .collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        // A panic while writing cannot leave the lists half-done, so a poisoned lock is as good as a sound one.
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a name begins with, up to its first underscore.
fn first_word(name: &str) -> &str {
    name.split('_').next().unwrap_or(name)
}

/// Whether a text may name a metric: letters, digits and underscores, not beginning with a digit (k6's rule, which
/// keeps names usable in Prometheus), at most [`METRIC_NAME_CHARS_MAX`].
#[must_use]
pub fn is_valid_name(name: &str) -> bool {
    let begins_well = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    begins_well
        && name.len() <= METRIC_NAME_CHARS_MAX
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn same(known: &Metric, kind: Kind, unit: Unit) -> Result<MetricId, DeclareError> {
    if known.kind == kind && known.unit == unit {
        return Ok(known.id);
    }
    Err(DeclareError::KindMismatch {
        name: known.name.as_ref().to_owned(),
        kind: known.kind,
        unit: known.unit,
    })
}

/// Levenshtein's distance: insertions, deletions and replacements that lead from one text to the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, from_char) in from.chars().enumerate() {
        let mut diagonal = line;
        let mut left = line + 1;
        for (column, to_char) in to.iter().enumerate() {
            let above = row.get(column + 1).copied().unwrap_or(usize::MAX - 1);
            let replaced = diagonal + usize::from(from_char != *to_char);
            if let Some(slot) = row.get_mut(column) {
                *slot = left;
            }
            diagonal = above;
            left = replaced.min(left + 1).min(above + 1);
        }
        if let Some(slot) = row.last_mut() {
            *slot = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declaring_twice_returns_the_same_id_and_another_kind_is_refused() {
        let registry = Registry::new();
        let id = registry
            .declare("logins", Kind::Counter, Unit::None, "Users that logged in")
            .unwrap();
        assert_eq!(
            registry
                .declare("logins", Kind::Counter, Unit::None, "")
                .unwrap(),
            id
        );
        let error = registry
            .declare("logins", Kind::Trend, Unit::Time, "")
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "the metric logins is a counter of default already; choose another name"
        );
        assert!(matches!(
            registry.declare("http_reqs", Kind::Gauge, Unit::None, ""),
            Err(DeclareError::KindMismatch { .. })
        ));
        assert_eq!(
            registry.find("logins").unwrap().doc.as_ref(),
            "Users that logged in"
        );
        assert_eq!(registry.get(id).unwrap().name.as_ref(), "logins");
    }

    #[test]
    fn names_follow_the_rule() {
        let registry = Registry::new();
        let long = "x".repeat(METRIC_NAME_CHARS_MAX + 1);
        for bad in ["", "9lives", "a-b", "ä", "a b", long.as_str()] {
            assert!(
                matches!(
                    registry.declare(bad, Kind::Gauge, Unit::None, ""),
                    Err(DeclareError::InvalidName(_))
                ),
                "{bad}"
            );
        }
        for good in ["_", "A1", &long[1..]] {
            registry.declare(good, Kind::Gauge, Unit::None, "").unwrap();
        }
    }

    #[test]
    fn the_number_of_metrics_is_capped() {
        let registry = Registry::new();
        let free = METRICS_MAX - BUILTINS.len();
        for number in 0..free {
            registry
                .declare(&format!("metric_{number}"), Kind::Counter, Unit::None, "")
                .unwrap();
        }
        assert_eq!(
            registry.declare("one_more", Kind::Counter, Unit::None, ""),
            Err(DeclareError::TooMany)
        );
        assert!(
            registry
                .declare("metric_0", Kind::Counter, Unit::None, "")
                .is_ok(),
            "known names still open"
        );
    }

    #[test]
    fn nearest_names_help() {
        let registry = Registry::new();
        assert_eq!(
            registry.nearest("http_req_durations")[0],
            "http_req_duration"
        );
        assert_eq!(
            registry.nearest("http_request_duration")[0],
            "http_req_duration"
        );
        assert!(
            registry
                .nearest("quite_another_thing_altogether")
                .is_empty()
        );
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
    }
}
