//! Where everything of a run comes together: merges, judges, changes, writes, shows.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use lt_coordination::{Coordination, Local};
use lt_data::LocalShared;
use lt_load::{Ending, Signal};
use lt_metrics::{Delta, Judge, ThresholdResult, Totals, builtin};
use lt_runtime::{Common, RunShared};
use lt_spec::spec::RunSpec;
use tokio::time::Instant;

use crate::control::{Control, Request};
use crate::cores::{Crew, Report, Worker, start};
use crate::deliveries;
use crate::office::Office;
use crate::rollout::Swaps;
use crate::run::{Begun, ChangeSeen, Ended, RunError, RunOutcome, Stage, Tick, init_failed};
use crate::saturation::{GeneratorLoad, Saturation};
use crate::steady::{SteadyVerdict, SteadyWatch};
use crate::streams::Streams;
use crate::writers::WriterThread;

mod changes;
mod standing;

/// How often the run looks at its control and calls its observer.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// How often totals are judged. k6 judges every two seconds.
const JUDGE_INTERVAL: Duration = Duration::from_secs(1);
/// How often the store is written, if it has changed: what a crash loses at most.
const SAVE_INTERVAL: Duration = Duration::from_secs(5);

/// See the module.
pub(crate) struct Desk<'a> {
    spec: Arc<RunSpec>,
    common: Arc<Common>,
    coordination: Arc<Local>,
    shared: Arc<LocalShared>,
    office: Rc<Office>,
    judge: Judge,
    writer: Option<WriterThread>,
    probe: Box<dyn FnMut() -> GeneratorLoad>,
    totals: Totals,
    interval: Totals,
    observe: &'a mut dyn FnMut(&Tick<'_>),
    crew: Option<Arc<Crew>>,
    clock: Option<Instant>,
    elapsed: Duration,
    saturation: Saturation,
    judged: Vec<ThresholdResult>,
    steady: Option<SteadyWatch>,
    steady_users: u64,
    streams: Streams,
    swaps: Swaps,
    /// Requests that cannot be met before the clock starts.
    waiting: Vec<Request>,
    /// Changes of the run file that were made already.
    changes_done: usize,
    /// What changed since the observer was last called.
    changes_seen: Vec<ChangeSeen>,
    next_judgement: Duration,
    next_save: Duration,
    faults: Vec<String>,
}

impl<'a> Desk<'a> {
    pub(crate) fn new(
        (common, coordination, shared): (Arc<Common>, Arc<Local>, Arc<LocalShared>),
        office: Office,
        (judge, writer, probe): (
            Judge,
            Option<WriterThread>,
            Box<dyn FnMut() -> GeneratorLoad>,
        ),
        (totals, interval): (Totals, Totals),
        observe: &'a mut dyn FnMut(&Tick<'_>),
    ) -> Self {
        Self {
            spec: common.spec.clone(),
            common,
            coordination,
            shared,
            office: Rc::new(office),
            judge,
            writer,
            probe,
            totals,
            interval,
            observe,
            crew: None,
            clock: None,
            elapsed: Duration::ZERO,
            saturation: Saturation::default(),
            judged: Vec::new(),
            steady: None,
            steady_users: 0,
            streams: Streams::default(),
            swaps: Swaps::default(),
            waiting: Vec::new(),
            changes_done: 0,
            changes_seen: Vec::new(),
            next_judgement: JUDGE_INTERVAL,
            next_save: SAVE_INTERVAL,
            faults: Vec::new(),
        }
    }

    /// Run each scenario's `init`, in order, until one fails or the end is asked for.
    pub(crate) fn init(&mut self, runs: Vec<Arc<RunShared>>, control: &Control) -> Begun {
        self.show(Stage::Init, false);
        let alone = runs.len() == 1;
        let mut begun = Begun {
            runs: Vec::with_capacity(runs.len()),
            failed: None,
        };
        for run in runs {
            match self.office.init(&run, control) {
                Some(Ok(state)) => begun.runs.push(Arc::new(run.with_state(state))),
                Some(Err(error)) => {
                    begun.failed = Some(init_failed(&run.spec.name, error, alone));
                    begun.runs.push(run);
                    break;
                }
                None => {
                    begun.failed = Some(stopped(control));
                    begun.runs.push(run);
                    break;
                }
            }
        }
        begun
    }

    /// Run `terminate` of every scenario whose `init` was begun, the last first; what those said that failed.
    pub(crate) fn terminate(
        &mut self,
        runs: &[Arc<RunShared>],
        control: &Control,
    ) -> Option<String> {
        self.show(Stage::Terminating, false);
        let office = self.office.clone();
        let mut failed = Vec::new();
        for run in runs.iter().rev() {
            let mut look = || self.show(Stage::Terminating, false);
            if let Err(error) = office.terminate(run, control, &mut look) {
                failed.push(match runs {
                    [_] => error.to_string(),
                    _ => format!("{}: {error}", run.spec.name),
                });
            }
        }
        (!failed.is_empty()).then(|| failed.join("; "))
    }

    /// Start the cores and stay until all have ended.
    pub(crate) fn oversee(
        &mut self,
        crew: &Arc<Crew>,
        control: &Control,
    ) -> Result<Ended, RunError> {
        self.crew = Some(crew.clone());
        self.steady = self
            .spec
            .steady
            .map(|rule| SteadyWatch::new(rule, crew.users_to_be_steady()));
        let (reporting, reports) = channel();
        let workers: Vec<Worker> = (0..crew.cores)
            .map(|core| start(crew, core, reporting.clone()))
            .collect::<std::io::Result<_>>()?;
        drop(reporting);
        let mut ended = Ended::Finished;
        loop {
            match self.listen(&reports, &workers) {
                Heard::Nothing => {}
                Heard::Endings(endings) => {
                    for ending in endings {
                        note_ending(&mut ended, ending);
                    }
                }
                Heard::Failure(reason) => {
                    note(&mut ended, Ended::HostFailed(reason));
                    crew.signal(Signal::Halt);
                }
                Heard::AllEnded => break,
            }
            self.follow(crew, control, &mut ended);
            if self.clock.is_some() && self.elapsed >= self.next_judgement {
                self.next_judgement = next_second(self.elapsed);
                self.second(crew, &mut ended);
                self.show(self.stage(crew), true);
                self.interval.clear();
            } else {
                self.show(self.stage(crew), false);
            }
        }
        for worker in workers {
            if let Err(reason) = worker.join() {
                note(&mut ended, Ended::HostFailed(reason));
            }
        }
        self.read_clock();
        let present = crew.parts.iter().filter_map(|part| part.relay.present());
        let without = present.filter_map(|team| team.counters().ended_without_users());
        let without: Vec<u64> = without.collect();
        if !without.is_empty() {
            let failed = without.iter().sum();
            note(&mut ended, Ended::NoUserLeft { failed });
        }
        if let Some(steady) = &self.steady
            && ended == Ended::Finished
        {
            ended = Ended::NotSteady(steady.shortfall(self.steady_users));
        }
        Ok(ended)
    }

    /// Take in one report, or wait a moment for it.
    fn listen(&mut self, reports: &Receiver<Report>, workers: &[Worker]) -> Heard {
        match reports.recv_timeout(self.patience()) {
            Ok(Report::Measured(core, mut delta, streams)) => {
                if let Some(streams) = streams {
                    self.streams.take_in(core, streams);
                }
                self.take_in(&mut delta);
                delta.clear();
                if let Some(worker) = workers.get(core) {
                    // A core that has just ended needs no empty deltas.
                    let _ended = worker.empties.send(delta);
                }
                Heard::Nothing
            }
            Ok(Report::Ended(mut delta, endings)) => {
                self.take_in(&mut delta);
                Heard::Endings(endings)
            }
            Ok(Report::Failed(reason)) => Heard::Failure(reason),
            // A core's end of the channel goes after its last report, even if it panics: no report is overtaken.
            Err(RecvTimeoutError::Timeout) => Heard::Nothing,
            Err(RecvTimeoutError::Disconnected) => Heard::AllEnded,
        }
    }

    /// How long to wait for a report: less if a second ends or a scheduled change is due before the next look.
    fn patience(&self) -> Duration {
        let Some(clock) = self.clock else {
            return LOOK_INTERVAL;
        };
        let change = self.spec.changes.get(self.changes_done);
        let due = change.map_or(self.next_judgement, |change| {
            change.at.min(self.next_judgement)
        });
        due.saturating_sub(clock.elapsed())
            .clamp(Duration::from_millis(1), LOOK_INTERVAL)
    }

    /// Start the clock when the users are built, make changes that are due, and obey the control.
    fn follow(&mut self, crew: &Crew, control: &Control, ended: &mut Ended) {
        if self.clock.is_none() && self.count().built >= built_before_start(&self.spec) {
            let clock = Instant::now();
            self.clock = Some(clock);
            self.saturation.begin((self.probe)());
            // It is set once.
            let _set = crew.clock.set(clock);
            crew.signal(Signal::Start(clock));
        }
        self.read_clock();
        for part in &crew.parts {
            if let Some(reason) = part.relay.aborted() {
                note(ended, Ended::AbortedByScenario(reason));
                crew.signal(Signal::Stop);
            }
            if let Some(reason) = part.relay.too_many_failures() {
                note(ended, Ended::TooManyFailures(reason));
                crew.signal(Signal::Stop);
            }
        }
        self.change(crew, control);
        let told = self.swaps.look(crew, control, self.elapsed);
        self.seen_swaps(told);
        self.watch_steady(crew, ended);
        if control.stop_asked() {
            note(ended, stopped(control));
            crew.signal(if control.stop_now_asked() {
                Signal::Halt
            } else {
                Signal::Stop
            });
        }
    }

    fn watch_steady(&mut self, crew: &Crew, ended: &mut Ended) {
        // Users that leave at the end are not what the end is judged by.
        if *ended != Ended::Finished || self.stage(crew) != Stage::Running {
            return;
        }
        let Some(steady) = &mut self.steady else {
            return;
        };
        let users = crew.parts.iter().map(|part| &part.run.steady_users);
        self.steady_users = users
            .map(|users| users.load(std::sync::atomic::Ordering::Relaxed))
            .sum();
        match steady.observe(self.elapsed, self.steady_users) {
            SteadyVerdict::Waiting => {}
            SteadyVerdict::Reached => {
                *ended = Ended::Steady;
                crew.signal(Signal::Stop);
            }
            SteadyVerdict::TooLate => {
                *ended = Ended::NotSteady(format!(
                    "the deadline passed before the steady state was reached: it holds for {} of {} users",
                    self.steady_users,
                    steady.requested()
                ));
                crew.signal(Signal::Stop);
            }
        }
    }

    fn read_clock(&mut self) {
        if let Some(clock) = self.clock {
            self.elapsed = clock.elapsed();
        }
    }

    /// A second has passed: what the run itself measures, and the judgement.
    fn second(&mut self, crew: &Crew, ended: &mut Ended) {
        let count = self.count();
        self.office.record(builtin::VUS, float(count.active));
        self.office.record(builtin::VUS_MAX, float(count.ready));
        if self.steady.is_some() {
            self.office
                .record(builtin::STEADY_USERS, float(self.steady_users));
        }
        let outcomes = self.coordination.outcomes(Instant::now());
        deliveries::record(&self.office, &self.common, outcomes);
        if self.stage(crew) == Stage::Running {
            self.streams.record(&self.office);
        }
        let load = (self.probe)();
        let lag = self
            .interval
            .percentile(builtin::START_LAG, 99.0)
            .and_then(|milliseconds| Duration::try_from_secs_f64(milliseconds / 1000.0).ok());
        let second = self.saturation.observe(self.elapsed, load, lag);
        self.office.record(builtin::GENERATOR_CPU, second.cpu);
        self.office
            .record(builtin::GENERATOR_DESCRIPTORS, second.descriptors);
        let mut measured = self.office.take();
        self.take_in(&mut measured);
        if let Some(writer) = &self.writer {
            let now = (self.elapsed, second.cpu);
            let lost = self.streams.tell_machine(writer, &self.totals, now);
            self.note_lost(lost);
        }
        if self.elapsed >= self.next_save {
            self.next_save = self.elapsed + SAVE_INTERVAL;
            self.save();
        }
        let told = self.swaps.judge(crew, self.elapsed);
        self.seen_swaps(told);
        let verdict = self.judge.while_running(&self.totals, self.elapsed);
        self.judged = verdict.results;
        if let Some(threshold) = verdict.abort {
            note(ended, Ended::ThresholdAbort(threshold));
            crew.signal(Signal::Stop);
        }
    }

    /// Write the store, if it has changed. A fault is kept for the end, once.
    fn save(&mut self) {
        if !self.shared.dirty() {
            return;
        }
        if let Err(error) = self.shared.save() {
            let fault = format!("--state-file: {error}");
            if !self.faults.contains(&fault) {
                self.faults.push(fault);
            }
        }
    }

    fn take_in(&mut self, delta: &mut Delta) {
        if let Some(writer) = &self.writer {
            let mut lost = 0;
            if !delta.samples().is_empty() {
                lost += writer.write(delta.samples());
            }
            if !delta.journal.is_empty() {
                lost += writer.journal(std::mem::take(&mut delta.journal));
            }
            self.note_lost(lost);
        }
        self.totals.merge(delta);
        self.interval.merge(delta);
    }

    /// Count what an output could not take in time.
    fn note_lost(&mut self, lines: usize) {
        if lines > 0 {
            self.totals
                .record(builtin::SAMPLES_DROPPED, float(lines as u64));
        }
    }

    /// Finish the outputs and sum up.
    pub(crate) fn close(
        mut self,
        ended: Ended,
        terminate_failed: Option<String>,
        conclusions: Vec<String>,
    ) -> RunOutcome {
        let count = self.count();
        if self.clock.is_some() && self.totals.value(builtin::VUS).is_none() {
            // A run of less than a second: no tick has counted its users, and now they are gone.
            self.office.record(builtin::VUS, float(count.ready));
            self.office.record(builtin::VUS_MAX, float(count.ready));
        }
        if self.totals.count(builtin::DELIVERY_SENT) >= 1.0 {
            deliveries::record_none(&self.office, &self.common);
        }
        deliveries::record(&self.office, &self.common, self.coordination.close());
        let mut measured = self.office.take();
        self.take_in(&mut measured);
        self.save();
        let writers_failed = self.writer.take().and_then(|writer| writer.finish().err());
        self.faults
            .extend(writers_failed.map(|error| format!("--out: {error}")));
        let verdict = self.judge.at_end(&self.totals, self.elapsed);
        let mut summary = self.totals.summary(self.elapsed);
        let missed = self.totals.count(builtin::GENERATOR_MISSED_WAKES);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count, never negative"
        )]
        summary
            .warnings
            .extend(self.saturation.warnings(missed as u64));
        summary.state.run.clone_from(&self.spec.id);
        summary.state.scenario = self.spec.title();
        summary.state.seed = self.spec.seed;
        summary.state.users = self.spec.users_max();
        summary.state.interrupted_iterations = count.open;
        summary.thresholds.clone_from(&verdict.results);
        summary.conclusions = conclusions;
        RunOutcome {
            thresholds_passed: verdict.passed(),
            summary,
            ended,
            terminate_failed,
            write_faults: self.faults,
            totals: self.totals,
            rest: self.interval,
        }
    }
}

/// What the desk heard.
enum Heard {
    Nothing,
    Endings(Vec<Ending>),
    Failure(String),
    AllEnded,
}

/// Who ended the run.
fn stopped(control: &Control) -> Ended {
    if control.stopped_by_api() {
        Ended::StoppedByApi
    } else {
        Ended::Interrupted
    }
}

/// The first reason for the end counts.
fn note(ended: &mut Ended, reason: Ended) {
    if *ended == Ended::Finished {
        *ended = reason;
    }
}

fn note_ending(ended: &mut Ended, ending: Ending) {
    match ending {
        Ending::Aborted(reason) => note(ended, Ended::AbortedByScenario(reason)),
        Ending::TooManyFailures(reason) => note(ended, Ended::TooManyFailures(reason)),
        Ending::Finished | Ending::Halted => {}
    }
}

/// When a second ends that began now: on a whole one, since cores report just before those. What is judged is half a second long
/// at least, also after one that was late: of less, a share of the processors says nothing.
fn next_second(now: Duration) -> Duration {
    Duration::from_secs((now + JUDGE_INTERVAL / 2).as_secs()) + JUDGE_INTERVAL
}

/// How many users are built before the clock starts: all that are due when their scenario starts.
fn built_before_start(spec: &RunSpec) -> u64 {
    spec.scenarios
        .iter()
        .map(|scenario| scenario.load.users_at_start())
        .fold(0, u64::saturating_add)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of users and messages stay far below 2^53"
)]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_end_on_whole_ones_and_are_never_short() {
        let ms = Duration::from_millis;
        for (now, next) in [
            (0, 1000),
            (1000, 2000),
            (1499, 2000),
            (1500, 3000),
            (1999, 3000),
        ] {
            assert_eq!(next_second(ms(now)), ms(next), "{now}");
        }
    }
}
