//! What was typed, wherever it was typed: a run file, and flags and variables over it. Flags alone are a plan of one
//! scenario. Nothing here is checked but whether flags can mean anything beside the file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::given::{Given, Options, flags, load_flags, run_flags};
use crate::parse::{self, Fault};
use crate::raw::{RawHttp, RawRun};
use crate::resolve::Problems;

/// A run as it was typed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    /// The run file's name; `None` if only flags speak.
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
            Some(file) => format!("{file} {option}"),
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
        self.tags.extend(flags("tag", &raw.tags));
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

    /// Flags of a load say which scenario they mean only if there is just one.
    fn overlay_load(&mut self, raw: &RawRun, problems: &mut Problems) {
        let options = load_flags(raw);
        let stages = flags("stage", &raw.stages);
        let roles = flags("role", &raw.roles);
        if self.once {
            forbid(&options, &stages, problems);
            return self.shrink(roles);
        }
        let [scenario] = self.scenarios.as_mut_slice() else {
            for given in options
                .iter()
                .map(|(_, given)| given)
                .chain(&stages)
                .chain(&roles)
            {
                let fault = Fault::new(
                    "does not say which of the run file's scenarios it is for",
                    "write it into the scenario's table of the run file",
                );
                problems.add(&given.field, &given.value, fault);
            }
            return;
        };
        scenario.load.overlay(options);
        if !stages.is_empty() {
            scenario.stages = stages;
        }
        replace(&mut scenario.roles, roles);
    }

    /// What is left of the load for one iteration of one user.
    fn shrink(&mut self, roles: Vec<Given>) {
        self.users = None;
        self.changes.clear();
        for scenario in &mut self.scenarios {
            scenario.load = Options::default();
            scenario.stages.clear();
            if self.file.is_none() {
                scenario.roles.clone_from(&roles);
            }
        }
    }
}

/// `--once` says how much load there is; nothing else may.
fn forbid(options: &Options, stages: &[Given], problems: &mut Problems) {
    for given in options.iter().map(|(_, given)| given).chain(stages) {
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
            ("user-agent", &raw.user_agent),
        ]);
        if let Some(timeout) = &raw.timeout {
            texts.set("timeout", Given::new("--http-timeout", timeout));
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
