//! Load curves as k6 documents them, and how far what was achieved is from them. Times are in seconds.

/// One stage: from where the last one ended, evenly to its target.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stage {
    /// How long it takes.
    pub(crate) seconds: f64,
    /// Users, or iterations a second.
    pub(crate) target: f64,
}

/// How long all stages take.
pub(crate) fn length(stages: &[Stage]) -> f64 {
    stages.iter().map(|stage| stage.seconds).sum()
}

/// One change of a number of users.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// When.
    pub(crate) at: f64,
    /// By how many.
    pub(crate) by: f64,
}

/// The steps of users that ramp up from none: k6 spaces those of a stage evenly, the last at its end.
pub(crate) fn user_steps(stages: &[Stage]) -> Vec<Step> {
    let (mut begun, mut users) = (0.0, 0.0);
    let mut steps = Vec::new();
    for stage in stages {
        let change: f64 = stage.target - users;
        let count = change.abs().round() as u32;
        steps.extend((1..=count).map(|step| Step {
            at: begun + stage.seconds * f64::from(step) / f64::from(count),
            by: change.signum(),
        }));
        begun += stage.seconds;
        users = stage.target;
    }
    steps
}

/// User-seconds between two curves, whichever of them is above the other. Both end at the same height.
pub(crate) fn area_between(one: &[Step], other: &[Step]) -> f64 {
    let negated = other.iter().map(|step| Step {
        at: step.at,
        by: -step.by,
    });
    let mut steps: Vec<Step> = one.iter().copied().chain(negated).collect();
    steps.sort_by(|one, other| one.at.total_cmp(&other.at));
    let (mut area, mut since, mut apart) = (0.0, 0.0, 0.0_f64);
    for step in steps {
        area += apart.abs() * (step.at - since);
        since = step.at;
        apart += step.by;
    }
    area
}

/// Iterations that stages of rates ask for up to a time.
pub(crate) fn arrivals_by(start_rate: f64, stages: &[Stage], time: f64) -> f64 {
    let (mut rate, mut left, mut sum) = (start_rate, time, 0.0);
    for stage in stages {
        let share = (left / stage.seconds).clamp(0.0, 1.0);
        let reached = (stage.target - rate).mul_add(share, rate);
        sum += f64::midpoint(rate, reached) * stage.seconds * share;
        left -= stage.seconds;
        rate = stage.target;
    }
    sum
}

/// Iterations by which those that started and those that were asked for differ, added up over equal parts of the time. What starts
/// outside of it counts in its first or last part.
pub(crate) fn arrivals_between(
    starts: &[f64],
    start_rate: f64,
    stages: &[Stage],
    parts: usize,
) -> f64 {
    let length = length(stages);
    let mut started = vec![0.0; parts];
    for start in starts {
        let part = (start / length * parts as f64).max(0.0) as usize;
        started[part.min(parts - 1)] += 1.0;
    }
    let asked = |part: usize| arrivals_by(start_rate, stages, length * part as f64 / parts as f64);
    let differences = started.iter().enumerate();
    differences
        .map(|(part, started)| (started - (asked(part + 1) - asked(part))).abs())
        .sum()
}
