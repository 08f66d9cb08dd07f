//! Between the exports of the contract and a [`Scenario`]: what the attribute macro's code calls.
//! One value of the scenario lives in a slot of the instance, from `join` to `leave`.

use std::cell::RefCell;

use crate::bindings::lt::scenario::types;
use crate::bindings::{Failure, IterationInfo, RunInfo, UserInfo};
use crate::settings::Settings;
use crate::{Description, Error, Scenario};

pub use crate::bindings::lt::scenario::types::{
    Description as RawDescription, Failure as RawFailure,
};
pub use crate::bindings::{Guest, export_scenario};
pub use crate::bindings::{IterationInfo as RawIteration, RunInfo as RawRun, UserInfo as RawUser};

/// Where an instance keeps its user. The host never calls an instance while a call is under way,
/// so that borrowing fails only if that promise is broken.
pub type Slot<T> = RefCell<Option<T>>;

/// The export `describe`.
pub fn describe<S: Scenario>(name: &str, version: &str, doc: &str) -> types::Description {
    let base = Description::new(name, version, doc);
    S::describe(base)
        .with_settings(S::Settings::declarations())
        .into_bindings()
}

/// The export `init`. Loads the settings even if `init` does not look at them, so that a value
/// that cannot be used ends the run here and not in every user.
pub fn init<S: Scenario>(run: RunInfo) -> Result<Vec<u8>, Failure> {
    let settings = S::Settings::load()?;
    Ok(S::init(&run.into(), &settings)?)
}

/// The export `join`.
pub fn join<S: Scenario>(slot: &Slot<S>, user: UserInfo, state: &[u8]) -> Result<(), Failure> {
    let settings = S::Settings::load()?;
    let joined = S::join(&user.into(), settings, state)?;
    *slot.try_borrow_mut().map_err(|_| overlapping())? = Some(joined);
    Ok(())
}

/// The export `iterate`.
pub fn iterate<S: Scenario>(slot: &Slot<S>, iteration: IterationInfo) -> Result<(), Failure> {
    match slot.try_borrow_mut().map_err(|_| overlapping())?.as_mut() {
        Some(user) => Ok(user.iterate(iteration.into())?),
        None => Err(Error::msg("this user has not joined").into()),
    }
}

/// The export `leave`.
pub fn leave<S: Scenario>(slot: &Slot<S>) {
    let user = slot.try_borrow_mut().ok().and_then(|mut slot| slot.take());
    if let Some(Err(error)) = user.map(Scenario::leave) {
        crate::log::warn!("leave: {error}");
    }
}

/// The export `terminate`.
pub fn terminate<S: Scenario>(state: &[u8]) -> Result<(), Failure> {
    Ok(S::terminate(state)?)
}

#[cold]
fn overlapping() -> Failure {
    Error::msg("the host called an instance that was already running").into()
}
