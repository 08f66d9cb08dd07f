//! One file a verb: what it takes, and what it does.

pub(crate) mod add;
pub(crate) mod annotate;
pub(crate) mod completions;
pub(crate) mod describe;
pub(crate) mod doctor;
pub(crate) mod logs;
pub(crate) mod man;
pub(crate) mod new;
pub(crate) mod nodes;
pub(crate) mod pause;
pub(crate) mod remove;
pub(crate) mod report;
pub(crate) mod resume;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod serve;
pub(crate) mod set;
pub(crate) mod start;
pub(crate) mod status;
pub(crate) mod stop;
pub(crate) mod swap;
pub(crate) mod target;
pub(crate) mod upload;
pub(crate) mod validate;
pub(crate) mod watch;
