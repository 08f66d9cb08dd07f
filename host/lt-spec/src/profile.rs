//! Load shapes as functions of elapsed time: how many users are wanted when, and when the n-th iteration is due.
//!
//! Nothing here waits or knows a clock. Times count from a scenario's own start and stand still while it is paused.

use std::time::Duration;

use crate::limits::USERS_MAX;
use crate::spec::{Load, RampingUsers, Stage};

mod arrivals;

pub use arrivals::{Arrivals, Curve};

/// From `at` on, this many users are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub at: Duration,
    /// How many.
    pub users: u64,
}

/// Users that start one after another, or stop at once: every change of a number of users that is not a ramp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Climb {
    /// When the first step is.
    pub at: Duration,
    /// How many there are before it.
    pub from: u64,
    /// How many there are in the end. Fewer than `from` is one step down.
    pub to: u64,
    /// Time between two steps of one user; zero is one step for all.
    pub interarrival: Duration,
}

impl Climb {
    /// The step of this number, counted from 0.
    #[must_use]
    pub fn step(&self, number: u64) -> Option<Step> {
        if self.to <= self.from || self.interarrival.is_zero() {
            return (number == 0).then_some(Step {
                at: self.at,
                users: self.to,
            });
        }
        (number < self.to - self.from).then(|| Step {
            at: self.at.saturating_add(times(self.interarrival, number)),
            users: self.from + number + 1,
        })
    }

    /// How many users are wanted at `time`.
    #[must_use]
    pub fn users_at(&self, time: Duration) -> u64 {
        let Some(since) = time.checked_sub(self.at) else {
            return self.from;
        };
        if self.to <= self.from || self.interarrival.is_zero() {
            return self.to;
        }
        let steps = since.as_nanos() / self.interarrival.as_nanos() + 1;
        let steps = u64::try_from(steps).unwrap_or(u64::MAX);
        self.from.saturating_add(steps).min(self.to)
    }

    /// The climb that leads to another number of users from `now` on. One that is under way keeps its rhythm.
    #[must_use]
    pub fn turn(&self, now: Duration, to: u64) -> Self {
        let from = self.users_at(now);
        let done = from.saturating_sub(self.from);
        let next = self
            .step(done)
            .filter(|next| from < self.to && next.at > now);
        Self {
            at: next.filter(|_| to > from).map_or(now, |next| next.at),
            from,
            to,
            interarrival: self.interarrival,
        }
    }
}

/// The steps of a ramp, one user at a time: k6's times to the nanosecond. Going up or down by `n` users in a stage, the
/// k-th step is where `k / n` of the stage is over; a stage without duration is one step. The last step is the end of the
/// stages and changes nothing. Each step is found when it is asked for, so a ramp of any size costs no memory.
#[derive(Clone, Debug)]
pub struct Ramp {
    stages: Vec<Stage<u64>>,
    stage: usize,
    begun: Duration,
    from: u64,
    taken: u64,
    state: RampState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RampState {
    Before,
    Within,
    After,
}

impl Ramp {
    /// The steps of this load.
    #[must_use]
    pub fn new(load: &RampingUsers) -> Self {
        Self {
            stages: load.stages.clone(),
            stage: 0,
            begun: Duration::ZERO,
            from: load.start_users,
            taken: 0,
            state: RampState::Before,
        }
    }
}

impl Iterator for Ramp {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        match self.state {
            RampState::Before => {
                self.state = RampState::Within;
                return Some(Step {
                    at: Duration::ZERO,
                    users: self.from,
                });
            }
            RampState::Within => {}
            RampState::After => return None,
        }
        loop {
            let Some(stage) = self.stages.get(self.stage) else {
                self.state = RampState::After;
                return Some(Step {
                    at: self.begun,
                    users: self.from,
                });
            };
            let end = self.begun.saturating_add(stage.duration);
            let steps = self.from.abs_diff(stage.target);
            if self.taken == steps {
                (self.from, self.taken, self.begun) = (stage.target, 0, end);
                self.stage += 1;
                continue;
            }
            if stage.duration.is_zero() {
                self.taken = steps;
                return Some(Step {
                    at: end,
                    users: stage.target,
                });
            }
            self.taken += 1;
            let users = if stage.target > self.from {
                self.from + self.taken
            } else {
                self.from - self.taken
            };
            let at = end.saturating_sub(part(stage.duration, steps - self.taken, steps));
            return Some(Step { at, users });
        }
    }
}

/// How many users a load wants at `time`: those of an arrival rate are the ones made before its start. None after its end.
#[must_use]
pub fn users_at(load: &Load, time: Duration) -> u64 {
    if load.length().is_some_and(|length| time >= length) {
        return 0;
    }
    match load {
        Load::RampingUsers(ramp) => ramp_at(ramp, time),
        Load::ConstantArrivalRate(arrivals) => arrivals.users,
        Load::RampingArrivalRate(arrivals) => arrivals.users,
        Load::ConstantUsers(_)
        | Load::PerUserIterations(_)
        | Load::SharedIterations(_)
        | Load::Churn(_) => climb(load).map_or(0, |climb| climb.users_at(time)),
    }
}

/// How the users of a load that is no ramp and no rate start.
#[must_use]
pub fn climb(load: &Load) -> Option<Climb> {
    let interarrival = match load {
        Load::ConstantUsers(load) => load.pace.interarrival,
        Load::PerUserIterations(load) => load.pace.interarrival,
        Load::SharedIterations(load) => load.pace.interarrival,
        Load::Churn(load) => load.interval,
        Load::RampingUsers(_) | Load::ConstantArrivalRate(_) | Load::RampingArrivalRate(_) => {
            return None;
        }
    };
    Some(Climb {
        at: Duration::ZERO,
        from: 0,
        to: load.users_max(),
        interarrival,
    })
}

fn ramp_at(load: &RampingUsers, time: Duration) -> u64 {
    let (mut begun, mut from) = (Duration::ZERO, load.start_users);
    for stage in &load.stages {
        let end = begun.saturating_add(stage.duration);
        if time < end {
            let steps = from.abs_diff(stage.target);
            // The least number of steps that are still to come: those that fit into the rest of the stage.
            let rest = (end - time).as_nanos().saturating_mul(u128::from(steps));
            let left = rest.div_ceil(stage.duration.as_nanos().max(1));
            let taken = steps.saturating_sub(u64::try_from(left).unwrap_or(steps));
            return if stage.target > from {
                from + taken
            } else {
                from - taken
            };
        }
        (begun, from) = (end, stage.target);
    }
    from
}

/// Iterations a second that a load starts at `time`; `None` if it is not a rate that it keeps.
#[must_use]
pub fn rate_at(load: &Load, time: Duration) -> Option<f64> {
    Some(Curve::of(load)?.rate_at(time))
}

/// Iterations that a load has started by `time`, as a real number; `None` if it is not a rate that it keeps.
#[must_use]
pub fn arrivals_by(load: &Load, time: Duration) -> Option<f64> {
    Some(Curve::of(load)?.arrivals_by(time))
}

/// How many iterations a load is to start: counted, by its rate, or by its users' repeat interval, if none is late. `None`
/// if that depends on how long an iteration takes, if the load has no end, or if it ramps up again after it ramped down.
#[must_use]
pub fn expected_iterations(load: &Load) -> Option<u64> {
    if let Some(counted) = load.iterations() {
        return Some(counted);
    }
    let length = load.length()?;
    if let Some(arrivals) = arrivals_by(load, length) {
        return Some(arrivals::started(load, arrivals));
    }
    let interval = load.repeat_interval()?.as_nanos().max(1);
    let Load::RampingUsers(ramp) = load else {
        let climb = climb(load)?;
        let own = |start: Duration| {
            let left = length.saturating_sub(start).as_nanos();
            u64::try_from(left.div_ceil(interval)).unwrap_or(u64::MAX)
        };
        let starts = (0..climb.to).map(|user| times(climb.interarrival, user));
        return Some(starts.map(own).fold(0, u64::saturating_add));
    };
    ramp_iterations(ramp, length, interval)
}

/// Iterations of a ramp whose users repeat in an interval: each starts with its user's, and the last user to start is the
/// first to stop. `None` if users come back after some have gone, since one of those may still be at its last iteration and
/// keep its rhythm, and if there are more of them than one process may have.
fn ramp_iterations(load: &RampingUsers, length: Duration, interval: u128) -> Option<u64> {
    let users_max = load.stages.iter().map(|stage| stage.target);
    if users_max.fold(load.start_users, u64::max) > USERS_MAX {
        return None;
    }
    let mut starts: Vec<Duration> = Vec::new();
    let (mut sum, mut has_fallen) = (0_u64, false);
    let during = |from: Duration, to: Duration| {
        let starts = to.saturating_sub(from).as_nanos().div_ceil(interval);
        u64::try_from(starts).unwrap_or(u64::MAX)
    };
    for step in Ramp::new(load) {
        let wanted = usize::try_from(step.users).ok()?;
        if wanted > starts.len() && has_fallen {
            return None;
        }
        has_fallen |= wanted < starts.len();
        for from in starts.drain(wanted.min(starts.len())..) {
            sum = sum.saturating_add(during(from, step.at));
        }
        starts.resize(wanted, step.at);
    }
    let last = starts.into_iter().map(|from| during(from, length));
    Some(last.fold(sum, u64::saturating_add))
}

/// Steps that climb: `steps` of them, each held for `hold`; the first is at `start`, each next one `step` higher.
#[must_use]
pub fn staircase<T>(start: T, step: T, hold: Duration, steps: u32) -> Vec<Stage<T>>
where
    T: Copy + std::ops::Add<Output = T>,
{
    let mut stages = Vec::new();
    let mut target = start;
    for number in 0..steps {
        if number > 0 {
            target = target + step;
        }
        stages.push(held(Duration::ZERO, target));
        stages.push(held(hold, target));
    }
    stages
}

/// A jump from `base` to `peak` and back: `before` at the base, `hold` at the peak, `after` at the base again.
#[must_use]
pub fn spike<T: Copy>(
    base: T,
    peak: T,
    before: Duration,
    hold: Duration,
    after: Duration,
) -> Vec<Stage<T>> {
    vec![
        held(Duration::ZERO, base),
        held(before, base),
        held(Duration::ZERO, peak),
        held(hold, peak),
        held(Duration::ZERO, base),
        held(after, base),
    ]
}

fn held<T>(duration: Duration, target: T) -> Stage<T> {
    Stage { duration, target }
}

/// `time` as many times; the longest time there is if that is too long.
fn times(time: Duration, count: u64) -> Duration {
    from_nanos(time.as_nanos().saturating_mul(u128::from(count)))
}

/// `count / of` of a time, rounded down.
fn part(time: Duration, count: u64, of: u64) -> Duration {
    from_nanos(time.as_nanos().saturating_mul(u128::from(count)) / u128::from(of.max(1)))
}

fn from_nanos(nanos: u128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
