//! Write virtual users for lt-host in Rust.
//!
//! A scenario is a crate of type `cdylib` that implements [`Scenario`] for one type and compiles to a WebAssembly component.
//! lt-host runs as many copies of it as you ask for, each in a sandbox of its own:
//!
//! ```
//! use lt_sdk::prelude::*;
//!
//! #[derive(Default)]
//! struct Visitor;
//!
//! #[lt_sdk::scenario]
//! impl Scenario for Visitor {
//!     fn iterate(&mut self) -> Result<()> {
//!         let response = http::get("http://127.0.0.1:8080/hello").send()?;
//!         check!("status is 200", response.status() == 200);
//!         timing::sleep(user::rng().think_time(Duration::from_secs(1)..Duration::from_secs(3)));
//!         Ok(())
//!     }
//! }
//! ```
//!
//! `lt-host new NAME` writes such a crate; `cargo component build --release` or
//! `cargo build --release --target wasm32-wasip2` builds it; `lt-host run FILE.wasm --users 100` runs it.
//!
//! | to | use |
//! |---|---|
//! | say what a user does | [`Scenario`], [`scenario`](macro@scenario), [`Description`] |
//! | take settings from `--set name=value` | [`Settings`], [`settings`] |
//! | send requests | [`http`]; find a form's hidden fields with [`html`]; [`json`](mod@json) bodies |
//! | hold connections on which both sides speak | [`websocket`] |
//! | chat by XMPP | [`xmpp`] |
//! | publish and watch streams | [`rtmp`] |
//! | wait, and measure time | [`timing`] |
//! | judge and measure | [`check!`], [`group`](check::group), [`metrics`] |
//! | meet other users: budgets, groups, messages, delivery times | [`coordination`] |
//! | read files and records of the run, keep values | [`data`] |
//! | do several things at a time | `async fn`, [`join!`], [`select!`], [`futures`] |
//! | know who the user is | [`user`], [`User`] |
//! | draw lots that a repeated run repeats | [`rand`] |
//! | name users, and give them passwords | [`names`] |
//! | know a user's neighbours and rooms without asking anyone | [`placement`] |
//! | say something to people | [`log`] |
//! | fail | [`Error`], [`bail!`], [`ensure!`], [`Context`] |
//!
//! # Memory
//! What a user touches is multiplied by the number of users: a page of 4 KB is 400 MB in a hundred thousand users, and memory of
//! a user never shrinks. Keep little between iterations, ask for bodies only when you look into them, and prefer plain code to
//! formatting in the path that every iteration takes.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "tests may panic"
    )
)]

// The macros name this crate `lt_sdk`, also in this crate's own tests.
extern crate self as lt_sdk;

#[doc(hidden)]
#[allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    clippy::mem_forget,
    clippy::unwrap_used,
    reason = "generated: wit-bindgen crosses the boundary of the sandbox"
)]
pub mod bindings;
pub mod check;
pub mod coordination;
pub mod data;
mod description;
mod ending;
mod error;
#[doc(hidden)]
#[allow(
    missing_docs,
    reason = "called by the code that the attribute macro writes, and by nobody else"
)]
pub mod export;
pub mod futures;
pub mod html;
pub mod http;
#[cfg(feature = "json")]
pub mod json;
pub mod log;
pub mod metrics;
pub mod names;
pub mod placement;
pub mod prelude;
pub mod rand;
mod receiving;
pub mod rtmp;
pub mod runtime;
mod scenario;
pub mod settings;
mod text;
pub mod timing;
pub mod user;
pub mod websocket;
pub mod xmpp;

pub use description::{Description, Share};
pub use error::{Context, Error, Result};
pub use scenario::{Iteration, RunInfo, Scenario, User};
pub use settings::Settings;

/// ```
/// use lt_sdk::prelude::*;
///
/// #[derive(Default)]
/// struct Visitor;
///
/// #[lt_sdk::scenario]
/// impl Scenario for Visitor {
///     async fn iterate(&mut self) -> Result<()> {
///         http::get("http://127.0.0.1:8080/").await?;
///         Ok(())
///     }
/// }
/// ```
pub use lt_sdk_macros::scenario;

/// ```
/// use lt_sdk::prelude::*;
///
/// #[derive(Settings)]
/// struct Shop {
///     /// Where the shop is
///     #[setting(default = "http://127.0.0.1:8080")]
///     base_url: String,
/// }
/// ```
pub use lt_sdk_macros::Settings;

/// The `serde` that [`json`](mod@json) reads and writes with, so that a scenario needs no dependency but this crate.
///
/// ```
/// use lt_sdk::serde::Deserialize;
///
/// #[derive(Deserialize)]
/// #[serde(crate = "lt_sdk::serde")]
/// struct Item {
///     id: u64,
/// }
/// # let item: Item = lt_sdk::json::from_slice(br#"{ "id": 7 }"#).unwrap();
/// # assert_eq!(item.id, 7);
/// ```
#[cfg(feature = "json")]
pub use serde;
