//! Forms in pages.
