//! One file a verb: what it takes, and what it does.

pub(crate) mod completions;
pub(crate) mod describe;
pub(crate) mod doctor;
pub(crate) mod man;
pub(crate) mod new;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod target;
pub(crate) mod validate;
