//! One thread a core: a current-thread runtime with its users of every scenario, which reports what it measured each second.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::future::join_all;
use lt_load::{Ending, LagProbe, Shift, Signal, Team};
use lt_metrics::{Delta, Recorder, Registry, StreamTable, SubmetricPlan, journal_of};
use lt_runtime::{Core, Deployment, Factory, RunShared};
use lt_spec::spec::Load;
use tokio::task::LocalSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::load_text::load_line;
use crate::run::PartSeen;

/// How often a core hands over what it measured. Totals and thresholds are a second old at most.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// The same while single samples are written: keeps the pile small.
const REPORT_INTERVAL_WITH_SAMPLES: Duration = Duration::from_millis(100);

/// What a core tells the run.
pub(crate) enum Report {
    /// What it measured since the last report; and once a second how its streams stand, if it may have any.
    Measured(usize, Delta, Option<StreamTable>),
    /// It has ended, with what it measured last.
    Ended(Delta, Vec<Ending>),
    /// It could not run.
    Failed(String),
}

/// One scenario at work.
pub(crate) struct Part {
    /// As it began: what all its versions share, and the first of them.
    pub(crate) run: Arc<RunShared>,
    pub(crate) deployment: Arc<Deployment>,
    pub(crate) team: Arc<Team>,
}

impl Part {
    /// How it stands.
    pub(crate) fn seen(&self) -> PartSeen {
        let counters = self.team.counters();
        PartSeen {
            name: self.run.spec.name.as_str().into(),
            executor: self.run.spec.load.name(),
            load: load_line(&self.run.spec).into(),
            users_built: counters.users_built(),
            users_active: counters.users_active(),
            users_planned: counters.users_planned(),
            paused: self.team.is_paused(),
            iterations: counters.iterations_completed(),
            iterations_open: counters.iterations_open(),
        }
    }
}

/// What all cores of a run share.
pub(crate) struct Crew {
    pub(crate) parts: Vec<Part>,
    pub(crate) cores: usize,
    pub(crate) registry: Arc<Registry>,
    pub(crate) plan: Arc<SubmetricPlan>,
    pub(crate) keep_samples: bool,
    /// Whether it is kept what single users do.
    pub(crate) keep_journal: bool,
    /// Whether users may have media streams.
    pub(crate) has_streams: bool,
}

impl Crew {
    /// Tell all cores of all scenarios; a signal never replaces a later one.
    pub(crate) fn signal(&self, signal: Signal) {
        self.parts.iter().for_each(|part| part.team.signal(signal));
    }

    /// The scenario of this name.
    pub(crate) fn part(&self, name: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.run.spec.name == name)
    }

    /// Users of the scenarios that say when they are steady.
    pub(crate) fn users_to_be_steady(&self) -> u64 {
        let says = |run: &RunShared| run.scenario.description().steady.is_some();
        let users = |position: usize, run: &RunShared| match &run.spec.load {
            // Those beyond the users made before the start may never be needed.
            Load::ConstantArrivalRate(load) => load.users,
            Load::RampingArrivalRate(load) => load.users,
            _ => run.common.spec.users_max_of(position),
        };
        self.parts
            .iter()
            .enumerate()
            .filter(|(_, part)| says(&part.run))
            .map(|(position, part)| users(position, &part.run))
            .fold(0, u64::saturating_add)
    }
}

/// One core at work.
pub(crate) struct Worker {
    /// Emptied deltas go back to the core that made them: no histogram is allocated twice.
    pub(crate) empties: Sender<Delta>,
    thread: JoinHandle<()>,
}

impl Worker {
    /// Wait for the thread; an error if it panicked.
    pub(crate) fn join(self) -> Result<(), String> {
        self.thread
            .join()
            .map_err(|_| "a core's thread panicked".to_owned())
    }
}

/// Start one core.
///
/// # Errors
/// If the system gives no thread.
pub(crate) fn start(
    crew: &Arc<Crew>,
    core: usize,
    reports: Sender<Report>,
) -> std::io::Result<Worker> {
    let (empties, given_back) = std::sync::mpsc::channel();
    let crew = crew.clone();
    let thread = std::thread::Builder::new()
        .name(format!("core-{core}"))
        .spawn(move || {
            let last = match work(&crew, core, &reports, given_back) {
                Ok((delta, endings)) => Report::Ended(delta, endings),
                Err(reason) => Report::Failed(reason),
            };
            // The run has gone: nobody is left to tell.
            let _unheard = reports.send(last);
        })?;
    Ok(Worker { empties, thread })
}

/// Run a core's users to their end.
fn work(
    crew: &Crew,
    index: usize,
    reports: &Sender<Report>,
    empties: Receiver<Delta>,
) -> Result<(Delta, Vec<Ending>), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime for a core: {error}"))?;
    let recorder = Rc::new(RefCell::new(Recorder::new(
        crew.registry.clone(),
        crew.plan.clone(),
        crew.keep_samples,
    )));
    let probe = LagProbe::default();
    let mut shifts = Vec::with_capacity(crew.parts.len());
    let mut cores = Vec::with_capacity(crew.parts.len());
    for part in &crew.parts {
        let core = Core::new(part.run.clone(), recorder.clone())?;
        let (team, recorder) = (part.team.clone(), recorder.clone());
        let shift = Shift::with_probe(team, index as u64, recorder, probe.clone());
        let tags = core.tags();
        let factory = Rc::new(Factory::new(core.clone(), part.deployment.clone()));
        cores.push(core);
        shifts.push(async move { shift.run(factory, tags).await });
    }
    let reporter = Reporter {
        crew,
        index,
        recorder: &recorder,
        cores: &cores,
    };
    let endings = LocalSet::new().block_on(&runtime, async {
        tokio::select! {
            endings = async {
                let endings = join_all(shifts).await;
                join_all(cores.iter().map(|core| core.settle())).await;
                endings
            } => endings,
            () = reporter.report(reports, empties) => vec![Ending::Halted],
        }
    });
    Ok((reporter.take(), endings))
}

/// Hands over what a core measured.
struct Reporter<'a> {
    crew: &'a Crew,
    index: usize,
    recorder: &'a Rc<RefCell<Recorder>>,
    /// One a scenario.
    cores: &'a [Rc<Core>],
}

impl Reporter<'_> {
    /// Do it again and again; returns when nobody listens any more.
    async fn report(&self, reports: &Sender<Report>, empties: Receiver<Delta>) {
        let pace = if self.crew.keep_samples {
            REPORT_INTERVAL_WITH_SAMPLES
        } else {
            REPORT_INTERVAL
        };
        let reports_a_second = REPORT_INTERVAL.as_millis() / pace.as_millis();
        let mut ticks = interval(pace);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut since_streams = 0;
        loop {
            ticks.tick().await;
            if let Some(empty) = empties.try_iter().last() {
                self.recorder.borrow_mut().recycle(empty);
            }
            let mut delta = self.take();
            since_streams += 1;
            let streams = if self.crew.has_streams && since_streams >= reports_a_second {
                since_streams = 0;
                Some(self.streams(&mut delta))
            } else {
                None
            };
            if reports
                .send(Report::Measured(self.index, delta, streams))
                .is_err()
            {
                return;
            }
        }
    }

    /// What was measured, and what users did.
    fn take(&self) -> Delta {
        let mut journal = Vec::new();
        for core in self.cores {
            core.journal(&mut journal);
        }
        // After that, for it is recorded what of it was lost.
        let mut delta = self.recorder.borrow_mut().take();
        delta.journal.append(&mut journal);
        delta
    }

    /// How streams stand, also as lines of the journal if one is kept.
    fn streams(&self, delta: &mut Delta) -> StreamTable {
        let mut table = StreamTable::default();
        for core in self.cores {
            core.streams(&mut table);
        }
        if self.crew.keep_journal {
            delta.journal.extend(journal_of(&table.rows));
        }
        table
    }
}
