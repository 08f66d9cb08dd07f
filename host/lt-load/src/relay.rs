//! The loads of one scenario, one after another: while a run goes on, a scenario may be given another load.
//!
//! Each load has a [`Team`] of its own. The one that is replaced lets its users end, while those of its successor begin, on the
//! same cores. Whoever wants to steer the scenario speaks to the present team; whoever counts, counts all.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lt_metrics::{Recorder, TagsId};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::counters::Counters;
use crate::phase::Signal;
use crate::shift::{Ending, LagProbe, Shift};
use crate::steering::SteerError;
use crate::team::Team;
use crate::vu::VuFactory;

/// Loads of one scenario whose users are still ending: each takes its graceful stop at most, and whoever replaces the load faster
/// than that makes users without end.
const DRAINING_MAX: usize = 8;
/// How often it is looked whether the users are built that a load begins with.
const BUILT_LOOK_INTERVAL: Duration = Duration::from_millis(1);

/// See the module.
#[derive(Debug)]
pub struct Relay {
    roll: watch::Sender<Roll>,
}

#[derive(Clone, Debug)]
struct Roll {
    /// Those that have not ended on every core, the present one last.
    entries: Vec<Entry>,
    /// Whether the present load has ended on a core: none can take its place any more.
    is_closed: bool,
    /// What became of those that have ended on every core.
    past: Past,
}

#[derive(Clone, Debug)]
struct Entry {
    team: Arc<Team>,
    /// Counted from 0.
    number: u64,
    /// Cores on which it has ended.
    ended: Arc<AtomicU64>,
}

/// What is left of loads that have ended.
#[derive(Clone, Debug, Default)]
struct Past {
    tally: Tally,
    aborted: Option<String>,
    too_many_failures: Option<String>,
}

/// Numbers of a scenario, whichever load its users were of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Users that there may be at a time, as last changed.
    pub planned: u64,
    /// Users built, whether or not that succeeded.
    pub built: u64,
    /// Users that were built and can run.
    pub ready: u64,
    /// Users between join and leave.
    pub active: u64,
    /// Iterations that came to their end.
    pub iterations: u64,
    /// Iterations under way, or interrupted.
    pub open: u64,
    /// Iterations that were due and not started.
    pub dropped: u64,
}

impl Tally {
    fn of(counters: &Counters) -> Self {
        Self {
            planned: counters.users_planned(),
            built: counters.users_built(),
            ready: counters.users_ready(),
            active: counters.users_active(),
            iterations: counters.iterations_completed(),
            open: counters.iterations_open(),
            dropped: counters.dropped(),
        }
    }

    /// With another load that there was before: who is planned is planned by the last.
    fn and_before(self, before: Self) -> Self {
        Self {
            planned: self.planned,
            built: self.built + before.built,
            ready: self.ready + before.ready,
            active: self.active + before.active,
            iterations: self.iterations + before.iterations,
            open: self.open + before.open,
            dropped: self.dropped + before.dropped,
        }
    }
}

impl Relay {
    /// A scenario that begins with this load.
    #[must_use]
    pub fn new(first: Arc<Team>) -> Arc<Self> {
        let roll = Roll {
            entries: vec![Entry {
                team: first,
                number: 0,
                ended: Arc::default(),
            }],
            is_closed: false,
            past: Past::default(),
        };
        let roll = watch::Sender::new(roll);
        Arc::new(Self { roll })
    }

    /// The team of the present load.
    #[must_use]
    pub fn present(&self) -> Option<Arc<Team>> {
        let roll = self.roll.borrow();
        roll.entries.last().map(|entry| entry.team.clone())
    }

    /// Teams that have not ended, the present one last.
    #[must_use]
    pub fn teams(&self) -> Vec<Arc<Team>> {
        let roll = self.roll.borrow();
        let teams = roll.entries.iter();
        teams.map(|entry| entry.team.clone()).collect()
    }

    /// Tell all of them. A signal never replaces a later one.
    pub fn signal(&self, signal: Signal) {
        for team in self.teams() {
            team.signal(signal);
        }
    }

    /// Ask the users of all of them whether they are outdated: see [`Team::renew_users`].
    pub fn renew_users(&self) {
        for team in self.teams() {
            team.renew_users();
        }
    }

    /// Numbers of all loads together.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let roll = self.roll.borrow();
        let teams = roll.entries.iter();
        teams.fold(roll.past.tally, |before, entry| {
            Tally::of(entry.team.counters()).and_before(before)
        })
    }

    /// Why a user of any load asked for the end of the run, if one did.
    #[must_use]
    pub fn aborted(&self) -> Option<String> {
        self.first(|past| past.aborted.clone(), Counters::aborted)
    }

    /// What the failure policy found too much, if it did.
    #[must_use]
    pub fn too_many_failures(&self) -> Option<String> {
        let past = |past: &Past| past.too_many_failures.clone();
        self.first(past, Counters::too_many_failures)
    }

    fn first(
        &self,
        past: impl Fn(&Past) -> Option<String>,
        of: impl Fn(&Counters) -> Option<&str>,
    ) -> Option<String> {
        let roll = self.roll.borrow();
        let mut teams = roll.entries.iter();
        past(&roll.past)
            .or_else(|| teams.find_map(|entry| of(entry.team.counters()).map(str::to_owned)))
    }

    /// Whether another load may take the present one's place now.
    ///
    /// # Errors
    /// Why not.
    pub fn may_pass_on(&self) -> Result<(), SteerError> {
        let roll = self.roll.borrow();
        roll.may_pass_on()
    }

    /// Have another load take the present one's place: `next` is its [`Team::successor`]. It begins as soon as the users are
    /// built that it begins with.
    ///
    /// # Errors
    /// If the present load has ended, or too many have not ended yet that were replaced: nothing has changed then.
    pub fn pass_on(&self, next: Arc<Team>) -> Result<(), SteerError> {
        let mut done = Ok(());
        self.roll.send_if_modified(|roll| {
            done = roll.may_pass_on();
            let Some(last) = roll.entries.last().filter(|_| done.is_ok()) else {
                return false;
            };
            last.team.give_way(&next);
            let number = last.number + 1;
            roll.entries.push(Entry {
                team: next,
                number,
                ended: Arc::default(),
            });
            true
        });
        done
    }

    /// Run this core's users of every load to their end; see [`Shift::run`]. Once for each core.
    pub async fn run<F: VuFactory>(
        &self,
        core: u64,
        (recorder, probe): (&Rc<RefCell<Recorder>>, &LagProbe),
        (factory, tags): (&Rc<F>, TagsId),
    ) -> Ending {
        let mut roll = self.roll.subscribe();
        let mut shifts = JoinSet::new();
        let mut started = 0;
        let mut ending = Ending::Finished;
        loop {
            let new: Vec<Entry> = {
                let roll = roll.borrow_and_update();
                let new = roll.entries.iter().filter(|entry| entry.number >= started);
                new.cloned().collect()
            };
            for Entry { team, number, .. } in new {
                started = number + 1;
                let shift = Shift::with_probe(team.clone(), core, recorder.clone(), probe.clone());
                let factory = factory.clone();
                shifts.spawn_local(async move {
                    let begins = core == 0 && number > 0;
                    tokio::select! {
                        ending = shift.run(factory, tags) => (number, ending),
                        () = begin_when_built(&team), if begins => (number, Ending::Halted),
                    }
                });
            }
            tokio::select! {
                ended = shifts.join_next() => match ended {
                    Some(Ok((number, ended))) => {
                        worst(&mut ending, ended);
                        self.ended(number);
                    }
                    // A fault of the host in a shift: as it was when there was only one, on this core's thread.
                    Some(Err(error)) if error.is_panic() => {
                        std::panic::resume_unwind(error.into_panic())
                    }
                    Some(Err(_)) => {}
                    None => return ending,
                },
                changed = roll.changed() => if changed.is_err() { return ending },
            }
        }
    }

    /// A load has ended on one core.
    fn ended(&self, number: u64) {
        self.roll.send_if_modified(|roll| {
            let last = roll.entries.last().map(|entry| entry.number);
            if last == Some(number) {
                roll.is_closed = true;
            }
            let entry = roll.entries.iter().find(|entry| entry.number == number);
            let Some(entry) = entry.cloned() else {
                return false;
            };
            let ended = entry.ended.fetch_add(1, Ordering::Relaxed) + 1;
            if ended >= entry.team.cores && last != Some(number) {
                let counters = entry.team.counters();
                let past = &mut roll.past;
                past.tally = Tally::of(counters).and_before(past.tally);
                past.aborted = past
                    .aborted
                    .take()
                    .or_else(|| counters.aborted().map(str::to_owned));
                past.too_many_failures = past
                    .too_many_failures
                    .take()
                    .or_else(|| counters.too_many_failures().map(str::to_owned));
                roll.entries.retain(|entry| entry.number != number);
            }
            // Nobody waits for this.
            false
        });
    }
}

impl Roll {
    fn may_pass_on(&self) -> Result<(), SteerError> {
        let present = self.entries.last();
        if self.is_closed || present.is_none_or(|entry| entry.team.has_ended(Instant::now())) {
            return Err(SteerError::NotPossible(
                "the scenario has come to its end; start another run".to_owned(),
            ));
        }
        if self.entries.len() > DRAINING_MAX {
            return Err(SteerError::NotPossible(format!(
                "users of {DRAINING_MAX} earlier loads are still at their last iteration; try again when they have ended, or \
                 give a shorter graceful-stop"
            )));
        }
        Ok(())
    }
}

/// Start the clock of a load that took another's place as soon as the users are there that it begins with; then never return.
async fn begin_when_built(team: &Team) {
    let at_start = team.scenario().load.users_at_start();
    while team.counters().users_built() < at_start {
        sleep(BUILT_LOOK_INTERVAL).await;
    }
    team.signal(Signal::Start(Instant::now()));
    std::future::pending().await
}

/// What ended the run goes before how a load ended.
fn worst(ending: &mut Ending, other: Ending) {
    if matches!(ending, Ending::Finished | Ending::Halted) && other != Ending::Finished {
        *ending = other;
    }
}
