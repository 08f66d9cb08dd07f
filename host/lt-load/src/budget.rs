//! How many iterations are left, for all cores of a scenario together.

use std::sync::atomic::{AtomicU64, Ordering};

use lt_spec::spec::Load;

#[derive(Clone, Copy, Debug)]
enum Kind {
    Unlimited,
    PerUser(u64),
    Shared(u64),
}

/// Iterations that may still start. Shared by all cores: one atomic, touched once an iteration and only if the load has a
/// shared number of them.
#[derive(Debug)]
pub struct Budget {
    kind: Kind,
    left: AtomicU64,
}

impl Budget {
    /// The budget of a load.
    #[must_use]
    pub fn of(load: &Load) -> Self {
        Self::new(match load {
            Load::PerUserIterations(load) => Kind::PerUser(load.iterations),
            Load::SharedIterations(load) => Kind::Shared(load.iterations),
            Load::ConstantUsers(_)
            | Load::RampingUsers(_)
            | Load::ConstantArrivalRate(_)
            | Load::RampingArrivalRate(_)
            | Load::Churn(_) => Kind::Unlimited,
        })
    }

    fn new(kind: Kind) -> Self {
        let left = match kind {
            Kind::Shared(count) => count,
            Kind::Unlimited | Kind::PerUser(_) => 0,
        };
        Self {
            kind,
            left: AtomicU64::new(left),
        }
    }

    /// Take one iteration for a user that has done `done` of them; `false` if there is none left.
    pub fn claim(&self, done: u64) -> bool {
        match self.kind {
            Kind::Unlimited => true,
            Kind::PerUser(count) => done < count,
            Kind::Shared(_) => self
                .left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                    left.checked_sub(1)
                })
                .is_ok(),
        }
    }

    /// Whether a user that has done `done` may have another: for a shared budget, if nobody takes it meanwhile.
    #[must_use]
    pub fn has_next(&self, done: u64) -> bool {
        match self.kind {
            Kind::Unlimited => true,
            Kind::PerUser(count) => done < count,
            Kind::Shared(_) => !self.exhausted(),
        }
    }

    /// Whether a shared budget is used up: no user of any core will start another iteration.
    #[must_use]
    pub fn exhausted(&self) -> bool {
        matches!(self.kind, Kind::Shared(_)) && self.left.load(Ordering::Relaxed) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_budget_ends_for_all() {
        let budget = Budget::new(Kind::Shared(2));
        assert!(budget.claim(0) && !budget.exhausted());
        assert!(budget.has_next(1));
        assert!(budget.claim(7) && budget.exhausted());
        assert!(!budget.has_next(0) && !budget.claim(0));
    }

    #[test]
    fn a_budget_per_user_counts_each_users_own() {
        let budget = Budget::new(Kind::PerUser(1));
        assert!(budget.claim(0) && budget.claim(0));
        assert!(budget.has_next(0) && !budget.has_next(1));
        assert!(!budget.claim(1) && !budget.exhausted());
    }

    #[test]
    fn without_a_budget_there_is_always_another() {
        assert!(Budget::new(Kind::Unlimited).claim(u64::MAX));
    }
}
