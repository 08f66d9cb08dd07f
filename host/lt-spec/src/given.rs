//! Values as they were typed, each with the place it came from: whatever is wrong with one is told of that place.

use std::collections::BTreeMap;

use crate::raw::RawRun;

/// One value and where it was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Given {
    /// Where: `--users`, or `run.toml:12 scenarios.chat.users`.
    pub(crate) field: String,
    /// What, as text.
    pub(crate) value: String,
}

impl Given {
    /// A value of this field.
    pub(crate) fn new(field: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            value: value.into(),
        }
    }
}

/// Options by their name, which is the flag's without the dashes and the run file's key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options(BTreeMap<&'static str, Given>);

impl Options {
    /// The option, if it was given.
    pub(crate) fn get(&self, name: &str) -> Option<&Given> {
        self.0.get(name)
    }

    /// Give it; what was there is replaced.
    pub(crate) fn set(&mut self, name: &'static str, given: Given) {
        self.0.insert(name, given);
    }

    /// Give it if it is not there yet.
    pub(crate) fn set_default(&mut self, name: &'static str, given: &Given) {
        self.0.entry(name).or_insert_with(|| given.clone());
    }

    /// Take it back.
    pub(crate) fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Take back all but these.
    pub(crate) fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.0.retain(|name, _| keep(name));
    }

    /// All that were given.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, &Given)> {
        self.0.iter().map(|(name, given)| (*name, given))
    }

    /// What flags give of these options. A variable that is set to nothing gives nothing.
    pub(crate) fn of_flags<const N: usize>(flags: [(&'static str, &Option<String>); N]) -> Self {
        let given = |(name, value): (&'static str, &Option<String>)| {
            let value = value.as_ref().filter(|value| !is_blank(value))?;
            Some((name, Given::new(format!("--{name}"), value)))
        };
        Self(flags.into_iter().filter_map(given).collect())
    }

    /// These, and those of `over` in their place.
    pub(crate) fn overlay(&mut self, over: Self) {
        self.0.extend(over.0);
    }
}

/// What every flag of this name was given. Nothing between two lines of a variable, or behind its last, is no value.
pub(crate) fn flags(name: &str, values: &[String]) -> Vec<Given> {
    let given = |value: &String| Given::new(format!("--{name}"), value);
    let values = values.iter().filter(|value| !is_blank(value));
    values.map(given).collect()
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// Options of a run file's top level that are one text each.
pub(crate) const RUN_OPTIONS: [&str; 8] = [
    "cores",
    "cpu-limit",
    "deadline",
    "delivery-timeout",
    "memory-limit",
    "seed",
    "state-file",
    "steady",
];

/// Options of a scenario's load that are one text each.
pub(crate) const LOAD_OPTIONS: [&str; 24] = [
    "duration",
    "executor",
    "existing-offset",
    "graceful-ramp-down",
    "graceful-stop",
    "interarrival",
    "iterations",
    "max-duration",
    "max-users",
    "on-user-failure",
    "percent-new",
    "profile",
    "rate",
    "repeat-interval",
    "repeat-num",
    "spacing",
    "spike",
    "staircase",
    "start",
    "start-rate",
    "start-users",
    "user-range",
    "users",
    "weight",
];

/// Options of the `[http]` table that are one text each; their flags may have `http-` before them.
pub(crate) const HTTP_OPTIONS: [&str; 5] = [
    "local-ips",
    "max-redirects",
    "proxy",
    "timeout",
    "user-agent",
];

/// What the flags say of the run as a whole.
pub(crate) fn run_flags(raw: &RawRun) -> Options {
    Options::of_flags([
        ("seed", &raw.seed),
        ("cores", &raw.cores),
        ("memory-limit", &raw.memory_limit),
        ("cpu-limit", &raw.cpu_limit),
        ("steady", &raw.steady),
        ("deadline", &raw.deadline),
        ("state-file", &raw.state_file),
        ("delivery-timeout", &raw.delivery_timeout),
    ])
}

/// What the flags say of a scenario's load.
pub(crate) fn load_flags(raw: &RawRun) -> Options {
    Options::of_flags([
        ("executor", &raw.executor),
        ("users", &raw.users),
        ("user-range", &raw.user_range),
        ("duration", &raw.duration),
        ("iterations", &raw.iterations),
        ("staircase", &raw.staircase),
        ("spike", &raw.spike),
        ("rate", &raw.rate),
        ("start-rate", &raw.start_rate),
        ("spacing", &raw.spacing),
        ("max-users", &raw.max_users),
        ("start-users", &raw.start_users),
        ("max-duration", &raw.max_duration),
        ("graceful-ramp-down", &raw.graceful_ramp_down),
        ("graceful-stop", &raw.graceful_stop),
        ("repeat-num", &raw.repeat_num),
        ("interarrival", &raw.interarrival),
        ("repeat-interval", &raw.repeat_interval),
        ("percent-new", &raw.percent_new),
        ("existing-offset", &raw.existing_offset),
        ("profile", &raw.profile),
        ("on-user-failure", &raw.on_user_failure),
    ])
}
