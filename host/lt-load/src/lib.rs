//! When an iteration starts: knows no protocol and no wasm.
//!
//! One core runs one [`shift`](mod@shift) of users on its own thread. The shift's executor decides when each user starts,
//! a `drive` loop takes one user through its life, the [`pacer`] says when the next iteration is due. Decisions are pure
//! functions; only `shift` and `drive` wait.

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
mod drive;
pub mod executor;
pub mod pacer;
pub mod phase;
pub mod shift;
pub mod vu;

pub use budget::Budget;
pub use phase::{Phase, Signal};
pub use shift::{Counters, Ending, Shift, ShiftPlan};
pub use vu::{BuildError, Iteration, Outcome, Vu, VuFactory, VuId};
