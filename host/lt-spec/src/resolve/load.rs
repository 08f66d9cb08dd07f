//! When iterations start: the executor that was chosen, with every value it needs.

use std::time::Duration;

use super::Problems;
use super::executor::{Chosen, Kind};
use super::stages::{check_mixed, ramp};
use crate::description::DefaultLoad;
use crate::given::Given;
use crate::limits::{
    AMOC_INTERARRIVAL, AMOC_REPEAT_INTERVAL, ARRIVAL_USERS_DEFAULT_MAX, GRACEFUL_RAMP_DOWN,
    MAX_DURATION, RATE_MAX,
};
use crate::parse::{self, Fault};
use crate::plan::ScenarioPlan;
use crate::spec::{
    Churn, ConstantArrivalRate, ConstantUsers, Load, Pace, PerUserIterations, RampingArrivalRate,
    RampingUsers, SharedIterations, Spacing,
};

/// How problems name what the scenario suggests.
pub(super) const DEFAULT_LOAD: &str = "the scenario's default load";

/// What a load is made from.
pub(super) struct Maker<'run> {
    pub(super) scenario: &'run ScenarioPlan,
    /// What the scenario suggests.
    pub(super) suggested: DefaultLoad,
    pub(super) chosen: Chosen,
    /// Its part of users that scenarios share.
    pub(super) share: Option<(Given, u64)>,
    /// Whether the run goes on until it is steady.
    pub(super) waits_for_steady: bool,
    pub(super) problems: &'run mut Problems,
}

impl Maker<'_> {
    /// The load; `None` if it cannot be made, which is told.
    pub(super) fn load(mut self) -> Option<Load> {
        let profile = self.take("profile", profile).is_some();
        let pace = self.pace(profile);
        let repeat_interval = pace.repeat_interval;
        Some(match self.chosen.kind {
            Kind::ConstantUsers => Load::ConstantUsers(ConstantUsers {
                users: self.users(),
                duration: self.duration(profile),
                pace,
            }),
            Kind::RampingUsers => self.ramping_users(repeat_interval)?,
            Kind::PerUserIterations => Load::PerUserIterations(PerUserIterations {
                users: self.users(),
                iterations: self.take("repeat-num", parse::count).unwrap_or(1),
                max_duration: self.max_duration(profile),
                pace,
            }),
            Kind::SharedIterations => {
                let users = self.users();
                let max_duration = self.max_duration(profile);
                Load::SharedIterations(SharedIterations {
                    users,
                    iterations: self.shared(users)?,
                    max_duration,
                    pace,
                })
            }
            Kind::ConstantArrivalRate => self.constant_arrivals(profile)?,
            Kind::RampingArrivalRate => self.ramping_arrivals()?,
            Kind::Churn => Load::Churn(Churn {
                users: self.users(),
                iterations: self.take("repeat-num", parse::count),
                duration: self.duration(profile),
                interval: pace.interarrival,
                repeat_interval,
            }),
        })
    }

    fn take<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Option<T> {
        let given = self.scenario.load.get(name)?;
        self.problems.read(given, parse)
    }

    fn add(&mut self, name: &'static str, fault: Fault) {
        match self.scenario.load.get(name) {
            Some(given) => self.problems.add(&given.field, &given.value, fault),
            None => self.problems.add(&self.scenario.field(name), "", fault),
        }
    }

    fn pace(&mut self, profile: bool) -> Pace {
        let interarrival = self.take("interarrival", parse::duration);
        let repeat_interval = self.take("repeat-interval", parse::positive_duration);
        Pace {
            interarrival: interarrival
                .or(profile.then_some(AMOC_INTERARRIVAL))
                .unwrap_or(Duration::ZERO),
            repeat_interval: repeat_interval.or(profile.then_some(AMOC_REPEAT_INTERVAL)),
        }
    }

    /// How many users: given, the size of the range of their ids, a share, the scenario's suggestion, one.
    fn users(&mut self) -> u64 {
        let asked = self.take("users", parse::count);
        let range = self.range_size();
        if let (Some(asked), Some(size)) = (asked, range)
            && asked != size
        {
            let users = self.scenario.written("users");
            let fault = Fault::new(
                format!("holds {size} users, but {users} asks for {asked}"),
                "give only one of the two, or the same number",
            );
            self.add("user-range", fault);
        }
        if let Some(users) = asked.or(range) {
            return users;
        }
        if let Some((given, share)) = self.share.take() {
            if share == 0 {
                let fault = Fault::new(
                    format!("leaves the scenario {} without a user", self.scenario.name),
                    "give more users, or a larger weight to this scenario",
                );
                self.problems.add(&given.field, &given.value, fault);
            }
            return share.max(1);
        }
        if self.suggested.users == Some(0) {
            let remedy = format!("give {}", self.scenario.written("users"));
            self.problems
                .add(DEFAULT_LOAD, "", Fault::new("suggests zero users", remedy));
        }
        self.suggested.users.unwrap_or(1).max(1)
    }

    /// Churn has no last id, so its range has no size. The range's faults are told where ids are given out.
    fn range_size(&self) -> Option<u64> {
        let range = self.scenario.load.get("user-range")?;
        let (first, last) = parse::user_range(&range.value).ok()?;
        (self.chosen.kind != Kind::Churn).then_some(last - first + 1)
    }

    /// How long, where the executor has no other end; `None` goes on until stopped, which must be meant.
    fn duration(&mut self, profile: bool) -> Option<Duration> {
        if let Some(given) = self.scenario.load.get("duration") {
            return self.problems.read(given, parse::positive_duration);
        }
        if self.chosen.is_suggested() {
            return self.suggested_duration();
        }
        if !profile && !self.waits_for_steady {
            let fault = Fault::new(
                format!(
                    "is missing: {} goes on for as long as it is told",
                    self.chosen.kind.name()
                ),
                format!(
                    "give {}; with {} amoc it goes on until it is stopped",
                    self.scenario.written("duration"),
                    self.scenario.written("profile")
                ),
            );
            self.add("duration", fault);
        }
        None
    }

    fn suggested_duration(&mut self) -> Option<Duration> {
        let duration = self.suggested.duration?;
        if duration.is_zero() {
            let remedy = format!("give {}", self.scenario.written("duration"));
            let fault = Fault::new("suggests a duration of zero", remedy);
            self.problems.add(DEFAULT_LOAD, "", fault);
        }
        Some(duration)
    }

    /// When iterations that are counted end at the latest. A plain duration says the same.
    fn max_duration(&mut self, profile: bool) -> Option<Duration> {
        let longest = self.take("max-duration", parse::positive_duration);
        let duration = self.take("duration", parse::positive_duration);
        if longest.is_some() && duration.is_some() {
            let fault = Fault::new(
                format!("says the same as {}", self.scenario.written("max-duration")),
                "give only one of the two",
            );
            self.add("duration", fault);
        }
        let suggested = if self.chosen.is_suggested() {
            self.suggested_duration()
        } else {
            None
        };
        longest
            .or(duration)
            .or(suggested)
            .or((!profile).then_some(MAX_DURATION))
    }

    /// Iterations that users share: enough for every user to have one (k6's rule: a user without work is a mistake).
    fn shared(&mut self, users: u64) -> Option<u64> {
        let enough = |count: u64, scenario: &ScenarioPlan| {
            if count == 0 {
                return Err(Fault::new("is zero", "give at least one iteration"));
            }
            if count >= users {
                return Ok(count);
            }
            let (iterations, most) = (scenario.written("iterations"), scenario.written("users"));
            Err(Fault::new(
                format!("{count} iterations are fewer than the {users} users that share them"),
                format!("give {iterations} {users} or more, or {most} {count} or fewer"),
            ))
        };
        if let Some(given) = self.scenario.load.get("iterations") {
            let scenario = self.scenario;
            return self
                .problems
                .read(given, |text| enough(parse::count(text)?, scenario));
        }
        let Some(count) = self
            .suggested
            .iterations
            .filter(|_| self.chosen.is_suggested())
        else {
            let remedy = format!("give {}", self.scenario.written("iterations"));
            self.add(
                "iterations",
                Fault::new("is missing: it is what the users share", remedy),
            );
            return None;
        };
        enough(count, self.scenario)
            .map_err(|fault| {
                self.problems
                    .add(DEFAULT_LOAD, &format!("iterations={count}"), fault);
            })
            .ok()
    }

    fn ramping_users(&mut self, repeat_interval: Option<Duration>) -> Option<Load> {
        let start = self.take("start-users", parse::whole);
        let graceful = self.take("graceful-ramp-down", parse::duration);
        let ramp = ramp::<u64>(self.scenario, self.problems)?;
        self.one_start("start-users", ramp.start.is_some() && start.is_some());
        let load = RampingUsers {
            start_users: start.or(ramp.start).unwrap_or(0),
            stages: ramp.stages,
            graceful_ramp_down: graceful.unwrap_or(GRACEFUL_RAMP_DOWN),
            repeat_interval,
        };
        let load = Load::RampingUsers(load);
        if load.users_max() == 0 {
            let fault = Fault::new("the load never has a user", "give a target above zero");
            self.add_to_shape(fault);
        }
        Some(load)
    }

    /// A shape that says where it begins leaves no room for another beginning.
    fn one_start(&mut self, name: &'static str, is_double: bool) {
        if is_double {
            let fault = Fault::new(
                "contradicts the shape, which says where it begins",
                "leave it out",
            );
            self.add(name, fault);
        }
    }

    fn add_to_shape(&mut self, fault: Fault) {
        let load = &self.scenario.load;
        let shape = load.get("staircase").or(load.get("spike"));
        match self.scenario.stages.first().or(shape) {
            Some(given) => self.problems.add(&given.field, &given.value, fault),
            None => self.problems.add(&self.scenario.field("stage"), "", fault),
        }
    }

    fn constant_arrivals(&mut self, profile: bool) -> Option<Load> {
        let spacing = self.take("spacing", spacing).unwrap_or_default();
        let duration = self.duration(profile);
        if self.scenario.load.get("rate").is_none() {
            let remedy = format!("give {}, such as 100/s", self.scenario.written("rate"));
            self.add(
                "rate",
                Fault::new("is missing: it is what the load keeps", remedy),
            );
        }
        let rate = self.take("rate", parse::positive_rate);
        let (users, users_max) = self.arrival_users(rate.unwrap_or(1.0));
        Some(Load::ConstantArrivalRate(ConstantArrivalRate {
            rate: rate?,
            duration,
            spacing,
            users,
            users_max,
        }))
    }

    fn ramping_arrivals(&mut self) -> Option<Load> {
        let spacing = self.take("spacing", spacing).unwrap_or_default();
        let start = self.take("start-rate", parse::rate);
        check_mixed(self.scenario, self.problems);
        let ramp = ramp::<f64>(self.scenario, self.problems);
        let peak = ramp.iter().flat_map(|ramp| &ramp.stages);
        let peak = peak
            .map(|stage| stage.target)
            .fold(start.unwrap_or(0.0), f64::max);
        let (users, users_max) = self.arrival_users(peak);
        let ramp = ramp?;
        self.one_start("start-rate", ramp.start.is_some() && start.is_some());
        if peak <= 0.0 {
            let fault = Fault::new("the load never starts anything", "give a rate above zero");
            self.add_to_shape(fault);
        }
        if peak > RATE_MAX {
            let message = format!("climbs above {RATE_MAX} a second, more than any machine does");
            self.add_to_shape(Fault::new(message, "take fewer or smaller steps"));
        }
        Some(Load::RampingArrivalRate(RampingArrivalRate {
            start_rate: start.or(ramp.start).unwrap_or(0.0),
            stages: ramp.stages,
            spacing,
            users,
            users_max,
        }))
    }

    /// Users made before the start, and at most. Without a number they are as many as iterations start in a second at the
    /// highest rate: enough while an iteration takes no longer than that (Little's law).
    fn arrival_users(&mut self, peak: f64) -> (u64, u64) {
        let users = self.take("users", parse::count);
        let most = self.take("max-users", parse::count);
        let range = self.range_size();
        if let (Some(users), Some(most)) = (users, most)
            && most < users
        {
            let fault = Fault::new(
                format!("is below the {users} users that are made before the start"),
                format!("give {users} or more"),
            );
            self.add("max-users", fault);
        }
        let one_second = (1..=ARRIVAL_USERS_DEFAULT_MAX)
            .find(|users| f64::from(*users) >= peak)
            .unwrap_or(ARRIVAL_USERS_DEFAULT_MAX);
        let one_second = u64::from(one_second);
        let bound = most.or(range).unwrap_or(u64::MAX);
        let users = users.unwrap_or(one_second.min(bound));
        (users, most.or(range).unwrap_or(users).max(users))
    }
}

/// Faults of single values that say neither how long nor how much, where the load itself cannot be made.
pub(super) fn check_values(scenario: &ScenarioPlan, problems: &mut Problems) {
    let _users = problems.take(&scenario.load, "users", parse::count);
    for (name, parse) in [
        (
            "interarrival",
            parse::duration as fn(&str) -> Result<Duration, Fault>,
        ),
        ("max-duration", parse::positive_duration),
        ("repeat-interval", parse::positive_duration),
    ] {
        let _length = problems.take(&scenario.load, name, parse);
    }
}

fn profile(text: &str) -> Result<(), Fault> {
    match text.trim() {
        "amoc" => Ok(()),
        _ => Err(Fault::new("is no profile", "the only one is amoc")),
    }
}

fn spacing(text: &str) -> Result<Spacing, Fault> {
    match text.trim() {
        "uniform" => Ok(Spacing::Uniform),
        "poisson" => Ok(Spacing::Poisson),
        _ => Err(Fault::new("is no spacing", "use uniform or poisson")),
    }
}
