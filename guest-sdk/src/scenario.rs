//! What a scenario is: the trait, and what the host tells its functions.

use crate::error::Result;
use crate::rand::Rng;
use crate::settings::Settings;
use crate::timing::{Duration, Instant};
use crate::{Description, bindings};

/// One kind of virtual user. Implement it under [`#[lt_sdk::scenario]`](macro@crate::scenario), which also exports it.
///
/// The host calls `init` once per run, then for each user `join`, `iterate` again and again, and `leave`, and at the end
/// `terminate` once. A user is one value of the implementing type, in a sandbox of its own: calls to it never overlap,
/// and what it keeps in its fields it keeps between iterations. That memory is multiplied by the number of users.
///
/// Under the attribute only `iterate` is required; each function but `describe` may be an `async fn`; parameters may be left
/// out from the end; and a function without a return type succeeds when it returns. Without `join`, a user is
/// `Self::default()`.
///
/// ```
/// use lt_sdk::prelude::*;
///
/// #[derive(Settings)]
/// struct Shop {
///     /// Where the shop is
///     #[setting(default = "http://127.0.0.1:8080")]
///     base_url: String,
/// }
///
/// struct Customer {
///     shop: Shop,
/// }
///
/// #[lt_sdk::scenario]
/// impl Scenario for Customer {
///     type Settings = Shop;
///
///     fn join(_user: &User, shop: Shop) -> Result<Self> {
///         Ok(Self { shop })
///     }
///
///     fn iterate(&mut self) -> Result<()> {
///         let response = http::get(&self.shop.base_url).send()?;
///         check!("status is 200", response.status() == 200);
///         Ok(())
///     }
/// }
/// ```
pub trait Scenario: Sized {
    /// The settings that the scenario declares; [`NoSettings`](crate::settings::NoSettings) if it has none.
    type Settings: Settings;

    /// Complete what the scenario says of itself. `base` has name, version and text of its crate;
    /// the settings are added behind.
    ///
    /// Called in a throw-away sandbox where every call to the host traps, so it can do nothing but build a value.
    fn describe(base: Description) -> Description {
        base
    }

    /// Prepare the run, once for all users and all hosts. The bytes reach every `join` and `terminate` as `state`.
    ///
    /// # Errors
    /// Any error ends the run before a user has joined (exit code 100).
    fn init(run: &RunInfo, settings: &Self::Settings) -> Result<Vec<u8>> {
        let _ = (run, settings);
        Ok(Vec::new())
    }

    /// Become the given user. Called once for each, before its first iteration, and again if it had to be rebuilt.
    ///
    /// # Errors
    /// The user ends, since there is nothing to iterate with: the failure is counted, and the run goes on unless the error
    /// aborts it.
    fn join(user: &User, settings: Self::Settings, state: &[u8]) -> Result<Self>;

    /// One iteration: what this user does again and again.
    ///
    /// # Errors
    /// The iteration counts as failed; the user goes on, unless the error stops it or the run.
    fn iterate(&mut self, iteration: Iteration) -> Result<()>;

    /// The user ends gracefully; not called after a trap or a forced stop.
    ///
    /// # Errors
    /// An error is logged: nothing is left that it could stop.
    fn leave(self) -> Result<()> {
        Ok(())
    }

    /// Clean up after the run, once, always. `state` is empty if `init` failed.
    ///
    /// # Errors
    /// Any error makes the run end with exit code 101.
    fn terminate(state: &[u8]) -> Result<()> {
        let _ = state;
        Ok(())
    }
}

/// The run, as [`Scenario::init`] sees it.
///
/// ```
/// # use lt_sdk::prelude::*;
/// # struct Chat;
/// #[lt_sdk::scenario]
/// impl Scenario for Chat {
///     fn init(run: &RunInfo) -> Result<Vec<u8>> {
///         Ok(format!("room-of-{}-users", run.users).into_bytes())
///     }
/// #   fn join() -> Self { Chat }
///     // …
/// #   fn iterate(&mut self) {}
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RunInfo {
    /// Unique id of the run.
    pub id: String,
    /// The run's seed; the users' seeds derive from it.
    pub seed: u64,
    /// Number of users that this scenario may have at a time.
    pub users: u64,
}

impl From<bindings::RunInfo> for RunInfo {
    fn from(run: bindings::RunInfo) -> Self {
        Self {
            id: run.id,
            seed: run.seed,
            users: run.users,
        }
    }
}

/// One virtual user, as [`Scenario::join`] sees it. The same values can be asked for later with [`user`](crate::user).
///
/// ```
/// # use lt_sdk::prelude::*;
/// struct Player {
///     name: String,
/// }
///
/// #[lt_sdk::scenario]
/// impl Scenario for Player {
///     fn join(user: &User) -> Result<Self> {
///         Ok(Self { name: format!("player-{}", user.id) })
///     }
///     // …
/// #   fn iterate(&mut self) { let _ = &self.name; }
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct User {
    /// Unique in the whole run and stable over restarts; counted from 1 unless `--user-range` says otherwise.
    pub id: u64,
    /// The role it plays; empty without roles.
    pub role: String,
    /// Name of the host it runs on.
    pub node: String,
    /// Seed of this user's random numbers, from the run's seed and the id.
    pub seed: u64,
    /// Whether this user has no account yet: what `--percent-new` decides. True without that option.
    pub is_new: bool,
}

impl From<bindings::UserInfo> for User {
    fn from(user: bindings::UserInfo) -> Self {
        Self {
            id: user.id,
            role: user.role,
            node: user.node,
            seed: user.seed,
            is_new: user.is_new,
        }
    }
}

/// One iteration, as [`Scenario::iterate`] sees it.
///
/// ```
/// # use lt_sdk::prelude::*;
/// # #[derive(Default)]
/// # struct Ping;
/// #[lt_sdk::scenario]
/// impl Scenario for Ping {
///     fn iterate(&mut self, it: Iteration) -> Result<()> {
///         log::debug!("iteration {} starts {:?} late", it.number, it.lag());
///         Ok(())
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Iteration {
    /// Number of this user's iteration, counted from 0.
    pub number: u64,
    /// When the load schedule wanted it to start.
    pub intended_start: Instant,
    /// When it started.
    pub actual_start: Instant,
}

impl Iteration {
    /// How late the iteration started: the generator's lag, not the target's.
    ///
    /// ```
    /// # fn late(it: &lt_sdk::Iteration) -> bool {
    /// it.lag() > lt_sdk::timing::Duration::from_millis(10)
    /// # }
    /// ```
    #[must_use]
    pub fn lag(&self) -> Duration {
        self.actual_start.duration_since(self.intended_start)
    }

    /// Random numbers that are the same in this iteration of this user in every run with the same seed.
    ///
    /// ```no_run
    /// # fn iterate(it: lt_sdk::Iteration) {
    /// let page = it.rng().below(100);
    /// # }
    /// ```
    #[must_use]
    pub fn rng(&self) -> Rng {
        Rng::for_iteration(crate::user::seed(), self.number)
    }

    /// An id for the message of this number: unique in the run by user, iteration and number, and another in a run with another seed, of
    /// which messages may still lie on the server.
    ///
    /// ```no_run
    /// # use lt_sdk::{Iteration, Result, xmpp::{self, Session}};
    /// # fn iterate(it: Iteration, session: &Session) -> Result<()> {
    /// session.send(&xmpp::chat("user_2@localhost", "hello").id(it.message_id(0)))?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn message_id(&self, number: u32) -> String {
        let run = self.rng().next_u64() >> 32;
        let (user, iteration) = (crate::user::id(), self.number);
        format!("{user:x}-{iteration:x}-{number:x}-{run:08x}")
    }
}

impl From<bindings::IterationInfo> for Iteration {
    fn from(iteration: bindings::IterationInfo) -> Self {
        Self {
            number: iteration.number,
            intended_start: Instant::from_nanos(iteration.intended_start),
            actual_start: Instant::from_nanos(iteration.actual_start),
        }
    }
}
