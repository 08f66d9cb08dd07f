//! A host that takes scenarios over the network, and lets people steer its runs: REST, events, the page.
//!
//! [`app`](mod@app) joins the parts: whoever adds a resource adds one line there.
//!
//! - `listen`, `tls`, `limits`: connections, their encryption, and how much of the host one of them may take;
//! - `guard`, `auth`: who may call: no other site's page in a browser, nobody without the token;
//! - `error`, `json`, `idempotency`: what all calls have in common;
//! - `scenarios`, `files`: what was uploaded; `blobs` keeps the bytes of both;
//! - `runs`: runs, their lives and their steering, and what the host says of itself.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "tests may panic"
    )
)]

pub mod app;
pub mod auth;
pub mod blobs;
pub mod body;
pub mod config;
pub mod data_dir;
pub mod download;
pub mod error;
pub mod files;
mod guard;
mod health;
pub mod idempotency;
pub mod json;
mod openapi;
mod page_files;
pub mod runs;
pub mod scenarios;
pub mod uploads;

pub use app::AppState;
pub use auth::Token;
pub use config::{Config, Limits};
pub use error::{ApiError, Code};
