//! The phases of a scenario on one core.

use tokio::time::Instant;

/// Where a scenario is on one core. Its own start, length and graceful stop count.
///
/// | from      | on                                   | to        |
/// |-----------|--------------------------------------|-----------|
/// | Preparing | the clock of `Signal::Start` plus the scenario's start comes | Running |
/// | Preparing, Running | `Signal::Drain`: iterations used up, or no user left          | Draining  |
/// | any but Halted | `Signal::Stop`, length over   | Stopping  |
/// | Stopping  | graceful stop over                   | Halted    |
/// | any       | `Signal::Halt`                       | Halted    |
///
/// Phases only go forward. In Draining and Stopping no iteration starts; only in Stopping are users asked to hurry
/// (`should-stop`) and is there a deadline. In Halted the users are dropped where they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Users are being built; the clock has not started.
    Preparing,
    /// Iterations start.
    Running,
    /// The iterations are used up; those under way end in their own time.
    Draining,
    /// The end has come; iterations under way have the graceful stop to end.
    Stopping,
    /// Users are dropped.
    Halted,
}

/// What the run tells its cores. Later signals replace earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Build users and wait.
    Prepare,
    /// The run's clock starts at this instant, the same on all cores and for all scenarios.
    Start(Instant),
    /// No new iterations: the budget is used up, or all users have ended.
    Drain,
    /// End gracefully.
    Stop,
    /// End at once.
    Halt,
}

impl Signal {
    /// How late in the life of a run a signal belongs: a signal never replaces a later one.
    #[must_use]
    pub fn rank(self) -> u8 {
        match self {
            Self::Prepare => 0,
            Self::Start(_) => 1,
            Self::Drain => 2,
            Self::Stop => 3,
            Self::Halt => 4,
        }
    }
}
