//! Data that comes with a run: assets, feeders, and a store that can outlive the run.
//!
//! [`DataSet`] is read once, before the run starts; every fault of a file is known then. What users share while they run,
//! the cursors of feeders and the store, stands behind [`Shared`], which another implementation may serve for many hosts.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "tests may panic"
    )
)]

mod api;
mod csv_file;
mod feeder;
mod file;
mod json_file;
mod lock_file;
mod order;
mod problem;
mod records;
mod set;
mod share;
mod shared;
mod state_file;
#[cfg(test)]
mod testing;

pub use api::*;
pub use feeder::Feeder;
pub use order::{Next, Order, UnknownOrder, UserPlace};
pub use problem::DataProblem;
pub use set::{DataFile, DataSet, FeederFile};
pub use share::{Reader, Shares};
pub use shared::LocalShared;
