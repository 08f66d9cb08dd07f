//! How a run ends: what becomes of users that fail, and when it counts as steady.

use std::time::Duration;

use super::Problems;
use super::settings::Described;
use crate::given::Given;
use crate::parse::{self, Fault};
use crate::plan::Plan;
use crate::spec::{FailureLimit, FailurePolicy, OnLoss, Steady};

/// `rebuild` or `retire`, `abort:N` or `abort:P%`, or one of each.
pub(super) fn on_failure(given: Option<&Given>, problems: &mut Problems) -> FailurePolicy {
    given
        .and_then(|given| problems.read(given, failure_policy))
        .unwrap_or_default()
}

fn failure_policy(text: &str) -> Result<FailurePolicy, Fault> {
    let remedy =
        "write rebuild or retire, and abort:N or abort:P% to end the run, as in retire,abort:5%";
    let mut on_loss = None;
    let mut abort_after = None;
    for part in text.split(',').map(str::trim) {
        let is_double = match part.split_once(':') {
            None if part == "rebuild" => on_loss.replace(OnLoss::Rebuild).is_some(),
            None if part == "retire" => on_loss.replace(OnLoss::Retire).is_some(),
            Some(("abort", limit)) => abort_after.replace(failure_limit(limit)?).is_some(),
            _ => return Err(Fault::new(format!("{part:?} is no policy"), remedy)),
        };
        if is_double {
            return Err(Fault::new(
                format!("{part:?} contradicts what is before it"),
                remedy,
            ));
        }
    }
    Ok(FailurePolicy {
        on_loss: on_loss.unwrap_or_default(),
        abort_after,
    })
}

fn failure_limit(text: &str) -> Result<FailureLimit, Fault> {
    let remedy = "write abort:10 or abort:5%";
    let limit = if text.trim_end().ends_with('%') {
        FailureLimit::Percent(parse::percent(text)?)
    } else {
        FailureLimit::Users(parse::whole(text).map_err(|_| {
            Fault::new(
                format!("{text:?} is neither a number of users nor a percentage"),
                remedy,
            )
        })?)
    };
    if matches!(limit, FailureLimit::Users(0)) || limit == FailureLimit::Percent(0.0) {
        return Err(Fault::new(
            format!("abort:{text} ends the run before any user has failed"),
            "write abort:1 to end it with the first that fails",
        ));
    }
    Ok(limit)
}

/// The steady state that is waited for, held against the scenarios and the length of the run.
pub(super) fn steady(
    plan: &Plan,
    scenarios: Option<&[Described<'_>]>,
    length: Option<Duration>,
    problems: &mut Problems,
) -> Option<Steady> {
    let steady = plan.run.get("steady");
    let deadline = plan.run.get("deadline");
    let Some(steady) = steady else {
        if let Some(deadline) = deadline {
            let fault = Fault::new(
                "is when the run must be steady, but nothing says for how long",
                format!("give {} too, or leave it out", plan.written("steady")),
            );
            problems.add(&deadline.field, &deadline.value, fault);
        }
        return None;
    };
    if plan.once {
        let fault = Fault::new("contradicts --once", "leave one of the two out");
        problems.add(&steady.field, &steady.value, fault);
        return None;
    }
    let told = scenarios.is_some_and(|scenarios| {
        scenarios
            .iter()
            .all(|(_, description)| description.steady.is_none())
    });
    if told {
        let fault = Fault::new(
            "no scenario says what steady is: it declares no steady condition",
            "declare a steady check or gauge in the scenario's description",
        );
        problems.add(&steady.field, &steady.value, fault);
    }
    let hold = problems.read(steady, parse::positive_duration);
    if let (Some(hold), Some(length)) = (hold, length)
        && length < hold
    {
        let fault = Fault::new(
            format!("the run ends after {length:?}, before it can have been steady that long"),
            "make the run longer, or leave its duration out",
        );
        problems.add(&steady.field, &steady.value, fault);
    }
    let Some(deadline) = deadline else {
        let fault = Fault::new(
            "is missing: without it a run that never gets steady has no end",
            format!("give {}, such as 5m", plan.written("deadline")),
        );
        problems.add(&plan.field("deadline"), "", fault);
        return None;
    };
    let hold = hold?;
    let deadline = problems.read(deadline, |text| {
        let deadline = parse::positive_duration(text)?;
        if deadline > hold {
            return Ok(deadline);
        }
        Err(Fault::new(
            format!("is not after {hold:?}, for which the state must hold"),
            "give a later deadline",
        ))
    })?;
    Some(Steady { hold, deadline })
}
