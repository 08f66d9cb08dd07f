//! Who this virtual user is, and what it was told.

use crate::bindings::lt::scenario::user as host;
use crate::coordination;
use crate::rand::Rng;
use crate::timing::Instant;

/// The user's id: unique in the whole run, stable.
///
/// ```no_run
/// let name = format!("user-{}", lt_sdk::user::id());
/// ```
#[must_use]
pub fn id() -> u64 {
    host::id()
}

/// Number of the current iteration, counted from 0.
///
/// ```no_run
/// let first_time = lt_sdk::user::iteration() == 0;
/// ```
#[must_use]
pub fn iteration() -> u64 {
    host::iteration()
}

/// The role this user plays; empty without roles.
///
/// ```no_run
/// let writes = lt_sdk::user::role() == "writer";
/// ```
#[must_use]
pub fn role() -> String {
    host::role()
}

/// Name of the host it runs on.
///
/// ```no_run
/// lt_sdk::log::info!("running on {}", lt_sdk::user::node());
/// ```
#[must_use]
pub fn node() -> String {
    host::node()
}

/// Seed for this user's random numbers, from the run's seed and the user's id: the same in a repeated run.
///
/// ```no_run
/// let mut rng = lt_sdk::rand::Rng::new(lt_sdk::user::seed());
/// ```
#[must_use]
pub fn seed() -> u64 {
    host::seed()
}

/// Random numbers for the present iteration: the same in every run with the same seed.
///
/// ```no_run
/// let mut rng = lt_sdk::user::rng();
/// let word = rng.pick(&["hello", "hi", "hey"]);
/// ```
#[must_use]
pub fn rng() -> Rng {
    Rng::for_iteration(seed(), iteration())
}

/// The present value of a declared setting as text; `None` for a name that was not declared.
/// [`Settings`](crate::Settings) are read more comfortably.
///
/// ```no_run
/// let base_url = lt_sdk::user::setting("base-url");
/// ```
#[must_use]
pub fn setting(name: &str) -> Option<String> {
    host::setting(name)
}

/// Changes whenever a live setting does: whoever keeps what follows from settings can ask this cheaply whether it still holds.
/// [`Live`](crate::settings::Live) asks it by itself.
///
/// ```no_run
/// # fn prepare() -> Vec<u8> { Vec::new() }
/// # let (mut known, mut message) = (0, Vec::new());
/// if lt_sdk::user::settings_revision() != known {
///     known = lt_sdk::user::settings_revision();
///     message = prepare();
/// }
/// ```
#[must_use]
pub fn settings_revision() -> u64 {
    host::settings_revision()
}

/// Whether this user is asked to end: it should return from `iterate` soon, or it is stopped by force when the run's
/// graceful stop (30 s unless set) has passed. Long loops inside an iteration ask this.
///
/// ```no_run
/// use lt_sdk::prelude::*;
///
/// # fn say_something() -> Result<()> { Ok(()) }
/// # fn chat() -> Result<()> {
/// while !user::should_stop() {
///     say_something()?;
///     timing::sleep(Duration::from_secs(1));
/// }
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn should_stop() -> bool {
    host::should_stop()
}

/// End this user after the present iteration. `leave` still runs, and the iteration counts as it would have.
///
/// ```no_run
/// # let bought = 3;
/// if bought == 3 {
///     lt_sdk::user::stop_self();
/// }
/// ```
pub fn stop_self() {
    host::stop_self();
}

/// How a sleep ended.
///
/// ```no_run
/// # fn tick(due: lt_sdk::timing::Instant) -> lt_sdk::Result<bool> {
/// Ok(lt_sdk::user::sleep_until(due)? == lt_sdk::user::Woken::InTime)
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// The time has come.
    InTime,
    /// The user is asked to end.
    AskedToEnd,
}

/// Sleep until then, or until this user is asked to end, as a user does that has nothing else to wait for. What other users write to it
/// through [`coordination`] meanwhile is thrown away.
///
/// # Errors
/// If the host cannot.
///
/// ```no_run
/// # use lt_sdk::prelude::*;
/// # fn say_something() -> Result<()> { Ok(()) }
/// # fn iterate(due: Instant) -> Result<()> {
/// if user::sleep_until(due)? == user::Woken::InTime {
///     say_something()?;
/// }
/// # Ok(())
/// # }
/// ```
pub fn sleep_until(when: Instant) -> crate::Result<Woken> {
    loop {
        match coordination::receive(when - crate::timing::now()) {
            Ok(_) => {}
            Err(coordination::Error::Timeout) => return Ok(Woken::InTime),
            Err(coordination::Error::Stopping) => return Ok(Woken::AskedToEnd),
            Err(error) => return Err(error.into()),
        }
    }
}
