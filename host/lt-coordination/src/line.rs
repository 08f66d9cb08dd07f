//! Who waits for a throttle and who may go: pure; the shell around it (`throttle.rs`) has the clock and wakes people.

use std::collections::BTreeMap;
use std::time::Duration;

use lt_spec::limits::{COORDINATION_WAITERS_MAX, DURATION_TYPED_MAX};
use rustc_hash::FxHashMap;

use crate::api::{Budget, CoordinationError, Transition};
use crate::pace::{Pace, STEP_MIN, Schedule, Steps};

/// What a budget comes to.
#[derive(Clone, Debug, PartialEq)]
enum Mode {
    Paced(Schedule),
    Places(u32),
    Open,
}

/// A turn that was granted. Whether it holds a place, which must be given back, is known by the grant, since the budget may
/// be another by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) holds_place: bool,
}

/// What came of queueing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ticket {
    /// The turn came at once.
    Granted(Grant),
    /// It will come; ask with this number.
    Waiting(u64),
}

/// A throttle's budget, and its line of waiters with what the shell wants to remember of each.
///
/// A turn's life:
///
/// | state | its time comes | dropped |
/// |---|---|---|
/// | waiting | granted, in the order in which they came | leaves the line |
/// | granted | – | a place goes to the next; a turn of a rate is spent |
/// | taken | – | nothing: a place is kept until `release` |
///
/// `advance` comes before anything else, so that what fell due earlier goes to those who waited for it.
#[derive(Debug)]
pub(crate) struct Line<W> {
    budget: Budget,
    mode: Mode,
    /// Places held, also by those who took them before the budget was another.
    held: u64,
    /// While paused, the throttle's own clock stands still: so does a gradual change.
    paused_at_ns: Option<u64>,
    stood_still_ns: u64,
    waiting: BTreeMap<u64, W>,
    granted: FxHashMap<u64, Grant>,
    next: u64,
}

impl<W> Line<W> {
    /// An empty line.
    pub(crate) fn new(budget: Budget, now_ns: u64) -> Result<Self, CoordinationError> {
        Ok(Self {
            mode: mode(budget, now_ns)?,
            budget,
            held: 0,
            paused_at_ns: None,
            stood_still_ns: 0,
            waiting: BTreeMap::new(),
            granted: FxHashMap::default(),
            next: 0,
        })
    }

    /// Grant what fell due up to now. Those who were granted are handed out, to be woken.
    pub(crate) fn advance(&mut self, now_ns: u64, woken: &mut Vec<W>) {
        if self.paused_at_ns.is_some() {
            return;
        }
        let now_ns = self.own_clock_ns(now_ns);
        loop {
            let waited_for = !self.waiting.is_empty();
            let grant = match &mut self.mode {
                Mode::Open => waited_for.then_some(Grant { holds_place: false }),
                Mode::Places(places) => (waited_for && self.held < u64::from(*places))
                    .then_some(Grant { holds_place: true }),
                Mode::Paced(schedule) => {
                    let step_at_ns = schedule.step_at_ns();
                    if waited_for && schedule.due_ns() <= now_ns.min(step_at_ns) {
                        schedule.take();
                        Some(Grant { holds_place: false })
                    } else if step_at_ns <= now_ns {
                        schedule.step(now_ns);
                        continue;
                    } else {
                        None
                    }
                }
            };
            let Some(grant) = grant else { return };
            let Some((number, waiter)) = self.waiting.pop_first() else {
                return;
            };
            self.held += u64::from(grant.holds_place);
            self.granted.insert(number, grant);
            woken.push(waiter);
        }
    }

    /// Take a turn that is free now, if nobody waits. The line is advanced.
    pub(crate) fn try_now(&mut self, now_ns: u64) -> Option<Grant> {
        if self.paused_at_ns.is_some() || !self.waiting.is_empty() {
            return None;
        }
        let now_ns = self.own_clock_ns(now_ns);
        let grant = match &mut self.mode {
            Mode::Open => Grant { holds_place: false },
            Mode::Places(places) if self.held < u64::from(*places) => Grant { holds_place: true },
            Mode::Paced(schedule) if schedule.due_ns() <= now_ns => {
                schedule.take_late(now_ns);
                Grant { holds_place: false }
            }
            Mode::Places(_) | Mode::Paced(_) => return None,
        };
        self.held += u64::from(grant.holds_place);
        Some(grant)
    }

    /// Take a turn now or join the end of the line. The line is advanced.
    pub(crate) fn queue(
        &mut self,
        now_ns: u64,
        waiter: impl FnOnce() -> W,
    ) -> Result<Ticket, CoordinationError> {
        if let Some(grant) = self.try_now(now_ns) {
            return Ok(Ticket::Granted(grant));
        }
        if self.waiting.len() >= COORDINATION_WAITERS_MAX {
            return Err(CoordinationError::TooMany(format!(
                "{COORDINATION_WAITERS_MAX} users wait for this throttle already"
            )));
        }
        let number = self.next;
        self.next += 1;
        self.waiting.insert(number, waiter());
        Ok(Ticket::Waiting(number))
    }

    /// The grant of this waiter, once. After it, the number means nothing.
    pub(crate) fn collect(&mut self, number: u64) -> Option<Grant> {
        self.granted.remove(&number)
    }

    /// What is remembered of this waiter, while it waits.
    pub(crate) fn waiter(&mut self, number: u64) -> Option<&mut W> {
        self.waiting.get_mut(&number)
    }

    /// This waiter goes away. The caller advances the line, since a place may be free now. What was remembered is handed out,
    /// to be dropped where no lock is held.
    pub(crate) fn leave(&mut self, number: u64) -> Option<W> {
        if let Some(grant) = self.granted.remove(&number) {
            self.give_back(grant);
        }
        self.waiting.remove(&number)
    }

    /// A grant that nobody took.
    pub(crate) fn give_back(&mut self, grant: Grant) {
        if grant.holds_place {
            self.release();
        }
    }

    /// A place is free again. The caller advances the line.
    pub(crate) fn release(&mut self) {
        self.held = self.held.saturating_sub(1);
    }

    /// Another budget from now on. The line is advanced before and after.
    pub(crate) fn change(&mut self, budget: Budget, now_ns: u64) -> Result<(), CoordinationError> {
        let now_ns = self.own_clock_ns(now_ns);
        let mode = mode(budget, now_ns)?;
        match (&mut self.mode, mode) {
            (Mode::Paced(schedule), Mode::Paced(new)) => schedule.change(new.pace(), now_ns),
            (present, new) => *present = new,
        }
        self.budget = budget;
        Ok(())
    }

    /// Another rate by and by. The line is advanced before and after.
    pub(crate) fn change_gradually(
        &mut self,
        budget: Budget,
        transition: Transition,
        now_ns: u64,
    ) -> Result<(), CoordinationError> {
        let now_ns = self.own_clock_ns(now_ns);
        let steps = steps(transition)?;
        let Mode::Paced(new) = mode(budget, now_ns)? else {
            return Err(invalid("only to a rate can a budget change gradually"));
        };
        let Mode::Paced(schedule) = &mut self.mode else {
            return Err(invalid("only from a rate can a budget change gradually"));
        };
        if schedule.is_changing() {
            return Err(CoordinationError::Conflict(
                "a gradual change is under way".to_owned(),
            ));
        }
        schedule.change_gradually(new.pace(), steps, now_ns);
        self.budget = budget;
        Ok(())
    }

    /// Stop the throttle's clock and let nobody through. The line is advanced before.
    pub(crate) fn pause(&mut self, now_ns: u64) {
        self.paused_at_ns.get_or_insert(now_ns);
    }

    /// Go on. The caller advances the line.
    pub(crate) fn resume(&mut self, now_ns: u64) {
        if let Some(since_ns) = self.paused_at_ns.take() {
            self.stood_still_ns += now_ns.saturating_sub(since_ns);
        }
    }

    /// Let everybody through. The caller advances the line.
    pub(crate) fn unlock(&mut self, now_ns: u64) {
        self.resume(now_ns);
        self.mode = Mode::Open;
        self.budget = Budget::Unlimited;
    }

    /// The budget at present; `None` while paused. The line is advanced. In a gradual change, it is the spacing of the
    /// present step, rounded up to a nanosecond.
    pub(crate) fn budget(&self) -> Option<Budget> {
        match &self.mode {
            _ if self.paused_at_ns.is_some() => None,
            Mode::Paced(schedule) if schedule.is_changing() => {
                Some(Budget::Interarrival(schedule.pace().spacing()))
            }
            Mode::Paced(_) | Mode::Places(_) | Mode::Open => Some(self.budget),
        }
    }

    /// When the line must be advanced though nothing happens to it.
    pub(crate) fn alarm_ns(&self) -> Option<u64> {
        if self.paused_at_ns.is_some() || self.waiting.is_empty() {
            return None;
        }
        match &self.mode {
            Mode::Paced(schedule) => Some(
                schedule
                    .due_ns()
                    .min(schedule.step_at_ns())
                    .saturating_add(self.stood_still_ns),
            ),
            Mode::Places(_) | Mode::Open => None,
        }
    }

    /// Those who wait, in the order in which they came.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &W> {
        self.waiting.values()
    }

    fn own_clock_ns(&self, now_ns: u64) -> u64 {
        self.paused_at_ns
            .unwrap_or(now_ns)
            .saturating_sub(self.stood_still_ns)
    }
}

/// Whether a budget makes sense.
pub(crate) fn check(budget: Budget) -> Result<(), CoordinationError> {
    mode(budget, 0).map(drop)
}

fn mode(budget: Budget, now_ns: u64) -> Result<Mode, CoordinationError> {
    let paced = |count, interval| {
        if interval > DURATION_TYPED_MAX {
            return Err(invalid("a rate's interval is longer than ten years"));
        }
        let pace = Pace::new(count, interval)
            .ok_or_else(|| invalid("a rate's count and interval must not be zero"))?;
        Ok(Mode::Paced(Schedule::new(pace, now_ns)))
    };
    match budget {
        Budget::Rate { count, interval } => paced(count, interval),
        Budget::Interarrival(Duration::ZERO) | Budget::Unlimited => Ok(Mode::Open),
        Budget::Interarrival(interval) => paced(1, interval),
        Budget::Parallelism(0) => Err(invalid("parallelism must not be zero")),
        Budget::Parallelism(places) => Ok(Mode::Places(places)),
    }
}

fn steps(transition: Transition) -> Result<Steps, CoordinationError> {
    let steps = match transition {
        Transition::Steps(count, length) => Steps::new(count, length).ok_or_else(|| {
            invalid(&format!(
                "a gradual change needs at least one step, none shorter than {STEP_MIN:?}"
            ))
        })?,
        Transition::Over(length) => Steps::over(length).ok_or_else(|| {
            invalid(&format!(
                "a gradual change must not be shorter than {STEP_MIN:?}"
            ))
        })?,
    };
    if steps.length() > DURATION_TYPED_MAX {
        return Err(invalid("a gradual change takes longer than ten years"));
    }
    Ok(steps)
}

fn invalid(text: &str) -> CoordinationError {
    CoordinationError::InvalidValue(text.to_owned())
}
