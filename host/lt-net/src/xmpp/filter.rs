//! Which stanzas are meant.

/// Filters of one call: a stanza is meant if one of them fits. Compiled once, shared by whoever uses the same.
#[derive(Debug)]
pub struct Filters {}
