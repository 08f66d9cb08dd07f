//! The life of a run, on the thread that called it.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use lt_load::{Budget, Counters, Ending, Signal};
use lt_metrics::{
    Delta, Judge, Recorder, Registry, SubmetricPlan, Summary, ThresholdError, Totals, builtin,
};
use lt_report::SampleWriter;
use lt_runtime::{Core, OnceError, RunShared, Scenario, once};
use lt_spec::spec::{Load, RunSpec};
use tokio::sync::watch;
use tokio::task::LocalSet;
use tokio::time::Instant;

use crate::control::Control;
use crate::cores::{Crew, Report, Worker, start};
use crate::writers::WriterThread;

/// How often the run looks at its control and calls its observer.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// How often totals are judged. k6 judges every two seconds.
const JUDGE_INTERVAL: Duration = Duration::from_secs(1);

/// Everything a run needs.
pub struct RunPlan {
    /// What to do.
    pub spec: RunSpec,
    /// What the users are.
    pub scenario: Scenario,
    /// The run's metrics, those of the scenario declared.
    pub registry: Arc<Registry>,
    /// Where single samples go.
    pub writers: Vec<Box<dyn SampleWriter + Send>>,
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
    /// Iterations done.
    pub iterations: u64,
    /// Iterations under way; once the run has ended, those that were cut off.
    pub iterations_open: u64,
    /// Everything measured, up to a second ago.
    pub totals: &'a Totals,
    /// What was measured since the last tick that had this: once a second.
    pub interval: Option<&'a Totals>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// As planned.
    Finished,
    /// Through its [`Control`].
    Interrupted,
    /// A threshold with abort failed.
    ThresholdAbort(String),
    /// The scenario asked for it.
    AbortedByScenario(String),
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
    /// What the sample writers said, if one failed.
    pub writers_failed: Option<String>,
    /// Everything measured, for outputs that want more than the summary.
    pub totals: Totals,
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
        scenario,
        registry,
        writers,
    } = plan;
    let submetrics = Arc::new(SubmetricPlan::new(&registry, &spec.thresholds)?);
    let judge = Judge::new(&spec.thresholds, &registry, &submetrics)?;
    let keep_samples = !writers.is_empty();
    let shared = Arc::new(RunShared::new(spec, registry.clone(), scenario));
    let mut office = Office::new(&shared, &submetrics, keep_samples)?;
    let writer = WriterThread::start(writers, registry.clone())?;
    let mut desk = Desk {
        judge,
        writer,
        totals: Totals::new(registry.clone(), submetrics.clone()),
        interval: Totals::new(registry.clone(), submetrics.clone()),
        counters: Arc::new(Counters::default()),
        observe,
        clock: None,
        elapsed: Duration::ZERO,
        users_max: 0,
    };

    desk.show(Stage::Init, false);
    let ended = match office.init(control) {
        None => Ended::Interrupted,
        Some(Ok(state)) => {
            let crew = Arc::new(Crew {
                run: Arc::new(shared.with_state(state)),
                plan: submetrics,
                counters: desk.counters.clone(),
                budget: Arc::new(Budget::new(iterations(&shared.spec))),
                signals: Arc::new(watch::Sender::new(Signal::Prepare)),
                keep_samples,
            });
            office.adopt(&crew.run)?;
            desk.oversee(&crew, control)?
        }
        Some(Err(OnceError::Aborted(reason))) => Ended::AbortedByScenario(reason),
        Some(Err(error)) => Ended::InitFailed(error.to_string()),
    };
    desk.show(Stage::Terminating, false);
    let terminate_failed = office.terminate().err().map(|error| error.to_string());
    desk.take_in(&office.take());
    Ok(desk.close(&shared.spec, ended, terminate_failed))
}

fn iterations(spec: &RunSpec) -> lt_spec::spec::Iterations {
    let Load::ConstantUsers(shape) = &spec.load;
    shape.iterations
}

/// Where `init` and `terminate` run: a core without users on the calling thread.
struct Office {
    runtime: tokio::runtime::Runtime,
    core: Rc<Core>,
    recorder: Rc<RefCell<Recorder>>,
}

impl Office {
    fn new(
        run: &Arc<RunShared>,
        plan: &Arc<SubmetricPlan>,
        keep_samples: bool,
    ) -> Result<Self, RunError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let recorder = Recorder::new(run.registry.clone(), plan.clone(), keep_samples);
        let recorder = Rc::new(RefCell::new(recorder));
        let core = Core::new(run.clone(), recorder.clone(), None).map_err(RunError::Network)?;
        Ok(Self {
            runtime,
            core,
            recorder,
        })
    }

    /// From now on, work with what `init` returned.
    fn adopt(&mut self, run: &Arc<RunShared>) -> Result<(), RunError> {
        self.core =
            Core::new(run.clone(), self.recorder.clone(), None).map_err(RunError::Network)?;
        Ok(())
    }

    /// Run `init`; `None` if the end was asked for before it came back.
    fn init(&self, control: &Control) -> Option<Result<Vec<u8>, OnceError>> {
        LocalSet::new().block_on(&self.runtime, async {
            tokio::select! {
                result = once::init(&self.core) => Some(result),
                () = stop_asked(control) => None,
            }
        })
    }

    fn terminate(&self) -> Result<(), OnceError> {
        LocalSet::new().block_on(&self.runtime, once::terminate(&self.core))
    }

    fn take(&self) -> Delta {
        self.recorder.borrow_mut().take()
    }
}

/// Wait until someone asks for the end.
async fn stop_asked(control: &Control) {
    while !control.stop_asked() {
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// Where everything comes together: merges, judges, writes, shows.
struct Desk<'a> {
    judge: Judge,
    writer: Option<WriterThread>,
    totals: Totals,
    interval: Totals,
    counters: Arc<Counters>,
    observe: &'a mut dyn FnMut(&Tick<'_>),
    clock: Option<Instant>,
    elapsed: Duration,
    users_max: u64,
}

impl Desk<'_> {
    /// Start the cores and stay until all have ended.
    fn oversee(&mut self, crew: &Arc<Crew>, control: &Control) -> Result<Ended, RunError> {
        let (reporting, reports) = channel();
        let cores = crew.run.spec.cores.max(1);
        let workers: Vec<Worker> = (0..cores)
            .map(|core| start(crew, core, reporting.clone()))
            .collect::<std::io::Result<_>>()?;
        drop(reporting);
        let mut ended = Ended::Finished;
        let mut next_judgement = JUDGE_INTERVAL;
        loop {
            match self.listen(&reports, &workers) {
                Heard::Nothing => {}
                Heard::Ending(Ending::Aborted(reason)) => {
                    self.note(&mut ended, Ended::AbortedByScenario(reason));
                }
                Heard::Ending(Ending::Finished | Ending::Halted) => {}
                Heard::Failure(reason) => {
                    self.note(&mut ended, Ended::HostFailed(reason));
                    crew.signals.send_replace(Signal::Halt);
                }
                Heard::AllEnded => break,
            }
            self.follow(crew, control, &mut ended);
            if self.clock.is_some() && self.elapsed >= next_judgement {
                next_judgement = self.elapsed + JUDGE_INTERVAL;
                self.judge_now(crew, &mut ended);
                self.show(self.stage(crew), true);
                self.interval.clear();
            } else {
                self.show(self.stage(crew), false);
            }
        }
        for worker in workers {
            if let Err(reason) = worker.join() {
                self.note(&mut ended, Ended::HostFailed(reason));
            }
        }
        self.read_clock();
        Ok(ended)
    }

    /// Take in one report, or wait a moment for it.
    fn listen(&mut self, reports: &Receiver<Report>, workers: &[Worker]) -> Heard {
        match reports.recv_timeout(LOOK_INTERVAL) {
            Ok(Report::Measured(core, mut delta)) => {
                self.take_in(&delta);
                delta.clear();
                if let Some(worker) = workers.get(core) {
                    // A core that has just ended needs no empty deltas.
                    let _ended = worker.empties.send(delta);
                }
                Heard::Nothing
            }
            Ok(Report::Ended(delta, ending)) => {
                self.take_in(&delta);
                Heard::Ending(ending)
            }
            Ok(Report::Failed(reason)) => Heard::Failure(reason),
            // A core's end of the channel goes after its last report, even if it panics: no report is overtaken.
            Err(RecvTimeoutError::Timeout) => Heard::Nothing,
            Err(RecvTimeoutError::Disconnected) => Heard::AllEnded,
        }
    }

    /// Start the clock when the users are built, and obey the control.
    fn follow(&mut self, crew: &Crew, control: &Control, ended: &mut Ended) {
        if self.clock.is_none() && self.counters.users_built() >= built_before_start(&crew.run.spec)
        {
            let clock = Instant::now();
            self.clock = Some(clock);
            signal(crew, Signal::Start(clock));
        }
        self.read_clock();
        if let Some(reason) = self.counters.aborted() {
            self.note(ended, Ended::AbortedByScenario(reason.to_owned()));
        }
        if control.stop_asked() {
            self.note(ended, Ended::Interrupted);
            signal(
                crew,
                if control.stop_now_asked() {
                    Signal::Halt
                } else {
                    Signal::Stop
                },
            );
        }
    }

    fn read_clock(&mut self) {
        if let Some(clock) = self.clock {
            self.elapsed = clock.elapsed();
        }
    }

    fn judge_now(&mut self, crew: &Crew, ended: &mut Ended) {
        let active = self.counters.users_active();
        self.users_max = self.users_max.max(active);
        #[expect(
            clippy::cast_precision_loss,
            reason = "user counts stay far below 2^53"
        )]
        {
            self.totals.record(builtin::VUS, active as f64);
            self.totals
                .record(builtin::VUS_MAX, self.counters.users_ready() as f64);
        }
        let verdict = self.judge.while_running(&self.totals, self.elapsed);
        if let Some(threshold) = verdict.abort {
            self.note(ended, Ended::ThresholdAbort(threshold));
            signal(crew, Signal::Stop);
        }
    }

    /// The first reason for the end counts.
    #[expect(clippy::unused_self, reason = "reads as what the desk does")]
    fn note(&self, ended: &mut Ended, reason: Ended) {
        if *ended == Ended::Finished {
            *ended = reason;
        }
    }

    fn take_in(&mut self, delta: &Delta) {
        if let Some(writer) = &self.writer
            && !delta.samples().is_empty()
        {
            let lost = writer.write(delta.samples());
            if lost > 0 {
                #[expect(clippy::cast_precision_loss, reason = "a count of samples in memory")]
                self.totals.record(builtin::SAMPLES_DROPPED, lost as f64);
            }
        }
        self.totals.merge(delta);
        self.interval.merge(delta);
    }

    fn stage(&self, crew: &Crew) -> Stage {
        let signal = *crew.signals.borrow();
        let over = duration(&crew.run.spec).is_some_and(|length| self.elapsed >= length);
        match signal {
            Signal::Prepare => Stage::Building,
            Signal::Start(_) if !over => Stage::Running,
            Signal::Drain if !over => Stage::Running,
            Signal::Start(_) | Signal::Drain | Signal::Stop | Signal::Halt => Stage::Stopping,
        }
    }

    fn show(&mut self, stage: Stage, whole_second: bool) {
        let tick = Tick {
            stage,
            elapsed: self.elapsed,
            users_built: self.counters.users_built(),
            users_active: self.counters.users_active(),
            iterations: self.counters.iterations_completed(),
            iterations_open: self.counters.iterations_open(),
            totals: &self.totals,
            interval: whole_second.then_some(&self.interval),
        };
        (self.observe)(&tick);
    }

    /// Finish the outputs and sum up.
    fn close(
        mut self,
        spec: &RunSpec,
        ended: Ended,
        terminate_failed: Option<String>,
    ) -> RunOutcome {
        #[expect(
            clippy::cast_precision_loss,
            reason = "user counts stay far below 2^53"
        )]
        if self.clock.is_some() && self.totals.value(builtin::VUS).is_none() {
            // A run of less than a second: no tick has counted its users.
            self.totals
                .record(builtin::VUS, self.counters.users_active() as f64);
            self.totals
                .record(builtin::VUS_MAX, self.counters.users_ready() as f64);
        }
        let writers_failed = self.writer.take().and_then(|writer| writer.finish().err());
        let verdict = self.judge.at_end(&self.totals, self.elapsed);
        let mut summary = self.totals.summary(self.elapsed);
        summary.state.run.clone_from(&spec.id);
        summary.state.scenario.clone_from(&spec.scenario);
        summary.state.seed = spec.seed;
        summary.state.users = spec.users;
        summary.state.interrupted_iterations = self.counters.iterations_open();
        summary.thresholds.clone_from(&verdict.results);
        RunOutcome {
            thresholds_passed: verdict.passed(),
            summary,
            ended,
            terminate_failed,
            writers_failed: writers_failed.map(|error| error.to_string()),
            totals: self.totals,
        }
    }
}

/// What the desk heard.
enum Heard {
    Nothing,
    Ending(Ending),
    Failure(String),
    AllEnded,
}

fn duration(spec: &RunSpec) -> Option<Duration> {
    let Load::ConstantUsers(shape) = &spec.load;
    shape.duration
}

/// How many users are built before the clock starts: all that are due at its very start.
fn built_before_start(spec: &RunSpec) -> u64 {
    let Load::ConstantUsers(shape) = &spec.load;
    if shape.interarrival.is_zero() {
        spec.users
    } else {
        spec.users.min(1)
    }
}

/// Tell all cores; a signal never replaces a later one.
fn signal(crew: &Crew, signal: Signal) {
    crew.signals.send_if_modified(|present| {
        let later = signal.rank() > present.rank();
        if later {
            *present = signal;
        }
        later
    });
}
