//! A stanza that came: its text as it came, and what everybody asks of it.

use std::rc::Rc;

use tokio::time::Instant;

/// A top-level element of a stream. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Stanza {
    xml: Rc<str>,
    arrived: Instant,
}
