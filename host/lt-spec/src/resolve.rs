//! From what was typed to what is meant. Reports every problem at once; reads nothing and starts nothing.

mod http;
mod load;
mod settings;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use lt_metrics::{DeclareError, Registry, SubmetricPlan, Threshold, ThresholdError};

use crate::description::{Description, SettingKind};
use crate::limits::{
    CORES_MAX, DELIVERY_TIMEOUT, GRACEFUL_STOP, RUN_TAGS_MAX, TAG_BYTES_MAX, USER_CPU_GRANT_MAX,
    USER_CPU_MAX, USER_CPU_MIN, USER_MEMORY_BYTES_GRANT_MAX, USER_MEMORY_BYTES_MAX,
    USER_MEMORY_BYTES_MIN,
};
use crate::parse::{self, Fault};
use crate::problem::Problem;
use crate::raw::RawRun;
use crate::spec::{DataSpec, FailurePolicy, Identities, Output, RunSpec, ScenarioSpec, UserLimits};

/// Tags that the host itself puts on samples (k6's system tags, and ours): a run may not claim them.
pub const RESERVED_TAGS: [&str; 18] = [
    "check",
    "class",
    "error",
    "error_code",
    "expected_response",
    "group",
    "iter",
    "method",
    "name",
    "node",
    "proto",
    "role",
    "scenario",
    "status",
    "subproto",
    "tls_version",
    "url",
    "vu",
];

/// Kinds of outputs, as typed before the `=`.
const OUTPUT_KINDS: [&str; 2] = ["json", "csv"];

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

/// Check a run against its scenario and the machine.
///
/// # Errors
/// Everything that is wrong with it, in the order of the options.
pub fn resolve(
    raw: &RawRun,
    description: &Description,
    machine: &Machine,
) -> Result<RunSpec, Vec<Problem>> {
    let mut problems = Problems::default();
    let user_limits = user_limits(raw, &mut problems);
    let users = load::users(raw, description, machine, user_limits, &mut problems);
    let load = load::load(raw, description, users.count, &mut problems);
    let graceful_stop = problems.take(
        "--graceful-stop",
        raw.graceful_stop.as_deref(),
        parse::duration,
    );
    let roles = load::roles(description, users.count, &mut problems);
    let seed = problems.take("--seed", raw.seed.as_deref(), parse::whole);
    let cores = problems.take("--cores", raw.cores.as_deref(), cores);
    let settings = settings::settings(raw, description, &mut problems);
    let tags = tags(raw, &mut problems);
    let thresholds = thresholds(raw, description, &mut problems);
    let outputs = outputs(raw, &mut problems);
    let http = http::http(&raw.http, &mut problems);
    if !problems.0.is_empty() {
        return Err(problems.0);
    }
    let graceful_stop = graceful_stop.unwrap_or(GRACEFUL_STOP);
    let is_secret = |kind| kind == SettingKind::Secret;
    let scenario = ScenarioSpec {
        name: description.name.clone(),
        start: Duration::ZERO,
        load,
        graceful_stop,
        identities: Identities {
            first: users.first,
            existing: None,
        },
        roles,
        settings,
        secrets: description
            .settings
            .iter()
            .filter(|setting| is_secret(setting.kind))
            .map(|setting| setting.name.clone())
            .collect(),
        tags: tags.clone(),
        on_failure: FailurePolicy::default(),
    };
    Ok(RunSpec {
        id: machine.run_id.clone(),
        node: machine.node.clone(),
        scenarios: vec![scenario],
        seed: seed.unwrap_or(machine.seed),
        tags,
        thresholds,
        http,
        user_limits,
        cores: cores.unwrap_or(machine.cores).max(1),
        outputs,
        data: DataSpec {
            delivery_timeout: DELIVERY_TIMEOUT,
            ..DataSpec::default()
        },
        steady: None,
        terminate: !raw.no_terminate,
        changes: Vec::new(),
    })
}

/// The metrics of a run of this scenario: the built-in ones and those it declares.
///
/// # Errors
/// The declarations that cannot be met: a fault of the scenario, not of the tester.
pub fn registry(description: &Description) -> Result<Registry, Vec<Problem>> {
    let registry = Registry::new();
    let mut problems = Vec::new();
    for metric in &description.metrics {
        let declared = registry.declare(&metric.name, metric.kind, metric.unit, &metric.doc);
        if let Err(error) = declared {
            let remedy = match error {
                DeclareError::InvalidName(_) => {
                    "use letters, digits and underscores in the scenario's declaration"
                }
                DeclareError::KindMismatch { .. } => "give the scenario's metric another name",
                DeclareError::TooMany => "declare fewer metrics, and tell values apart by tags",
            };
            problems.push(Problem::new(
                "the scenario's metric",
                &metric.name,
                error.to_string(),
                remedy,
            ));
        }
    }
    if problems.is_empty() {
        Ok(registry)
    } else {
        Err(problems)
    }
}

/// All faults found so far.
#[derive(Default)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    /// Note a fault.
    pub(crate) fn add(&mut self, field: &str, value: &str, fault: Fault) {
        self.0
            .push(Problem::new(field, value, fault.message, fault.remedy));
    }

    /// Parse an option if it was given, and note what is wrong with it.
    pub(crate) fn take<T>(
        &mut self,
        field: &str,
        value: Option<&str>,
        parse: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Option<T> {
        let value = value?;
        parse(value)
            .map_err(|fault| self.add(field, value, fault))
            .ok()
    }
}

/// The given name that is most like `name`, if one is like it at all: for "did you mean".
pub(crate) fn nearest<'names>(
    name: &str,
    known: impl IntoIterator<Item = &'names str>,
) -> Option<&'names str> {
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len() / 3).max(2))
        .min()
        .map(|(_, candidate)| candidate)
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

fn user_limits(raw: &RawRun, problems: &mut Problems) -> UserLimits {
    let memory = problems.take("--memory-limit", raw.memory_limit.as_deref(), |text| {
        let bytes = parse::bytes(text)?;
        usize::try_from(bytes)
            .ok()
            .filter(|bytes| (USER_MEMORY_BYTES_MIN..=USER_MEMORY_BYTES_GRANT_MAX).contains(bytes))
            .ok_or_else(|| Fault::new("is not from 64KiB to 4GiB", "16MiB hold any usual scenario"))
    });
    let cpu = problems.take("--cpu-limit", raw.cpu_limit.as_deref(), |text| {
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

fn tags(raw: &RawRun, problems: &mut Problems) -> BTreeMap<String, String> {
    let mut tags = BTreeMap::new();
    for text in &raw.tags {
        if let Some((name, value)) = problems.take("--tag", Some(text), tag) {
            tags.insert(name, value);
        }
    }
    if tags.len() > RUN_TAGS_MAX {
        let fault = Fault::new(
            format!(
                "{} tags are more than the {RUN_TAGS_MAX} a run may have",
                tags.len()
            ),
            "give fewer",
        );
        problems.add("--tag", "", fault);
    }
    tags
}

fn tag(text: &str) -> Result<(String, String), Fault> {
    let (name, value) = parse::pair(text)?;
    if RESERVED_TAGS.contains(&name) {
        return Err(Fault::new(
            format!("{name} is a tag that lt-host sets itself"),
            format!("use another name, such as run_{name}"),
        ));
    }
    let plain = |char: char| char.is_ascii_alphanumeric() || "_-.".contains(char);
    if !name.chars().all(plain) {
        return Err(Fault::new(
            "has a name with other characters than letters, digits, '_', '-' and '.'",
            "use such a name",
        ));
    }
    if name.len() > TAG_BYTES_MAX || value.len() > TAG_BYTES_MAX {
        return Err(Fault::new(
            format!("has a name or value over {TAG_BYTES_MAX} bytes"),
            "use a shorter one",
        ));
    }
    Ok((name.to_owned(), value.to_owned()))
}

fn thresholds(raw: &RawRun, description: &Description, problems: &mut Problems) -> Vec<Threshold> {
    let registry = match registry(description) {
        Ok(registry) => registry,
        Err(faults) => {
            problems.0.extend(faults);
            return Vec::new();
        }
    };
    let mut thresholds = Vec::new();
    for text in &raw.thresholds {
        let checked = text
            .parse::<Threshold>()
            .and_then(|threshold| threshold.validate(&registry).map(|_| threshold));
        match checked {
            Ok(threshold) => thresholds.push(threshold),
            Err(error) => problems.add("--threshold", text, threshold_fault(&error)),
        }
    }
    if let Err(error) = SubmetricPlan::new(&registry, &thresholds) {
        problems.add("--threshold", "", threshold_fault(&error));
    }
    thresholds
}

/// The field and the value are told beside it, so the error's own text would say them twice.
fn threshold_fault(error: &ThresholdError) -> Fault {
    match error {
        ThresholdError::Syntax { at, problem, .. } => Fault::new(
            format!("at character {at}: {problem}"),
            "write METRIC[{TAG:VALUE,…}]:AGGREGATE OPERATOR NUMBER, such as 'http_req_duration:p(95)<200'",
        ),
        ThresholdError::UnknownMetric {
            metric, nearest, ..
        } => Fault::new(
            format!("there is no metric {metric}"),
            match nearest.split_first() {
                Some((first, [])) => format!("did you mean {first}?"),
                Some(_) => format!("did you mean one of {}?", nearest.join(", ")),
                None => {
                    "`lt-host describe` lists the scenario's metrics, the manual the built-in ones"
                        .to_owned()
                }
            },
        ),
        ThresholdError::WrongAggregate {
            metric,
            kind,
            aggregate,
            ..
        } => Fault::new(
            format!("{metric} is a {kind}, which has no {aggregate}"),
            format!("use {}", kind.aggregates().join(", ")),
        ),
        ThresholdError::TooMany { threshold } => Fault::new(
            format!(
                "{threshold:?} is one selection of tags too many: a run may have {}",
                lt_metrics::SUBMETRICS_MAX
            ),
            "give fewer thresholds with tags",
        ),
    }
}

fn outputs(raw: &RawRun, problems: &mut Problems) -> Vec<Output> {
    let mut outputs = Vec::new();
    for text in &raw.outputs {
        let Some(output) = problems.take("--out", Some(text), output) else {
            continue;
        };
        if outputs
            .iter()
            .any(|known| path_of(known) == path_of(&output))
        {
            let fault = Fault::new(
                "writes to the same file as another output",
                "give each its own file",
            );
            problems.add("--out", text, fault);
        }
        outputs.push(output);
    }
    outputs
}

fn path_of(output: &Output) -> &PathBuf {
    match output {
        Output::Json(path) | Output::Csv(path) => path,
    }
}

fn output(text: &str) -> Result<Output, Fault> {
    let (kind, path) = text.split_once('=').unwrap_or((text, ""));
    let path = PathBuf::from(path);
    let output = match kind {
        "json" => Output::Json(path),
        "csv" => Output::Csv(path),
        _ => {
            return Err(Fault::new(
                format!("there is no output {kind:?}"),
                format!(
                    "use one of {}, as in json=samples.json",
                    OUTPUT_KINDS.join(", ")
                ),
            ));
        }
    };
    if path_of(&output).as_os_str().is_empty() {
        return Err(Fault::new("names no file", format!("write {kind}=FILE")));
    }
    Ok(output)
}

#[cfg(test)]
mod tests;
