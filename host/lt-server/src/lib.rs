//! A host that takes scenarios over the network, and lets people steer its runs: REST, events, the page.
//!
//! [`Server::open`] reads what a data directory has; [`Server::serve`] answers on a listener until it is told to end.
//! [`app`](mod@app) joins the parts: whoever adds a resource adds one line there. The parts:
//!
//! - `listen`, `stream`, `tls`: connections, their bounds and their encryption;
//! - `guard`, `auth`: who may call: no other site's page in a browser, nobody without the token;
//! - `error`, `json`, `body`, `idempotency`: what all calls have in common;
//! - `scenarios`, `files`: what was uploaded; `blobs` keeps the bytes of both, in a `data_dir`;
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
mod listen;
mod openapi;
mod page_files;
pub mod runs;
pub mod scenarios;
pub mod server;
mod stream;
pub mod tls;
pub mod uploads;

pub use app::AppState;
pub use auth::Token;
pub use config::{Config, Limits};
pub use error::{ApiError, Code};
pub use server::{OpenError, Server};
