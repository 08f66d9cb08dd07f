//! What to run: pure values, no I/O.
//!
//! [`raw`] is what the user typed as flags and [`RawFile`] what a run file says; [`spec`] is what is meant;
//! [`resolve`](mod@resolve) leads from one to the other and reports every problem at once. [`description`] is what a scenario
//! says of itself, [`roles`] who plays what. [`mod@seed`] is where all random
//! numbers of the host begin. [`limits`] holds every bound of the product with its reason.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "tests may panic"
    )
)]

pub mod description;
mod given;
pub mod limits;
mod outline;
pub mod parse;
mod plan;
mod problem;
pub mod profile;
pub mod raw;
pub mod resolve;
pub mod roles;
mod run_file;
pub mod seed;
pub mod spec;
pub mod target;

pub use outline::{Outline, OutlineFile, OutlineScenario};
pub use problem::Problem;
pub use raw::{RawHttp, RawRun};
pub use resolve::{
    Machine, check_setting, check_tags, registry, registry_of, resolve, resolve_file,
    settings_of_next,
};
pub use run_file::{FileScenario, PemFile, RawFile, RunAbout, Uploads};
pub use target::AllowedTargets;
