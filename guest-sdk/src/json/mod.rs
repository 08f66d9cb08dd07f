//! JSON, for bodies: `serde` types in and out, and a [`Value`] for what has no type.
//!
//! Written for guests. The usual crate brings about 35 KB of tables and texts into a scenario, for reading and writing decimal
//! numbers fast; every user would hold a copy. This one brings some 2 KB, is as strict, and a scenario that
//! reads no decimal numbers does not hold the tables for them.
//!
//! ```
//! use lt_sdk::json;
//! use lt_sdk::serde::{Deserialize, Serialize};
//!
//! #[derive(Deserialize, Serialize)]
//! #[serde(crate = "lt_sdk::serde")]
//! struct Item {
//!     id: u64,
//!     name: String,
//! }
//!
//! # fn main() -> lt_sdk::Result<()> {
//! let item: Item = json::from_slice(br#"{ "id": 7, "name": "lamp", "price": 30 }"#)?;
//! assert_eq!(json::to_vec(&item)?, br#"{"id":7,"name":"lamp"}"#);
//! # Ok(())
//! # }
//! ```

mod access;
mod error;
mod read;
mod scan;
mod value;
mod write;

pub use error::Error;
pub use read::from_slice;
pub use value::Value;
pub use write::to_vec;

/// How deep arrays and objects may lie inside each other: reading recurses, and a guest's stack is small.
/// The number that `serde_json` has.
const DEPTH_MAX: u32 = 128;

/// Name of the newtype by which a [`Value`] tells the reader and the writer that it deals in JSON text itself.
const RAW: &str = "$lt_sdk::json::Value";
