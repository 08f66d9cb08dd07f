//! When iterations start: the seven executors with their values, and what follows from those.

use std::time::Duration;

/// When iterations start: one variant an executor.
#[derive(Clone, Debug, PartialEq)]
pub enum Load {
    /// A fixed number of users, each iterating again and again.
    ConstantUsers(ConstantUsers),
    /// A number of users that follows stages.
    RampingUsers(RampingUsers),
    /// A fixed number of users, each with as many iterations.
    PerUserIterations(PerUserIterations),
    /// A number of iterations that users share.
    SharedIterations(SharedIterations),
    /// Iterations start at a constant rate, whoever is free.
    ConstantArrivalRate(ConstantArrivalRate),
    /// Iterations start at a rate that follows stages.
    RampingArrivalRate(RampingArrivalRate),
    /// A constant number of users, each replaced by a new one when it ends.
    Churn(Churn),
}

/// How the users of a closed load space their starts and their iterations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// Time between the starts of two users; zero starts all at once.
    pub interarrival: Duration,
    /// Time between the intended starts of two iterations of one user; `None`: the next starts when the last ended.
    pub repeat_interval: Option<Duration>,
}

/// The `constant-users` executor.
#[derive(Clone, Debug, PartialEq)]
pub struct ConstantUsers {
    /// How many.
    pub users: u64,
    /// How long; `None`: until stopped.
    pub duration: Option<Duration>,
    /// Spacing.
    pub pace: Pace,
}

/// The `per-user-iterations` executor.
#[derive(Clone, Debug, PartialEq)]
pub struct PerUserIterations {
    /// How many users.
    pub users: u64,
    /// How many iterations each.
    pub iterations: u64,
    /// When it ends at the latest; `None`: when all are done.
    pub max_duration: Option<Duration>,
    /// Spacing.
    pub pace: Pace,
}

/// The `shared-iterations` executor.
#[derive(Clone, Debug, PartialEq)]
pub struct SharedIterations {
    /// How many users.
    pub users: u64,
    /// How many iterations in all.
    pub iterations: u64,
    /// When it ends at the latest; `None`: when all are done.
    pub max_duration: Option<Duration>,
    /// Spacing.
    pub pace: Pace,
}

/// One stage of a ramp: from where the last one ended, evenly to its target; a duration of zero jumps there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage<T> {
    /// How long it takes.
    pub duration: Duration,
    /// Where it ends: users, or iterations a second.
    pub target: T,
}

/// The `ramping-users` executor.
#[derive(Clone, Debug, PartialEq)]
pub struct RampingUsers {
    /// Users at the start.
    pub start_users: u64,
    /// What follows; not empty.
    pub stages: Vec<Stage<u64>>,
    /// How long the iteration of a user that is ramped down may take.
    pub graceful_ramp_down: Duration,
    /// Time between the intended starts of two iterations of one user.
    pub repeat_interval: Option<Duration>,
}

/// How arrivals are spaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spacing {
    /// Evenly.
    #[default]
    Uniform,
    /// At random: a Poisson process of the rate, drawn from the run's seed.
    Poisson,
}

/// The `constant-arrival-rate` executor.
#[derive(Clone, Debug, PartialEq)]
pub struct ConstantArrivalRate {
    /// Iterations a second; above zero.
    pub rate: f64,
    /// How long; `None`: until stopped.
    pub duration: Option<Duration>,
    /// How they are spaced.
    pub spacing: Spacing,
    /// Users made before the start.
    pub users: u64,
    /// Users it may have at most; at least `users`.
    pub users_max: u64,
}

/// The `ramping-arrival-rate` executor.
#[derive(Clone, Debug, PartialEq)]
pub struct RampingArrivalRate {
    /// Iterations a second at the start; zero is allowed.
    pub start_rate: f64,
    /// What follows; not empty.
    pub stages: Vec<Stage<f64>>,
    /// How they are spaced.
    pub spacing: Spacing,
    /// Users made before the start.
    pub users: u64,
    /// Users it may have at most; at least `users`.
    pub users_max: u64,
}

/// The `churn` executor: a constant number of users at a time; each that ends is replaced by a new identity.
#[derive(Clone, Debug, PartialEq)]
pub struct Churn {
    /// How many at a time.
    pub users: u64,
    /// Iterations of one user before it ends; `None`: it ends when it says so (`stop-self`).
    pub iterations: Option<u64>,
    /// How long; `None`: until stopped.
    pub duration: Option<Duration>,
    /// Time between the starts of two users at the beginning, and between a user's end and its replacement's start.
    pub interval: Duration,
    /// Time between the intended starts of two iterations of one user.
    pub repeat_interval: Option<Duration>,
}

impl Load {
    /// Its name, as typed.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::ConstantUsers(_) => "constant-users",
            Self::RampingUsers(_) => "ramping-users",
            Self::PerUserIterations(_) => "per-user-iterations",
            Self::SharedIterations(_) => "shared-iterations",
            Self::ConstantArrivalRate(_) => "constant-arrival-rate",
            Self::RampingArrivalRate(_) => "ramping-arrival-rate",
            Self::Churn(_) => "churn",
        }
    }

    /// Users it may have at a time at most.
    #[must_use]
    pub fn users_max(&self) -> u64 {
        match self {
            Self::ConstantUsers(load) => load.users,
            Self::RampingUsers(load) => {
                let targets = load.stages.iter().map(|stage| stage.target);
                targets.fold(load.start_users, u64::max)
            }
            Self::PerUserIterations(load) => load.users,
            Self::SharedIterations(load) => load.users,
            Self::ConstantArrivalRate(load) => load.users_max,
            Self::RampingArrivalRate(load) => load.users_max,
            Self::Churn(load) => load.users,
        }
    }

    /// Users that are made before the clock starts, if its scenario starts with the clock.
    #[must_use]
    pub fn users_at_start(&self) -> u64 {
        match self {
            Self::ConstantUsers(load) => at_once(load.users, load.pace.interarrival),
            Self::PerUserIterations(load) => at_once(load.users, load.pace.interarrival),
            Self::SharedIterations(load) => at_once(load.users, load.pace.interarrival),
            Self::Churn(load) => at_once(load.users, load.interval),
            Self::RampingUsers(load) => load.start_users,
            Self::ConstantArrivalRate(load) => load.users,
            Self::RampingArrivalRate(load) => load.users,
        }
    }

    /// When no more iterations start, since its own start; `None` if only work or a person ends it.
    #[must_use]
    pub fn length(&self) -> Option<Duration> {
        match self {
            Self::ConstantUsers(load) => load.duration,
            Self::RampingUsers(load) => Some(total(&load.stages)),
            Self::PerUserIterations(load) => load.max_duration,
            Self::SharedIterations(load) => load.max_duration,
            Self::ConstantArrivalRate(load) => load.duration,
            Self::RampingArrivalRate(load) => Some(total(&load.stages)),
            Self::Churn(load) => load.duration,
        }
    }

    /// How many iterations it does, if that is what it counts.
    #[must_use]
    pub fn iterations(&self) -> Option<u64> {
        match self {
            Self::PerUserIterations(load) => Some(load.users.saturating_mul(load.iterations)),
            Self::SharedIterations(load) => Some(load.iterations),
            Self::ConstantUsers(_)
            | Self::RampingUsers(_)
            | Self::ConstantArrivalRate(_)
            | Self::RampingArrivalRate(_)
            | Self::Churn(_) => None,
        }
    }

    /// Time between the intended starts of two iterations of one user, where that is fixed.
    #[must_use]
    pub fn repeat_interval(&self) -> Option<Duration> {
        match self {
            Self::ConstantUsers(load) => load.pace.repeat_interval,
            Self::PerUserIterations(load) => load.pace.repeat_interval,
            Self::SharedIterations(load) => load.pace.repeat_interval,
            Self::RampingUsers(load) => load.repeat_interval,
            Self::Churn(load) => load.repeat_interval,
            Self::ConstantArrivalRate(_) | Self::RampingArrivalRate(_) => None,
        }
    }
}

fn at_once(users: u64, interarrival: Duration) -> u64 {
    if interarrival.is_zero() {
        users
    } else {
        users.min(1)
    }
}

fn total<T>(stages: &[Stage<T>]) -> Duration {
    stages.iter().fold(Duration::ZERO, |sum, stage| {
        sum.saturating_add(stage.duration)
    })
}
