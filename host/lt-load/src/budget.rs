//! How many iterations are left, for all cores together.

use std::sync::atomic::{AtomicU64, Ordering};

use lt_spec::spec::Iterations;

/// Iterations that may still start. Shared by all cores: one atomic, touched once an iteration and only if the run has a
/// shared number of them.
#[derive(Debug)]
pub struct Budget {
    kind: Iterations,
    left: AtomicU64,
}

impl Budget {
    /// A budget for the whole run.
    #[must_use]
    pub fn new(kind: Iterations) -> Self {
        let left = match kind {
            Iterations::Shared(count) => count,
            Iterations::Unlimited | Iterations::PerUser(_) => 0,
        };
        Self {
            kind,
            left: AtomicU64::new(left),
        }
    }

    /// Take one iteration for a user that has done `done` of them; `false` if there is none left.
    pub fn claim(&self, done: u64) -> bool {
        match self.kind {
            Iterations::Unlimited => true,
            Iterations::PerUser(count) => done < count,
            Iterations::Shared(_) => self
                .left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                    left.checked_sub(1)
                })
                .is_ok(),
        }
    }

    /// Whether a shared budget is used up: no user of any core will start another iteration.
    #[must_use]
    pub fn exhausted(&self) -> bool {
        matches!(self.kind, Iterations::Shared(_)) && self.left.load(Ordering::Relaxed) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_budget_ends_for_all() {
        let budget = Budget::new(Iterations::Shared(2));
        assert!(budget.claim(0) && !budget.exhausted());
        assert!(budget.claim(7) && budget.exhausted());
        assert!(!budget.claim(0));
    }

    #[test]
    fn a_budget_per_user_counts_each_users_own() {
        let budget = Budget::new(Iterations::PerUser(1));
        assert!(budget.claim(0) && budget.claim(0));
        assert!(!budget.claim(1) && !budget.exhausted());
    }

    #[test]
    fn without_a_budget_there_is_always_another() {
        assert!(Budget::new(Iterations::Unlimited).claim(u64::MAX));
    }
}
