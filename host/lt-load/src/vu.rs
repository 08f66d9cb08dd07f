//! What the load engine knows of a virtual user: that it can be built, joins, iterates and leaves.

use std::rc::Rc;

use lt_metrics::TagsId;
use tokio::time::Instant;

use crate::stop::StopFlag;

/// A virtual user's id: unique in the run, stable over restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VuId(pub u64);

/// Who a user is, and how it learns that it is to end: what it is built with.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its place in the order in which the load wants its users, from 0.
    pub position: u64,
    /// Its id.
    pub id: VuId,
    /// Whether it is to be registered: it has no account from before the run.
    pub is_new: bool,
    /// Whether it is asked to end.
    pub stop: Rc<StopFlag>,
}

/// One iteration of one user.
#[derive(Clone, Copy, Debug)]
pub struct Iteration {
    /// Counted from 0 for each user.
    pub number: u64,
    /// When the schedule wanted it to start.
    pub intended: Instant,
    /// When it started.
    pub actual: Instant,
}

/// How a step of a user's life ended. Failures were counted and sampled by the user itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As it should.
    Passed,
    /// It failed; the user goes on.
    Failed,
    /// Its sandbox is lost; what becomes of it is for the failure policy to say.
    Lost,
    /// The user is to end; the run goes on.
    StopUser,
    /// The whole run is to end, for this reason.
    AbortRun(String),
}

/// Why a user could not be built: no memory left, or a host fault. The run goes on without it.
#[derive(Clone, Debug)]
pub struct BuildError(pub String);

/// One virtual user. It lives on one thread, in one task, and its calls never overlap.
///
/// Dropping a user in the midst of a call ends it by force: its connections close, `leave` is not called.
#[expect(
    async_fn_in_trait,
    reason = "users never leave their thread, so their futures need not be Send"
)]
pub trait Vu: 'static {
    /// Before the first iteration.
    async fn join(&mut self) -> Outcome;
    /// Before each iteration: whatever the last one broke. Its time belongs to no iteration. Usually there is nothing to do.
    async fn mend(&mut self) -> Outcome;
    /// Whether the user is to be renewed before its next iteration. Asked before each iteration, so it must cost nothing, and
    /// again whenever [`Team::renew_users`](crate::Team::renew_users) was called while the user waits.
    fn is_outdated(&self) -> bool {
        false
    }
    /// Take the place of what has just left: as what it is to be now, joined. It is still the same user, in the midst of its life:
    /// its iterations are counted on. If that fails it may go back to what it was; [`Outcome::Failed`] ends the user.
    async fn renew(&mut self) -> Outcome {
        Outcome::Passed
    }
    /// One iteration.
    async fn iterate(&mut self, iteration: Iteration) -> Outcome;
    /// After the last iteration, when the user ends gracefully, and before it is renewed.
    async fn leave(&mut self);
    /// Tags of this user's samples in its core's recorder.
    fn tags(&self) -> TagsId;
}

/// Builds the users of one core.
#[expect(
    async_fn_in_trait,
    reason = "users never leave their thread, so their futures need not be Send"
)]
pub trait VuFactory: 'static {
    /// The users it builds.
    type Vu: Vu;
    /// Build one user, ready to join.
    async fn build(&self, place: Place) -> Result<Self::Vu, BuildError>;
}
