//! What may be changed about a scenario while it runs, and what each change comes to: decided on the present state alone, so
//! that several changes can be tried out before any is made.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use lt_spec::limits::{RATE_MAX, USERS_MAX};
use lt_spec::profile::{Climb, Curve, users_at};
use lt_spec::spec::Load;
use tokio::time::Instant;

use crate::phase::Signal;
use crate::steering::{Forced, SteerError, Steering};
use crate::team::{Order, Team, lock};

/// One change of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub enum Steer {
    /// So many users from now on: of an arrival rate, how many it may have at most. More start one after another as the load
    /// spaces them; fewer end gracefully, the last first. A ramp keeps the number until its stages end.
    Users(u64),
    /// So many more, as with `Users`.
    AddUsers(u64),
    /// So many fewer: the last ones, which are not replaced. Those that leave already are not counted again.
    RemoveUsers {
        /// How many.
        count: u64,
        /// Whether they are dropped where they stand, and not after their iteration.
        force: bool,
    },
    /// Without these users: they are not replaced. A ramp goes on without them.
    RemoveIds {
        /// Their ids.
        ids: Vec<u64>,
        /// Whether they are dropped where they stand. Those that leave already are dropped too.
        force: bool,
    },
    /// So many iterations a second, for the rest of the load.
    Rate(f64),
    /// No new iterations; those under way end. The scenario's time stands still.
    Pause,
    /// Iterations go on.
    Resume,
}

/// What a change came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Steered {
    /// How many users more there may be at a time.
    pub added: u64,
    /// How many fewer, and users that left already and were dropped.
    pub removed: u64,
    /// Ids that no user has, or whose user leaves already.
    pub not_found: Vec<u64>,
}

/// What a change does beside changing the state.
#[derive(Default)]
struct Effect {
    steered: Steered,
    orders: Vec<(u64, Order)>,
    /// Ids of users that leave from now on.
    leaving: Vec<u64>,
    /// Whether nobody is left who could do what is left to do.
    is_over: bool,
}

/// A scenario as it would be after some changes.
pub struct Rehearsal {
    team: Arc<Team>,
    steering: Steering,
}

impl Rehearsal {
    /// The team whose scenario it is.
    #[must_use]
    pub fn team(&self) -> &Arc<Team> {
        &self.team
    }

    /// Try one more change after those before.
    ///
    /// # Errors
    /// Why it cannot be made.
    pub fn steer(&mut self, steer: &Steer) -> Result<Steered, SteerError> {
        let effect = self.team.decide(&mut self.steering, steer, Instant::now());
        effect.map(|effect| effect.steered)
    }
}

impl Team {
    /// Try changes out: none is made.
    #[must_use]
    pub fn rehearse(self: &Arc<Self>) -> Rehearsal {
        Rehearsal {
            team: self.clone(),
            steering: self.steering().borrow().clone(),
        }
    }

    /// Change the scenario from now on.
    ///
    /// # Errors
    /// If its load cannot do this, or not with this value: nothing has changed then.
    pub fn steer(&self, steer: &Steer) -> Result<Steered, SteerError> {
        let now = Instant::now();
        let mut decided = Ok(Effect::default());
        self.modify(|steering| {
            decided = self.decide(steering, steer, now);
            if let Ok(effect) = &decided {
                let mut living = lock(&self.living);
                for id in &effect.leaving {
                    if let Some(home) = living.get_mut(id) {
                        home.leaves = true;
                    }
                    // Before any core sees that there may be fewer: else it would take another idle one for surplus.
                    self.release();
                }
                self.counters().plan(steering.planned);
            }
        });
        let effect = decided?;
        for (core, order) in effect.orders {
            // A core that has ended has no user left to remove.
            let _ended = self.order(core, order);
        }
        if effect.is_over {
            self.end_without_more();
        }
        Ok(effect.steered)
    }

    /// Change the number of users: [`Steer::Users`].
    ///
    /// # Errors
    /// As [`Team::steer`].
    pub fn set_users(&self, users: u64) -> Result<(), SteerError> {
        self.steer(&Steer::Users(users)).map(drop)
    }

    /// Change the rate: [`Steer::Rate`].
    ///
    /// # Errors
    /// As [`Team::steer`].
    pub fn set_rate(&self, rate: f64) -> Result<(), SteerError> {
        self.steer(&Steer::Rate(rate)).map(drop)
    }

    /// No new iterations from now on; those under way end. The scenario's time stands still.
    pub fn pause(&self) {
        self.modify(|steering| pause(steering, Instant::now()));
    }

    /// Go on after a pause.
    pub fn resume(&self) {
        self.modify(|steering| resume(steering, Instant::now()));
    }

    /// What a change comes to; changes the state only if it can be made.
    fn decide(
        &self,
        steering: &mut Steering,
        steer: &Steer,
        now: Instant,
    ) -> Result<Effect, SteerError> {
        let effect = match steer {
            Steer::Pause => {
                pause(steering, now);
                return Ok(Effect::default());
            }
            Steer::Resume => {
                resume(steering, now);
                return Ok(Effect::default());
            }
            Steer::Rate(rate) => {
                let now = self.elapsed_with(steering, now);
                self.decide_rate(steering, *rate, now)?;
                Effect::default()
            }
            _ if self.keeps_rate() => self.decide_most(steering, steer)?,
            _ => {
                let now = self.elapsed_with(steering, now);
                self.decide_places(steering, steer, now)?
            }
        };
        steering.revision += 1;
        Ok(effect)
    }

    fn decide_rate(
        &self,
        steering: &mut Steering,
        rate: f64,
        now: Duration,
    ) -> Result<(), SteerError> {
        let load = &self.scenario.load;
        let Some(planned) = Curve::of(load) else {
            return Err(SteerError::NotPossible(format!(
                "{} has no rate; use constant-arrival-rate or ramping-arrival-rate",
                load.name()
            )));
        };
        if !(0.0..=RATE_MAX).contains(&rate) {
            return Err(SteerError::OutOfRange(format!(
                "{rate} is no rate from 0 to {RATE_MAX} iterations a second; give one"
            )));
        }
        let present = steering.curve.as_deref().unwrap_or(&planned);
        steering.curve = Some(Arc::new(present.turn(now, rate)));
        Ok(())
    }

    /// The users of a load that keeps a rate: how many there may be at most.
    fn decide_most(&self, steering: &mut Steering, steer: &Steer) -> Result<Effect, SteerError> {
        let present = steering.users_max;
        let mut effect = Effect::default();
        let most = match steer {
            Steer::Users(users) => *users,
            Steer::AddUsers(count) => present.saturating_add(*count),
            Steer::RemoveUsers { count, .. } => present.saturating_sub(*count),
            Steer::RemoveIds { ids, force } => {
                effect = self.without(ids, *force, |home| home.leaves);
                present.saturating_sub(effect.leaving.len() as u64)
            }
            Steer::Rate(_) | Steer::Pause | Steer::Resume => present,
        };
        check_users(most)?;
        if most > present {
            self.check_ids(most)?;
        }
        if most == 0 {
            return Err(SteerError::OutOfRange(
                "an arrival rate needs at least one user; pause it to start nothing".to_owned(),
            ));
        }
        match steer {
            Steer::AddUsers(count) => effect.steered.added = *count,
            Steer::RemoveUsers { count, force } => {
                effect.steered.removed = *count;
                if *force {
                    steering.forced.revision = steering.revision + 1;
                }
            }
            _ => {}
        }
        steering.users_max = most;
        steering.planned = most;
        Ok(effect)
    }

    /// The users of a closed load: which places have one.
    fn decide_places(
        &self,
        steering: &mut Steering,
        steer: &Steer,
        now: Duration,
    ) -> Result<Effect, SteerError> {
        let load = &self.scenario.load;
        let counts = load.iterations().is_some();
        let present = steering.climb.unwrap_or_else(|| {
            let users = users_at(load, now);
            Climb {
                at: Duration::ZERO,
                from: users,
                to: users,
                interarrival: Duration::ZERO,
            }
        });
        let users = steering.users_below(present.to);
        let mut effect = match steer {
            Steer::Users(_) | Steer::AddUsers(_) if counts => {
                return Err(SteerError::NotPossible(format!(
                    "{} has a fixed number of users, of whom some may be removed; use constant-users to have more",
                    load.name()
                )));
            }
            Steer::Users(asked) => {
                let places = steering.places_for(*asked);
                check_users(*asked)?;
                self.check_places(places)?;
                have(steering, present.turn(now, places), *asked);
                Effect::default()
            }
            Steer::AddUsers(count) => {
                check_users(users.saturating_add(*count))?;
                self.add(steering, (present, now), *count)?
            }
            Steer::RemoveUsers { count, force } => {
                let count = (*count).min(users);
                self.remove(steering, (present, now), (users - count, *force))
            }
            Steer::RemoveIds { ids, force } => {
                let barred = steering.barred.clone();
                let leaves = |slot: u64| slot >= present.to || barred.contains(&slot);
                let mut effect = self.without(ids, *force, |home| leaves(home.slot));
                let removed = std::mem::take(&mut effect.leaving);
                let living = lock(&self.living);
                let slots = removed.iter().filter_map(|id| living.get(id));
                Arc::make_mut(&mut steering.barred).extend(slots.map(|home| home.slot));
                steering.planned = steering.planned.saturating_sub(removed.len() as u64);
                effect
            }
            Steer::Rate(_) | Steer::Pause | Steer::Resume => Effect::default(),
        };
        effect.is_over = counts && steering.planned == 0;
        Ok(effect)
    }

    /// So many users more, in places that nobody has had if there are ids for those. Of churn, where a place has no id, in places
    /// whose users were removed before.
    fn add(
        &self,
        steering: &mut Steering,
        (present, now): (Climb, Duration),
        count: u64,
    ) -> Result<Effect, SteerError> {
        let is_churn = matches!(self.scenario.load, Load::Churn(_));
        let barred: Vec<u64> = steering.barred.range(..present.to).copied().collect();
        let again = if is_churn {
            count.min(barred.len() as u64)
        } else {
            count - self.places_left(present.to, count)
        };
        let fresh = count - again;
        if again > barred.len() as u64 {
            // What is wrong is told of what was asked for.
            self.check_places(present.to.saturating_add(count))?;
        }
        let users = steering.users_below(present.to);
        let again = usize::try_from(again).unwrap_or(usize::MAX);
        for place in barred.iter().take(again) {
            Arc::make_mut(&mut steering.barred).remove(place);
        }
        if fresh > 0 || steering.climb.is_none() {
            let places = present.to.saturating_add(fresh);
            steering.climb = Some(present.turn(now, places));
        }
        steering.planned = users.saturating_add(count);
        let mut effect = Effect::default();
        effect.steered.added = count;
        Ok(effect)
    }

    /// Fewer users: the last go.
    fn remove(
        &self,
        steering: &mut Steering,
        (present, now): (Climb, Duration),
        (users, force): (u64, bool),
    ) -> Effect {
        let before = steering.users_below(present.to);
        let places = steering.places_for(users);
        let mut effect = Effect::default();
        effect.steered.removed = before - users;
        if force {
            let gone = places..present.to;
            // Those that leave already are left to leave.
            let barred = &steering.barred;
            let is_gone = |slot: u64| gone.contains(&slot) && !barred.contains(&slot);
            for home in lock(&self.living).values() {
                if is_gone(home.slot) {
                    effect.orders.push((
                        home.core,
                        Order::Remove {
                            slot: home.slot,
                            force,
                            is_first: true,
                        },
                    ));
                }
            }
            // Cores that have not heard of the last ones that were dropped must hear of both.
            let last = &steering.forced.places;
            let end = if last.start == gone.end {
                last.end
            } else {
                gone.end
            };
            steering.forced = Forced {
                revision: steering.revision + 1,
                places: gone.start..end,
            };
        }
        have(steering, present.turn(now, places), users);
        effect
    }

    /// End users by their ids. Those that leave already are not found, unless they are dropped.
    fn without(
        &self,
        ids: &[u64],
        force: bool,
        leaves: impl Fn(&crate::team::Home) -> bool,
    ) -> Effect {
        let mut effect = Effect::default();
        let living = lock(&self.living);
        let mut seen = BTreeSet::new();
        for id in ids.iter().filter(|id| seen.insert(**id)) {
            let home = living.get(id);
            let is_first = home.is_some_and(|home| !leaves(home));
            match home {
                Some(home) if is_first || force => {
                    let slot = home.slot;
                    let order = Order::Remove {
                        slot,
                        force,
                        is_first,
                    };
                    effect.orders.push((home.core, order));
                    effect.steered.removed += 1;
                    if is_first {
                        effect.leaving.push(*id);
                    }
                }
                _ => effect.steered.not_found.push(*id),
            }
        }
        effect
    }

    /// Whether there are ids for so many places. Those of churn have none of their own.
    fn check_places(&self, places: u64) -> Result<(), SteerError> {
        match self.scenario.load {
            Load::Churn(_) => Ok(()),
            _ => self.check_ids(places),
        }
    }

    /// Whether there are ids for so many positions.
    pub(crate) fn check_ids(&self, positions: u64) -> Result<(), SteerError> {
        let base = self.base();
        if self.ids.suffice_for(base.saturating_add(positions)) {
            return Ok(());
        }
        let left = self.places_left(0, positions);
        Err(SteerError::OutOfRange(format!(
            "the range of ids is used up: {base} were given to users of loads before, {left} are left, and {positions} are needed; \
             ask for fewer users, or start a run with a longer user-range"
        )))
    }

    /// For how many positions more there are ids, up to `most`.
    fn places_left(&self, present: u64, most: u64) -> u64 {
        let from = self.base().saturating_add(present);
        let (mut low, mut high) = (0, most);
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            if self.ids.suffice_for(from.saturating_add(middle)) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        low
    }

    /// Whether the load has ended, or is about to.
    #[must_use]
    pub fn has_ended(&self, now: Instant) -> bool {
        self.signal_now().rank() >= Signal::Drain.rank() || self.is_over(now)
    }

    /// Whether no more iterations start because the time of the load is over.
    #[must_use]
    pub fn is_over(&self, now: Instant) -> bool {
        let length = self.scenario.load.length();
        length.is_some_and(|length| self.has_begun() && self.elapsed(now) >= length)
    }
}

/// Have so many users from now on, in the places of this climb.
fn have(steering: &mut Steering, climb: Climb, users: u64) {
    if steering.barred.range(climb.to..).next().is_some() {
        Arc::make_mut(&mut steering.barred).split_off(&climb.to);
    }
    steering.climb = Some(climb);
    steering.planned = users;
}

/// Whether one process may have so many users.
pub(crate) fn check_users(users: u64) -> Result<(), SteerError> {
    if users <= USERS_MAX {
        return Ok(());
    }
    Err(SteerError::OutOfRange(format!(
        "{users} users are more than the {USERS_MAX} that one host may run; ask for fewer"
    )))
}

fn pause(steering: &mut Steering, now: Instant) {
    steering.paused_since.get_or_insert(now);
}

fn resume(steering: &mut Steering, now: Instant) {
    steering.paused = steering.paused_for(now);
    steering.paused_since = None;
}
