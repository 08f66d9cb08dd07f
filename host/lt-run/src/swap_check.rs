//! What is checked before another version of a scenario's code is published, and settings that several versions share.

use std::collections::BTreeMap;

use lt_metrics::Registry;
use lt_runtime::Version;
use lt_spec::description::{DataKind, Description};
use lt_spec::{Problem, check_setting, settings_of_next};

use crate::cores::{Crew, Part};
use crate::swap::Swap;

/// Whether a version fits the run; the values of its settings if it does. Everything that is wrong at once.
pub(crate) fn check(
    crew: &Crew,
    part: &Part,
    present: &Version,
    swap: &Swap,
) -> Result<BTreeMap<String, String>, Vec<Problem>> {
    let mut problems = Vec::new();
    if !(swap.share > 0.0 && swap.share <= 1.0) {
        problems.push(Problem::new(
            "share",
            swap.share.to_string(),
            "is no share of the users: above 0 and at most 1",
            "0.1 has a tenth of the users try it",
        ));
    }
    let next = swap.scenario.description();
    let running = present.run();
    let values = running.settings.values();
    let settings = settings_of_next(
        (running.scenario.description(), &values),
        next,
        &swap.settings,
    );
    let settings = settings.unwrap_or_else(|found| {
        problems.extend(found);
        BTreeMap::new()
    });
    if present.is_of(&swap.scenario) {
        if problems.is_empty() && !swap.settings.is_empty() && settings != *values {
            problems.push(Problem::new(
                "settings",
                "",
                "this version runs already, with other settings",
                "change live settings as such; others need another run",
            ));
        }
    } else {
        check_roles(part, next, &mut problems);
        check_data(part, next, &mut problems);
        if swap.scenario.uses_rtmp() && !crew.has_streams {
            problems.push(Problem::new(
                "scenario",
                "",
                "it speaks RTMP, and the run has watched no streams from its start",
                "start another run with it",
            ));
        }
        if problems.is_empty() {
            declare_metrics(&crew.registry, next, &mut problems);
        }
    }
    if problems.is_empty() {
        Ok(settings)
    } else {
        Err(problems)
    }
}

/// The users have the roles that they have.
fn check_roles(part: &Part, next: &Description, problems: &mut Vec<Problem>) {
    let roles = part.run.spec.roles.names();
    let known = |name: &str| next.roles.iter().any(|role| role.name == name);
    for role in roles.iter().filter(|role| !known(role)) {
        problems.push(Problem::new(
            "roles",
            role,
            "users play this role, and the new version does not have it",
            "give the new version the roles of the one that runs",
        ));
    }
    if roles.is_empty() && !next.roles.is_empty() {
        let names: Vec<&str> = next.roles.iter().map(|role| role.name.as_str()).collect();
        problems.push(Problem::new(
            "roles",
            names.join(", "),
            "the new version has roles, and the users of the run have none",
            "start another run with it",
        ));
    }
}

/// The files that the run has are those that it began with, and records are shared out among the users of those that declared them.
fn check_data(part: &Part, next: &Description, problems: &mut Vec<Problem>) {
    let data = &part.run.common.data;
    let before = &part.run.scenario.description().data;
    for declared in next.data.iter().filter(|declared| declared.required) {
        let name = &declared.name;
        let is_there = match &declared.kind {
            DataKind::Asset => data.asset(name).is_some(),
            DataKind::Feeder(fields) => data.feeder(name).is_some_and(|feeder| {
                let shared_out = before
                    .iter()
                    .any(|known| known.name == *name && matches!(known.kind, DataKind::Feeder(_)));
                shared_out && feeder.check_fields(fields).is_ok()
            }),
        };
        if !is_there {
            problems.push(Problem::new(
                "data",
                name,
                "the new version needs this, and the run did not begin with it",
                "start another run with it",
            ));
        }
    }
}

/// Thresholds and summaries know the new metrics from now on.
fn declare_metrics(registry: &Registry, next: &Description, problems: &mut Vec<Problem>) {
    for metric in &next.metrics {
        let declared = registry.declare(&metric.name, metric.kind, metric.unit, &metric.doc);
        if let Err(error) = declared {
            problems.push(Problem::new(
                "metrics",
                &metric.name,
                error.to_string(),
                "give the metric of the new version another name",
            ));
        }
    }
}

/// Check a live setting for every version of a scenario that declares it; `false` if none does.
///
/// # Errors
/// Why a version does not allow it.
pub(crate) fn check_live(part: &Part, name: &str, value: &str) -> Result<bool, Problem> {
    let mut is_declared = false;
    for stands in part.deployment.stands() {
        let description = stands.version.run().scenario.description();
        if declares(description, name) {
            is_declared = true;
            check_setting(description, name, value)?;
        }
    }
    Ok(is_declared)
}

/// Give a live setting a new value in every version of a scenario that declares it.
pub(crate) fn set_live(part: &Part, name: &str, value: &str) {
    for stands in part.deployment.stands() {
        let run = stands.version.run();
        if declares(run.scenario.description(), name) {
            run.settings.set(name, value);
        }
    }
}

fn declares(description: &Description, name: &str) -> bool {
    let mut settings = description.settings.iter();
    settings.any(|setting| setting.name == name)
}
