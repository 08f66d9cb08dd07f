//! What changes while a run goes on.

use std::time::Duration;

use super::settings::{self, Described};
use super::{Problems, nearest};
use crate::given::Given;
use crate::limits::{CHANGES_MAX, COORDINATION_NAME_BYTES_MAX};
use crate::parse::{self, Fault};
use crate::plan::{ActionPlan, ChangePlan, Plan};
use crate::spec::{Action, Change, Load, ThrottleChange};

/// What changes are held against.
pub(super) struct Against<'run> {
    pub(super) plan: &'run Plan,
    /// `None` if the scenarios could not be asked.
    pub(super) scenarios: Option<&'run [Described<'run>]>,
    /// `None` where the load is at fault.
    pub(super) loads: &'run [Option<Load>],
    pub(super) starts: &'run [Duration],
}

/// All changes, in order of time.
pub(super) fn changes(against: &Against<'_>, problems: &mut Problems) -> Vec<Change> {
    let mut changes = Vec::new();
    for change in &against.plan.changes {
        against.change(change, &mut changes, problems);
    }
    if changes.len() > CHANGES_MAX {
        let fault = Fault::new(
            format!(
                "{} changes are more than the {CHANGES_MAX} a run may have",
                changes.len()
            ),
            "change less",
        );
        problems.add(&against.plan.field("changes"), "", fault);
    }
    // A stable sort: of the same time, in the order of the file.
    changes.sort_by_key(|change| change.at);
    changes
}

/// A fault that has been told.
struct Told;

impl Against<'_> {
    fn change(&self, change: &ChangePlan, changes: &mut Vec<Change>, problems: &mut Problems) {
        let at = self.at(change, problems);
        let Ok(scenario) = self.scenario(change, problems) else {
            return;
        };
        if let (Some(given), Some(at), Some(position)) = (&change.at, at, scenario) {
            self.is_late(given, at, position, problems);
        }
        for action in &change.actions {
            let is_throttle = matches!(action, ActionPlan::Throttle { .. });
            if is_throttle && let Some(given) = &change.scenario {
                let fault = Fault::new(
                    "throttles belong to the whole run, not to a scenario",
                    "leave the scenario out",
                );
                problems.add(&given.field, &given.value, fault);
            }
            let action = self.action(action, scenario, problems);
            if let (Some(at), Some(action)) = (at, action) {
                let scenario = scenario.filter(|_| !is_throttle);
                changes.push(Change {
                    at,
                    scenario,
                    action,
                });
            }
        }
    }

    fn at(&self, change: &ChangePlan, problems: &mut Problems) -> Option<Duration> {
        let Some(given) = &change.at else {
            let fault = Fault::new("is missing: when is it?", "give a time, such as 30s");
            problems.add(&format!("{}.at", change.place), "", fault);
            return None;
        };
        let at = problems.read(given, parse::duration)?;
        if let Some(length) = self.length(at)
            && at >= length
        {
            let fault = Fault::new(
                format!("the run has ended by then: it takes {length:?}"),
                "give an earlier time",
            );
            problems.add(&given.field, &given.value, fault);
        }
        Some(at)
    }

    /// Whether a change comes too late for the scenario it is for, though not for the run: it would change nothing.
    fn is_late(&self, given: &Given, at: Duration, position: usize, problems: &mut Problems) {
        let (Some(end), Some(scenario)) =
            (self.end(position, at), self.plan.scenarios.get(position))
        else {
            return;
        };
        if at >= end && self.length(at).is_none_or(|length| at < length) {
            let fault = Fault::new(
                format!(
                    "the scenario {} has ended by then: at {end:?}",
                    scenario.name
                ),
                "give an earlier time",
            );
            problems.add(&given.field, &given.value, fault);
        }
    }

    /// When the scenario at this position ends, as it looks at a time; `None` if it has no end, or that cannot be said: while
    /// it is paused, its load's clock stands still, so pauses before that time put the end off.
    fn end(&self, position: usize, at: Duration) -> Option<Duration> {
        let pauses = |change: &ChangePlan| {
            let mut actions = change.actions.iter();
            let time = change.at.as_ref();
            let time = time.and_then(|given| parse::duration(&given.value).ok());
            actions.any(|action| matches!(action, ActionPlan::Pause))
                && time.is_some_and(|time| time < at)
        };
        if self.plan.changes.iter().any(pauses) {
            return None;
        }
        let length = self.loads.get(position)?.as_ref()?.length()?;
        Some(self.starts.get(position)?.saturating_add(length))
    }

    /// How long the run goes on, as it looks at a time; `None` if it has no end, or that cannot be said.
    fn length(&self, at: Duration) -> Option<Duration> {
        (0..self.loads.len())
            .map(|position| self.end(position, at))
            .try_fold(Duration::ZERO, |longest, end| Some(longest.max(end?)))
    }

    /// Which scenario is meant; `None` for all.
    fn scenario(
        &self,
        change: &ChangePlan,
        problems: &mut Problems,
    ) -> Result<Option<usize>, Told> {
        let names: Vec<&str> = self
            .plan
            .scenarios
            .iter()
            .map(|scenario| scenario.name.as_str())
            .collect();
        let Some(given) = &change.scenario else {
            return Ok((names.len() == 1).then_some(0));
        };
        let position = problems.read(given, |name| {
            let position = names.iter().position(|known| *known == name);
            position.ok_or_else(|| {
                let remedy = match nearest(name, names.iter().copied()) {
                    Some(similar) => format!("did you mean {similar}?"),
                    None => format!("the run has {}", names.join(", ")),
                };
                Fault::new("is no scenario of the run", remedy)
            })
        });
        position.map(Some).ok_or(Told)
    }

    fn action(
        &self,
        action: &ActionPlan,
        scenario: Option<usize>,
        problems: &mut Problems,
    ) -> Option<Action> {
        match action {
            ActionPlan::Set(given) => self.set(given, scenario, problems),
            ActionPlan::Users(given) => {
                let users = problems.read(given, |text| match parse::whole(text)? {
                    0 => Ok(0),
                    _ => parse::count(text),
                });
                self.fits(given, scenario, "users", problems)?;
                users.map(Action::Users)
            }
            ActionPlan::Rate(given) => {
                let rate = problems.read(given, parse::positive_rate);
                self.fits(given, scenario, "rate", problems)?;
                rate.map(Action::Rate)
            }
            ActionPlan::Pause => Some(Action::Pause),
            ActionPlan::Resume => Some(Action::Resume),
            ActionPlan::Throttle { place, name, keys } => {
                throttle(place, name.as_ref(), keys, problems)
            }
        }
    }

    /// For all scenarios, a setting must be one that at least one has; who has it takes the value.
    fn set(
        &self,
        given: &Given,
        scenario: Option<usize>,
        problems: &mut Problems,
    ) -> Option<Action> {
        let scenarios = self.scenarios?;
        let name = given.value.split_once('=').map_or("", |(name, _)| name);
        let declares = |(_, description): &&Described<'_>| {
            let mut settings = description.settings.iter();
            settings.any(|setting| setting.name == name)
        };
        let mut meant: Vec<&Described<'_>> = match scenario {
            Some(position) => scenarios.get(position).into_iter().collect(),
            None => scenarios.iter().filter(declares).collect(),
        };
        if meant.is_empty() {
            meant.extend(scenarios.first());
        }
        let mut checked = None;
        for (_, description) in meant {
            checked = Some(settings::change(description, given, problems)?);
        }
        let (name, value) = checked?;
        Some(Action::Set { name, value })
    }

    /// Whether the scenario's executor has a number of users, or a rate, that can change.
    fn fits(
        &self,
        given: &Given,
        scenario: Option<usize>,
        what: &str,
        problems: &mut Problems,
    ) -> Option<()> {
        let Some(position) = scenario else {
            let fault = Fault::new(
                "does not say which scenario changes",
                "give `scenario` beside it",
            );
            problems.add(&given.field, &given.value, fault);
            return None;
        };
        let load = self.loads.get(position)?.as_ref()?;
        let can = match load {
            Load::ConstantArrivalRate(_) | Load::RampingArrivalRate(_) => true,
            Load::ConstantUsers(_) | Load::RampingUsers(_) | Load::Churn(_) => what == "users",
            Load::PerUserIterations(_) | Load::SharedIterations(_) => false,
        };
        if can {
            return Some(());
        }
        let fault = Fault::new(
            format!(
                "the executor {} has no {what} that could change",
                load.name()
            ),
            "use another executor, or leave the change out",
        );
        problems.add(&given.field, &given.value, fault);
        None
    }
}

/// How a throttle changes: exactly one way.
fn throttle(
    place: &str,
    name: Option<&Given>,
    keys: &[(&'static str, Given)],
    problems: &mut Problems,
) -> Option<Action> {
    let Some(given) = name else {
        let fault = Fault::new("is missing: which throttle?", "give the throttle's name");
        problems.add(&format!("{place}.name"), "", fault);
        return None;
    };
    let name = problems.read(given, |text| {
        if text.is_empty() || text.len() > COORDINATION_NAME_BYTES_MAX {
            return Err(Fault::new(
                format!("is not from 1 to {COORDINATION_NAME_BYTES_MAX} bytes"),
                "give the name that the scenario opens",
            ));
        }
        Ok(text.to_owned())
    });
    let key = |name: &str| {
        keys.iter()
            .find(|(key, _)| *key == name)
            .map(|(_, given)| given)
    };
    let over = key("over").and_then(|given| problems.read(given, parse::positive_duration));
    let ways: Vec<&(&'static str, Given)> = keys.iter().filter(|(key, _)| *key != "over").collect();
    let [(way, given)] = ways.as_slice() else {
        let fault = Fault::new(
            format!("changes in {} ways at once", ways.len()),
            "give exactly one of rate, parallelism, pause, resume and unlock",
        );
        problems.add(place, "", fault);
        return None;
    };
    if let Some(over) = key("over").filter(|_| *way != "rate") {
        let fault = Fault::new("only a rate changes over a time", "leave it out");
        problems.add(&over.field, &over.value, fault);
    }
    let change = match *way {
        "rate" => {
            let (count, interval) = problems.read(given, parse::budget)?;
            ThrottleChange::Rate {
                count,
                interval,
                over,
            }
        }
        "parallelism" => ThrottleChange::Parallelism(problems.read(given, |text| {
            u32::try_from(parse::count(text)?)
                .map_err(|_| Fault::new("is too large", "write a smaller number"))
        })?),
        "pause" => ThrottleChange::Pause,
        "resume" => ThrottleChange::Resume,
        _ => ThrottleChange::Unlock,
    };
    let name = name?;
    Some(Action::Throttle { name, change })
}
