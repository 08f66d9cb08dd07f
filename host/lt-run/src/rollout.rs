//! How far the versions of a run's scenarios are: what was asked for is done here, judged, and rolled back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lt_runtime::version::label;
use lt_runtime::{Deployment, Version};
use lt_spec::description::SettingKind;
use lt_spec::spec::Action;

use crate::control::Control;
use crate::cores::{Crew, Part};
use crate::show::HIDDEN;
use crate::swap::{
    Asked, RollbackLimit, RollbackRule, Swap, SwapRefused, SwapSeen, SwapStage, VersionSeen,
};
use crate::swap_check::check;

/// What happened to a scenario's code, to be told with the other changes.
pub(crate) struct Told {
    pub(crate) part: Option<String>,
    pub(crate) action: Action,
    pub(crate) done: Result<(), String>,
}

/// A swap, and by what it is judged.
struct Kept {
    seen: SwapSeen,
    version: Arc<Version>,
    rule: Option<RollbackRule>,
    /// What had been done and had failed with the version before: it may have run before.
    before: (u64, u64),
    /// What had been done when it was judged last.
    last: u64,
}

/// The last swap of each scenario.
#[derive(Default)]
pub(crate) struct Swaps(BTreeMap<usize, Kept>);

impl Swaps {
    /// Do what was asked for, and see how far what was begun is.
    pub(crate) fn look(&mut self, crew: &Crew, control: &Control, now: Duration) -> Vec<Told> {
        let mut told = Vec::new();
        for request in control.swaps().take() {
            if request.answer.is_closed() {
                // Whoever asked gave up, and may have asked again.
                continue;
            }
            let part = request.part.as_deref();
            let done = self.obey(crew, part, &request.asked, now);
            told.extend(tell(crew, part, &request.asked, &done));
            // Who asked may not wait for the answer.
            let _unheard = request.answer.send(done.map(|_| ()));
        }
        for kept in self.0.values_mut() {
            let others = || match crew.part(&kept.seen.part) {
                Some(part) => users_of_others(&part.deployment, &kept.version),
                None => 0,
            };
            if kept.seen.stage == SwapStage::RollingOut && others() == 0 {
                kept.seen.stage = SwapStage::Complete;
                kept.seen.completed = Some(now);
            }
        }
        told
    }

    /// A second has passed: judge what is new.
    pub(crate) fn judge(&mut self, crew: &Crew, now: Duration) -> Vec<Told> {
        let mut told = Vec::new();
        for kept in self.0.values_mut() {
            let Some(reason) = kept.judge() else { continue };
            let Some(part) = crew.part(&kept.seen.part) else {
                continue;
            };
            if let Some(to) = go_back(part) {
                kept.end(&reason, now);
                told.push(Told {
                    part: Some(part.run.spec.name.clone()),
                    action: Action::RollBack {
                        to: to.label().to_owned(),
                        reason,
                    },
                    done: Ok(()),
                });
            }
        }
        told
    }

    /// The last swap of each scenario that had one.
    pub(crate) fn seen(&self) -> Vec<SwapSeen> {
        self.0.values().map(|kept| kept.seen.clone()).collect()
    }

    /// What was done, if anything was.
    fn obey(
        &mut self,
        crew: &Crew,
        part: Option<&str>,
        asked: &Asked,
        now: Duration,
    ) -> Result<Option<Action>, SwapRefused> {
        let (index, part) = find(crew, part)?;
        match asked {
            Asked::Swap(swap) => self.swap(crew, (index, part), swap, now),
            Asked::RollBack => {
                let to = go_back(part).ok_or_else(|| {
                    let name = &part.run.spec.name;
                    let text = format!("{name} has no version before the present one");
                    SwapRefused::NothingBefore(text)
                })?;
                let reason = "asked for".to_owned();
                if let Some(kept) = self.0.get_mut(&index) {
                    kept.end(&reason, now);
                }
                let to = to.label().to_owned();
                Ok(Some(Action::RollBack { to, reason }))
            }
        }
    }

    fn swap(
        &mut self,
        crew: &Crew,
        (index, part): (usize, &Part),
        swap: &Swap,
        now: Duration,
    ) -> Result<Option<Action>, SwapRefused> {
        let Swap { share, drain, .. } = *swap;
        let deployment = &part.deployment;
        let current = deployment.current();
        let canary = deployment.canary();
        if let Some((canary, _)) = &canary
            && !canary.is_of(&swap.scenario)
        {
            return Err(SwapRefused::UnderWay(format!(
                "{} of {} is on trial; give it to all users or roll it back first",
                canary.label(),
                part.run.spec.name
            )));
        }
        let on_trial = canary.map(|(canary, _)| canary);
        let present = on_trial.as_ref().unwrap_or(&current);
        let settings = check(crew, part, present, swap).map_err(SwapRefused::Invalid)?;
        if present.is_of(&swap.scenario) && on_trial.is_none() {
            return Ok(self.again((index, part), &current, swap));
        }
        let version = match &on_trial {
            Some(canary) => {
                deployment.set_share(share, drain);
                canary.clone()
            }
            None => {
                let next = part.run.next(swap.scenario.clone(), settings);
                deployment.publish(Arc::new(next), share, drain)
            }
        };
        // Those that wait between two iterations need not wait for the next.
        part.relay.renew_users();
        let to = version.label().to_owned();
        match self.0.get_mut(&index).filter(|_| on_trial.is_some()) {
            Some(kept) => kept.go_on(swap),
            None => {
                let kept = Kept::begin((part, &current), version, swap, now);
                self.0.insert(index, kept);
            }
        }
        Ok(Some(Action::Swap { to, share, drain }))
    }

    /// What is current already is asked for: users that do not have it yet may be to move now, and there may be another rule.
    fn again(
        &mut self,
        (index, part): (usize, &Part),
        current: &Arc<Version>,
        swap: &Swap,
    ) -> Option<Action> {
        let is_it = |kept: &&mut Kept| Arc::ptr_eq(&kept.version, current) && swap.share >= 1.0;
        let kept = self.0.get_mut(&index).filter(is_it)?;
        let moves = swap.drain && users_of_others(&part.deployment, current) > 0;
        let is_another = swap.rollback.is_some() && swap.rollback != kept.rule;
        if !moves && !is_another && kept.seen.drain == swap.drain {
            return None;
        }
        part.deployment.drain(swap.drain);
        part.relay.renew_users();
        kept.go_on(swap);
        Some(Action::Swap {
            to: current.label().to_owned(),
            share: swap.share,
            drain: swap.drain,
        })
    }
}

impl Kept {
    fn begin(
        (part, from): (&Part, &Version),
        version: Arc<Version>,
        swap: &Swap,
        now: Duration,
    ) -> Self {
        Self {
            seen: SwapSeen {
                part: part.run.spec.name.as_str().into(),
                to: version.label().into(),
                from: from.label().into(),
                share: swap.share,
                drain: swap.drain,
                stage: stage_of(swap.share),
                reason: None,
                started: now,
                completed: None,
            },
            before: done_and_failed(&version),
            version,
            rule: swap.rollback,
            last: 0,
        }
    }

    /// The same version for another share.
    fn go_on(&mut self, swap: &Swap) {
        self.seen.share = swap.share;
        self.seen.drain = swap.drain;
        self.seen.stage = stage_of(swap.share);
        self.seen.completed = None;
        self.rule = swap.rollback.or(self.rule);
    }

    /// Why the version is to be taken back, if it is.
    fn judge(&mut self) -> Option<String> {
        let rule = self.rule?;
        if self.seen.stage == SwapStage::RolledBack {
            return None;
        }
        let (done, failed) = done_and_failed(&self.version);
        let overdue = self.version.overdue();
        let done = done.saturating_sub(self.before.0) + overdue;
        let failed = failed.saturating_sub(self.before.1) + overdue;
        // Where nobody could join there will never be more to judge by.
        let is_over = self.version.users() <= overdue && done == self.last;
        self.last = done;
        if failed == 0 || (done < rule.after_iterations && !is_over) {
            return None;
        }
        let share = percent(failed, done);
        let is_too_much = match rule.failures {
            RollbackLimit::Count(limit) => failed >= limit,
            RollbackLimit::Percent(limit) => share >= limit,
        };
        let limit = match rule.failures {
            RollbackLimit::Count(limit) => limit.to_string(),
            RollbackLimit::Percent(limit) => format!("{limit} %"),
        };
        is_too_much.then(|| {
            format!(
                "{failed} of {done} iterations and joins with {} failed: the limit is {limit}",
                self.seen.to
            )
        })
    }

    fn end(&mut self, reason: &str, now: Duration) {
        self.seen.stage = SwapStage::RolledBack;
        self.seen.reason = Some(reason.to_owned());
        self.seen.completed = Some(now);
    }
}

fn stage_of(share: f64) -> SwapStage {
    if share < 1.0 {
        SwapStage::Canary
    } else {
        SwapStage::RollingOut
    }
}

/// What is told of a request.
fn tell(
    crew: &Crew,
    part: Option<&str>,
    asked: &Asked,
    done: &Result<Option<Action>, SwapRefused>,
) -> Option<Told> {
    let named = find(crew, part).ok();
    let part = named.map(|(_, part)| part.run.spec.name.clone());
    match done {
        Ok(None) => None,
        Ok(Some(action)) => Some(Told {
            part,
            action: action.clone(),
            done: Ok(()),
        }),
        Err(refused) => {
            let action = match asked {
                Asked::Swap(swap) => Action::Swap {
                    to: label(&swap.scenario),
                    share: swap.share,
                    drain: swap.drain,
                },
                Asked::RollBack => Action::RollBack {
                    to: "the version before".to_owned(),
                    reason: "asked for".to_owned(),
                },
            };
            Some(Told {
                part,
                action,
                done: Err(refused.to_string()),
            })
        }
    }
}

fn find<'a>(crew: &'a Crew, name: Option<&str>) -> Result<(usize, &'a Part), SwapRefused> {
    let mut parts = crew.parts.iter().enumerate();
    let found = match name {
        Some(name) => parts.find(|(_, part)| part.run.spec.name == name),
        None => parts.next().filter(|_| crew.parts.len() == 1),
    };
    found.ok_or_else(|| {
        let names = crew.parts.iter().map(|part| part.run.spec.name.as_str());
        let names = names.collect::<Vec<_>>().join(", ");
        SwapRefused::NoSuchPart(match name {
            Some(name) => format!("the run has no scenario {name:?}; it has {names}"),
            None => format!("the run has several scenarios; name one of {names}"),
        })
    })
}

/// Roll back, and wake those that wait.
fn go_back(part: &Part) -> Option<Arc<Version>> {
    let to = part.deployment.roll_back()?;
    part.relay.renew_users();
    Some(to)
}

fn users_of_others(deployment: &Deployment, version: &Arc<Version>) -> u64 {
    let stands = deployment.stands();
    let others = stands
        .iter()
        .filter(|stands| !Arc::ptr_eq(&stands.version, version));
    others.map(|stands| stands.version.users()).sum()
}

/// Iterations and joins, and those of them that failed.
fn done_and_failed(version: &Version) -> (u64, u64) {
    let counts = version.counts();
    (
        counts.iterations() + counts.joins(),
        counts.failures() + counts.joins_failed(),
    )
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn percent(failed: u64, done: u64) -> f64 {
    failed as f64 * 100.0 / done.max(1) as f64
}

/// How the versions of a scenario stand. One that came again with other settings is told once, with all its users.
pub(crate) fn versions_of(part: &Part) -> Vec<VersionSeen> {
    let name: Arc<str> = part.run.spec.name.as_str().into();
    let mut told: Vec<VersionSeen> = Vec::new();
    for stands in part.deployment.stands() {
        let (run, counts) = (stands.version.run(), stands.version.counts());
        let users = stands.version.users();
        let known = told.iter_mut().find(|known| *known.label == *run.label);
        let Some(known) = known else {
            told.push(VersionSeen {
                part: name.clone(),
                label: run.label.clone(),
                version: run.scenario.description().version.as_str().into(),
                digest: run.scenario.hash().into(),
                settings: settings_of(&stands.version),
                share: stands.share,
                users,
                iterations: counts.iterations(),
                failures: counts.failures(),
                joins_failed: counts.joins_failed(),
                current: stands.current,
            });
            continue;
        };
        known.users += users;
        known.share += stands.share;
        if stands.current || !known.current {
            known.settings = settings_of(&stands.version);
        }
        known.current |= stands.current;
    }
    told
}

/// The present values of a version's settings, for people.
fn settings_of(version: &Version) -> Arc<BTreeMap<String, String>> {
    let run = version.run();
    let mut values = run.settings.values();
    let settings = run.scenario.description().settings.iter();
    for secret in settings.filter(|setting| setting.kind == SettingKind::Secret) {
        if values.contains_key(&secret.name) {
            Arc::make_mut(&mut values).insert(secret.name.clone(), HIDDEN.to_owned());
        }
    }
    values
}

#[cfg(test)]
#[path = "rollout_tests.rs"]
mod tests;
