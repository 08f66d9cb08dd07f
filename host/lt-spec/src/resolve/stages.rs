//! Stages from their texts: listed one by one, or as a staircase or a spike.

use std::time::Duration;

use super::Problems;
use crate::given::Given;
use crate::limits::STAGES_MAX;
use crate::parse::{self, Fault};
use crate::plan::ScenarioPlan;
use crate::profile::{spike, staircase};
use crate::spec::Stage;

/// A load that changes: where it begins, and its stages.
pub(super) struct Ramp<T> {
    /// Where it begins, if the shape says so.
    pub(super) start: Option<T>,
    pub(super) stages: Vec<Stage<T>>,
}

/// What stages lead to: users or rates.
pub(super) trait Target: Copy + PartialOrd + std::ops::Add<Output = Self> {
    /// A target as typed.
    fn parse(text: &str) -> Result<Self, Fault>;
}

impl Target for u64 {
    fn parse(text: &str) -> Result<Self, Fault> {
        if text.contains('/') {
            return Err(Fault::new(
                format!("{text:?} is a rate, where a number of users belongs"),
                "write a whole number, or use the executor ramping-arrival-rate",
            ));
        }
        parse::whole(text)
            .ok()
            .filter(|users| *users <= crate::limits::COUNT_MAX)
            .ok_or_else(|| {
                Fault::new(
                    format!("{text:?} is no number of users"),
                    "write a whole number, as in 30s:100",
                )
            })
    }
}

impl Target for f64 {
    fn parse(text: &str) -> Result<Self, Fault> {
        parse::rate(text)
            .map_err(|fault| Fault::new(format!("{text:?} {}", fault.message), fault.remedy))
    }
}

/// The stages of a scenario; `None` if there are none or they are at fault, which is told.
pub(super) fn ramp<T: Target>(scenario: &ScenarioPlan, problems: &mut Problems) -> Option<Ramp<T>> {
    let climb = scenario.load.get("staircase");
    let jump = scenario.load.get("spike");
    let shapes = [scenario.stages.first(), climb, jump];
    let given: Vec<&Given> = shapes.into_iter().flatten().collect();
    let Some(first) = given.first() else {
        let fault = Fault::new(
            "is missing: the load has no shape",
            format!(
                "give {}, or a staircase or a spike",
                scenario.written("stage")
            ),
        );
        problems.add(&scenario.field("stage"), "", fault);
        return None;
    };
    for other in given.iter().skip(1) {
        let fault = Fault::new(
            format!("is a second shape beside {}", first.field),
            "give only one of stages, staircase and spike",
        );
        problems.add(&other.field, &other.value, fault);
    }
    let ramp = if !scenario.stages.is_empty() {
        listed(&scenario.stages, problems)
    } else if let Some(given) = climb {
        problems.read(given, climbing)
    } else {
        problems.read(jump?, spiking)
    }?;
    check(first, &ramp, problems);
    Some(ramp)
}

/// Of stages of rates, those that lead to a plain number: beside others with a unit it may be meant as users. Zero is both.
pub(super) fn check_mixed(scenario: &ScenarioPlan, problems: &mut Problems) {
    let is_rate = |given: &&Given| given.value.contains('/');
    let Some(rate) = scenario.stages.iter().find(is_rate) else {
        return;
    };
    for given in scenario.stages.iter().filter(|given| !is_rate(given)) {
        let target = given.value.split_once(':').map_or("", |(_, target)| target);
        if parse::positive_rate(target).is_err() {
            continue;
        }
        let fault = Fault::new(
            format!(
                "leads to a plain number, but the stage {:?} to a rate",
                rate.value
            ),
            "write rates with their unit in every stage, such as 30s:5/s, or users in every stage",
        );
        problems.add(&given.field, &given.value, fault);
    }
}

fn listed<T: Target>(stages: &[Given], problems: &mut Problems) -> Option<Ramp<T>> {
    let read: Vec<_> = stages
        .iter()
        .map(|given| problems.read(given, stage))
        .collect();
    let stages: Option<Vec<Stage<T>>> = read.into_iter().collect();
    let start = None;
    Some(Ramp {
        start,
        stages: stages?,
    })
}

/// Faults of a shape as a whole.
fn check<T: Target>(first: &Given, ramp: &Ramp<T>, problems: &mut Problems) {
    let mut fault = |message: String, remedy: &str| {
        problems.add(&first.field, &first.value, Fault::new(message, remedy));
    };
    if ramp.stages.len() > STAGES_MAX {
        fault(
            format!(
                "{} stages are more than the {STAGES_MAX} a load may have",
                ramp.stages.len()
            ),
            "use longer stages",
        );
    }
    if ramp.stages.iter().all(|stage| stage.duration.is_zero()) {
        fault(
            "the stages take no time at all".to_owned(),
            "give at least one a time above zero",
        );
    }
    let total = ramp.stages.iter().fold(Duration::ZERO, |sum, stage| {
        sum.saturating_add(stage.duration)
    });
    if total > crate::limits::DURATION_TYPED_MAX {
        fault(
            "the stages take longer than ten years".to_owned(),
            "use shorter stages",
        );
    }
}

fn stage<T: Target>(text: &str) -> Result<Stage<T>, Fault> {
    let Some((time, target)) = text.split_once(':') else {
        return Err(Fault::new(
            "has no ':'",
            "write TIME:TARGET, such as 30s:100",
        ));
    };
    Ok(Stage {
        duration: parse::duration(time)?,
        target: T::parse(target.trim())?,
    })
}

/// `START:STEP:HOLD:STEPS`: that many steps, each held so long, the first at `START`.
fn climbing<T: Target>(text: &str) -> Result<Ramp<T>, Fault> {
    let remedy = "write START:STEP:HOLD:STEPS, such as 10:10:30s:5";
    let parts: Vec<&str> = text.split(':').map(str::trim).collect();
    let [start, step, hold, steps] = parts.as_slice() else {
        return Err(Fault::new("does not have four parts", remedy));
    };
    let (start, step) = (T::parse(start)?, T::parse(step)?);
    let hold = parse::positive_duration(hold)?;
    let steps = parse::count(steps)?;
    let most = u32::try_from(STAGES_MAX / 2).unwrap_or(u32::MAX);
    let steps = u32::try_from(steps)
        .ok()
        .filter(|steps| *steps <= most)
        .ok_or_else(|| Fault::new(format!("has more than {most} steps"), remedy))?;
    Ok(Ramp {
        start: Some(start),
        stages: staircase(start, step, hold, steps),
    })
}

/// `BASE:PEAK:BEFORE:HOLD:AFTER`: the base for a while, the peak at once and held, the base again.
fn spiking<T: Target>(text: &str) -> Result<Ramp<T>, Fault> {
    let remedy = "write BASE:PEAK:BEFORE:HOLD:AFTER, such as 10:500:30s:10s:1m";
    let parts: Vec<&str> = text.split(':').map(str::trim).collect();
    let [base, peak, before, hold, after] = parts.as_slice() else {
        return Err(Fault::new("does not have five parts", remedy));
    };
    let (base, peak) = (T::parse(base)?, T::parse(peak)?);
    if peak <= base {
        return Err(Fault::new("has a peak that is not above its base", remedy));
    }
    let (before, after) = (parse::duration(before)?, parse::duration(after)?);
    let hold = parse::positive_duration(hold)?;
    Ok(Ramp {
        start: Some(base),
        stages: spike(base, peak, before, hold, after),
    })
}
