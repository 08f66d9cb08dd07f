//! Numbers of one scenario that all cores keep together.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers of one scenario that all cores keep together; read once a second for display.
#[derive(Debug, Default)]
pub struct Counters {
    planned: AtomicU64,
    built: AtomicU64,
    unbuilt: AtomicU64,
    active: AtomicU64,
    begun: AtomicU64,
    failed: AtomicU64,
    started: AtomicU64,
    completed: AtomicU64,
    dropped: AtomicU64,
    without_users: OnceLock<u64>,
    aborted: OnceLock<String>,
    too_many_failures: OnceLock<String>,
}

impl Counters {
    pub(crate) fn plan(&self, users: u64) {
        self.planned.store(users, Ordering::Relaxed);
    }
    /// Count a user as built when the guard is dropped, however building it ends: the clock waits for the count.
    pub(crate) fn building(&self) -> Building<'_> {
        Building(self)
    }
    pub(crate) fn failed_to_build(&self) {
        self.unbuilt.fetch_add(1, Ordering::Relaxed);
    }
    pub(crate) fn begin_user(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
    }
    pub(crate) fn begin_iteration(&self) {
        self.started.fetch_add(1, Ordering::Relaxed);
    }
    pub(crate) fn end_iteration(&self) {
        self.completed.fetch_add(1, Ordering::Relaxed);
    }
    pub(crate) fn drop_iterations(&self, count: u64) {
        self.dropped.fetch_add(count, Ordering::Relaxed);
    }
    /// Count a user that failed; how many there are now.
    pub(crate) fn fail_user(&self) -> u64 {
        self.failed.fetch_add(1, Ordering::Relaxed) + 1
    }
    /// The first reason counts.
    pub(crate) fn abort(&self, reason: &str) {
        self.aborted.get_or_init(|| reason.to_owned());
    }
    /// The first reason counts.
    pub(crate) fn give_up(&self, reason: &str) {
        self.too_many_failures.get_or_init(|| reason.to_owned());
    }
    /// The load ends because nobody is left.
    pub(crate) fn end_without_users(&self) {
        let unbuilt = self.unbuilt.load(Ordering::Relaxed);
        self.without_users
            .get_or_init(|| self.users_failed() + unbuilt);
    }
    /// Count a user as active until the guard is dropped, however its life ends.
    pub(crate) fn enter(&self) -> Active<'_> {
        self.active.fetch_add(1, Ordering::Relaxed);
        Active(self)
    }
    /// Users that the load may have at a time, as last steered.
    #[must_use]
    pub fn users_planned(&self) -> u64 {
        self.planned.load(Ordering::Relaxed)
    }
    /// Users built, whether or not that succeeded. A user of an arrival rate that is made before the start counts when its
    /// `join` has ended: the rate needs it ready.
    #[must_use]
    pub fn users_built(&self) -> u64 {
        self.built.load(Ordering::Relaxed)
    }
    /// Users that were built and can run.
    #[must_use]
    pub fn users_ready(&self) -> u64 {
        self.users_built()
            .saturating_sub(self.unbuilt.load(Ordering::Relaxed))
    }
    /// Lives of users that have begun, whatever became of them: a user that is replaced, or begins anew, counts again.
    #[must_use]
    pub fn users_begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }
    /// Users between join and leave.
    #[must_use]
    pub fn users_active(&self) -> u64 {
        self.active.load(Ordering::Relaxed)
    }
    /// Users who lost their sandbox or could not join, each counted once in its life.
    #[must_use]
    pub fn users_failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }
    /// Iterations that came to their end.
    #[must_use]
    pub fn iterations_completed(&self) -> u64 {
        self.completed.load(Ordering::Relaxed)
    }
    /// Iterations under way; after the run, those that were interrupted.
    #[must_use]
    pub fn iterations_open(&self) -> u64 {
        self.started
            .load(Ordering::Relaxed)
            .saturating_sub(self.completed.load(Ordering::Relaxed))
    }
    /// Iterations that were due and found no idle user, or that a late core had not begun when the end came.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
    /// Whether the load ended before its time because no user was left, and how many had failed or could not be built by then;
    /// the others ended themselves, or were removed. `None` if it did not, or if any user had all its iterations. A ramp
    /// keeps to its stages, and churn and arrival rates make new users: they do not end so.
    #[must_use]
    pub fn ended_without_users(&self) -> Option<u64> {
        self.without_users.get().copied()
    }
    /// Why a user asked for the end of the run, if one did: told at once, while its core still winds down.
    #[must_use]
    pub fn aborted(&self) -> Option<&str> {
        self.aborted.get().map(String::as_str)
    }
    /// What the failure policy found too much, if it did: told at once.
    #[must_use]
    pub fn too_many_failures(&self) -> Option<&str> {
        self.too_many_failures.get().map(String::as_str)
    }
}

/// Counts one user that was built, or could not be.
pub(crate) struct Building<'a>(&'a Counters);

impl Drop for Building<'_> {
    fn drop(&mut self) {
        self.0.built.fetch_add(1, Ordering::Relaxed);
    }
}

/// Counts one active user.
pub(crate) struct Active<'a>(&'a Counters);

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.0.active.fetch_sub(1, Ordering::Relaxed);
    }
}
