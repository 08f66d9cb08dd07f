//! Forms in pages: find the hidden fields that a server wants back (CSRF tokens), fill in the rest, submit.
//!
//! ```no_run
//! use lt_sdk::html::Form;
//! use lt_sdk::prelude::*;
//!
//! # fn iterate() -> Result<()> {
//! let page = http::get("http://127.0.0.1:8080/login").send()?;
//! let form = Form::parse(&page.text()?).context("no form on the login page")?;
//! let answer = form
//!     .set("username", "ada")
//!     .set("password", "secret")
//!     .submit(&page.url())
//!     .name("login")
//!     .send()?;
//! # Ok(())
//! # }
//! ```
//!
//! # Limits
//! This reads the tags of a page, not its tree: there is no parser of the HTML standard inside, which would be larger than most
//! scenarios. It knows comments, scripts, styles, quoted and bare attributes in any order and case, and character references by
//! number and by the five names that escaping functions write (`amp`, `lt`, `gt`, `quot`, `apos`). It does not run scripts, follow
//! `<base href>`, see the ends of forms that were never closed, or leave out disabled `<fieldset>`s.

mod entities;
mod form;
mod reader;
mod scan;

pub(crate) use entities::decode;
pub use form::{Form, hidden_fields};
