//! Changes of the run: made when they are due or asked for, and kept until they were told.

use lt_spec::spec::Action;

use super::Desk;
use crate::change::{Done, Floor};
use crate::control::{Control, Refused, Request, Wish};
use crate::cores::{Crew, Part};
use crate::rollout::Told;
use crate::run::ChangeSeen;

impl Desk<'_> {
    /// Make the changes that are due or were asked for.
    pub(super) fn change(&mut self, crew: &Crew, control: &Control) {
        let spec = self.spec.clone();
        if self.clock.is_some() {
            while let Some(change) = spec.changes.get(self.changes_done) {
                if change.at > self.elapsed {
                    break;
                }
                self.changes_done += 1;
                let done = self.floor(crew).scheduled(change);
                let done = self.follow_change(done);
                let scenario = change.scenario.and_then(|at| spec.scenarios.get(at));
                self.seen(
                    scenario.map(|scenario| scenario.name.clone()),
                    change.action.clone(),
                    done.map(drop),
                );
            }
        }
        let mut requests = std::mem::take(&mut self.waiting);
        requests.extend(control.take_requests());
        for request in requests {
            if request.answer.is_given_up() {
                // It would be made late, and again by who asked again.
                continue;
            }
            if self.must_wait(&request) {
                self.waiting.push(request);
                continue;
            }
            let Request { wishes, answer } = request;
            let done = self.floor(crew).change(&wishes);
            let done = self.follow_change(done);
            if let Ok(done) = &done {
                self.ask_for_steady(crew, done);
            }
            self.seen_all(wishes, &done);
            answer.give(done.map(|done| done.changed));
        }
    }

    /// A load can only take the place of one that has begun: before that, what is asked for waits. Building users takes as long as
    /// it takes, and is not for ever.
    fn must_wait(&self, request: &Request) -> bool {
        let is_load = |wish: &Wish| matches!(wish.action, Action::Executor(_));
        self.clock.is_none() && request.wishes.iter().any(is_load)
    }

    fn floor<'a>(&'a self, crew: &'a Crew) -> Floor<'a> {
        Floor {
            crew,
            coordination: &*self.coordination,
            judge: &self.judge,
            elapsed: self.elapsed,
        }
    }

    /// What the desk itself goes by from now on.
    fn follow_change<E>(&mut self, done: Result<Done, E>) -> Result<Done, E> {
        let mut done = done?;
        if let Some((judge, plan)) = done.judge.take() {
            self.totals.follow(plan.clone());
            self.interval.follow(plan.clone());
            self.office.follow(plan);
            self.judge = judge;
        }
        Ok(done)
    }

    /// Users that people add and remove count for the steady state. Those that the run file leads to have from the start.
    fn ask_for_steady(&mut self, crew: &Crew, done: &Done) {
        let Some(steady) = &mut self.steady else {
            return;
        };
        for changed in &done.changed {
            let named = changed.scenario.as_deref();
            let part = named.map_or(crew.parts.first(), |name| crew.part(name));
            if part.is_some_and(Part::says_steady) {
                steady.ask_for(changed.users_added, changed.users_removed);
            }
        }
    }

    /// Keep what was asked for together. If one was refused, none was made.
    fn seen_all(&mut self, wishes: Vec<Wish>, done: &Result<Done, Vec<Refused>>) {
        for (position, wish) in wishes.into_iter().enumerate() {
            let Err(refused) = done else {
                self.seen(wish.scenario, wish.action, Ok(()));
                continue;
            };
            let own = refused.iter().find(|refused| refused.position == position);
            let reason = own.map_or(
                "another change that was asked for with it was refused",
                |own| own.reason.as_str(),
            );
            self.seen(wish.scenario, wish.action, Err(reason.to_owned()));
        }
    }

    fn seen(&mut self, scenario: Option<String>, action: Action, done: Result<(), String>) {
        let refused = done.err();
        if let Some(reason) = &refused {
            tracing::warn!("a change was refused: {reason}");
        }
        self.changes_seen.push(ChangeSeen {
            elapsed: self.elapsed,
            scenario,
            action,
            refused,
        });
    }

    pub(super) fn seen_swaps(&mut self, told: Vec<Told>) {
        for told in told {
            self.seen(told.part, told.action, told.done);
        }
    }
}
