//! When the turns of a rate fall due: pure arithmetic on a clock of nanoseconds.
//!
//! Turns lie on a grid: turn *n* falls due *n* × interval ÷ count after the grid's origin, rounded up to a nanosecond and
//! never summed up, so an hour of 7 turns a second has 25 200 of them. A turn that falls due while nobody waits stays due,
//! and whoever comes takes it and begins a new grid: time in which nobody waited is lost, not saved up.
//!
//! A change of rate keeps the part of the present spacing that has passed. So the turns up to any moment are at most one more
//! than the rate, summed over time, allows.

use std::time::Duration;

/// Length of a step of a gradual change that is given by its duration.
const STEP: Duration = Duration::from_millis(100);
/// Shortest step: what timers resolve.
pub(crate) const STEP_MIN: Duration = Duration::from_millis(1);
/// Turns after which the fraction of a gradual change's rate repeats: resolves it to a part in four thousand million.
const COUNT_MAX: f64 = 4_294_967_296.0;

/// Nanoseconds of a length of time; the longest there is if it does not fit (584 years).
pub(crate) fn nanoseconds(length: Duration) -> u64 {
    u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)
}

/// A rate, as an exact fraction. Neither part is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    count: u64,
    interval_ns: u64,
}

impl Pace {
    /// This many in each interval; `None` if either is zero.
    pub(crate) fn new(count: u64, interval: Duration) -> Option<Self> {
        let interval_ns = nanoseconds(interval);
        (count > 0 && interval_ns > 0).then_some(Self { count, interval_ns })
    }

    /// Nanoseconds that this many turns take, rounded up. `turns` is at most `count`, so nothing overflows.
    fn length_ns(self, turns: u64) -> u64 {
        let product = u128::from(turns) * u128::from(self.interval_ns);
        u64::try_from(product.div_ceil(u128::from(self.count))).unwrap_or(u64::MAX)
    }

    /// Turns in a nanosecond.
    fn per_ns(self) -> f64 {
        self.count as f64 / self.interval_ns as f64
    }

    /// The nearest fraction.
    fn from_per_ns(rate: f64) -> Self {
        // A slow rate needs a small count, or its interval would not fit.
        let count = (rate * 2f64.powi(62)).floor().clamp(1.0, COUNT_MAX);
        Self {
            count: count as u64,
            interval_ns: (count / rate).round().max(1.0) as u64,
        }
    }

    /// Time between two turns, rounded up.
    pub(crate) fn spacing(self) -> Duration {
        Duration::from_nanos(self.length_ns(1))
    }
}

/// A rate that moves to another in steps. Each step is taken when its time is over, so the last one is reached when the whole
/// time has passed.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Gradual {
    from_per_ns: f64,
    to: Pace,
    started_ns: u64,
    step_ns: u64,
    length_ns: u64,
    taken: u64,
}

impl Gradual {
    /// When the step after this many is taken.
    fn boundary_ns(&self, taken: u64) -> u64 {
        let after = (taken + 1).saturating_mul(self.step_ns).min(self.length_ns);
        self.started_ns.saturating_add(after)
    }

    /// The rate once this many steps are taken; `None` once it is over.
    fn pace(&self, taken: u64) -> Option<Pace> {
        let passed = taken.saturating_mul(self.step_ns);
        if passed >= self.length_ns {
            return None;
        }
        let part = passed as f64 / self.length_ns as f64;
        let from = self.from_per_ns;
        Some(Pace::from_per_ns(
            (self.to.per_ns() - from).mul_add(part, from),
        ))
    }
}

/// How a rate changes: steps and how long one takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Steps {
    step_ns: u64,
    length_ns: u64,
}

impl Steps {
    /// This many steps of this length; `None` if there is none, or one is shorter than a timer resolves.
    pub(crate) fn new(count: u32, step: Duration) -> Option<Self> {
        let step_ns = nanoseconds(step);
        (count > 0 && step >= STEP_MIN).then_some(Self {
            step_ns,
            length_ns: step_ns.saturating_mul(u64::from(count)),
        })
    }

    /// Evenly over this time; `None` if it is shorter than a timer resolves.
    pub(crate) fn over(length: Duration) -> Option<Self> {
        (length >= STEP_MIN).then_some(Self {
            step_ns: nanoseconds(STEP),
            length_ns: nanoseconds(length),
        })
    }

    /// How long all of it takes.
    pub(crate) fn length(self) -> Duration {
        Duration::from_nanos(self.length_ns)
    }
}

/// When the turns fall due.
///
/// | event | turn not due | turn due, nobody waits | turn due, somebody waits |
/// |---|---|---|---|
/// | time passes | falls due | stays due, time is lost | must be taken first |
/// | `take` | – | – | next of the same grid |
/// | `take_late` | – | new grid from now | – |
/// | change or step | rest of the spacing is scaled | stays due | must be taken first |
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Schedule {
    pace: Pace,
    /// Where the grid begins.
    origin_ns: u64,
    /// Next turn of the grid; less than `pace.count`.
    turn: u64,
    gradual: Option<Gradual>,
}

impl Schedule {
    /// A schedule whose first turn is due now.
    pub(crate) fn new(pace: Pace, now_ns: u64) -> Self {
        Self {
            pace,
            origin_ns: now_ns,
            turn: 0,
            gradual: None,
        }
    }

    /// When the next turn falls due at the present rate.
    pub(crate) fn due_ns(&self) -> u64 {
        self.origin_ns
            .saturating_add(self.pace.length_ns(self.turn))
    }

    /// When the rate takes its next step; the end of time if it is not changing.
    pub(crate) fn step_at_ns(&self) -> u64 {
        self.gradual
            .map_or(u64::MAX, |gradual| gradual.boundary_ns(gradual.taken))
    }

    /// The rate at present, as of the steps taken.
    pub(crate) fn pace(&self) -> Pace {
        self.pace
    }

    /// Whether the rate is changing.
    pub(crate) fn is_changing(&self) -> bool {
        self.gradual.is_some()
    }

    /// Somebody who waited takes the turn.
    pub(crate) fn take(&mut self) {
        self.turn += 1;
        if self.turn >= self.pace.count {
            self.turn = 0;
            self.origin_ns = self.origin_ns.saturating_add(self.pace.interval_ns);
        }
    }

    /// Somebody takes a turn that fell due while nobody waited.
    pub(crate) fn take_late(&mut self, now_ns: u64) {
        if self.due_ns() < now_ns {
            self.origin_ns = now_ns;
            self.turn = 0;
        }
        self.take();
    }

    /// The rate is another from now on; a gradual change ends.
    pub(crate) fn change(&mut self, pace: Pace, now_ns: u64) {
        self.gradual = None;
        self.set_pace(pace, now_ns);
    }

    /// The rate moves to another from now on.
    pub(crate) fn change_gradually(&mut self, to: Pace, steps: Steps, now_ns: u64) {
        self.gradual = Some(Gradual {
            from_per_ns: self.pace.per_ns(),
            to,
            started_ns: now_ns,
            step_ns: steps.step_ns,
            length_ns: steps.length_ns,
            taken: 0,
        });
    }

    /// Take the step whose time is over, or all that are over if a turn is due: nothing can happen between them. Whoever
    /// waits has taken what was due before the step.
    pub(crate) fn step(&mut self, now_ns: u64) {
        let at = self.step_at_ns();
        let Some(mut gradual) = self.gradual.take() else {
            return;
        };
        gradual.taken += 1;
        if self.due_ns() <= at {
            let passed = now_ns.saturating_sub(gradual.started_ns);
            gradual.taken = gradual.taken.max(passed / gradual.step_ns);
            if passed >= gradual.length_ns {
                gradual.taken = gradual.length_ns.div_ceil(gradual.step_ns);
            }
        }
        if let Some(pace) = gradual.pace(gradual.taken) {
            self.set_pace(pace, at);
            self.gradual = Some(gradual);
        } else {
            self.set_pace(gradual.to, at);
        }
    }

    fn set_pace(&mut self, pace: Pace, at_ns: u64) {
        let due = self.due_ns();
        let rest = due.saturating_sub(at_ns);
        self.origin_ns = if rest == 0 {
            due
        } else {
            let scaled = (rest as f64 * (self.pace.per_ns() / pace.per_ns())).ceil();
            at_ns.saturating_add(scaled as u64)
        };
        self.turn = 0;
        self.pace = pace;
    }
}
