//! What was changed about a scenario while it runs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lt_spec::profile::{Climb, Curve};
use tokio::time::Instant;

/// The present state of all changes: a shift that missed some needs only the last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Steering {
    /// Grows with each change of users or rate.
    pub(crate) revision: u64,
    /// How often users were asked whether they are outdated.
    pub(crate) renewals: u64,
    pub(crate) paused_since: Option<Instant>,
    /// How long all pauses took that have ended.
    pub(crate) paused: Duration,
    /// How the users of a closed load start; for a ramp, what replaces it.
    pub(crate) climb: Option<Climb>,
    /// Users of an arrival rate at most.
    pub(crate) users_max: u64,
    /// What replaces the load's rate.
    pub(crate) curve: Option<Arc<Curve>>,
}

impl Steering {
    pub(crate) fn paused_for(&self, now: Instant) -> Duration {
        let present = self
            .paused_since
            .map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        self.paused.saturating_add(present)
    }
}

/// Why a scenario cannot be changed as asked; nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SteerError {
    /// Its executor cannot do this.
    NotPossible(String),
    /// It could, but not with this value.
    OutOfRange(String),
}

impl fmt::Display for SteerError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPossible(reason) | Self::OutOfRange(reason) => formatter.write_str(reason),
        }
    }
}

impl std::error::Error for SteerError {}
