//! One run from spec to verdict.
//!
//! [`run`](fn@run) is the whole life of a run: `init`, users on their cores, a tick each second (merge, judge, write, show),
//! `terminate`, summary and verdict. [`Control`] ends it from outside.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "tests may panic"
    )
)]

mod change;
pub mod control;
mod cores;
mod deliveries;
mod desk;
mod office;
pub mod run;
mod saturation;
mod steady;
mod streams;
mod writers;

pub use control::Control;
pub use run::{ChangeSeen, Ended, RunError, RunOutcome, RunPlan, Stage, Tick, run};
pub use saturation::GeneratorLoad;
