//! What was changed about a scenario while it runs.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
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
    /// Users that there are to be at a time in the end, as people count them.
    pub(crate) planned: u64,
    /// Places of a closed load that are to have no user, though there are to be users in places above: theirs was removed.
    pub(crate) barred: Arc<BTreeSet<u64>>,
    /// Who of those that are one too many is dropped where it stands.
    pub(crate) forced: Forced,
    /// What replaces the load's rate.
    pub(crate) curve: Option<Arc<Curve>>,
}

/// Users that were removed by force at one time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Forced {
    /// The revision that removed them: zero if none did.
    pub(crate) revision: u64,
    /// The places that they had in a closed load.
    pub(crate) places: Range<u64>,
}

impl Forced {
    /// Those that a core has not heard of yet: it knows of the changes up to this revision.
    pub(crate) fn since(&self, revision: u64) -> Option<&Range<u64>> {
        (self.revision > revision).then_some(&self.places)
    }
}

impl Steering {
    /// How many places below this one are to have users.
    pub(crate) fn users_below(&self, places: u64) -> u64 {
        places.saturating_sub(self.barred.range(..places).count() as u64)
    }

    /// The least number of places that has so many to have users.
    pub(crate) fn places_for(&self, users: u64) -> u64 {
        let mut places = users;
        for barred in self.barred.iter() {
            if *barred >= places {
                break;
            }
            places = places.saturating_add(1);
        }
        places
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_without_users_are_passed_over() {
        let steering = Steering {
            barred: Arc::new(BTreeSet::from([1, 2, 5])),
            ..Steering::default()
        };
        let places: Vec<u64> = (0..5).map(|users| steering.places_for(users)).collect();
        assert_eq!(places, [0, 1, 4, 5, 7]);
        for users in 0..100 {
            assert_eq!(steering.users_below(steering.places_for(users)), users);
        }
    }
}
