//! How the program ends: k6's codes, so that CI jobs written for it keep working, and some of our own.

use std::process::ExitCode;

/// The program's exit codes: a contract with CI jobs. A number never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: did what was asked, which may be to reach the steady state; every threshold holds.
    Success,
    /// 99: the run ended, and a threshold does not hold.
    ThresholdsFailed,
    /// 100: the scenario's `init` failed; no user started.
    InitFailed,
    /// 101: the scenario's `terminate` failed.
    TerminateFailed,
    /// 103: stopped through the API.
    StoppedByApi,
    /// 104: the input or the configuration is wrong; nothing was started.
    BadInput,
    /// 105: interrupted by Ctrl-C or a signal.
    Interrupted,
    /// 107: more users failed than --on-user-failure allows.
    TrapPolicy,
    /// 108: the scenario ended the run itself.
    AbortedByScenario,
    /// 110: failed for a reason of the host or the machine.
    Failed,
    /// 111: the deadline passed, or the run ended, before the steady state was reached.
    Deadline,
    /// 112: hosts of a distributed run were lost.
    HostsLost,
}

impl Exit {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 12] = [
        Self::Success,
        Self::ThresholdsFailed,
        Self::InitFailed,
        Self::TerminateFailed,
        Self::StoppedByApi,
        Self::BadInput,
        Self::Interrupted,
        Self::TrapPolicy,
        Self::AbortedByScenario,
        Self::Failed,
        Self::Deadline,
        Self::HostsLost,
    ];

    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::ThresholdsFailed => 99,
            Self::InitFailed => 100,
            Self::TerminateFailed => 101,
            Self::StoppedByApi => 103,
            Self::BadInput => 104,
            Self::Interrupted => 105,
            Self::TrapPolicy => 107,
            Self::AbortedByScenario => 108,
            Self::Failed => 110,
            Self::Deadline => 111,
            Self::HostsLost => 112,
        }
    }

    /// One line for the help text.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Success => "done; every threshold holds",
            Self::ThresholdsFailed => "a threshold does not hold",
            Self::InitFailed => "the scenario's init failed; no user started",
            Self::TerminateFailed => "the scenario's terminate failed",
            Self::StoppedByApi => "stopped through the API",
            Self::BadInput => "bad input or configuration; nothing was started",
            Self::Interrupted => "interrupted (Ctrl-C, SIGTERM)",
            Self::TrapPolicy => "more users failed than --on-user-failure allows",
            Self::AbortedByScenario => "ended by the scenario itself",
            Self::Failed => "failed for a reason of the host or the machine",
            Self::Deadline => "the steady state was not reached by its deadline",
            Self::HostsLost => "hosts of a distributed run were lost",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_contract() {
        let codes = Exit::ALL.map(Exit::code);
        assert_eq!(
            codes,
            [0, 99, 100, 101, 103, 104, 105, 107, 108, 110, 111, 112]
        );
    }
}
