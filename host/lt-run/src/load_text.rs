//! A load in words: one line for banners, plans and events, and how it goes over time.

use std::time::Duration;

use lt_spec::spec::{
    Action, Change, Churn, ConstantArrivalRate, ConstantUsers, Load, Pace, RampingArrivalRate,
    RampingUsers, RunSpec, ScenarioSpec, Spacing, Stage, ThrottleChange,
};

use crate::show::{HIDDEN, plain, time};

/// Stages told in one line: more are told by their number.
const STAGES_TOLD_MAX: usize = 6;
/// Ids told in one line: more are told by their number.
const IDS_TOLD_MAX: usize = 10;

/// The load of a scenario in one line: `100 users for 30s, 50ms between starts`.
pub fn load_line(spec: &ScenarioSpec) -> String {
    let mut line = load(&spec.load);
    if !spec.start.is_zero() {
        line.push_str(&format!(", starts after {}", time(spec.start)));
    }
    line
}

fn load(load: &Load) -> String {
    match load {
        Load::ConstantUsers(load) => constant_users(load),
        Load::RampingUsers(load) => ramping_users(load),
        Load::PerUserIterations(load) => {
            let text = format!(
                "{}, {} each",
                users(load.users),
                iterations(load.iterations)
            );
            counted(text, load.max_duration, load.pace)
        }
        Load::SharedIterations(load) => {
            let text = format!(
                "{}, {} in all",
                users(load.users),
                iterations(load.iterations)
            );
            counted(text, load.max_duration, load.pace)
        }
        Load::ConstantArrivalRate(load) => constant_rate(load),
        Load::RampingArrivalRate(load) => ramping_rate(load),
        Load::Churn(load) => churn(load),
    }
}

fn constant_users(load: &ConstantUsers) -> String {
    let text = format!("{} {}", users(load.users), length(load.duration));
    text + &pace(load.pace)
}

fn ramping_users(load: &RampingUsers) -> String {
    let stages = stages(&load.stages, u64::to_string);
    let text = format!("ramping-users: {}{stages}", load.start_users);
    text + &repeat(load.repeat_interval)
}

fn counted(text: String, max_duration: Option<Duration>, spacing: Pace) -> String {
    let most = max_duration.map(|most| format!(", for {} at most", time(most)));
    text + &most.unwrap_or_default() + &pace(spacing)
}

fn constant_rate(load: &ConstantArrivalRate) -> String {
    format!(
        "{} {} ({}), {}",
        rate(load.rate),
        length(load.duration),
        spacing(load.spacing),
        pool(load.users, load.users_max)
    )
}

fn ramping_rate(load: &RampingArrivalRate) -> String {
    format!(
        "ramping-arrival-rate: {}{} ({}), {}",
        rate(load.start_rate),
        stages(&load.stages, |target| rate(*target)),
        spacing(load.spacing),
        pool(load.users, load.users_max)
    )
}

fn churn(load: &Churn) -> String {
    let ends = match load.iterations {
        Some(count) => format!("each replaced after {}", iterations(count)),
        None => "each replaced when it ends".to_owned(),
    };
    let mut text = format!(
        "churn: {} at a time, {ends}, {}",
        users(load.users),
        length(load.duration)
    );
    if !load.interval.is_zero() {
        text.push_str(&format!(", {} between starts", time(load.interval)));
    }
    text + &repeat(load.repeat_interval)
}

fn stages<T>(stages: &[Stage<T>], target: impl Fn(&T) -> String) -> String {
    let mut text: String = stages
        .iter()
        .take(STAGES_TOLD_MAX)
        .map(|stage| match stage.duration {
            Duration::ZERO => format!(" -> {} at once", target(&stage.target)),
            duration => format!(" -> {} in {}", target(&stage.target), time(duration)),
        })
        .collect();
    let more = stages.len().saturating_sub(STAGES_TOLD_MAX);
    if more > 0 {
        text.push_str(&format!(" -> {more} more stages"));
    }
    text
}

fn length(duration: Option<Duration>) -> String {
    match duration {
        Some(duration) => format!("for {}", time(duration)),
        None => "until stopped".to_owned(),
    }
}

fn pace(pace: Pace) -> String {
    let between = match pace.interarrival {
        Duration::ZERO => String::new(),
        interval => format!(", {} between starts", time(interval)),
    };
    between + &repeat(pace.repeat_interval)
}

fn repeat(interval: Option<Duration>) -> String {
    interval.map_or_else(String::new, |interval| {
        format!(", an iteration every {}", time(interval))
    })
}

fn pool(made: u64, most: u64) -> String {
    if most > made {
        format!("{}, at most {most}", users(made))
    } else {
        users(made)
    }
}

fn spacing(spacing: Spacing) -> &'static str {
    match spacing {
        Spacing::Uniform => "uniform",
        Spacing::Poisson => "poisson",
    }
}

/// `1 user`, `5 users`.
pub fn users(count: u64) -> String {
    format!("{count} user{}", plural(count))
}

fn iterations(count: u64) -> String {
    format!("{count} iteration{}", plural(count))
}

fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// `100/s`; below one a second, in the largest unit that tells it in whole numbers, else with decimals.
pub fn rate(per_second: f64) -> String {
    let whole = |rate: f64| (rate - rate.round()).abs() < 1e-9 * rate.abs().max(1.0);
    for (unit, seconds) in [("s", 1.0), ("m", 60.0), ("h", 3600.0)] {
        let rate = per_second * seconds;
        if whole(rate) && (rate >= 1.0 || per_second == 0.0) {
            return format!("{}/{unit}", rate.round());
        }
    }
    format!("{per_second}/s")
}

/// Users whose turn to start comes before the end of the load: those beyond never start.
pub fn users_started(load: &Load) -> u64 {
    let (users, between) = match load {
        Load::ConstantUsers(load) => (load.users, load.pace.interarrival),
        Load::PerUserIterations(load) => (load.users, load.pace.interarrival),
        Load::SharedIterations(load) => (load.users, load.pace.interarrival),
        Load::Churn(load) => (load.users, load.interval),
        Load::RampingUsers(_) | Load::ConstantArrivalRate(_) | Load::RampingArrivalRate(_) => {
            return load.users_max();
        }
    };
    match load.length() {
        Some(length) if !between.is_zero() => {
            let started = length.as_nanos().div_ceil(between.as_nanos());
            users.min(u64::try_from(started).unwrap_or(u64::MAX).max(1))
        }
        _ => users,
    }
}

/// How a load goes over time: at each moment since the run's clock, users or a rate.
pub fn over_time(spec: &ScenarioSpec) -> Vec<(Duration, String)> {
    let start = spec.start;
    let at = |after: Duration| start.saturating_add(after);
    // Users that would start late never start.
    let started = users_started(&spec.load);
    let steps = |count: u64, between: Duration| {
        let count = count.min(started);
        let last =
            between.saturating_mul(u32::try_from(count.saturating_sub(1)).unwrap_or(u32::MAX));
        match between {
            Duration::ZERO => vec![(start, users(count))],
            _ if count < 2 => vec![(start, users(count))],
            _ => vec![(start, users(1)), (at(last), users(count))],
        }
    };
    let ended = |mut rows: Vec<(Duration, String)>| {
        if let Some(length) = spec.load.length() {
            rows.push((at(length), "end".to_owned()));
        }
        rows
    };
    match &spec.load {
        Load::ConstantUsers(load) => ended(steps(load.users, load.pace.interarrival)),
        Load::PerUserIterations(load) => ended(steps(load.users, load.pace.interarrival)),
        Load::SharedIterations(load) => ended(steps(load.users, load.pace.interarrival)),
        Load::Churn(load) => ended(steps(load.users, load.interval)),
        Load::ConstantArrivalRate(load) => ended(vec![(start, rate(load.rate))]),
        Load::RampingUsers(load) => ramp(at, users(load.start_users), &load.stages, |n| users(*n)),
        Load::RampingArrivalRate(load) => {
            ramp(at, rate(load.start_rate), &load.stages, |n| rate(*n))
        }
    }
}

/// The values at the ends of stages. Where one jumps, its two values stand in one row.
fn ramp<T>(
    at: impl Fn(Duration) -> Duration,
    begin: String,
    stages: &[Stage<T>],
    target: impl Fn(&T) -> String,
) -> Vec<(Duration, String)> {
    let mut rows = vec![(at(Duration::ZERO), begin)];
    let mut end = Duration::ZERO;
    for stage in stages {
        end = end.saturating_add(stage.duration);
        let value = target(&stage.target);
        match rows.last_mut() {
            Some((_, last)) if stage.duration.is_zero() => {
                last.push_str(" -> ");
                last.push_str(&value);
            }
            _ => rows.push((at(end), value)),
        }
    }
    if let Some((_, last)) = rows.last_mut() {
        last.push_str(", end");
    }
    rows
}

/// What a change does, in words. Values of secrets are not told.
pub fn action_line(action: &Action, secrets: &[&str]) -> String {
    match action {
        Action::Set { name, .. } if secrets.contains(&name.as_str()) => {
            format!("{} = {HIDDEN}", plain(name))
        }
        Action::Set { name, value } => format!("{} = {:?}", plain(name), plain(value)),
        Action::Users(count) => users(*count),
        Action::Rate(per_second) => format!("a rate of {}", rate(*per_second)),
        Action::Pause => "pause".to_owned(),
        Action::Resume => "resume".to_owned(),
        Action::Throttle { name, change } => {
            format!("throttle {:?}: {}", plain(name), throttle(*change))
        }
        Action::AddUsers(count) => format!("{} more", users(*count)),
        Action::RemoveUsers { count, force } => {
            format!("{} fewer{}", users(*count), by_force(*force))
        }
        Action::RemoveIds { ids, force } => {
            format!("without {}{}", user_ids(ids), by_force(*force))
        }
        Action::Executor(load) => format!("{}: {}", load.name(), self::load(load)),
        Action::Thresholds(thresholds) => {
            let sources = thresholds.iter().map(|threshold| plain(threshold.source()));
            told("thresholds", sources)
        }
        Action::Tags(tags) => {
            let pairs = tags.iter();
            told(
                "tags",
                pairs.map(|(name, value)| format!("{}={}", plain(name), plain(value))),
            )
        }
        Action::Swap { to, share, drain } => {
            let whom = if *drain { "users" } else { "new users" };
            format!("version {} for {}% of {whom}", plain(to), share * 100.0)
        }
        Action::RollBack { to, reason } => {
            format!("back to version {}: {}", plain(to), plain(reason))
        }
        Action::Annotate { text, tags } if tags.is_empty() => format!("note: {}", plain(text)),
        Action::Annotate { text, tags } => {
            let tags: Vec<String> = tags.iter().map(|tag| plain(tag)).collect();
            format!("note: {} [{}]", plain(text), tags.join(", "))
        }
    }
}

fn by_force(force: bool) -> &'static str {
    if force { ", by force" } else { "" }
}

/// `user 3`, `users 3, 4 and 90 more`.
fn user_ids(ids: &[u64]) -> String {
    let told: Vec<String> = ids.iter().take(IDS_TOLD_MAX).map(u64::to_string).collect();
    let more = match ids.len().saturating_sub(IDS_TOLD_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("user{} {}{more}", plural(ids.len() as u64), told.join(", "))
}

/// `thresholds: a, b`; `no thresholds`.
fn told(what: &str, values: impl Iterator<Item = String>) -> String {
    let values: Vec<String> = values.collect();
    if values.is_empty() {
        format!("no {what}")
    } else {
        format!("{what}: {}", values.join(", "))
    }
}

fn throttle(change: ThrottleChange) -> String {
    match change {
        ThrottleChange::Rate {
            count,
            interval,
            over,
        } => {
            let text = format!("{count} every {}", time(interval));
            match over {
                Some(over) => format!("{text}, reached over {}", time(over)),
                None => text,
            }
        }
        ThrottleChange::Parallelism(count) => format!("{count} at a time"),
        ThrottleChange::Pause => "pause".to_owned(),
        ThrottleChange::Resume => "resume".to_owned(),
        ThrottleChange::Unlock => "everybody passes".to_owned(),
    }
}

/// Names of settings, of any scenario, that are never shown.
pub fn secret_names(spec: &RunSpec) -> Vec<&str> {
    spec.scenarios
        .iter()
        .flat_map(|scenario| scenario.secrets.iter().map(String::as_str))
        .collect()
}

/// A scheduled change: which scenario, and what.
pub fn change_line(spec: &RunSpec, change: &Change) -> String {
    let scenario = change
        .scenario
        .and_then(|position| spec.scenarios.get(position));
    let what = action_line(&change.action, &secret_names(spec));
    match scenario {
        Some(scenario) => format!("{}: {what}", plain(&scenario.name)),
        None => what,
    }
}

#[cfg(test)]
#[path = "load_text_tests.rs"]
mod tests;
