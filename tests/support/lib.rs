//! Peers and harness of the suite: the real `lt-host` binary in a directory of its own; nginx with and without RTMP, ffmpeg, prosody,
//! Django and npm's ws on free ports; and small servers in this process for what a real server will not do. Whatever a test starts
//! ends with the value that holds it, by its process id.
//!
//! A helper that cannot do its work panics: the test ends there, with the reason.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of tests ends its test with a panic"
)]

pub mod build;
pub mod certificates;
pub mod chromium;
pub mod ffmpeg;
pub mod flv;
pub mod guests;
pub mod host;
pub mod install;
pub mod missing;
pub mod nginx;
pub mod nginx_rtmp;
pub mod node;
pub mod peers;
pub mod plenary;
pub mod process;
pub mod prosody;
pub mod rest;
pub mod results;
pub mod serve;
pub mod temp;
pub mod tls;

pub use host::{LtHost, Ran, Running, Target};
pub use serve::{Served, Serving};
pub use temp::TempDir;
