//! Another version of a scenario's code while its users run: how it is asked for, and what is told of it.
//!
//! `init` is not run again: users of the new version join with what the first version's `init` returned. `terminate` is that of the
//! version that is current at the end.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lt_runtime::Scenario;
use lt_spec::Problem;
use tokio::sync::oneshot::{Receiver, Sender, channel};

use crate::control::Control;

/// Swaps that may wait for the run to look: it looks ten times a second, and each holds a compiled scenario.
const SWAPS_WAITING_MAX: usize = 20;

/// Another version for a scenario of a run.
#[derive(Clone)]
pub struct Swap {
    /// The version: checked, compiled and described.
    pub scenario: Scenario,
    /// The share of users that take it: above 0, at most 1. Below 1 it is on trial, until the same version is asked for with
    /// another share or the trial is rolled back.
    pub share: f64,
    /// Whether running users move, before their next iteration. If not, they keep their version until they end.
    pub drain: bool,
    /// New values of its settings; the others keep what they were given.
    pub settings: BTreeMap<String, String>,
    /// When it is rolled back by itself.
    pub rollback: Option<RollbackRule>,
}

/// When a version is rolled back by itself: judged once a second, from the swap on and until the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RollbackRule {
    /// What is too much: iterations that failed and users that could not join.
    pub failures: RollbackLimit,
    /// Iterations and joins with it before it is judged.
    pub after_iterations: u64,
}

/// How many failures are too many.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RollbackLimit {
    /// This many.
    Count(u64),
    /// This percentage of iterations and joins.
    Percent(f64),
}

/// Why nothing moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SwapRefused {
    /// The run has no such scenario, or several and none was named.
    NoSuchPart(String),
    /// Another version is on trial.
    UnderWay(String),
    /// It does not fit the run: everything that is wrong.
    Invalid(Vec<Problem>),
    /// There is no version to go back to.
    NothingBefore(String),
    /// Too many swaps wait for the run.
    TooMany(String),
    /// The run has ended.
    HasEnded,
}

impl fmt::Display for SwapRefused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchPart(text)
            | Self::UnderWay(text)
            | Self::NothingBefore(text)
            | Self::TooMany(text) => formatter.write_str(text),
            Self::Invalid(problems) => {
                let texts: Vec<String> = problems.iter().map(Problem::to_string).collect();
                formatter.write_str(&texts.join("; "))
            }
            Self::HasEnded => formatter.write_str("the run has ended"),
        }
    }
}

impl std::error::Error for SwapRefused {}

/// How a version of a scenario stands.
#[derive(Clone, Debug, PartialEq)]
pub struct VersionSeen {
    /// Name of the scenario in the run.
    pub part: Arc<str>,
    /// What the version is called in the tag `version`: `0.1.0+3f2a91bc`.
    pub label: Arc<str>,
    /// What it calls itself.
    pub version: Arc<str>,
    /// SHA-256 of its bytes, in hexadecimal.
    pub digest: Arc<str>,
    /// The present values of its settings, without secrets.
    pub settings: Arc<BTreeMap<String, String>>,
    /// The share of users that are to have it.
    pub share: f64,
    /// Users that have it.
    pub users: u64,
    /// Iterations done with it.
    pub iterations: u64,
    /// Those of them that failed.
    pub failures: u64,
    /// Users that could not join with it.
    pub joins_failed: u64,
    /// Whether it is what users have, but for those that try another.
    pub current: bool,
}

/// How far a swap is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwapStage {
    /// It is current, and some users still have another.
    RollingOut,
    /// A share of users tries it.
    Canary,
    /// All users have it.
    Complete,
    /// It was taken back.
    RolledBack,
}

impl SwapStage {
    /// In one word, for programs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RollingOut => "rolling_out",
            Self::Canary => "canary",
            Self::Complete => "complete",
            Self::RolledBack => "rolled_back",
        }
    }
}

/// The last swap of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct SwapSeen {
    /// Name of the scenario in the run.
    pub part: Arc<str>,
    /// The version it brings.
    pub to: Arc<str>,
    /// The version that was current before.
    pub from: Arc<str>,
    /// The share of users that take it.
    pub share: f64,
    /// Whether running users move.
    pub drain: bool,
    /// How far it is.
    pub stage: SwapStage,
    /// Why it was rolled back.
    pub reason: Option<String>,
    /// When it began, since the run's clock started.
    pub started: Duration,
    /// When all users had it, or it was rolled back.
    pub completed: Option<Duration>,
}

/// What somebody asked for.
pub(crate) enum Asked {
    Swap(Box<Swap>),
    RollBack,
}

/// Who asked for what.
pub(crate) struct Request {
    /// Name of the scenario.
    pub(crate) part: Option<String>,
    pub(crate) asked: Asked,
    pub(crate) answer: Sender<Result<(), SwapRefused>>,
}

/// Swaps that wait for the run to look; `None` once it has ended.
pub(crate) struct SwapQueue(Mutex<Option<VecDeque<Request>>>);

impl Default for SwapQueue {
    fn default() -> Self {
        Self(Mutex::new(Some(VecDeque::new())))
    }
}

impl fmt::Debug for SwapQueue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.lock().as_ref().map(VecDeque::len);
        formatter.debug_tuple("SwapQueue").field(&waiting).finish()
    }
}

impl SwapQueue {
    fn ask(&self, part: Option<&str>, asked: Asked) -> Receiver<Result<(), SwapRefused>> {
        let (answer, answered) = channel();
        let mut queue = self.lock();
        let refused = match &mut *queue {
            None => SwapRefused::HasEnded,
            Some(waiting) if waiting.len() < SWAPS_WAITING_MAX => {
                let part = part.map(str::to_owned);
                waiting.push_back(Request {
                    part,
                    asked,
                    answer,
                });
                return answered;
            }
            Some(_) => SwapRefused::TooMany(format!(
                "{SWAPS_WAITING_MAX} swaps wait already; try again later"
            )),
        };
        // The receiver is right here.
        let _sent = answer.send(Err(refused));
        answered
    }

    /// What was asked for since the last look.
    pub(crate) fn take(&self) -> VecDeque<Request> {
        self.lock().as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Refuse all from when the guard is dropped.
    pub(crate) fn closing(&self) -> Closing<'_> {
        Closing(self)
    }

    fn lock(&self) -> MutexGuard<'_, Option<VecDeque<Request>>> {
        // A queue is whole at every moment, whoever panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes a queue when the run ends, however it does.
pub(crate) struct Closing<'a>(&'a SwapQueue);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        for request in self.0.lock().take().unwrap_or_default() {
            // Who asked may not wait for the answer.
            let _unheard = request.answer.send(Err(SwapRefused::HasEnded));
        }
    }
}

impl Control {
    /// Have users of a scenario take another version of its code; `None` is the run's only scenario. All is checked before anything
    /// moves. The answer comes once that is done: users then move in their own time, as [`crate::Tick`] tells.
    #[must_use = "a swap may be refused"]
    pub fn swap(&self, part: Option<&str>, swap: Swap) -> Receiver<Result<(), SwapRefused>> {
        self.swaps().ask(part, Asked::Swap(Box::new(swap)))
    }

    /// End a trial, or go back to the version before the last swap.
    #[must_use = "it may be refused"]
    pub fn roll_back(&self, part: Option<&str>) -> Receiver<Result<(), SwapRefused>> {
        self.swaps().ask(part, Asked::RollBack)
    }
}

#[cfg(test)]
#[path = "swap_tests.rs"]
mod tests;
