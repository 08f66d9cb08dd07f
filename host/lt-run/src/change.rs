//! Changing a running run: what the run file scheduled and what was asked for from outside go the same way. First all that is
//! asked for together is tried out, one thing after the other; only if nothing is refused is any of it made.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lt_coordination::{Budget, Coordination, CoordinationError, Throttle, Transition};
use lt_load::{Rehearsal, Steer, Steered, Team};
use lt_metrics::{Judge, SubmetricPlan, Threshold};
use lt_spec::spec::{Action, Change, Load, ScenarioSpec, ThrottleChange};
use lt_spec::{Problem, check_setting};
use tokio::time::Instant;

use crate::control::{Changed, Refused, Wish};
use crate::cores::{Crew, Part};
use crate::run::population;
use crate::swap_check::{check_live, set_live};

/// What is changed.
pub(crate) struct Floor<'a> {
    pub(crate) crew: &'a Crew,
    pub(crate) coordination: &'a dyn Coordination,
    pub(crate) judge: &'a Judge,
    /// Since the run's clock.
    pub(crate) elapsed: Duration,
}

/// What a request came to.
pub(crate) struct Done {
    /// One for each change that was asked for.
    pub(crate) changed: Vec<Changed>,
    /// By what the run is judged from now on, if that was changed.
    pub(crate) judge: Option<(Judge, Arc<SubmetricPlan>)>,
}

/// One thing to do, of which it is known that it can be done.
enum Step {
    Steer(usize, Steer),
    PassOn(usize, Arc<Team>),
    Set(Vec<usize>, String, String),
    Throttle(String, ThrottleChange),
    Judge(Box<Judge>, Arc<SubmetricPlan>),
    Tags(BTreeMap<String, String>),
}

/// A scenario as it would be after what was asked for so far.
struct Draft<'a> {
    part: &'a Part,
    /// `None` if it has no load any more.
    rehearsal: Option<Rehearsal>,
}

impl Floor<'_> {
    /// Do what was asked for: all of it, or nothing if one thing is refused.
    ///
    /// # Errors
    /// Everything that is refused, each with the remedy: nothing has changed then.
    pub(crate) fn change(&self, wishes: &[Wish]) -> Result<Done, Vec<Refused>> {
        let mut drafts: Vec<Draft<'_>> = self.crew.parts.iter().map(Draft::of).collect();
        let (mut plans, mut refused) = (Vec::new(), Vec::new());
        for (position, wish) in wishes.iter().enumerate() {
            match self.try_out(&mut drafts, wish) {
                Ok(steps) => plans.push(steps),
                Err(reason) => refused.push(wish.refused(position, reason)),
            }
        }
        if !refused.is_empty() {
            return Err(refused);
        }
        self.make(wishes, plans)
    }

    /// Do what the run file scheduled.
    ///
    /// # Errors
    /// As [`Floor::change`]. What can be known before the start was refused then.
    pub(crate) fn scheduled(&self, change: &Change) -> Result<Done, String> {
        let part = change.scenario.and_then(|at| self.crew.parts.get(at));
        let wish = Wish {
            scenario: part.map(|part| part.run.spec.name.clone()),
            action: change.action.clone(),
        };
        self.change(&[wish]).map_err(|refused| {
            let mut reasons = refused.into_iter().map(|refused| refused.reason);
            reasons.next().unwrap_or_default()
        })
    }

    /// What is to be done for a wish, after what those before it lead to.
    fn try_out(&self, drafts: &mut [Draft<'_>], wish: &Wish) -> Result<Vec<Step>, String> {
        let parts = self.meant(wish)?;
        match &wish.action {
            Action::Set { name, value } => {
                self.check_set(&parts, name, value)?;
                Ok(vec![Step::Set(parts, name.clone(), value.clone())])
            }
            Action::Users(users) => steer_all(drafts, &parts, &Steer::Users(*users)),
            Action::Rate(rate) => steer_all(drafts, &parts, &Steer::Rate(*rate)),
            Action::Pause => steer_all(drafts, &parts, &Steer::Pause),
            Action::Resume => steer_all(drafts, &parts, &Steer::Resume),
            Action::AddUsers(count) => {
                let part = only(&parts)?;
                steer_living(drafts, &[part], &Steer::AddUsers(*count))
            }
            Action::RemoveUsers { count, force } => {
                let (part, count, force) = (only(&parts)?, *count, *force);
                steer_living(drafts, &[part], &Steer::RemoveUsers { count, force })
            }
            Action::RemoveIds { ids, force } => {
                let (ids, force) = (ids.clone(), *force);
                steer_living(drafts, &parts, &Steer::RemoveIds { ids, force })
            }
            Action::Executor(load) => try_load(drafts, only(&parts)?, load),
            Action::Thresholds(thresholds) => self.try_thresholds(thresholds),
            Action::Tags(tags) => Ok(vec![Step::Tags(tags.clone())]),
            Action::Throttle { name, change } => {
                self.check_throttle(name, *change)?;
                Ok(vec![Step::Throttle(name.clone(), *change)])
            }
            Action::Annotate { .. } => Ok(Vec::new()),
            Action::Swap { .. } | Action::RollBack { .. } => {
                Err("another version is asked for with its code, not as a change".to_owned())
            }
        }
    }

    /// Positions of the scenarios that are meant.
    fn meant(&self, wish: &Wish) -> Result<Vec<usize>, String> {
        let mut parts = self.crew.parts.iter();
        match &wish.scenario {
            None => Ok((0..parts.len()).collect()),
            Some(name) => {
                let position = parts.position(|part| part.run.spec.name == *name);
                let position = position.ok_or_else(|| format!("the run has no scenario {name:?}"));
                Ok(vec![position?])
            }
        }
    }

    fn try_thresholds(&self, thresholds: &[Threshold]) -> Result<Vec<Step>, String> {
        let registry = &self.crew.registry;
        let plan = self.crew.plan.borrow().extended(registry, thresholds);
        let plan = plan.map_err(|error| error.to_string())?;
        let judge = self
            .judge
            .replaced(thresholds, (registry, &plan), self.elapsed)
            .map_err(|error| error.to_string())?;
        Ok(vec![Step::Judge(Box::new(judge), Arc::new(plan))])
    }

    /// Do it all.
    fn make(&self, wishes: &[Wish], plans: Vec<Vec<Step>>) -> Result<Done, Vec<Refused>> {
        let mut done = Done {
            changed: Vec::with_capacity(wishes.len()),
            judge: None,
        };
        // What others may have made impossible meanwhile comes first: until then nothing has changed.
        self.make_throttles(wishes, &plans)?;
        for (position, (wish, steps)) in wishes.iter().zip(plans).enumerate() {
            let steps_taken = steps.len();
            let mut came_to: Vec<Steered> = Vec::new();
            for step in steps {
                let made = self.take(step, &mut done).map_err(|reason| {
                    let refused = wish.refused(position, reason);
                    vec![refused]
                })?;
                came_to.extend(made);
            }
            let mut not_found = match came_to.first() {
                Some(first) => first.not_found.clone(),
                None => Vec::new(),
            };
            // An id is one user's in the whole run.
            not_found.retain(|id| came_to.iter().all(|came| came.not_found.contains(id)));
            done.changed.push(Changed {
                scenario: wish.scenario.clone(),
                users_added: came_to.iter().map(|came| came.added).sum(),
                users_removed: came_to.iter().map(|came| came.removed).sum(),
                not_found,
            });
            if steps_taken > 0 {
                self.count_users(&wish.action);
            }
        }
        Ok(done)
    }

    /// Take one step; what it came to, if users come or go by it.
    fn take(&self, step: Step, done: &mut Done) -> Result<Option<Steered>, String> {
        let part = |position: usize| self.crew.parts.get(position);
        match step {
            Step::Steer(position, steer) => {
                let team = part(position).and_then(|part| part.relay.present());
                let Some(team) = team else { return Ok(None) };
                let before = team.counters().users_planned();
                let came_to = team.steer(&steer).map_err(|error| error.to_string())?;
                return Ok(Some(match steer {
                    Steer::Users(_) => moved(before, team.counters().users_planned()),
                    _ => came_to,
                }));
            }
            Step::PassOn(position, next) => {
                if let Some(part) = part(position) {
                    let before = part.relay.tally().planned;
                    let passed = part.relay.pass_on(next);
                    passed.map_err(|error| format!("{}: {error}", part.run.spec.name))?;
                    return Ok(Some(moved(before, part.relay.tally().planned)));
                }
            }
            Step::Set(parts, name, value) => {
                let parts = parts.into_iter().filter_map(part);
                parts.for_each(|part| set_live(part, &name, &value));
            }
            // Made before.
            Step::Throttle(..) => {}
            Step::Judge(judge, plan) => {
                self.crew.plan.send_replace(plan.clone());
                done.judge = Some((*judge, plan));
            }
            Step::Tags(tags) => self.crew.set_tags(tags),
        }
        Ok(None)
    }

    /// After the users were changed there may be more or fewer at a time than before: whoever waits in a meeting that can never
    /// be complete any more is sent away, and what was impossible may be possible now.
    fn count_users(&self, action: &Action) {
        let changes = matches!(
            action,
            Action::Users(_)
                | Action::AddUsers(_)
                | Action::RemoveUsers { .. }
                | Action::RemoveIds { .. }
                | Action::Executor(_)
        );
        let Some(first) = self.crew.parts.first().filter(|_| changes) else {
            return;
        };
        let spec = &first.run.common.spec;
        let users_of = |index: usize| {
            let part = self.crew.parts.get(index);
            let planned = part.map_or(0, |part| part.relay.tally().planned);
            // Those that the run file leads to count too, later ones as well: they may still come.
            let led_to = spec
                .changes
                .iter()
                .filter_map(|change| match change.action {
                    Action::Users(users) if change.scenario.is_none_or(|at| at == index) => {
                        Some(users)
                    }
                    _ => None,
                });
            led_to.fold(planned, u64::max)
        };
        self.coordination.set_population(population(spec, users_of));
    }

    /// Whether a live setting of every scenario that declares it may have a value.
    fn check_set(&self, parts: &[usize], name: &str, value: &str) -> Result<(), String> {
        let text = |problem: Problem| problem.to_string();
        let mut is_declared = false;
        let parts = parts.iter().filter_map(|at| self.crew.parts.get(*at));
        for part in parts.clone() {
            is_declared |= check_live(part, name, value).map_err(text)?;
        }
        if let Some(part) = parts.clone().next()
            && !is_declared
        {
            // Let the check say what is wrong with the name.
            let current = part.deployment.current();
            check_setting(current.run().scenario.description(), name, value).map_err(text)?;
        }
        Ok(())
    }

    fn throttle(&self, name: &str) -> Result<Arc<dyn Throttle>, String> {
        self.coordination.throttle(name).ok_or_else(|| {
            let known = self.coordination.throttle_names().join(", ");
            if known.is_empty() {
                format!("no user has opened a throttle {name:?} yet, or any other")
            } else {
                format!("no user has opened a throttle {name:?}; there are {known}")
            }
        })
    }

    /// Whether a throttle is there, and can change so as far as can be known.
    fn check_throttle(&self, name: &str, change: ThrottleChange) -> Result<(), String> {
        let throttle = self.throttle(name)?;
        let is_gradual =
            matches!(change, ThrottleChange::Rate { over: Some(over), .. } if !over.is_zero());
        if is_gradual && matches!(throttle.budget(), Some(Budget::Parallelism(_))) {
            return Err(format!(
                "the throttle {name:?}: only from a rate can a budget change gradually; leave out over"
            ));
        }
        Ok(())
    }

    /// Change throttles, or leave all as they were if one cannot.
    fn make_throttles(&self, wishes: &[Wish], plans: &[Vec<Step>]) -> Result<(), Vec<Refused>> {
        let mut before = Vec::new();
        for (position, (wish, steps)) in wishes.iter().zip(plans).enumerate() {
            for step in steps {
                let Step::Throttle(name, change) = step else {
                    continue;
                };
                let changed = self.throttle(name).and_then(|throttle| {
                    let budget = throttle.budget();
                    change_throttle(&*throttle, name, *change)?;
                    before.push((throttle, budget));
                    Ok(())
                });
                if let Err(reason) = changed {
                    for (throttle, budget) in before.into_iter().rev() {
                        let back = budget.map(|budget| throttle.change(budget));
                        if let Some(Err(error)) = back {
                            tracing::warn!("a throttle cannot change back: {error}");
                        }
                    }
                    return Err(vec![wish.refused(position, reason)]);
                }
            }
        }
        Ok(())
    }
}

impl<'a> Draft<'a> {
    fn of(part: &'a Part) -> Self {
        let present = part.relay.present();
        Self {
            part,
            rehearsal: present.map(|team| team.rehearse()),
        }
    }

    /// Try a change out.
    fn steer(&mut self, steer: &Steer) -> Result<(), String> {
        let Some(rehearsal) = &mut self.rehearsal else {
            return Ok(());
        };
        let done = rehearsal.steer(steer);
        done.map(drop)
            .map_err(|error| format!("{}: {error}", self.part.run.spec.name))
    }

    /// Whether users may still come and go.
    fn lives(&self) -> bool {
        let now = Instant::now();
        let rehearsal = self.rehearsal.as_ref();
        rehearsal.is_some_and(|rehearsal| !rehearsal.team().has_ended(now))
    }
}

/// What it comes to that there may be so many users at a time, and were to be as many before.
fn moved(before: u64, now: u64) -> Steered {
    Steered {
        added: now.saturating_sub(before),
        removed: before.saturating_sub(now),
        ..Steered::default()
    }
}

/// What giving a scenario another load takes.
fn try_load(drafts: &mut [Draft<'_>], position: usize, load: &Load) -> Result<Vec<Step>, String> {
    let Some(draft) = drafts.get_mut(position) else {
        return Ok(Vec::new());
    };
    let name = &draft.part.run.spec.name;
    let text = |error: lt_load::SteerError| format!("{name}: {error}");
    draft.part.relay.may_pass_on().map_err(text)?;
    let present = draft.part.relay.present();
    let (Some(present), Some(rehearsal)) = (present, &draft.rehearsal) else {
        return Ok(Vec::new());
    };
    if !Arc::ptr_eq(rehearsal.team(), &present) {
        return Err(format!(
            "{name}: it is given two loads at once; give one of them"
        ));
    }
    let spec = ScenarioSpec {
        load: load.clone(),
        start: present.until_start(Instant::now()),
        ..ScenarioSpec::clone(present.scenario())
    };
    let next = present.successor(Arc::new(spec)).map_err(text)?;
    draft.rehearsal = Some(next.rehearse());
    Ok(vec![Step::PassOn(position, next)])
}

/// Steer several scenarios: those that can, do.
fn steer_all(
    drafts: &mut [Draft<'_>],
    parts: &[usize],
    steer: &Steer,
) -> Result<Vec<Step>, String> {
    let (mut steps, mut refused) = (Vec::new(), None);
    for position in parts {
        let Some(draft) = drafts.get_mut(*position) else {
            continue;
        };
        match draft.steer(steer) {
            Ok(()) => steps.push(Step::Steer(*position, steer.clone())),
            Err(reason) => refused = Some(reason),
        }
    }
    match refused {
        Some(reason) if steps.is_empty() => Err(reason),
        _ => Ok(steps),
    }
}

/// The same of scenarios that have not ended: nobody comes to one that has, and nobody goes.
fn steer_living(
    drafts: &mut [Draft<'_>],
    parts: &[usize],
    steer: &Steer,
) -> Result<Vec<Step>, String> {
    let lives = |position: &usize| drafts.get(*position).is_some_and(Draft::lives);
    let living: Vec<usize> = parts.iter().copied().filter(|at| lives(at)).collect();
    if living.is_empty() {
        return Err("the scenario has come to its end; start another run".to_owned());
    }
    steer_all(drafts, &living, steer)
}

/// The scenario that is meant, where only one can be.
fn only(parts: &[usize]) -> Result<usize, String> {
    match parts {
        [part] => Ok(*part),
        _ => Err("the run has several scenarios; say which one is meant".to_owned()),
    }
}

fn change_throttle(
    throttle: &dyn Throttle,
    name: &str,
    change: ThrottleChange,
) -> Result<(), String> {
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
            .map_err(text)?;
        }
        ThrottleChange::Parallelism(count) => {
            throttle.change(Budget::Parallelism(count)).map_err(text)?;
        }
        ThrottleChange::Pause => throttle.pause(),
        ThrottleChange::Resume => throttle.resume(),
        ThrottleChange::Unlock => throttle.unlock(),
    }
    Ok(())
}

#[cfg(test)]
#[path = "change_tests.rs"]
mod tests;
