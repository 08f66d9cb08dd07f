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
pub mod ending;
pub mod exit;
pub mod inputs;
pub mod load_text;
pub mod machine;
mod office;
pub mod record;
mod rollout;
pub mod run;
mod saturation;
pub mod secrets;
pub mod show;
mod steady;
mod streams;
pub mod swap;
mod swap_check;
mod writers;

pub use control::{Changed, Control, Refused};
pub use exit::Exit;
pub use run::{ChangeSeen, Ended, PartSeen, RunError, RunOutcome, RunPlan, Stage, Tick, run};
pub use saturation::GeneratorLoad;
pub use swap::{RollbackLimit, RollbackRule, Swap, SwapRefused, SwapSeen, SwapStage, VersionSeen};
