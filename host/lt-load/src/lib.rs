//! When an iteration starts: knows no protocol and no wasm.
//!
//! A scenario has one [`Team`]: what all cores share, and the handle by which it is steered. Each core runs one
//! [`shift`](mod@shift) of its users on its own thread. The shift's executor decides when each user starts, or which idle
//! user takes an arrival; a `drive` loop takes one user through its life. When anything is due is decided by pure
//! functions (`lt_spec::profile`, [`pacer`]); only the shift, its executor and `drive` wait.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "tests may panic"
    )
)]

pub mod budget;
mod counters;
mod drive;
mod executor;
mod moves;
pub mod pacer;
pub mod phase;
mod positions;
mod relay;
mod roster;
mod serve;
pub mod shift;
mod steer;
mod steering;
mod stop;
mod team;
#[cfg(test)]
mod tests;
pub mod vu;

pub use counters::Counters;
pub use phase::{Phase, Signal};
pub use relay::{Relay, Tally};
pub use shift::{Ending, LagProbe, Shift};
pub use steer::{Rehearsal, Steer, Steered};
pub use steering::SteerError;
pub use stop::StopFlag;
pub use team::Team;
pub use vu::{BuildError, Iteration, Outcome, Place, Vu, VuFactory, VuId};
