//! The suite: what needs a real guest, a real peer, the real binary, or the whole repository.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may panic"
)]

mod bad_input;
mod common;
mod components;
mod coordination;
mod data;
mod executors;
mod grants;
mod guests;
mod harness;
mod harness_rtmp;
mod hostile;
mod http;
mod influencer_fans;
mod killed;
mod lifecycle;
mod limits;
mod load;
mod metrics;
mod once;
mod page;
mod plenary;
mod plenary_chat;
mod program;
mod repeat;
mod report;
mod roles;
mod rtmp;
mod run_file;
mod saturation;
mod schemathesis;
mod serve_durability;
mod serve_runs;
mod serve_scenarios;
mod serve_swap;
mod served_commands;
mod settings;
mod steady;
mod tidy;
mod timing;
mod user;
mod verdict;
mod websocket;
mod xmpp;
mod xmpp_scenarios;
