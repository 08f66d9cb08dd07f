//! Changing a running run: what the run file scheduled and what was asked for from outside go the same way.

use std::time::Duration;

use lt_coordination::{Budget, Coordination, CoordinationError, Transition};
use lt_load::Team;
use lt_spec::{Problem, check_setting};
use lt_spec::spec::{Action, Change, ThrottleChange};

use crate::control::{Changed, Refused, Wish};
use crate::cores::{Crew, Part};
use crate::run::population;
use crate::swap_check::{check_live, set_live};

/// Do what was asked for: all of it, or nothing if one thing is refused.
///
/// # Errors
/// Why it is refused, with the remedy: nothing has changed then.
pub(crate) fn change(
    crew: &Crew,
    coordination: &dyn Coordination,
    wishes: &[Wish],
) -> Result<Vec<Changed>, Vec<Refused>> {
    let mut changed = Vec::new();
    for (position, wish) in wishes.iter().enumerate() {
        let done = parts_of(crew, wish.scenario.as_deref()).and_then(|parts| {
            apply(&parts, coordination, &wish.action)?;
            count_users(crew, coordination, &wish.action);
            Ok(())
        });
        let scenario = wish.scenario.clone();
        match done {
            Ok(()) => changed.push(Changed {
                scenario,
                ..Changed::default()
            }),
            Err(reason) => {
                return Err(vec![Refused {
                    position,
                    scenario,
                    reason,
                }]);
            }
        }
    }
    Ok(changed)
}

/// The scenarios that are meant.
fn parts_of<'a>(crew: &'a Crew, scenario: Option<&str>) -> Result<Vec<&'a Part>, String> {
    let Some(name) = scenario else {
        return Ok(crew.parts.iter().collect());
    };
    let part = crew.parts.iter().find(|part| part.run.spec.name == name);
    Ok(vec![part.ok_or_else(|| {
        format!("the run has no scenario {name:?}")
    })?])
}

/// Do what the run file scheduled.
///
/// # Errors
/// As [`change`]. What can be known before the start was refused then.
pub(crate) fn scheduled(
    crew: &Crew,
    coordination: &dyn Coordination,
    change: &Change,
) -> Result<(), String> {
    let parts: Vec<&Part> = match change.scenario {
        None => crew.parts.iter().collect(),
        Some(position) => crew.parts.get(position).into_iter().collect(),
    };
    apply(&parts, coordination, &change.action)?;
    count_users(crew, coordination, &change.action);
    Ok(())
}

/// After the users were changed there may be more or fewer at a time than before: whoever waits in a meeting that can never be
/// complete any more is sent away, and what was impossible may be possible now.
fn count_users(crew: &Crew, coordination: &dyn Coordination, action: &Action) {
    let (Action::Users(_), Some(first)) = (action, crew.parts.first()) else {
        return;
    };
    let spec = &first.run.common.spec;
    let users_of = |index: usize| {
        let planned = crew.parts.get(index).map_or(0, |part| {
            let counters = part.team.counters();
            counters.users_planned()
        });
        // Those that the run file leads to count too, later ones as well: they may still come.
        let led_to = spec
            .changes
            .iter()
            .filter_map(|change| match change.action {
                Action::Users(users) if change.scenario.is_none_or(|at| at == index) => Some(users),
                _ => None,
            });
        led_to.fold(planned, u64::max)
    };
    coordination.set_population(population(spec, users_of));
}

fn apply(parts: &[&Part], coordination: &dyn Coordination, action: &Action) -> Result<(), String> {
    let steer = |steer: &dyn Fn(&Team) -> Result<(), lt_load::SteerError>| {
        let mut refused = None;
        let mut done = false;
        for part in parts {
            match steer(&part.team) {
                Ok(()) => done = true,
                Err(error) => refused = Some(format!("{}: {error}", part.run.spec.name)),
            }
        }
        // Of several scenarios, those that can, do.
        match refused {
            Some(reason) if !done => Err(reason),
            _ => Ok(()),
        }
    };
    match action {
        Action::Set { name, value } => set(parts, name, value),
        Action::Users(users) => steer(&|team| team.set_users(*users)),
        Action::Rate(rate) => steer(&|team| team.set_rate(*rate)),
        Action::Pause => {
            parts.iter().for_each(|part| part.team.pause());
            Ok(())
        }
        Action::Resume => {
            parts.iter().for_each(|part| part.team.resume());
            Ok(())
        }
        Action::Throttle { name, change } => throttle(coordination, name, *change),
        Action::Annotate { .. } => Ok(()),
        Action::Swap { .. } | Action::RollBack { .. } => {
            Err("another version is asked for with its code, not as a change".to_owned())
        }
        Action::AddUsers(_)
        | Action::RemoveUsers { .. }
        | Action::RemoveIds { .. }
        | Action::Executor(_)
        | Action::Thresholds(_)
        | Action::Tags(_) => Err("this host cannot do that yet".to_owned()),
    }
}

/// A live setting of every scenario that declares it: all are checked before any changes.
fn set(parts: &[&Part], name: &str, value: &str) -> Result<(), String> {
    let text = |problem: Problem| problem.to_string();
    let mut is_declared = false;
    for part in parts {
        is_declared |= check_live(part, name, value).map_err(text)?;
    }
    if let Some(part) = parts.first()
        && !is_declared
    {
        // Let the check say what is wrong with the name.
        let current = part.deployment.current();
        check_setting(current.run().scenario.description(), name, value).map_err(text)?;
    }
    parts.iter().for_each(|part| set_live(part, name, value));
    Ok(())
}

fn throttle(
    coordination: &dyn Coordination,
    name: &str,
    change: ThrottleChange,
) -> Result<(), String> {
    let Some(throttle) = coordination.throttle(name) else {
        let known = coordination.throttle_names().join(", ");
        return Err(if known.is_empty() {
            format!("no user has opened a throttle {name:?} yet, or any other")
        } else {
            format!("no user has opened a throttle {name:?}; there are {known}")
        });
    };
    let text = |error: CoordinationError| format!("the throttle {name:?}: {error}");
    match change {
        ThrottleChange::Rate {
            count,
            interval,
            over,
        } => {
            let budget = Budget::Rate { count, interval };
            match over.filter(|over| *over > Duration::ZERO) {
                Some(over) => throttle.change_gradually(budget, Transition::Over(over)),
                None => throttle.change(budget),
            }
            .map_err(text)
        }
        ThrottleChange::Parallelism(count) => {
            throttle.change(Budget::Parallelism(count)).map_err(text)
        }
        ThrottleChange::Pause => {
            throttle.pause();
            Ok(())
        }
        ThrottleChange::Resume => {
            throttle.resume();
            Ok(())
        }
        ThrottleChange::Unlock => {
            throttle.unlock();
            Ok(())
        }
    }
}
