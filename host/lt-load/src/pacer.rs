//! When the next iteration of a user is due: pure arithmetic on times since the start.

use std::time::Duration;

/// When a user's next iteration is intended to start, given when the last was intended and when it ended.
///
/// With a repeat interval, intended starts stay on the user's own grid, however late it runs: a user that overran starts
/// its next iteration at once, and the lateness is visible instead of being forgotten (no coordinated omission).
/// Without one, the next iteration is due when the last ended.
#[must_use]
pub fn next_intended(intended: Duration, ended: Duration, repeat: Option<Duration>) -> Duration {
    match repeat {
        Some(interval) => intended.saturating_add(interval),
        None => ended,
    }
}

/// The users of one of `cores` cores: every `cores`-th of `users`, so that ids, roles and starts spread evenly.
pub fn users_of_core(users: u64, core: u64, cores: u64) -> impl Iterator<Item = u64> {
    (core..users).step_by(usize::try_from(cores.max(1)).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn a_closed_loop_starts_when_the_last_iteration_ended() {
        assert_eq!(next_intended(MS(10), MS(17), None), MS(17));
    }

    #[test]
    fn a_late_user_stays_on_its_grid() {
        assert_eq!(next_intended(MS(10), MS(95), Some(MS(20))), MS(30));
        assert_eq!(next_intended(MS(30), MS(31), Some(MS(20))), MS(50));
    }

    #[test]
    fn cores_share_the_users_without_loss() {
        let mut all: Vec<u64> = (0..3).flat_map(|core| users_of_core(10, core, 3)).collect();
        all.sort_unstable();
        assert_eq!(all, (0..10).collect::<Vec<_>>());
        assert_eq!(users_of_core(2, 2, 3).count(), 0);
    }
}
