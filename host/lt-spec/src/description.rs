//! What a scenario says of itself: the host's copy of the contract's `description`.

use std::time::Duration;

use lt_metrics::{Kind, Unit};
use serde::{Serialize, Serializer};

/// What `describe` returned, as plain values.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Description {
    /// Name of the scenario: kebab-case.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it does, for people.
    pub doc: String,
    /// Settings it takes; any other is refused.
    pub settings: Vec<Setting>,
    /// Roles of its users; empty if all are alike.
    pub roles: Vec<Role>,
    /// Custom metrics.
    pub metrics: Vec<MetricDeclaration>,
    /// The load it suggests.
    pub load: DefaultLoad,
    /// What `--steady` waits for, if it can tell.
    pub steady: Option<SteadyCondition>,
    /// Files that it reads.
    pub data: Vec<DataDeclaration>,
}

/// What is true of a user once it is steady.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SteadyCondition {
    /// Its last check of this name held.
    Check(String),
    /// The last value it gave the gauge of this name is not zero.
    Gauge(String),
}

/// A file that the scenario reads.
#[derive(Clone, Debug, Serialize)]
pub struct DataDeclaration {
    /// Name, as typed before the `=` of `--asset` or `--feeder`.
    pub name: String,
    /// One line for people.
    pub doc: String,
    /// What it must be.
    pub kind: DataKind,
    /// Whether a run without it is refused.
    pub required: bool,
}

/// What a data file must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataKind {
    /// Any bytes.
    Asset,
    /// Records with at least these fields.
    Feeder(Vec<String>),
}

/// One declared setting.
#[derive(Clone, Debug, Serialize)]
pub struct Setting {
    /// Name as typed in `--set name=value`.
    pub name: String,
    /// One line for people.
    pub doc: String,
    /// What values look like.
    pub kind: SettingKind,
    /// Value when none is given; `None` makes it required.
    pub default: Option<String>,
    /// If not empty, the only values allowed.
    pub allowed: Vec<String>,
    /// Smallest value allowed.
    pub minimum: Option<String>,
    /// Largest value allowed.
    pub maximum: Option<String>,
    /// Whether it may change during a run.
    pub live: bool,
}

/// What values of a setting look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SettingKind {
    /// Any text.
    Text,
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer,
    /// A decimal number.
    Number,
    /// A length of time with its unit.
    Duration,
    /// Text that is never shown.
    Secret,
}

/// One role.
#[derive(Clone, Debug, Serialize)]
pub struct Role {
    /// Name.
    pub name: String,
    /// One line for people.
    pub doc: String,
    /// How many users play it.
    pub share: RoleShare,
}

/// How many users a role gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoleShare {
    /// Relative to the other roles' weights.
    Weight(u32),
    /// Exactly this many, before weights are applied.
    Count(u64),
    /// Every so many-th user.
    Every(u64),
}

/// One declared custom metric.
#[derive(Clone, Debug, Serialize)]
pub struct MetricDeclaration {
    /// Name.
    pub name: String,
    /// One line for people.
    pub doc: String,
    /// Kind.
    pub kind: Kind,
    /// What its values measure.
    pub unit: Unit,
}

/// The load a scenario suggests.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct DefaultLoad {
    /// Number of users.
    pub users: Option<u64>,
    /// Length of the run; in milliseconds when serialised.
    #[serde(rename = "duration_ms", serialize_with = "in_milliseconds")]
    pub duration: Option<Duration>,
    /// Iterations shared by all users.
    pub iterations: Option<u64>,
}

/// Whole where it is whole: readers of JSON expect `30000`, not an object of seconds and nanoseconds.
fn in_milliseconds<S: Serializer>(time: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_secs_f64() * 1000.0).serialize(to)
}
