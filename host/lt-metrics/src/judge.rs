//! Holding a run's totals against its thresholds.

use std::time::Duration;

use crate::plan::SubmetricPlan;
use crate::registry::{Metric, Registry};
use crate::sink::Sink;
use crate::summary::ThresholdResult;
use crate::threshold::{Threshold, ThresholdError};
use crate::totals::Totals;

/// The thresholds of a run, with what each is about looked up. Asked each second, and once at the end.
#[derive(Clone, Debug)]
pub struct Judge {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    threshold: Threshold,
    metric: Metric,
    submetric: Option<usize>,
    /// Since when the run is judged by it: what its delay is counted from.
    since: Duration,
}

/// How a run stands.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// One a threshold, in the order they were given.
    pub results: Vec<ThresholdResult>,
    /// Text of the first threshold that failed and asks to end the run now.
    pub abort: Option<String>,
}

impl Verdict {
    /// Whether every threshold holds.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.results.iter().all(|result| result.ok)
    }
}

impl Judge {
    /// Look up what the thresholds are about. `plan` must have been made of the same thresholds.
    ///
    /// # Errors
    /// A threshold that does not fit the registry.
    pub fn new(
        thresholds: &[Threshold],
        registry: &Registry,
        plan: &SubmetricPlan,
    ) -> Result<Self, ThresholdError> {
        let mut rules = Vec::with_capacity(thresholds.len());
        for threshold in thresholds {
            let metric = threshold.validate(registry)?;
            let submetric = plan.position(metric.id, threshold.tags());
            rules.push(Rule {
                threshold: threshold.clone(),
                metric,
                submetric,
                since: Duration::ZERO,
            });
        }
        Ok(Self { rules })
    }

    /// Judge by these from `now` on, in place of what it was judged by. Those that stay keep the time their delay is counted from.
    ///
    /// # Errors
    /// As [`Judge::new`].
    pub fn replaced(
        &self,
        thresholds: &[Threshold],
        (registry, plan): (&Registry, &SubmetricPlan),
        now: Duration,
    ) -> Result<Self, ThresholdError> {
        let mut judge = Self::new(thresholds, registry, plan)?;
        for rule in &mut judge.rules {
            let known = self.rules.iter();
            let mut known = known.filter(|known| known.threshold == rule.threshold);
            rule.since = known.next().map_or(now, |known| known.since);
        }
        Ok(judge)
    }

    /// What the run is judged by.
    pub fn thresholds(&self) -> impl Iterator<Item = &Threshold> {
        self.rules.iter().map(|rule| &rule.threshold)
    }

    /// How the run stands after `elapsed`. A metric without a sample yet is not judged and counts as holding (k6's rule):
    /// a run that has just begun has not failed.
    #[must_use]
    pub fn while_running(&self, totals: &Totals, elapsed: Duration) -> Verdict {
        self.judge(totals, elapsed, true)
    }

    /// How the run ended. A metric without a sample counts as zero (k6's rule): `http_reqs:count>0` fails if nothing
    /// was requested, `http_req_failed:rate<0.01` holds.
    #[must_use]
    pub fn at_end(&self, totals: &Totals, elapsed: Duration) -> Verdict {
        self.judge(totals, elapsed, false)
    }

    fn judge(&self, totals: &Totals, elapsed: Duration, spare_untouched: bool) -> Verdict {
        let mut verdict = Verdict::default();
        for rule in &self.rules {
            let result = rule.judge(totals, elapsed, spare_untouched);
            let may_abort = rule
                .threshold
                .abort_on_fail()
                .is_some_and(|delay| elapsed.saturating_sub(rule.since) >= delay);
            if !result.ok && may_abort && verdict.abort.is_none() {
                verdict.abort = Some(rule.threshold.source().to_owned());
            }
            verdict.results.push(result);
        }
        verdict
    }
}

impl Rule {
    fn judge(&self, totals: &Totals, elapsed: Duration, spare_untouched: bool) -> ThresholdResult {
        let sink = if self.threshold.tags().is_empty() {
            totals.sink(self.metric.id)
        } else {
            self.submetric
                .and_then(|position| totals.submetric(position))
        };
        let samples = sink.map_or(0, Sink::count);
        let value = sink.map_or(0.0, |sink| self.threshold.aggregate().of(sink, elapsed));
        ThresholdResult {
            metric: self.threshold.target(),
            expression: self.threshold.expression().to_owned(),
            aggregate: self.threshold.aggregate().to_string(),
            kind: self.metric.kind,
            unit: self.metric.unit,
            value,
            samples,
            ok: (samples == 0 && spare_untouched) || self.threshold.holds(value),
            abort_on_fail: self.threshold.abort_on_fail().is_some(),
        }
    }
}
