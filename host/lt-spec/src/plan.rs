//! What was typed, wherever it was typed: a run file, and flags and variables over it. Flags alone are a plan of one
//! scenario. Nothing here is checked but whether flags can mean anything beside the file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::given::{Given, Options, flags, load_flags, run_flags};
use crate::parse::{self, Fault};
use crate::raw::{RawHttp, RawRun};
use crate::resolve::{Problems, give_way};

/// A run as it was typed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    /// The run file's name; `None` if only flags speak, empty if a served run has none.
    pub(crate) file: Option<String>,
    /// Options of the run that are one text.
    pub(crate) run: Options,
    /// Users that scenarios share by weight.
    pub(crate) users: Option<Given>,
    /// Ids that scenarios take one after the other.
    pub(crate) user_range: Option<Given>,
    /// Whether `terminate` is left out.
    pub(crate) no_terminate: bool,
    /// One user, one iteration, one core.
    pub(crate) once: bool,
    /// `NAME=VALUE`.
    pub(crate) tags: Vec<Given>,
    /// `NAME=VALUE` from flags: they go before those of scenarios too.
    pub(crate) tags_from_flags: Vec<Given>,
    /// Expressions.
    pub(crate) thresholds: Vec<Given>,
    /// `KIND=FILE`.
    pub(crate) outputs: Vec<Given>,
    /// `NAME=FILE`; a later one replaces an earlier one of a run file.
    pub(crate) assets: Vec<Given>,
    /// `NAME=FILE[:ORDER]`.
    pub(crate) feeders: Vec<Given>,
    /// `[NAME.]NAME=VALUE` from flags, in order.
    pub(crate) settings_from_flags: Vec<Given>,
    /// By what follows `LT_SET_`.
    pub(crate) settings_from_variables: BTreeMap<String, String>,
    /// `NAME=VALUE` for every scenario that declares it.
    pub(crate) settings: Vec<Given>,
    /// How HTTP clients behave.
    pub(crate) http: HttpPlan,
    /// What runs.
    pub(crate) scenarios: Vec<ScenarioPlan>,
    /// What changes while it runs.
    pub(crate) changes: Vec<ChangePlan>,
}

/// One scenario as it was typed.
#[derive(Clone, Debug, Default)]
pub(crate) struct ScenarioPlan {
    /// Its name in the run.
    pub(crate) name: String,
    /// Its component, if a run file names it.
    pub(crate) file: PathBuf,
    /// The stored scenario that a served run takes, and which version of it.
    pub(crate) stored: Stored,
    /// Where it stands: `run.toml:12 scenarios.chat`; `None` if flags describe it.
    pub(crate) place: Option<String>,
    /// Its load.
    pub(crate) load: Options,
    /// `TIME:TARGET`, in order.
    pub(crate) stages: Vec<Given>,
    /// `NAME=VALUE`.
    pub(crate) settings: Vec<Given>,
    /// `NAME=SHARE`.
    pub(crate) roles: Vec<Given>,
    /// Expressions, without the scenario's tag.
    pub(crate) thresholds: Vec<Given>,
    /// `NAME=VALUE`.
    pub(crate) tags: Vec<Given>,
}

/// Which stored scenario a served run takes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stored {
    /// The name under which it was uploaded.
    pub(crate) name: String,
    /// The digest of the version, or the beginning of one; `None`: the current one.
    pub(crate) digest: Option<String>,
}

/// The HTTP options as they were typed.
#[derive(Clone, Debug, Default)]
pub(crate) struct HttpPlan {
    /// Options that are one text.
    pub(crate) texts: Options,
    /// `HOST[:PORT]=IP[:PORT]`.
    pub(crate) hosts: Vec<Given>,
    /// What is switched on: names as in [`SWITCHES`].
    pub(crate) switches: Vec<&'static str>,
    /// PEM contents of `ca-cert`, and where they were named.
    pub(crate) authorities: Option<(String, Vec<u8>)>,
    /// Of `client-cert`.
    pub(crate) client_certificate: Option<(String, Vec<u8>)>,
    /// Of `client-key`.
    pub(crate) client_key: Option<(String, Vec<u8>)>,
}

/// Options of a load that a run file's top level gives to every scenario which has none of its own.
pub(crate) const FOR_ALL: [&str; 3] = ["graceful-stop", "on-user-failure", "profile"];

/// HTTP options that are on or off.
pub(crate) const SWITCHES: [&str; 5] = [
    "discard-response-bodies",
    "insecure-skip-tls-verify",
    "no-connection-reuse",
    "no-tls-resumption",
    "no-vu-connection-reuse",
];

/// One `[[changes]]` table as it was typed.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChangePlan {
    /// Where it stands.
    pub(crate) place: String,
    /// When.
    pub(crate) at: Option<Given>,
    /// Which scenario.
    pub(crate) scenario: Option<Given>,
    /// What: `set`, `users`, `rate`, `pause`, `resume` or `throttle`, each as often as it was given.
    pub(crate) actions: Vec<ActionPlan>,
}

/// What one change does, as it was typed.
#[derive(Clone, Debug)]
pub(crate) enum ActionPlan {
    /// A setting's new value: `NAME=VALUE`.
    Set(Given),
    /// Another number of users.
    Users(Given),
    /// Another arrival rate.
    Rate(Given),
    /// No new iterations.
    Pause,
    /// Iterations go on.
    Resume,
    /// A throttle changes: its name, and the other keys of the table.
    Throttle {
        /// Where the table stands.
        place: String,
        /// `name`.
        name: Option<Given>,
        /// `rate`, `over`, `parallelism`, `pause`, `resume`, `unlock`.
        keys: Vec<(&'static str, Given)>,
    },
}

impl ScenarioPlan {
    /// The field of an option that was not given.
    pub(crate) fn field(&self, option: &str) -> String {
        match &self.place {
            // The short form of a served run: its only scenario stands at the top.
            Some(place) if place.is_empty() => self.written(option),
            Some(place) => format!("{place}.{}", self.written(option)),
            None => self.written(option),
        }
    }

    /// How people write the option here: `--users` or `users`.
    pub(crate) fn written(&self, option: &str) -> String {
        match self.place {
            Some(_) if option == "stage" => "stages".to_owned(),
            Some(_) => option.to_owned(),
            None => format!("--{option}"),
        }
    }
}

impl Plan {
    /// What flags and variables alone describe: one scenario of this name.
    pub(crate) fn of_flags(raw: &RawRun, name: &str, problems: &mut Problems) -> Self {
        let mut plan = Self {
            scenarios: vec![ScenarioPlan {
                name: name.to_owned(),
                ..ScenarioPlan::default()
            }],
            ..Self::default()
        };
        plan.overlay(raw, problems);
        plan
    }

    /// The field of a run-wide option that was not given.
    pub(crate) fn field(&self, option: &str) -> String {
        match &self.file {
            Some(file) => format!("{file} {option}").trim_start().to_owned(),
            None => format!("--{option}"),
        }
    }

    /// How people write a run-wide option here.
    pub(crate) fn written(&self, option: &str) -> String {
        match self.file {
            Some(_) => option.to_owned(),
            None => format!("--{option}"),
        }
    }

    /// Put flags and variables over it.
    pub(crate) fn overlay(&mut self, raw: &RawRun, problems: &mut Problems) {
        self.once |= raw.once;
        if self.once {
            // What the file says of a whole run is no contradiction; the same typed as a flag is.
            for name in ["cores", "steady", "deadline"] {
                self.run.remove(name);
            }
        }
        self.run.overlay(run_flags(raw));
        self.no_terminate |= raw.no_terminate;
        self.tags_from_flags.extend(flags("tag", &raw.tags));
        self.thresholds.extend(flags("threshold", &raw.thresholds));
        self.outputs.extend(flags("out", &raw.outputs));
        replace(&mut self.assets, flags("asset", &raw.assets));
        replace(&mut self.feeders, flags("feeder", &raw.feeders));
        self.settings_from_flags.extend(flags("set", &raw.settings));
        self.settings_from_variables
            .extend(raw.settings_from_variables.clone());
        self.http.overlay(&raw.http);
        self.overlay_load(raw, problems);
    }

    /// Flags of a load say which scenario they mean only if there is just one, or if they mean all.
    fn overlay_load(&mut self, raw: &RawRun, problems: &mut Problems) {
        let mut typed = ScenarioPlan {
            load: load_flags(raw),
            stages: flags("stage", &raw.stages),
            roles: flags("role", &raw.roles),
            ..ScenarioPlan::default()
        };
        if self.once {
            return self.shrink(typed, problems);
        }
        let [scenario] = self.scenarios.as_mut_slice() else {
            self.overlay_all(&mut typed);
            return ambiguous(&typed, problems);
        };
        give_way(scenario, &typed);
        scenario.load.overlay(typed.load);
        if !typed.stages.is_empty() {
            scenario.stages = typed.stages;
        }
        replace(&mut scenario.roles, typed.roles);
    }

    /// Flags that a run file of several scenarios takes at its top level, where they are for all.
    fn overlay_all(&mut self, typed: &mut ScenarioPlan) {
        for name in FOR_ALL {
            if let Some(given) = typed.load.get(name).cloned() {
                typed.load.remove(name);
                for scenario in &mut self.scenarios {
                    scenario.load.set(name, given.clone());
                }
            }
        }
        if let Some(range) = typed.load.get("user-range") {
            self.user_range = Some(range.clone());
            typed.load.remove("user-range");
        }
        // Without users that scenarios share, nothing says how many of these are whose.
        if self.users.is_some()
            && let Some(users) = typed.load.get("users")
        {
            self.users = Some(users.clone());
            typed.load.remove("users");
        }
    }

    /// What is left of the load for one iteration of one user. A single id, one user and one iteration say the same.
    fn shrink(&mut self, mut typed: ScenarioPlan, problems: &mut Problems) {
        self.users = None;
        self.changes.clear();
        for scenario in &mut self.scenarios {
            scenario.load = Options::default();
            scenario.stages.clear();
        }
        for name in ["users", "iterations", "repeat-num"] {
            let given = typed.load.get(name);
            if given.is_some_and(|given| parse::count(&given.value) == Ok(1)) {
                typed.load.remove(name);
            }
        }
        let range = typed.load.get("user-range").cloned();
        let one = range.filter(|given| {
            parse::user_range(&given.value).is_ok_and(|(first, last)| first == last)
        });
        if let ([scenario], Some(given)) = (self.scenarios.as_mut_slice(), one) {
            typed.load.remove("user-range");
            scenario.load.set("user-range", given);
        }
        let roles = std::mem::take(&mut typed.roles);
        forbid(&typed, problems);
        match self.scenarios.as_mut_slice() {
            [scenario] => replace(&mut scenario.roles, roles),
            _ => {
                typed = ScenarioPlan {
                    roles,
                    ..ScenarioPlan::default()
                };
                ambiguous(&typed, problems);
            }
        }
    }
}

/// Flags that do not say which of several scenarios they mean.
fn ambiguous(typed: &ScenarioPlan, problems: &mut Problems) {
    let options = typed.load.iter().map(|(_, given)| given);
    for given in options.chain(&typed.stages).chain(&typed.roles) {
        let fault = Fault::new(
            "does not say which of the run file's scenarios it is for",
            "write it into the scenario's table of the run file",
        );
        problems.add(&given.field, &given.value, fault);
    }
}

/// `--once` says how much load there is; nothing else may.
fn forbid(typed: &ScenarioPlan, problems: &mut Problems) {
    let options = typed.load.iter().map(|(_, given)| given);
    for given in options.chain(&typed.stages) {
        let fault = Fault::new(
            "contradicts --once, which is one iteration of one user",
            "leave one of the two out",
        );
        problems.add(&given.field, &given.value, fault);
    }
}

/// Add values of the form `NAME=…`; those of a name that is there already take its place.
fn replace(values: &mut Vec<Given>, over: Vec<Given>) {
    let name = |given: &Given| parse::pair(&given.value).map(|(name, _)| name.to_owned());
    values.retain(|known| {
        let known = name(known);
        known.is_err() || !over.iter().any(|given| name(given) == known)
    });
    values.extend(over);
}

impl HttpPlan {
    fn overlay(&mut self, raw: &RawHttp) {
        let mut texts = Options::of_flags([
            ("max-redirects", &raw.max_redirects),
            ("proxy", &raw.proxy),
            ("local-ips", &raw.local_addresses),
        ]);
        if let Some(timeout) = raw.timeout.as_ref().filter(|text| !text.trim().is_empty()) {
            texts.set("timeout", Given::new("--http-timeout", timeout));
        }
        // Here nothing is a value: clients without a name.
        if let Some(name) = &raw.user_agent {
            texts.set("user-agent", Given::new("--user-agent", name));
        }
        self.texts.overlay(texts);
        self.hosts.extend(flags("host-override", &raw.hosts));
        let on = [
            raw.discard_bodies,
            raw.insecure,
            raw.no_connection_reuse,
            raw.no_tls_resumption,
            raw.no_reuse_between_iterations,
        ];
        let switched = SWITCHES.into_iter().zip(on).filter(|(_, on)| *on);
        self.switches.extend(switched.map(|(name, _)| name));
        let pem = |field: &str, contents: &Option<Vec<u8>>| {
            let contents = contents.clone()?;
            Some((field.to_owned(), contents))
        };
        self.authorities = pem("--ca-cert", &raw.authorities).or(self.authorities.take());
        self.client_certificate =
            pem("--client-cert", &raw.client_certificate).or(self.client_certificate.take());
        self.client_key = pem("--client-key", &raw.client_key).or(self.client_key.take());
    }

    /// Whether it is switched on.
    pub(crate) fn has(&self, switch: &str) -> bool {
        self.switches.contains(&switch)
    }
}
