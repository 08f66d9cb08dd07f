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
pub mod config;
pub mod error;
pub mod files;
pub mod json;
pub mod runs;
pub mod scenarios;

pub use app::AppState;
pub use auth::Token;
pub use config::{Config, Limits};
pub use error::{ApiError, Code};
