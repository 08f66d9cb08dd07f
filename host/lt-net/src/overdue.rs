//! When a deadline of the peer's is over: not before all that it may have sent in time was read.

use std::time::Duration;

use tokio::time::Instant;

/// How long a deadline that is over is still waited for. A thread that was held up finds its timers due before it hears of
/// what lies in the kernel, of which it is told for 1024 sockets at a time, between some sixty tasks: ten such turns.
pub(crate) const GRACE: Duration = Duration::from_millis(20);
/// What came so long after a deadline is behind all that came in time: a stamp is that of the newest of the bytes that the
/// kernel has merged. For peers that send faster than they are read, so that there is always more to read.
pub(crate) const BEHIND: Duration = Duration::from_secs(1);

/// Whether a deadline is over.
#[derive(Debug, Default)]
pub(crate) struct Overdue {
    /// Until when a deadline that was found to be over is still waited for.
    until: Option<Instant>,
}

impl Overdue {
    /// To be asked after everything was read, or as much as there is time for: then there is more, and what was read last came
    /// at `arrived`.
    pub(crate) fn is_over(
        &mut self,
        deadline: Option<Instant>,
        now: Instant,
        is_all_read: bool,
        arrived: Instant,
    ) -> bool {
        let Some(deadline) = deadline.filter(|deadline| *deadline <= now) else {
            self.until = None;
            return false;
        };
        let until = *self.until.get_or_insert(now + GRACE);
        until <= now && (is_all_read || arrived >= deadline + BEHIND)
    }

    /// When to ask next.
    pub(crate) fn next(&self, deadline: Option<Instant>) -> Option<Instant> {
        deadline.map(|deadline| self.until.unwrap_or(deadline))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_deadline_is_over_when_there_was_time_to_read() {
        let start = Instant::now();
        let deadline = Some(start + SECOND);
        let mut overdue = Overdue::default();
        assert!(!overdue.is_over(deadline, start, true, start));
        assert_eq!(overdue.next(deadline), deadline);
        // The thread was held up: it may not have heard yet of what came.
        let late = start + SECOND * 9;
        assert!(!overdue.is_over(deadline, late, true, start));
        assert_eq!(overdue.next(deadline), Some(late + GRACE));
        assert!(!overdue.is_over(deadline, late + GRACE / 2, true, start));
        assert!(overdue.is_over(deadline, late + GRACE, true, start));
        // A pong came: the next deadline has a grace of its own.
        assert!(!overdue.is_over(None, late + GRACE, true, start));
        assert_eq!(overdue.next(None), None);
        assert!(!overdue.is_over(deadline, late + GRACE, true, start));
    }

    #[test]
    fn nothing_is_over_while_there_is_more_to_read_that_came_in_time() {
        let start = Instant::now();
        let deadline = Some(start + SECOND);
        let late = start + SECOND * 9;
        let mut overdue = Overdue::default();
        for index in 0..100 {
            let now = late + GRACE * index;
            assert!(!overdue.is_over(deadline, now, false, start + SECOND));
        }
        let later = late + GRACE * 100;
        assert!(overdue.is_over(deadline, later, false, start + SECOND + BEHIND));
        assert!(overdue.is_over(deadline, later, true, start + SECOND));
    }
}
