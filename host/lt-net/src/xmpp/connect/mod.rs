//! Connecting, step by step.

pub(crate) mod ask;
mod clock;
pub(crate) mod faults;
