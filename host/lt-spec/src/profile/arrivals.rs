//! When the n-th iteration of an arrival rate is due.

use std::sync::Arc;
use std::time::Duration;

use crate::limits::RATE_CHANGES_KEPT;
use crate::seed;
use crate::spec::{Load, Spacing, Stage};

/// Arrivals that rounding may lose at the end of a ramp: far below one, far above what the sums of 1440 stages err by.
const SLACK: f64 = 1e-6;

/// A rate over time: straight pieces, one after another.
///
/// The area under it up to a time is how many iterations have started by then, so the n-th is due where the area reaches n
/// (k6's rule).
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    pieces: Vec<Piece>,
}

/// From one rate straight to another. Times in seconds, rates a second.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Piece {
    start: f64,
    length: f64,
    from: f64,
    to: f64,
    /// Arrivals before it.
    before: f64,
}

impl Piece {
    fn arrivals(&self) -> f64 {
        self.by(self.length)
    }

    fn rate(&self, since: f64) -> f64 {
        if self.length.is_finite() && self.length > 0.0 {
            (self.to - self.from).mul_add(since / self.length, self.from)
        } else {
            self.to
        }
    }

    /// Arrivals in its first `since` seconds. A piece without end has one rate.
    fn by(&self, since: f64) -> f64 {
        let mean = (self.from + self.rate(since)) / 2.0;
        // Nothing in an endless time is nothing.
        if mean == 0.0 { 0.0 } else { mean * since }
    }

    /// When it has seen so many arrivals, since its start: k6's formula, in the form that does not cancel.
    fn time_of(&self, arrivals: f64) -> f64 {
        let slope = if self.length.is_finite() && self.length > 0.0 {
            (self.to - self.from) / self.length
        } else {
            0.0
        };
        let root = self
            .from
            .mul_add(self.from, 2.0 * arrivals * slope)
            .max(0.0);
        let speed = self.from + root.sqrt();
        if speed > 0.0 {
            (2.0 * arrivals / speed).min(self.length)
        } else {
            // At the foot of a ramp: nothing has come yet. A falling ramp ends here.
            0.0
        }
    }
}

impl Curve {
    /// The rate of this load, if it keeps one.
    #[must_use]
    pub fn of(load: &Load) -> Option<Self> {
        match load {
            Load::ConstantArrivalRate(load) => {
                let length = load
                    .duration
                    .map_or(f64::INFINITY, |time| time.as_secs_f64());
                Some(Self {
                    pieces: vec![Piece {
                        start: 0.0,
                        length,
                        from: load.rate,
                        to: load.rate,
                        before: 0.0,
                    }],
                })
            }
            Load::RampingArrivalRate(load) => Some(Self::staged(load.start_rate, &load.stages)),
            Load::ConstantUsers(_)
            | Load::RampingUsers(_)
            | Load::PerUserIterations(_)
            | Load::SharedIterations(_)
            | Load::Churn(_) => None,
        }
    }

    fn staged(start_rate: f64, stages: &[Stage<f64>]) -> Self {
        let (mut start, mut from, mut before) = (0.0, start_rate, 0.0);
        let mut pieces = Vec::with_capacity(stages.len());
        for stage in stages {
            let piece = Piece {
                start,
                length: stage.duration.as_secs_f64(),
                from,
                to: stage.target,
                before,
            };
            start += piece.length;
            before += piece.arrivals();
            from = stage.target;
            pieces.push(piece);
        }
        Self { pieces }
    }

    /// The rate at a time; zero after the end.
    #[must_use]
    pub fn rate_at(&self, time: Duration) -> f64 {
        let time = time.as_secs_f64();
        let within = |piece: &&Piece| time >= piece.start && time < piece.start + piece.length;
        let piece = self.pieces.iter().rev().find(within);
        piece.map_or(0.0, |piece| piece.rate(time - piece.start))
    }

    /// Arrivals by a time.
    #[must_use]
    pub fn arrivals_by(&self, time: Duration) -> f64 {
        let time = time.as_secs_f64();
        let begun = self.pieces.iter().rev().find(|piece| time >= piece.start);
        begun.map_or(0.0, |piece| {
            piece.before + piece.by((time - piece.start).min(piece.length))
        })
    }

    /// This curve up to a time, and one rate from then on to where it would have ended.
    #[must_use]
    pub fn turn(&self, now: Duration, rate: f64) -> Self {
        let end = self
            .pieces
            .last()
            .map_or(0.0, |last| last.start + last.length);
        let start = now.as_secs_f64().min(end);
        let before = self.arrivals_by(now);
        let mut pieces: Vec<Piece> = Vec::with_capacity(self.pieces.len() + 1);
        for piece in self.pieces.iter().filter(|piece| piece.start < start) {
            let length = piece.length.min(start - piece.start);
            pieces.push(Piece {
                length,
                to: piece.rate(length),
                ..*piece
            });
        }
        // What lies far behind is asked for no more.
        let old = pieces.len().saturating_sub(RATE_CHANGES_KEPT);
        pieces.drain(..old);
        pieces.push(Piece {
            start,
            length: end - start,
            from: rate,
            to: rate,
            before,
        });
        Self { pieces }
    }

    /// When the area reaches `arrivals`; `None` if it never does. `hint` is where to look first: it only goes forward.
    fn time_of(&self, arrivals: f64, hint: &mut usize) -> Option<Duration> {
        while let Some(piece) = self.pieces.get(*hint) {
            let own = piece.arrivals();
            let wanted = (arrivals - piece.before).max(0.0);
            if own > 0.0 && wanted <= own + SLACK {
                let time = piece.start + piece.time_of(wanted.min(own));
                return Duration::try_from_secs_f64(time).ok();
            }
            *hint += 1;
        }
        None
    }
}

/// One core's share of the arrivals of a load: those whose number leaves this core's place when divided by the number of
/// cores. All cores walk the same sequence, so together they start each arrival once, whatever their number.
///
/// Uniform: a constant rate starts its first iteration at once, a ramp where its area reaches one (both k6's). Poisson: the
/// area grows by unit exponentials from one seeded sequence (time rescaling), so that the curve's rate is kept at any time.
#[derive(Clone, Debug)]
pub struct Arrivals {
    curve: Arc<Curve>,
    /// A constant rate ends before its last instant, a ramp with it (both k6's).
    end: Option<Duration>,
    random: Option<Exponentials>,
    cores: u64,
    area: f64,
    number: u64,
    /// Area of arrival 0 with even spacing.
    first: f64,
    piece: usize,
    due: Option<Duration>,
}

impl Arrivals {
    /// The share of core `core` of `cores`; `None` if the load has no rate.
    #[must_use]
    pub fn new(load: &Load, seed: u64, core: u64, cores: u64) -> Option<Self> {
        let curve = Arc::new(Curve::of(load)?);
        let (spacing, end, first) = match load {
            Load::ConstantArrivalRate(load) => (load.spacing, load.duration, 0.0),
            Load::RampingArrivalRate(load) => (load.spacing, None, 1.0),
            Load::ConstantUsers(_)
            | Load::RampingUsers(_)
            | Load::PerUserIterations(_)
            | Load::SharedIterations(_)
            | Load::Churn(_) => return None,
        };
        let mut share = Self {
            curve,
            end,
            random: (spacing == Spacing::Poisson).then_some(Exponentials { seed, drawn: 0 }),
            cores: cores.max(1),
            area: first,
            number: 0,
            first,
            piece: 0,
            due: None,
        };
        if share.random.is_some() {
            share.area = 0.0;
            share.pass(core + 1);
            share.number = core;
        } else {
            share.pass(core);
        }
        share.look();
        Some(share)
    }

    /// When the next arrival is due; `None` after the last.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        self.due
    }

    /// The next arrival has been started: go on to the one after.
    pub fn advance(&mut self) {
        self.pass(self.cores);
        self.look();
    }

    /// Go on by another curve. Numbers go on too: none is lost, none comes twice.
    pub fn follow(&mut self, curve: Arc<Curve>) {
        self.curve = curve;
        self.piece = 0;
        self.look();
    }

    fn pass(&mut self, arrivals: u64) {
        self.number = self.number.saturating_add(arrivals);
        match &mut self.random {
            Some(random) => {
                for _ in 0..arrivals {
                    self.area += random.draw();
                }
            }
            // Not a sum: no error piles up.
            None => self.area = real(self.number) + self.first,
        }
    }

    fn look(&mut self) {
        let due = self.curve.time_of(self.area, &mut self.piece);
        self.due = due.filter(|due| self.end.is_none_or(|end| *due < end));
    }
}

impl Iterator for Arrivals {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let due = self.due?;
        self.advance();
        Some(due)
    }
}

/// Exponentially distributed numbers of mean one.
#[derive(Clone, Debug)]
struct Exponentials {
    seed: u64,
    drawn: u64,
}

impl Exponentials {
    fn draw(&mut self) -> f64 {
        self.drawn += 1;
        let random = seed::nth(self.seed, self.drawn);
        // 53 bits in (0, 1]: its logarithm is finite.
        let even = (real(random >> 11) + 1.0) / real(1 << 53);
        -even.ln()
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts here are below 2^53: years at the highest rate"
)]
fn real(count: u64) -> f64 {
    count as f64
}

/// How many arrivals a load has started where the area is this: an even constant rate starts its first at once, so that a
/// part of an interval at the end has one too. With Poisson spacing, those that are to be expected. With the slack of
/// rounding.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count is never negative, and one too large for u64 may saturate"
)]
pub(super) fn started(load: &Load, area: f64) -> u64 {
    match load {
        Load::ConstantArrivalRate(load) if load.spacing == Spacing::Uniform => {
            (area - SLACK).ceil() as u64
        }
        _ => (area + SLACK).floor() as u64,
    }
}
