//! HTTP requests. Each user has its own connections and cookies; the host times every phase and reads every body to its
//! end, whether or not the scenario asks for it.
//!
//! ```no_run
//! use lt_sdk::prelude::*;
//!
//! # fn iterate() -> Result<()> {
//! let response = http::post("http://127.0.0.1:8080/login")
//!     .form([("username", "ada"), ("password", "secret")])
//!     .name("login")
//!     .send()?
//!     .error_for_status()?;
//! # Ok(())
//! # }
//! ```

mod client;
mod encode;
mod error;
#[cfg(feature = "json")]
mod json;
mod multipart;
mod options;
mod parts;
mod pending;
mod request;
mod response;
pub(crate) mod url;

pub use client::{
    ClientConfig, Cookie, clear_cookies, close_connections, cookie, cookies, set_cookie,
};
pub(crate) use error::is_lasting_status;
pub use error::{Error, ErrorCode};
pub use multipart::Multipart;
pub use parts::Pair;
pub use pending::{Exchange, Pending, batch};
pub use request::{Request, delete, get, head, options, patch, post, put, request};
pub use response::{Response, Timings, Version};
pub use url::resolve;

/// The result of a request; `E` is [`Error`] unless said otherwise.
///
/// ```no_run
/// use lt_sdk::http;
///
/// fn home() -> http::Result<http::Response> {
///     http::get("http://127.0.0.1:8080/").send()
/// }
/// ```
pub type Result<T, E = Error> = core::result::Result<T, E>;
