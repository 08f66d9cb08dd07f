//! Which submetrics a run aggregates: decided before it starts, so that recording is a lookup, and extended if the run is to be
//! judged by others while it goes on.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::builtin::{HTTP_REQ_DURATION, RTMP_STREAMS, XMPP_CONNECTING};
use crate::registry::Registry;
use crate::sample::{MetricId, Tags};
use crate::streams::STREAM_STATES;
use crate::threshold::{Threshold, ThresholdError};

/// Submetrics of one run. Each costs what a metric costs, and a run that is judged by more is not read by anyone.
pub const SUBMETRICS_MAX: usize = 128;

/// Steps of connecting an XMPP session that a summary shows, in the order in which they happen: those of `wit/xmpp.wit`. The scenario's
/// own are shown if a threshold names them.
const XMPP_STEPS: [&str; 17] = [
    "resolve",
    "tcp",
    "websocket",
    "tls",
    "stream",
    "features",
    "starttls",
    "restart",
    "register",
    "sasl",
    "sasl-compute",
    "resume",
    "bind",
    "session",
    "stream-management",
    "carbons",
    "presence",
];

/// A metric, restricted to the samples that carry certain tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submetric {
    /// Of which metric.
    pub metric: MetricId,
    /// Tags that a sample must have.
    pub selector: Tags,
    /// `metric{tag:value,…}`.
    pub name: Arc<str>,
}

/// All submetrics of a run.
#[derive(Clone, Debug, Default)]
pub struct SubmetricPlan {
    entries: Vec<Submetric>,
    /// Names of the tags that some selector asks for: what must survive when tag sets run out.
    tag_names: BTreeSet<Arc<str>>,
    /// How many nobody asked for.
    unasked: usize,
}

impl SubmetricPlan {
    /// The submetrics that the thresholds name, and `http_req_duration{expected_response:true}`, which every summary shows.
    ///
    /// # Errors
    /// A threshold that does not fit the registry, or one submetric too many.
    pub fn new(registry: &Registry, thresholds: &[Threshold]) -> Result<Self, ThresholdError> {
        let mut plan = Self::default();
        plan.add(
            registry,
            HTTP_REQ_DURATION,
            Tags::new([("expected_response", "true")]),
        );
        plan.extended(registry, thresholds)
    }

    /// The same, and the submetrics that these thresholds name too, behind those it has: what was counted by the old plan stays
    /// where it is. What no threshold names any more is still counted.
    ///
    /// # Errors
    /// As [`SubmetricPlan::new`].
    pub fn extended(
        &self,
        registry: &Registry,
        thresholds: &[Threshold],
    ) -> Result<Self, ThresholdError> {
        let mut plan = self.clone();
        for threshold in thresholds {
            let metric = threshold.validate(registry)?;
            if !threshold.tags().is_empty() && plan.position(metric.id, threshold.tags()).is_none()
            {
                if plan.entries.len() - plan.unasked >= SUBMETRICS_MAX {
                    return Err(ThresholdError::TooMany {
                        threshold: threshold.source().to_owned(),
                    });
                }
                plan.add(registry, metric.id, threshold.tags().clone());
            }
        }
        Ok(plan)
    }

    /// The same, and the steps of connecting XMPP sessions: for runs that may have any. They do not count towards
    /// [`SUBMETRICS_MAX`], since nobody asked for them.
    #[must_use]
    pub fn with_xmpp_steps(self, registry: &Registry) -> Self {
        self.with_each(registry, XMPP_CONNECTING, "step", &XMPP_STEPS)
    }

    /// The same, and the states of RTMP streams: for runs that may have any. They do not count either.
    #[must_use]
    pub fn with_stream_states(self, registry: &Registry) -> Self {
        self.with_each(registry, RTMP_STREAMS, "state", &STREAM_STATES)
    }

    fn with_each(
        mut self,
        registry: &Registry,
        metric: MetricId,
        tag: &str,
        values: &[&str],
    ) -> Self {
        for value in values {
            let selector = Tags::new([(tag, *value)]);
            if self.position(metric, &selector).is_none() {
                let before = self.entries.len();
                self.add(registry, metric, selector);
                self.unasked += self.entries.len() - before;
            }
        }
        self
    }

    /// All of them, in the order that [`Totals::submetric`](crate::Totals::submetric) counts.
    #[must_use]
    pub fn entries(&self) -> &[Submetric] {
        &self.entries
    }

    /// Position of a submetric.
    #[must_use]
    pub fn position(&self, metric: MetricId, selector: &Tags) -> Option<usize> {
        self.entries
            .iter()
            .position(|entry| entry.metric == metric && entry.selector == *selector)
    }

    /// Whether some selector asks for this tag.
    pub(crate) fn asks_for(&self, tag: &str) -> bool {
        self.tag_names.contains(tag)
    }

    fn add(&mut self, registry: &Registry, metric: MetricId, selector: Tags) {
        let Some(known) = registry.get(metric) else {
            return;
        };
        let name = format!("{}{{{selector}}}", known.name).into();
        self.tag_names
            .extend(selector.iter().map(|(tag, _)| Arc::from(tag)));
        self.entries.push(Submetric {
            metric,
            selector,
            name,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::CHECKS;

    #[test]
    fn a_plan_has_each_selector_once() {
        let registry = Registry::new();
        let thresholds: Vec<Threshold> = [
            "checks{b:2,a:1}:rate>0.9",
            "checks{a:1,b:2}:rate>0.5",
            "checks:rate>0",
        ]
        .iter()
        .map(|text| text.parse().unwrap())
        .collect();
        let plan = SubmetricPlan::new(&registry, &thresholds).unwrap();
        let names: Vec<&str> = plan
            .entries()
            .iter()
            .map(|entry| entry.name.as_ref())
            .collect();
        assert_eq!(
            names,
            [
                "http_req_duration{expected_response:true}",
                "checks{a:1,b:2}"
            ]
        );
        assert_eq!(
            plan.position(CHECKS, &Tags::new([("a", "1"), ("b", "2")])),
            Some(1)
        );
        assert!(plan.asks_for("a") && !plan.asks_for("url"));
    }

    #[test]
    fn steps_are_shown_once_and_take_no_place_of_a_threshold() {
        let registry = Registry::new();
        let mut texts: Vec<String> = (0..SUBMETRICS_MAX - 2)
            .map(|number| format!("checks{{n:{number}}}:rate>0"))
            .collect();
        texts.push("xmpp_connecting{step:tls}:p(95)<100".to_owned());
        let thresholds: Vec<Threshold> = texts.iter().map(|text| text.parse().unwrap()).collect();
        let plan = SubmetricPlan::new(&registry, &thresholds).unwrap();
        assert_eq!(plan.entries().len(), SUBMETRICS_MAX);
        let plan = plan.with_xmpp_steps(&registry);
        let steps = plan.entries().iter();
        let steps = steps.filter(|entry| entry.metric == XMPP_CONNECTING);
        assert_eq!(steps.count(), XMPP_STEPS.len());
        let tls = Tags::new([("step", "tls")]);
        assert_eq!(
            plan.position(XMPP_CONNECTING, &tls),
            Some(SUBMETRICS_MAX - 1)
        );
    }

    #[test]
    fn states_of_streams_are_in_the_plan_beside_what_a_threshold_names() {
        let registry = Registry::new();
        let threshold = "rtmp_streams{state:playing}:value>=200".parse().unwrap();
        let plan = SubmetricPlan::new(&registry, &[threshold]).unwrap();
        let plan = plan.with_stream_states(&registry);
        let names: Vec<&str> = plan.entries()[1..]
            .iter()
            .map(|entry| entry.name.as_ref())
            .collect();
        let state = |name: &str| format!("rtmp_streams{{state:{name}}}");
        let wanted = [
            "playing",
            "asked",
            "publishing",
            "lagged",
            "stalled",
            "failed",
        ];
        assert_eq!(names, wanted.map(state));
    }

    #[test]
    fn a_plan_that_is_extended_keeps_its_places() {
        let registry = Registry::new();
        let of = |texts: &[&str]| -> Vec<Threshold> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let plan = SubmetricPlan::new(&registry, &of(&["checks{a:1}:rate>0"])).unwrap();
        let plan = plan.with_xmpp_steps(&registry);
        let new = of(&["checks{b:1}:rate>0", "checks{a:1}:rate>0.5"]);
        let more = plan.extended(&registry, &new).unwrap();
        assert_eq!(more.entries().len(), plan.entries().len() + 1);
        assert_eq!(&more.entries()[..plan.entries().len()], plan.entries());
        assert!(more.asks_for("b") && !plan.asks_for("b"));
        // Two are taken: room for as many as without the steps.
        let many: Vec<String> = (0..SUBMETRICS_MAX - 3)
            .map(|number| format!("checks{{n:{number}}}:rate>0"))
            .collect();
        let many: Vec<Threshold> = many.iter().map(|text| text.parse().unwrap()).collect();
        let full = more.extended(&registry, &many).unwrap();
        let error = full.extended(&registry, &of(&["checks{c:1}:rate>0"]));
        assert!(matches!(error, Err(ThresholdError::TooMany { .. })));
    }

    #[test]
    fn the_number_of_submetrics_is_capped() {
        let registry = Registry::new();
        let thresholds: Vec<Threshold> = (0..SUBMETRICS_MAX)
            .map(|number| format!("checks{{n:{number}}}:rate>0").parse().unwrap())
            .collect();
        let error = SubmetricPlan::new(&registry, &thresholds).unwrap_err();
        assert!(matches!(error, ThresholdError::TooMany { .. }), "{error}");
    }
}
