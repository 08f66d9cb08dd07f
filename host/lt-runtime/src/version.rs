//! The versions of one scenario of a run: which user is to have which, and how each does.
//!
//! A swap publishes another version. Users that are built from then on ask for theirs; running ones compare one number before each
//! iteration, and when it has changed they ask too. What a version is, is a [`RunShared`] with a component, settings and a label of
//! its own: everything else it shares with the version before.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::Notify;

use crate::component::Scenario;
use crate::core::RunShared;

/// Digits of a digest that tell versions apart for people.
const DIGEST_DIGITS: usize = 8;

/// What a version is called in samples and for people: what it says itself, and the first digits of its bytes' digest.
#[must_use]
pub fn label(scenario: &Scenario) -> String {
    let digest: String = scenario.hash().chars().take(DIGEST_DIGITS).collect();
    format!("{}+{digest}", scenario.description().version)
}

/// What the users of one version did so far.
#[derive(Debug, Default)]
pub struct VersionCounts {
    iterations: AtomicU64,
    failures: AtomicU64,
    joins: AtomicU64,
    joins_failed: AtomicU64,
}

impl VersionCounts {
    /// Iterations that came to their end.
    #[must_use]
    pub fn iterations(&self) -> u64 {
        self.iterations.load(Ordering::Relaxed)
    }

    /// Those of them that failed.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Users that were built with it and joined, or did not.
    #[must_use]
    pub fn joins(&self) -> u64 {
        self.joins.load(Ordering::Relaxed)
    }

    /// Users that could not be built with it, or not join.
    #[must_use]
    pub fn joins_failed(&self) -> u64 {
        self.joins_failed.load(Ordering::Relaxed)
    }
}

/// One version: what its users run, and how they do.
pub struct Version {
    run: Arc<RunShared>,
    /// Users that have it now. Not among the counts: those outlive a version that comes again with other settings.
    users: AtomicU64,
    /// Those of them that wait in `join` for too long.
    overdue: AtomicU64,
    counts: Arc<VersionCounts>,
}

impl Version {
    /// What its users run.
    #[must_use]
    pub fn run(&self) -> &Arc<RunShared> {
        &self.run
    }

    /// Users that have it now, built or beyond that.
    #[must_use]
    pub fn users(&self) -> u64 {
        self.users.load(Ordering::Relaxed)
    }

    /// Users that have been in `join` for longer than [`lt_spec::limits::JOIN_OVERDUE`], now.
    #[must_use]
    pub fn overdue(&self) -> u64 {
        self.overdue.load(Ordering::Relaxed)
    }

    /// What its users did. A version that comes again counts on, if it was not forgotten meanwhile.
    #[must_use]
    pub fn counts(&self) -> &VersionCounts {
        &self.counts
    }

    /// An iteration came to its end.
    pub(crate) fn count_iteration(&self, failed: bool) {
        self.counts.iterations.fetch_add(1, Ordering::Relaxed);
        if failed {
            self.counts.failures.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A user joined, or could not.
    pub(crate) fn count_join(&self, failed: bool) {
        self.counts.joins.fetch_add(1, Ordering::Relaxed);
        if failed {
            self.counts.joins_failed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What it is called.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.run.label
    }

    /// Whether this is the same component; its settings may be others.
    #[must_use]
    pub fn is_of(&self, scenario: &Scenario) -> bool {
        self.run.scenario.hash() == scenario.hash()
    }
}

/// A user counted among those of its version until this is dropped.
pub(crate) struct Member(Arc<Version>);

impl Member {
    pub(crate) fn of(version: Arc<Version>) -> Self {
        version.users.fetch_add(1, Ordering::Relaxed);
        Self(version)
    }

    pub(crate) fn version(&self) -> &Arc<Version> {
        &self.0
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.0.users.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A user counted among those that are overdue until this is dropped.
pub(crate) struct Overdue<'a>(&'a Version);

impl<'a> Overdue<'a> {
    pub(crate) fn of(version: &'a Version) -> Self {
        version.overdue.fetch_add(1, Ordering::Relaxed);
        Self(version)
    }
}

impl Drop for Overdue<'_> {
    fn drop(&mut self) {
        self.0.overdue.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Who is to have what.
struct Plan {
    /// What users have.
    current: Arc<Version>,
    /// What a share of them has instead, for a try.
    canary: Option<(Arc<Version>, f64)>,
    /// What they had before: what [`Deployment::roll_back`] goes back to.
    previous: Option<Arc<Version>>,
    /// Whether running users move.
    drain: bool,
}

impl Plan {
    /// What the user at a position is to have.
    fn of(&self, position: u64) -> Arc<Version> {
        match &self.canary {
            Some((canary, share)) if tries(position, *share) => canary.clone(),
            _ => self.current.clone(),
        }
    }

    fn is_wanted(&self, version: &Arc<Version>) -> bool {
        let canary = self.canary.as_ref().map(|(canary, _)| canary);
        let mut wanted = [Some(&self.current), canary, self.previous.as_ref()]
            .into_iter()
            .flatten();
        wanted.any(|wanted| Arc::ptr_eq(wanted, version))
    }
}

/// A version as it stands.
pub struct VersionStands {
    /// The version.
    pub version: Arc<Version>,
    /// The share of users that are to have it.
    pub share: f64,
    /// Whether it is what users have, but for those that try another.
    pub current: bool,
}

/// The versions of one scenario of a run, for all its cores.
pub struct Deployment {
    /// Grows with every change: what users compare.
    revision: AtomicU64,
    /// Wakes those that wait for a change.
    changed: Notify,
    plan: ArcSwap<Plan>,
    /// Those that are wanted or that users have, the oldest first. Held to change the plan, too.
    versions: Mutex<Vec<Arc<Version>>>,
}

impl Deployment {
    /// With one version, which all users have.
    #[must_use]
    pub fn new(run: Arc<RunShared>) -> Arc<Self> {
        let current = Arc::new(Version {
            run,
            users: AtomicU64::new(0),
            overdue: AtomicU64::new(0),
            counts: Arc::default(),
        });
        Arc::new(Self {
            revision: AtomicU64::new(0),
            changed: Notify::new(),
            versions: Mutex::new(vec![current.clone()]),
            plan: ArcSwap::from_pointee(Plan {
                current,
                canary: None,
                previous: None,
                drain: true,
            }),
        })
    }

    /// Have users of a share take this version from now on: those that begin, and if `drain` running ones too, before their next
    /// iteration. With a share of 1 it is current from now on; with less it is on trial, and another trial ends.
    /// A version that some users still have, with the same settings, is that one again: they need not move.
    pub fn publish(&self, run: Arc<RunShared>, share: f64, drain: bool) -> Arc<Version> {
        let mut versions = self.versions();
        let same = || versions.iter().filter(|known| known.run.label == run.label);
        let settings = run.settings.values();
        let known = same().find(|known| known.run.settings.values() == settings);
        let version = if let Some(known) = known {
            known.clone()
        } else {
            let counts = same().next().map(|known| known.counts.clone());
            let version = Arc::new(Version {
                counts: counts.unwrap_or_default(),
                run,
                users: AtomicU64::new(0),
                overdue: AtomicU64::new(0),
            });
            versions.push(version.clone());
            version
        };
        self.go_on(&mut versions, &version, share, drain);
        version
    }

    /// Have another share of users try what is on trial, or all of them have it. `false` if nothing is on trial.
    pub fn set_share(&self, share: f64, drain: bool) -> bool {
        let mut versions = self.versions();
        let plan = self.plan.load_full();
        let Some((canary, _)) = &plan.canary else {
            return false;
        };
        self.go_on(&mut versions, canary, share, drain);
        true
    }

    /// Have running users take what they should have, or leave those that have not yet alone.
    pub fn drain(&self, drain: bool) {
        let mut versions = self.versions();
        let present = self.plan.load_full();
        let plan = Plan {
            current: present.current.clone(),
            canary: present.canary.clone(),
            previous: present.previous.clone(),
            drain,
        };
        self.decide(&mut versions, plan);
    }

    fn go_on(
        &self,
        versions: &mut Vec<Arc<Version>>,
        version: &Arc<Version>,
        share: f64,
        drain: bool,
    ) {
        let present = self.plan.load_full();
        let plan = if share < 1.0 {
            Plan {
                current: present.current.clone(),
                canary: Some((version.clone(), share)),
                previous: present.previous.clone(),
                drain,
            }
        } else {
            Plan {
                current: version.clone(),
                canary: None,
                previous: Some(present.current.clone()),
                drain,
            }
        };
        self.decide(versions, plan);
    }

    /// End the trial, or go back to what was current before; running users move. `None` if there is neither.
    pub fn roll_back(&self) -> Option<Arc<Version>> {
        let mut versions = self.versions();
        let present = self.plan.load_full();
        let (current, previous) = match (&present.canary, &present.previous) {
            (Some(_), previous) => (present.current.clone(), previous.clone()),
            (None, Some(previous)) => (previous.clone(), None),
            (None, None) => return None,
        };
        self.decide(
            &mut versions,
            Plan {
                current: current.clone(),
                canary: None,
                previous,
                drain: true,
            },
        );
        Some(current)
    }

    fn decide(&self, versions: &mut Vec<Arc<Version>>, plan: Plan) {
        self.plan.store(Arc::new(plan));
        // After the plan: whoever sees the number sees the plan.
        self.revision.fetch_add(1, Ordering::Release);
        self.changed.notify_waiters();
        self.forget(versions);
    }

    /// What users have, but for those that try another.
    #[must_use]
    pub fn current(&self) -> Arc<Version> {
        self.plan.load().current.clone()
    }

    /// What is on trial.
    #[must_use]
    pub fn canary(&self) -> Option<(Arc<Version>, f64)> {
        self.plan.load().canary.clone()
    }

    /// What [`Self::roll_back`] would go back to.
    #[must_use]
    pub fn would_roll_back_to(&self) -> Option<Arc<Version>> {
        let plan = self.plan.load();
        match &plan.canary {
            Some(_) => Some(plan.current.clone()),
            None => plan.previous.clone(),
        }
    }

    /// All versions that are wanted or that users have, the oldest first. Those that nobody needs any more are forgotten.
    #[must_use]
    pub fn stands(&self) -> Vec<VersionStands> {
        let mut versions = self.versions();
        self.forget(&mut versions);
        let plan = self.plan.load();
        let tried = plan.canary.as_ref().map_or(0.0, |(_, share)| *share);
        let stands = versions.iter().map(|version| {
            let current = Arc::ptr_eq(version, &plan.current);
            let is_canary = plan
                .canary
                .as_ref()
                .is_some_and(|(canary, _)| Arc::ptr_eq(canary, version));
            let share = match (current, is_canary) {
                (true, _) => 1.0 - tried,
                (false, true) => tried,
                (false, false) => 0.0,
            };
            VersionStands {
                version: version.clone(),
                share,
                current,
            }
        });
        stands.collect()
    }

    /// Drop those that nobody has and nobody wants: their code with them.
    fn forget(&self, versions: &mut Vec<Arc<Version>>) {
        let plan = self.plan.load();
        versions.retain(|version| version.users() > 0 || plan.is_wanted(version));
    }

    pub(crate) fn is_wanted(&self, version: &Arc<Version>) -> bool {
        self.plan.load().is_wanted(version)
    }

    /// How often something changed.
    pub(crate) fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }

    /// Wait until this is so; it can only become so with a change.
    pub(crate) async fn until(&self, is_so: impl Fn() -> bool) {
        loop {
            let changed = self.changed.notified();
            let mut changed = std::pin::pin!(changed);
            // Before the look: a change in between is not missed.
            changed.as_mut().enable();
            if is_so() {
                return;
            }
            changed.await;
        }
    }

    /// What a user that begins has.
    pub(crate) fn of_new(&self, position: u64) -> Arc<Version> {
        self.plan.load().of(position)
    }

    /// What a running user is to have, which has `present`.
    pub(crate) fn of_running(&self, position: u64, present: &Arc<Version>) -> Arc<Version> {
        let plan = self.plan.load();
        if plan.drain {
            plan.of(position)
        } else {
            present.clone()
        }
    }

    fn versions(&self) -> MutexGuard<'_, Vec<Arc<Version>>> {
        // A list is whole at every moment, whoever panicked.
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The golden ratio's fraction, in parts of 2^64: its multiples lie evenly however many there are.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Whether a user is among those who try a version. It follows from its position alone: of however many users about the share tries
/// it, the first of them always; while the share grows, nobody who tries it leaves it.
fn tries(position: u64, share: f64) -> bool {
    fraction(position.wrapping_mul(GOLDEN)) < share
}

/// A number as a part of 2^64.
#[expect(
    clippy::cast_precision_loss,
    reason = "53 bits are as many as the fraction has"
)]
fn fraction(number: u64) -> f64 {
    (number >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(users: u64, share: f64) -> impl Iterator<Item = u64> {
        (0..users).filter(move |position| tries(*position, share))
    }

    #[test]
    fn a_share_of_users_tries_a_version_however_few_there_are() {
        for share in [0.01, 0.1, 0.25, 0.5, 0.9] {
            for users in [1, 5, 10, 40, 100, 1000] {
                let (count, exact) = (tried(users, share).count(), users as f64 * share);
                assert!(count >= 1, "nobody of {users} at {share}");
                let off = (count as f64 - exact).abs();
                assert!(off <= 2.0, "{count} of {users} at {share}");
            }
        }
        assert_eq!(
            (tried(1000, 0.0).count(), tried(1000, 1.0).count()),
            (0, 1000)
        );
    }

    #[test]
    fn who_tries_a_version_goes_on_while_the_share_grows() {
        assert!(tried(1000, 0.1).all(|position| tries(position, 0.2)));
        assert!(tried(1000, 0.25).all(|position| tries(position, 0.75)));
    }
}
