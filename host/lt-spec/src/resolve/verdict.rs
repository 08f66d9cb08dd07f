//! What a run is judged by: thresholds, held against the metrics that all its scenarios have together.

use lt_metrics::{DeclareError, Registry, SubmetricPlan, Threshold, ThresholdError};

use super::Problems;
use super::settings::Described;
use crate::description::Description;
use crate::given::Given;
use crate::parse::Fault;
use crate::plan::Plan;
use crate::problem::Problem;

/// The metrics of a run of this scenario: the built-in ones and those it declares.
///
/// # Errors
/// The declarations that cannot be met: a fault of the scenario, not of the tester.
pub fn registry(description: &Description) -> Result<Registry, Vec<Problem>> {
    registry_of(&[(description.name.as_str(), description)])
}

/// The metrics of a run of several scenarios, by their names in the run. Scenarios may share a metric of one kind and unit.
///
/// # Errors
/// The declarations that cannot be met; where two scenarios contradict each other, both are named.
pub fn registry_of(scenarios: &[(&str, &Description)]) -> Result<Registry, Vec<Problem>> {
    let registry = Registry::new();
    let mut problems: Vec<Problem> = Vec::new();
    for (position, (own, description)) in scenarios.iter().enumerate() {
        for metric in &description.metrics {
            let declared = registry.declare(&metric.name, metric.kind, metric.unit, &metric.doc);
            let Err(error) = declared else { continue };
            let earlier = scenarios.iter().take(position).find(|(_, other)| {
                let mut metrics = other.metrics.iter();
                metrics.any(|other| other.name == metric.name)
            });
            let (message, remedy) = match (&error, earlier) {
                (DeclareError::KindMismatch { kind, unit, .. }, Some((other, _))) => (
                    format!(
                        "the scenarios {other} and {own} both declare it, {other} as a {} of {} and {own} as a {} of {}",
                        kind.name(),
                        unit.name(),
                        metric.kind.name(),
                        metric.unit.name()
                    ),
                    "give the metric of one of them another name",
                ),
                (DeclareError::KindMismatch { .. }, None) => {
                    (error.to_string(), "give the scenario's metric another name")
                }
                (DeclareError::InvalidName(_), _) => (
                    error.to_string(),
                    "use letters, digits and underscores in the scenario's declaration",
                ),
                (DeclareError::TooMany, _) => (
                    error.to_string(),
                    "declare fewer metrics, and tell values apart by tags",
                ),
            };
            problems.push(Problem::new(
                "the scenario's metric",
                &metric.name,
                message,
                remedy,
            ));
        }
    }
    if problems.is_empty() {
        Ok(registry)
    } else {
        Err(problems)
    }
}

/// Every threshold of the run and of its scenarios. Without descriptions, metrics that are not built in cannot be known.
pub(super) fn thresholds(
    plan: &Plan,
    scenarios: Option<&[Described<'_>]>,
    problems: &mut Problems,
) -> Vec<Threshold> {
    let named: Option<Vec<(&str, &Description)>> = scenarios.map(|scenarios| {
        let names = scenarios.iter();
        names
            .map(|(own, description)| (own.name.as_str(), *description))
            .collect()
    });
    let registry = named.as_deref().map(registry_of).transpose();
    let registry = registry.unwrap_or_else(|faults| {
        faults.into_iter().for_each(|fault| problems.push(fault));
        None
    });
    let mut all: Vec<(&Given, String)> = Vec::new();
    all.extend(
        plan.thresholds
            .iter()
            .map(|given| (given, given.value.clone())),
    );
    for scenario in &plan.scenarios {
        for given in &scenario.thresholds {
            if names_scenario(&given.value) {
                let fault = Fault::new(
                    "names the tag scenario, but in a scenario's table it is for that scenario's samples alone",
                    "leave the tag out, or write it into the thresholds at the top of the file",
                );
                problems.add(&given.field, &given.value, fault);
                continue;
            }
            all.push((given, of_scenario(&given.value, &scenario.name)));
        }
    }
    let mut thresholds = Vec::new();
    for (given, text) in all {
        // As it was typed first: a fault of its grammar is told by its place in that text.
        let typed = given.value.parse::<Threshold>();
        let checked = typed.and_then(|_| text.parse()).and_then(|threshold| {
            if let Some(registry) = &registry {
                Threshold::validate(&threshold, registry)?;
            }
            Ok(threshold)
        });
        match checked {
            Ok(threshold) => thresholds.push(threshold),
            Err(error) => problems.add(&given.field, &given.value, threshold_fault(&error)),
        }
    }
    if let Some(registry) = &registry
        && let Err(error) = SubmetricPlan::new(registry, &thresholds)
    {
        let field = plan
            .thresholds
            .first()
            .map_or("--threshold", |given| &given.field);
        problems.add(field, "", threshold_fault(&error));
    }
    thresholds
}

/// A scenario's threshold selects its own samples: `a:b<1` is `a{scenario:chat}:b<1`, beside tags it names itself.
fn of_scenario(text: &str, scenario: &str) -> String {
    let metric_end = text.find([':', '{']).unwrap_or(text.len());
    let (metric, rest) = text.split_at(metric_end);
    if let Some(tags) = rest.strip_prefix('{') {
        let comma = if tags.trim_start().starts_with('}') {
            ""
        } else {
            ","
        };
        return format!("{metric}{{scenario:{scenario}{comma}{tags}");
    }
    format!("{metric}{{scenario:{scenario}}}{rest}")
}

/// Whether a threshold selects scenarios itself.
fn names_scenario(text: &str) -> bool {
    let threshold = text.parse::<Threshold>();
    threshold.is_ok_and(|threshold| threshold.tags().get("scenario").is_some())
}

/// The field and the value are told beside it, so the error's own text would say them twice.
fn threshold_fault(error: &ThresholdError) -> Fault {
    match error {
        ThresholdError::Syntax { at, problem, .. } => Fault::new(
            format!("at character {at}: {problem}"),
            "write METRIC[{TAG:VALUE,…}]:AGGREGATE OPERATOR NUMBER, such as 'http_req_duration:p(95)<200'",
        ),
        ThresholdError::UnknownMetric {
            metric, nearest, ..
        } => Fault::new(
            format!("there is no metric {metric}"),
            match nearest.split_first() {
                Some((first, [])) => format!("did you mean {first}?"),
                Some(_) => format!("did you mean one of {}?", nearest.join(", ")),
                None => {
                    "`lt-host describe` lists the scenario's metrics, the manual the built-in ones"
                        .to_owned()
                }
            },
        ),
        ThresholdError::WrongAggregate {
            metric,
            kind,
            aggregate,
            ..
        } => Fault::new(
            format!("{metric} is a {kind}, which has no {aggregate}"),
            format!("use {}", kind.aggregates().join(", ")),
        ),
        ThresholdError::TooMany { threshold } => Fault::new(
            format!(
                "{threshold:?} is one selection of tags too many: a run may have {}",
                lt_metrics::SUBMETRICS_MAX
            ),
            "give fewer thresholds with tags",
        ),
    }
}
