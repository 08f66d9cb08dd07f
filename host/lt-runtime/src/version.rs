//! The versions of one scenario of a run: which user is to have which, and how each does.
//!
//! A swap publishes another version. Users that are built from then on ask for theirs; running ones compare one number before each
//! iteration, and when it has changed they ask too. What a version is, is a [`RunShared`] with a component, settings and a label of
//! its own: everything else it shares with the version before.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use lt_spec::seed;

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

/// How the users of one version do.
#[derive(Debug, Default)]
pub struct VersionCounts {
    users: AtomicU64,
    iterations: AtomicU64,
    failures: AtomicU64,
    joins: AtomicU64,
    joins_failed: AtomicU64,
}

impl VersionCounts {
    /// Users that have it now, built or beyond that.
    #[must_use]
    pub fn users(&self) -> u64 {
        self.users.load(Ordering::Relaxed)
    }

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
    counts: Arc<VersionCounts>,
}

impl Version {
    /// What its users run.
    #[must_use]
    pub fn run(&self) -> &Arc<RunShared> {
        &self.run
    }

    /// How its users do. A version that comes again counts on, if it was not forgotten meanwhile.
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
        version.counts.users.fetch_add(1, Ordering::Relaxed);
        Self(version)
    }

    pub(crate) fn version(&self) -> &Arc<Version> {
        &self.0
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.0.counts.users.fetch_sub(1, Ordering::Relaxed);
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
    /// Of the choice of who tries a version.
    seed: u64,
    /// Grows with every change: what users compare.
    revision: AtomicU64,
    plan: ArcSwap<Plan>,
    /// Those that are wanted or that users have, the oldest first. Held to change the plan, too.
    versions: Mutex<Vec<Arc<Version>>>,
}

impl Deployment {
    /// With one version, which all users have.
    #[must_use]
    pub fn new(run: Arc<RunShared>) -> Arc<Self> {
        let current = Arc::new(Version {
            counts: Arc::default(),
            run,
        });
        let spec = &current.run.common.spec;
        Arc::new(Self {
            seed: seed::of_name(spec.seed, &current.run.spec.name),
            revision: AtomicU64::new(0),
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
    pub fn publish(&self, run: Arc<RunShared>, share: f64, drain: bool) -> Arc<Version> {
        let mut versions = self.versions();
        let same = versions.iter().find(|known| known.run.label == run.label);
        let counts = same.map(|known| known.counts.clone()).unwrap_or_default();
        let version = Arc::new(Version { run, counts });
        versions.push(version.clone());
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
        versions.retain(|version| version.counts.users() > 0 || plan.is_wanted(version));
    }

    pub(crate) fn is_wanted(&self, version: &Arc<Version>) -> bool {
        self.plan.load().is_wanted(version)
    }

    /// How often something changed.
    pub(crate) fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }

    /// What a user that begins has.
    pub(crate) fn of_new(&self, position: u64) -> Arc<Version> {
        self.of(&self.plan.load(), position)
    }

    /// What a running user is to have, which has `present`.
    pub(crate) fn of_running(&self, position: u64, present: &Arc<Version>) -> Arc<Version> {
        let plan = self.plan.load();
        if plan.drain {
            self.of(&plan, position)
        } else {
            present.clone()
        }
    }

    fn of(&self, plan: &Plan, position: u64) -> Arc<Version> {
        match &plan.canary {
            Some((canary, share)) if tries(self.seed, position, *share) => canary.clone(),
            _ => plan.current.clone(),
        }
    }

    fn versions(&self) -> MutexGuard<'_, Vec<Arc<Version>>> {
        // A list is whole at every moment, whoever panicked.
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a user is among those who try a version. It follows from the run's seed and the user's position: while the share grows,
/// nobody who tries it leaves it.
fn tries(seed: u64, position: u64, share: f64) -> bool {
    fraction(seed::nth(seed, position)) < share
}

/// A random number as a part of 1.
#[expect(
    clippy::cast_precision_loss,
    reason = "53 bits are as many as the fraction has"
)]
fn fraction(random: u64) -> f64 {
    (random >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_users_tries_a_version_and_stays_while_it_grows() {
        for seed in [0, 7, u64::MAX] {
            let who =
                |share: f64| (0..10_000).filter(move |position| tries(seed, *position, share));
            for (share, least, most) in [(0.1, 900, 1100), (0.5, 4800, 5200), (0.9, 8900, 9100)] {
                let count = who(share).count();
                assert!((least..=most).contains(&count), "{count} at {share}");
            }
            assert!(who(0.1).all(|position| tries(seed, position, 0.2)));
            assert_eq!((who(0.0).count(), who(1.0).count()), (0, 10_000));
        }
    }
}
