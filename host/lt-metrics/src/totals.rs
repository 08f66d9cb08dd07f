//! What all recorders took together, since the start or in one interval.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::builtin;
use crate::delta::{CheckDelta, Delta, GroupDelta};
use crate::failure::FailureClass;
use crate::kinds::Kinds;
use crate::plan::SubmetricPlan;
use crate::registry::Registry;
use crate::sample::MetricId;
use crate::sink::Sink;
use crate::summary::{
    CheckSummary, FailureMessage, FailureSummary, GroupSummary, MetricSummary, RunState,
    START_LAG_WARNING_MS, SUMMARY_VERSION, SubmetricSummary, Summary, Values,
};
use crate::threshold::{Aggregate, share};

/// See the module. Owned by the collector.
#[derive(Clone, Debug)]
pub struct Totals {
    registry: Arc<Registry>,
    plan: Arc<SubmetricPlan>,
    sum: Delta,
    check_lines: HashMap<(Arc<str>, Arc<str>), usize>,
    group_lines: HashMap<Arc<str>, usize>,
}

impl Totals {
    /// Nothing measured yet.
    #[must_use]
    pub fn new(registry: Arc<Registry>, plan: Arc<SubmetricPlan>) -> Self {
        Self {
            registry,
            plan,
            sum: Delta::default(),
            check_lines: HashMap::new(),
            group_lines: HashMap::new(),
        }
    }

    /// Add what a recorder took. Single samples are not kept: write them out before.
    pub fn merge(&mut self, delta: &Delta) {
        merge_sinks(&mut self.sum.metrics, &delta.metrics);
        merge_sinks(&mut self.sum.submetrics, &delta.submetrics);
        for check in delta
            .checks
            .iter()
            .filter(|check| check.passes + check.fails > 0)
        {
            self.merge_check(check);
        }
        for group in delta.groups.iter().filter(|group| group.count > 0) {
            self.merge_group(group);
        }
        for (own, other) in self.sum.failures.iter_mut().zip(&delta.failures) {
            own.count += other.count;
            for (text, count) in other.messages() {
                own.messages.add(text, count);
            }
        }
        for (metric, kinds) in &delta.kinds {
            self.sum.kinds.entry(*metric).or_default().merge(kinds);
        }
        self.sum.checks_unlisted += delta.checks_unlisted;
        self.sum.tag_sets_cut += delta.tag_sets_cut;
    }

    /// Add other totals of the same run: an interval's, or another host's.
    pub fn absorb(&mut self, other: &Self) {
        self.merge(&other.sum);
    }

    /// Forget everything, keeping memory: for the totals of the next interval.
    pub fn clear(&mut self) {
        self.sum.clear();
    }

    /// Record a value that belongs to no core, such as the number of users.
    pub fn record(&mut self, metric: MetricId, value: f64) {
        let Some(known) = self.registry.get(metric) else {
            return;
        };
        let mut sinks = vec![None; metric.index() + 1];
        let mut sink = Sink::new(known.kind, known.unit);
        sink.record(value);
        if let Some(slot) = sinks.get_mut(metric.index()) {
            *slot = Some(sink);
        }
        merge_sinks(&mut self.sum.metrics, &sinks);
    }

    /// Count what another plan names: one that extends the present one.
    pub fn follow(&mut self, plan: Arc<SubmetricPlan>) {
        self.plan = plan;
    }

    /// What is counted beside the metrics.
    #[must_use]
    pub fn plan(&self) -> &Arc<SubmetricPlan> {
        &self.plan
    }

    /// The registry these totals speak of.
    #[must_use]
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// The state of a metric; `None` if it never had a sample.
    #[must_use]
    pub fn sink(&self, metric: MetricId) -> Option<&Sink> {
        self.sum
            .metrics
            .get(metric.index())?
            .as_ref()
            .filter(|sink| !sink.is_empty())
    }

    /// The state of a submetric, by its position in the plan; `None` if it never had a sample.
    #[must_use]
    pub fn submetric(&self, position: usize) -> Option<&Sink> {
        self.sum
            .submetrics
            .get(position)?
            .as_ref()
            .filter(|sink| !sink.is_empty())
    }

    /// A counter's sum, and for other kinds the number of samples.
    #[must_use]
    pub fn count(&self, metric: MetricId) -> f64 {
        match self.sink(metric) {
            Some(Sink::Counter { sum, .. }) => *sum,
            Some(sink) => sink.count() as f64,
            None => 0.0,
        }
    }

    /// A rate's share of values that are not zero, 0 to 1; `None` without samples.
    #[must_use]
    pub fn share(&self, metric: MetricId) -> Option<f64> {
        match self.sink(metric)? {
            Sink::Rate { passes, total } => Some(share(*passes, *total)),
            Sink::Counter { .. } | Sink::Gauge { .. } | Sink::Trend(_) => None,
        }
    }

    /// A gauge's last value; `None` without samples.
    #[must_use]
    pub fn value(&self, metric: MetricId) -> Option<f64> {
        match self.sink(metric)? {
            Sink::Gauge { value, .. } => Some(*value),
            Sink::Counter { .. } | Sink::Rate { .. } | Sink::Trend(_) => None,
        }
    }

    /// A trend's percentile (0 to 100), in milliseconds for times; `None` without samples.
    #[must_use]
    pub fn percentile(&self, metric: MetricId, percent: f64) -> Option<f64> {
        match self.sink(metric)? {
            Sink::Trend(trend) => Some(trend.percentile(percent)),
            Sink::Counter { .. } | Sink::Gauge { .. } | Sink::Rate { .. } => None,
        }
    }

    /// Failures of a class.
    #[must_use]
    pub fn failures(&self, class: FailureClass) -> u64 {
        self.sum
            .failures
            .get(class.index())
            .map_or(0, |failure| failure.count)
    }

    /// Everything as one value, after a run of this length. Thresholds and the state of the run are the caller's to add.
    #[must_use]
    pub fn summary(&self, elapsed: Duration) -> Summary {
        Summary {
            version: SUMMARY_VERSION,
            state: RunState {
                duration_ms: elapsed.as_secs_f64() * 1000.0,
                ..RunState::default()
            },
            metrics: self.metric_summaries(elapsed),
            checks: self.sum.checks.iter().map(CheckSummary::from).collect(),
            checks_unlisted: self.sum.checks_unlisted,
            groups: self.sum.groups.iter().map(GroupSummary::from).collect(),
            thresholds: Vec::new(),
            failures: self.failure_summaries(),
            warnings: self.warnings(),
            conclusions: Vec::new(),
        }
    }

    fn metric_summaries(&self, elapsed: Duration) -> Vec<MetricSummary> {
        let mut summaries = Vec::new();
        for metric in self.registry.all() {
            let submetrics: Vec<SubmetricSummary> = self
                .plan
                .entries()
                .iter()
                .enumerate()
                .filter(|(_, entry)| entry.metric == metric.id)
                .filter_map(|(position, entry)| {
                    let values = Values::new(self.submetric(position)?, elapsed);
                    Some(SubmetricSummary {
                        selector: entry.selector.to_string(),
                        values,
                    })
                })
                .collect();
            if let Some(sink) = self.sink(metric.id) {
                let name = metric.name.as_ref().to_owned();
                let values = Values::new(sink, elapsed);
                let kinds = self.sum.kinds.get(&metric.id);
                summaries.push(MetricSummary {
                    name,
                    kind: metric.kind,
                    unit: metric.unit,
                    values,
                    kinds: kinds.map(Kinds::ranked).unwrap_or_default(),
                    submetrics,
                });
            }
        }
        summaries.sort_by(|a, b| a.name.cmp(&b.name));
        summaries
    }

    fn failure_summaries(&self) -> Vec<FailureSummary> {
        let counted = FailureClass::ALL
            .into_iter()
            .zip(&self.sum.failures)
            .filter(|(_, failure)| failure.count > 0);
        counted
            .map(|(class, failure)| FailureSummary {
                class,
                count: failure.count,
                messages: failure
                    .messages()
                    .map(|(text, count)| FailureMessage {
                        text: text.to_owned(),
                        count,
                    })
                    .collect(),
            })
            .collect()
    }

    /// What a reader of the numbers must know before trusting them.
    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(lag_ms) = self
            .percentile(builtin::START_LAG, 95.0)
            .filter(|lag| *lag > START_LAG_WARNING_MS)
        {
            warnings.push(format!(
                "this host could not keep up: 5 % of the iterations started {lag_ms:.0} ms or more after their time. \
                 Trust iteration_duration_intended, and use fewer users, more cores or more hosts"
            ));
        }
        let mut warn = |count: f64, text: &str| {
            if count > 0.0 {
                warnings.push(format!("{count} {text}"));
            }
        };
        warn(
            self.count(builtin::DROPPED_ITERATIONS),
            "iterations were not started because no user was free; allow more users",
        );
        warn(
            self.count(builtin::SAMPLES_DROPPED),
            "samples are missing in the outputs, which are too slow for this load; the numbers here hold them",
        );
        warn(
            self.count(builtin::LOG_LINES_DROPPED),
            "log lines were left out",
        );
        warn(
            self.sum.tag_sets_cut as f64,
            "times a sample lost tags because there are too many different ones; name requests whose URLs differ",
        );
        warn(
            self.sum.checks_unlisted as f64,
            "checks are not listed by name because there are too many different names",
        );
        warnings
    }

    fn merge_check(&mut self, check: &CheckDelta) {
        let key = (Arc::clone(&check.group), Arc::clone(&check.name));
        let lines = self.sum.checks.len();
        let line = *self.check_lines.entry(key).or_insert(lines);
        match self.sum.checks.get_mut(line) {
            Some(own) => {
                own.passes += check.passes;
                own.fails += check.fails;
            }
            None => self.sum.checks.push(check.clone()),
        }
    }

    fn merge_group(&mut self, group: &GroupDelta) {
        let lines = self.sum.groups.len();
        let line = *self
            .group_lines
            .entry(Arc::clone(&group.path))
            .or_insert(lines);
        match self.sum.groups.get_mut(line) {
            Some(own) => own.merge(group),
            None => self.sum.groups.push(group.clone()),
        }
    }
}

/// A trend's value by the aggregate, for callers that hold a sink.
impl Sink {
    /// What a threshold with this aggregate would compare, in milliseconds for times.
    #[must_use]
    pub fn aggregate(&self, aggregate: Aggregate, elapsed: Duration) -> f64 {
        aggregate.of(self, elapsed)
    }
}

fn merge_sinks(into: &mut Vec<Option<Sink>>, from: &[Option<Sink>]) {
    if into.len() < from.len() {
        into.resize_with(from.len(), || None);
    }
    for (own, other) in into.iter_mut().zip(from) {
        match (own.as_mut(), other) {
            (Some(own), Some(other)) => own.merge(other),
            (None, Some(other)) if !other.is_empty() => *own = Some(other.clone()),
            _ => {}
        }
    }
}
