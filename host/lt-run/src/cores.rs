//! One thread a core: a current-thread runtime with its users of every scenario, which reports what it measured each second.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::future::join_all;
use lt_load::{Ending, LagProbe, Relay, Signal};
use lt_metrics::{Delta, Recorder, Registry, StreamTable, SubmetricPlan, journal_of};
use lt_runtime::{Core, Deployment, Factory, RunShared};
use lt_spec::spec::Load;
use tokio::sync::watch;
use tokio::task::LocalSet;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, interval_at};

use crate::load_text::load_line;
use crate::run::PartSeen;

/// How often a core hands over what it measured.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// How long before each second of the run's clock it does: the second is then judged, and written, with what was measured up to
/// here. Long enough for a busy core to wake and be heard, and a twentieth of what a run that is killed loses.
const REPORT_AHEAD: Duration = Duration::from_millis(50);
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
    /// Its loads: the present one, and those it took the place of.
    pub(crate) relay: Arc<Relay>,
}

impl Part {
    /// Whether its users say when they are steady.
    pub(crate) fn says_steady(&self) -> bool {
        self.run.scenario.description().steady.is_some()
    }

    /// How it stands.
    pub(crate) fn seen(&self) -> PartSeen {
        let (tally, team) = (self.relay.tally(), self.relay.present());
        let spec = team.as_ref().map_or(&self.run.spec, |team| team.scenario());
        PartSeen {
            name: self.run.spec.name.as_str().into(),
            executor: spec.load.name(),
            load: load_line(spec).into(),
            users_built: tally.built,
            users_active: tally.active,
            users_planned: tally.planned,
            paused: team.as_ref().is_some_and(|team| team.is_paused()),
            iterations: tally.iterations,
            iterations_open: tally.open,
        }
    }
}

/// What all cores of a run share.
pub(crate) struct Crew {
    pub(crate) parts: Vec<Part>,
    pub(crate) cores: usize,
    pub(crate) registry: Arc<Registry>,
    /// What is counted beside the metrics: cores follow it as it is extended.
    pub(crate) plan: watch::Sender<Arc<SubmetricPlan>>,
    /// Entered by each of its threads, so that a line of a log can be told to be of this run.
    pub(crate) span: tracing::Span,
    pub(crate) keep_samples: bool,
    /// Whether it is kept what single users do.
    pub(crate) keep_journal: bool,
    /// Whether users may have media streams.
    pub(crate) has_streams: bool,
    /// When the run's clock started, once it has.
    pub(crate) clock: OnceLock<Instant>,
}

impl Crew {
    /// Tell all cores of all scenarios; a signal never replaces a later one.
    pub(crate) fn signal(&self, signal: Signal) {
        for part in &self.parts {
            part.relay.signal(signal);
        }
    }

    /// Whether each of the present loads has been told this, or what comes later.
    pub(crate) fn all_told(&self, is_told: impl Fn(Signal) -> bool) -> bool {
        let mut present = self.parts.iter().filter_map(|part| part.relay.present());
        present.all(|team| is_told(team.signal_now()))
    }

    /// Whether the time of all scenarios is over.
    pub(crate) fn is_over(&self) -> bool {
        let now = Instant::now();
        let mut present = self.parts.iter().filter_map(|part| part.relay.present());
        present.all(|team| team.is_over(now))
    }

    /// Have samples carry other tags of the run from now on.
    pub(crate) fn set_tags(&self, tags: BTreeMap<String, String>) {
        if let Some(part) = self.parts.first() {
            part.run.common.set_tags(tags);
        }
    }

    /// The scenario of this name.
    pub(crate) fn part(&self, name: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.run.spec.name == name)
    }

    /// Users of the scenarios that say when they are steady.
    pub(crate) fn users_to_be_steady(&self) -> u64 {
        let users = |position: usize, run: &RunShared| match &run.spec.load {
            // Those beyond the users made before the start may never be needed.
            Load::ConstantArrivalRate(load) => load.users,
            Load::RampingArrivalRate(load) => load.users,
            _ => run.common.spec.users_max_of(position),
        };
        self.parts
            .iter()
            .enumerate()
            .filter(|(_, part)| part.says_steady())
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
            let _of_this_run = crew.span.enter();
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
    let plan = crew.plan.subscribe();
    let recorder = Rc::new(RefCell::new(Recorder::new(
        crew.registry.clone(),
        plan.borrow().clone(),
        crew.keep_samples,
    )));
    let probe = LagProbe::default();
    let mut shifts = Vec::with_capacity(crew.parts.len());
    let mut cores = Vec::with_capacity(crew.parts.len());
    for part in &crew.parts {
        let core = Core::new(part.run.clone(), recorder.clone())?;
        let tags = core.tags();
        let factory = Rc::new(Factory::new(core.clone(), part.deployment.clone()));
        cores.push(core);
        let measures = (&recorder, &probe);
        shifts.push(async move {
            let users = (&factory, tags);
            part.relay.run(index as u64, measures, users).await
        });
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
            () = reporter.report(reports, empties, plan) => vec![Ending::Halted],
        }
    });
    Ok((reporter.take(), endings))
}

/// Ticks [`REPORT_AHEAD`] before each multiple of `pace` on the run's clock.
fn in_step(clock: Instant, pace: Duration) -> Interval {
    let first = clock + next_report(clock.elapsed(), pace);
    let mut ticks = interval_at(first, pace);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks
}

/// When the next report is due, since the clock started.
fn next_report(elapsed: Duration, pace: Duration) -> Duration {
    let since = elapsed + REPORT_AHEAD;
    let paces = since.as_millis() / pace.as_millis().max(1) + 1;
    pace.saturating_mul(u32::try_from(paces).unwrap_or(u32::MAX)) - REPORT_AHEAD
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
    async fn report(
        &self,
        reports: &Sender<Report>,
        empties: Receiver<Delta>,
        mut plan: watch::Receiver<Arc<SubmetricPlan>>,
    ) {
        let pace = if self.crew.keep_samples {
            REPORT_INTERVAL_WITH_SAMPLES
        } else {
            REPORT_INTERVAL
        };
        let reports_a_second = REPORT_INTERVAL.as_millis() / pace.as_millis();
        let mut ticks = interval(pace);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut is_in_step = false;
        let mut since_streams = 0;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                // Its sender is the crew's, which outlives this.
                _ = plan.changed() => {
                    let plan = plan.borrow_and_update().clone();
                    self.recorder.borrow_mut().follow(plan);
                    continue;
                }
            }
            if let (Some(clock), false) = (self.crew.clock.get(), is_in_step) {
                is_in_step = true;
                ticks = in_step(*clock, pace);
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_come_just_before_the_seconds_of_the_clock() {
        let ms = Duration::from_millis;
        for (elapsed, pace, next) in [
            (0, 1000, 950),
            (949, 1000, 950),
            (950, 1000, 1950),
            (1200, 1000, 1950),
            (0, 100, 50),
            (910, 100, 950),
        ] {
            assert_eq!(
                next_report(ms(elapsed), ms(pace)),
                ms(next),
                "{elapsed} {pace}"
            );
        }
    }
}
