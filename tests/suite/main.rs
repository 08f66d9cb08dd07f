//! The suite: what needs a real guest, a real peer, the real binary, or the whole repository.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may panic"
)]

mod bad_input;
mod components;
mod guests;
mod harness;
mod http;
mod limits;
mod load;
mod metrics;
mod program;
mod report;
mod tidy;
mod timing;
mod user;
mod verdict;
