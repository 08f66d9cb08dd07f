//! When a run counts as steady: a pure function of what was seen when.

use std::time::Duration;

use lt_spec::spec::Steady;

/// What the steady-state rule says now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SteadyVerdict {
    /// Not yet.
    Waiting,
    /// It has held for as long as was asked.
    Reached,
    /// The deadline has passed before it did.
    TooLate,
}

/// Follows how long the condition has held for every user that was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SteadyWatch {
    rule: Steady,
    /// Users that were asked for; those that failed stay in it.
    requested: u64,
    since: Option<Duration>,
}

impl SteadyWatch {
    pub(crate) fn new(rule: Steady, requested: u64) -> Self {
        Self {
            rule,
            requested,
            since: None,
        }
    }

    /// So many more were asked for, or fewer.
    pub(crate) fn ask_for(&mut self, more: u64, fewer: u64) {
        self.requested = self.requested.saturating_add(more).saturating_sub(fewer);
    }

    /// Users that were asked for.
    pub(crate) fn requested(&self) -> u64 {
        self.requested
    }

    /// What is true at `now`, with the condition holding for `steady` users.
    pub(crate) fn observe(&mut self, now: Duration, steady: u64) -> SteadyVerdict {
        if steady < self.requested {
            self.since = None;
        } else {
            let since = *self.since.get_or_insert(now);
            if now.saturating_sub(since) >= self.rule.hold {
                return SteadyVerdict::Reached;
            }
        }
        if now >= self.rule.deadline {
            return SteadyVerdict::TooLate;
        }
        SteadyVerdict::Waiting
    }

    /// How it stood when the run ended otherwise, for people.
    pub(crate) fn shortfall(&self, steady: u64) -> String {
        format!(
            "the steady state was not reached: it held for {steady} of {} users at the end",
            self.requested
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    fn watch() -> SteadyWatch {
        let rule = Steady {
            hold: S(10),
            deadline: S(60),
        };
        SteadyWatch::new(rule, 3)
    }

    #[test]
    fn it_must_hold_for_all_without_a_gap() {
        let mut steady = watch();
        assert_eq!(steady.observe(S(1), 2), SteadyVerdict::Waiting);
        assert_eq!(steady.observe(S(2), 3), SteadyVerdict::Waiting);
        assert_eq!(steady.observe(S(11), 3), SteadyVerdict::Waiting);
        assert_eq!(steady.observe(S(11), 2), SteadyVerdict::Waiting);
        assert_eq!(steady.observe(S(12), 3), SteadyVerdict::Waiting);
        assert_eq!(steady.observe(S(22), 3), SteadyVerdict::Reached);
    }

    #[test]
    fn users_that_failed_stay_in_the_denominator() {
        let mut steady = watch();
        for second in 0..60 {
            assert_eq!(steady.observe(S(second), 2), SteadyVerdict::Waiting);
        }
        assert_eq!(steady.observe(S(60), 2), SteadyVerdict::TooLate);
        assert!(steady.shortfall(2).contains("2 of 3 users"));
    }

    #[test]
    fn reached_at_the_deadline_is_reached() {
        let mut steady = watch();
        assert_eq!(steady.observe(S(50), 3), SteadyVerdict::Waiting);
        assert_eq!(steady.observe(S(60), 3), SteadyVerdict::Reached);
    }
}
