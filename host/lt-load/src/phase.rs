//! The phases of a run on one core.

use tokio::time::Instant;

/// Where a core is in the run.
///
/// | from      | on                                   | to        |
/// |-----------|--------------------------------------|-----------|
/// | Preparing | `Signal::Start` (its instant comes)  | Running   |
/// | Preparing, Running | iterations used up          | Draining  |
/// | any but Halted | `Signal::Stop`, duration over   | Stopping  |
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
    /// The clock starts at this instant, the same on all cores.
    Start(Instant),
    /// No new iterations: the budget is used up.
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
