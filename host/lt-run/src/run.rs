//! The life of a run, on the thread that called it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use lt_coordination::{Local, LocalOptions, Population};
use lt_data::{DataSet, LocalShared, Reader, Shares};
use lt_load::{Relay, Team};
use lt_metrics::{
    Judge, Registry, StreamTable, SubmetricPlan, Summary, ThresholdError, ThresholdResult, Totals,
};
use lt_report::{JournalWriter, SampleWriter};
use lt_runtime::{Common, Deployment, Grants, OnceError, RunShared, Scenario, Tracer};
use lt_spec::AllowedTargets;
use lt_spec::description::DataKind;
use lt_spec::spec::RunSpec;

use crate::control::Control;
use crate::cores::{Crew, Part};
use crate::desk::Desk;
use crate::office::Office;
use crate::saturation::GeneratorLoad;
use crate::swap::{SwapSeen, VersionSeen};
use crate::writers::{WriterThread, Writers};
use tokio::sync::watch;

/// Everything a run needs.
pub struct RunPlan {
    /// What to do.
    pub spec: RunSpec,
    /// What the users are: one for each scenario of the spec, in its order.
    pub scenarios: Vec<Scenario>,
    /// The run's metrics, those of the scenarios declared.
    pub registry: Arc<Registry>,
    /// Where single samples go.
    pub writers: Vec<Box<dyn SampleWriter + Send>>,
    /// Where it goes what single users did.
    pub journals: Vec<Box<dyn JournalWriter + Send>>,
    /// Files that users read.
    pub data: DataSet,
    /// Cursors and store; saved while the run goes on and at its end.
    pub shared: Arc<LocalShared>,
    /// What the process uses at this moment: asked once a second.
    pub probe: Box<dyn FnMut() -> GeneratorLoad + Send>,
    /// Told of every call between users and the host, if anybody wants to see them: for a user or two.
    pub tracer: Option<Tracer>,
    /// Which targets its scenarios may reach; `None`: all.
    pub targets: Option<Arc<AllowedTargets>>,
}

/// Where a run is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// `init` runs.
    Init,
    /// Users are being built, before the clock starts.
    Building,
    /// Users iterate.
    Running,
    /// Iterations under way come to their end.
    Stopping,
    /// `terminate` runs.
    Terminating,
}

impl Stage {
    /// In one word, for programs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Building => "building",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Terminating => "terminating",
        }
    }
}

/// What the observer sees, ten times a second.
pub struct Tick<'a> {
    /// Where the run is.
    pub stage: Stage,
    /// Time since the clock started.
    pub elapsed: Duration,
    /// Users built so far.
    pub users_built: u64,
    /// Users between join and leave.
    pub users_active: u64,
    /// Users that there may be at a time, as last changed.
    pub users_planned: u64,
    /// Iterations done.
    pub iterations: u64,
    /// Iterations under way; once the run has ended, those that were cut off.
    pub iterations_open: u64,
    /// Users for which the steady condition holds, and users that were asked for; `None` without the rule.
    pub steady: Option<(u64, u64)>,
    /// What the generator is short of right now, if it is.
    pub saturated: Option<&'static str>,
    /// What the generator used at the end of the last second.
    pub generator: GeneratorLoad,
    /// How the thresholds stood at the end of the last second.
    pub thresholds: &'a [ThresholdResult],
    /// How each scenario stands, in the order of the run's spec.
    pub parts: &'a [PartSeen],
    /// How the versions of each scenario's code stand, the oldest first.
    pub versions: &'a [VersionSeen],
    /// The last swap of each scenario that had one.
    pub swaps: &'a [SwapSeen],
    /// What changed since the last tick.
    pub changes: &'a [ChangeSeen],
    /// How media streams stand, up to a second ago: a table a core. Without rows there are none.
    pub streams: &'a [StreamTable],
    /// Everything measured, up to a second ago.
    pub totals: &'a Totals,
    /// What was measured since the last tick that had this: once a second.
    pub interval: Option<&'a Totals>,
}

/// How one scenario of a run stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartSeen {
    /// Its name in the run.
    pub name: Arc<str>,
    /// Its executor, as last replaced.
    pub executor: &'static str,
    /// Its load in words, as last replaced; what was changed of it otherwise is among the changes.
    pub load: Arc<str>,
    /// Users built so far.
    pub users_built: u64,
    /// Users between join and leave, those of replaced loads included.
    pub users_active: u64,
    /// Users that there may be at a time, as last changed.
    pub users_planned: u64,
    /// Whether it is paused: no iteration starts.
    pub paused: bool,
    /// Iterations done, under replaced loads too.
    pub iterations: u64,
    /// Iterations under way.
    pub iterations_open: u64,
}

/// A change that was made or refused while the run goes on.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeSeen {
    /// When, since the run's clock started.
    pub elapsed: Duration,
    /// The scenario it was for; `None`: all that it fits.
    pub scenario: Option<String>,
    /// What was asked for.
    pub action: lt_spec::spec::Action,
    /// Why it was refused, if it was.
    pub refused: Option<String>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// As planned.
    Finished,
    /// The steady state has held for as long as was asked.
    Steady,
    /// The deadline passed, or the run ended, before the steady state was reached.
    NotSteady(String),
    /// Through its [`Control`], by a signal.
    Interrupted,
    /// Through its [`Control`], over the API.
    StoppedByApi,
    /// A threshold with abort failed.
    ThresholdAbort(String),
    /// The scenario asked for it.
    AbortedByScenario(String),
    /// Before its time, since no user was left: why, and whether any had failed.
    NoUserLeft {
        /// How many had failed.
        failed: u64,
    },
    /// More users failed than the policy allows.
    TooManyFailures(String),
    /// `init` failed; no user started.
    InitFailed(String),
    /// A core could not run.
    HostFailed(String),
}

/// What a run came to.
pub struct RunOutcome {
    /// Everything measured.
    pub summary: Summary,
    /// How it ended.
    pub ended: Ended,
    /// Whether every threshold held.
    pub thresholds_passed: bool,
    /// What `terminate` said, if it failed.
    pub terminate_failed: Option<String>,
    /// What could not be written: sample outputs, the state file.
    pub write_faults: Vec<String>,
    /// Everything measured, for outputs that want more than the summary.
    pub totals: Totals,
    /// Of it, what came after the last whole second.
    pub rest: Totals,
}

/// Why a run could not start. Nothing was sent anywhere.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A threshold does not fit the metrics.
    #[error("threshold: {0}")]
    Threshold(#[from] ThresholdError),
    /// A setting of the network does not work.
    #[error("{0}")]
    Network(String),
    /// The system gave no thread or runtime.
    #[error("{0}")]
    System(#[from] std::io::Error),
}

/// Run a run. Blocks until it has ended; `observe` is called ten times a second on this thread.
///
/// # Errors
/// If it could not start. Everything later is in the outcome.
pub fn run(
    plan: RunPlan,
    control: &Control,
    observe: &mut dyn FnMut(&Tick<'_>),
) -> Result<RunOutcome, RunError> {
    let RunPlan {
        spec,
        scenarios,
        registry,
        writers,
        journals,
        data,
        shared,
        probe,
        tracer,
        targets,
    } = plan;
    let _closing = (control.closing(), control.swaps().closing());
    let span = tracing::error_span!("run", id = %spec.id);
    let _of_this_run = span.clone().entered();
    let spec = Arc::new(spec);
    let has_streams = scenarios.iter().any(Scenario::uses_rtmp);
    let submetrics = Arc::new(submetrics(&registry, &spec, &scenarios)?);
    let judge = Judge::new(&spec.thresholds, &registry, &submetrics)?;
    let (keep_samples, keep_journal) = (!writers.is_empty(), !journals.is_empty());
    let coordination = Local::new(LocalOptions {
        seed: spec.seed,
        delivery_timeout: spec.data.delivery_timeout,
        population: population(&spec, |index| spec.users_max_of(index)),
    });
    let common = Common::new(
        spec.clone(),
        registry.clone(),
        coordination.clone(),
        (data, shared.clone()),
        (tracer, keep_journal),
        Grants { targets },
    );
    let runs = runs(&common, scenarios);
    let office = Office::new(&registry, &submetrics, keep_samples)?;
    for run in &runs {
        office.check(run)?;
    }
    let writers = Writers {
        samples: writers,
        journals,
    };
    let writer = WriterThread::start(writers, registry.clone())?;
    let totals = || Totals::new(registry.clone(), submetrics.clone());
    let mut desk = Desk::new(
        (common.clone(), coordination, shared),
        office,
        (judge, writer, probe),
        (totals(), totals()),
        observe,
    );

    let begun = desk.init(runs, control);
    let (runs, ended) = match begun.failed {
        Some(ended) => (begun.runs, ended),
        None => {
            let crew = Arc::new(Crew {
                parts: begun.runs.iter().map(part).collect(),
                cores: spec.cores.max(1),
                registry,
                plan: watch::Sender::new(submetrics),
                span,
                keep_samples,
                keep_journal,
                has_streams,
                clock: OnceLock::new(),
            });
            let ended = desk.oversee(&crew, control)?;
            let current = crew.parts.iter().map(|part| part.deployment.current());
            let runs = current.map(|version| version.run().clone()).collect();
            (runs, ended)
        }
    };
    let terminate_failed = if spec.terminate {
        desk.terminate(&runs, control)
    } else {
        None
    };
    Ok(desk.close(ended, terminate_failed, common.conclusions.lines()))
}

/// What the run aggregates beside its metrics: what its thresholds name, and what its summary shows of its protocols.
fn submetrics(
    registry: &Registry,
    spec: &RunSpec,
    scenarios: &[Scenario],
) -> Result<SubmetricPlan, ThresholdError> {
    let mut plan = SubmetricPlan::new(registry, &spec.thresholds)?;
    if scenarios.iter().any(Scenario::uses_xmpp) {
        plan = plan.with_xmpp_steps(registry);
    }
    if scenarios.iter().any(Scenario::uses_rtmp) {
        plan = plan.with_stream_states(registry);
    }
    Ok(plan)
}

/// The scenarios of a run, before their `init`.
fn runs(common: &Arc<Common>, scenarios: Vec<Scenario>) -> Vec<Arc<RunShared>> {
    let spec = &common.spec;
    let readers = scenarios.iter().enumerate();
    let readers: Vec<Reader> = readers
        .map(|(index, scenario)| reader(scenario, spec.users_max_of(index)))
        .collect();
    let shares = Shares::of(&readers, common.data.feeder_names());
    let parts = spec.scenarios.iter().zip(scenarios).zip(shares);
    parts
        .zip(0..)
        .map(|(((spec, scenario), shares), index)| {
            let spec = (index, Arc::new(spec.clone()));
            Arc::new(RunShared::new(common.clone(), spec, scenario, shares))
        })
        .collect()
}

/// What a scenario reads, and for how many users.
fn reader(scenario: &Scenario, users: u64) -> Reader {
    let data = &scenario.description().data;
    let feeders = data
        .iter()
        .filter(|declared| matches!(declared.kind, DataKind::Feeder(_)));
    Reader {
        users,
        reads: scenario.uses_data(),
        feeders: feeders.map(|declared| declared.name.clone()).collect(),
    }
}

fn part(run: &Arc<RunShared>) -> Part {
    let common = &run.common.spec;
    let cores = common.cores.max(1) as u64;
    let ids = common.ids_of(usize::from(run.index));
    let first = Team::with_ids(run.spec.clone(), ids, cores, common.seed);
    Part {
        run: run.clone(),
        deployment: Deployment::new(run.clone()),
        relay: Relay::new(first),
    }
}

/// How many users of each role there may be at a time, if each scenario has so many users: what makes a meeting impossible.
pub(crate) fn population(spec: &RunSpec, users_of: impl Fn(usize) -> u64) -> Population {
    let mut population = Population::default();
    for (index, scenario) in spec.scenarios.iter().enumerate() {
        let users = users_of(index);
        population.users = population.users.saturating_add(users);
        let counts = scenario.roles.counts(users);
        let roles = &mut population.roles;
        for (name, count) in scenario.roles.names().iter().zip(counts) {
            match roles.iter_mut().find(|(known, _)| **known == **name) {
                Some((_, sum)) => *sum = sum.saturating_add(count),
                None => roles.push((name.as_str().into(), count)),
            }
        }
    }
    population
}

/// What `init` came to.
pub(crate) struct Begun {
    /// The scenarios whose `init` was begun, with what it returned.
    pub(crate) runs: Vec<Arc<RunShared>>,
    /// Why no user is to start.
    pub(crate) failed: Option<Ended>,
}

/// How the run ends after an `init` that failed.
pub(crate) fn init_failed(scenario: &str, error: OnceError, alone: bool) -> Ended {
    match error {
        OnceError::Aborted(reason) => Ended::AbortedByScenario(reason),
        other if alone => Ended::InitFailed(other.to_string()),
        other => Ended::InitFailed(format!("{scenario}: {other}")),
    }
}
