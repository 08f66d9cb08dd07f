//! From what was typed to what is meant. Reports every problem at once; reads nothing and starts nothing.

mod changes;
mod data;
mod executor;
mod http;
mod labels;
mod load;
mod next_version;
mod policy;
mod problems;
mod roles;
mod setting_value;
mod settings;
mod shapes;
mod stages;
mod users;
mod verdict;

use std::collections::BTreeMap;

use self::labels::{outputs, tags};
use self::roles::Crowd;
use self::settings::Described;
use self::shapes::{Shapes, shapes};
use crate::description::{Description, SettingKind};
use crate::limits::{
    CORES_MAX, GRACEFUL_STOP, USER_CPU_GRANT_MAX, USER_CPU_MAX, USER_CPU_MIN, USER_MEMORY_BYTES_MAX,
};
use crate::parse::{self, Fault};
use crate::plan::Plan;
use crate::problem::Problem;
use crate::raw::RawRun;
use crate::roles::Roles;
use crate::run_file::RawFile;
use crate::spec::{Load, RunSpec, ScenarioSpec, UserLimits, users_of_changes};

pub(crate) use self::executor::give_way;
pub use self::labels::{RESERVED_TAGS, check_tags};
pub use self::next_version::settings_of_next;
pub(crate) use self::problems::{Problems, nearest};
pub use self::settings::check_setting;
pub use self::verdict::{registry, registry_of};

/// What must be known of the place and the moment of a run.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Memory that users can take, in bytes; `None` if the system does not say, and then it is not checked.
    pub memory_available_bytes: Option<u64>,
    /// Processors this process may use.
    pub cores: usize,
    /// Name of this host.
    pub node: String,
    /// Seed to use if none is given: random, so that runs differ unless asked to be alike.
    pub seed: u64,
    /// Id to give the run.
    pub run_id: String,
}

/// Check a run that flags and variables describe, against its scenario and the machine.
///
/// # Errors
/// Everything that is wrong with it, in the order of the options.
pub fn resolve(
    raw: &RawRun,
    description: &Description,
    machine: &Machine,
) -> Result<RunSpec, Vec<Problem>> {
    let mut problems = Problems::default();
    let plan = Plan::of_flags(raw, &description.name, &mut problems);
    let spec = whole(&plan, Some(&[description]), machine, &mut problems);
    problems.unless_any(spec)
}

/// Check a run that a run file describes, with flags and variables over it, against its scenarios and the machine.
/// `descriptions` are by the name of the scenario in the run.
///
/// # Errors
/// Everything that is wrong with it, unknown keys included, in the order of the file's lines; before them what is wrong with
/// flags.
pub fn resolve_file(
    raw: &RawRun,
    file: &RawFile,
    descriptions: &BTreeMap<String, Description>,
    machine: &Machine,
) -> Result<RunSpec, Vec<Problem>> {
    let mut problems = Problems::default();
    for problem in file.problems() {
        problems.push(problem.clone());
    }
    let mut plan = file.plan();
    plan.overlay(raw, &mut problems);
    let mut known = Vec::new();
    for scenario in &plan.scenarios {
        match descriptions.get(&scenario.name) {
            Some(description) => known.push(description),
            None => {
                let fault =
                    Fault::new("the scenario has not been read", "read its component first");
                problems.add(&scenario.field("file"), "", fault);
            }
        }
    }
    let all = known.len() == plan.scenarios.len();
    let spec = whole(
        &plan,
        all.then_some(known.as_slice()),
        machine,
        &mut problems,
    );
    problems.sort_by_line(&plan);
    problems.unless_any(spec)
}

/// What can be told of a plan before its scenarios are read: faults of values.
pub(crate) fn check_values(plan: &Plan, problems: &mut Problems) {
    let nowhere = Machine {
        memory_available_bytes: None,
        cores: 1,
        node: String::new(),
        seed: 0,
        run_id: String::new(),
    };
    whole(plan, None, &nowhere, problems);
    problems.sort_by_line(plan);
}

/// The whole run. Without descriptions, what depends on them is left out.
fn whole(
    plan: &Plan,
    descriptions: Option<&[&Description]>,
    machine: &Machine,
    problems: &mut Problems,
) -> Option<RunSpec> {
    let user_limits = user_limits(plan, problems);
    let described: Option<Vec<Described<'_>>> = descriptions.map(|descriptions| {
        let all = plan.scenarios.iter().zip(descriptions);
        all.map(|(scenario, description)| (scenario, *description))
            .collect()
    });
    let described = described.as_deref();
    let shapes = shapes(plan, described, machine, user_limits, problems);
    let seed = problems.take(&plan.run, "seed", parse::whole);
    let cores = problems.take(&plan.run, "cores", cores);
    let cores = match cores {
        Some(more) if plan.once && more > 1 => {
            let fault = Fault::new("contradicts --once, which takes one core", "leave it out");
            problems.add_option(&plan.run, "cores", fault);
            1
        }
        Some(cores) => cores,
        None if plan.once => 1,
        None => machine.cores.max(1),
    };
    let run_tags = tags(&plan.tags, BTreeMap::new(), problems);
    let run_tags = tags(&plan.tags_from_flags, run_tags, problems);
    let scenarios = scenarios(plan, described, &shapes, &run_tags, problems);
    let mut thresholds = verdict::thresholds(plan, described, problems);
    if plan.once {
        // One iteration is a try: it is looked at, not judged.
        thresholds.clear();
    }
    let outputs = outputs(plan, problems);
    let http = http::http(&plan.http, problems);
    let data = data::data(plan, described, problems);
    let steady = policy::steady(plan, described, shapes.length(), problems);
    Some(RunSpec {
        id: machine.run_id.clone(),
        node: machine.node.clone(),
        scenarios: scenarios?,
        seed: seed.unwrap_or(machine.seed),
        tags: run_tags,
        thresholds,
        http,
        user_limits,
        cores,
        outputs,
        data,
        steady,
        terminate: !plan.no_terminate,
        changes: shapes.changes,
    })
}

fn scenarios(
    plan: &Plan,
    described: Option<&[Described<'_>]>,
    shapes: &Shapes,
    run_tags: &BTreeMap<String, String>,
    problems: &mut Problems,
) -> Option<Vec<ScenarioSpec>> {
    let mut settings = described
        .map(|described| settings::settings(plan, described, problems))
        .unwrap_or_default()
        .into_iter();
    let blank = Description::default();
    let mut specs = Vec::new();
    for (position, scenario) in plan.scenarios.iter().enumerate() {
        let graceful_stop = problems.take(&scenario.load, "graceful-stop", parse::duration);
        let own_tags = tags(&scenario.tags, run_tags.clone(), problems);
        let own_tags = tags(&plan.tags_from_flags, own_tags, problems);
        let failure = scenario.load.get("on-user-failure");
        let on_failure = policy::on_failure(failure, problems);
        let known = described.and_then(|described| described.get(position));
        let description = known.map_or(&blank, |(_, description)| *description);
        let load = shapes.loads.get(position).cloned().flatten();
        let roles = match (&load, known) {
            (Some(load), Some(_)) => {
                let users = load.users_max();
                let crowd = (!plan.once).then(|| Crowd {
                    users,
                    users_max: users.max(users_of_changes(&shapes.changes, position)),
                    is_churn: matches!(load, Load::Churn(_)),
                });
                roles::roles(scenario, description, crowd, problems)
            }
            (None, Some(_)) => {
                roles::check(scenario, description, problems);
                Roles::default()
            }
            _ => Roles::default(),
        };
        let identities = shapes.identities.get(position).copied();
        let (Some(load), Some(identities)) = (load, identities) else {
            continue;
        };
        let secrets = description.settings.iter();
        let secrets = secrets.filter(|setting| setting.kind == SettingKind::Secret);
        specs.push(ScenarioSpec {
            name: scenario.name.clone(),
            start: shapes.starts.get(position).copied().unwrap_or_default(),
            load,
            graceful_stop: graceful_stop.unwrap_or(GRACEFUL_STOP),
            identities,
            last_id: users::last_id(plan, scenario),
            roles,
            settings: settings.next().unwrap_or_default(),
            secrets: secrets.map(|setting| setting.name.clone()).collect(),
            tags: own_tags,
            on_failure,
        });
    }
    (specs.len() == plan.scenarios.len()).then_some(specs)
}

fn cores(text: &str) -> Result<usize, Fault> {
    let cores = parse::whole(text)?;
    usize::try_from(cores)
        .ok()
        .filter(|cores| (1..=CORES_MAX).contains(cores))
        .ok_or_else(|| {
            Fault::new(
                format!("is not from 1 to {CORES_MAX}"),
                "leave it out to use every core",
            )
        })
}

fn user_limits(plan: &Plan, problems: &mut Problems) -> UserLimits {
    let memory = problems.take(&plan.run, "memory-limit", parse::memory_limit);
    let cpu = problems.take(&plan.run, "cpu-limit", |text| {
        let limit = parse::duration(text)?;
        if (USER_CPU_MIN..=USER_CPU_GRANT_MAX).contains(&limit) {
            return Ok(limit);
        }
        Err(Fault::new(
            "is not from 20ms to 1h",
            "1s is plenty for an iteration of a load test",
        ))
    });
    UserLimits {
        memory_bytes: memory.unwrap_or(USER_MEMORY_BYTES_MAX),
        cpu: cpu.unwrap_or(USER_CPU_MAX),
    }
}

#[cfg(test)]
mod tests;
