//! What the scenarios of a run do, and when: executors first, since they say who takes part of shared users; then loads,
//! changes, and ids for as many users as those lead to.

use std::time::Duration;

use super::changes::{self, Against};
use super::executor;
use super::load::{self, DEFAULT_LOAD, Maker};
use super::settings::Described;
use super::users::{self, Need};
use super::{Machine, Problems};
use crate::description::DefaultLoad;
use crate::parse;
use crate::plan::Plan;
use crate::spec::{Change, Identities, Load, UserLimits, users_of_changes};

/// What the scenarios of a run do, and when. Positions are those of the scenarios.
pub(super) struct Shapes {
    /// `None` where something is wrong with it.
    pub(super) loads: Vec<Option<Load>>,
    pub(super) starts: Vec<Duration>,
    pub(super) identities: Vec<Identities>,
    pub(super) changes: Vec<Change>,
}

impl Shapes {
    /// When no more iterations start in any scenario; `None` if one has no end, or that cannot be said.
    pub(super) fn length(&self) -> Option<Duration> {
        let ends = self.loads.iter().zip(&self.starts);
        ends.map(|(load, start)| Some(start.saturating_add(load.as_ref()?.length()?)))
            .try_fold(Duration::ZERO, |longest, end| Some(longest.max(end?)))
    }
}

/// The shapes of all scenarios; what is wrong with one is told.
pub(super) fn shapes(
    plan: &Plan,
    described: Option<&[Described<'_>]>,
    machine: &Machine,
    limits: UserLimits,
    problems: &mut Problems,
) -> Shapes {
    let loads = loads(plan, described, problems);
    let starts: Vec<Duration> = plan
        .scenarios
        .iter()
        .map(|scenario| problems.take(&scenario.load, "start", parse::duration))
        .map(Option::unwrap_or_default)
        .collect();
    let changes = changes::changes(
        &Against {
            plan,
            scenarios: described,
            loads: &loads,
            starts: &starts,
        },
        problems,
    );
    let needs: Vec<Option<Need>> = loads
        .iter()
        .enumerate()
        .map(|(position, load)| {
            let load = load.as_ref()?;
            Some(Need {
                users: load.users_max().max(users_of_changes(&changes, position)),
                is_churn: matches!(load, Load::Churn(_)),
            })
        })
        .collect();
    let users = needs.iter().flatten().map(|need| need.users);
    let users = users.fold(0, u64::saturating_add);
    if let Some(fault) = users::too_many(users, machine, limits) {
        let (field, value) = who_asks(plan, users);
        problems.add(&field, &value, fault);
    }
    Shapes {
        identities: users::identities(plan, &needs, problems),
        loads,
        starts,
        changes,
    }
}

/// Which option asked for so many users.
fn who_asks(plan: &Plan, users: u64) -> (String, String) {
    let [scenario] = plan.scenarios.as_slice() else {
        return (plan.field("scenarios"), format!("{users} users"));
    };
    let names = ["max-users", "users", "user-range", "staircase", "spike"];
    let given = names.iter().find_map(|name| scenario.load.get(name));
    match given.or(scenario.stages.first()) {
        Some(given) => (given.field.clone(), given.value.clone()),
        None => (DEFAULT_LOAD.to_owned(), users.to_string()),
    }
}

fn loads(
    plan: &Plan,
    described: Option<&[Described<'_>]>,
    problems: &mut Problems,
) -> Vec<Option<Load>> {
    let waits_for_steady = plan.run.get("steady").is_some();
    let suggested = |position: usize| {
        let described = described.and_then(|described| described.get(position));
        let mut load = described.map_or_else(DefaultLoad::default, |(_, scenario)| scenario.load);
        if plan.once {
            load = DefaultLoad::default();
        }
        load
    };
    let mut chosen = Vec::new();
    for (position, scenario) in plan.scenarios.iter().enumerate() {
        let waits = waits_for_steady && !plan.once;
        let choice = executor::choose(scenario, suggested(position), waits, problems);
        if let Some(choice) = choice {
            executor::check_options(scenario, choice, problems);
        }
        chosen.push(choice);
    }
    let wants: Vec<bool> = plan
        .scenarios
        .iter()
        .zip(&chosen)
        .map(|(scenario, chosen)| {
            let own = ["users", "user-range"];
            chosen.is_some_and(|chosen| chosen.kind.has_users())
                && own.iter().all(|name| scenario.load.get(name).is_none())
        })
        .collect();
    let shares = users::shares(plan, &wants, problems);
    let mut loads = Vec::new();
    let makers = plan.scenarios.iter().zip(chosen).zip(shares).enumerate();
    for (position, ((scenario, chosen), share)) in makers {
        // What the scenario suggests cannot be known before it is read; what was typed beside it can.
        let is_known = |chosen: &executor::Chosen| described.is_some() || !chosen.is_suggested();
        if chosen.is_some_and(|chosen| !is_known(&chosen)) {
            load::check_values(scenario, problems);
        }
        let chosen = chosen.filter(is_known);
        let load = chosen.and_then(|chosen| {
            let maker = Maker {
                scenario,
                suggested: suggested(position),
                chosen,
                share,
                waits_for_steady,
                problems: &mut *problems,
            };
            maker.load()
        });
        loads.push(load);
    }
    loads
}
