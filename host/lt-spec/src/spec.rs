//! What is meant: a run with every value present and checked.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use lt_metrics::Threshold;

use crate::roles::Roles;

mod ids;
mod load;

pub use self::ids::Ids;
pub use self::load::{
    Churn, ConstantArrivalRate, ConstantUsers, Load, Pace, PerUserIterations, RampingArrivalRate,
    RampingUsers, SharedIterations, Spacing, Stage,
};

/// One run, ready to start.
#[derive(Clone, Debug)]
pub struct RunSpec {
    /// Unique id of the run.
    pub id: String,
    /// Name of this host.
    pub node: String,
    /// What runs: at least one, names unique.
    pub scenarios: Vec<ScenarioSpec>,
    /// The run's seed.
    pub seed: u64,
    /// Tags of every sample of the run.
    pub tags: BTreeMap<String, String>,
    /// What the run is judged by, those of its scenarios included.
    pub thresholds: Vec<Threshold>,
    /// How HTTP clients behave.
    pub http: HttpSpec,
    /// What one user may use.
    pub user_limits: UserLimits,
    /// Threads that run users.
    pub cores: usize,
    /// Where every sample is written, besides the summary.
    pub outputs: Vec<Output>,
    /// Files that users read, and the store.
    pub data: DataSpec,
    /// End well once the steady state has held, and badly at the deadline.
    pub steady: Option<Steady>,
    /// Whether `terminate` is called at the end.
    pub terminate: bool,
    /// What changes while the run goes on, in order of time.
    pub changes: Vec<Change>,
}

/// One scenario of a run: a component, its load, its settings.
#[derive(Clone, Debug)]
pub struct ScenarioSpec {
    /// Its name in this run: the tag `scenario`.
    pub name: String,
    /// When it starts, since the run's clock.
    pub start: Duration,
    /// When iterations start.
    pub load: Load,
    /// How long iterations under way may take after its end.
    pub graceful_stop: Duration,
    /// Who its users are.
    pub identities: Identities,
    /// The last id that they may have, if a range of ids was typed for them.
    pub last_id: Option<u64>,
    /// Which roles they play.
    pub roles: Roles,
    /// Every declared setting with its value.
    pub settings: BTreeMap<String, String>,
    /// Names of the settings that are never shown.
    pub secrets: Vec<String>,
    /// Tags of every sample of this scenario, those of the run included.
    pub tags: BTreeMap<String, String>,
    /// What becomes of users that failed.
    pub on_failure: FailurePolicy,
}

/// Ids of a scenario's users. Users are counted from 0 in the order in which the load wants them; this says who each is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identities {
    /// Id of the first new user; where nobody is new, one that no other has.
    pub first: u64,
    /// Users who have an account already, mixed evenly among the new ones.
    pub existing: Option<Existing>,
}

/// Users who exist before the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Existing {
    /// How many in a hundred users are new.
    pub percent_new: u8,
    /// Id of the first existing user.
    pub first: u64,
}

impl Identities {
    /// The id of the `index`-th user, and whether it is new.
    #[must_use]
    pub fn of(&self, index: u64) -> (u64, bool) {
        let Some(existing) = self.existing else {
            return (self.first.saturating_add(index), true);
        };
        let percent = u128::from(existing.percent_new.min(100));
        let new_among = |users: u128| users * percent / 100;
        let before = new_among(u128::from(index));
        let is_new = new_among(u128::from(index) + 1) > before;
        let before = u64::try_from(before).unwrap_or(index);
        if is_new {
            (self.first.saturating_add(before), true)
        } else {
            (existing.first.saturating_add(index - before), false)
        }
    }
}

/// What becomes of users whose sandbox was lost (a panic, no memory, no CPU) or who could not join.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FailurePolicy {
    /// Whether a lost user is built anew.
    pub on_loss: OnLoss,
    /// The run ends (exit code 107) when so many users have failed.
    pub abort_after: Option<FailureLimit>,
}

/// What becomes of a user whose sandbox was lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnLoss {
    /// It begins anew, with `join`.
    #[default]
    Rebuild,
    /// It is gone.
    Retire,
}

/// How many failed users are too many.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FailureLimit {
    /// This many.
    Users(u64),
    /// This share, in percent, of the users begun so far, and at least of those planned.
    Percent(f64),
}

/// Users that scheduled changes lead a scenario to, at most.
pub(crate) fn users_of_changes(changes: &[Change], scenario: usize) -> u64 {
    let meant = changes
        .iter()
        .filter(|change| change.scenario.is_none_or(|meant| meant == scenario));
    let users = meant.map(|change| match change.action {
        Action::Users(users) => users,
        _ => 0,
    });
    users.max().unwrap_or(0)
}

impl RunSpec {
    /// Users of all scenarios that there may be at a time, scheduled changes included.
    #[must_use]
    pub fn users_max(&self) -> u64 {
        (0..self.scenarios.len())
            .map(|scenario| self.users_max_of(scenario))
            .fold(0, u64::saturating_add)
    }

    /// Users that the scenario at this position may have at a time: those of its load, or more if a change leads there.
    #[must_use]
    pub fn users_max_of(&self, scenario: usize) -> u64 {
        let load = self.scenarios.get(scenario);
        let load = load.map_or(0, |scenario| scenario.load.users_max());
        load.max(users_of_changes(&self.changes, scenario))
    }

    /// When no more iterations start in any scenario; `None` if one has no end of its own.
    #[must_use]
    pub fn length(&self) -> Option<Duration> {
        self.scenarios
            .iter()
            .map(|scenario| Some(scenario.start.saturating_add(scenario.load.length()?)))
            .try_fold(Duration::ZERO, |longest, length| Some(longest.max(length?)))
    }

    /// What to call the run's scenarios: the name of the only one, or all names.
    #[must_use]
    pub fn title(&self) -> String {
        let names: Vec<&str> = self
            .scenarios
            .iter()
            .map(|scenario| scenario.name.as_str())
            .collect();
        names.join(", ")
    }
}

/// Files that users read, and what they share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DataSpec {
    /// Files of any bytes, by name.
    pub assets: Vec<(String, PathBuf)>,
    /// Files of records.
    pub feeders: Vec<FeederSpec>,
    /// Where the store is kept from run to run.
    pub state_file: Option<PathBuf>,
    /// How long something sent may take to be received before it counts as lost.
    pub delivery_timeout: Duration,
}

/// A file of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeederSpec {
    /// Its name.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// The order of its records, if it is not left to the scenario.
    pub order: Option<FeederOrder>,
}

/// In which order records are handed out: the contract's `data.order`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeederOrder {
    /// Each once, to whichever user asks next.
    Sequential,
    /// The same, round and round.
    Circular,
    /// Any, by the user's seed.
    Random,
    /// One for each user.
    Unique,
    /// Every N-th for each of N users.
    Disjoint,
}

/// When a run counts as steady.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steady {
    /// How long the condition must hold for every user.
    pub hold: Duration,
    /// When it must have done so at the latest (exit code 111).
    pub deadline: Duration,
}

/// One thing that changes while the run goes on.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// When, since the run's clock.
    pub at: Duration,
    /// Which scenario, by position; `None`: all.
    pub scenario: Option<usize>,
    /// What.
    pub action: Action,
}

/// What a change does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A live setting gets a new value, already checked against its declaration.
    Set {
        /// The setting.
        name: String,
        /// Its new value.
        value: String,
    },
    /// The number of users changes.
    Users(u64),
    /// The arrival rate changes, in iterations a second.
    Rate(f64),
    /// No new iterations until `Resume`; the load's clock stands still.
    Pause,
    /// Iterations go on.
    Resume,
    /// A throttle changes.
    Throttle {
        /// Its name.
        name: String,
        /// How.
        change: ThrottleChange,
    },
    /// So many users more: of an arrival rate, so many more at most.
    AddUsers(u64),
    /// So many users fewer: the last ones, which are not replaced.
    RemoveUsers {
        /// How many.
        count: u64,
        /// Whether they are dropped where they stand, and not at the end of their iteration.
        force: bool,
    },
    /// Without these users from now on: they are not replaced.
    RemoveIds {
        /// Their ids.
        ids: Vec<u64>,
        /// Whether they are dropped where they stand.
        force: bool,
    },
    /// Another load from now on: users of the one before end, those of this one have ids of their own.
    Executor(Box<Load>),
    /// What the run is judged by from now on, in place of what it was judged by.
    Thresholds(Vec<Threshold>),
    /// Tags of the run, for samples from now on, in place of those it had.
    Tags(BTreeMap<String, String>),
    /// Another version of the scenario's code for a share of its users. Told of only: it is asked for with the code itself.
    Swap {
        /// What the version is called.
        to: String,
        /// The share of users that take it.
        share: f64,
        /// Whether running users move.
        drain: bool,
    },
    /// The version before that, for all users. Told of only.
    RollBack {
        /// What it is called.
        to: String,
        /// Why.
        reason: String,
    },
    /// Something that people want to find again in the numbers: it changes nothing.
    Annotate {
        /// What is to be remembered.
        text: String,
        /// Words by which it is found.
        tags: Vec<String>,
    },
}

/// How a throttle changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ThrottleChange {
    /// Another rate: this many in this time, reached over `over` if that is given.
    Rate {
        /// How many.
        count: u64,
        /// In how long.
        interval: Duration,
        /// Over how long it changes; `None`: now.
        over: Option<Duration>,
    },
    /// Another number at a time.
    Parallelism(u32),
    /// Nobody passes.
    Pause,
    /// As before the pause.
    Resume,
    /// Everybody passes.
    Unlock,
}

/// How HTTP clients behave, unless a scenario says otherwise.
#[derive(Clone, Debug)]
pub struct HttpSpec {
    /// Time for a whole exchange.
    pub timeout: Duration,
    /// Most redirects followed.
    pub max_redirects: u32,
    /// Whether bodies are thrown away unless a request asks to keep them.
    pub discard_bodies: bool,
    /// Accept any certificate.
    pub insecure: bool,
    /// PEM file contents: authorities to trust instead of the system's.
    pub authorities: Option<Vec<u8>>,
    /// PEM contents: certificate chain and private key to show servers.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
    /// Resume TLS sessions.
    pub tls_resumption: bool,
    /// Reuse connections within an iteration.
    pub connection_reuse: bool,
    /// Keep connections from one iteration to the next.
    pub reuse_between_iterations: bool,
    /// Proxy for every request.
    pub proxy: Option<String>,
    /// Local addresses to connect from, taken in turn by user.
    pub local_addresses: Vec<IpAddr>,
    /// `host` or `host:port` → address to use instead of resolving.
    pub hosts: BTreeMap<String, SocketAddrOrIp>,
    /// The `user-agent`; empty sends none.
    pub user_agent: String,
}

/// The address of a host override: with or without a port of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketAddrOrIp {
    /// Address and port.
    Socket(SocketAddr),
    /// Address; the URL's port is kept.
    Ip(IpAddr),
}

/// What one user may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserLimits {
    /// Most linear memory.
    pub memory_bytes: usize,
    /// Longest stretch of CPU time without a host call that waits.
    pub cpu: Duration,
}

/// Where the run's numbers go, besides the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Every sample as a JSON line in k6's layout.
    Json(PathBuf),
    /// Every sample as a CSV row in k6's layout.
    Csv(PathBuf),
    /// What each user asked for and how its stream went, as CSV rows that viewers of streams read.
    StreamCsv(PathBuf),
}

impl Output {
    /// The word before the `=`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Json(_) => "json",
            Self::Csv(_) => "csv",
            Self::StreamCsv(_) => "stream-csv",
        }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Json(path) | Self::Csv(path) | Self::StreamCsv(path) => path,
        }
    }
}
