//! Data that comes with the run: files, records for users, and a store of keys and values that can outlive the run.
//!
//! ```no_run
//! use lt_sdk::data::{self, Feeder};
//! use lt_sdk::prelude::*;
//!
//! # fn join() -> Result<()> {
//! // `--feeder accounts=accounts.csv`
//! let account = Feeder::open("accounts")?.next()?;
//! let login = [("name", account.require("name")?), ("password", account.require("password")?)];
//!
//! // `--asset avatar=avatar.png`
//! let picture = data::asset("avatar")?.read_all()?;
//!
//! // With `--state-file` the next run finds the session that this one leaves.
//! let session = data::load_text("session-of-7")?;
//! data::store("session-of-7", "c0ffee")?;
//! # Ok(())
//! # }
//! ```
//!
//! Say in [`Description`](crate::Description) which files the scenario needs: the host then refuses a run without them, in words
//! that name the option.

mod asset;
#[cfg(feature = "json")]
mod deserialize;
mod error;
mod feeder;
mod store;

pub use asset::{Asset, asset};
pub use error::Error;
pub use feeder::{Feeder, Order, Record};
pub use store::{compare_and_store, load, load_text, remove, store, update};

/// The result of a call; `E` is [`Error`] unless said otherwise.
///
/// ```no_run
/// use lt_sdk::data;
///
/// fn video() -> data::Result<data::Asset> {
///     data::asset("video")
/// }
/// ```
pub type Result<T, E = Error> = core::result::Result<T, E>;
