//! What to run: pure values, no I/O.
//!
//! [`raw`] is what the user typed, [`spec`] is what is meant, [`resolve`](mod@resolve) leads from one to the other and
//! reports every problem at once. [`description`] is what a scenario says of itself. [`limits`] holds every bound of the
//! product with its reason.

pub mod description;
pub mod limits;
pub mod spec;
