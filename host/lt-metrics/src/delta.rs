//! What one recorder took since it was last asked: sent to the collector each second, and sent back to be filled again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::failure::{FailureClass, Messages};
use crate::journal::JournalLine;
use crate::kinds::Kinds;
use crate::sample::{MetricId, Sample};
use crate::sink::Sink;

/// See the module. Owned by the recorder until taken; the collector clears it and gives it back.
#[derive(Clone, Debug, Default)]
pub struct Delta {
    /// By metric id; `None` where nothing was ever recorded.
    pub(crate) metrics: Vec<Option<Sink>>,
    /// By position in the plan.
    pub(crate) submetrics: Vec<Option<Sink>>,
    pub(crate) checks: Vec<CheckDelta>,
    pub(crate) groups: Vec<GroupDelta>,
    /// By [`FailureClass::index`].
    pub(crate) failures: [FailureDelta; FailureClass::ALL.len()],
    /// Of metrics that were counted by kind.
    pub(crate) kinds: BTreeMap<MetricId, Kinds>,
    pub(crate) samples: Vec<Sample>,
    /// What the core's users did, if that is kept: put there by whoever takes the delta.
    pub journal: Vec<JournalLine>,
    /// Outcomes of checks that have no line of their own because there are too many names.
    pub(crate) checks_unlisted: u64,
    /// How often a tag set lost tags because there are too many sets.
    pub(crate) tag_sets_cut: u64,
}

impl Delta {
    /// The single samples, if the recorder keeps them, in the order they were recorded.
    #[must_use]
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// Whether nothing was recorded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.metrics.iter().flatten().all(Sink::is_empty)
    }

    /// Forget everything, keeping memory. The collector does it, so that the core that records does not have to.
    pub fn clear(&mut self) {
        for sink in self
            .metrics
            .iter_mut()
            .chain(&mut self.submetrics)
            .flatten()
        {
            sink.clear();
        }
        for check in &mut self.checks {
            (check.passes, check.fails) = (0, 0);
        }
        for group in &mut self.groups {
            *group = GroupDelta::new(Arc::clone(&group.path));
        }
        for failure in &mut self.failures {
            failure.count = 0;
            failure.messages.clear();
        }
        self.kinds.clear();
        self.samples.clear();
        self.journal.clear();
        (self.checks_unlisted, self.tag_sets_cut) = (0, 0);
    }
}

/// Outcomes of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckDelta {
    /// Path of the group it was made in; empty outside groups.
    pub group: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// How often it held.
    pub passes: u64,
    /// How often it did not.
    pub fails: u64,
}

/// Durations of one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupDelta {
    /// Its path: `::login::form`.
    pub path: Arc<str>,
    /// How often it ended.
    pub count: u64,
    /// Sum of its durations.
    pub total: Duration,
    /// Shortest duration.
    pub min: Duration,
    /// Longest duration.
    pub max: Duration,
}

impl GroupDelta {
    pub(crate) fn new(path: Arc<str>) -> Self {
        Self {
            path,
            count: 0,
            total: Duration::ZERO,
            min: Duration::MAX,
            max: Duration::ZERO,
        }
    }

    pub(crate) fn record(&mut self, time: Duration) {
        self.count += 1;
        self.total = self.total.saturating_add(time);
        self.min = self.min.min(time);
        self.max = self.max.max(time);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.total = self.total.saturating_add(other.total);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }
}

/// Failures of one class.
#[derive(Clone, Debug, Default)]
pub struct FailureDelta {
    /// How many.
    pub count: u64,
    pub(crate) messages: Messages,
}

impl FailureDelta {
    /// The first distinct messages with their counts.
    pub fn messages(&self) -> impl Iterator<Item = (&str, u64)> {
        self.messages.iter()
    }
}
