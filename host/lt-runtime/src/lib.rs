//! Scenarios as virtual users: the only crate that names wasmtime.
//!
//! An [`Engine`] compiles components; a [`Scenario`] is one that was checked and pre-linked; a [`Core`] is one thread's
//! world, whose [`Factory`] turns the scenario into users. One user is one store, alive from join to leave; a store is
//! thrown away after a trap. Host functions never do I/O on the user's fiber: they hand it to the user's I/O task on the
//! same thread and wait (`io_link`).
//!
//! Unsafe code stands in three places, each with its reason: `pinned` (state that never leaves its thread), `engine`
//! (one compiler flag) and `cache` (loading code that this program compiled).

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "tests may panic"
    )
)]

mod bindings;
mod cache;
pub mod component;
pub mod conclusions;
pub mod core;
mod ctx;
mod delivery;
mod describe;
pub mod engine;
mod enrolment;
mod error;
mod grants;
mod inspect;
mod interfaces;
mod io_link;
mod journal;
mod limits;
mod meter;
mod network;
pub mod once;
mod pinned;
mod rtmp;
mod run_tags;
mod setting_values;
mod sockets;
pub mod trace;
pub mod version;
pub mod vu;
mod wasi;
mod xmpp;

pub use component::{LoadError, Scenario};
pub use conclusions::Conclusions;
pub use core::{Common, Core, RunShared};
pub use engine::{Engine, EngineError, EngineOptions};
pub use grants::Grants;
pub use once::OnceError;
pub use setting_values::Settings;
pub use trace::Tracer;
pub use version::{Deployment, Version, VersionCounts, VersionStands};
pub use vu::Factory;
